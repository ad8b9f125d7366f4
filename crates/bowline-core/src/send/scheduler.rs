//! Which lane goes next: strict priorities, weighted fair shares within one.
//!
//! Each lane carries a virtual time that advances by the bytes it sends, divided by its weight. Among
//! the lanes of the best priority with something to send, the one furthest behind goes. A lane that
//! was idle starts at the virtual time of those that were not, so it cannot claim a share for the past.

use crate::ids::LaneIndex;
use crate::lane_set::LaneSet;
use crate::send::PeerLimits;
use crate::send::lane::SendLane;

/// Virtual time of one byte at weight 1: at least one unit per byte at the greatest weight (GNS: the same).
const BYTE: u64 = 1 << 16;

/// The lane that should fill the next part of a packet. `skip` are lanes that had their turn in it.
pub(super) fn pick(lanes: &[SendLane], peer: PeerLimits, skip: &LaneSet) -> Option<LaneIndex> {
    (0..=u8::MAX)
        .map(LaneIndex::new)
        .zip(lanes)
        .filter(|(index, lane)| {
            !skip.contains(*index) && lane.has_sendable(peer.stream_window_bytes, peer.max_holes)
        })
        .min_by_key(|(index, lane)| (lane.config.priority, lane.virtual_time, *index))
        .map(|(index, _)| index)
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
                lane.submit_reliable(Payload::Borrowed(&[0; 400_000]));
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
            lane.submit_reliable(Payload::Borrowed(&[0; 400_000]));
        }
        assert_eq!(shares(&mut lanes, 100_000), [50_000, 50_000]);
    }

    #[test]
    fn an_idle_lane_claims_nothing_for_the_past() {
        let mut lanes = lanes(&[(0, 1), (0, 1)]);
        lanes[1].discard();
        shares(&mut lanes, 200_000);
        wake(&mut lanes, LaneIndex::new(1));
        lanes[1].submit_reliable(Payload::Borrowed(&[0; 400_000]));
        let next = shares(&mut lanes, 100_000);
        assert_eq!(next, [50_000, 50_000]);
    }
}
