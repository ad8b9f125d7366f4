//! The ping in whole milliseconds as GNS estimates, shows and sends it.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// Estimate of the round trip from the three most recent samples, in whole milliseconds.
///
/// It leans to the small side on purpose: what is wanted is the delay of the network, without the time
/// that either machine took to wake up. GNS e707b3a: steamnetworkingsockets_stats.cpp,
/// `PingTracker::ReceivedPing`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct PingTracker {
    /// Newest first; only the first `len` are valid.
    recent_ms: [u32; SLOTS],
    len: u8,
    /// Until then a full tracker takes a sample only in place of the newest.
    next_slot_at: Timestamp,
    last_sample_at: Timestamp,
}

impl PingTracker {
    /// A tracker without samples.
    pub const fn new() -> Self {
        Self {
            recent_ms: [0; SLOTS],
            len: 0,
            next_slot_at: Timestamp::ZERO,
            last_sample_at: Timestamp::ZERO,
        }
    }

    /// Takes one measured round trip of `ms` milliseconds.
    pub fn add_sample(&mut self, now: Timestamp, ms: u32) {
        self.last_sample_at = now;
        let [newest, middle, _] = self.recent_ms;
        if usize::from(self.len) == SLOTS && now < self.next_slot_at {
            self.recent_ms[0] = newest.min(ms);
            return;
        }
        self.recent_ms = [ms, newest, middle];
        self.len = self.len.saturating_add(1).min(SLOTS as u8);
        self.next_slot_at = now + MIN_SAMPLE_SPACING;
    }

    /// The estimate in milliseconds, rounded down; `None` before the first sample.
    ///
    /// The only sample, the smaller of two, or the mean of the two smallest of three.
    pub fn smoothed_ms(&self) -> Option<u32> {
        let [a, b, c] = self.recent_ms;
        match self.len {
            0 => None,
            1 => Some(a),
            2 => Some(a.min(b)),
            _ => {
                let largest = a.max(b).max(c);
                let sum = u64::from(a) + u64::from(b) + u64::from(c) - u64::from(largest);
                Some(u32::try_from(sum / 2).unwrap_or(u32::MAX))
            }
        }
    }

    /// The largest of the recent samples in milliseconds; `None` before the first.
    pub fn worst_recent_ms(&self) -> Option<u32> {
        let valid = self.recent_ms.iter().take(usize::from(self.len));
        valid.max().copied()
    }

    /// The smallest of the recent samples in milliseconds; `None` before the first.
    pub fn best_recent_ms(&self) -> Option<u32> {
        let valid = self.recent_ms.iter().take(usize::from(self.len));
        valid.min().copied()
    }

    /// When the most recent sample came, even if it changed nothing.
    pub fn last_sample_at(&self) -> Option<Timestamp> {
        (self.len > 0).then_some(self.last_sample_at)
    }
}

/// GNS e707b3a: steamnetworking_statsutils.h, `PingTracker::m_arPing`.
const SLOTS: usize = 3;

/// GNS e707b3a: steamnetworking_statsutils.h, `k_usecMinPingSampleSpacing`.
const MIN_SAMPLE_SPACING: Span = Span::from_millis(100);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at_ms(ms: u64) -> Timestamp {
        Timestamp::ZERO + Span::from_millis(ms)
    }

    #[test]
    fn one_two_and_three_samples() {
        let mut ping = PingTracker::new();
        assert_eq!(ping.smoothed_ms(), None);
        assert_eq!(ping.worst_recent_ms(), None);
        assert_eq!(ping.last_sample_at(), None);

        ping.add_sample(at_ms(0), 40);
        assert_eq!(ping.smoothed_ms(), Some(40));
        // The first three are taken however close they follow each other.
        ping.add_sample(at_ms(0), 31);
        assert_eq!(ping.smoothed_ms(), Some(31));
        ping.add_sample(at_ms(1), 90);
        assert_eq!(ping.smoothed_ms(), Some(35));
        assert_eq!(ping.worst_recent_ms(), Some(90));
        assert_eq!(ping.best_recent_ms(), Some(31));
        assert_eq!(ping.last_sample_at(), Some(at_ms(1)));
    }

    #[test]
    fn within_100_ms_only_a_smaller_sample_replaces_the_newest() {
        let mut ping = PingTracker::new();
        for ms in [10, 20, 30] {
            ping.add_sample(at_ms(0), ms);
        }
        ping.add_sample(at_ms(50), 500);
        assert_eq!(ping.worst_recent_ms(), Some(30));
        assert_eq!(ping.last_sample_at(), Some(at_ms(50)));
        ping.add_sample(at_ms(99), 12);
        assert_eq!(ping.recent_ms, [12, 20, 10]);
        // The spacing counts from the slot, not from the last sample.
        ping.add_sample(at_ms(100), 500);
        assert_eq!(ping.recent_ms, [500, 12, 20]);
    }

    proptest! {
        #[test]
        fn any_samples_keep_the_estimate_within_them(
            samples in prop::collection::vec((any::<u64>(), any::<u32>()), 1..20),
        ) {
            let mut ping = PingTracker::new();
            for &(us, ms) in &samples {
                ping.add_sample(Timestamp::from_micros(us), ms);
                let smoothed = ping.smoothed_ms().unwrap();
                prop_assert!(smoothed <= ping.worst_recent_ms().unwrap());
                prop_assert!(smoothed >= samples.iter().map(|s| s.1).min().unwrap());
            }
        }
    }
}
