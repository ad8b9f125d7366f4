//! Runs the fuzz targets: `cargo xtask fuzz`, and the stages of `ci` and `nightly`.
//!
//! The programs are built with the compiler that builds all else: what a fuzzer needs of it are flags of
//! LLVM, not a nightly. A target starts from what is committed in `crates/bowline-fuzz`; what it finds
//! worth keeping stays under `target/fuzz`, until `--keep` makes it the committed corpus.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::stage::{Job, Outcome, minutes};
use crate::{Result, interop};

mod options;
mod report;

use self::options::Options;
use self::report::Report;

/// The manifest of the programs, seen from the repository's root.
pub(crate) const MANIFEST: &str = "fuzz/Cargo.toml";

/// What makes the compiler count edges and show comparisons to libFuzzer, as `cargo fuzz` does without
/// a sanitizer.
const RUSTFLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing";

/// Seconds per target in `ci`: enough to notice a target that fails at once.
const CI_SECONDS: u64 = 1;
/// Seconds per target in `nightly`.
const NIGHTLY_SECONDS: u64 = 240;

/// Something to fuzz, as `bowline-fuzz list` tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Target {
    name: String,
    max_len: String,
}

/// Builds and runs targets in the foreground: see the usage in `options`.
///
/// # Errors
/// Wrong arguments, a failed build, or a finding.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result {
    let options = Options::parse(args)?;
    let job = Job::new(root, "fuzz build", Instant::now() + minutes(60))?;
    println!("building; see target/xtask/fuzz-build.log");
    if let Some(missing) = missing_compiler(&job)? {
        return Err(missing.into());
    }
    build_programs(&job)?;
    let targets = options.choose(targets(&job)?)?;
    let seconds = options.seconds;
    println!("{} targets, {seconds} s each", targets.len());
    let reports = campaign(&job, &targets, seconds)?;
    print!("{}", report::table(&reports));
    if options.keep {
        for target in &targets {
            keep(&job, target)?;
        }
    }
    verdict(&reports)
}

/// The stage that builds the programs.
///
/// # Errors
/// A failed build.
pub(crate) fn build(job: &Job<'_>) -> Result<Outcome> {
    if let Some(missing) = missing_compiler(job)? {
        return Ok(Outcome::Skipped(missing));
    }
    build_programs(job)?;
    Ok(Outcome::Passed)
}

/// The stage that runs each target for a moment.
///
/// # Errors
/// A finding.
pub(crate) fn moment(job: &Job<'_>) -> Result<Outcome> {
    stage(job, CI_SECONDS)
}

/// The stage that runs each target for minutes.
///
/// # Errors
/// A finding.
pub(crate) fn hour(job: &Job<'_>) -> Result<Outcome> {
    stage(job, NIGHTLY_SECONDS)
}

fn stage(job: &Job<'_>, seconds: u64) -> Result<Outcome> {
    if let Some(missing) = missing_compiler(job)? {
        return Ok(Outcome::Skipped(missing));
    }
    build_programs(job)?;
    let reports = campaign(job, &targets(job)?, seconds)?;
    print!("{}", report::table(&reports));
    verdict(&reports)?;
    let executions: u64 = reports.iter().map(|report| report.executions).sum();
    Ok(Outcome::PassedWith(format!("{executions} executions")))
}

fn verdict(reports: &[Report]) -> Result {
    let findings: Vec<&str> = reports.iter().flat_map(Report::advice).collect();
    if findings.is_empty() {
        return Ok(());
    }
    Err(findings.join("\n").into())
}

/// Why the programs cannot be built here, after trying to change that: libFuzzer is C++.
fn missing_compiler(job: &Job<'_>) -> Result<Option<String>> {
    let works = || job.run(job.command("c++").arg("--version")).is_ok();
    if works() {
        return Ok(None);
    }
    for command in &mut interop::install_commands(&["g++"])? {
        // What counts is the second look.
        let _ = job.run(command);
    }
    Ok((!works()).then(|| "there is no C++ compiler, which libFuzzer needs".into()))
}

fn build_programs(job: &Job<'_>) -> Result {
    let host = host(job)?;
    let mut command = job.command("cargo");
    command
        .args(["build", "--release", "--manifest-path", MANIFEST])
        // With a target, flags do not reach build scripts and macros.
        .args(["--target", &host, "--target-dir"])
        .arg(folder(job, "build"))
        .env("RUSTFLAGS", RUSTFLAGS)
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    job.run(&mut command)
}

/// What this compiler calls the machine that it runs on.
fn host(job: &Job<'_>) -> Result<String> {
    let text = job.output(job.command("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not tell its host")?.into())
}

fn targets(job: &Job<'_>) -> Result<Vec<Target>> {
    let list = tool(job, &["list"])?;
    let parse = |line: &str| {
        let (name, max_len) = line.split_once(' ').ok_or("a line without two words")?;
        Ok(Target {
            name: name.into(),
            max_len: max_len.into(),
        })
    };
    list.lines().map(parse).collect()
}

/// Runs the program that knows the corpora.
fn tool(job: &Job<'_>, args: &[&str]) -> Result<String> {
    let mut command = job.command("cargo");
    command.args(["run", "--quiet", "--package", "bowline-fuzz", "--"]);
    job.output(command.args(args))
}

/// Runs the targets, as many at a time as there are processors; where there are more processors than
/// targets, several programs share a target and its corpus.
fn campaign(job: &Job<'_>, targets: &[Target], seconds: u64) -> Result<Vec<Report>> {
    let host = host(job)?;
    for target in targets {
        let corpus = folder(job, "corpus").join(&target.name);
        tool(job, &["unpack", &target.name, &corpus.to_string_lossy()])?;
        std::fs::create_dir_all(findings(job, target))?;
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let copies = (cores / targets.len().max(1)).max(1);
    let mut reports: Vec<Report> = targets
        .iter()
        .map(|target| Report::new(&target.name))
        .collect();
    let mut work: Vec<(usize, usize)> = Vec::new();
    for copy in 0..copies {
        work.extend((0..targets.len()).map(|index| (index, copy)));
    }
    for batch in work.chunks(cores) {
        let logs = thread::scope(|scope| {
            let run = |&(index, copy): &(usize, usize)| {
                let (target, host) = (&targets[index], &host);
                let program = scope.spawn(move || fuzz(job, host, target, copy, seconds));
                (index, program)
            };
            let running: Vec<_> = batch.iter().map(run).collect();
            let end = |(index, program): (usize, thread::ScopedJoinHandle<'_, _>)| {
                (index, program.join().expect("a failure comes as a value"))
            };
            running.into_iter().map(end).collect::<Vec<_>>()
        });
        for (index, log) in logs {
            let log: String = log.map_err(|error: String| error)?;
            reports[index].add(&log);
        }
    }
    Ok(reports)
}

/// Runs one program and returns the end of its log, which also tells of a finding.
fn fuzz(
    parent: &Job<'_>,
    host: &str,
    target: &Target,
    copy: usize,
    seconds: u64,
) -> std::result::Result<String, String> {
    const MARGIN: Duration = Duration::from_secs(60);
    let deadline = Instant::now() + Duration::from_secs(seconds) + MARGIN;
    let name = format!("fuzz {} {copy}", target.name);
    let job = Job::new(parent.root(), &name, deadline).map_err(|error| error.to_string())?;
    let mut command = job.command(&program(parent, host, target).to_string_lossy());
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={}", target.max_len))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .arg(format!(
            "-artifact_prefix={}/",
            findings(parent, target).display()
        ))
        .arg(folder(parent, "corpus").join(&target.name));
    // It ends with an error if it found something, and its log says so.
    let end = job.run(&mut command);
    let log = job.log_end();
    match end {
        Err(error) if !log.contains("Test unit written to") => Err(error.to_string()),
        Ok(()) | Err(_) => Ok(log),
    }
}

/// Makes what a target has found worth keeping the committed corpus, as little of it as reaches all
/// that was reached.
fn keep(job: &Job<'_>, target: &Target) -> Result {
    let minimal = folder(job, "minimal").join(&target.name);
    if minimal.exists() {
        std::fs::remove_dir_all(&minimal)?;
    }
    std::fs::create_dir_all(&minimal)?;
    let mut merge = job.command(&program(job, &host(job)?, target).to_string_lossy());
    // What is reached counts, not how often: the corpus stays small.
    merge
        .args(["-merge=1", "-use_counters=0", "-timeout=10"])
        .arg(format!("-max_len={}", target.max_len))
        .arg(&minimal)
        .arg(folder(job, "corpus").join(&target.name));
    job.run(&mut merge)?;
    print!(
        "{}",
        tool(job, &["pack", &target.name, &minimal.to_string_lossy()])?
    );
    Ok(())
}

fn program(job: &Job<'_>, host: &str, target: &Target) -> PathBuf {
    let release = folder(job, "build").join(host).join("release");
    release.join(&target.name)
}

fn findings(job: &Job<'_>, target: &Target) -> PathBuf {
    folder(job, "findings").join(&target.name)
}

fn folder(job: &Job<'_>, name: &str) -> PathBuf {
    job.root().join("target/fuzz").join(name)
}
