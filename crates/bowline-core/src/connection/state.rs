//! The states of a connection, each with what only it needs.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::connection::CloseProgress;
use crate::end_reason::EndReason;
use crate::end_reason::Rejection;
use crate::handshake::client::Dialing;
use crate::handshake::server::Answered;
use crate::handshake::server::Deciding;
use crate::time::Timestamp;

/// The state of a connection, with GNS's numbers. Negative ones are of interest only to those who
/// drive connections: an application that closed a connection no longer sees it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[repr(i32)]
pub enum ConnectionState {
    /// There is no connection.
    None = 0,
    /// Being set up, or waiting for the application to accept.
    Connecting = 1,
    /// Looking for a route to the peer (rendezvous only).
    FindingRoute = 2,
    /// Messages flow.
    Connected = 3,
    /// The peer closed it. What it sent can still be read.
    ClosedByPeer = 4,
    /// A failure was noticed here. What was received can still be read.
    ProblemDetectedLocally = 5,
    /// Closed by the application; still answers the peer.
    FinWait = -1,
    /// Closed by the application; still delivers what was sent reliably.
    Linger = -2,
    /// Over.
    Dead = -3,
}

impl ConnectionState {
    /// Whether the connection has ended, for whatever reason, as the application sees it.
    pub const fn is_closed(self) -> bool {
        !matches!(
            self,
            Self::Connecting | Self::FindingRoute | Self::Connected
        )
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a connection ended, as told to the application or to the peer.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct End {
    pub(crate) reason: EndReason,
    pub(crate) text: String,
    /// When a packet that came late was answered last.
    pub(crate) answered_at: Option<Timestamp>,
    /// What became of a close inside the encryption.
    pub(crate) progress: CloseProgress,
    /// The typed cause, if a server refused to connect and told it.
    pub(crate) rejection: Option<Rejection>,
    /// Nothing was under way in either direction. Nothing that is sent depends on it, so recordings do without.
    #[serde(skip)]
    pub(crate) was_quiet: bool,
}

/// The state with its data.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// We dial; no keys yet.
    Dialing(Box<Dialing>),
    /// A peer dials; the application decides.
    Deciding(Box<Deciding>),
    /// Signals carry the exchange, or no way for packets is known to work yet.
    Rendezvous {
        /// How far it has come.
        stage: Stage,
        /// Since when.
        since: Timestamp,
    },
    /// Keys are there.
    Connected {
        /// For repeating our ConnectOK, until the peer has shown that it has it.
        answered: Option<Box<Answered>>,
    },
    /// Keys are there, reliable data is still to be delivered, then it closes.
    Linger {
        /// As in [`State::Connected`].
        answered: Option<Box<Answered>>,
        /// When the application closed.
        since: Timestamp,
    },
    /// The peer closed.
    ClosedByPeer,
    /// A failure here.
    Failed,
    /// Closed here.
    FinWait { until: Timestamp, peer_closed: bool },
    /// Over.
    Dead,
}

/// How far two peers have come that exchange signals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// We have asked.
    Calling,
    /// The peer has asked; the application decides.
    Called,
    /// Keys are there; what is missing is a way for packets.
    FindingRoute,
}

impl State {
    /// What the state is called outside.
    pub(crate) const fn public(&self) -> ConnectionState {
        match self {
            Self::Dialing(_) | Self::Deciding(_) => ConnectionState::Connecting,
            Self::Rendezvous { stage, .. } => match stage {
                Stage::Calling | Stage::Called => ConnectionState::Connecting,
                Stage::FindingRoute => ConnectionState::FindingRoute,
            },
            Self::Connected { .. } => ConnectionState::Connected,
            Self::Linger { .. } => ConnectionState::Linger,
            Self::ClosedByPeer => ConnectionState::ClosedByPeer,
            Self::Failed => ConnectionState::ProblemDetectedLocally,
            Self::FinWait { .. } => ConnectionState::FinWait,
            Self::Dead => ConnectionState::Dead,
        }
    }

    /// Whether the application does not read any more, though data packets flow.
    pub(crate) const fn is_unread(&self) -> bool {
        matches!(self, Self::Linger { .. })
    }

    /// Whether data packets flow.
    pub(crate) const fn is_active(&self) -> bool {
        matches!(self, Self::Connected { .. } | Self::Linger { .. })
    }
}
