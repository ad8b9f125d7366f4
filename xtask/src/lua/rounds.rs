//! A server and a client program as processes, again and again.
//!
//! What counts as delivered: both end with 0 within the limit, and each has printed a `received message` with a text
//! that is in the other's source.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::lua::Options;
use crate::lua::interpreter::Interpreter;
use crate::stage::{Job, command_line};

/// The port that the programs have agreed on.
const PORT: u16 = 55556;

/// For one run of both programs, which takes less than a second on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Every so many runs the client is there first, by this much: it tries for ten seconds.
const CLIENT_FIRST_EVERY: u32 = 4;
const AHEAD: Duration = Duration::from_millis(300);

/// Runs the programs as often as asked, one pair after another, and returns how long the slowest took.
///
/// # Errors
/// The first run that did not deliver, with what the programs have printed.
pub(crate) fn all_deliver(
    job: &Job<'_>,
    interpreter: &Interpreter,
    module: &Path,
    options: &Options,
) -> Result<Duration> {
    let pair = Pair {
        job,
        interpreter,
        module,
        programs: &options.programs,
        printed: job.root().join("target/xtask/lua"),
    };
    let mut slowest = Duration::ZERO;
    for run in 1..=options.runs {
        let time = pair
            .run(run % CLIENT_FIRST_EVERY == 0)
            .map_err(|error| format!("{}, run {run}: {error}", interpreter.name))?;
        slowest = slowest.max(time);
    }
    Ok(slowest)
}

/// What runs of a server and a client need.
struct Pair<'a> {
    job: &'a Job<'a>,
    interpreter: &'a Interpreter,
    module: &'a Path,
    /// The folder of the programs.
    programs: &'a Path,
    /// The folder for what they print.
    printed: PathBuf,
}

impl Pair<'_> {
    /// Returns how long it took.
    fn run(&self, client_first: bool) -> Result<Duration> {
        port_is_free()?;
        let start = Instant::now();
        let (mut server, mut client);
        if client_first {
            client = self.start("client")?;
            std::thread::sleep(AHEAD);
            server = self.start("server")?;
        } else {
            server = self.start("server")?;
            client = self.start("client")?;
        }
        let ends = [&mut server, &mut client].map(|side| side.end(start + LIMIT));
        let time = start.elapsed();
        let faults = [
            server.fault(ends[0], &client)?,
            client.fault(ends[1], &server)?,
        ];
        if faults.iter().all(Option::is_none) {
            return Ok(time);
        }
        let mut story = String::new();
        for (side, fault) in [server, client].iter().zip(faults) {
            let fault = fault.unwrap_or_else(|| "is content".to_owned());
            story += &format!("the {} {fault}; it printed:\n{}\n", side.name, side.told()?);
        }
        Err(story.into())
    }

    fn start(&self, name: &'static str) -> Result<Side> {
        let program = self.programs.join(name).with_extension("lua");
        let printed = self.printed.join(name).with_extension("out");
        File::create(&printed)?;
        let open = || OpenOptions::new().append(true).open(&printed);
        let mut command = self.interpreter.command(self.job, self.module, &program);
        command.stdout(open()?).stderr(open()?).stdin(Stdio::null());
        let child = command
            .spawn()
            .map_err(|error| format!("`{}`: {error}", command_line(&command)))?;
        Ok(Side {
            name,
            program,
            printed,
            child,
        })
    }
}

/// One of the two.
struct Side {
    name: &'static str,
    program: PathBuf,
    printed: PathBuf,
    child: Child,
}

impl Side {
    /// Waits for it, until the deadline.
    fn end(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if Instant::now() > deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What went wrong with it.
    fn fault(&self, end: Option<ExitStatus>, other: &Self) -> Result<Option<String>> {
        Ok(match end {
            None => Some(format!("had not ended after {LIMIT:?}")),
            Some(status) if !status.success() => Some(format!("ended with {status}")),
            Some(_) if !heard(&self.told()?, &std::fs::read_to_string(&other.program)?) => {
                Some("has heard nothing of the other".to_owned())
            }
            Some(_) => None,
        })
    }

    fn told(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.printed)?).into_owned())
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // Both fail if it has ended, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a program has printed a message with a text of the other's.
fn heard(printed: &str, source: &str) -> bool {
    printed.lines().any(|line| {
        let mut fields = line.split('\t');
        let is_message = fields.next() == Some("received message");
        let text = fields.nth(1).unwrap_or_default();
        is_message && !text.is_empty() && source.contains(text)
    })
}

/// The programs have the port in their text, so nothing else may have it.
fn port_is_free() -> Result {
    let taken = |error| format!("port {PORT}, which the programs use, is taken: {error}");
    drop(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).map_err(taken)?);
    // Where there is no IPv6, nobody has the port there.
    match UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT)) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(taken(error).into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_of_the_other_program_counts_as_heard() {
        let source = "send(connection, 'well met', 8)";
        let line = |text: &str| format!("x\nreceived message\t1\t{text}\tfrom connection\t7\n");
        assert!(heard(&line("well met"), source));
        assert!(!heard(&line("well net"), source));
        assert!(!heard(&line(""), source));
        assert!(!heard("well met", source));
        assert!(!heard("received message", source));
    }
}
