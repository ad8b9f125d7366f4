//! Bowline beside other libraries: a workspace of its own, because what it compares with must not enter
//! the project's lock file, and one of them is built from C++.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::interop::{self, execute};
use crate::stage::{Job, Outcome};

/// The workspace's manifest, seen from the repository's root.
pub(crate) const MANIFEST: &str = "bench/vs/Cargo.toml";

const PAGE: &str = "docs/benchmarks.md";
const PLOTS: &str = "docs/benchmarks";

/// Builds both programs, runs the comparison and, if all of it ran, writes page and plots.
///
/// # Errors
/// Another system than Linux, a missing package that cannot be installed, a failed build or run.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result {
    if !cfg!(target_os = "linux") {
        return Err("bench-vs needs Linux: it reads memory and processor time from /proc".into());
    }
    for mut command in interop::install_commands(interop::PACKAGES)? {
        execute(&mut command)?;
    }
    let target = target_folder(root);
    for package in [
        &["--package", "bowline-cli"],
        &["--manifest-path", MANIFEST],
    ] {
        let mut build = Command::new("cargo");
        build.current_dir(root).args(["build", "--release"]);
        build.args(package).arg("--target-dir").arg(&target);
        execute(&mut build)?;
    }
    let results = target.join("bench-vs");
    let program = target.join("release/bowline-bench-vs");
    let mut run = Command::new(&program);
    run.arg("run").arg("--out").arg(&results);
    run.arg("--bowline").arg(target.join("release/bowline"));
    execute(run.args(args))?;
    println!("results: {}", results.join("results.jsonl").display());
    if args.contains(&"--only") {
        println!("{PAGE} stays as it is: this was not the whole comparison");
        return Ok(());
    }
    let mut report = Command::new(&program);
    report
        .current_dir(root)
        .arg("report")
        .arg("--out")
        .arg(&results);
    report.args(["--page", PAGE, "--plots", PLOTS, "--commit", &commit(root)?]);
    execute(&mut report)
}

/// The stage that checks the comparison's own code. What it measures hangs on a quiet machine.
///
/// # Errors
/// A package that cannot be installed, a warning, a failed test.
pub(crate) fn checks(job: &Job<'_>) -> Result<Outcome> {
    for command in &mut interop::install_commands(interop::PACKAGES)? {
        job.run(command)?;
    }
    let clippy = ["clippy", "--manifest-path", MANIFEST, "--all-targets"];
    job.cargo(&[&clippy[..], &["--", "-D", "warnings"]].concat())?;
    job.cargo(&["test", "--manifest-path", MANIFEST])?;
    Ok(Outcome::Passed)
}

/// Where both workspaces build, so that their programs are found.
pub(crate) fn target_folder(root: &Path) -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR");
    root.join(named.map_or_else(|| "target".into(), PathBuf::from))
}

/// Runs cargo for a workspace of its own, where the main one has built most of what that depends on.
///
/// # Errors
/// It fails.
pub(crate) fn cargo(job: &Job<'_>, args: &[&str]) -> Result {
    let mut cargo = job.command("cargo");
    cargo.args(args);
    job.run(cargo.env("CARGO_TARGET_DIR", target_folder(job.root())))
}

/// The commit that is measured, with a mark if files differ from it.
fn commit(root: &Path) -> Result<String> {
    let mut git = Command::new("git");
    git.current_dir(root)
        .args(["describe", "--always", "--dirty"]);
    let output = git.output()?;
    if !output.status.success() {
        return Err("`git describe` failed: the page names the commit".into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
