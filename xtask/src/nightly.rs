//! The stages of `cargo xtask nightly`: what is too slow, or hangs too much on the outside, for each
//! change.

use std::time::{Duration, SystemTime};

use crate::stage::{Job, Outcome, Stage, minutes};
use crate::{Result, bench_vs, ci, concurrency, counts, fuzz, interop, toolchain};

/// All stages together.
pub(crate) const TOTAL_BUDGET: Duration = minutes(4 * 60);

/// The nightly checks.
pub(crate) const STAGES: &[Stage] = &[
    Stage::busy("release tests", minutes(30), release_tests),
    Stage::busy("properties", minutes(60), properties),
    Stage::busy("seeds", minutes(100), seeds),
    Stage::busy("miri", minutes(60), miri),
    Stage::busy("miri io", minutes(15), concurrency::miri_io),
    Stage::busy("loom in depth", minutes(30), concurrency::models_in_depth),
    Stage::busy(
        "thread sanitizer",
        minutes(40),
        concurrency::thread_sanitizer,
    ),
    Stage::busy(
        "address sanitizer",
        minutes(40),
        concurrency::address_sanitizer,
    ),
    Stage::busy("fuzz", minutes(60), fuzz::hour),
    Stage::busy("oldest rustc", minutes(15), oldest_rustc),
    Stage::busy("newest crates", minutes(30), newest_crates),
    Stage::busy("interop build", minutes(15), interop::build),
    Stage::busy("instruction counts", minutes(20), counts::stage),
    Stage::busy("comparison", minutes(40), bench_vs::checks),
    Stage::waiting("stress", minutes(30), concurrency::stress),
    Stage::waiting("interop rounds", minutes(60), interop_rounds),
];

/// All tests with the optimiser on and overflow and debug checks off, as users run the code.
fn release_tests(job: &Job<'_>) -> Result<Outcome> {
    job.cargo(&["test", "--workspace", "--release"])?;
    Ok(Outcome::Passed)
}

/// The property tests of core and simulator with a hundred times the usual 256 cases.
fn properties(job: &Job<'_>) -> Result<Outcome> {
    let mut command = job.command("cargo");
    command.args([
        "test",
        "--package",
        "bowline-core",
        "--package",
        "bowline-sim",
        "--release",
    ]);
    job.run(command.env("PROPTEST_CASES", "25600"))?;
    Ok(Outcome::Passed)
}

/// An hour and a half of scenarios that nobody played before.
fn seeds(job: &Job<'_>) -> Result<Outcome> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    ci::play_seeds(job, since.as_secs() * 1_000_000, "90")
}

/// The core's unit tests in Miri. Our code there has no unsafe block; what this watches is how the
/// core uses the crates that have. Ciphers take minutes per test in Miri and are left out.
fn miri(job: &Job<'_>) -> Result<Outcome> {
    if !toolchain::has_miri(job) {
        return Ok(Outcome::Skipped("Miri is not installable here".into()));
    }
    let mut command = job.command("rustup");
    command.args([
        "run",
        "nightly",
        "cargo",
        "miri",
        "test",
        "--package",
        "bowline-core",
        "--lib",
    ]);
    command.args([
        "--",
        "--skip",
        "crypto::",
        "--skip",
        "cert::",
        "--skip",
        "handshake::",
    ]);
    command.args(["--skip", "connection::", "--skip", "endpoint::"]);
    // Property tests read their saved seeds from files, and a few cases show what Miri can see.
    command
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .env("PROPTEST_CASES", "4");
    job.run(&mut command)?;
    Ok(Outcome::Passed)
}

/// A type check with the `rust-version` that the manifests promise. The hub goes without its store on disk, which asks for a
/// newer one.
fn oldest_rustc(job: &Job<'_>) -> Result<Outcome> {
    let manifest: toml::Table = std::fs::read_to_string(job.root().join("Cargo.toml"))?.parse()?;
    let version = manifest["workspace"]["package"]["rust-version"]
        .as_str()
        .ok_or("rust-version is a string")?;
    if !toolchain::has_version(job, version) {
        return Ok(Outcome::Skipped(format!(
            "Rust {version} is not installable here"
        )));
    }
    let target = job.root().join("target/xtask/oldest");
    let mut command = job.command("rustup");
    command.args(["run", version, "cargo", "check", "--workspace"]);
    command.args(["--exclude", "bowline-hub"]);
    job.run(command.env("CARGO_TARGET_DIR", &target))?;
    let mut command = job.command("rustup");
    command.args(["run", version, "cargo", "check", "--package", "bowline-hub"]);
    command.args(["--no-default-features", "--features", "aws-lc"]);
    job.run(command.env("CARGO_TARGET_DIR", &target))?;
    Ok(Outcome::Passed)
}

/// The tests with the newest releases that the manifests allow, in a copy: `Cargo.lock` stays.
fn newest_crates(job: &Job<'_>) -> Result<Outcome> {
    let copy = job.root().join("target/xtask/newest");
    if copy.exists() {
        std::fs::remove_dir_all(&copy)?;
    }
    job.run(
        job.command("git")
            .args(["clone", "--quiet", "--shared", "."])
            .arg(&copy),
    )?;
    let cargo = |args: &[&str]| job.run(job.command("cargo").args(args).current_dir(&copy));
    cargo(&["update"])?;
    cargo(&["test", "--workspace"])?;
    Ok(Outcome::Passed)
}

/// The interop suite again and again: what happens once in twenty runs shows.
fn interop_rounds(job: &Job<'_>) -> Result<Outcome> {
    const ROUNDS: u32 = 10;
    for _ in 0..ROUNDS {
        interop::tests(job)?;
    }
    Ok(Outcome::PassedWith(format!("{ROUNDS} rounds")))
}
