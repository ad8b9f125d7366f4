//! The DLL for Windows, cross-built with mingw.
//!
//! It is built to be looked at rather than used, so without optimising: what it exports, that it needs
//! nothing but the system, and that programs in C and C++ link to it. Where there is Wine, they run as well.

use std::path::{Path, PathBuf};

use object::Object as _;
use serde_json::Value;

use crate::capi::programs::{Language, NO_TESTS, sources};
use crate::capi::{Build, Built, FOLDER, build, exports, fresh_folder};
use crate::stage::{Job, Outcome};
use crate::{Result, install, interop, toolchain};

const TARGET: &str = "x86_64-pc-windows-gnu";

/// Debian's names of what the stage needs.
const PACKAGES: &[&str] = &["g++-mingw-w64-x86-64", "gcc-mingw-w64-x86-64"];

/// Debug builds of other stages are for another target, so that these settings make none of them again.
const QUICK: &[&str] = &[
    "--config",
    "profile.dev.debug=false",
    "--config",
    "profile.dev.opt-level=0",
    "--config",
    "profile.dev.package.\"*\".opt-level=0",
];

/// Libraries that come with compilers and not with Windows.
const NOT_OF_WINDOWS: &[&str] = &["libgcc", "libstdc++", "libwinpthread"];

/// What Wine is called; Debian's package for 64 bits alone has it out of the way.
const WINES: &[&str] = &["wine64", "wine", "/usr/lib/wine/wine64"];

/// Headers of other systems: programs with these are not for Windows, unless they mention it.
const NOT_FOR_WINDOWS: &[&str] = &[
    "<dlfcn.h>",
    "<poll.h>",
    "<pthread.h>",
    "<sys/",
    "<unistd.h>",
];

/// The stage that builds and checks it.
///
/// # Errors
/// A check that fails, or a build.
pub(crate) fn stage(job: &Job<'_>) -> Result<Outcome> {
    if !toolchain::has_target(job, TARGET)? {
        let why = format!("{TARGET} is not installable here");
        return Ok(Outcome::Skipped(why));
    }
    for mut command in interop::install_commands(PACKAGES)? {
        job.run(&mut command)?;
    }
    let built = build(
        job,
        &Build {
            target: Some(TARGET),
            is_debug: true,
            cargo_args: QUICK,
        },
    )?;
    let exported = exports::hold(job.root(), &built.shared)?;
    needs_only_windows(&built.shared)?;
    let programs = programs(job, &built)?;
    Ok(Outcome::PassedWith(format!(
        "{exported} exports, {programs}"
    )))
}

fn needs_only_windows(dll: &Path) -> Result {
    let file = std::fs::read(dll)?;
    for import in object::File::parse(&*file)?.imports()? {
        let library = String::from_utf8_lossy(import.library());
        if NOT_OF_WINDOWS.iter().any(|name| library.starts_with(name)) {
            return Err(format!("the DLL needs {library}, which Windows does not have").into());
        }
    }
    Ok(())
}

/// Installs the library, links every program to it that is for Windows, and runs the tests among them
/// where there is Wine. Returns in a few words what that was.
fn programs(job: &Job<'_>, built: &Built) -> Result<String> {
    let folder = fresh_folder(job, "capi-windows")?;
    install::install(job, built, &folder, None)?;
    let root = job.root().join(FOLDER);
    let examples = sources(&root.join("examples"), &[])?;
    let mut tests = sources(&root.join("ctests"), NO_TESTS)?;
    tests.push(root.join("packaging/tests/main.cpp"));
    let mut linked = 0_usize;
    for example in &examples {
        linked += usize::from(link(job, example, &folder)?.is_some());
    }
    let wine = Wine::find(job, &folder)?;
    for test in &tests {
        let Some(program) = link(job, test, &folder)? else {
            continue;
        };
        linked += 1;
        if let Some(wine) = &wine {
            wine.run(job, &program)?;
        }
    }
    lint(job, &folder.join("bin/main.exe"))?;
    let ran = if wine.is_some() {
        "its tests run"
    } else {
        "none run for want of Wine"
    };
    Ok(format!("{linked} programs linked, {ran}"))
}

/// Links a program to the installed library; none if the program is for other systems.
fn link(job: &Job<'_>, source: &Path, installed: &Path) -> Result<Option<PathBuf>> {
    let text = std::fs::read_to_string(source)?;
    let is_foreign = NOT_FOR_WINDOWS.iter().any(|header| text.contains(header));
    if is_foreign && !text.contains("_WIN32") {
        return Ok(None);
    }
    let language = Language::of(source);
    let mut compiler = match language {
        Language::C => job.command("x86_64-w64-mingw32-gcc-posix"),
        Language::Cpp => job.command("x86_64-w64-mingw32-g++-posix"),
    };
    compiler.arg(language.standard()).arg(source);
    let headers = installed.join("include/GameNetworkingSockets");
    compiler.arg("-I").arg(headers);
    compiler.arg("-L").arg(installed.join("lib"));
    // The compiler's own libraries within the program, ours as the DLL.
    let libraries = ["-Wl,-Bdynamic", "-lGameNetworkingSockets", "-Wl,-Bstatic"];
    compiler.arg("-static").args(libraries);
    // Beside the DLL, where Windows looks first.
    let program = installed
        .join("bin")
        .join(source.file_stem().unwrap_or_default());
    let program = program.with_extension("exe");
    compiler.arg("-o").arg(&program);
    job.run(&mut compiler)?;
    Ok(Some(program))
}

/// `bowline abi-lint` has to find in a program for Windows what it was linked to.
fn lint(job: &Job<'_>, program: &Path) -> Result {
    let mut lint = job.command("cargo");
    lint.args([
        "run",
        "--quiet",
        "--package",
        "bowline-cli",
        "--",
        "abi-lint",
    ]);
    let told = job.output(lint.arg("--json").arg(program))?;
    let told: Value = serde_json::from_str(&told)?;
    let libraries = told["libraries"].as_array().map_or(&[][..], Vec::as_slice);
    let names = told["names"].as_array().map_or(&[][..], Vec::as_slice);
    let needs = |name: &str| names.iter().any(|need| need["name"] == name);
    let is_told = libraries.contains(&"GameNetworkingSockets.dll".into())
        && needs("GameNetworkingSockets_Init")
        && needs("SteamNetworkingSockets_LibV12");
    if is_told {
        Ok(())
    } else {
        Err(format!("abi-lint does not tell what it should: {told}").into())
    }
}

/// What runs programs for Windows elsewhere.
struct Wine {
    program: &'static str,
    /// Its registry and drives: not those of whoever runs the checks.
    prefix: PathBuf,
}

impl Wine {
    /// Looks for it; none if it is not there.
    fn find(job: &Job<'_>, installed: &Path) -> Result<Option<Self>> {
        let is_there = |wine: &&&str| job.run(job.command(wine).arg("--version")).is_ok();
        let Some(program) = WINES.iter().find(is_there) else {
            return Ok(None);
        };
        let missing = job
            .root()
            .join(FOLDER)
            .join("packaging/wine/bcryptprimitives.c");
        let mut compiler = job.command("x86_64-w64-mingw32-gcc-posix");
        compiler.arg("-shared").arg(missing).arg("-o");
        compiler.arg(installed.join("bin/bcryptprimitives.dll"));
        job.run(compiler.arg("-ladvapi32"))?;
        Ok(Some(Self {
            program,
            prefix: installed.join("wine"),
        }))
    }

    fn run(&self, job: &Job<'_>, program: &Path) -> Result {
        let mut run = job.command(self.program);
        run.arg(program).env("WINEPREFIX", &self.prefix);
        job.run(run.env("WINEDEBUG", "-all"))
    }
}
