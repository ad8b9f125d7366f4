//! What the application hears of its connections.

use std::net::SocketAddr;

use bowline_core::config::CallbackToken;
use bowline_core::connection::ConnectionState;
use bowline_core::crypto::packet::KeyEpoch;
use bowline_core::end_reason::EndReason;
use bowline_core::end_reason::Rejection;
use bowline_core::endpoint::AuthenticationStatus;
use bowline_core::extensions::ExtensionSet;
use bowline_core::identity::Identity;

use crate::connection::Connection;
use crate::info_flags::InfoFlags;
use crate::listener::ListenerId;
use crate::packets::P2pSessionError;

/// Something that happened to a connection or to our certificate; read with [`Sockets::next_event`](crate::Sockets::next_event).
///
/// Events of one connection come in the order in which they happened, and none is lost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection was made, changed its state, or is gone.
    ConnectionChanged(ConnectionEvent),
    /// There is room in the send buffer again, after a send was refused with
    /// [`SendError::BufferFull`](crate::SendError::BufferFull): half of it is free, and the largest message
    /// that was refused fits. Told once, until the next refusal.
    Writable(Connection),
    /// Our own certificate came or went: the availability has another value than before.
    AuthenticationChanged {
        /// The availability now, and why.
        status: AuthenticationStatus,
        /// For bindings: the [`ConfigKey::CallbackAuthStatusChanged`](crate::ConfigKey::CallbackAuthStatusChanged)
        /// that the interface had when it happened.
        callback: CallbackToken,
    },
    /// A peer wants to send messages by its identity ([`Messages`](crate::Messages)): accept the session, send
    /// something, or close it. Told again about every 10 s while the peer keeps asking.
    MessagesSessionRequest {
        /// Who asks.
        peer: Identity,
        /// For bindings: the
        /// [`ConfigKey::CallbackMessagesSessionRequest`](crate::ConfigKey::CallbackMessagesSessionRequest) that the
        /// interface had when it happened.
        callback: CallbackToken,
    },
    /// The connection of a session failed, or never came about. Not told when it was ended without anything under
    /// way.
    MessagesSessionFailed {
        /// The connection as it was then, with the reason.
        info: Box<ConnectionInfo>,
        /// For bindings: the
        /// [`ConfigKey::CallbackMessagesSessionFailed`](crate::ConfigKey::CallbackMessagesSessionFailed) that the
        /// interface had when it happened.
        callback: CallbackToken,
    },
    /// There is room in the send buffer of a session again, after a message was refused because it was full
    /// ([`SendError::BufferFull`](crate::SendError::BufferFull)): half of it is free. Told once, until the next refusal.
    MessagesWritable {
        /// Who may be sent to again.
        peer: Identity,
    },
    /// The same for packets.
    PacketsWritable {
        /// Who may be sent to again.
        peer: Identity,
    },
    /// A peer wants to send packets by its identity ([`Packets`](crate::Packets)): accept the session, send something,
    /// or close it. Told again about every 10 s while the peer keeps asking.
    PacketsSessionRequest {
        /// Who asks.
        peer: Identity,
    },
    /// A peer was not reached, or packets to it were under way when its session ended. Those that were queued are
    /// gone.
    PacketsSessionFailed {
        /// Who it is.
        peer: Identity,
        /// What Steam would have said.
        error: P2pSessionError,
        /// The connection as it was then, with the reason in full.
        info: Box<ConnectionInfo>,
    },
    /// Our own certificate has a third of its life left. Let the authority sign a new
    /// [`request`](crate::Sockets::certificate_request), and hand that to
    /// [`set_certificate`](crate::Sockets::set_certificate). Told once for each certificate.
    CertificateExpiring {
        /// The last second in which it holds, since 1970.
        expiry_unix_secs: u64,
    },
}

impl Event {
    /// For bindings: the callback that was in force when it happened; none if it is of a kind without.
    pub const fn callback(&self) -> CallbackToken {
        match self {
            Self::ConnectionChanged(change) => change.callback,
            Self::AuthenticationChanged { callback, .. }
            | Self::MessagesSessionRequest { callback, .. }
            | Self::MessagesSessionFailed { callback, .. } => *callback,
            Self::Writable(_)
            | Self::MessagesWritable { .. }
            | Self::PacketsWritable { .. }
            | Self::PacketsSessionRequest { .. }
            | Self::PacketsSessionFailed { .. }
            | Self::CertificateExpiring { .. } => CallbackToken::NONE,
        }
    }
}

/// A connection moved from one state to another.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionEvent {
    /// The connection.
    pub connection: Connection,
    /// The state before; [`ConnectionState::None`] if it was just made.
    pub old: ConnectionState,
    /// The state now; [`ConnectionState::None`] if this application closed it, in which case the handle
    /// is stale and serves only to be recognised.
    pub new: ConnectionState,
    /// The connection as it was at that moment.
    pub info: ConnectionInfo,
    /// For bindings: the [`ConfigKey::CallbackConnectionStatusChanged`](crate::ConfigKey::CallbackConnectionStatusChanged)
    /// that the connection had at that moment, of its own or inherited.
    pub callback: CallbackToken,
    pub(crate) is_request: bool,
}

impl ConnectionEvent {
    /// Whether a peer asks to connect: accept or close the connection.
    pub const fn is_request(&self) -> bool {
        self.is_request
    }

    /// Whether the connection ended, through the peer or through a problem. It stays readable until it
    /// is closed, and must be closed.
    pub fn is_ended(&self) -> bool {
        matches!(
            self.new,
            ConnectionState::ClosedByPeer | ConnectionState::ProblemDetectedLocally
        )
    }
}

/// A connection as it is at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Who the peer says it is, once it has said so.
    pub identity: Option<Identity>,
    /// Whether a trusted certificate vouches for the identity, or the peer was called by it in this process.
    pub authenticated: bool,
    /// Whether packets are encrypted.
    pub encrypted: bool,
    /// The state.
    pub state: ConnectionState,
    /// Why it ended, [`EndReason::INVALID`] while it has not.
    pub end_reason: EndReason,
    /// Why it ended, in words.
    pub end_text: String,
    /// Why the server refused to connect, if it did before its application heard of us, and is set to
    /// tell.
    pub rejection: Option<Rejection>,
    /// What both sides have agreed on beyond GNS; empty with a GNS peer.
    pub extensions: ExtensionSet,
    /// The epoch of the key that packets are sealed with; the first one until keys are replaced.
    pub send_epoch: KeyEpoch,
    /// The epoch of the key that the peer seals with, as far as seen.
    pub recv_epoch: KeyEpoch,
    /// Security and kind of the connection.
    pub flags: InfoFlags,
    /// What the connection is called in logs: its number, its kind, the peer, and the name if it has one.
    /// `#65538 UDP str:bob@1.2.3.4:27015 'lobby'`
    pub description: String,
    /// Where the peer is; `[::]:0` for the other end of a pipe.
    pub remote_addr: SocketAddr,
    /// The data center that the peer is in; 0 if it is in none, or none is known.
    pub remote_pop: u32,
    /// The data center of the relay on the way to the peer; 0 if there is none.
    pub pop_relay: u32,
    /// Which listener it came in on; `None` if this side dialled.
    pub listener: Option<ListenerId>,
    /// The number that the application attached; -1 if it attached none.
    pub user_data: i64,
    /// The name that the application gave it, empty if none.
    pub name: String,
}
