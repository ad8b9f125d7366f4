//! The processes of a run.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;

/// A side or the proxy. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts it with pipes for input and output.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .spawn()
            .map_err(|error| format!("`{program}`: {error}"))?;
        let output = child.stdout.take().ok_or("the output is a pipe")?;
        Ok(Self {
            child,
            output: BufReader::new(output),
        })
    }

    /// Waits until it is ready. The words that it says of itself: its address, and maybe a hint.
    pub(crate) fn ready(&mut self) -> Result<Vec<String>> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let words = line.strip_prefix("READY ");
        let words = words.ok_or_else(|| format!("it did not get ready: {}", line.trim()))?;
        Ok(words.split_whitespace().map(str::to_owned).collect())
    }

    /// Ends its input and waits for its end, or kills it after `patience`. The JSON that it printed last.
    pub(crate) fn finish(mut self, patience: Duration) -> Value {
        drop(self.child.stdin.take());
        let end = Instant::now() + patience;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                return json!({ "error": "it did not finish" });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut text = String::new();
        if self.output.read_to_string(&mut text).is_err() {
            return json!({ "error": "its output is not text" });
        }
        let lines = text.lines().rev();
        let mut values = lines.filter_map(|line| serde_json::from_str(line).ok());
        values
            .next()
            .unwrap_or_else(|| json!({ "error": "it printed no result" }))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start(command).unwrap()
    }

    #[test]
    fn a_side_gets_ready_and_leaves_its_result() {
        let mut side = shell(r#"echo READY 127.0.0.1:1 ab; cat; echo noise; echo '{"n": 7}'"#);
        assert_eq!(side.ready().unwrap(), ["127.0.0.1:1", "ab"]);
        assert_eq!(side.finish(Duration::from_secs(30))["n"], 7);
    }

    #[test]
    fn what_does_not_end_is_killed() {
        let side = shell("exec sleep 600");
        let result = side.finish(Duration::from_millis(20));
        assert_eq!(result["error"], "it did not finish");
    }

    #[test]
    fn what_cannot_start_says_why() {
        let mut side = shell(r#"echo '{"error": "no"}'"#);
        let error = side.ready().unwrap_err().to_string();
        assert_eq!(error, r#"it did not get ready: {"error": "no"}"#);
        assert!(Process::start(Command::new("./nowhere")).is_err());
    }
}
