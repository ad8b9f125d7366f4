//! What is counted over the whole life of a connection.

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::jitter::Jitter;
use super::quality::Counts;
use crate::time::{Span, Timestamp};
use crate::wire::pb;

/// Sums over all intervals that are over.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Totals {
    pub(super) sent_packets: u64,
    sent_bytes: u64,
    received_packets: u64,
    received_bytes: u64,
    pub(super) sequenced: u64,
    pub(super) dropped: u64,
    late: u64,
    duplicate: u64,
    lurch: u64,
}

impl Totals {
    /// These and what the running interval counted so far.
    pub(super) fn plus(mut self, counts: &Counts) -> Self {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.sent_packets, counts.sent_packets.into());
        add(&mut self.sent_bytes, counts.sent_bytes);
        add(&mut self.received_packets, counts.received_packets.into());
        add(&mut self.received_bytes, counts.received_bytes);
        add(&mut self.sequenced, counts.sequenced.into());
        add(&mut self.dropped, counts.dropped.into());
        add(&mut self.late, counts.late.into());
        add(&mut self.duplicate, counts.duplicate.into());
        add(&mut self.lurch, counts.lurch.into());
        self
    }

    pub(super) fn write(&self, message: &mut pb::LifetimeStats) {
        message.packets_sent = Some(self.sent_packets);
        message.kb_sent = Some(kibibytes(self.sent_bytes));
        message.packets_recv = Some(self.received_packets);
        message.kb_recv = Some(kibibytes(self.received_bytes));
        message.packets_recv_sequenced = Some(self.sequenced);
        message.packets_recv_dropped = Some(self.dropped);
        message.packets_recv_out_of_order = Some(self.late);
        message.packets_recv_duplicate = Some(self.duplicate);
        message.packets_recv_lurch = Some(self.lurch);
        // GNS may hold a packet back until the one before it comes. We take them as they come.
        message.packets_recv_out_of_order_corrected = Some(0);
    }
}

/// How long the connection has been, or was, in state Connected.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) enum ConnectedTime {
    NotYet,
    Since(Timestamp),
    Ended(Span),
}

impl ConnectedTime {
    /// Rounded, but at least 1 once connected. GNS e707b3a: steamnetworkingsockets_stats.cpp,
    /// `LinkStatsTrackerEndToEnd::GetLifetimeStats`.
    pub(super) fn seconds(self, now: Timestamp) -> u32 {
        let span = match self {
            Self::NotYet => return 0,
            Self::Since(start) => now.since(start),
            Self::Ended(span) => span,
        };
        let rounded = (span + Span::from_millis(500)).as_micros() / 1_000_000;
        u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
    }
}

/// How many samples of the ping fell where.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct PingHistogram(Histogram<30>);

impl PingHistogram {
    pub(super) fn new() -> Self {
        Self(Histogram::new())
    }

    pub(super) fn add(&mut self, ms: u32) {
        self.0.add(&PING_UPPER_MS, ms);
    }

    pub(super) fn write(&self, message: &mut pb::LifetimeStats) {
        let within = |low, high| self.0.within(&PING_UPPER_MS, low, high);
        message.ping_histogram_25 = within(0, 25);
        message.ping_histogram_50 = within(26, 50);
        message.ping_histogram_75 = within(51, 75);
        message.ping_histogram_100 = within(76, 100);
        message.ping_histogram_125 = within(101, 125);
        message.ping_histogram_150 = within(126, 150);
        message.ping_histogram_200 = within(151, 200);
        message.ping_histogram_300 = within(201, 300);
        message.ping_histogram_max = within(301, u32::MAX);

        let ntile = |percent, min| self.0.percentile(&PING_UPPER_MS, percent, min);
        message.ping_ntile_5th = ntile(5, 20);
        message.ping_ntile_50th = ntile(50, 2);
        message.ping_ntile_75th = ntile(75, 4);
        message.ping_ntile_95th = ntile(95, 20);
        message.ping_ntile_98th = ntile(98, 50);
    }
}

pub(super) fn write_jitter(jitter: &Jitter, message: &mut pb::LifetimeStats) {
    message.jitter_histogram_negligible = jitter.within(0, 999);
    message.jitter_histogram_1 = jitter.within(1_000, 1_999);
    message.jitter_histogram_2 = jitter.within(2_000, 4_999);
    message.jitter_histogram_5 = jitter.within(5_000, 9_999);
    message.jitter_histogram_10 = jitter.within(10_000, 19_999);
    message.jitter_histogram_20 = jitter.within(20_000, u32::MAX);
}

/// Bytes as KiB, rounded.
const fn kibibytes(bytes: u64) -> u64 {
    bytes.saturating_add(512) / 1024
}

/// The wire's buckets (up to 25, 50, 75, 100, 125, 150, 200, 300 and more), subdivided for percentiles.
const PING_UPPER_MS: [u32; 30] = [
    0,
    1,
    2,
    4,
    7,
    10,
    13,
    16,
    20,
    25, // up to 25
    31,
    37,
    43,
    50, // up to 50
    62,
    75,
    87,
    100,
    112,
    125,
    137,
    150,
    175,
    200,
    250,
    300, // up to each wire bound in two
    450,
    700,
    1_200,
    u32::MAX,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kib_are_rounded() {
        assert_eq!(kibibytes(511), 0);
        assert_eq!(kibibytes(512), 1);
        assert_eq!(kibibytes(1_535), 1);
        assert_eq!(kibibytes(1_536), 2);
    }

    #[test]
    fn connected_seconds_are_rounded_and_never_0_once_connected() {
        let now = Timestamp::ZERO + Span::from_millis(10_499);
        assert_eq!(ConnectedTime::NotYet.seconds(now), 0);
        assert_eq!(ConnectedTime::Since(now).seconds(now), 1);
        assert_eq!(ConnectedTime::Since(Timestamp::ZERO).seconds(now), 10);
        let ended = ConnectedTime::Ended(Span::from_millis(2_500));
        assert_eq!(ended.seconds(now), 3);
    }

    #[test]
    fn ping_buckets_have_the_wires_bounds() {
        let mut histogram = PingHistogram::new();
        for upper in [25, 50, 75, 100, 125, 150, 200, 300] {
            histogram.add(upper);
            histogram.add(upper + 1);
        }
        let mut message = pb::LifetimeStats::default();
        histogram.write(&mut message);
        assert_eq!(message.ping_histogram_25, Some(1));
        assert_eq!(message.ping_histogram_50, Some(2));
        assert_eq!(message.ping_histogram_75, Some(2));
        assert_eq!(message.ping_histogram_100, Some(2));
        assert_eq!(message.ping_histogram_125, Some(2));
        assert_eq!(message.ping_histogram_150, Some(2));
        assert_eq!(message.ping_histogram_200, Some(2));
        assert_eq!(message.ping_histogram_300, Some(2));
        assert_eq!(message.ping_histogram_max, Some(1));
    }

    #[test]
    fn ping_percentiles_need_their_number_of_samples() {
        let mut histogram = PingHistogram::new();
        let mut known = alloc::vec::Vec::new();
        for _ in 0..50 {
            histogram.add(1);
            let mut message = pb::LifetimeStats::default();
            histogram.write(&mut message);
            known.push([
                message.ping_ntile_5th,
                message.ping_ntile_50th,
                message.ping_ntile_75th,
                message.ping_ntile_95th,
                message.ping_ntile_98th,
            ]);
        }
        let first = |which: usize| known.iter().position(|k| k[which] == Some(1));
        assert_eq!(
            [first(0), first(1), first(2), first(3), first(4)],
            [Some(19), Some(1), Some(3), Some(19), Some(49)]
        );
    }
}
