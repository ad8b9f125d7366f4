//! Delivery rate from acks, as BBR samples it: what arrived since a packet was sent, over the time that
//! it took to send or to arrive, whichever is longer.
//!
//! Times of arrival are those of the ack less the delay that the peer reports, so the clocks of both
//! ends need not agree: a constant offset falls out of every difference.

use serde::Deserialize;
use serde::Serialize;

use crate::time::Timestamp;

/// What is remembered of a packet until it is acknowledged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct SentMark {
    /// Bytes known to have arrived when it left.
    delivered: u64,
    /// Microseconds from the arrival of the newest of those to its own departure.
    delivered_ago_us: u32,
    /// Microseconds from the departure of that one to its own.
    sent_after_us: u32,
    /// Whether there was nothing more to send behind it.
    pub(crate) app_limited: bool,
    /// Whether it belongs to a train of packets that measures the path.
    pub(crate) in_train: bool,
}

impl SentMark {
    /// That of a packet that proves nothing of how much more might have gone.
    pub(crate) const APP_LIMITED: Self = Self {
        delivered: 0,
        delivered_ago_us: 0,
        sent_after_us: 0,
        app_limited: true,
        in_train: false,
    };
}

/// A measurement of the delivery rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateSample {
    pub(crate) bytes_per_sec: u64,
    pub(crate) interval_us: u64,
    pub(crate) app_limited: bool,
}

/// State of the sampler.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Sampler {
    began_at: Timestamp,
    delivered: u64,
    delivered_at: Timestamp,
    /// When the newest packet that is known to have arrived was sent.
    newest_sent_at: Timestamp,
}

impl Sampler {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self {
            began_at: now,
            delivered: 0,
            delivered_at: now,
            newest_sent_at: now,
        }
    }

    /// A packet leaves with `flight` bytes under way before it.
    pub(crate) fn on_sent(&mut self, now: Timestamp, flight: u64) -> SentMark {
        if flight == 0 {
            // Idle time does not count.
            self.delivered_at = now;
            self.newest_sent_at = now;
        }
        SentMark {
            delivered: self.delivered,
            delivered_ago_us: short(now.since(self.delivered_at).as_micros()),
            sent_after_us: short(now.since(self.newest_sent_at).as_micros()),
            app_limited: false,
            in_train: false,
        }
    }

    /// `bytes` are newly known to have arrived, the newest of them with the packet of `mark`. No
    /// measurement is one with a packet from before the sampler began: it has no mark worth the name.
    pub(crate) fn on_acked(
        &mut self,
        bytes: u64,
        mark: SentMark,
        sent_at: Timestamp,
        arrived_at: Timestamp,
    ) -> Option<RateSample> {
        self.delivered += bytes;
        self.delivered_at = self.delivered_at.max(arrived_at);
        self.newest_sent_at = self.newest_sent_at.max(sent_at);
        let since_sent = self.delivered_at.since(sent_at).as_micros();
        let arriving = since_sent + u64::from(mark.delivered_ago_us);
        let interval_us = arriving.max(u64::from(mark.sent_after_us));
        if sent_at < self.began_at {
            return None;
        }
        let bytes = self.delivered.saturating_sub(mark.delivered);
        let rate = bytes.saturating_mul(1_000_000).checked_div(interval_us)?;
        Some(RateSample {
            bytes_per_sec: rate,
            interval_us,
            app_limited: mark.app_limited,
        })
    }

    /// Bytes known to have arrived in all.
    pub(crate) const fn delivered(&self) -> u64 {
        self.delivered
    }
}

fn short(us: u64) -> u32 {
    u32::try_from(us).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    const fn at(us: u64) -> Timestamp {
        Timestamp::from_micros(us)
    }

    #[test]
    fn measures_the_rate_of_arrival_whatever_the_acks_do() {
        let mut sampler = Sampler::new(at(0));
        // 1000 bytes each millisecond, 20 ms away, acknowledged in pairs.
        let sent = |n: u64| at(n * 1000);
        let marks: alloc::vec::Vec<SentMark> = (0..20)
            .map(|n| sampler.on_sent(sent(n), n * 1000))
            .collect();
        let mut last = None;
        for n in (1..20).step_by(2) {
            let arrived = sent(n) + Span::from_millis(20);
            last = sampler.on_acked(2000, marks[n as usize], sent(n), arrived);
        }
        let late = sampler.on_sent(at(40_000), 1000);
        let sample = sampler
            .on_acked(1000, late, at(40_000), at(60_000))
            .unwrap();
        assert!(last.is_some());
        assert!((40_000..=60_000).contains(&sample.bytes_per_sec));
        assert_eq!(sampler.delivered(), 21_000);
    }

    #[test]
    fn idle_time_is_no_time_of_sending() {
        let mut sampler = Sampler::new(at(0));
        let mark = sampler.on_sent(at(1_000_000), 0);
        let sample = sampler.on_acked(1000, mark, at(1_000_000), at(1_010_000));
        assert_eq!(sample.unwrap().bytes_per_sec, 100_000);
        let mark = sampler.on_sent(at(9_000_000), 0);
        let sample = sampler.on_acked(1000, mark, at(9_000_000), at(9_010_000));
        assert_eq!(sample.unwrap().bytes_per_sec, 100_000);
    }

    #[test]
    fn what_is_under_way_from_before_is_no_measurement_and_spoils_none() {
        let began = at(9_000_000);
        let mut sampler = Sampler::new(began);
        let mark = sampler.on_sent(began, 34);
        let older = SentMark::APP_LIMITED;
        let sample = sampler.on_acked(34, older, at(8_995_000), at(9_005_000));
        assert!(sample.is_none());
        let sample = sampler.on_acked(1000, mark, began, at(9_010_000));
        assert_eq!(sample.unwrap().bytes_per_sec, 103_400);
    }
}
