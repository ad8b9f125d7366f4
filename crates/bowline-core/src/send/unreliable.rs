//! Unreliable messages of a lane that wait to be sent: their bytes, and which of them can be replaced.
//!
//! Most leave in the order in which they came, and their bytes with them. One that was replaced has its
//! bytes out of that order, and one that became too old leaves bytes behind in the middle; what is wasted
//! by that is bounded by gathering the rest anew.

use alloc::vec::Vec;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::MessageNumber;
use crate::ids::StreamPos;
use crate::message::Payload;
use crate::send::stream_buffer::StreamBuffer;
use crate::time::Timestamp;

/// Wasted bytes up to this many, and up to as many as are in use, are left alone.
const TOLERATED_WASTE: u64 = 16 * 1024;

/// An unreliable message that waits to be sent.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct UnreliableMessage {
    pub(crate) number: MessageNumber,
    /// Where the first byte that was not sent stands in [`WaitingBytes`].
    pub(crate) at: StreamPos,
    pub(crate) len: u32,
    /// How many bytes have gone out in fragments.
    pub(crate) sent: u32,
    /// From then on it is not worth sending.
    pub(crate) too_old_at: Timestamp,
    pub(crate) key: Option<u64>,
}

impl UnreliableMessage {
    /// How many bytes were not sent.
    pub(crate) const fn rest(&self) -> u32 {
        self.len - self.sent
    }
}

/// The bytes of unreliable messages that were not sent yet, addressed as a stream.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct WaitingBytes {
    buffer: StreamBuffer,
    /// How many of them will be sent.
    in_use: u64,
    /// The order of the bytes is not that of the messages any more.
    is_shuffled: bool,
}

impl WaitingBytes {
    pub(crate) const fn new() -> Self {
        Self {
            buffer: StreamBuffer::new(StreamPos::FIRST),
            in_use: 0,
            is_shuffled: false,
        }
    }

    /// Adds the bytes of a new message and tells where they are.
    pub(crate) fn append(&mut self, payload: Payload<'_>) -> StreamPos {
        let at = self.buffer.end();
        self.in_use += payload.len() as u64;
        self.buffer.append_payload(payload);
        at
    }

    /// Adds the bytes of a message that takes the place of another in the queue, `old_len` bytes of which
    /// are not needed any more.
    pub(crate) fn replace(&mut self, old_len: u32, payload: Payload<'_>) -> StreamPos {
        let at = self.append(payload);
        self.is_shuffled = true;
        self.forget(old_len);
        at
    }

    /// Notes that bytes of the message at the head of the queue were sent.
    pub(crate) fn took(&mut self, at: StreamPos, len: u32) {
        if !self.is_shuffled {
            self.buffer.release(at.advance(u64::from(len)));
        }
        self.forget(len);
    }

    /// Notes that so many bytes, wherever they are, will not be sent any more.
    pub(crate) fn forget(&mut self, len: u32) {
        self.in_use -= u64::from(len);
        if self.in_use == 0 {
            self.buffer.release(self.buffer.end());
            self.is_shuffled = false;
        }
    }

    /// Appends bytes of a message to a packet.
    pub(crate) fn copy_to(&mut self, at: StreamPos, len: u32, out: impl FnMut(&[u8])) {
        // An empty message is nowhere: the place where it was put may be gone.
        if len == 0 {
            return;
        }
        self.buffer.copy_to(at..at.advance(u64::from(len)), out);
    }

    /// Gathers the bytes of `messages`, which are all that wait, anew if too many others are kept.
    pub(crate) fn limit_waste<'a>(
        &mut self,
        messages: impl Iterator<Item = &'a mut UnreliableMessage>,
    ) {
        let kept = self.buffer.end().bytes_since(self.buffer.start());
        if kept
            <= self
                .in_use
                .saturating_mul(2)
                .saturating_add(TOLERATED_WASTE)
        {
            return;
        }
        let mut fresh = StreamBuffer::new(self.buffer.end());
        for message in messages {
            let at = fresh.end();
            self.copy_to(message.at, message.rest(), |part| fresh.append(part));
            message.at = at;
        }
        self.buffer.succeed_with(fresh);
        self.is_shuffled = false;
    }

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.buffer.heap_bytes()
    }

    /// Overwrites all bytes with zeros.
    pub(crate) fn blank(&mut self) {
        self.buffer.blank();
    }

    /// How many bytes wait.
    pub(crate) const fn len(&self) -> u64 {
        self.in_use
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.buffer.shrink();
    }

    #[cfg(test)]
    pub(crate) fn kept(&self) -> u64 {
        self.buffer.end().bytes_since(self.buffer.start())
    }
}

/// Which message of each key waits, none of which has been sent even in part.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct KeyIndex {
    /// In the order of the keys.
    entries: Vec<(u64, MessageNumber)>,
}

impl KeyIndex {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// The message of this key that waits.
    pub(crate) fn find(&self, key: u64) -> Option<MessageNumber> {
        let index = self.entries.binary_search_by_key(&key, |entry| entry.0);
        self.entries.get(index.ok()?).map(|entry| entry.1)
    }

    /// Notes that a message of this key waits. None did before.
    pub(crate) fn insert(&mut self, key: u64, number: MessageNumber) {
        match self.entries.binary_search_by_key(&key, |entry| entry.0) {
            Ok(_) => debug_assert!(false, "two messages of key {key} wait"),
            Err(index) => self.entries.insert(index, (key, number)),
        }
    }

    /// Heap in bytes.
    pub(crate) const fn heap_bytes(&self) -> usize {
        crate::memory::of_vec(&self.entries)
    }

    /// The most heap in bytes with so many messages.
    pub(crate) const fn heap_bound(messages: usize) -> usize {
        crate::memory::grown::<(u64, MessageNumber)>(messages)
    }

    /// Notes that this message waits no longer.
    pub(crate) fn remove(&mut self, key: u64) {
        if let Ok(index) = self.entries.binary_search_by_key(&key, |entry| entry.0) {
            self.entries.remove(index);
        }
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
