//! How unevenly packets arrive, from the send spacing that the peer may put into the header.

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use crate::time::{Span, Timestamp};

/// What the header's time field holds for a packet sent `spacing` after the previous one, in units of
/// 16 us; `None` if the spacing is too long to be of use.
pub fn time_since_previous_to_wire(spacing: Span) -> Option<u16> {
    if spacing > MAX_SPACING {
        return None;
    }
    u16::try_from(spacing.as_micros() / UNIT_US).ok()
}

/// The spacing that a time field of the header stands for; `None` if a sender should not have sent it.
pub fn time_since_previous_from_wire(units: u16) -> Option<Span> {
    let spacing = Span::from_micros(u64::from(units) * UNIT_US);
    (spacing < MAX_SPACING).then_some(spacing)
}

/// Differences between the spacing of packets at the sender and at us.
///
/// GNS e707b3a: steamnetworking_statsutils.h, `TrackProcessSequencedPacket`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Jitter {
    /// Arrival of the packet with the highest number.
    last_arrival: Option<Timestamp>,
    interval_peak_us: Option<u32>,
    /// Since the application last took it.
    peak_us: Option<u32>,
    histogram: Histogram<6>,
}

impl Jitter {
    pub(super) fn new() -> Self {
        Self {
            last_arrival: None,
            interval_peak_us: None,
            peak_us: None,
            histogram: Histogram::new(),
        }
    }

    /// A packet moved the highest number up, by more than one.
    #[inline]
    pub(super) fn jumped(&mut self, now: Timestamp) {
        self.last_arrival = Some(now);
    }

    /// The very next packet arrived, with what its sender said of the spacing.
    #[inline]
    pub(super) fn next(&mut self, now: Timestamp, time_since_prev_16us: Option<u16>) {
        let previous = self.last_arrival.replace(now);
        if let (Some(units), Some(previous)) = (time_since_prev_16us, previous) {
            self.sample(now.since(previous), units);
        }
    }

    /// The largest difference of the interval that ends, in microseconds.
    pub(super) fn end_interval(&mut self) -> Option<u32> {
        self.interval_peak_us.take()
    }

    pub(super) const fn peak_us(&self) -> Option<u32> {
        self.peak_us
    }

    pub(super) fn take_peak_us(&mut self) -> Option<u32> {
        self.peak_us.take()
    }

    /// The samples from `low_us` to `high_us`, if any; both must be bounds of the wire's buckets.
    pub(super) fn within(&self, low_us: u32, high_us: u32) -> Option<u32> {
        self.histogram.within(&UPPER_US, low_us, high_us)
    }

    fn sample(&mut self, received: Span, units: u16) {
        let Some(sent) = time_since_previous_from_wire(units) else {
            return;
        };
        if received >= MAX_SPACING {
            return;
        }
        let difference = received.as_micros().abs_diff(sent.as_micros());
        let us = u32::try_from(difference).unwrap_or(u32::MAX);
        self.interval_peak_us = self.interval_peak_us.max(Some(us));
        self.peak_us = self.peak_us.max(Some(us));
        self.histogram.add(&UPPER_US, us);
    }
}

/// GNS e707b3a: the header carries the time shifted right by four bits.
const UNIT_US: u64 = 16;

/// GNS e707b3a: steamnetworking_statsutils.h, `k_usecTimeSinceLastPacketMaxReasonable`.
const MAX_SPACING: Span = Span::from_millis(250);

/// The wire's buckets: below 1, 2, 5, 10 and 20 ms, and the rest.
const UPPER_US: [u32; 6] = [999, 1_999, 4_999, 9_999, 19_999, u32::MAX];

#[cfg(test)]
mod tests {
    use super::*;

    fn at_us(us: u64) -> Timestamp {
        Timestamp::from_micros(us)
    }

    #[test]
    fn time_field_has_units_of_16_us_up_to_250_ms() {
        assert_eq!(time_since_previous_to_wire(Span::ZERO), Some(0));
        assert_eq!(time_since_previous_to_wire(Span::from_micros(47)), Some(2));
        assert_eq!(
            time_since_previous_to_wire(Span::from_millis(250)),
            Some(15_625)
        );
        assert_eq!(
            time_since_previous_to_wire(Span::from_micros(250_001)),
            None
        );
        assert_eq!(
            time_since_previous_from_wire(2),
            Some(Span::from_micros(32))
        );
        assert_eq!(time_since_previous_from_wire(15_625), None);
        assert_eq!(time_since_previous_from_wire(u16::MAX), None);
    }

    #[test]
    fn sample_is_the_absolute_difference_of_the_spacings() {
        let mut jitter = Jitter::new();
        jitter.next(at_us(1_000), Some(1_000));
        assert_eq!(jitter.peak_us(), None, "one arrival has no spacing");

        jitter.next(at_us(21_000), Some(1_000)); // 20 ms here, 16 ms there
        jitter.next(at_us(31_000), Some(1_000)); // 10 ms here, 16 ms there
        assert_eq!(jitter.end_interval(), Some(6_000));
        assert_eq!(jitter.within(2_000, 4_999), Some(1));
        assert_eq!(jitter.within(5_000, 9_999), Some(1));

        assert_eq!(jitter.end_interval(), None);
        assert_eq!(jitter.take_peak_us(), Some(6_000));
        assert_eq!(jitter.take_peak_us(), None);
    }

    #[test]
    fn long_pauses_and_silent_senders_give_no_sample() {
        let mut jitter = Jitter::new();
        jitter.next(at_us(0), None);
        jitter.next(at_us(10_000), None);
        jitter.next(at_us(260_000), Some(600));
        jitter.next(at_us(270_000), Some(u16::MAX));
        assert_eq!(jitter.peak_us(), None);
        jitter.jumped(at_us(280_000));
        jitter.next(at_us(289_600), Some(600));
        assert_eq!(jitter.peak_us(), Some(0));
    }
}
