//! One `bowline p2p`, or a hub, and what it tells.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::nat_matrix::theory::Route;

/// A program that runs, with what it has printed so far.
pub(crate) struct Terminal {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<(Instant, String)>,
    /// All that it has printed.
    transcript: String,
    /// Routes that it has told of, the last one last.
    routes: Vec<(Instant, Route)>,
    /// Its last line about a route.
    last_route: Option<String>,
    called: Option<Instant>,
    ended: Option<Instant>,
    /// What the peer has sent.
    heard: Vec<String>,
    peer: String,
}

impl Terminal {
    /// Starts `program`, which calls `peer`.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(program: &mut Command, peer: &str) -> Result<Self> {
        program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = program.spawn()?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            pass_lines(stdout, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            pass_lines(stderr, sender);
        }
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            lines,
            transcript: String::new(),
            routes: Vec::new(),
            last_route: None,
            called: None,
            ended: None,
            heard: Vec::new(),
            peer: peer.to_owned(),
        })
    }

    /// Takes in what it prints until something comes or `until`.
    pub(crate) fn look(&mut self, until: Instant) {
        let patience = until.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(patience) {
            Ok((at, line)) => self.take(at, &line),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            // It has closed its outputs.
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                if self.ended.is_none() {
                    self.ended = Some(Instant::now());
                }
                thread::sleep(patience.min(Duration::from_millis(20)));
            }
        }
    }

    /// Types a line.
    pub(crate) fn say(&mut self, text: &str) {
        if let Some(stdin) = &mut self.stdin {
            // Of a program that has ended its transcript tells.
            let _ = writeln!(stdin, "{text}");
        }
    }

    /// Ends it, without giving it the time to tell anybody.
    pub(crate) fn kill(&mut self) {
        // Fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends its input, at which it closes the connection and ends.
    pub(crate) fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// When its first signal could leave.
    pub(crate) fn called(&self) -> Option<Instant> {
        self.called
    }

    /// When it was connected, and how it is now.
    pub(crate) fn connected(&self) -> Option<(Instant, Route)> {
        let (first, _) = self.routes.first()?;
        let (_, last) = self.routes.last()?;
        Some((*first, *last))
    }

    /// Whether a relay carried its packets at first, and does no more.
    pub(crate) fn was_relayed(&self) -> bool {
        let mut routes = self.routes.iter().map(|(_, route)| *route);
        let last = routes.next_back();
        last != Some(Route::Relay) && routes.any(|route| route == Route::Relay)
    }

    /// Its last line about the way to the peer.
    pub(crate) fn last_route(&self) -> Option<&str> {
        self.last_route.as_deref()
    }

    /// When it had ended.
    pub(crate) fn ended(&self) -> Option<Instant> {
        self.ended
    }

    /// Whether the peer has sent this line.
    pub(crate) fn has_heard(&self, text: &str) -> bool {
        self.heard.iter().any(|heard| heard == text)
    }

    /// Why it failed, in its words.
    pub(crate) fn error(&self) -> Option<&str> {
        let mut lines = self.transcript.lines();
        lines.find_map(|line| line.strip_prefix("error: "))
    }

    /// How many times it has printed this.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.transcript.matches(text).count()
    }

    /// All that it has printed.
    pub(crate) fn transcript(&self) -> &str {
        &self.transcript
    }

    fn take(&mut self, at: Instant, line: &str) {
        self.transcript.push_str(line);
        self.transcript.push('\n');
        let said = line.strip_prefix(&format!("{}: ", self.peer));
        if let Some(said) = said {
            self.heard.push(said.to_owned());
        } else if line.starts_with("calling ") {
            self.called = Some(at);
        } else if let Some(route) = route_in(line) {
            self.routes.push((at, route));
            self.last_route = Some(line.to_owned());
        }
    }
}

/// The route that a line tells of.
fn route_in(line: &str) -> Option<Route> {
    let how = line
        .strip_prefix("connected with ")
        .and_then(|rest| rest.split_once(' '))
        .map(|(_peer, how)| how)
        .or_else(|| line.strip_prefix("now "))?;
    if how.starts_with("directly") {
        Some(Route::Direct)
    } else {
        how.starts_with("by a relay").then_some(Route::Relay)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.kill();
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terminal that calls {}", self.peer)
    }
}

fn pass_lines(from: impl Read + Send + 'static, to: mpsc::Sender<(Instant, String)>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            if to.send((Instant::now(), line)).is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_from_what_the_command_prints() {
        let direct = "connected with str:ben directly, at 203.0.113.9:4000";
        assert_eq!(route_in(direct), Some(Route::Direct));
        assert_eq!(
            route_in("connected with str:ben by a relay"),
            Some(Route::Relay)
        );
        assert_eq!(
            route_in("now directly, at 203.0.113.9:4000"),
            Some(Route::Direct)
        );
        assert_eq!(route_in("what happened:"), None);
    }
}
