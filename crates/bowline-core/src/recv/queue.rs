//! Received messages that wait for the application, and the buffers they live in.
//!
//! Small messages are copied into chunks that are reused once every message in them was dropped, so a
//! steady flow does not allocate. How much may wait is bounded by bytes and by number; the chunks that
//! are kept for reuse are bounded too, and given back when the connection is idle.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use bytes::Bytes;
use bytes::BytesMut;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Config;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::limits;
use crate::memory;
use crate::message::Message;
use crate::recv::sequence::Sequence;
use crate::time::Timestamp;

/// The first chunk; each further one is twice as large while the flow is heavy.
const MIN_CHUNK: usize = 2 * 1024;
/// The largest chunk.
const MAX_CHUNK: usize = 64 * 1024;
/// Larger messages get a buffer of their own.
const MAX_POOLED: usize = MAX_CHUNK / 8;
/// Such a buffer starts no larger than this and grows with what arrives: a header alone should not
/// claim memory.
const TRUSTED_SIZE: usize = 64 * 1024;
/// Most chunks that are kept for reuse while the application holds messages in them.
const MAX_CHUNKS: usize = 64;

/// Messages that wait to be read.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ReceiveQueue {
    messages: VecDeque<Message>,
    bytes: usize,
    max_bytes: usize,
    max_messages: usize,
    sequence: Sequence,
    /// Only memory: what it does is the same without. From the first message on.
    #[serde(skip)]
    pool: Option<Box<MessagePool>>,
}

/// What is known of a message besides its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageMeta {
    pub(crate) number: MessageNumber,
    pub(crate) lane: LaneIndex,
    pub(crate) reliable: bool,
    pub(crate) received_at: Timestamp,
}

impl ReceiveQueue {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            messages: VecDeque::new(),
            bytes: 0,
            max_bytes: config.recv_buffer_bytes(),
            max_messages: config.recv_buffer_messages(),
            sequence: Sequence::default(),
            pool: None,
        }
    }

    /// Goes by other settings from now on.
    pub(crate) fn configure(&mut self, config: &Config) {
        self.max_bytes = config.recv_buffer_bytes();
        self.max_messages = config.recv_buffer_messages();
    }

    /// Whether a message of `len` bytes may be added. One that is larger than all the room there is has
    /// the queue to itself: it was accepted for sending, and would block its lane for ever.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        self.messages.is_empty()
            || self.messages.len() < self.max_messages && self.bytes + len <= self.max_bytes
    }

    /// Adds a copy of `data`; the caller has made sure of the room.
    #[inline]
    pub(crate) fn push_copy(&mut self, data: &[u8], meta: MessageMeta) {
        let data = self.copy(data);
        self.push(data, meta);
    }

    /// A copy of `data` in a buffer that is reused.
    pub(crate) fn copy(&mut self, data: &[u8]) -> Bytes {
        self.pool().copy(data)
    }

    /// When each message arrived, the oldest first.
    pub(crate) fn arrivals(&self) -> impl DoubleEndedIterator<Item = Timestamp> + '_ {
        self.messages.iter().map(|message| message.received_at)
    }

    /// A buffer for a message of `size` bytes that arrives in parts. A larger one grows as they come.
    pub(crate) fn body(&mut self, size: usize) -> BytesMut {
        self.pool().body(size)
    }

    /// Adds a message; the caller has made sure of the room.
    #[inline]
    pub(crate) fn push(&mut self, data: Bytes, meta: MessageMeta) {
        self.bytes += data.len();
        self.sequence.note(meta.lane, meta.number);
        self.messages.push_back(Message {
            data,
            number: meta.number,
            received_at: meta.received_at,
            lane: meta.lane,
            reliable: meta.reliable,
        });
    }

    /// Sets whether an unreliable message is late that is older than one that was added, in one lane or
    /// in all.
    pub(crate) fn set_sequenced(&mut self, lane: Option<LaneIndex>, sequenced: bool) {
        self.sequence.set(lane, sequenced);
    }

    /// Whether an unreliable message comes too late to be added.
    pub(crate) fn is_late(&self, lane: LaneIndex, number: MessageNumber) -> bool {
        self.sequence.is_late(lane, number)
    }

    /// Overwrites the bytes of all messages with zeros.
    pub(crate) fn blank(&mut self) {
        for message in &mut self.messages {
            message.data = alloc::vec![0; message.data.len()].into();
        }
    }

    /// Takes the oldest message.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let message = self.messages.pop_front();
        self.bytes -= message.as_ref().map_or(0, |message| message.data.len());
        message
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// How many bytes they have.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many messages may wait.
    pub(crate) const fn max_messages(&self) -> usize {
        self.max_messages
    }

    /// Heap in bytes. Messages that live in a chunk count beside it.
    pub(crate) fn heap_bytes(&self) -> usize {
        memory::of_deque(&self.messages)
            + self.bytes
            + self.sequence.heap_bytes()
            + self.pool.as_ref().map_or(0, |pool| pool.heap_bytes())
    }

    /// The most heap in bytes with at most `bytes` and `messages` waiting, or a single message of
    /// `largest` bytes.
    pub(crate) const fn heap_bound(bytes: usize, messages: usize, largest: usize) -> usize {
        let lanes = limits::MAX_LANE_INDEX as usize + 1;
        memory::grown::<Message>(messages)
            .saturating_add(if bytes < largest { largest } else { bytes })
            .saturating_add(memory::grown::<MessageNumber>(lanes))
            .saturating_add((MAX_CHUNKS + 2) * (MAX_CHUNK + 2 * size_of::<BytesMut>()))
    }

    /// Drops all messages.
    pub(crate) fn discard(&mut self) {
        self.messages = VecDeque::new();
        self.bytes = 0;
        self.pool = None;
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.pool = None;
        if self.messages.is_empty() {
            self.messages = VecDeque::new();
        }
    }

    fn pool(&mut self) -> &mut MessagePool {
        self.pool
            .get_or_insert_with(|| Box::new(MessagePool::new()))
    }
}

/// What a buffer of [`MessagePool::body`] takes of a message of `size` bytes when `len` of them are there.
/// Told by the sizes and not by the buffer, so that a copy of a connection counts the same.
pub(super) fn body_bytes(size: usize, len: usize) -> usize {
    let reserved = size.min(TRUSTED_SIZE);
    if len <= reserved {
        reserved
    } else {
        // It doubles as it grows.
        len.next_power_of_two()
    }
}

/// Chunks for small messages, in the order in which they were filled.
#[derive(Debug)]
struct MessagePool {
    current: BytesMut,
    chunk: usize,
    /// Full chunks; reused when no message lives in them any more.
    full: VecDeque<BytesMut>,
}

impl MessagePool {
    fn new() -> Self {
        Self {
            current: BytesMut::new(),
            chunk: 0,
            full: VecDeque::new(),
        }
    }

    /// Heap in bytes, if every chunk were as large as the newest: they only grow.
    fn heap_bytes(&self) -> usize {
        size_of::<Self>() + memory::of_deque(&self.full) + (self.full.len() + 1) * self.chunk
    }

    fn copy(&mut self, data: &[u8]) -> Bytes {
        if data.len() > MAX_POOLED {
            return Bytes::copy_from_slice(data);
        }
        self.make_room(data.len());
        self.current.extend_from_slice(data);
        self.current.split().freeze()
    }

    /// Room for a message: a part of the current chunk, or a buffer of its own for a large one.
    fn body(&mut self, size: usize) -> BytesMut {
        if size > MAX_POOLED {
            return BytesMut::with_capacity(size.min(TRUSTED_SIZE));
        }
        self.make_room(size);
        let rest = self.current.split_off(size);
        core::mem::replace(&mut self.current, rest)
    }

    #[inline]
    fn make_room(&mut self, size: usize) {
        if self.current.capacity() < size {
            self.next_chunk(size);
        }
    }

    /// Moves on to a chunk with room for `len` bytes: the oldest one if it is free, else a new one.
    fn next_chunk(&mut self, len: usize) {
        let retired = core::mem::take(&mut self.current);
        if self.chunk > 0 {
            self.full.push_back(retired);
        }
        if let Some(mut oldest) = self.full.pop_front() {
            // Fails while messages live in it.
            if oldest.try_reclaim(MIN_CHUNK.max(len)) {
                self.current = oldest;
                return;
            }
            if self.full.len() < MAX_CHUNKS {
                self.full.push_front(oldest);
            }
        }
        self.chunk = (self.chunk * 2).clamp(MIN_CHUNK, MAX_CHUNK).max(len);
        self.current = BytesMut::with_capacity(self.chunk);
    }
}

impl Clone for MessagePool {
    /// A clone starts without memory of its own: chunks cannot be shared for writing.
    fn clone(&self) -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn queue() -> ReceiveQueue {
        let mut config = Config::new();
        config.set_recv_buffer_messages(3).unwrap();
        config.set_recv_buffer(4096).unwrap();
        ReceiveQueue::new(&config)
    }

    const META: MessageMeta = MessageMeta {
        number: MessageNumber::new(1),
        lane: LaneIndex::ZERO,
        reliable: false,
        received_at: Timestamp::ZERO,
    };

    #[test]
    fn limit_messages_and_bytes_that_wait() {
        let mut queue = queue();
        queue.push_copy(&[1; 4000], META);
        assert!(queue.has_room(96) && !queue.has_room(97));
        queue.push_copy(b"a", META);
        queue.push_copy(b"b", META);
        assert!(!queue.has_room(1), "three messages wait");
        assert_eq!(queue.pop().unwrap().len(), 4000);
        assert_eq!(&*queue.pop().unwrap(), b"a");
        assert!(queue.has_room(1));
    }

    #[test]
    fn a_message_larger_than_the_buffer_has_the_queue_to_itself() {
        let mut queue = queue();
        assert!(queue.has_room(4097));
        queue.push_copy(&[1; 4097], META);
        assert!(!queue.has_room(0));
        assert_eq!(queue.pop().unwrap().len(), 4097);
        queue.push_copy(b"a", META);
        assert!(!queue.has_room(4097), "not with others");
    }

    #[test]
    fn chunks_are_reused_once_their_messages_are_gone() {
        let mut queue = queue();
        let mut seen = Vec::new();
        for _ in 0..10_000 {
            queue.push_copy(&[7; 1000], META);
            seen.push(queue.pop().unwrap().data.as_ptr());
        }
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() < 400, "{} places were used", seen.len());
    }

    #[test]
    fn limit_chunks_kept_while_messages_are_held() {
        let mut queue = queue();
        let mut held = Vec::new();
        for _ in 0..20_000 {
            queue.push_copy(&[7; 1000], META);
            held.push(queue.pop().unwrap());
        }
        assert!(queue.pool().full.len() <= MAX_CHUNKS + 1);
        assert!(held.iter().all(|message| **message == [7; 1000]));
    }
}
