//! What two peers tried to reach each other, in order: so that a connection that came about can be
//! explained, and above all one that did not.
//!
//! Here is what concerns signals. What concerns addresses the agent remembers
//! ([`ice::story`](crate::ice::story)); [`Connection::story`](crate::connection::Connection::story) puts both
//! together.

use alloc::vec::Vec;
use core::fmt;

use crate::connection::Connection;
use crate::ice::story::What as WayEntry;
use crate::limits;
use crate::memory;
use crate::p2p::signal::NO_CONNECTION;
use crate::p2p::signal::SignalKind;
use crate::time::Timestamp;

/// Something that happened on the way to a connection. As text it is what happened, without the time.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// The peer is in this process: neither signals nor packets are needed.
    InProcess,
    /// We sent a signal.
    SignalLeft(SignalName),
    /// A signal of the peer came.
    SignalCame(SignalName),
    /// The peer looks for no direct way.
    PeerWithoutIce,
    /// Something about addresses, and the ways between them.
    Way(WayEntry),
    /// A packet of the peer decrypted: the way works in both directions.
    Connected,
}

/// What a signal is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SignalName {
    /// Asks for a connection.
    Request,
    /// Accepts one.
    Accept,
    /// Ends one.
    Close,
    /// Says that there is none any more.
    NoConnection,
    /// Tells addresses, or acknowledges that they were told.
    Addresses,
}

/// What is remembered of signals: of a long story the beginning.
#[derive(Clone, Debug)]
pub(crate) struct SignalStory {
    entries: Vec<(Timestamp, Note)>,
}

/// An entry as it is kept, which may be for hours: small.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Note {
    Left(SignalName),
    Came(SignalName),
    PeerWithoutIce,
    Connected,
}

impl From<Note> for What {
    fn from(note: Note) -> Self {
        match note {
            Note::Left(name) => Self::SignalLeft(name),
            Note::Came(name) => Self::SignalCame(name),
            Note::PeerWithoutIce => Self::PeerWithoutIce,
            Note::Connected => Self::Connected,
        }
    }
}

impl SignalStory {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    pub(crate) fn signal_left(&mut self, now: Timestamp, kind: &SignalKind) {
        self.note(now, Note::Left(SignalName::of(kind)));
    }

    pub(crate) fn signal_came(&mut self, now: Timestamp, kind: &SignalKind) {
        self.note(now, Note::Came(SignalName::of(kind)));
    }

    pub(crate) fn peer_without_ice(&mut self, now: Timestamp) {
        self.note(now, Note::PeerWithoutIce);
    }

    pub(crate) fn connected(&mut self, now: Timestamp) {
        self.note(now, Note::Connected);
    }

    /// Whether the peer may have heard of the connection.
    pub(crate) fn has_signalled(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|(_, note)| matches!(note, Note::Left(_)))
    }

    /// The most that [`Self::heap_bytes`] can come to, in bytes.
    pub(crate) const HEAP_BOUND: usize =
        memory::grown::<(Timestamp, Note)>(limits::MAX_SIGNAL_STORY);

    pub(crate) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
    }

    /// Heap in bytes.
    pub(crate) const fn heap_bytes(&self) -> usize {
        memory::of_vec(&self.entries)
    }

    fn note(&mut self, at: Timestamp, note: Note) {
        if self.entries.len() < limits::MAX_SIGNAL_STORY {
            self.entries.push((at, note));
        }
    }
}

impl Connection {
    /// How two peers that know each other's identities came together, or did not, the oldest first; empty for
    /// a connection by address. Of a long story the beginning is kept.
    pub fn story(&self) -> Vec<Entry> {
        let Some(party) = &self.party else {
            return self.story_within();
        };
        let signals = party.story.entries.iter();
        let mut story = signals
            .map(|(at, note)| Entry {
                at: *at,
                what: What::from(*note),
            })
            .collect::<Vec<_>>();
        if let Some(agent) = &party.agent {
            story.extend(agent.story().entries().map(|entry| Entry {
                at: entry.at,
                what: What::Way(entry.what),
            }));
        }
        // Stable: what happened at one time stays in its order.
        story.sort_by_key(|entry| entry.at);
        story
    }
}

impl SignalName {
    pub(super) fn of(kind: &SignalKind) -> Self {
        match kind {
            SignalKind::ConnectRequest(_) => Self::Request,
            SignalKind::ConnectOk(_) => Self::Accept,
            SignalKind::Closed { reason, .. } if *reason == NO_CONNECTION => Self::NoConnection,
            SignalKind::Closed { .. } => Self::Close,
            SignalKind::None => Self::Addresses,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.fmt(f)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess => f.write_str("the peer is in this process: connected in memory"),
            Self::SignalLeft(name) => write!(f, "signal sent: {name}"),
            Self::SignalCame(name) => write!(f, "signal received: {name}"),
            Self::PeerWithoutIce => f.write_str("the peer looks for no direct way"),
            Self::Way(entry) => entry.fmt(f),
            Self::Connected => f.write_str("a packet of the peer arrived: connected"),
        }
    }
}

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "asks for a connection",
            Self::Accept => "accepts",
            Self::Close => "closes",
            Self::NoConnection => "there is no connection any more",
            Self::Addresses => "addresses",
        })
    }
}
