//! One measurement interval: what was counted, and the rates and the quality that follow from it.

use serde::Deserialize;
use serde::Serialize;

use super::histogram::Histogram;
use crate::time::Span;
use crate::wire::pb;

/// Packets and bytes per second in both directions, UDP payload bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Rates {
    /// Data packets sent per second.
    pub out_packets_per_s: f32,
    /// Bytes sent per second.
    pub out_bytes_per_s: f32,
    /// Packets received per second, those that could not be decrypted included.
    pub in_packets_per_s: f32,
    /// Bytes received per second, likewise.
    pub in_bytes_per_s: f32,
}

/// What happened since an interval began.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Counts {
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) sent_packets: u32,
    /// Whether or not they could be decrypted.
    pub(super) received_packets: u32,
    /// Received with a valid packet number, duplicates included.
    pub(super) sequenced: u32,
    pub(super) dropped: u32,
    pub(super) late: u32,
    pub(super) duplicate: u32,
    pub(super) lurch: u32,
}

impl Counts {
    /// Sequenced packets with an oddity other than a loss before them.
    pub(super) const fn weird(&self) -> u32 {
        self.late
            .saturating_add(self.duplicate)
            .saturating_add(self.lurch)
    }

    pub(super) fn rates_over(&self, length: Span) -> Rates {
        let seconds = length.as_micros() as f32 / 1e6;
        Rates {
            out_packets_per_s: self.sent_packets as f32 / seconds,
            out_bytes_per_s: self.sent_bytes as f32 / seconds,
            in_packets_per_s: self.received_packets as f32 / seconds,
            in_bytes_per_s: self.received_bytes as f32 / seconds,
        }
    }
}

/// An interval that is over.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Interval {
    pub(super) counts: Counts,
    pub(super) length: Span,
    pub(super) peak_jitter_us: Option<u32>,
}

impl Interval {
    pub(super) fn rates(&self) -> Rates {
        self.counts.rates_over(self.length)
    }

    /// The share of the peer's packets that came, and came in order: 0 to 1. `None` if none came.
    pub(super) fn quality(&self) -> Option<f32> {
        let Counts { sequenced, .. } = self.counts;
        let good = sequenced.saturating_sub(self.counts.weird());
        (sequenced > 0).then(|| good as f32 / self.expected() as f32)
    }

    /// The interval as a whole number from 0 (dead) to 100 (without any flaw), if it tells enough.
    ///
    /// `reply_timeouts`: how often an answer failed to come since the peer was last heard.
    /// GNS e707b3a: steamnetworkingsockets_stats.cpp, `UpdateInterval`.
    pub(super) fn score(&self, reply_timeouts: u8) -> Option<u32> {
        if self.length <= MIN_SCORED_LENGTH {
            return None;
        }
        let Counts {
            sent_packets,
            received_packets,
            sequenced,
            dropped,
            ..
        } = self.counts;
        let weird = self.counts.weird();
        if sequenced <= MIN_SCORED_PACKETS {
            let seconds = self.length.as_micros() / 1_000_000;
            let dead = received_packets == 0
                && u64::from(sent_packets) > seconds
                && reply_timeouts >= MIN_DEAD_TIMEOUTS;
            return dead.then_some(0);
        }
        if weird == 0 && dropped == 0 {
            return Some(100);
        }
        let good = sequenced.saturating_sub(weird);
        Some(percent(good, self.expected()).clamp(1, 99))
    }

    /// The report of this interval. `ping_ms`: the smoothed ping, if known.
    pub(super) fn to_message(self, ping_ms: Option<u32>) -> pb::InstantaneousStats {
        let per_second = |count: u64, scale: u64| {
            let rate = count.saturating_mul(scale.saturating_mul(1_000_000));
            let us = self.length.as_micros().max(1);
            Some(u32::try_from(rate / us).unwrap_or(u32::MAX))
        };
        let counts = &self.counts;
        let share = |part| (counts.sequenced > 0).then(|| percent(part, self.expected()));
        pb::InstantaneousStats {
            out_packets_per_sec_x10: per_second(counts.sent_packets.into(), 10),
            out_bytes_per_sec: per_second(counts.sent_bytes, 1),
            in_packets_per_sec_x10: per_second(counts.received_packets.into(), 10),
            in_bytes_per_sec: per_second(counts.received_bytes, 1),
            ping_ms,
            packets_dropped_pct: share(counts.dropped),
            packets_weird_sequence_pct: share(counts.weird()),
            peak_jitter_usec: self.peak_jitter_us,
        }
    }

    /// How many packets the peer must have sent.
    const fn expected(&self) -> u64 {
        self.counts.sequenced as u64 + self.counts.dropped as u64
    }
}

/// How many intervals had which quality.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct QualityHistogram(Histogram<19>);

impl QualityHistogram {
    pub(super) fn new() -> Self {
        Self(Histogram::new())
    }

    pub(super) fn add(&mut self, score: u32) {
        self.0.add(&UPPER, score);
    }

    pub(super) fn write(&self, message: &mut pb::LifetimeStats) {
        let within = |low, high| self.0.within(&UPPER, low, high);
        message.quality_histogram_100 = within(100, 100);
        message.quality_histogram_99 = within(99, 99);
        message.quality_histogram_97 = within(97, 98);
        message.quality_histogram_95 = within(95, 96);
        message.quality_histogram_90 = within(90, 94);
        message.quality_histogram_75 = within(75, 89);
        message.quality_histogram_50 = within(50, 74);
        message.quality_histogram_1 = within(1, 49);
        message.quality_histogram_dead = within(0, 0);

        let ntile = |percent, min| self.0.percentile(&UPPER, percent, min);
        message.quality_ntile_2nd = ntile(2, 50);
        message.quality_ntile_5th = ntile(5, 20);
        message.quality_ntile_25th = ntile(25, 4);
        message.quality_ntile_50th = ntile(50, 2);
    }
}

/// `part` of `whole` in whole percent, rounded down, at most 100.
fn percent(part: u32, whole: u64) -> u32 {
    let percent = u64::from(part) * 100 / whole.max(1);
    u32::try_from(percent).unwrap_or(100).min(100)
}

/// A shorter interval gets no score. GNS e707b3a: `UpdateInterval`.
const MIN_SCORED_LENGTH: Span = Span::from_millis(4_500);
/// Nor does one with no more packets than this. GNS e707b3a: `UpdateInterval`.
const MIN_SCORED_PACKETS: u32 = 5;
/// Unanswered requests that, with nothing received, make an interval dead. GNS e707b3a: `UpdateInterval`.
const MIN_DEAD_TIMEOUTS: u8 = 2;

/// The wire's buckets (dead, from 1, 50, 75, 90, 95, 97, 99 and 100 on), subdivided for percentiles.
const UPPER: [u32; 19] = [
    0, 12, 25, 37, 49, 57, 66, 74, 79, 84, 89, 91, 94, 95, 96, 97, 98, 99, 100,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(counts: Counts) -> Interval {
        Interval {
            counts,
            length: Span::from_secs(5),
            peak_jitter_us: None,
        }
    }

    #[test]
    fn score_is_100_only_without_any_flaw() {
        let perfect = Counts {
            sequenced: 6,
            ..Counts::default()
        };
        assert_eq!(interval(perfect).score(0), Some(100));
        let almost = Counts {
            sequenced: 100_000,
            dropped: 1,
            ..perfect
        };
        assert_eq!(interval(almost).score(0), Some(99));
        let hopeless = Counts {
            dropped: 10_000,
            ..perfect
        };
        assert_eq!(interval(hopeless).score(0), Some(1));
        // (90 - 2 - 1 - 1) * 100 / (90 + 10)
        let mixed = Counts {
            sequenced: 90,
            dropped: 10,
            late: 2,
            duplicate: 1,
            lurch: 1,
            ..Counts::default()
        };
        assert_eq!(interval(mixed).score(0), Some(86));
        assert_eq!(interval(mixed).quality(), Some(0.86));
    }

    #[test]
    fn score_needs_more_than_5_packets_and_4500_ms() {
        let few = Counts {
            sequenced: 5,
            received_packets: 5,
            ..Counts::default()
        };
        assert_eq!(interval(few).score(0), None);
        let mut short = interval(Counts {
            sequenced: 6,
            ..few
        });
        short.length = Span::from_millis(4_500);
        assert_eq!(short.score(0), None);
        short.length = Span::from_micros(4_500_001);
        assert_eq!(short.score(0), Some(100));
    }

    #[test]
    fn dead_needs_silence_in_spite_of_asking() {
        let asked = Counts {
            sent_packets: 6,
            ..Counts::default()
        };
        assert_eq!(interval(asked).score(2), Some(0));
        assert_eq!(interval(asked).score(1), None);
        assert_eq!(
            interval(Counts {
                sent_packets: 5,
                ..asked
            })
            .score(9),
            None
        );
        assert_eq!(
            interval(Counts {
                received_packets: 1,
                ..asked
            })
            .score(9),
            None
        );
    }

    #[test]
    fn report_has_the_rates_always_and_the_rest_when_known() {
        let silent = interval(Counts {
            sent_bytes: 6_004,
            sent_packets: 7,
            ..Counts::default()
        });
        let message = silent.to_message(None);
        assert_eq!(message.out_packets_per_sec_x10, Some(14));
        assert_eq!(message.out_bytes_per_sec, Some(1_200));
        assert_eq!(message.in_packets_per_sec_x10, Some(0));
        assert_eq!(message.in_bytes_per_sec, Some(0));
        assert_eq!(message.ping_ms, None);
        assert_eq!(message.packets_dropped_pct, None);
        assert_eq!(message.packets_weird_sequence_pct, None);
        assert_eq!(message.peak_jitter_usec, None);

        let mut lossy = interval(Counts {
            sequenced: 90,
            dropped: 10,
            late: 3,
            ..Counts::default()
        });
        lossy.peak_jitter_us = Some(1_234);
        let message = lossy.to_message(Some(42));
        assert_eq!(message.ping_ms, Some(42));
        assert_eq!(message.packets_dropped_pct, Some(10));
        assert_eq!(message.packets_weird_sequence_pct, Some(3));
        assert_eq!(message.peak_jitter_usec, Some(1_234));
    }

    #[test]
    fn buckets_have_the_wires_bounds() {
        let mut histogram = QualityHistogram::new();
        for score in [100, 99, 98, 97, 96, 95, 94, 90, 89, 75, 74, 50, 49, 1, 0, 0] {
            histogram.add(score);
        }
        let mut message = pb::LifetimeStats::default();
        histogram.write(&mut message);
        assert_eq!(message.quality_histogram_100, Some(1));
        assert_eq!(message.quality_histogram_99, Some(1));
        assert_eq!(message.quality_histogram_97, Some(2));
        assert_eq!(message.quality_histogram_95, Some(2));
        assert_eq!(message.quality_histogram_90, Some(2));
        assert_eq!(message.quality_histogram_75, Some(2));
        assert_eq!(message.quality_histogram_50, Some(2));
        assert_eq!(message.quality_histogram_1, Some(2));
        assert_eq!(message.quality_histogram_dead, Some(2));
    }

    #[test]
    fn percentiles_need_their_number_of_samples() {
        let mut histogram = QualityHistogram::new();
        let mut known = alloc::vec::Vec::new();
        for _ in 0..50 {
            histogram.add(98);
            let mut message = pb::LifetimeStats::default();
            histogram.write(&mut message);
            known.push([
                message.quality_ntile_2nd,
                message.quality_ntile_5th,
                message.quality_ntile_25th,
                message.quality_ntile_50th,
            ]);
        }
        let first = |which: usize| known.iter().position(|k| k[which] == Some(98));
        assert_eq!(
            [first(0), first(1), first(2), first(3)],
            [Some(49), Some(19), Some(3), Some(1)]
        );
    }
}
