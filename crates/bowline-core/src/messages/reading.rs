//! What connections deliver, and who reads it.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Buf;

use crate::config::Config;
use crate::counters::DropReason;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::message::Message;
use crate::messages::HEADER;
use crate::messages::NoSession;
use crate::messages::Room;
use crate::messages::SessionMessage;
use crate::messages::Sessions;
use crate::messages::header;
use crate::messages::limits as session_limits;
use crate::messages::session::Link;
use crate::messages::session::Session;
use crate::time::Timestamp;

/// A message that was read, and what follows from there being room.
#[derive(Clone, Debug)]
pub struct Read {
    /// The message.
    pub message: SessionMessage,
    /// There is room again for what waits in this connection.
    pub resume: Option<ConnectionId>,
}

/// What came of closing a channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClosedChannel {
    /// There are others.
    Only {
        /// There is room again for what waits in this connection.
        resume: Option<ConnectionId>,
    },
    /// It was the last, and the session has ended. This connection is to be closed, as after
    /// [`Sessions::close`].
    Session(Option<ConnectionId>),
}

impl<I> Sessions<I> {
    /// Whether there is room for another message of this connection, by [`Profile::room`](crate::messages::Profile::room),
    /// else by its settings (`RecvBufferSize`, `RecvBufferMessages`). While there is any, a message of any size may come in. If not, leave it in the
    /// connection until [`receive`](Self::receive) says that there is.
    pub fn wants(&mut self, connection: ConnectionId, config: &Config) -> bool {
        let own = self.own_room(config);
        let room = self.tight_room(own);
        let Some(session) = self.session_of(connection) else {
            return false;
        };
        session.room = room;
        session.is_full = !session.has_room();
        let (is_full, is_held) = (session.is_full, session.unread.fits_into(own));
        self.is_tight |= is_full && is_held;
        !is_full
    }

    /// Connections in which something may wait that was held up by what others had left unread, of which half is read now.
    pub fn relieved(&mut self) -> Vec<ConnectionId> {
        if !self.is_tight || !self.inbox.unread().fits_into(self.profile.all.part(2)) {
            return Vec::new();
        }
        self.is_tight = false;
        let sessions = self.sessions.values_mut();
        let held = sessions.filter_map(|session| {
            let was_full = core::mem::take(&mut session.is_full);
            session.connection().filter(|_| was_full)
        });
        held.collect()
    }

    /// The same for what waits in a connection that has ended, and would be gone with it: that has twice the room. Tell of
    /// what remains ([`left_behind`](Self::left_behind)).
    pub fn wants_at_end(&mut self, connection: ConnectionId, config: &Config) -> bool {
        let room = self.tight_room(self.own_room(config));
        let session = self.session_of(connection);
        session.is_some_and(|session| session.unread.fits_into(room.times(2)))
    }

    /// So many messages are gone with the connection that has received them, because nobody has read those before.
    pub fn left_behind(&mut self, messages: usize) {
        let reason = DropReason::ReceiveBufferFull;
        for _ in 0..messages {
            self.drops.count(reason);
        }
    }

    /// The room of a session by itself.
    fn own_room(&self, config: &Config) -> Room {
        self.profile.room.unwrap_or_else(|| Room {
            messages: config.recv_buffer_messages(),
            bytes: config.recv_buffer_bytes(),
        })
    }

    /// The room that is left to it by all together.
    fn tight_room(&self, own: Room) -> Room {
        let (all, unread) = (self.profile.all, self.inbox.unread());
        if unread.fits_into(all) {
            return own;
        }
        own.at_most(
            match unread.fits_into(all.times(session_limits::MAX_UNREAD_TIMES)) {
                true => all.part(self.sessions.len().max(1)),
                false => Room::default(),
            },
        )
    }

    /// Peers that come and go leave no more and more unread: what waits longest goes. What the last one has left stays.
    pub(super) fn bound_left(&mut self, last: &Arc<Identity>) {
        let most = session_limits::MAX_UNREAD_LEFT;
        if self.inbox.unread().fits_into(most) {
            return;
        }
        let left = self.sessions.iter();
        let left = left.filter(|(peer, its)| {
            its.connection().is_none() && its.unread.messages > 0 && !Arc::ptr_eq(peer, last)
        });
        let left = left.map(|(peer, its)| (its.used_at, Arc::clone(peer), its.unread));
        let mut left: Vec<_> = left.collect();
        let mut sum = Room::default();
        for (_, _, unread) in &left {
            sum.messages += unread.messages;
            sum.bytes += unread.bytes;
        }
        if sum.fits_into(most) {
            return;
        }
        left.sort_by_key(|(used_at, _, _)| *used_at);
        let mut dropped = BTreeSet::new();
        for (_, peer, unread) in &left {
            if sum.fits_into(most.part(2)) {
                break;
            }
            sum.messages -= unread.messages;
            sum.bytes -= unread.bytes;
            self.left_behind(unread.messages);
            self.forget_left(peer);
            dropped.insert(Arc::as_ptr(peer));
        }
        self.inbox.remove_all(&dropped);
    }

    /// Forgets what a peer without a connection has left, and the peer, unless there is more to know.
    fn forget_left(&mut self, peer: &Arc<Identity>) {
        let Some(session) = self.sessions.get_mut(peer) else {
            return;
        };
        if matches!(session.link, Link::None) {
            self.sessions.remove(peer);
        } else {
            session.channels.clear();
            session.unread = Room::default();
        }
    }

    /// Takes in a message of a connection, which counts as use of its session.
    ///
    /// # Errors
    /// If it is none of a session; it is dropped and counted then.
    pub fn deliver(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        message: Message,
    ) -> Result<(), DropReason> {
        let taken = self.take_in(now, connection, message);
        if let Err(reason) = taken {
            self.drops.count(reason);
        }
        taken
    }

    /// Takes the message that has waited longest on a channel.
    pub fn receive(&mut self, channel: i32) -> Option<Read> {
        let message = self.inbox.pop(channel)?;
        let mut resume = None;
        if let Some(session) = self.sessions.get_mut(&message.peer) {
            session.take(channel, message.message.len());
            // Who reads all of a channel may not read the others.
            let is_read = session.channels.get(&channel) == Some(&0);
            resume = session.resume(is_read);
        }
        Some(Read { message, resume })
    }

    /// The size in bytes of the message that [`receive`](Self::receive) would return.
    pub fn next_len(&self, channel: i32) -> Option<usize> {
        self.inbox.next_len(channel)
    }

    /// How many messages wait to be read, on all channels.
    pub const fn unread(&self) -> usize {
        self.inbox.unread().messages
    }

    /// Ends a channel of a session, which is open from the first message that was received on it
    /// ([`Profile::opens_by_sending`](crate::messages::Profile::opens_by_sending): or sent). What nobody has read of it
    /// is gone. The last one ends the session.
    ///
    /// # Errors
    /// If there is no session, or the channel is not open.
    pub fn close_channel(
        &mut self,
        peer: &Identity,
        channel: i32,
    ) -> Result<ClosedChannel, NoSession> {
        let (peer, session) = self.sessions.get_key_value(peer).ok_or(NoSession)?;
        if !session.channels.contains_key(&channel) {
            return Err(NoSession);
        }
        let peer = Arc::clone(peer);
        if session.channels.len() == 1 {
            return self.close(&peer).map(ClosedChannel::Session);
        }
        let bytes = self.inbox.remove(&peer, channel);
        let session = self.sessions.get_mut(&peer).ok_or(NoSession)?;
        let unread = session.channels.remove(&channel).unwrap_or_default();
        session.unread.messages = session.unread.messages.saturating_sub(unread);
        session.unread.bytes = session.unread.bytes.saturating_sub(bytes);
        Ok(ClosedChannel::Only {
            // Nobody may read another channel for long.
            resume: session.resume(true),
        })
    }

    /// Drops what a session has received and nobody has read.
    pub(super) fn forget_unread(&mut self, peer: &Arc<Identity>, session: &mut Session<I>) {
        let channels = core::mem::take(&mut session.channels);
        for (channel, _) in channels.iter().filter(|(_, unread)| **unread > 0) {
            self.inbox.remove(peer, *channel);
        }
        session.unread = Room::default();
    }

    fn take_in(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        mut message: Message,
    ) -> Result<(), DropReason> {
        let peer = self.peers.get(&connection);
        let peer = peer.ok_or(DropReason::UnknownConnection)?;
        let session = self.sessions.get_mut(peer);
        let session = session.ok_or(DropReason::UnknownConnection)?;
        let header = header::parse(&message)?;
        message.data.advance(HEADER);
        session.used_at = now;
        if let Some(max) = self.profile.pieces {
            let Some(whole) = session.pieces.add(header, message, max)? else {
                return Ok(());
            };
            message = whole;
        }
        let channel = header.channel;
        session.add(channel, message.len());
        self.inbox.push(SessionMessage {
            peer: Arc::clone(peer),
            channel,
            message,
        });
        Ok(())
    }
}
