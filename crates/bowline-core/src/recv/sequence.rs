//! Unreliable messages in order: which of them come too late.
//!
//! Only the receiver knows of it. Message numbers are on the wire, so it works with any peer.

use alloc::vec::Vec;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::lane_set::LaneSet;

/// The newest message of each lane that the application has, or will read next, and where that counts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Sequence {
    sequenced: LaneSet,
    /// By lane, up to the highest lane with a message: they are noted everywhere, so that the order holds
    /// from the moment on at which it is asked for.
    newest: Vec<MessageNumber>,
}

impl Sequence {
    /// Sets whether older messages are late, in one lane or in all.
    pub(crate) fn set(&mut self, lane: Option<LaneIndex>, sequenced: bool) {
        match lane {
            Some(lane) if sequenced => self.sequenced.insert(lane),
            Some(lane) => self.sequenced.remove(lane),
            None if sequenced => self.sequenced = LaneSet::ALL,
            None => self.sequenced = LaneSet::default(),
        }
    }

    /// Heap in bytes.
    pub(crate) const fn heap_bytes(&self) -> usize {
        crate::memory::of_vec(&self.newest)
    }

    /// Notes a message, reliable or not, that the application gets.
    pub(crate) fn note(&mut self, lane: LaneIndex, number: MessageNumber) {
        if self.newest.len() <= lane.as_usize() {
            self.newest.resize(lane.as_usize() + 1, MessageNumber::NONE);
        }
        if let Some(newest) = self.newest.get_mut(lane.as_usize()) {
            *newest = number.max(*newest);
        }
    }

    /// Whether the application has a newer message than this one, and does not want it any more.
    pub(crate) fn is_late(&self, lane: LaneIndex, number: MessageNumber) -> bool {
        let newest = self.newest.get(lane.as_usize());
        newest.is_some_and(|newest| number <= *newest) && self.sequenced.contains(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(index: u8) -> LaneIndex {
        LaneIndex::new(index)
    }

    fn number(number: u64) -> MessageNumber {
        MessageNumber::new(number)
    }

    #[test]
    fn older_messages_are_late_only_where_that_was_asked_for() {
        let mut sequence = Sequence::default();
        sequence.note(lane(0), number(5));
        sequence.note(lane(3), number(5));
        assert!(!sequence.is_late(lane(3), number(4)));
        sequence.set(Some(lane(3)), true);
        assert!(sequence.is_late(lane(3), number(4)));
        assert!(!sequence.is_late(lane(3), number(6)));
        assert!(!sequence.is_late(lane(0), number(4)));
        sequence.set(None, true);
        assert!(sequence.is_late(lane(0), number(4)));
        sequence.set(Some(lane(0)), false);
        assert!(!sequence.is_late(lane(0), number(4)));
        assert!(sequence.is_late(lane(3), number(4)));
    }

    #[test]
    fn a_late_message_does_not_move_the_order_back() {
        let mut sequence = Sequence::default();
        sequence.set(None, true);
        sequence.note(lane(255), number(9));
        sequence.note(lane(255), number(2));
        assert!(sequence.is_late(lane(255), number(8)));
    }
}
