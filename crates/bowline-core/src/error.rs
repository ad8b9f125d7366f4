//! What the commands of a connection can refuse, one type per operation.

use crate::ids::ConnectionId;
use crate::ids::LaneIndex;
use crate::ids::VirtualPort;
use crate::time::Span;

use crate::connection::ConnectionState;

/// Why a message was not accepted for sending. Nothing of it was sent or queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SendError {
    /// The connection is closed, or not in a state that takes messages.
    #[error("the connection cannot send in state {0}")]
    WrongState(ConnectionState),
    /// The message is larger than any message may be, or than the send buffer, or, with a deadline or a
    /// key, than an unreliable message may be.
    #[error("a message of {len} bytes is too large: the limit is {max}")]
    TooLarge {
        /// The size of the message in bytes.
        len: usize,
        /// The largest size in bytes.
        max: usize,
    },
    /// The send buffer has no room.
    #[error("the send buffer holds {queued_bytes} of {limit_bytes} bytes")]
    BufferFull {
        /// Bytes that wait to be sent.
        queued_bytes: usize,
        /// How many may wait.
        limit_bytes: usize,
        /// How long until this message would fit at the current rate, where that is known.
        wait: Option<Span>,
    },
    /// The lane is not configured.
    #[error("there is no lane {}: {lanes} configured", lane.get())]
    NoSuchLane {
        /// The lane that was asked for.
        lane: LaneIndex,
        /// How many lanes there are.
        lanes: usize,
    },
    /// A reliable message was given a deadline or a key, which would take its reliability away.
    #[error("a reliable message can have neither a deadline nor a key: send it unreliably")]
    OnlyUnreliable,
    /// An unreliable message with `NO_DELAY` was dropped, as asked: it would have waited for more than
    /// [`limits::MAX_NO_DELAY_WAIT`](crate::limits::MAX_NO_DELAY_WAIT), or there is no connection yet.
    #[error("the message could not leave within 200 ms and was dropped")]
    NotNow,
}

/// Why a virtual port cannot be listened on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ListenP2pError {
    /// There is a listener already.
    #[error("somebody listens on virtual port {0} already")]
    PortInUse(VirtualPort),
    /// [`limits::MAX_VIRTUAL_PORTS`](crate::limits::MAX_VIRTUAL_PORTS) are listened on.
    #[error("too many virtual ports are listened on")]
    TooMany,
}

/// Why no connection to a peer could be started.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConnectP2pError {
    /// We have no identity that the peer could know us by.
    #[error("an identity of our own is needed to connect by identity")]
    NoIdentity,
    /// The peer's identity names nobody.
    #[error("the peer's identity is not set")]
    NoPeer,
    /// The settings allow no way for packets (`P2P_Transport_ICE_Enable`).
    #[error("the settings allow no direct way to the peer, and there is no relay")]
    NoTransport,
    /// There is a connection with the peer between the same virtual ports, and one of the two is symmetric.
    #[error("there is a connection with this peer on these virtual ports already")]
    AlreadyConnected(ConnectionId),
    /// Too many connections, in all or with this peer.
    #[error("too many connections")]
    TooManyConnections,
}

/// Why an endpoint does not take a connection from another one of the same process.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AdmitError {
    /// Nobody listens on that virtual port.
    #[error("nobody listens on that virtual port")]
    NotListening,
    /// There is a connection between the same virtual ports, and one of the two is symmetric.
    #[error("there is a connection between these virtual ports already")]
    Crossed,
    /// Too many connections, in all or with this peer, or too many that wait to be accepted.
    #[error("too many connections")]
    Full,
}

/// Why a connection could not be accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AcceptError {
    /// Only a connection that came in can be accepted.
    #[error("this connection was not initiated by the peer")]
    NotIncoming,
    /// Already accepted, or already closed.
    #[error("cannot accept in state {0}")]
    WrongState(ConnectionState),
    /// The key exchange failed, and the connection was closed for it.
    #[error("the peer's key exchange cannot be used")]
    BadCrypt,
}

/// Why lanes could not be configured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LaneError {
    /// There must be 1 to 255 lanes.
    #[error("{0} lanes: there must be 1 to 255")]
    BadCount(usize),
    /// Lanes cannot be taken away.
    #[error("{configured} lanes are configured: they cannot be reduced to {asked}")]
    CannotReduce {
        /// How many there are.
        configured: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// Every weight must be at least 1.
    #[error("lane {0} has a weight of zero")]
    ZeroWeight(usize),
    /// The connection is closed.
    #[error("cannot configure lanes in state {0}")]
    WrongState(ConnectionState),
    /// The peer speaks a protocol version without lanes. The connection was closed for it.
    #[error("the peer's protocol version {0} has no lanes")]
    PeerTooOld(u32),
}

/// Why a connection could not be started.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be dialled: port 0, unspecified, or multicast.
    #[error("the address cannot be dialled")]
    BadAddress,
    /// Another connection uses this socket and remote address, or did a moment ago.
    #[error("a connection to this address exists on this socket, or ended a moment ago")]
    RouteInUse,
    /// There are as many connections as there may be.
    #[error("too many connections")]
    TooManyConnections,
}

/// Any refusal of a command, for those who drive a connection through [`crate::connection::Input`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// See [`SendError`].
    #[error(transparent)]
    Send(#[from] SendError),
    /// See [`AcceptError`].
    #[error(transparent)]
    Accept(#[from] AcceptError),
    /// See [`LaneError`].
    #[error(transparent)]
    Lane(#[from] LaneError),
}
