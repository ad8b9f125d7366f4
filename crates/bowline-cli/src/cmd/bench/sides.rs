//! Both sides of a workload, as processes of this program.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;

use crate::error::Error;

/// Runs one server and one client with these options, and returns what they print: client, server.
pub(super) fn run_pair(options: &str) -> Result<(Value, Value), Error> {
    let words =
        |side: &str, place: &str, addr: &str| format!("bench peer {side} {place} {addr} {options}");
    let mut server = Side::start(&words("server", "--listen", "127.0.0.1:0"))?;
    let ready = server.line()?;
    let addr = ready.trim().strip_prefix("READY ");
    let addr = addr.ok_or_else(|| Error::Other(format!("the server said {ready:?}")))?;
    let client = Side::start(&words("client", "--connect", addr))?.json()?;
    // The end of its input ends it.
    drop(server.child.stdin.take());
    Ok((client, server.json()?))
}

/// A process of this program.
struct Side {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Side {
    fn start(words: &str) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(Error::Output)?;
        let mut child = Command::new(program)
            .args(words.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::Output)?;
        let lines = child.stdout.take().expect("it was asked for above");
        Ok(Self {
            child,
            lines: BufReader::new(lines),
        })
    }

    fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        self.lines.read_line(&mut line).map_err(Error::Output)?;
        Ok(line)
    }

    /// The line of JSON that it ends with.
    fn json(mut self) -> Result<Value, Error> {
        let line = self.line()?;
        let value: Value = serde_json::from_str(&line)
            .map_err(|_| Error::Other(format!("a side printed {line:?} instead of JSON")))?;
        match &value["error"] {
            Value::Null => Ok(value),
            error => Err(Error::Other(format!("a side failed: {error}"))),
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // Fails if it has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
