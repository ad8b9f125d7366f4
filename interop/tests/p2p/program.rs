//! The command `bowline`, as a process of a test.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use bowline_interop::repository;

use crate::room::LIMIT;

/// The command `bowline`; killed when dropped.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    /// What it has said, for a test that fails.
    said: Vec<String>,
}

impl Program {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = Command::new(command());
        command.args(args).stdin(Stdio::piped());
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was built");
        Self {
            input: child.stdin.take(),
            output: lines_of(child.stdout.take().expect("the output is piped")),
            child,
            said: Vec::new(),
        }
    }

    pub(crate) fn input(&mut self) -> &mut ChildStdin {
        self.input.as_mut().expect("not hung up yet")
    }

    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Waits until it says something of that sort.
    pub(crate) fn line_with(&mut self, part: &str) -> String {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(line) = self.find_line(part) {
                return line;
            }
            assert!(Instant::now() < end, "no {part:?} in {:#?}", self.said);
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn find_line(&mut self, part: &str) -> Option<String> {
        while let Ok(line) = self.output.try_recv() {
            self.said.push(line.clone());
            if line.contains(part) {
                return Some(line);
            }
        }
        None
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What comes from there, by lines.
pub(crate) fn lines_of(source: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Where the command is, which is built once.
fn command() -> &'static Path {
    static COMMAND: OnceLock<PathBuf> = OnceLock::new();
    COMMAND.get_or_init(|| {
        let args = ["--package", "bowline-cli", "--bin", "bowline"];
        repository::build("Cargo.toml", &args, &[]).join("bowline")
    })
}
