//! C and C++ programs that use the library, built in every way that a user may build them.
//!
//! `ctests/` has a program a file; each returns 0 if the library behaves. Every program is compiled against
//! our headers and, as the same source, against the original's, and runs with the address sanitizer and
//! the sanitizer of undefined behaviour as well. `layout.sh` instead holds the two sets of headers against
//! each other, for all compilers there are.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Result;
use crate::capi::{Built, FOLDER, fresh_folder, run_with};
use crate::interop;
use crate::stage::Job;

/// Debian's names of what the stage needs.
pub(crate) const PACKAGES: &[&str] = &["cmake", "g++", "pkg-config"];

/// Files of `ctests/` that are no tests: what prints layouts, and what measures.
const NO_TESTS: &[&str] = &["layout", "bench"];

/// Examples that wait for somebody to talk to, and so are not run.
const ENDLESS: &[&str] = &["chat"];

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

/// Headers to compile with.
struct Headers {
    name: &'static str,
    folder: PathBuf,
}

impl Headers {
    /// What a program is compiled as: the original's headers are C++ only, so a C program that is to use them must
    /// be C++ as well.
    fn language(&self, source: &Path) -> Language {
        match self.name {
            "ours" => Language::of(source),
            _ => Language::Cpp,
        }
    }
}

/// Compares the headers, compiles the examples, then compiles and runs every program in every way. Returns in
/// a few words what that was.
///
/// # Errors
/// A difference, or a program that does not compile or fails: with its name and how it was built.
pub(crate) fn run_all(job: &Job<'_>, built: &Built) -> Result<String> {
    let root = job.root().join(FOLDER);
    let ours = Headers {
        name: "ours",
        folder: root.join("include"),
    };
    let theirs = Headers {
        name: "original",
        folder: original_headers(job)?,
    };
    let folder = fresh_folder(job, "capi-programs")?;
    let mut layouts = job.command("sh");
    layouts
        .arg(root.join("ctests/layout.sh"))
        .env("GNS_INCLUDE", &theirs.folder);
    job.run(&mut layouts)?;
    let examples = sources(&root.join("examples"), &[])?;
    for source in &examples {
        let program = folder.join("example");
        compile(job, source, &ours, &WAYS[0], built, &program)?;
        let stem = source.file_stem().unwrap_or_default();
        if !ENDLESS.iter().any(|endless| stem == *endless) {
            run(job, &program, built)?;
        }
    }
    let tests = sources(&root.join("ctests"), NO_TESTS)?;
    let mut runs = 0_usize;
    for source in &tests {
        for headers in [&ours, &theirs] {
            for way in WAYS {
                run_one(job, source, headers, way, built, &folder)?;
                runs += 1;
            }
        }
    }
    let (tests, examples) = (tests.len(), examples.len());
    Ok(format!(
        "{tests} programs in {runs} builds, {examples} examples"
    ))
}

fn run_one(
    job: &Job<'_>,
    source: &Path,
    headers: &Headers,
    way: &Way,
    built: &Built,
    folder: &Path,
) -> Result {
    let stem = source.file_stem().unwrap_or_default().to_string_lossy();
    let program = folder.join(format!("{stem}-{}-{}", headers.name, way.name));
    compile(job, source, headers, way, built, &program)?;
    run(job, &program, built)
}

fn run(job: &Job<'_>, program: &Path, built: &Built) -> Result {
    let mut run = job.command(&program.display().to_string());
    run_with(&mut run, &built.shared);
    run.env("BOWLINE_TEST_LIBRARY", &built.shared);
    job.run(&mut run)
}

/// Compiles a program and links it to the library.
fn compile(
    job: &Job<'_>,
    source: &Path,
    headers: &Headers,
    way: &Way,
    built: &Built,
    program: &Path,
) -> Result {
    let folder = built.shared.parent().unwrap_or(&built.shared);
    let language = headers.language(source);
    let mut compiler = job.command(language.compiler());
    compiler.arg(language.standard());
    compiler.args(["-g", "-Wall", "-Wextra", "-Werror"]);
    // The original's headers are not free of warnings, and not ours to mend.
    let option = if headers.name == "ours" {
        "-I"
    } else {
        "-isystem"
    };
    compiler.arg(option).arg(&headers.folder);
    compiler.args(way.flags);
    compiler.args(["-x", language.name()]).arg(source);
    compiler.args(["-x", "none", "-o"]).arg(program);
    compiler
        .arg("-L")
        .arg(folder)
        .arg("-lGameNetworkingSockets");
    compiler.args(["-pthread", "-ldl"]);
    job.run(&mut compiler)
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

    /// What the option `-x` calls it.
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
