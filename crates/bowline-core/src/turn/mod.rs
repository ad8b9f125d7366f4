//! TURN (RFC 8656): a relayed address on a server, for those whom nobody reaches directly.
//!
//! A [`TurnClient`] has one allocation, on one server, over one socket, and serves all connections that send through
//! it. It is told of time and of what the server sends; it says what to send and when to call again.
//!
//! # What it does
//!
//! * **Allocation.** `start` asks for one, first without credentials, as the server wants to name its realm first. It
//!   is refreshed at half of its life. A server that has forgotten it is asked for another, a few times; one that does
//!   not answer until the life is over has vanished.
//! * **Credentials.** 401 is answered once, 438 (a new nonce) a few times per request. Once credentials are used, no
//!   answer counts whose integrity does not hold.
//! * **Peers.** The server lets nobody through for whom there is no permission. `permit` asks for one for the peer's IP
//!   address, and for a channel for its address and port, so that data costs 4 bytes and not 36 to 51. Both are asked
//!   for again, four and eight minutes later, if anything was sent or received meanwhile. Else they lapse, so
//!   that nobody has to say that a peer is no longer wanted.
//! * **Bounds.** At most [`MAX_TURN_REQUESTS`](crate::limits::MAX_TURN_REQUESTS) requests for peers are under way; the
//!   others wait. Whatever a server answers, each request ends after 5.3 s, and what follows it is a failure with a
//!   name or a wait of seconds: no server makes it spin.
//!
//! # How it is made
//!
//! `request` holds what is under way, whatever it is for; `auth` the credentials; `peers` the permissions and channels,
//! each a `grant`; `channel_data` the short form of data. `client` drives them, and `answer` reads what comes.
//!
//! The server's answers are looked at, its address is not: whoever owns the socket hands over what comes from
//! [`TurnClient::server`].

mod answer;
mod auth;
mod channel_data;
mod client;
mod grant;
mod memory;
mod peers;
mod request;
#[cfg(test)]
mod tests;

pub use self::client::TurnClient;

use alloc::string::String;
use core::fmt;
use core::net::SocketAddr;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::limits::MAX_STUN_USERNAME;
use crate::limits::MAX_TURN_PEERS;
use crate::stun::AddressFamily;

/// Where an allocation is wanted, and whose.
#[derive(Clone, Eq, PartialEq)]
pub struct TurnConfig {
    /// The server.
    pub server: SocketAddr,
    /// The account; empty if there is none.
    pub user: String,
    /// Its password.
    pub password: Zeroizing<String>,
    /// Which kind of relayed address is wanted.
    pub family: AddressFamily,
}

impl fmt::Debug for TurnConfig {
    /// Does not show the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnConfig")
            .field("server", &self.server)
            .field("user", &self.user)
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}

/// How it stands with an allocation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TurnState {
    /// None was asked for, or it was given back.
    Idle,
    /// The server is being asked.
    Allocating,
    /// There is one.
    Allocated {
        /// The address at the server that stands for ours.
        relayed: SocketAddr,
        /// How the server sees our socket: a server-reflexive address, too.
        mapped: SocketAddr,
    },
    /// It is being given back.
    Closing,
    /// There is none, and nothing is done about it until `start`.
    Failed(TurnFailure),
}

/// Why there is no allocation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum TurnFailure {
    /// Nothing came back.
    #[error("the TURN server does not answer")]
    NoAnswer,
    /// What came back was not what the protocol allows.
    #[error("the TURN server answers nonsense")]
    Garbage,
    /// The integrity of the answers does not hold: the password is not the one that the server has, or somebody
    /// else answers.
    #[error("the TURN server's answers do not prove that it knows the password")]
    Untrusted,
    /// The server wants credentials, and there are none.
    #[error("the TURN server wants a user name and a password, and none are configured")]
    NoCredentials,
    /// The user name does not fit into a message.
    #[error("the user name for the TURN server is longer than {MAX_STUN_USERNAME} bytes")]
    UserTooLong,
    /// The server does not take the credentials.
    #[error("the TURN server does not accept the user name or the password")]
    WrongCredentials,
    /// The server names a new nonce again and again.
    #[error("the TURN server takes no nonce, not even those that it hands out")]
    NonceLoop,
    /// The server says that it has an allocation for this socket, and does not give it up.
    #[error("the TURN server holds on to an earlier allocation of this socket")]
    Mismatch,
    /// The account has as many as it may have.
    #[error("the TURN server's quota for this user is used up")]
    Quota,
    /// The server has no more.
    #[error("the TURN server has no capacity left")]
    Capacity,
    /// The server does not serve us.
    #[error("the TURN server forbids it")]
    Forbidden,
    /// The server has no addresses of that kind.
    #[error("the TURN server has no relayed addresses of this family")]
    Family,
    /// The server sends us to another one, which does so too or cannot be one.
    #[error("the TURN server sends us elsewhere, and nobody there either serves us")]
    Redirected,
    /// The server forgets its allocations as soon as they are made.
    #[error("the TURN server forgets its allocations")]
    Forgotten,
    /// The server had given an allocation, and was not heard of until its life was over.
    #[error("the TURN server has vanished")]
    Vanished,
    /// Another refusal, by its number (RFC 8489, section 14.8, and RFC 8656, section 19).
    #[error("the TURN server refuses with error {0}")]
    Refused(u16),
    /// The system refuses to send to the server.
    #[error("nothing can be sent to the TURN server from here")]
    Unreachable,
}

/// What a datagram of the server was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TurnInput {
    /// Something between the server and us.
    Handled,
    /// Data that a peer sent to the relayed address.
    Data {
        /// Who sent it.
        peer: SocketAddr,
        /// Where in the datagram it is.
        payload: Range<usize>,
    },
}

/// What became of data for a peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wrapped {
    /// The datagram was appended.
    Now,
    /// Nothing was: it leaves once the server lets the peer through.
    Held,
}

/// Why a peer cannot be reached through the relay.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TurnSendError {
    /// There is no allocation, or not yet.
    #[error("there is no allocation on the TURN server")]
    NotAllocated,
    /// The server refuses to let the peer through, with this error.
    #[error("the TURN server refuses the peer with error {0}")]
    PeerRefused(u16),
    /// The peer's address is of another family than the relayed one.
    #[error("the peer's address is of another family than the relayed address")]
    WrongFamily,
    /// There are as many peers as there may be.
    #[error("there are {MAX_TURN_PEERS} peers at the allocation already")]
    TooManyPeers,
    /// More bytes than fit into a datagram.
    #[error("{0} bytes do not fit into a datagram that is relayed")]
    TooLong(usize),
}
