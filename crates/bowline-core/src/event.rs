//! What a connection tells its owner, and what connection and endpoint tell each other.

use serde::Deserialize;
use serde::Serialize;

use crate::connection::ConnectionState;
use crate::ice::LocalCandidate;
use crate::ice::ServerFailure;
use crate::ids::ConnectionId;
use crate::ids::LocalId;
use crate::transmit::Via;

/// What the application should hear of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// The connection moved from one state to another.
    StateChanged {
        /// The state before.
        old: ConnectionState,
        /// The state now.
        new: ConnectionState,
    },
    /// There is room again after a send was refused with `BufferFull`.
    Writable,
}

/// What a connection tells the endpoint that routes its packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ToEndpoint {
    /// The peer's name for the connection is known now.
    RemoteId(ConnectionId),
    /// The peer's server finds connections by ID, so that one socket may hold several to it.
    FindsByConnectionId,
    /// An incoming connection was decided upon, by the application or by a failure.
    Decided,
    /// The connection is over and may be forgotten. Said once, as the last thing.
    Dead,
    /// The peer's receive window should be so much larger than the one it began with. Less than before
    /// is given back; all else is answered by [`ToConnection::ReceiveWindow`].
    ReceiveWindow {
        /// So much, in bytes.
        bytes: u64,
        /// What the windows of all connections may be larger, by the settings.
        budget_bytes: u64,
    },
    /// A connection between peers has ended; it still answers, but another may take its place.
    Over,
    /// A connection between peers looks for ways out of this host, as its settings allow.
    WantsWays,
    /// The relay that lends us that address should let packets of the peer's address in.
    Permit(Via),
    /// The peer does not answer along the way that was taken: perhaps the addresses of this host have changed, so
    /// whoever owns the endpoint had better look ([`Endpoint::set_interfaces`]).
    ///
    /// [`Endpoint::set_interfaces`]: crate::endpoint::Endpoint::set_interfaces
    DoubtsWay,
}

/// What the endpoint tells a connection ([`Connection::handle_endpoint`]).
///
/// [`Connection::handle_endpoint`]: crate::connection::Connection::handle_endpoint
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ToConnection {
    /// The peer's receive window may be so much larger than the one it began with, in bytes.
    ReceiveWindow(u64),
    /// There is such a way out of this host.
    LocalCandidate(LocalCandidate),
    /// An end of ours is no more, and all its candidates with it.
    LocalGone(LocalId),
    /// The candidates so far are those that come soon.
    LocalsKnown,
    /// A STUN or TURN server does not do what it is for.
    ServerFailed(ServerFailure),
}

/// What a timer of a connection is for; told with the deadline, so that a wake-up can be explained.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TimerKind {
    /// Time limit of the handshake, or of the application's decision.
    Initial,
    /// Next attempt of the handshake.
    HandshakeRetry,
    /// Small messages have waited long enough for company.
    Nagle,
    /// The rate allows the next packet.
    Pace,
    /// An acknowledgement is due.
    Ack,
    /// Unacknowledged data is taken for lost, or goes again before it is known to be.
    Retransmit,
    /// The peer should have replied by now.
    ReplyTimeout,
    /// Nothing was received for long.
    Keepalive,
    /// Statistics are due.
    Stats,
    /// A closed connection need not answer any longer.
    FinWait,
    /// A lingering connection gives up on a peer that acknowledges nothing.
    Linger,
    /// A sealed close that the peer did not acknowledge goes out again.
    CloseRetry,
    /// A message that waits grows too old to be sent.
    Expiry,
    /// A packet has waited long enough for the one before it.
    Reorder,
    /// A signal for the peer is due.
    Signal,
    /// A way to the peer is to be tried, or asked after.
    Way,
}

impl TimerKind {
    /// How many kinds there are.
    pub const COUNT: usize = Self::Way as usize + 1;

    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Initial,
        Self::HandshakeRetry,
        Self::Nagle,
        Self::Pace,
        Self::Ack,
        Self::Retransmit,
        Self::ReplyTimeout,
        Self::Keepalive,
        Self::Stats,
        Self::FinWait,
        Self::Linger,
        Self::CloseRetry,
        Self::Expiry,
        Self::Reorder,
        Self::Signal,
        Self::Way,
    ];
}
