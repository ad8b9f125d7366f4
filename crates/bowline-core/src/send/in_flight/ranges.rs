//! The stream ranges that packets carried, of all packets in one ring.

use alloc::collections::VecDeque;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::LaneIndex;
use crate::ids::StreamPos;
use crate::memory;

/// Reliable bytes that a packet carried.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct SentRange {
    pub(crate) lane: LaneIndex,
    pub(crate) range: Range<StreamPos>,
}

/// Ranges in the order of the packets that carried them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Ranges {
    ring: VecDeque<SentRange>,
    /// How many have left the front of the ring.
    gone: u64,
}

/// The ranges of a packet: the index of the first, counted from the beginning of the connection, and how many.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct RangesOf {
    first: u64,
    count: u16,
}

impl Ranges {
    pub(super) const fn new() -> Self {
        Self {
            ring: VecDeque::new(),
            gone: 0,
        }
    }

    pub(super) fn push(&mut self, sent: SentRange) {
        self.ring.push_back(sent);
    }

    /// Names the `count` ranges that were added last.
    pub(super) fn last(&self, count: usize) -> RangesOf {
        RangesOf {
            first: self.gone + self.ring.len().saturating_sub(count) as u64,
            count: u16::try_from(count).unwrap_or(u16::MAX),
        }
    }

    pub(super) fn of(&self, packet: RangesOf) -> impl Iterator<Item = &SentRange> {
        let from = usize::try_from(packet.first - self.gone).unwrap_or(usize::MAX);
        let to = from.saturating_add(packet.count()).min(self.ring.len());
        self.ring.range(from.min(to)..to)
    }

    /// Forgets what lies before those of `packet`, which is the oldest that is left; all, if none is.
    pub(super) fn keep_from(&mut self, packet: Option<RangesOf>) {
        let all = self.gone + self.ring.len() as u64;
        let first = packet.map_or(all, |packet| packet.first);
        let gone = usize::try_from(first - self.gone).unwrap_or(usize::MAX);
        self.ring.drain(..gone.min(self.ring.len()));
        self.gone = first;
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        memory::of_deque(&self.ring)
    }

    /// Gives back memory that is only kept for speed.
    pub(super) fn shrink(&mut self) {
        if self.ring.is_empty() {
            self.ring = VecDeque::new();
        }
    }
}

impl RangesOf {
    pub(super) fn count(self) -> usize {
        usize::from(self.count)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.count == 0
    }
}
