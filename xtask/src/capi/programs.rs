//! C and C++ programs that use the library, built in every way that a user may build them.
//!
//! `ctests/` has a program a file; each returns 0 if the library behaves. Every program is compiled against
//! our headers and, as the same source, against the original's, and runs with the address sanitizer and
//! the sanitizer of undefined behaviour as well. `layout.sh` instead holds the two sets of headers against
//! each other, for all compilers there are.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::Result;
use crate::capi::{Built, FOLDER, fresh_folder, run_with};
use crate::interop;
use crate::stage::Job;

/// Debian's names of what the stage needs.
pub(crate) const PACKAGES: &[&str] = &["cmake", "g++", "pkg-config"];

/// Files of `ctests/` that are no tests: what prints layouts, and what measures.
pub(crate) const NO_TESTS: &[&str] = &["layout", "bench"];

/// How a program is built, beside the headers.
const WAYS: &[Way] = &[
    Way {
        name: "plain",
        flags: &["-O2"],
    },
    Way {
        name: "asan",
        flags: &["-O1", "-fsanitize=address"],
    },
    Way {
        name: "ubsan",
        // The library's classes have no C++ type information, as the original's have none.
        flags: &[
            "-O1",
            "-fsanitize=undefined",
            "-fno-sanitize=vptr",
            "-fno-sanitize-recover=all",
        ],
    },
];

struct Way {
    name: &'static str,
    flags: &'static [&'static str],
}

/// Whose headers a program is compiled with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Headers {
    Ours,
    Original,
}

impl Headers {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Original => "original",
        }
    }
}

/// Compares the headers, compiles the examples, then compiles and runs every program in every way. Returns in
/// a few words what that was.
///
/// # Errors
/// A difference, a program that does not compile, or all that fail: with their names, which tell how they
/// were built.
pub(crate) fn run_all(job: &Job<'_>, built: &Built) -> Result<String> {
    let root = job.root().join(FOLDER);
    let workshop = Workshop {
        job,
        built,
        ours: root.join("include"),
        original: original_headers(job)?,
        folder: fresh_folder(job, "capi-programs")?,
    };
    let mut headers = job.command("sh");
    headers.arg(root.join("ctests/layout.sh"));
    job.run(headers.env("GNS_INCLUDE", &workshop.original))?;
    let examples = sources(&root.join("examples"), &[])?;
    for example in &examples {
        workshop.compile(example, Headers::Ours, &WAYS[0])?;
    }
    let tests = sources(&root.join("ctests"), NO_TESTS)?;
    let builds: Vec<_> = tests.iter().flat_map(|test| builds_of(test)).collect();
    let failures = in_turns(&builds, |(test, headers, way)| {
        let program = workshop.compile(test, *headers, way)?;
        workshop.run(&program)
    });
    if !failures.is_empty() {
        return Err(failures.join("\n").into());
    }
    let runs = builds.len();
    let (tests, examples) = (tests.len(), examples.len());
    Ok(format!(
        "{tests} programs in {runs} builds, {examples} examples"
    ))
}

/// The ways to build a test.
fn builds_of(test: &Path) -> impl Iterator<Item = (&Path, Headers, &'static Way)> {
    let both = [Headers::Ours, Headers::Original];
    let headers = both
        .into_iter()
        .filter(|headers| *headers == Headers::Ours || !is_for_ours_alone(test));
    headers.flat_map(move |headers| WAYS.iter().map(move |way| (test, headers, way)))
}

/// Does something with each entry, a thread per processor at a time, and returns what went wrong.
fn in_turns<T: Sync>(entries: &[T], act: impl Fn(&T) -> Result + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let turns = std::iter::repeat_with(|| entries.get(next.fetch_add(1, Ordering::Relaxed)));
        let done = turns.map_while(|entry| Some(act(entry?)));
        let failed = done.filter_map(|result| result.err().map(|error| error.to_string()));
        failed.collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let failed = workers.into_iter().map(|worker| worker.join());
        failed
            .flat_map(|failed| failed.unwrap_or_else(|_| vec!["a thread panicked".to_owned()]))
            .collect()
    })
}

/// Whether a test uses what the original does not have.
fn is_for_ours_alone(test: &Path) -> bool {
    let name = test.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with("ours_")
}

/// Where programs are compiled and run.
struct Workshop<'a> {
    job: &'a Job<'a>,
    built: &'a Built,
    ours: PathBuf,
    original: PathBuf,
    folder: PathBuf,
}

impl Workshop<'_> {
    /// Compiles a program and links it to the library.
    fn compile(&self, source: &Path, headers: Headers, way: &Way) -> Result<PathBuf> {
        let stem = source.file_stem().unwrap_or_default().to_string_lossy();
        let program = format!("{stem}-{}-{}", headers.name(), way.name);
        let program = self.folder.join(program);
        // The original's headers are C++, even those of the flat functions.
        let language = match headers {
            Headers::Ours => Language::of(source),
            Headers::Original => Language::Cpp,
        };
        let mut compiler = self.job.command(language.compiler());
        compiler.arg(language.standard()).args(way.flags).arg("-g");
        match headers {
            Headers::Ours => compiler
                .args(["-Wall", "-Wextra", "-Werror", "-I"])
                .arg(&self.ours),
            // Not free of warnings, and not ours to mend.
            Headers::Original => compiler.args(["-w", "-I"]).arg(&self.original),
        };
        compiler.args(["-x", language.name()]).arg(source);
        compiler.args(["-x", "none", "-o"]).arg(&program);
        let libraries = self.built.shared.parent().unwrap_or(&self.built.shared);
        compiler
            .arg("-L")
            .arg(libraries)
            .arg("-lGameNetworkingSockets");
        compiler.args(["-pthread", "-ldl"]);
        self.job.run(&mut compiler)?;
        Ok(program)
    }

    fn run(&self, program: &Path) -> Result {
        let mut run = self.job.command(&program.display().to_string());
        run_with(&mut run, &self.built.shared);
        // For the test that loads and unloads it.
        run.env("BOWLINE_TEST_LIBRARY", &self.built.shared);
        self.job.run(&mut run)
    }
}

/// What a program is written in: the flat functions serve C, the classes want C++.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Language {
    C,
    Cpp,
}

impl Language {
    /// By the file's name.
    pub(crate) fn of(source: &Path) -> Self {
        if source.extension().is_some_and(|extension| extension == "c") {
            Self::C
        } else {
            Self::Cpp
        }
    }

    /// The oldest standard that our headers are for, as the compiler's argument.
    pub(crate) const fn standard(self) -> &'static str {
        match self {
            Self::C => "-std=gnu11",
            Self::Cpp => "-std=c++11",
        }
    }

    /// As compilers call it.
    const fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cpp => "c++",
        }
    }

    const fn compiler(self) -> &'static str {
        match self {
            Self::C => "cc",
            Self::Cpp => "c++",
        }
    }
}

/// The C and C++ files of a folder whose names do not begin with one of `but`.
pub(crate) fn sources(folder: &Path, but: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_source = name.ends_with(".c") || name.ends_with(".cpp");
        if is_source && !but.iter().any(|but| name.starts_with(but)) {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Where the original's headers are: in a package that the tests against it use.
///
/// # Errors
/// The package cannot be fetched.
pub(crate) fn original_headers(job: &Job<'_>) -> Result<PathBuf> {
    let package = package_folder(job, interop::MANIFEST, "game-networking-sockets-sys")?;
    Ok(package.join("thirdparty/GameNetworkingSockets/include"))
}

/// Where cargo keeps a package that the workspace of `manifest` uses.
///
/// # Errors
/// It does not, or it cannot be fetched.
pub(crate) fn package_folder(job: &Job<'_>, manifest: &str, name: &str) -> Result<PathBuf> {
    let mut metadata = job.command("cargo");
    metadata.args(["metadata", "--format-version", "1"]);
    metadata.args(["--locked", "--manifest-path", manifest]);
    let metadata: Value = serde_json::from_str(&job.output(&mut metadata)?)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let path = packages
        .filter(|package| package["name"] == name)
        .find_map(|package| package["manifest_path"].as_str())
        .ok_or_else(|| format!("{manifest} does not use {name}"))?;
    let folder = Path::new(path)
        .parent()
        .ok_or("a manifest is in a folder")?;
    Ok(folder.to_owned())
}
