//! Messages that wait to be read, by channel, in the order in which they came, whoever sent them.

use alloc::collections::BTreeMap;
use alloc::collections::BTreeSet;
use alloc::collections::VecDeque;
use alloc::sync::Arc;

use crate::identity::Identity;
use crate::message::Message;
use crate::messages::Room;

/// Empty queues are kept for their memory, up to so many.
const KEPT_QUEUES: usize = 16;

/// A message of a session.
#[derive(Clone, Debug)]
pub struct SessionMessage {
    /// Who has sent it.
    pub peer: Arc<Identity>,
    /// On which channel.
    pub channel: i32,
    /// The rest, without what stood before the application's bytes.
    pub message: Message,
}

/// See the module's documentation. The sessions' room bounds it.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    channels: BTreeMap<i32, VecDeque<SessionMessage>>,
    unread: Room,
}

impl Inbox {
    pub(super) fn push(&mut self, message: SessionMessage) {
        self.unread.messages += 1;
        self.unread.bytes += message.message.len();
        let queue = self.channels.entry(message.channel).or_default();
        queue.push_back(message);
    }

    pub(super) fn pop(&mut self, channel: i32) -> Option<SessionMessage> {
        let queue = self.channels.get_mut(&channel)?;
        let message = queue.pop_front()?;
        if queue.is_empty() && self.channels.len() > KEPT_QUEUES {
            self.channels.remove(&channel);
        }
        self.unread.messages -= 1;
        self.unread.bytes -= message.message.len();
        Some(message)
    }

    /// Drops what a peer has sent on a channel, and tells how many bytes that were.
    pub(super) fn remove(&mut self, peer: &Arc<Identity>, channel: i32) -> usize {
        let Some(queue) = self.channels.get_mut(&channel) else {
            return 0;
        };
        let (before, mut bytes) = (queue.len(), 0);
        queue.retain(|message| {
            let stays = !Arc::ptr_eq(&message.peer, peer);
            bytes += if stays { 0 } else { message.message.len() };
            stays
        });
        self.unread.messages -= before - queue.len();
        self.unread.bytes -= bytes;
        if queue.is_empty() && self.channels.len() > KEPT_QUEUES {
            self.channels.remove(&channel);
        }
        bytes
    }

    /// Drops what these peers have sent. They are told by where their names stand, as there may be many messages to look at.
    pub(super) fn remove_all(&mut self, peers: &BTreeSet<*const Identity>) {
        let unread = &mut self.unread;
        self.channels.retain(|_, queue| {
            queue.retain(|message| {
                let goes = peers.contains(&Arc::as_ptr(&message.peer));
                if goes {
                    unread.messages -= 1;
                    unread.bytes -= message.message.len();
                }
                !goes
            });
            !queue.is_empty()
        });
    }

    /// The size of the message that is next on a channel.
    pub(super) fn next_len(&self, channel: i32) -> Option<usize> {
        let next = self.channels.get(&channel)?.front()?;
        Some(next.message.len())
    }

    /// What waits.
    pub(super) const fn unread(&self) -> Room {
        self.unread
    }
}
