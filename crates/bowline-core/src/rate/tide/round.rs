//! What is gathered within a round trip, and what it means at its end.

use serde::Deserialize;
use serde::Serialize;

use crate::rate::PACKET;
use crate::time::Timestamp;

/// A round trip in progress: it ends when a packet is acknowledged that was sent after it began.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Round {
    pub(super) began_at: Timestamp,
    pub(super) rtt_min_us: u64,
    pub(super) rtt_max_us: u64,
    pub(super) acked_bytes: u64,
    pub(super) acked: u64,
    pub(super) lost: u64,
    /// What arrived after it had been counted as lost, in this round or one before.
    pub(super) undone: u64,
    pub(super) peak_flight: u64,
    acks: u32,
    limited_acks: u32,
    pub(super) app_limited: bool,
    pub(super) best_rate: u64,
}

/// A round that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    pub(super) now: Timestamp,
    /// Delivered bytes per second.
    pub(super) rate: u64,
    /// Least queueing delay.
    pub(super) queue_us: u64,
    /// The greater of this one's and the one's before.
    pub(super) queue2_us: u64,
    /// Greatest queueing delay.
    pub(super) queue_max_us: u64,
    /// The queueing delay to aim at.
    pub(super) target_us: u64,
    pub(super) rtt_min_us: u64,
    pub(super) rtt_max_us: u64,
    pub(super) acked: u64,
    pub(super) lost: u64,
    pub(super) peak_flight: u64,
    /// Whether the window was what bounded it.
    pub(super) limited: bool,
    /// Whether its losses are to be overlooked.
    pub(super) ignores_loss: bool,
    /// Whether messages that must not wait share the queue with bulk.
    pub(super) has_company: bool,
}

impl Finished {
    pub(super) const fn packets(&self) -> u64 {
        self.acked + self.lost
    }

    /// Lost packets in millionths of all.
    pub(super) fn loss(&self) -> u64 {
        let lost = self.lost.saturating_mul(1_000_000);
        lost.checked_div(self.packets()).unwrap_or(0)
    }
}

impl Round {
    pub(super) const fn starting(now: Timestamp) -> Self {
        Self {
            began_at: now,
            rtt_min_us: u64::MAX,
            rtt_max_us: 0,
            acked_bytes: 0,
            acked: 0,
            lost: 0,
            undone: 0,
            peak_flight: 0,
            acks: 0,
            limited_acks: 0,
            app_limited: false,
            best_rate: 0,
        }
    }

    pub(super) fn on_rtt(&mut self, rtt_us: u64) {
        self.rtt_min_us = self.rtt_min_us.min(rtt_us);
        self.rtt_max_us = self.rtt_max_us.max(rtt_us);
    }

    /// An ack that came with `flight` bytes under way under a window of `window`.
    pub(super) fn on_ack(&mut self, flight: u64, window: u64, app_limited: bool) {
        self.acks = self.acks.saturating_add(1);
        self.app_limited |= app_limited;
        self.peak_flight = self.peak_flight.max(flight);
        let used = 2 * (flight + 2 * PACKET) >= window;
        self.limited_acks += u32::from(used && !app_limited);
    }

    /// Whether the window was what bounded it.
    pub(super) fn is_limited(&self) -> bool {
        self.acks > 0 && u64::from(self.limited_acks) * 4 >= u64::from(self.acks) * 3
    }

    /// The delivery rate: the best sample, or what arrived over the time it took, if that is more.
    pub(super) fn rate(&self, now: Timestamp, window: u64) -> u64 {
        let elapsed = now.since(self.began_at).as_micros().max(1);
        let mean = per_second(self.acked_bytes, elapsed);
        let most = per_second(window, self.rtt_min_us);
        self.best_rate.max(mean.min(most))
    }
}

/// Bytes per second of so many bytes in so many microseconds.
pub(super) fn per_second(bytes: u64, us: u64) -> u64 {
    scale(bytes, 1_000_000, us)
}

/// `value * numerator / denominator` without overflow on the way, and with 1 in place of 0 below.
pub(super) fn scale(value: u64, numerator: u64, denominator: u64) -> u64 {
    let denominator = denominator.max(1);
    // Nearly always so, and there is one of these per packet: a wide division takes several times as long.
    if let Some(product) = value.checked_mul(numerator) {
        return product / denominator;
    }
    let product = u128::from(value) * u128::from(numerator);
    u64::try_from(product / u128::from(denominator)).unwrap_or(u64::MAX)
}
