//! The DLL for Windows, cross-built with mingw.
//!
//! It is built to be looked at rather than used, so without optimising: what it exports, that it needs
//! nothing but the system, and that programs in C and C++ link to it. Where there is Wine, they run as well.

use std::path::{Path, PathBuf};

use object::Object as _;

use crate::capi::programs::{Language, sources};
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

/// Installs the library and links every program to it that is for Windows. Returns in a few words what that
/// was.
fn programs(job: &Job<'_>, built: &Built) -> Result<String> {
    let folder = fresh_folder(job, "capi-windows")?;
    let prefix = folder.join("installed");
    install::install(job, built, &prefix, None)?;
    let root = job.root().join(FOLDER);
    let mut all = sources(&root.join("ctests"), &["layout", "bench"])?;
    all.extend(sources(&root.join("examples"), &[])?);
    all.push(root.join("packaging/tests/main.cpp"));
    let tests = all
        .iter()
        .filter(|path| !path.starts_with(root.join("examples")));
    let tests: Vec<&PathBuf> = tests.collect();
    let wine = WINES.iter().copied().find(|wine| {
        let mut version = job.command(wine);
        job.run(version.arg("--version")).is_ok()
    });
    let (mut linked, mut ran) = (0_usize, 0_usize);
    for source in &all {
        let text = std::fs::read_to_string(source)?;
        let is_foreign = NOT_FOR_WINDOWS.iter().any(|header| text.contains(header));
        if is_foreign && !text.contains("_WIN32") {
            continue;
        }
        let name = source.file_stem().unwrap_or_default();
        // Beside the DLL, where Windows looks first.
        let program = prefix.join("bin").join(name).with_extension("exe");
        let mut compiler = match Language::of(source) {
            Language::C => job.command("x86_64-w64-mingw32-gcc-posix"),
            Language::Cpp => job.command("x86_64-w64-mingw32-g++-posix"),
        };
        compiler
            .arg(Language::of(source).standard())
            .arg(source)
            .arg("-o")
            .arg(&program);
        compiler
            .arg("-I")
            .arg(prefix.join("include/GameNetworkingSockets"));
        compiler.arg("-L").arg(prefix.join("lib"));
        // The compiler's own libraries within the program, ours as the DLL.
        compiler.args([
            "-static",
            "-Wl,-Bdynamic",
            "-lGameNetworkingSockets",
            "-Wl,-Bstatic",
        ]);
        job.run(&mut compiler)?;
        linked += 1;
        if let (Some(wine), true) = (wine, tests.contains(&source)) {
            let mut run = job.command(wine);
            run.arg(&program).env("WINEDEBUG", "-all");
            run.env("WINEPREFIX", folder.join("wine"));
            job.run(&mut run)?;
            ran += 1;
        }
    }
    Ok(match wine {
        Some(_) => format!("{linked} programs linked, {ran} run"),
        None => format!("{linked} programs linked, none run for want of Wine"),
    })
}
