//! The last seconds of a connection, kept while it runs.
//!
//! There are two segments, each a copy of the connection as it was and the inputs since. When the newer
//! one is full or old enough, the older one is dropped and a new one begun. So between one half and all
//! of what was asked for is there at any time, and nothing is ever moved.
//!
//! **Memory**: inputs take the bytes that were asked for, or 64 KiB if that was less, and at most one input
//! more in each segment: a copy takes time, and must not be taken for every other packet. To that comes what the two copies hold: never more than twice the connection itself, most of which is
//! what waits in its queues, so twice the send and receive buffers. Large messages in the send queue are
//! shared, not copied.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::connection::Connection;
use crate::connection::input::Input;
use crate::connection::recording::Recorded;
use crate::connection::recording::payload_len;
use crate::connection::recording::to_owned;
use crate::counters::DropReason;
use crate::limits;
use crate::time::Timestamp;

/// What an input takes besides its bytes: itself, and what the allocator adds to the bytes.
pub(super) const INPUT_OVERHEAD: usize = size_of::<Recorded>() + 16;

/// A running recording.
#[derive(Debug)]
pub(crate) struct Flight {
    older: Option<Box<Segment>>,
    newer: Box<Segment>,
    max_bytes: usize,
}

/// A copy of a connection and what happened to it since.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) start: Connection,
    pub(super) inputs: Vec<Recorded>,
    /// Of each datagram sent.
    pub(super) fingerprints: Vec<u64>,
    /// What the inputs and fingerprints take.
    pub(super) bytes: usize,
}

impl Segment {
    fn new(start: Connection) -> Box<Self> {
        Box::new(Self {
            start,
            inputs: Vec::new(),
            fingerprints: Vec::new(),
            bytes: 0,
        })
    }
}

impl Flight {
    /// Begins with the connection as it is.
    pub(super) fn new(start: Connection, max_bytes: usize) -> Self {
        Self {
            older: None,
            newer: Segment::new(start),
            max_bytes,
        }
    }

    /// Goes by another bound from now on.
    pub(super) const fn set_max_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
    }

    /// Whether it is time for [`Self::turn`].
    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        self.newer.bytes >= limits::RECORDING_SEGMENT_BYTES.max(self.max_bytes / 2)
            || now.since(self.newer.start.now) >= limits::RECORDING_SEGMENT
    }

    /// Drops the older half and begins another with the connection as it is.
    pub(super) fn turn(&mut self, start: Connection) {
        let full = core::mem::replace(&mut self.newer, Segment::new(start));
        self.older = Some(full);
    }

    pub(super) fn push(&mut self, at: Timestamp, input: &Input<'_>) {
        let input = match input {
            // Neither has any effect on a connection with packets but to be counted.
            Input::Signal(_) | Input::Piped(_) => Input::Dropped(DropReason::WrongState),
            Input::Datagram { .. }
            | Input::Timeout
            | Input::Command(_)
            | Input::Transmit { .. }
            | Input::Endpoint(_)
            | Input::Dropped(_)
            | Input::PollSignal
            | Input::ProbeUnsent(_) => to_owned(input),
        };
        self.newer.bytes += INPUT_OVERHEAD + payload_len(&input);
        self.newer.inputs.push(Recorded { at, input });
    }

    pub(super) fn push_sent(&mut self, datagram: &[u8]) {
        self.newer.bytes += size_of::<u64>();
        self.newer.fingerprints.push(fingerprint(datagram));
    }

    /// The whole as one segment.
    pub(super) fn copy(&self) -> Segment {
        let Some(older) = &self.older else {
            return Segment::clone(&self.newer);
        };
        let mut whole = Segment::clone(older);
        whole.inputs.extend(self.newer.inputs.iter().cloned());
        whole.fingerprints.extend(&self.newer.fingerprints);
        whole.bytes += self.newer.bytes;
        whole
    }

    /// The whole as one segment.
    pub(super) fn into_segment(self) -> Segment {
        let Some(mut whole) = self.older else {
            return *self.newer;
        };
        whole.inputs.extend(self.newer.inputs);
        whole.fingerprints.extend(self.newer.fingerprints);
        whole.bytes += self.newer.bytes;
        *whole
    }
}

/// A number that tells datagrams apart: cheap, and no proof against somebody who wants them confused.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    // The multiplier of Knuth's 64-bit generator: odd, with its bits well spread.
    const SPREAD: u64 = 6_364_136_223_846_793_005;
    let mut sum = (bytes.len() as u64).wrapping_mul(SPREAD).wrapping_add(1);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    for word in words.iter().chain([&last]) {
        sum = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(SPREAD);
        sum ^= sum >> 29;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_tell_datagrams_apart() {
        let mut seen = alloc::collections::BTreeSet::new();
        for len in 0..40 {
            let mut bytes = alloc::vec![0; len];
            assert!(seen.insert(fingerprint(&bytes)));
            for at in 0..len {
                bytes[at] ^= 1;
                assert!(seen.insert(fingerprint(&bytes)), "{len} {at}");
                bytes[at] ^= 1;
            }
        }
    }
}
