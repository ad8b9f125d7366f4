//! What each operation can refuse, one type per operation.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bowline_core::cert::credentials::CredentialsError;
use bowline_core::config::ConfigError;
use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::error as core;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::LaneIndex;
use bowline_core::ids::VirtualPort;

use crate::driver::limits;

/// The handle names no connection: it was closed by this application, or its `Sockets` is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such connection: it was closed")]
pub struct NoSuchConnection;

/// Why the sockets interface could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Entropy(#[source] io::Error),
    /// The operating system gave no means of waiting for sockets.
    #[error("cannot wait for sockets")]
    Poller(#[source] io::Error),
    /// A service thread could not be started.
    #[error("cannot start a service thread")]
    Thread(#[source] io::Error),
    /// There cannot be so many service threads.
    #[error(
        "{threads} service threads: from 1 to {} are possible",
        limits::MAX_SERVICE_THREADS
    )]
    ServiceThreads {
        /// How many were asked for.
        threads: usize,
    },
    /// The certificate cannot be ours.
    #[error(transparent)]
    Certificate(#[from] CredentialsError),
    /// A setting cannot be one of an interface.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Why nothing listens at the address now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Another socket has the port.
    #[error("{addr} is in use")]
    AddressInUse {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// This machine does not have the address.
    #[error("{addr} is not an address of this machine")]
    AddressNotAvailable {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The operating system does not allow it; ports below 1024 are often reserved.
    #[error("not allowed to listen on {addr}")]
    PermissionDenied {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The address cannot be listened on, multicast for example.
    #[error("{addr} cannot be listened on")]
    BadAddress {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// A setting cannot be one of a listener.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Anything else.
    #[error("cannot listen on {addr}")]
    Io {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl ListenError {
    pub(crate) fn new(addr: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { addr },
            io::ErrorKind::AddrNotAvailable => Self::AddressNotAvailable { addr },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { addr },
            _ => Self::Io { addr, source },
        }
    }
}

/// Why no connection was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address cannot be dialled: port 0, unspecified, or multicast.
    #[error("{addr} cannot be dialled")]
    BadAddress {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// There are as many connections as there may be.
    #[error("too many connections")]
    TooManyConnections,
    /// 65,536 events wait to be read; none may be lost, so read them first.
    #[error("too many events wait to be read")]
    TooManyEvents,
    /// A setting cannot be one of a connection.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No socket to dial from.
    #[error("cannot open a socket to dial {addr}")]
    Socket {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// Why no pair of connections was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairError {
    /// There are as many connections as there may be.
    #[error("too many connections")]
    TooManyConnections,
    /// 65,536 events wait to be read; none may be lost, so read them first.
    #[error("too many events wait to be read")]
    TooManyEvents,
    /// A setting cannot be one of a connection.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No socket on 127.0.0.1.
    #[error("cannot open a socket on 127.0.0.1")]
    Socket(#[source] io::Error),
}

/// Why nobody listens on the virtual port now.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenP2pError {
    /// This interface has a listener on it already.
    #[error("virtual port {port} has a listener already")]
    PortInUse {
        /// The virtual port that was asked for.
        port: VirtualPort,
    },
    /// There are as many listeners as there may be.
    #[error("too many virtual ports have listeners")]
    TooMany,
    /// A setting cannot be one of a listener.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl From<core::ListenP2pError> for ListenP2pError {
    fn from(error: core::ListenP2pError) -> Self {
        match error {
            core::ListenP2pError::PortInUse(port) => Self::PortInUse { port },
            core::ListenP2pError::TooMany => Self::TooMany,
        }
    }
}

/// Why no connection to a peer was started.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectP2pError {
    /// This side has no identity ([`SocketsBuilder::identity`](crate::SocketsBuilder::identity)) that the peer
    /// could answer to.
    #[error("this side has no identity that the peer could answer to")]
    NoIdentity,
    /// The peer's identity names nobody.
    #[error("the identity of the peer names nobody")]
    NoPeer,
    /// Nothing carries signals to the peer: no hub was signed in to ([`Sockets::sign_in`](crate::Sockets::sign_in)), and no
    /// signaling is set ([`Sockets::set_signaling`](crate::Sockets::set_signaling)).
    #[error("nothing carries signals to the peer: sign in to a hub, or set a signaling")]
    NoSignaling,
    /// The settings allow no way for packets: [`ConfigKey::P2pTransportIceEnable`](crate::ConfigKey::P2pTransportIceEnable).
    #[error("the settings allow no way between the two (P2P_Transport_ICE_Enable)")]
    NoTransport,
    /// There is such a connection with the peer already, and one of the two is
    /// [symmetric](crate::ConfigKey::SymmetricConnect).
    #[error("connection #{} with this peer stands already on these virtual ports", id.get())]
    AlreadyConnected {
        /// That one.
        id: ConnectionId,
    },
    /// The peer had asked for the same connection, but it ended while it was accepted.
    #[error("the peer's own request ended while it was accepted")]
    Gone,
    /// There are as many connections as there may be, in all or with this peer.
    #[error("too many connections")]
    TooManyConnections,
    /// The peer, which is in this process, has as many connections as there may be, in all or with this side, or as
    /// many requests or events that wait.
    #[error("the peer takes no more connections")]
    PeerBusy,
    /// 65,536 events wait to be read; none may be lost, so read them first.
    #[error("too many events wait to be read")]
    TooManyEvents,
    /// A setting cannot be one of a connection.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Why no connection to a peer in this process could be started.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectWithinError {
    /// No [`Sockets`](crate::Sockets) of this process has that identity and that app ID, or it is about to call this
    /// side itself, by signals.
    #[error("nobody in this process has that identity")]
    NotHere,
    /// Somebody has that identity, but does not listen on that virtual port.
    #[error("the peer is in this process, but does not listen on virtual port {port}")]
    NotListening {
        /// That one.
        port: VirtualPort,
    },
    /// For a cause that does not depend on where the peer is.
    #[error(transparent)]
    Refused(#[from] ConnectP2pError),
}

impl From<core::ConnectP2pError> for ConnectP2pError {
    fn from(error: core::ConnectP2pError) -> Self {
        match error {
            core::ConnectP2pError::NoIdentity => Self::NoIdentity,
            core::ConnectP2pError::NoPeer => Self::NoPeer,
            core::ConnectP2pError::NoTransport => Self::NoTransport,
            core::ConnectP2pError::AlreadyConnected(id) => Self::AlreadyConnected { id },
            core::ConnectP2pError::TooManyConnections => Self::TooManyConnections,
        }
    }
}

/// Why a signal did nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// It was dropped, and counted under this reason.
    #[error("the signal was dropped: {0}")]
    Dropped(DropReason),
    /// It asks for a connection, and 65,536 events wait to be read.
    #[error("too many events wait to be read")]
    TooManyEvents,
}

/// Why a connection was not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// See [`NoSuchConnection`].
    #[error(transparent)]
    NoSuchConnection(#[from] NoSuchConnection),
    /// Only a connection that came in can be accepted.
    #[error("this connection was not initiated by the peer")]
    NotIncoming,
    /// Already accepted, or ended before.
    #[error("cannot accept in state {0}")]
    WrongState(ConnectionState),
    /// The key exchange failed, and the connection was closed for it.
    #[error("the peer's key exchange cannot be used")]
    BadCrypt,
}

impl From<core::AcceptError> for AcceptError {
    fn from(error: core::AcceptError) -> Self {
        match error {
            core::AcceptError::NotIncoming => Self::NotIncoming,
            core::AcceptError::WrongState(state) => Self::WrongState(state),
            core::AcceptError::BadCrypt => Self::BadCrypt,
        }
    }
}

/// Why a message was not accepted for sending. Nothing of it was sent or queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// See [`NoSuchConnection`].
    #[error(transparent)]
    NoSuchConnection(#[from] NoSuchConnection),
    /// The connection has ended, or does not take messages yet.
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
    /// The send buffer has no room. [`Event::Writable`](crate::Event::Writable) tells when it has.
    #[error("the send buffer holds {queued_bytes} of {limit_bytes} bytes")]
    BufferFull {
        /// Bytes that wait to be sent.
        queued_bytes: usize,
        /// How many may wait.
        limit_bytes: usize,
        /// How long until this message would fit at the current rate, where that is known.
        wait: Option<Duration>,
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
    /// 200 ms, or there is no connection yet.
    #[error("the message could not leave within 200 ms and was dropped")]
    NotNow,
}

impl From<core::SendError> for SendError {
    fn from(error: core::SendError) -> Self {
        match error {
            core::SendError::WrongState(state) => Self::WrongState(state),
            core::SendError::TooLarge { len, max } => Self::TooLarge { len, max },
            core::SendError::BufferFull {
                queued_bytes,
                limit_bytes,
                wait,
            } => Self::BufferFull {
                queued_bytes,
                limit_bytes,
                wait: wait.map(Duration::from),
            },
            core::SendError::NoSuchLane { lane, lanes } => Self::NoSuchLane { lane, lanes },
            core::SendError::OnlyUnreliable => Self::OnlyUnreliable,
            core::SendError::NotNow => Self::NotNow,
        }
    }
}

/// Why a setting of a connection was not changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// See [`NoSuchConnection`].
    #[error(transparent)]
    NoSuchConnection(#[from] NoSuchConnection),
    /// The value or the setting is at fault.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Why there is no status of a lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// See [`NoSuchConnection`].
    #[error(transparent)]
    NoSuchConnection(#[from] NoSuchConnection),
    /// The lane is not configured.
    #[error("lane {} is not configured", lane.get())]
    NoSuchLane {
        /// The lane that was asked for.
        lane: LaneIndex,
    },
}

/// Why lanes were not configured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LaneError {
    /// See [`NoSuchConnection`].
    #[error(transparent)]
    NoSuchConnection(#[from] NoSuchConnection),
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
    /// The connection has ended.
    #[error("cannot configure lanes in state {0}")]
    WrongState(ConnectionState),
    /// The peer speaks a protocol version without lanes. The connection was closed for it.
    #[error("the peer's protocol version {0} has no lanes")]
    PeerTooOld(u32),
}

impl From<core::LaneError> for LaneError {
    fn from(error: core::LaneError) -> Self {
        match error {
            core::LaneError::BadCount(count) => Self::BadCount(count),
            core::LaneError::CannotReduce { configured, asked } => {
                Self::CannotReduce { configured, asked }
            }
            core::LaneError::ZeroWeight(lane) => Self::ZeroWeight(lane),
            core::LaneError::WrongState(state) => Self::WrongState(state),
            core::LaneError::PeerTooOld(version) => Self::PeerTooOld(version),
        }
    }
}

/// Why a connection was not put into a poll group.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PollGroupError {
    /// See [`NoSuchConnection`].
    #[error(transparent)]
    NoSuchConnection(#[from] NoSuchConnection),
    /// The poll group belongs to another `Sockets`.
    #[error("the poll group belongs to another sockets interface")]
    ForeignPollGroup,
    /// The poll group has ended: see [`PollGroup::end`](crate::PollGroup::end).
    #[error("the poll group has ended")]
    Ended,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_errors_name_the_address() {
        let addr: SocketAddr = "127.0.0.1:27015".parse().unwrap();
        let error = ListenError::new(addr, io::Error::from(io::ErrorKind::AddrInUse));
        assert!(matches!(error, ListenError::AddressInUse { addr: told } if told == addr));
        assert_eq!(error.to_string(), "127.0.0.1:27015 is in use");
    }

    #[test]
    fn a_refused_send_tells_the_limit() {
        let error = SendError::from(core::SendError::TooLarge { len: 10, max: 9 });
        assert_eq!(
            error.to_string(),
            "a message of 10 bytes is too large: the limit is 9"
        );
    }
}
