//! The Lua module under real interpreters: `cargo xtask lua`.
//!
//! The crate is a workspace of its own, since a build is for one Lua. For each interpreter of
//! [`interpreter::ALL`] the module is built ([`module`]), and then a server and a client program talk as processes,
//! again and again ([`rounds`]). The default programs are the project's own; others, which know nothing of us, run as
//! they are. Then come two players who find each other by name ([`players`]), two states in a process ([`host`]) and an
//! installation by luarocks ([`rock`]). `lua bench` measures receiving ([`mod@bench`]).

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::bench_vs::cargo;
use crate::stage::{Job, Outcome, minutes};
use crate::{Result, interop};

mod bench;
mod host;
mod interpreter;
mod module;
mod players;
mod rock;
mod rounds;

use interpreter::Interpreter;

/// The workspace's manifest, seen from the repository's root.
pub(crate) const MANIFEST: &str = "crates/bowline-lua/Cargo.toml";

/// The crate's folder.
const FOLDER: &str = "crates/bowline-lua";

/// How often a pair of programs has to succeed in a row.
const RUNS: u32 = 20;

/// Runs what the command line asks for, outside of a stage.
///
/// # Errors
/// An unknown argument, a package that cannot be installed, a build or program that fails.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result {
    let job = Job::new(root, "lua", Instant::now() + minutes(60))?;
    let outcome = match args {
        ["bench"] => bench::run(&job),
        _ => Options::read(root, args).and_then(|options| all(&job, &options)),
    };
    let text = outcome.map_err(|error| format!("{}\n{error}", job.log_end()))?;
    println!("{text}");
    Ok(())
}

/// The stage that runs programs, states and the installation.
///
/// # Errors
/// As [`run`].
pub(crate) fn programs(job: &Job<'_>) -> Result<Outcome> {
    let text = all(job, &Options::read(job.root(), &[])?)?;
    Ok(Outcome::PassedWith(text))
}

/// The stage that checks and tests the crate, with a PUC Lua and LuaJIT.
///
/// # Errors
/// A warning, a failed test.
pub(crate) fn tests(job: &Job<'_>) -> Result<Outcome> {
    const LUA54: &str = "aws-lc,vendored,lua54";
    const LUAJIT: &str = "aws-lc,vendored,luajit";
    let manifest = ["--manifest-path", MANIFEST, "--no-default-features"];
    let run = |command: &[&str], features, rest: &[&str]| {
        let args = [command, &manifest, &["--features", features], rest].concat();
        cargo(job, &args)
    };
    run(
        &["clippy", "--all-targets"],
        LUA54,
        &["--", "-D", "warnings"],
    )?;
    run(&["test"], LUA54, &[])?;
    run(&["test"], LUAJIT, &[])?;
    Ok(Outcome::Passed)
}

/// Type-checks the module for another system, with the portable ciphers as the other crates there.
///
/// # Errors
/// An error of the compiler's.
pub(crate) fn type_check(job: &Job<'_>, target: &str) -> Result {
    let mut args = vec!["check", "--manifest-path", MANIFEST, "--target", target];
    args.extend(["--no-default-features", "--features", "module,lua54"]);
    cargo(job, &args)
}

/// What to run.
#[derive(Debug)]
struct Options {
    /// Where `server.lua` and `client.lua` are.
    programs: PathBuf,
    runs: u32,
    interpreters: Vec<&'static Interpreter>,
    /// Only the programs, as they are somebody else's.
    programs_only: bool,
}

impl Options {
    fn read(root: &Path, args: &[&str]) -> Result<Self> {
        let mut options = Self {
            programs: root.join(FOLDER).join("programs"),
            runs: RUNS,
            interpreters: interpreter::ALL.iter().collect(),
            programs_only: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match *arg {
                "--programs" => {
                    options.programs = std::path::absolute(value()?)?;
                    options.programs_only = true;
                }
                "--runs" => options.runs = value()?.parse()?,
                "--only" => {
                    let name = value()?;
                    options.interpreters.retain(|found| found.name == *name);
                    if options.interpreters.is_empty() {
                        return Err(format!("no interpreter {name}").into());
                    }
                }
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        Ok(options)
    }
}

/// Installs what is missing, and runs everything. Returns in a few words what that was.
fn all(job: &Job<'_>, options: &Options) -> Result<String> {
    for mut command in interop::install_commands(interpreter::PACKAGES)? {
        job.run(&mut command)?;
    }
    let mut done = Vec::new();
    for interpreter in &options.interpreters {
        let module = module::build(job, interpreter.feature)?;
        let slowest = rounds::all_deliver(job, interpreter, &module, options)?;
        let (name, runs) = (interpreter.name, options.runs);
        let line = format!("{name}: {runs} of {runs} delivered, the slowest in {slowest:.1?}");
        println!("{line}");
        done.push(name);
        if !options.programs_only {
            players::meet(job, interpreter, &module)?;
            host::two_states(job, interpreter, &module)?;
        }
    }
    let mut text = format!("{} times under {}", options.runs, done.join(", "));
    if !options.programs_only {
        let installed = rock::install(job, &options.interpreters)?;
        text += &format!("; two states in a process; luarocks for {installed}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let read = |args: &[&str]| Options::read(Path::new("/checkout"), args);
        let default = read(&[]).unwrap();
        assert_eq!(
            default.programs,
            Path::new("/checkout/crates/bowline-lua/programs")
        );
        assert_eq!((default.runs, default.programs_only), (20, false));
        assert_eq!(default.interpreters.len(), interpreter::ALL.len());

        let named = read(&["--programs", "/x", "--runs", "3", "--only", "love"]).unwrap();
        assert_eq!(named.programs, Path::new("/x"));
        assert_eq!((named.runs, named.programs_only), (3, true));
        assert_eq!(named.interpreters[0].name, "love");

        assert!(read(&["--runs"]).is_err());
        assert!(read(&["--only", "lua6"]).is_err());
        assert!(read(&["--faster"]).is_err());
    }
}
