//! Where long messages begin that the peer does not have in whole.
//!
//! GNS keeps all of a message until it is whole, and counts its window from the first byte of it, not from
//! the first byte that it lacks. The window leaves room for a shorter one that is under way; what a longer
//! one takes must be counted.

use alloc::collections::VecDeque;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::StreamPos;
use crate::limits;
use crate::memory;

/// Shorter messages fit between the window and what GNS takes.
const LONG: u64 = limits::GNS_STREAM_REFUSED - limits::GNS_STREAM_WINDOW;
/// Most of them in a window, and one that reaches into it.
const MAX_UNACKED: usize = (limits::GNS_STREAM_WINDOW / LONG) as usize + 1;

/// The long messages of a lane from the oldest unacknowledged byte on, with those that wait to be sent.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct LongMessages {
    /// The first byte of each, and the first one behind it.
    held: VecDeque<(StreamPos, StreamPos)>,
    /// The peer has told a window that begins with the first byte that it lacks.
    is_ignored: bool,
}

impl LongMessages {
    pub(super) const fn new() -> Self {
        Self {
            held: VecDeque::new(),
            is_ignored: false,
        }
    }

    /// Counts nothing from now on: a window that became shorter than a message would never open again.
    pub(super) fn ignore(&mut self) {
        self.held = VecDeque::new();
        self.is_ignored = true;
    }

    /// Takes note of a message that is queued.
    pub(super) fn submitted(&mut self, start: StreamPos, end: StreamPos) {
        if end.bytes_since(start) > LONG && !self.is_ignored {
            self.held.push_back((start, end));
        }
    }

    /// The peer has all bytes before `oldest`.
    pub(super) fn release(&mut self, oldest: StreamPos) {
        while let Some((_, end)) = self.held.front()
            && *end <= oldest
        {
            self.held.pop_front();
        }
    }

    /// Where the peer's window begins if `oldest` is the first byte that it lacks.
    pub(super) fn window_start(&self, oldest: StreamPos) -> StreamPos {
        let first = self.held.front();
        first.map_or(oldest, |(start, _)| oldest.min(*start))
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        memory::of_deque(&self.held)
    }

    /// The most heap in bytes of `lanes` lanes, where `waiting` bytes wait to be sent.
    pub(super) const fn heap_bound(waiting: usize, lanes: usize) -> usize {
        let under_way = lanes.saturating_mul(memory::grown::<(StreamPos, StreamPos)>(MAX_UNACKED));
        memory::grown::<(StreamPos, StreamPos)>(waiting / LONG as usize).saturating_add(under_way)
    }

    /// Gives back memory that is only kept for speed.
    pub(super) fn shrink(&mut self) {
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
    }
}
