//! Sets of lanes.

use serde::Deserialize;
use serde::Serialize;

use crate::ids::LaneIndex;

/// A set of lanes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct LaneSet([u64; 4]);

impl LaneSet {
    /// Every lane that there can be.
    pub(crate) const ALL: Self = Self([u64::MAX; 4]);

    pub(crate) fn insert(&mut self, lane: LaneIndex) {
        if let Some(word) = self.0.get_mut(lane.as_usize() / 64) {
            *word |= bit(lane);
        }
    }

    pub(crate) fn remove(&mut self, lane: LaneIndex) {
        if let Some(word) = self.0.get_mut(lane.as_usize() / 64) {
            *word &= !bit(lane);
        }
    }

    pub(crate) fn contains(&self, lane: LaneIndex) -> bool {
        let word = self.0.get(lane.as_usize() / 64);
        word.is_some_and(|word| word & bit(lane) != 0)
    }
}

const fn bit(lane: LaneIndex) -> u64 {
    1 << (lane.as_usize() % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_is_in_or_out_by_itself() {
        let mut set = LaneSet::default();
        for lane in [0, 63, 64, 255].map(LaneIndex::new) {
            set.insert(lane);
            assert!(set.contains(lane));
        }
        set.remove(LaneIndex::new(64));
        let left: alloc::vec::Vec<u8> = (0..=u8::MAX)
            .filter(|lane| set.contains(LaneIndex::new(*lane)))
            .collect();
        assert_eq!(left, [0, 63, 255]);
    }
}
