//! The lanes of a sender. Most connections of a large server have said nothing yet; theirs take no memory.

use alloc::vec::Vec;
use core::ops::Deref;

use serde::Deserialize;
use serde::Serialize;

use crate::config::LaneConfig;
use crate::memory;
use crate::send::lane::SendLane;

/// What every sender without lanes of its own shows: one that was never used.
static UNUSED: [SendLane; 1] = [SendLane::new(LaneConfig::DEFAULT)];

/// One lane or more. Reads as a slice of them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Lanes(
    /// Empty before the first message, unless lanes were configured.
    Vec<SendLane>,
);

impl Lanes {
    /// The lanes, to queue a message or to change them: they take memory from now on. `windowed` if the peer
    /// has told its window.
    pub(super) fn for_use(&mut self, windowed: bool) -> &mut Vec<SendLane> {
        if self.0.is_empty() {
            let mut lane = SendLane::new(LaneConfig::DEFAULT);
            if windowed {
                lane.on_peer_window();
            }
            // Exactly one: a vector that grows would take room for four.
            self.0 = alloc::vec![lane];
        }
        &mut self.0
    }

    /// A lane, if it is configured and was ever used.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut SendLane> {
        self.0.get_mut(index)
    }

    /// All lanes, unless none was ever used.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut SendLane> {
        self.0.iter_mut()
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        memory::of_vec(&self.0) + self.0.iter().map(SendLane::heap_bytes).sum::<usize>()
    }
}

impl Deref for Lanes {
    type Target = [SendLane];

    fn deref(&self) -> &[SendLane] {
        if self.0.is_empty() { &UNUSED } else { &self.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Payload;

    #[test]
    fn a_lane_takes_memory_from_its_first_message_on() {
        let mut lanes = Lanes::default();
        assert_eq!((lanes.len(), lanes.heap_bytes()), (1, 0));
        assert!(lanes.iter().all(SendLane::is_drained));
        assert!(lanes.get_mut(0).is_none());
        assert_eq!(lanes.iter_mut().count(), 0);
        lanes.for_use(false)[0].submit_reliable(Payload::Borrowed(b"hello"));
        assert!(!lanes[0].is_drained());
        assert_eq!((lanes.len(), lanes.iter_mut().count()), (1, 1));
        assert!(lanes.heap_bytes() > size_of::<SendLane>());
    }
}
