//! A hub on the internet, for the two of one cell.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Result;
use crate::nat_matrix::inside::within;
use crate::nat_matrix::lab::{SERVER, SERVER_NAMESPACE};
use crate::nat_matrix::terminal::Terminal;
use crate::stage::Job;

/// Hubs listen on this port and those after it, each cell's on one of its own.
const FIRST_PORT: u16 = 20_000;
/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait for more of what it prints.
const MOMENT: Duration = Duration::from_millis(50);

/// `bowline hub --dev`, which keeps its keys while these networks live.
#[derive(Debug)]
pub(crate) struct Hub {
    process: Terminal,
    program: PathBuf,
    address: String,
    /// The folder of its keys.
    keys: String,
    /// What clients know it by.
    key: String,
}

impl Hub {
    /// Starts one, and waits until it listens. The number is that of the cell.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start(job: &Job<'_>, program: &Path, number: usize) -> Result<Self> {
        let port = FIRST_PORT + u16::try_from(number)?;
        let address = format!("{SERVER}:{port}");
        let keys = format!("/run/hub-{number}");
        let (process, key) = run(job, program, &address, &keys)?;
        Ok(Self {
            process,
            program: program.to_owned(),
            address,
            keys,
            key,
        })
    }

    /// What `bowline p2p` is told of it.
    pub(crate) fn arguments(&self) -> [&str; 6] {
        let (address, key) = (&self.address, &self.key);
        ["--hub", address, "--hub-key", key, "--hub-login", "dev"]
    }

    /// Ends it, and tells nobody.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after [`Self::kill`].
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn restart(&mut self, job: &Job<'_>) -> Result {
        let (process, key) = run(job, &self.program, &self.address, &self.keys)?;
        if key != self.key {
            return Err("the hub has another key than before".into());
        }
        self.process = process;
        Ok(())
    }
}

/// Starts the program, and gives its key.
fn run(job: &Job<'_>, program: &Path, address: &str, keys: &str) -> Result<(Terminal, String)> {
    let mut command = within(job, SERVER_NAMESPACE, program);
    command.args(["hub", "--dev", "--insecure-dev"]);
    command.args(["--listen", address, "--keys", keys]);
    let mut process = Terminal::start(&mut command, "nobody")?;
    let limit = Instant::now() + PATIENCE;
    loop {
        process.look(Instant::now() + MOMENT);
        if let Some(key) = key_in(process.transcript()) {
            let key = key.to_owned();
            return Ok((process, key));
        }
        if process.ended().is_some() || Instant::now() > limit {
            return Err(format!("the hub does not start: {}", process.transcript()).into());
        }
    }
}

/// The key in the line for clients.
fn key_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("BOWLINE_HUB_KEY=")?;
    rest.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_read_from_the_line_for_clients() {
        let line =
            "BOWLINE_HUB=203.0.113.2:20000 BOWLINE_HUB_KEY=AAAA1 BOWLINE_HUB_AUTHORITY=AAAA2\n";
        assert_eq!(key_in(line), Some("AAAA1"));
        assert_eq!(key_in("error: no"), None);
    }
}
