//! Round-trip time in microseconds, for retransmission and pacing (RFC 9002 section 5).
//!
//! The whole milliseconds that GNS shows and exchanges are in `stats::ping`.

use serde::Deserialize;
use serde::Serialize;

use crate::time::Span;

/// Least allowance for variation, so that a very steady path does not retransmit too eagerly.
const MIN_VARIATION: Span = Span::from_millis(5);
/// Timeout without any measurement (GNS: 1 s).
const UNKNOWN_TIMEOUT: Span = Span::from_secs(1);
/// Longest time between two retransmission timeouts, unless twice the first is longer: after an
/// outage the connection should be back soon.
const MAX_BACKED_OFF: Span = Span::from_millis(250);

/// Longer samples count as this: a machine that slept would wait for ages otherwise (GNS ignores
/// those above 2 s).
const MAX_SAMPLE: Span = Span::from_secs(2);

/// Smoothed round-trip time and its variation.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct RttEstimator(Option<Measured>);

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Measured {
    smoothed: Span,
    variation: Span,
    least: Span,
}

impl RttEstimator {
    /// A measurement with the peer's own delay taken off.
    pub(crate) fn on_sample(&mut self, sample: Span) {
        let sample = sample.min(MAX_SAMPLE);
        let Some(known) = &mut self.0 else {
            self.0 = Some(Measured {
                smoothed: sample,
                variation: sample / 2,
                least: sample,
            });
            return;
        };
        let off = Span::from_micros(known.smoothed.as_micros().abs_diff(sample.as_micros()));
        known.variation = (known.variation * 3 + off) / 4;
        known.smoothed = (known.smoothed * 7 + sample) / 8;
        known.least = known.least.min(sample);
    }

    /// The smoothed round-trip time, once there is one.
    pub(crate) fn smoothed(&self) -> Option<Span> {
        self.0.map(|known| known.smoothed)
    }

    /// The least round-trip time, once there is one.
    pub(crate) fn least(&self) -> Option<Span> {
        self.0.map(|known| known.least)
    }

    /// Time after which an unacknowledged packet is taken for lost, for the `nth` time in a row (from 0), if the
    /// peer acknowledges within `ack_delay`.
    pub(crate) fn retransmit_timeout(&self, nth: u32, ack_delay: Span) -> Span {
        let base = self.0.map_or(UNKNOWN_TIMEOUT, |known| {
            known.smoothed + (known.variation * 4).max(MIN_VARIATION) + ack_delay
        });
        let backed_off = base * 1u64.checked_shl(nth).unwrap_or(u64::MAX);
        backed_off.min(MAX_BACKED_OFF.max(base * 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Span = Span::from_millis(50);

    #[test]
    fn follows_samples_smoothly() {
        let mut rtt = RttEstimator::default();
        assert_eq!(rtt.retransmit_timeout(0, DELAY), Span::from_secs(1));
        rtt.on_sample(Span::from_millis(100));
        assert_eq!(rtt.smoothed(), Some(Span::from_millis(100)));
        rtt.on_sample(Span::from_millis(180));
        assert_eq!(rtt.smoothed(), Some(Span::from_millis(110)));
    }

    #[test]
    fn limit_a_sample_taken_across_a_pause_of_the_machine() {
        let mut rtt = RttEstimator::default();
        rtt.on_sample(Span::from_millis(20));
        rtt.on_sample(Span::from_secs(3600));
        assert!(rtt.retransmit_timeout(0, DELAY) < Span::from_secs(3));
        assert!(rtt.smoothed() < Some(Span::from_secs(1)));
    }

    #[test]
    fn timeouts_back_off_to_a_bound() {
        let mut rtt = RttEstimator::default();
        for _ in 0..100 {
            rtt.on_sample(Span::from_millis(20));
        }
        let base = rtt.retransmit_timeout(0, DELAY);
        assert_eq!(base, Span::from_millis(75));
        let prompt = rtt.retransmit_timeout(0, Span::from_millis(25));
        assert_eq!(prompt, Span::from_millis(50));
        assert_eq!(rtt.retransmit_timeout(1, DELAY), base * 2);
        assert_eq!(rtt.retransmit_timeout(10, DELAY), MAX_BACKED_OFF);
        assert_eq!(rtt.retransmit_timeout(64, DELAY), MAX_BACKED_OFF);
    }
}
