//! Which lane goes next: strict priorities, weighted fair shares within one.
//!
//! Each lane carries a virtual time that advances by the bytes it sends, divided by its weight. Among
//! the lanes of the best priority with something to send, the one furthest behind goes. A lane that
//! was idle starts at the virtual time of those that were not, so it cannot claim a share for the past.

use crate::ids::LaneIndex;
use crate::send::PeerLimits;
use crate::send::lane::SendLane;

/// Virtual time of one byte at weight 1: at least one unit per byte at the greatest weight (GNS: the same).
const BYTE: u64 = 1 << 16;

/// The lane that should fill the next part of a packet. `skip` are lanes that had their turn in it.
pub(super) fn pick(lanes: &[SendLane], peer: PeerLimits, skip: &LaneSet) -> Option<LaneIndex> {
    lanes
        .iter()
        .enumerate()
        .filter(|(index, lane)| {
            !skip.contains(*index) && lane.has_sendable(peer.stream_window_bytes, peer.max_holes)
        })
        .min_by_key(|(index, lane)| (lane.config.priority, lane.virtual_time, *index))
        .and_then(|(index, _)| u8::try_from(index).ok())
        .map(LaneIndex::new)
}

/// Notes that a lane sent `bytes`.
pub(super) fn charge(lane: &mut SendLane, bytes: u64) {
    let weight = u64::from(lane.config.weight.max(1));
    lane.virtual_time = lane
        .virtual_time
        .saturating_add(bytes.saturating_mul(BYTE) / weight);
}

/// Brings a lane that has been idle up to the virtual time of its class, before something is queued in it.
pub(super) fn wake(lanes: &mut [SendLane], index: LaneIndex) {
    let Some(lane) = lanes.get(index.as_usize()).filter(|lane| lane.is_idle()) else {
        return;
    };
    let priority = lane.config.priority;
    let class = || lanes.iter().filter(|lane| lane.config.priority == priority);
    let active = class().filter(|lane| !lane.is_idle());
    let clock = active.map(|lane| lane.virtual_time).min();
    // Among idle lanes the one that is furthest on has the time.
    let clock = clock.or_else(|| class().map(|lane| lane.virtual_time).max());
    if let (Some(lane), Some(clock)) = (lanes.get_mut(index.as_usize()), clock) {
        lane.virtual_time = lane.virtual_time.max(clock);
    }
}

/// Bytes that leave before a message that is queued now in `lane`: all of better priority, the lane's
/// own, and what the others of its class may send meanwhile.
pub(super) fn bytes_ahead(lanes: &[SendLane], lane: LaneIndex) -> Option<u64> {
    let own = lanes.get(lane.as_usize())?;
    let backlog = |lane: &SendLane| {
        lane.unsent_reliable_bytes() + lane.unsent_unreliable_bytes() + lane.lost_bytes()
    };
    let own_bytes = backlog(own);
    let own_weight = u64::from(own.config.weight.max(1));
    let mut sum = own_bytes;
    for (index, other) in lanes.iter().enumerate() {
        if index == lane.as_usize() {
            continue;
        }
        if other.config.priority < own.config.priority {
            sum += backlog(other);
        } else if other.config.priority == own.config.priority {
            let share = own_bytes.saturating_mul(u64::from(other.config.weight)) / own_weight;
            sum += backlog(other).min(share);
        }
    }
    Some(sum)
}

/// A set of lane indices.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LaneSet([u64; 4]);

impl LaneSet {
    pub(super) fn insert(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    pub(super) fn contains(&self, index: usize) -> bool {
        self.0
            .get(index / 64)
            .is_some_and(|word| word & (1 << (index % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::config::LaneConfig;
    use crate::message::Payload;

    fn lanes(configs: &[(i32, u16)]) -> Vec<SendLane> {
        configs
            .iter()
            .map(|&(priority, weight)| {
                let mut lane = SendLane::new(LaneConfig::new(priority, weight));
                lane.submit(Payload::Borrowed(&[0; 400_000]), true);
                lane
            })
            .collect()
    }

    fn shares(lanes: &mut [SendLane], bytes: u64) -> Vec<u64> {
        let mut sent = vec![0; lanes.len()];
        for _ in 0..bytes / 1000 {
            let Some(picked) = pick(lanes, PeerLimits::GNS, &LaneSet::default()) else {
                break;
            };
            let lane = &mut lanes[picked.as_usize()];
            lane.take_new(1000);
            charge(lane, 1000);
            sent[picked.as_usize()] += 1000;
        }
        sent
    }

    #[test]
    fn weights_share_within_a_priority() {
        let mut lanes = lanes(&[(1, 25), (1, 75)]);
        assert_eq!(shares(&mut lanes, 400_000), [100_000, 300_000]);
    }

    #[test]
    fn a_better_priority_goes_first_strictly() {
        let mut lanes = lanes(&[(5, 1000), (-1, 1)]);
        assert_eq!(shares(&mut lanes, 300_000), [0, 300_000]);
    }

    #[test]
    fn a_lane_that_was_idle_among_idle_ones_claims_nothing_either() {
        let mut lanes = lanes(&[(0, 1), (0, 1)]);
        lanes[1].discard();
        shares(&mut lanes, 400_000);
        let rest = lanes[0].unsent_reliable_bytes();
        lanes[0].take_new(rest);
        for index in [1, 0] {
            wake(&mut lanes, LaneIndex::new(index));
            let lane = &mut lanes[usize::from(index)];
            lane.submit(Payload::Borrowed(&[0; 400_000]), true);
        }
        assert_eq!(shares(&mut lanes, 100_000), [50_000, 50_000]);
    }

    #[test]
    fn an_idle_lane_claims_nothing_for_the_past() {
        let mut lanes = lanes(&[(0, 1), (0, 1)]);
        lanes[1].discard();
        shares(&mut lanes, 200_000);
        wake(&mut lanes, LaneIndex::new(1));
        lanes[1].submit(Payload::Borrowed(&[0; 400_000]), true);
        let next = shares(&mut lanes, 100_000);
        assert_eq!(next, [50_000, 50_000]);
    }
}
