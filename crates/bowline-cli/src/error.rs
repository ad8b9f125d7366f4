//! What ends the command with a failure.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bowline::BuildError;
use bowline::ConfigError;
use bowline::ConnectError;
use bowline::ConnectP2pError;
use bowline::EndReason;
use bowline::Identity;
use bowline::ListenError;
use bowline::ListenP2pError;
use bowline::SendError;
use bowline::ServersError;
use bowline::hub::HubConfigError;
use bowline::recorder::RecordingFileError;

/// What ends the command with a failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot find the address of {host:?}")]
    Resolve {
        host: String,
        #[source]
        source: io::Error,
    },
    #[error("{host:?} has no address")]
    NoAddress { host: String },
    #[error("cannot start")]
    Build(#[from] BuildError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Servers(#[from] ServersError),
    #[error(
        "{users} names and {passwords} passwords for {servers} TURN servers: each needs one of both"
    )]
    TurnAccounts {
        servers: usize,
        users: usize,
        passwords: usize,
    },
    #[error(
        "nobody can answer to a side without an identity: --identity or --cert says who this is"
    )]
    NoIdentity,
    #[error("{0} is this side itself: the peer has to be somebody else")]
    PeerIsSelf(Identity),
    #[error(
        "{0} has a blank or a control character, so that no line for the signaling server can name it"
    )]
    Unnameable(Identity),
    #[error("cannot read the settings in {}", path.display())]
    SettingsFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}, line {line}", path.display())]
    SettingsLine {
        path: PathBuf,
        line: usize,
        #[source]
        source: ConfigError,
    },
    #[error("cannot read the recording in {}", path.display())]
    RecordingFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot make the directory {}", path.display())]
    RecordingDirectory {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot use {}", path.display())]
    Recording {
        path: PathBuf,
        #[source]
        source: RecordingFileError,
    },
    #[error("{} holds a state that no connection comes into", .0.display())]
    MadeUpRecording(PathBuf),
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] bowline_hub::dev::DevError),
    #[cfg(feature = "hub")]
    #[error("the hub has ended by itself")]
    HubEnded,
    #[error("nothing says how the two find each other: --signal, --hub or BOWLINE_HUB")]
    NoMeeting,
    #[error(transparent)]
    HubConfig(#[from] HubConfigError),
    #[error("the hub does not let this side in: {0}")]
    HubRefused(String),
    #[error("not signed in to the hub within {} s: {text}", after.as_secs_f32())]
    NoHub { after: Duration, text: String },
    #[error("cannot start the server")]
    Listen(#[from] ListenError),
    #[error("cannot carry signals on {addr}")]
    SignalServer {
        addr: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot connect")]
    Connect(#[from] ConnectError),
    #[error("cannot connect to the peer")]
    ConnectP2p(#[from] ConnectP2pError),
    #[error("cannot listen for the peer")]
    ListenP2p(#[from] ListenP2pError),
    #[error("cannot use the signaling server at {addr}")]
    Signaling {
        addr: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("no connection with {peer}: {text} (reason {reason})")]
    NoPeer {
        peer: Identity,
        reason: EndReason,
        text: String,
    },
    #[error("{addr} did not answer within {} s: {text} (reason {reason})", after.as_secs_f32())]
    NoAnswer {
        addr: SocketAddr,
        after: Duration,
        reason: EndReason,
        text: String,
    },
    #[error("interrupted before {addr} answered")]
    Interrupted { addr: SocketAddr },
    #[error("{addr} refused the connection: {text} (reason {reason})")]
    Refused {
        addr: SocketAddr,
        reason: EndReason,
        text: String,
    },
    #[error("{addr} closed the connection: {text} (reason {reason})")]
    ClosedByPeer {
        addr: SocketAddr,
        reason: EndReason,
        text: String,
    },
    #[error("lost the connection to {addr}: {text} (reason {reason})")]
    Lost {
        addr: SocketAddr,
        reason: EndReason,
        text: String,
    },
    #[error("no echo from {addr} within {} s", after.as_secs_f32())]
    NoEcho { addr: SocketAddr, after: Duration },
    #[error("the last {bytes} bytes may not have arrived")]
    Undelivered { bytes: usize },
    #[error("cannot send")]
    Send(#[from] SendError),
    #[error(transparent)]
    Cert(#[from] crate::cmd::cert::CertError),
    #[error("cannot read {}", path.display())]
    Program {
        path: PathBuf,
        #[source]
        source: crate::cmd::abi_lint::ProgramError,
    },
    #[error("{0}")]
    Other(String),
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    #[error("cannot watch for Ctrl-C")]
    Signals(#[source] io::Error),
}

impl Error {
    /// The error and what caused it, in one line.
    pub(crate) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let more = error.to_string();
            // Some say what caused them by themselves.
            if !text.contains(&more) {
                text.push_str(": ");
                text.push_str(&more);
            }
            cause = error.source();
        }
        text
    }

    /// What the command ends with: 2 where 1 is an answer, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if matches!(self, Self::Program { .. }) {
            ExitCode::from(2)
        } else {
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_in_one_line() {
        let addr = "127.0.0.1:27015".parse().unwrap();
        let error = Error::from(ListenError::AddressInUse { addr });
        assert_eq!(
            error.with_causes(),
            "cannot start the server: 127.0.0.1:27015 is in use"
        );
    }

    #[test]
    fn regression_a_cause_is_told_once() {
        let error = bowline::hub::HubConfig::new("127.0.0.1:1", "AAAA").unwrap_err();
        let text = Error::from(error).with_causes();
        assert_eq!(text, "the key of the hub: the key is malformed");
    }
}
