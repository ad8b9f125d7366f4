//! Stages that look for what hangs on the order of threads, and for undefined behaviour in what is unsafe.

use std::process::Command;

use crate::stage::{Job, Outcome};
use crate::{Result, toolchain};

/// The models of the driver's locks and wake-ups, in every order of threads with few preemptions.
pub(crate) fn models(job: &Job<'_>) -> Result<Outcome> {
    job.run(&mut models_command(job))?;
    Ok(Outcome::Passed)
}

/// The same with more preemptions, which is hundreds of times as many orders.
pub(crate) fn models_in_depth(job: &Job<'_>) -> Result<Outcome> {
    job.run(models_command(job).env("LOOM_MAX_PREEMPTIONS", "5"))?;
    Ok(Outcome::PassedWith("5 preemptions".into()))
}

fn models_command(job: &Job<'_>) -> Command {
    let mut command = job.command("cargo");
    command
        .args(["test", "--package", "bowline", "--package", "bowline-io"])
        .args(["--no-default-features", "--lib", "--release"])
        // Compiles in half the time, and the models take a second.
        .args(["--config", "profile.release.lto=false", "models::"])
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", job.root().join("target/xtask/loom"));
    command
}

/// Every call from eight threads, fifty times what `cargo test` does, as users run the code.
pub(crate) fn stress(job: &Job<'_>) -> Result<Outcome> {
    const ROUNDS: &str = "50";
    let mut command = job.command("cargo");
    command
        .args(["test", "--package", "bowline", "--release"])
        .args(["--test", "every_call", "--", "--nocapture"]);
    job.run(command.env("STRESS_ROUNDS", ROUNDS))?;
    Ok(Outcome::PassedWith(format!("{ROUNDS} rounds")))
}

/// The unsafe code of the I/O layer that Miri can run: handles, clocks, timers. It has no UDP sockets.
pub(crate) fn miri_io(job: &Job<'_>) -> Result<Outcome> {
    if !toolchain::has_miri(job) {
        return Ok(Outcome::Skipped("Miri is not installable here".into()));
    }
    let mut command = job.command("rustup");
    command
        .args(["run", "nightly", "cargo", "miri", "test"])
        .args(["--package", "bowline-io", "--no-default-features", "--lib"])
        .arg("--")
        .args(MIRI_CAN_RUN);
    job.run(command.env("MIRIFLAGS", "-Zmiri-disable-isolation"))?;
    Ok(Outcome::Passed)
}

const MIRI_CAN_RUN: &[&str] = &["handle::", "clock::", "entropy::"];

/// The tests with threads under ThreadSanitizer, the standard library included.
pub(crate) fn thread_sanitizer(job: &Job<'_>) -> Result<Outcome> {
    let tests = ["--lib", "--test", "stress", "--test", "every_call"];
    let more = ["--test", "driving", "--test", "pairs"];
    sanitize(job, "thread", &["bowline"], &[&tests[..], &more].concat())
}

/// The tests of what is unsafe, and those that drive it hardest, under AddressSanitizer.
pub(crate) fn address_sanitizer(job: &Job<'_>) -> Result<Outcome> {
    sanitize(job, "address", &["bowline-io", "bowline"], &["--tests"])
}

/// Runs tests with a sanitizer, which wants a nightly compiler and the standard library's sources: its
/// code has to be watched as well. With the portable ciphers, because C code would not be.
fn sanitize(job: &Job<'_>, name: &str, packages: &[&str], tests: &[&str]) -> Result<Outcome> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Outcome::Skipped(format!("runs on {TARGET} only")));
    }
    if !toolchain::has_rust_src(job) {
        let why = "no nightly compiler with rust-src is installable here";
        return Ok(Outcome::Skipped(why.into()));
    }
    let mut command = job.command("rustup");
    command
        .args(["run", "nightly", "cargo", "test", "-Zbuild-std"])
        // What one test finds is no reason not to look at the others.
        .args([
            "--target",
            TARGET,
            "--no-default-features",
            "--no-fail-fast",
        ])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .args(tests)
        // What a test counts or times of its own, the sanitizer changes.
        .args(["--", "--test-threads=2", "--skip", "allocat"])
        .env("RUSTFLAGS", format!("-Zsanitizer={name}"))
        .env(
            "CARGO_TARGET_DIR",
            job.root().join("target/xtask").join(name),
        );
    job.run(&mut command)?;
    Ok(Outcome::Passed)
}
