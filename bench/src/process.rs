//! A process of its own for what is measured: the same program with other arguments, which ends with its standard input.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::ChildStdin;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use crate::Result;

/// Such a process, seen from outside.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    greeting: String,
}

impl Process {
    /// Starts this program with other arguments, and waits for the first line that it prints.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(args: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("a process without output")?;
        let mut output = BufReader::new(output);
        let mut greeting = String::new();
        output.read_line(&mut greeting)?;
        Ok(Self {
            child,
            input,
            output,
            greeting: greeting.trim().into(),
        })
    }

    /// The first line that it printed.
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it; returns what it has to say at the end.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn stop(mut self) -> Result<String> {
        drop(self.input.take());
        let mut said = String::new();
        self.output.read_line(&mut said)?;
        self.child.wait()?;
        Ok(said.trim().into())
    }
}
