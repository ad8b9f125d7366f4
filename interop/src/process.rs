//! A library in a process of its own, so that it can vanish.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::pair::Library;

/// A running `peer` program (see `src/bin/peer.rs`); killed when dropped.
#[derive(Debug)]
pub struct PeerProcess {
    child: Child,
}

impl PeerProcess {
    /// Starts a server that echoes, and returns where it listens.
    ///
    /// # Panics
    /// When the program does not start or says nothing.
    pub fn server(program: &Path, library: Library) -> (Self, SocketAddr) {
        let mut command = Command::new(program);
        command.args([&library.to_string(), "server"]);
        Self::listening(command)
    }

    /// The same with GNS, which loses that share of the packets each way.
    ///
    /// # Panics
    /// As [`PeerProcess::server`].
    pub fn lossy_server(program: &Path, loss_pct: u32) -> (Self, SocketAddr) {
        let mut command = Command::new(program);
        command.args([&Library::Gns.to_string(), "server"]);
        command.args(["loss", &loss_pct.to_string()]);
        Self::listening(command)
    }

    fn listening(command: Command) -> (Self, SocketAddr) {
        let mut peer = Self::spawn(command);
        let line = peer.first_line();
        let address = line
            .strip_prefix("LISTENING ")
            .and_then(|text| text.trim().parse().ok());
        let address = address.unwrap_or_else(|| panic!("the peer said {line:?}"));
        (peer, address)
    }

    /// Starts a client that dials `server` and echoes.
    ///
    /// # Panics
    /// When the program does not start.
    pub fn client(program: &Path, library: Library, server: SocketAddr) -> Self {
        let mut command = Command::new(program);
        command.args([&library.to_string(), "client", &server.to_string()]);
        Self::spawn(command)
    }

    /// The same with GNS, which loses that share of the packets each way.
    ///
    /// # Panics
    /// When the program does not start.
    pub fn lossy_client(program: &Path, server: SocketAddr, loss_pct: u32) -> Self {
        let mut command = Command::new(program);
        command.args([&Library::Gns.to_string(), "client", &server.to_string()]);
        command.args(["loss", &loss_pct.to_string()]);
        Self::spawn(command)
    }

    /// Ends the process without any chance to say goodbye.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn kill(mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }

    fn spawn(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Self {
            child: child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")),
        }
    }

    fn first_line(&mut self) -> String {
        let output = self.child.stdout.take().expect("the output is piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the peer writes text");
        line
    }
}

impl Drop for PeerProcess {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone afterwards.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
