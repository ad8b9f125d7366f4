//! One peer: its connection, its channels, when it was used last.

use alloc::collections::BTreeMap;

use crate::ids::ConnectionId;
use crate::limits;
use crate::messages::Room;
use crate::messages::pieces::Pieces;
use crate::time::Span;
use crate::time::Timestamp;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct Session<I> {
    pub(super) link: Link<I>,
    pub(super) used_at: Timestamp,
    /// The connection was asked whether anything is under way; not again before this.
    ask_idle_at: Timestamp,
    /// The open channels, and how many messages on each are unread.
    pub(super) channels: BTreeMap<i32, usize>,
    pub(super) unread: Room,
    /// Something waits in the connection for room.
    pub(super) is_full: bool,
    /// What [`Sessions::wants`](crate::messages::Sessions::wants) last went by.
    pub(super) room: Room,
    /// What has come of a message in pieces.
    pub(super) pieces: Pieces,
    /// That there is room in the send buffer was told, and the application has not heard of it yet.
    pub(super) told_writable: bool,
}

/// What leads to the peer.
#[derive(Clone, Debug)]
pub(super) enum Link<I> {
    /// Nothing. It ended while nobody missed it.
    None,
    /// The peer asks, and the application has not answered.
    Asked {
        connection: ConnectionId,
        /// When the application is told again.
        tell_again: Timestamp,
    },
    /// A connection that this side wants.
    Active {
        connection: ConnectionId,
        /// It has stood.
        connected: bool,
    },
    /// Nothing any more: it broke.
    Failed(I),
}

/// What time has brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Due {
    Nothing,
    /// The peer still waits for an answer.
    TellAgain,
    /// It was not used for long: is anything under way?
    CheckIdle(ConnectionId),
    /// It was not used for long, and has no connection.
    End,
}

impl<I> Session<I> {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            link: Link::None,
            used_at: now,
            ask_idle_at: Timestamp::ZERO,
            channels: BTreeMap::new(),
            unread: Room {
                messages: 0,
                bytes: 0,
            },
            is_full: false,
            room: Room {
                messages: 0,
                bytes: 0,
            },
            pieces: Pieces::None,
            told_writable: false,
        }
    }

    pub(super) const fn connection(&self) -> Option<ConnectionId> {
        match self.link {
            Link::Asked { connection, .. } | Link::Active { connection, .. } => Some(connection),
            Link::None | Link::Failed(_) => None,
        }
    }

    pub(super) fn accept(&mut self, now: Timestamp, connection: ConnectionId) {
        self.used_at = now;
        self.link = Link::Active {
            connection,
            connected: false,
        };
    }

    /// Its connection is gone.
    pub(super) fn unlink(&mut self) {
        self.is_full = false;
        self.link = Link::None;
        self.pieces = Pieces::None;
    }

    /// When something is due.
    pub(super) fn deadline(&self, idle: Span) -> Timestamp {
        let idle_at = (self.used_at + idle).max(self.ask_idle_at);
        match self.link {
            // It ends with the peer's attempt.
            Link::Asked { tell_again, .. } => tell_again,
            Link::None | Link::Active { .. } | Link::Failed(_) => idle_at,
        }
    }

    /// Whether it was used lately.
    pub(super) fn is_used(&self, now: Timestamp, idle: Span) -> bool {
        now < self.used_at + idle
    }

    /// What is due, of which one thing is said at a time.
    pub(super) fn due(&mut self, now: Timestamp, idle: Span) -> Due {
        let is_asked = matches!(self.link, Link::Asked { .. });
        if !is_asked && !self.is_used(now, idle) && now >= self.ask_idle_at {
            let Some(connection) = self.connection() else {
                return Due::End;
            };
            self.ask_idle_at = now + limits::SESSION_IDLE_RETRY;
            return Due::CheckIdle(connection);
        }
        match &mut self.link {
            Link::Asked { tell_again, .. } if *tell_again <= now => {
                *tell_again = now + limits::SESSION_REQUEST_REPEAT;
                Due::TellAgain
            }
            Link::None | Link::Asked { .. } | Link::Active { .. } | Link::Failed(_) => Due::Nothing,
        }
    }

    /// A message has come in.
    pub(super) fn add(&mut self, channel: i32, bytes: usize) {
        self.unread.messages += 1;
        self.unread.bytes += bytes;
        self.open(channel, 1);
    }

    /// A channel is open, and has so much more to read.
    pub(super) fn open(&mut self, channel: i32, more: usize) {
        *self.channels.entry(channel).or_insert(0) += more;
        if self.channels.len() > limits::MAX_SESSION_CHANNELS {
            let mut read = self.channels.iter();
            // Those with something to read are bounded by the room for messages.
            if let Some(forgotten) = read
                .find(|(its, unread)| **unread == 0 && **its != channel)
                .map(|(channel, _)| *channel)
            {
                self.channels.remove(&forgotten);
            }
        }
    }

    /// A message was read or dropped.
    pub(super) fn take(&mut self, channel: i32, bytes: usize) {
        self.unread.messages = self.unread.messages.saturating_sub(1);
        self.unread.bytes = self.unread.bytes.saturating_sub(bytes);
        if let Some(unread) = self.channels.get_mut(&channel) {
            *unread = unread.saturating_sub(1);
        }
    }

    /// The connection, if it is worth fetching what waits in it: there is room again, and much of it, unless
    /// `is_read` says that somebody has read all that there was.
    pub(super) fn resume(&mut self, is_read: bool) -> Option<ConnectionId> {
        if self.is_full && (self.has_much_room() || is_read && self.has_room()) {
            self.is_full = false;
            return self.connection();
        }
        None
    }

    /// Whether there is room for a message of any size: one more may always come in while there is any.
    pub(super) const fn has_room(&self) -> bool {
        self.unread.fits_into(self.room)
    }

    /// Whether so much room is free that it is worth fetching what waits in the connection.
    pub(super) const fn has_much_room(&self) -> bool {
        self.unread.messages <= self.room.messages / 2 && self.unread.bytes <= self.room.bytes / 2
    }
}
