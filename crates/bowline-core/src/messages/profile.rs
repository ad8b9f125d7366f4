//! What tells one kind of sessions from another.

use crate::end_reason::EndReason;
use crate::ids::VirtualPort;
use crate::limits;
use crate::messages::limits as session_limits;
use crate::time::Span;

/// The port, the timers and the codes of a kind of sessions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Profile {
    /// The virtual port of both ends.
    pub port: VirtualPort,
    /// A session ends that was not used for so long.
    pub idle: Span,
    /// What a session may leave unread. `None`: as much as the settings of its connection say.
    pub room: Option<Room>,
    /// When all sessions together leave so much unread, each has no more room than an equal share of it. Four times
    /// that, and one message of each, are the most ([`MAX_UNREAD_TIMES`](session_limits::MAX_UNREAD_TIMES)).
    pub all: Room,
    /// The largest message in bytes, if larger ones than a connection takes come in pieces.
    pub pieces: Option<usize>,
    /// Whether the application has to say that it knows before anything is sent after a failure.
    pub stays_broken: bool,
    /// Whether a channel is open from the first message that is sent on it, too.
    pub opens_by_sending: bool,
    /// What the peer hears when the application ends a session.
    pub closed: Ending,
    /// What it hears when a session was not used.
    pub idled: Ending,
}

/// How much may wait to be read: one message more may come in while there is less.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Room {
    /// Messages.
    pub messages: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl Room {
    /// Whether so much leaves room for a message of any size: one more may always come in while there is any.
    pub(super) const fn fits_into(self, room: Self) -> bool {
        self.messages < room.messages && self.bytes < room.bytes
    }

    /// This part of it.
    pub(super) const fn part(self, of: usize) -> Self {
        Self {
            messages: self.messages / of,
            bytes: self.bytes / of,
        }
    }

    /// The smaller one, but some at least: who has nothing unread has room for a message.
    pub(super) fn at_most(self, other: Self) -> Self {
        Self {
            messages: self.messages.min(other.messages).max(1),
            bytes: self.bytes.min(other.bytes).max(1),
        }
    }

    pub(super) const fn times(self, times: usize) -> Self {
        Self {
            messages: self.messages.saturating_mul(times),
            bytes: self.bytes.saturating_mul(times),
        }
    }
}

/// What the peer is told when a session ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ending {
    /// The code.
    pub reason: EndReason,
    /// In words.
    pub text: &'static str,
}

impl Profile {
    /// Messages to identities, as GNS has them.
    pub const MESSAGES: Self = Self {
        port: VirtualPort::MESSAGES,
        idle: limits::SESSION_IDLE,
        room: None,
        all: session_limits::MAX_UNREAD,
        pieces: None,
        stays_broken: true,
        opens_by_sending: false,
        closed: Ending {
            reason: EndReason::new(1001),
            text: "the session was closed",
        },
        idled: Ending {
            reason: EndReason::new(1002),
            text: "the session was not used",
        },
    };

    /// Packets to identities: the legacy API of Steam. On the wire nobody but us has it, so that the codes are free.
    pub const LEGACY: Self = Self {
        port: VirtualPort::PACKETS,
        idle: session_limits::PACKETS_IDLE,
        room: Some(Room {
            messages: session_limits::MAX_UNREAD_PACKETS,
            bytes: session_limits::MAX_UNREAD_PACKET_BYTES,
        }),
        pieces: Some(session_limits::MAX_RELIABLE_PACKET),
        stays_broken: false,
        opens_by_sending: true,
        ..Self::MESSAGES
    };
}
