//! Whether a reliable segment brings anything new.
//!
//! A packet with more segments than allowed is taken in part and not acknowledged, so its sender repeats
//! it. Segments that came with the first try must not use up what is allowed again, or the rest would never
//! have its turn.

use crate::ids::LaneIndex;
use crate::ids::StreamPos;
use crate::recv::Receiver;

impl Receiver {
    /// Whether all bytes of a segment are here already.
    pub(crate) fn has(&self, lane: LaneIndex, pos: StreamPos, len: usize) -> bool {
        let Some(lane) = self.lanes.get(lane.as_usize()) else {
            return false;
        };
        let end = pos.advance(len as u64);
        let before = lane.pieces.range(..=pos).next_back();
        end <= lane.base
            || before.is_some_and(|(start, data)| end <= start.advance(data.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ids::PacketNumber;
    use crate::time::Timestamp;

    #[test]
    fn what_was_read_or_is_held_is_known() {
        let mut receiver = Receiver::new(&Config::new(), PacketNumber::new(1));
        let lane = LaneIndex::ZERO;
        let at = |pos, len| (StreamPos::new(pos), len);
        let has = |receiver: &Receiver, (pos, len)| receiver.has(lane, pos, len);
        assert!(!has(&receiver, at(1, 3)), "there is no such lane yet");
        // The messages "a" and "b", and a piece further on.
        for (pos, data) in [(1, &[1, b'a', 1, b'b'][..]), (9, &[0; 4])] {
            let taken = receiver.reliable(Timestamp::ZERO, lane, StreamPos::new(pos), data);
            taken.unwrap();
        }
        for known in [at(1, 4), at(2, 1), at(9, 4), at(10, 2)] {
            assert!(has(&receiver, known), "{known:?}");
        }
        for new in [at(1, 5), at(5, 1), at(8, 2), at(9, 5), at(13, 1)] {
            assert!(!has(&receiver, new), "{new:?}");
        }
    }
}
