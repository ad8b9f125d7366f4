//! Interactive connectivity establishment (RFC 8445), in the dialect of GNS.
//!
//! Two peers that exchange signals tell each other their addresses (*candidates*), try each of theirs with each
//! of the other's (*pairs*) by STUN requests (*checks*), and settle on the best pair that works. It is split by whom
//! things belong to:
//!
//! * What belongs to a socket, and is the same for all connections that use it, is found out by the
//!   [`gather::Gatherer`] of the endpoint: which addresses this host has, how NATs show them (STUN), and which addresses relays
//!   lend (TURN). It gives each of our ends a [`LocalId`].
//! * What belongs to a connection is done by its [`IceAgent`]: credentials, the peer's candidates, checks, the
//!   choice of a pair, and asking again and again whether the peer still agrees (consent, RFC 7675).
//!
//! The agent does neither input nor output. It is given candidates, STUN messages and the time, and has packets to
//! send, events, and a deadline. Drain all three after each input.
//!
//! ```text
//! gatherer ──add_local──▶ ┌───────────┐ ──SignalCandidate──▶ the peer, by signals
//! signals ──add_remote──▶ │ IceAgent  │ ──Selected, Lost──▶ the connection's path
//! sockets ─handle_stun──▶ │ checklist │ ──Permit──▶ the relay of a candidate
//!                         └───────────┘ ──poll_transmit──▶ sockets
//! ```
//!
//! # Roles and nomination
//!
//! One side is controlling: it chooses. The first pair that answers is chosen at once, by a second
//! check that says so; a better one that answers later replaces it. The controlled side follows the latest choice.
//! Checks that ask for consent repeat the choice, so that both agree in the end whatever was lost.
//!
//! # Loss
//!
//! A check leaves five times within 3.25 s, the first one of a pair once more after 100 ms, and each whenever the
//! peer's comes along the same way. A pair that failed is tried again later for as long as nothing is selected: the
//! peer's NAT may have opened meanwhile, and at 20 % loss a whole check is lost now and then. While a relay is
//! selected, direct pairs are tried again for a minute or two.
//!
//! # Hiding
//!
//! What the settings do not allow does not exist for the agent: with relays alone it knows no socket of this host, so
//! that no packet, candidate or text of its own can name one.
//!
//! `agent` has the surface, `pairing` takes candidates in, `checks` sends and answers checks, `nominate` chooses, `consent` watches over the
//! choice; `checklist` and `pair` hold what is tried, [`candidate`] and [`credentials`] what peers tell each
//! other, `dialect` what GNS does in its own way.

mod agent;
pub mod candidate;
mod checklist;
mod checks;
mod consent;
pub mod credentials;
mod dialect;
pub mod gather;
mod memory;
mod nominate;
mod pair;
mod pairing;
pub mod story;
#[cfg(test)]
mod tests;
mod types;

pub use self::agent::IceAgent;
pub use self::candidate::Candidate;
pub use self::candidate::CandidateKind;
pub use self::candidate::LocalCandidate;
pub use self::gather::GatherConfig;
pub use self::gather::GatherInput;
pub use self::gather::Gatherer;
pub use self::gather::Interface;
pub use self::gather::LocalNews;
pub use self::gather::ServerFailure;
pub use self::gather::TurnServer;
pub use self::types::CandidateTypes;

use alloc::string::String;
use core::fmt;
use core::net::SocketAddr;

use crate::ids::ConnectionId;
use crate::ids::LocalId;
use crate::rng::Rng;
use crate::time::Span;

/// What an agent begins with.
pub struct IceConfig {
    /// The connection.
    pub id: ConnectionId,
    /// Whether this side chooses the pair: the one that accepts.
    pub controlling: bool,
    /// Which candidates there may be.
    pub mask: CandidateTypes,
    /// Our password; see [`credentials::password`].
    pub password: String,
    /// What settles a conflict of roles: the larger wins.
    pub tie_breaker: u64,
    /// For transaction IDs and the times of consent checks.
    pub rng: Rng,
}

impl fmt::Debug for IceConfig {
    /// Does not show the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceConfig")
            .field("id", &self.id)
            .field("controlling", &self.controlling)
            .field("mask", &self.mask)
            .finish_non_exhaustive()
    }
}

/// Where a packet of an agent goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IceTransmit {
    /// The socket or relay that it leaves from.
    pub local: LocalId,
    /// Whom it is for.
    pub to: SocketAddr,
}

/// What an agent tells its connection.
#[derive(Clone, Eq, PartialEq)]
pub enum IceEvent {
    /// The peer must be told this password, before anything else.
    SignalAuth(String),
    /// The peer should be told this candidate.
    SignalCandidate(String),
    /// Packets go this way from now on.
    Selected {
        /// The socket or relay.
        local: LocalId,
        /// The peer's address.
        remote: SocketAddr,
        /// What kind of way it is.
        kind: RouteKind,
        /// How long the check took, if that is known.
        rtt: Option<Span>,
    },
    /// The way that was selected does not work any more, and others are looked for.
    Lost,
    /// A relay should let packets of that address in.
    Permit {
        /// The relay's address.
        local: LocalId,
        /// The peer's.
        remote: SocketAddr,
    },
}

impl fmt::Debug for IceEvent {
    /// Does not show the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignalAuth(_) => f.write_str("SignalAuth"),
            Self::SignalCandidate(text) => f.debug_tuple("SignalCandidate").field(text).finish(),
            Self::Selected {
                local,
                remote,
                kind,
                rtt,
            } => f
                .debug_struct("Selected")
                .field("local", local)
                .field("remote", remote)
                .field("kind", kind)
                .field("rtt", rtt)
                .finish(),
            Self::Lost => f.write_str("Lost"),
            Self::Permit { local, remote } => f
                .debug_struct("Permit")
                .field("local", local)
                .field("remote", remote)
                .finish(),
        }
    }
}

/// What kind of way there is between the peers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RouteKind {
    /// Within a private network.
    Local,
    /// Across the Internet, without anybody between.
    Direct,
    /// Through a relay.
    Relayed,
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Direct => "direct",
            Self::Relayed => "relayed",
        })
    }
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// The candidates that the peer is told.
    pub local: KindCounts,
    /// The candidates that the peer told, and those that its checks came from.
    pub remote: KindCounts,
    /// Checks sent, those that were repeated counted once.
    pub checks_sent: u64,
    /// Checks answered by the peer.
    pub checks_answered: u64,
    /// Pairs that are tried or were.
    pub pairs: usize,
    /// The kind of way that is selected.
    pub selected: Option<RouteKind>,
}

/// How many candidates there are of each kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KindCounts {
    /// Addresses of a private network.
    pub host_private: usize,
    /// Addresses of a host that the world can reach.
    pub host_public: usize,
    /// What a NAT makes of them.
    pub reflexive: usize,
    /// Addresses of relays.
    pub relayed: usize,
}

impl KindCounts {
    /// Whether there are none at all.
    pub const fn none(&self) -> bool {
        self.host_private == 0 && !self.has_public()
    }

    /// Whether the world can know any.
    pub const fn has_public(&self) -> bool {
        self.host_public > 0 || self.reflexive > 0 || self.relayed > 0
    }

    fn add(&mut self, kind: CandidateKind, address: SocketAddr) {
        let count = match kind {
            CandidateKind::Host if types::is_private(address.ip()) => &mut self.host_private,
            CandidateKind::Host => &mut self.host_public,
            CandidateKind::ServerReflexive | CandidateKind::PeerReflexive => &mut self.reflexive,
            CandidateKind::Relayed => &mut self.relayed,
        };
        *count += 1;
    }
}
