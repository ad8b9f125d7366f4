//! The stages of `cargo xtask ci`. `.ci/run` runs `cargo test --workspace` before it, so there is no
//! stage for the tests.

use std::time::Duration;

use crate::stage::{Job, Outcome, Stage, minutes};
use crate::{
    Result, bench_vs, capi, check, concurrency, deps, fuzz, interop, lua, nat_matrix, toolchain,
};

/// All stages together; `.ci/run` has 45 minutes with the tests.
pub(crate) const TOTAL_BUDGET: Duration = minutes(38);

/// The checks of a change. A budget is several times what the stage takes on two quiet cores: it is
/// there to stop what hangs. Growth shows in the table.
pub(crate) const STAGES: &[Stage] = &[
    Stage::busy("fmt", minutes(2), fmt),
    Stage::busy("check", minutes(3), repository_rules),
    Stage::busy("clippy", minutes(10), clippy),
    Stage::busy("doc", minutes(6), doc),
    Stage::busy("no_std", minutes(6), no_std),
    Stage::busy("windows", minutes(6), windows),
    Stage::busy("macos", minutes(5), macos),
    Stage::busy("android", minutes(5), android),
    Stage::busy("wasm", minutes(5), wasm),
    Stage::busy("deps", minutes(3), dependency_rules),
    Stage::busy("cargo-deny", minutes(12), cargo_deny),
    Stage::busy("simulator", minutes(10), simulator),
    Stage::busy("loom", minutes(8), concurrency::models),
    Stage::busy("demo build", minutes(6), demo_build),
    Stage::busy("capi", minutes(8), capi::stage),
    Stage::busy("capi crate", minutes(6), capi::bindings::stage),
    Stage::busy("capi windows", minutes(8), capi::windows::stage),
    Stage::busy("lua", minutes(10), lua::tests),
    Stage::busy("lua programs", minutes(6), lua::programs),
    Stage::busy("fuzz build", minutes(8), fuzz::build),
    Stage::busy("fuzz", minutes(4), fuzz::moment),
    Stage::busy("interop build", minutes(18), interop::build),
    Stage::waiting("demo", minutes(3), demo),
    Stage::waiting("nat matrix", minutes(6), nat_matrix::stage),
    Stage::waiting("interop", minutes(14), interop::tests),
];

fn fmt(job: &Job<'_>) -> Result<Outcome> {
    let plain = ["--", "--color", "never"];
    job.cargo(&[&["fmt", "--all", "--check"], &plain[..]].concat())?;
    for manifest in [
        bench_vs::MANIFEST,
        capi::bindings::SHIM_MANIFEST,
        interop::MANIFEST,
        fuzz::MANIFEST,
        lua::MANIFEST,
    ] {
        let other = ["fmt", "--check", "--manifest-path", manifest];
        job.cargo(&[&other, &plain[..]].concat())?;
    }
    Ok(Outcome::Passed)
}

fn repository_rules(job: &Job<'_>) -> Result<Outcome> {
    check::run(job.root()).map(|()| Outcome::Passed)
}

fn clippy(job: &Job<'_>) -> Result<Outcome> {
    job.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])?;
    Ok(Outcome::Passed)
}

fn doc(job: &Job<'_>) -> Result<Outcome> {
    let mut command = job.command("cargo");
    command
        .args(["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    job.run(&mut command)?;
    Ok(Outcome::Passed)
}

/// The core for a processor without an operating system: nothing in it can reach a socket or clock.
fn no_std(job: &Job<'_>) -> Result<Outcome> {
    const TARGET: &str = "thumbv7em-none-eabihf";
    let build = ["build", "--package", "bowline-core", "--lib"];
    if toolchain::has_target(job, TARGET)? {
        job.cargo(&[&build[..], &["--target", TARGET]].concat())?;
        return Ok(Outcome::Passed);
    }
    job.cargo(&build)?;
    Ok(Outcome::Skipped(format!(
        "{TARGET} is not installable here; core built for the host"
    )))
}

fn windows(job: &Job<'_>) -> Result<Outcome> {
    const TARGET: &str = "x86_64-pc-windows-gnu";
    let outcome = type_check(job, TARGET, NATIVE)?;
    if outcome == Outcome::Passed {
        lua::type_check(job, TARGET)?;
    }
    Ok(outcome)
}

fn macos(job: &Job<'_>) -> Result<Outcome> {
    type_check(job, "aarch64-apple-darwin", NATIVE)
}

fn android(job: &Job<'_>) -> Result<Outcome> {
    type_check(job, "aarch64-linux-android", NATIVE)
}

fn wasm(job: &Job<'_>) -> Result<Outcome> {
    type_check(
        job,
        "wasm32-unknown-unknown",
        &["bowline-core", "bowline-sim"],
    )
}

/// What has to compile wherever there is an operating system.
const NATIVE: &[&str] = &[
    "bowline-core",
    "bowline-sim",
    "bowline-io",
    "bowline",
    "bowline-capi",
    "bowline-hub",
    "bowline-cli",
];

/// Type-checks the packages with the portable crypto provider: the other one wants a C compiler for
/// the target.
fn type_check(job: &Job<'_>, target: &str, packages: &[&str]) -> Result<Outcome> {
    if !toolchain::has_target(job, target)? {
        return Ok(Outcome::Skipped(format!(
            "{target} is not installable here"
        )));
    }
    let mut args = vec!["check", "--no-default-features", "--target", target];
    for package in packages {
        args.extend(["--package", package]);
    }
    if packages.contains(&"bowline-cli") {
        args.extend(["--features", "bowline-cli/hub"]);
    }
    job.cargo(&args)?;
    Ok(Outcome::Passed)
}

fn dependency_rules(job: &Job<'_>) -> Result<Outcome> {
    deps::check(job).map(|()| Outcome::Passed)
}

/// The README's first command, as a user builds it.
fn demo_build(job: &Job<'_>) -> Result<Outcome> {
    job.cargo(&["build", "--release"])?;
    Ok(Outcome::Passed)
}

/// And as a user runs it: a failure is a message lost or out of order.
fn demo(job: &Job<'_>) -> Result<Outcome> {
    job.cargo(&["run", "--release", "--", "demo", "--json"])?;
    Ok(Outcome::Passed)
}

/// Licences, sources, duplicates and, where the database can be reached, known vulnerabilities.
fn cargo_deny(job: &Job<'_>) -> Result<Outcome> {
    let Some(program) = deny_program(job) else {
        return Ok(Outcome::Skipped(
            "cargo-deny is neither here nor installable".into(),
        ));
    };
    let deny = |args: &[&str]| job.run(job.command(&program).args(args));
    let rules = ["check", "licenses", "bans", "sources"];
    deny(&rules)?;
    deny(&[&["--manifest-path", lua::MANIFEST], &rules[..]].concat())?;
    if deny(&["fetch", "db"]).is_err() {
        let note = "without advisories: their database is out of reach";
        return Ok(Outcome::PassedWith(note.into()));
    }
    deny(&["check", "--disable-fetch", "advisories"])?;
    Ok(Outcome::Passed)
}

/// The installed cargo-deny, or else one of our own under `target/`.
fn deny_program(job: &Job<'_>) -> Option<String> {
    const VERSION: &str = "0.20.2";
    let works = |program: &str| job.run(job.command(program).arg("--version")).is_ok();
    let ours = job.root().join("target/xtask/tools/bin/cargo-deny");
    let ours = ours.to_str()?.to_owned();
    if let Some(program) = ["cargo-deny", &ours]
        .into_iter()
        .find(|program| works(program))
    {
        return Some(program.to_owned());
    }
    let tools = job.root().join("target/xtask/tools");
    let mut install = job.command("cargo");
    install
        .args([
            "install",
            "--locked",
            "--version",
            VERSION,
            "cargo-deny",
            "--root",
        ])
        .arg(tools);
    // A third of the time to build, and fast enough for what it does.
    install
        .arg("--debug")
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    job.run(&mut install).is_ok().then_some(ours)
}

/// The simulator's scenarios, seeds that failed once and fingerprints with the optimiser on and overflow
/// checks off: what they compute must not hang on the profile. Then half a minute of further seeds; one that
/// fails is in the log, with its story.
fn simulator(job: &Job<'_>) -> Result<Outcome> {
    // The others wait for `nightly`: each test program is optimised as a whole, which takes minutes.
    let tests = ["--test", "scenarios", "--test", "hostile"];
    let test = ["test", "--package", "bowline-sim", "--release"];
    job.cargo(&[&test[..], &tests].concat())?;
    play_seeds(job, FIRST_SEED, "0.5")
}

/// The same each time, so that a change is not refused for what another one broke: `nightly` plays fresh ones.
const FIRST_SEED: u64 = 1_000_000;

/// Plays seeds for so long, beginning with that one.
pub(crate) fn play_seeds(job: &Job<'_>, first: u64, minutes: &str) -> Result<Outcome> {
    let seed = first.to_string();
    job.cargo(&[
        "run",
        "--release",
        "--package",
        "bowline-cli",
        "--",
        "sim",
        "--seed",
        &seed,
        "--minutes",
        minutes,
    ])?;
    Ok(Outcome::PassedWith(format!("seeds from {seed} on")))
}
