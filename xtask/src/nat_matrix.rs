//! Peers behind real NATs: `cargo xtask nat-matrix`.
//!
//! The networks are namespaces of Linux with nftables in the routers ([`lab`], [`rules`]); the hosts run
//! `bowline p2p`, and one on the internet runs coturn, `bowline signal-server` and, for some cells, a [`hub`]. Each of the
//! [`cells`] is held against [`theory`]; `docs/nat-matrix.md` has the tables.
//!
//! All of it lives in namespaces of its own, for networks, mounts and processes: this program starts itself again as
//! the first process in there ([`inside`]). When that ends, for whatever reason, the kernel kills the others and
//! removes every network. It ends at the end of its standard input, which is a pipe from here, so that it does not
//! outlive an interrupt.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::stage::{Job, Outcome, command_line, minutes};
use crate::{Result, interop};

mod cells;
mod hub;
mod inside;
mod lab;
mod play;
mod report;
mod rules;
mod terminal;
mod theory;

pub(crate) use inside::run as run_inside;

/// What the command line calls this program in the namespaces.
pub(crate) const INSIDE: &str = "nat-matrix-inside";

/// Debian's names of what it takes.
const PACKAGES: &[&str] = &["coturn", "iproute2", "nftables", "util-linux"];

/// Most runs: the namespaces live for half an hour.
const MAX_RUNS: usize = 50;

const NEEDS: &str = "needs root and network namespaces";

/// Runs what the command line asks for, outside of a stage.
///
/// # Errors
/// An unknown argument, a machine without namespaces, a cell that differs from theory.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result {
    if args == ["--theory"] {
        print!("{}", theory::table());
        return Ok(());
    }
    let options = Options::read(args)?;
    let job = Job::new(root, "nat-matrix", Instant::now() + minutes(60))?;
    let log_end = |error| format!("{}\n{error}", job.log_end());
    let program = prepare(&job, &options).map_err(log_end)?;
    if !is_possible(&job) {
        return Err(format!("{}\nnat-matrix {NEEDS}", job.log_end()).into());
    }
    let mut command = enter(&job)?;
    command.args(options.for_inside(&program));
    // Held open until the end: see the module's documentation.
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{}`: {error}", command_line(&command)))?;
    let input = child.stdin.take();
    let status = child.wait()?;
    drop(input);
    if status.success() {
        Ok(())
    } else {
        Err("nat-matrix failed".into())
    }
}

/// The stage: all cells.
///
/// # Errors
/// A cell that differs from theory.
pub(crate) fn stage(job: &Job<'_>) -> Result<Outcome> {
    let options = Options::default();
    let program = prepare(job, &options)?;
    if !is_possible(job) {
        return Ok(Outcome::Skipped(NEEDS.into()));
    }
    let mut command = enter(job)?;
    command.args(options.for_inside(&program));
    let text = job.output(command.stdin(Stdio::piped()))?;
    let summary = text.lines().last().unwrap_or_default();
    Ok(Outcome::PassedWith(summary.to_owned()))
}

/// What the command line asks for.
#[derive(Debug, Eq, PartialEq)]
struct Options {
    /// Only cells with this in their names.
    only: Option<String>,
    is_json: bool,
    /// How often each cell is played. The run with the median time is told, or the first that differs from theory.
    runs: usize,
    /// Another `bowline` than that of this checkout.
    program: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: None,
            is_json: false,
            runs: 1,
            program: None,
        }
    }
}

impl Options {
    fn read(args: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
            match *arg {
                "--only" => options.only = Some((*value()?).to_owned()),
                "--json" => options.is_json = true,
                "--runs" => {
                    let runs = value()?;
                    let count = runs
                        .parse()
                        .ok()
                        .filter(|runs| (1..=MAX_RUNS).contains(runs));
                    options.runs =
                        count.ok_or_else(|| format!("--runs {runs}: expected 1 to {MAX_RUNS}"))?;
                }
                "--program" => options.program = Some(std::path::absolute(value()?)?),
                other => return Err(format!("no option {other} of nat-matrix").into()),
            }
        }
        Ok(options)
    }

    /// The arguments with which they arrive in the namespaces.
    fn for_inside(&self, program: &Path) -> Vec<String> {
        let mut args = vec!["--program".to_owned(), program.display().to_string()];
        if let Some(only) = &self.only {
            args.extend(["--only".to_owned(), only.clone()]);
        }
        if self.is_json {
            args.push("--json".to_owned());
        }
        args.extend(["--runs".to_owned(), self.runs.to_string()]);
        args
    }
}

/// Installs what is missing, and builds the command as users have it. Returns where that is.
fn prepare(job: &Job<'_>, options: &Options) -> Result<PathBuf> {
    for mut command in interop::install_commands(PACKAGES)? {
        job.run(&mut command)?;
    }
    if let Some(program) = &options.program {
        return Ok(program.clone());
    }
    job.cargo(&["build", "--release", "--package", "bowline-cli"])?;
    Ok(crate::bench_vs::target_folder(job.root()).join("release/bowline"))
}

/// A command that starts in namespaces of its own, for networks, mounts and processes.
fn unshare(job: &Job<'_>) -> Command {
    let mut command = job.command("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--mount-proc"]);
    command
}

/// This program again, in the namespaces.
fn enter(job: &Job<'_>) -> Result<Command> {
    let mut command = unshare(job);
    command.arg(std::env::current_exe()?).arg(INSIDE);
    Ok(command)
}

/// Whether the machine has all kinds of things that the networks are made of, and lets us have them.
fn is_possible(job: &Job<'_>) -> bool {
    const PROBE: &str = "mount -t tmpfs none /run
        mkdir /run/netns
        ip netns add probe
        ip link add probe type bridge
        ip link add eth0 netns probe type veth peer name port
        nsenter --net=/run/netns/probe nft 'table ip nat {
            chain outgoing { type nat hook postrouting priority srcnat; masquerade fully-random; }
        }'";
    job.run(unshare(job).args(["sh", "-euc", PROBE])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_arrive_inside() {
        let args = [
            "--only",
            "full cone",
            "--json",
            "--runs",
            "7",
            "--program",
            "/x/bowline",
        ];
        let options = Options::read(&args).unwrap();
        let inside = options.for_inside(Path::new("/x/bowline"));
        let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
        assert_eq!(Options::read(&inside).unwrap(), options);
        assert_eq!(Options::read(&[]).unwrap(), Options::default());
        for wrong in [
            &["--only"][..],
            &["--faster"],
            &["symmetric"],
            &["--runs", "0"],
            &["--runs", "many"],
        ] {
            assert!(Options::read(wrong).is_err(), "{wrong:?}");
        }
    }
}
