//! Messages that wait to be read, by channel, in the order in which they came, whoever sent them.

use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::sync::Arc;

use crate::identity::Identity;
use crate::message::Message;

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
    unread: usize,
}

impl Inbox {
    pub(super) fn push(&mut self, message: SessionMessage) {
        let queue = self.channels.entry(message.channel).or_default();
        queue.push_back(message);
        self.unread += 1;
    }

    pub(super) fn pop(&mut self, channel: i32) -> Option<SessionMessage> {
        let queue = self.channels.get_mut(&channel)?;
        let message = queue.pop_front();
        if queue.is_empty() && self.channels.len() > KEPT_QUEUES {
            self.channels.remove(&channel);
        }
        self.unread -= usize::from(message.is_some());
        message
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
        self.unread -= before - queue.len();
        if queue.is_empty() && self.channels.len() > KEPT_QUEUES {
            self.channels.remove(&channel);
        }
        bytes
    }

    /// The size of the message that is next on a channel.
    pub(super) fn next_len(&self, channel: i32) -> Option<usize> {
        let next = self.channels.get(&channel)?.front()?;
        Some(next.message.len())
    }

    /// How many messages wait.
    pub(super) const fn unread(&self) -> usize {
        self.unread
    }
}
