//! One lane of a pipe: what waits for room at the other end.

use alloc::collections::VecDeque;

use crate::config::LaneConfig;
use crate::ids::MessageNumber;
use crate::message::Payload;
use crate::send::KeyIndex;
use crate::time::Timestamp;

#[derive(Clone, Debug, Default)]
pub(super) struct PipeLane {
    pub(super) config: LaneConfig,
    pub(super) last_number: MessageNumber,
    pub(super) queue: VecDeque<Waiting>,
    pub(super) reliable_bytes: usize,
    pub(super) unreliable_bytes: usize,
    /// Virtual time of weighted fair queueing: bytes moved, scaled by weight.
    pub(super) virtual_time: u64,
    pub(super) keys: KeyIndex,
    pub(super) dropped: PipeDropped,
}

#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) number: MessageNumber,
    pub(super) reliable: bool,
    /// From then on it is not worth handing over.
    pub(super) too_old_at: Timestamp,
    pub(super) key: Option<u64>,
    pub(super) data: Payload<'static>,
}

/// Unreliable messages that were accepted and never handed over.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct PipeDropped {
    /// Older than their deadline.
    pub(crate) expired: u64,
    /// A newer one with the same key took the place.
    pub(crate) replaced: u64,
}

impl PipeLane {
    pub(super) const fn bytes_of(&mut self, reliable: bool) -> &mut usize {
        if reliable {
            &mut self.reliable_bytes
        } else {
            &mut self.unreliable_bytes
        }
    }

    /// The message with this key that waits.
    pub(super) fn waiting(&mut self, key: u64) -> Option<&mut Waiting> {
        let number = self.keys.find(key)?;
        let index = self
            .queue
            .binary_search_by_key(&number, |waiting| waiting.number);
        self.queue.get_mut(index.ok()?)
    }

    pub(super) fn forget_key(&mut self, message: &Waiting) {
        if let Some(key) = message.key {
            self.keys.remove(key);
        }
    }

    /// Drops what is too old, and tells when the next message may be.
    pub(super) fn expire(&mut self, now: Timestamp) -> Timestamp {
        let mut earliest = Timestamp::NEVER;
        for message in core::mem::take(&mut self.queue) {
            if message.too_old_at <= now {
                self.dropped.expired += 1;
                self.forget_key(&message);
                *self.bytes_of(message.reliable) -= message.data.len();
            } else {
                earliest = earliest.min(message.too_old_at);
                self.queue.push_back(message);
            }
        }
        earliest
    }

    /// Looks beyond the byte counts: reliable messages may be empty.
    pub(super) fn has_reliable(&self) -> bool {
        self.queue.iter().any(|message| message.reliable)
    }
}
