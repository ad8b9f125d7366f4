//! What rustup can add to this machine: targets, components, toolchains.

use std::path::Path;

use crate::Result;
use crate::stage::Job;

/// Whether this toolchain can build for `target`, after asking rustup for it if need be.
///
/// # Errors
/// No `rustc`, or the stage's budget is spent.
pub(crate) fn has_target(job: &Job<'_>, target: &str) -> Result<bool> {
    if target_libraries_exist(job, target)? {
        return Ok(true);
    }
    // Fails where there is no rustup or no network; what counts is the second look.
    let _ = job.run(job.command("rustup").args(["target", "add", target]));
    target_libraries_exist(job, target)
}

/// Whether the nightly toolchain has Miri, after asking rustup for it if need be.
pub(crate) fn has_miri(job: &Job<'_>) -> bool {
    let probe = || {
        job.run(
            job.command("rustup")
                .args(["run", "nightly", "cargo", "miri", "--version"]),
        )
    };
    if probe().is_ok() {
        return true;
    }
    let mut add = job.command("rustup");
    add.args([
        "component",
        "add",
        "--toolchain",
        "nightly",
        "miri",
        "rust-src",
    ]);
    job.run(&mut add).is_ok() && probe().is_ok()
}

/// Whether the nightly toolchain has the standard library's sources, after asking rustup for them if need
/// be.
pub(crate) fn has_rust_src(job: &Job<'_>) -> bool {
    let probe = || {
        let mut rustc = job.command("rustup");
        rustc.args(["run", "nightly", "rustc", "--print", "sysroot"]);
        job.output(&mut rustc).is_ok_and(|folder| {
            let sources = Path::new(folder.trim()).join("lib/rustlib/src/rust/library");
            sources.join("Cargo.toml").is_file()
        })
    };
    if probe() {
        return true;
    }
    let mut add = job.command("rustup");
    add.args(["component", "add", "--toolchain", "nightly", "rust-src"]);
    job.run(&mut add).is_ok() && probe()
}

/// Whether rustup has the toolchain of this version, after asking for it if need be.
pub(crate) fn has_version(job: &Job<'_>, version: &str) -> bool {
    let probe = || {
        job.run(
            job.command("rustup")
                .args(["run", version, "cargo", "--version"]),
        )
    };
    if probe().is_ok() {
        return true;
    }
    let mut add = job.command("rustup");
    add.args(["toolchain", "install", "--profile", "minimal", version]);
    job.run(&mut add).is_ok() && probe().is_ok()
}

/// Distributions ship targets without rustup, so the files are what tells.
fn target_libraries_exist(job: &Job<'_>, target: &str) -> Result<bool> {
    let mut rustc = job.command("rustc");
    rustc.args(["--print", "target-libdir", "--target", target]);
    let folder = job.output(&mut rustc)?;
    Ok(Path::new(folder.trim()).is_dir())
}
