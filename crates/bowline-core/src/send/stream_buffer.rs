//! Bytes that wait to be sent or acknowledged, addressed by stream position.
//!
//! Small writes are copied into chunks, so that a packet can be filled from many messages with one or
//! two copies; large payloads are kept by reference and never copied before they are sealed. Bytes
//! leave only from the front. A few emptied chunks are kept for reuse, so that a steady flow does not
//! allocate.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::StreamPos;
use crate::memory;
use crate::message::Payload;

/// The first chunk of a buffer, and what it goes back to when idle.
const MIN_CHUNK: usize = 1024;
/// Chunks grow up to this while the flow is heavy.
const MAX_CHUNK: usize = 32 * 1024;
/// Emptied chunks that are kept. One ack releases what was sent since the one before, which at high
/// rates is two or three chunks.
const MAX_SPARE: usize = 4;
/// Payloads from this size on are kept by reference if the caller shares them.
const SHARE_FROM: usize = 4096;

/// A queue of bytes with stream positions.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct StreamBuffer {
    chunks: VecDeque<Chunk>,
    /// The first byte that is kept, and the position after the last.
    start: StreamPos,
    end: StreamPos,
    /// Where the last bytes were copied from: most likely the next are in the same chunk.
    #[serde(skip)]
    copied_from: usize,
    /// Only memory, so that a recording has none of it.
    #[serde(skip)]
    spare: Vec<Vec<u8>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Chunk {
    start: StreamPos,
    bytes: ChunkBytes,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
enum ChunkBytes {
    Copied(Vec<u8>),
    Shared(Bytes),
}

impl StreamBuffer {
    /// An empty buffer whose first byte will have position `start`.
    pub(crate) const fn new(start: StreamPos) -> Self {
        Self {
            chunks: VecDeque::new(),
            start,
            end: start,
            copied_from: 0,
            spare: Vec::new(),
        }
    }

    /// The position of the first byte that is kept.
    pub(crate) const fn start(&self) -> StreamPos {
        self.start
    }

    /// The position after the last byte.
    pub(crate) const fn end(&self) -> StreamPos {
        self.end
    }

    /// Overwrites all bytes with zeros, for a recording that shows no messages.
    pub(crate) fn blank(&mut self) {
        for chunk in &mut self.chunks {
            chunk.bytes = ChunkBytes::Copied(alloc::vec![0; chunk.len()]);
        }
    }

    /// Appends a copy of `bytes`.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.append_to_last(bytes);
            bytes = bytes.get(taken..).unwrap_or(&[]);
            if !bytes.is_empty() {
                self.add_chunk(bytes.len());
            }
        }
    }

    /// Appends the bytes of a message, without a copy if they are shared and many.
    pub(crate) fn append_payload(&mut self, payload: Payload<'_>) {
        match payload {
            Payload::Borrowed(bytes) => self.append(bytes),
            Payload::Shared(bytes) => self.append_shared(bytes),
        }
    }

    /// Appends `bytes`, without a copy if they are many.
    pub(crate) fn append_shared(&mut self, bytes: Bytes) {
        if bytes.len() < SHARE_FROM {
            return self.append(&bytes);
        }
        let start = self.end;
        self.end = start.advance(bytes.len() as u64);
        self.chunks.push_back(Chunk {
            start,
            bytes: ChunkBytes::Shared(bytes),
        });
    }

    /// Appends the bytes of `range` to `out`. The range must be in the buffer.
    pub(crate) fn copy_to(&mut self, range: Range<StreamPos>, mut out: impl FnMut(&[u8])) {
        debug_assert!(range.start >= self.start && range.end <= self.end);
        let mut at = range.start;
        let mut index = self.chunk_of(at);
        while at < range.end {
            let Some(chunk) = self.chunks.get(index) else {
                debug_assert!(false, "range beyond the buffer");
                return;
            };
            let from = to_index(at.bytes_since(chunk.start));
            let upto = to_index(range.end.bytes_since(chunk.start)).min(chunk.len());
            let Some(part) = chunk.as_slice().get(from..upto) else {
                debug_assert!(false, "chunks are not contiguous");
                return;
            };
            out(part);
            self.copied_from = index;
            at = at.advance(part.len() as u64);
            index += 1;
        }
    }

    /// Forgets all bytes before `bound`.
    pub(crate) fn release(&mut self, bound: StreamPos) {
        self.start = self.start.max(bound.min(self.end));
        while let Some(first) = self.chunks.front() {
            if first.end() > self.start {
                return;
            }
            self.copied_from = self.copied_from.saturating_sub(1);
            if let Some(Chunk {
                bytes: ChunkBytes::Copied(bytes),
                ..
            }) = self.chunks.pop_front()
                && self.spare.len() < MAX_SPARE
            {
                self.spare.push(bytes);
            }
        }
    }

    /// Goes on with the bytes of another buffer, and the memory of this one.
    pub(crate) fn succeed_with(&mut self, mut successor: Self) {
        self.release(self.end);
        core::mem::swap(&mut successor.spare, &mut self.spare);
        *self = successor;
    }

    /// Heap in bytes; payloads that are shared count in full.
    pub(crate) fn heap_bytes(&self) -> usize {
        let spare: usize = self.spare.iter().map(Vec::capacity).sum();
        let chunks: usize = self.chunks.iter().map(Chunk::heap_bytes).sum();
        memory::of_vec(&self.spare) + spare + memory::of_deque(&self.chunks) + chunks
    }

    /// The most heap in bytes of a buffer that keeps `bytes`. Each chunk is filled before the next one
    /// is begun, except by what stands between shared payloads; the first one may be used up, and the
    /// last one empty.
    pub(crate) const fn heap_bound(bytes: usize) -> usize {
        let between = bytes / SHARE_FROM;
        let chunks = bytes / MIN_CHUNK + between + 2;
        bytes
            .saturating_add(between * MIN_CHUNK)
            .saturating_add((2 + MAX_SPARE) * MAX_CHUNK)
            .saturating_add(memory::grown::<Chunk>(chunks))
            .saturating_add(memory::grown::<Vec<u8>>(MAX_SPARE))
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        if self.chunks.is_empty() {
            self.spare = Vec::new();
            self.chunks = VecDeque::new();
        }
    }

    /// Copies as much as fits into the last chunk; returns how much.
    fn append_to_last(&mut self, bytes: &[u8]) -> usize {
        let Some(Chunk {
            bytes: ChunkBytes::Copied(last),
            ..
        }) = self.chunks.back_mut()
        else {
            return 0;
        };
        let room = (last.capacity() - last.len()).min(bytes.len());
        last.extend_from_slice(bytes.get(..room).unwrap_or(&[]));
        self.end = self.end.advance(room as u64);
        room
    }

    fn add_chunk(&mut self, needed: usize) {
        // Grow with what is in flight, so that few chunks hold a heavy flow and little memory a light one.
        let mut held = to_index(self.end.bytes_since(self.start));
        let mut spare = self.spare.pop();
        if self.ends_with_shared() {
            // Most likely the header of the next shared payload, which leaves the rest of the chunk empty.
            held = 0;
            spare = spare.filter(|spare| spare.capacity() <= MIN_CHUNK);
        }
        let mut bytes = spare.unwrap_or_default();
        bytes.clear();
        let wanted = held.max(needed).clamp(MIN_CHUNK, MAX_CHUNK);
        if bytes.capacity() < wanted {
            bytes = Vec::with_capacity(wanted.next_power_of_two());
        }
        self.chunks.push_back(Chunk {
            start: self.end,
            bytes: ChunkBytes::Copied(bytes),
        });
    }

    fn ends_with_shared(&self) -> bool {
        let last = self.chunks.back().map(|chunk| &chunk.bytes);
        matches!(last, Some(ChunkBytes::Shared(_)))
    }

    fn chunk_of(&self, at: StreamPos) -> usize {
        let guess = self.copied_from;
        if self.chunks.get(guess).is_some_and(|chunk| chunk.has(at)) {
            return guess;
        }
        let next = guess + 1;
        if self.chunks.get(next).is_some_and(|chunk| chunk.has(at)) {
            return next;
        }
        let behind = self.chunks.partition_point(|chunk| chunk.start <= at);
        behind.saturating_sub(1)
    }
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match &self.bytes {
            ChunkBytes::Copied(bytes) => bytes,
            ChunkBytes::Shared(bytes) => bytes,
        }
    }

    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn heap_bytes(&self) -> usize {
        match &self.bytes {
            ChunkBytes::Copied(bytes) => bytes.capacity(),
            ChunkBytes::Shared(bytes) => bytes.len(),
        }
    }

    fn end(&self) -> StreamPos {
        self.start.advance(self.len() as u64)
    }

    fn has(&self, at: StreamPos) -> bool {
        self.start <= at && at < self.end()
    }
}

fn to_index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn read(buffer: &mut StreamBuffer, from: u64, to: u64) -> Vec<u8> {
        let mut out = Vec::new();
        buffer.copy_to(StreamPos::new(from)..StreamPos::new(to), |part| {
            out.extend_from_slice(part);
        });
        out
    }

    #[test]
    fn shared_payloads_are_not_copied() {
        let payload = Bytes::from(vec![7; 10_000]);
        let mut buffer = StreamBuffer::new(StreamPos::FIRST);
        buffer.append(b"head");
        buffer.append_shared(payload.clone());
        buffer.copy_to(StreamPos::new(5)..StreamPos::new(6), |part| {
            assert_eq!(part.as_ptr(), payload.as_ptr());
        });
        assert_eq!(read(&mut buffer, 3, 7), b"ad\x07\x07");
    }

    #[test]
    fn headers_between_shared_payloads_claim_no_large_chunks() {
        let payload = Bytes::from(vec![7; SHARE_FROM]);
        let mut buffer = StreamBuffer::new(StreamPos::FIRST);
        let mut sent = 0;
        for round in 0..500u64 {
            buffer.append(b"head");
            buffer.append_shared(payload.clone());
            sent += 4 + SHARE_FROM as u64;
            if round >= 100 {
                buffer.release(StreamPos::new(1 + sent - 100 * (4 + SHARE_FROM as u64)));
            }
            let kept = to_index(buffer.end().bytes_since(buffer.start()));
            let (held, bound) = (buffer.heap_bytes(), StreamBuffer::heap_bound(kept));
            assert!(held <= bound, "{held} bytes held, {bound} allowed");
        }
        assert!(buffer.heap_bytes() < 100 * (SHARE_FROM + 2 * MIN_CHUNK));
    }

    #[test]
    fn a_steady_flow_reuses_its_chunk() {
        let mut buffer = StreamBuffer::new(StreamPos::FIRST);
        for round in 0..100u64 {
            buffer.append(&[1; 700]);
            buffer.release(StreamPos::new(1 + (round + 1) * 700));
        }
        assert!(buffer.chunks.len() <= 1);
        let kept: usize = buffer.spare.iter().map(Vec::capacity).sum();
        assert!(kept <= 2 * MIN_CHUNK, "{kept} bytes kept");
    }

    #[test]
    fn limit_spare_chunks() {
        let mut buffer = StreamBuffer::new(StreamPos::FIRST);
        buffer.append(&[1; 10 * MAX_CHUNK]);
        assert!(buffer.chunks.len() > MAX_SPARE);
        buffer.release(buffer.end());
        assert_eq!(buffer.spare.len(), MAX_SPARE);
        buffer.shrink();
        assert!(buffer.spare.is_empty());
    }

    proptest! {
        #[test]
        fn reads_what_was_written(
            writes in prop::collection::vec((any::<bool>(), 0usize..9000), 1..20),
            cut in 0.0f64..1.0,
        ) {
            let mut buffer = StreamBuffer::new(StreamPos::FIRST);
            let mut model = Vec::new();
            for (shared, len) in writes {
                let bytes: Vec<u8> = (0..len).map(|i| (i + model.len()) as u8).collect();
                if shared {
                    buffer.append_shared(Bytes::from(bytes.clone()));
                } else {
                    buffer.append(&bytes);
                }
                model.extend(bytes);
            }
            let at = (model.len() as f64 * cut) as u64;
            buffer.release(StreamPos::new(1 + at));
            prop_assert_eq!(buffer.start().get(), 1 + at);
            prop_assert_eq!(buffer.end().get(), 1 + model.len() as u64);
            let rest = read(&mut buffer, 1 + at, 1 + model.len() as u64);
            prop_assert_eq!(&rest[..], &model[at as usize..]);
        }
    }
}
