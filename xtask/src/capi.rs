//! The C library as its users get it: built once for a target, with what is to be known about its files.
//!
//! [`build`] is what installing and all checks begin with, so that they look at the same files. The checks
//! are the stage [`stage`]: what the library exports ([`exports`]), C and C++ programs against our headers
//! and the original's ([`programs`]), and an installation that CMake and pkg-config find. A stage of its
//! own runs the tests of a binding of the original on it ([`bindings`]), and another looks at the DLL for
//! Windows ([`windows`]).

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::stage::{Job, Outcome};
use crate::{Result, install};

pub(crate) mod bindings;
pub(crate) mod exports;
pub(crate) mod programs;
pub(crate) mod windows;

/// The crate's folder.
pub(crate) const FOLDER: &str = "crates/bowline-capi";

/// What to build.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Build<'a> {
    /// None for this machine.
    pub(crate) target: Option<&'a str>,
    /// Quick to build instead of quick to run.
    pub(crate) is_debug: bool,
    /// Further arguments for cargo.
    pub(crate) cargo_args: &'a [&'a str],
}

/// The files of a build.
#[derive(Clone, Debug, Default)]
pub(crate) struct Built {
    /// `libGameNetworkingSockets.so`, or what it is called on its system.
    pub(crate) shared: PathBuf,
    /// What programs for Windows link to, to use the shared library.
    pub(crate) import: Option<PathBuf>,
    pub(crate) archive: PathBuf,
    /// What a program that links the static library must link besides, as the compiler's arguments.
    pub(crate) system_libraries: Vec<String>,
}

/// Builds the library for use: shared and static.
///
/// # Errors
/// It does not build, or cargo tells of other files than expected.
pub(crate) fn build(job: &Job<'_>, what: &Build<'_>) -> Result<Built> {
    let mut cargo = job.command("cargo");
    cargo.args(["rustc", "--package", "bowline-capi", "--lib"]);
    // Without the Rust library among them: cargo optimises across crates only if all of a build can be.
    cargo.args(["--crate-type", "cdylib,staticlib"]);
    cargo.args(["--message-format", "json"]);
    if !what.is_debug {
        cargo.arg("--release");
    }
    if let Some(target) = what.target {
        cargo.args(["--target", target]);
        // Its build for Windows would want an assembler, or what that makes.
        cargo.env("AWS_LC_SYS_PREBUILT_NASM", "1");
    }
    cargo.args(what.cargo_args);
    cargo.args(["--", "--print", "native-static-libs"]);
    Built::read(&job.output(&mut cargo)?)
}

impl Built {
    /// Reads what cargo tells of its work, a JSON object a line.
    fn read(messages: &str) -> Result<Self> {
        let mut files: Vec<PathBuf> = Vec::new();
        let mut system_libraries = Vec::new();
        for line in messages.lines().filter(|line| line.starts_with('{')) {
            let message: Value = serde_json::from_str(line)?;
            if message["target"]["name"] != "GameNetworkingSockets" {
                continue;
            }
            let names = message["filenames"].as_array().into_iter().flatten();
            files.extend(names.filter_map(Value::as_str).map(PathBuf::from));
            let note = message["message"]["message"].as_str().unwrap_or_default();
            if let Some(libraries) = note.strip_prefix("native-static-libs: ") {
                system_libraries = libraries.split_whitespace().map(str::to_owned).collect();
            }
        }
        let find = |endings: &[&str]| {
            let is_it = |path: &&PathBuf| {
                let path = path.to_string_lossy();
                endings.iter().any(|ending| path.ends_with(ending))
            };
            files.iter().find(is_it).cloned()
        };
        let import = find(&[".dll.a", ".dll.lib"]);
        files.retain(|file| Some(file) != import.as_ref());
        let find = |endings: &[&str]| {
            let is_it = |path: &&PathBuf| {
                path.extension()
                    .is_some_and(|found| endings.iter().any(|ending| found == *ending))
            };
            files
                .iter()
                .find(is_it)
                .cloned()
                .ok_or_else(|| format!("cargo built no {endings:?}"))
        };
        Ok(Self {
            shared: find(&["so", "dll", "dylib"])?,
            archive: find(&["a", "lib"])?,
            import,
            system_libraries,
        })
    }
}

/// The stage that checks what C programs get.
///
/// # Errors
/// A check that fails, or a build.
pub(crate) fn stage(job: &Job<'_>) -> Result<Outcome> {
    for mut command in crate::interop::install_commands(programs::PACKAGES)? {
        job.run(&mut command)?;
    }
    let built = build(job, &Build::default())?;
    let exported = exports::hold(job.root(), &built.shared)?;
    let programs = programs::run_all(job, &built)?;
    install::try_out(job, &built)?;
    Ok(Outcome::PassedWith(format!(
        "{exported} exports, {programs}"
    )))
}

/// An empty folder for what a stage makes.
///
/// # Errors
/// It cannot be made.
pub(crate) fn fresh_folder(job: &Job<'_>, name: &str) -> Result<PathBuf> {
    let folder = job.root().join("target/xtask").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The files of a folder and of those in it, sorted.
///
/// # Errors
/// A folder cannot be read.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Has a program find the shared library where it was built.
pub(crate) fn run_with(command: &mut Command, shared: &Path) {
    let folder = shared.parent().unwrap_or(shared);
    command.env("LD_LIBRARY_PATH", folder);
    command.env("DYLD_LIBRARY_PATH", folder);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_build_are_told_apart() {
        let line = |files: &str| {
            format!(
                r#"{{"reason":"x","target":{{"name":"GameNetworkingSockets"}},"filenames":[{files}]}}"#
            )
        };
        let note = r#"{"target":{"name":"GameNetworkingSockets"},"message":{"message":"native-static-libs: -lm -lc"}}"#;
        let files = r#""/t/G.dll","/t/libG.dll.a","/t/libG.a","/t/libG.rlib""#;
        let text = format!("{}\n{note}\nnot json\n", line(files));
        let built = Built::read(&text).unwrap();
        assert_eq!(built.shared, Path::new("/t/G.dll"));
        assert_eq!(built.archive, Path::new("/t/libG.a"));
        assert_eq!(built.import.as_deref(), Some(Path::new("/t/libG.dll.a")));
        assert_eq!(built.system_libraries, ["-lm", "-lc"]);

        let linux = Built::read(&line(r#""/t/libG.a","/t/libG.so""#)).unwrap();
        assert_eq!(
            (linux.shared, linux.import),
            (PathBuf::from("/t/libG.so"), None)
        );
        assert!(Built::read(&line(r#""/t/libG.rlib""#)).is_err());
    }
}
