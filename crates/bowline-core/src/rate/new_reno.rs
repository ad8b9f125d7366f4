//! NewReno (RFC 9002, appendix B): the first adaptive controller.
//!
//! A window in bytes that doubles per round trip until the first loss, then grows by a packet per
//! round trip and halves once per round trip with loss. Integers only.

use serde::Deserialize;
use serde::Serialize;

use crate::limits;
use crate::rate::Delivered;
use crate::time::Span;
use crate::time::Timestamp;

/// What a packet counts as where a window is counted in packets.
const PACKET: u64 = limits::MAX_DATAGRAM as u64;
/// The first window: RFC 9002 section 7.2.
const INITIAL_WINDOW: u64 = 10 * PACKET;
/// The least window: RFC 9002 section 7.2.
const MIN_WINDOW: u64 = 2 * PACKET;
/// Bound of the window: far above what any path needs, far below overflow.
const MAX_WINDOW: u64 = 1 << 32;
/// Round trip assumed while none was measured; GNS e707b3a: `SNP_InitializeConnection` uses 200 ms.
const UNKNOWN_RTT: Span = Span::from_millis(200);

/// State of the controller.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct NewReno {
    window: u64,
    /// Slow start ends here.
    threshold: u64,
    /// Acknowledged bytes towards the next packet of growth.
    credit: u64,
    /// Losses of packets sent before this belong to a loss that was answered already.
    recovery_start: Timestamp,
    min_rate: Option<u64>,
    max_rate: Option<u64>,
}

impl NewReno {
    pub(crate) const fn new(min_rate: Option<u64>, max_rate: Option<u64>) -> Self {
        Self {
            window: INITIAL_WINDOW,
            threshold: u64::MAX,
            credit: 0,
            recovery_start: Timestamp::ZERO,
            min_rate,
            max_rate,
        }
    }

    /// Other bounds of the rate, in bytes per second.
    pub(crate) const fn set_bounds(&mut self, min_rate: Option<u64>, max_rate: Option<u64>) {
        self.min_rate = min_rate;
        self.max_rate = max_rate;
    }

    pub(crate) const fn window_bytes(&self) -> u64 {
        self.window
    }

    /// Paces at 5/4 of a window per round trip (RFC 9002 section 7.7), within the configured bounds.
    pub(crate) fn rate_bytes_per_sec(&self, srtt: Option<Span>) -> Option<u64> {
        let srtt_us = match srtt {
            Some(srtt) => srtt.as_micros().max(1),
            None if self.max_rate.is_none() => return None,
            None => UNKNOWN_RTT.as_micros(),
        };
        let rate = self.window.saturating_mul(1_250_000) / srtt_us;
        let rate = self.max_rate.map_or(rate, |max| rate.min(max));
        Some(self.min_rate.map_or(rate, |min| rate.max(min)))
    }

    pub(crate) fn on_delivered(&mut self, packet: Delivered, srtt: Option<Span>) {
        // A window that was not used proves nothing about a larger one.
        if packet.app_limited || packet.sent_at <= self.recovery_start {
            return;
        }
        if self.window < self.threshold {
            self.window += packet.bytes;
        } else {
            self.credit += packet.bytes * PACKET;
            self.window += self.credit / self.window;
            self.credit %= self.window;
        }
        self.clamp(srtt);
    }

    pub(crate) fn on_lost(&mut self, now: Timestamp, sent_at: Timestamp, srtt: Option<Span>) {
        if sent_at <= self.recovery_start {
            return;
        }
        self.recovery_start = now;
        self.window /= 2;
        self.credit = 0;
        self.clamp(srtt);
        self.threshold = self.window;
    }

    /// Starts again from the least window, quickly up to half of the old one. What was under way
    /// belongs to this loss.
    pub(crate) fn on_blackout(&mut self, now: Timestamp, srtt: Option<Span>) {
        if self.window > MIN_WINDOW {
            self.threshold = self.window / 2;
        }
        self.window = MIN_WINDOW;
        self.credit = 0;
        self.recovery_start = now;
        self.clamp(srtt);
    }

    fn clamp(&mut self, srtt: Option<Span>) {
        // A lower bound of the rate is a lower bound of the window too.
        let srtt_us = srtt.unwrap_or(UNKNOWN_RTT).as_micros();
        let floor = self
            .min_rate
            .map_or(0, |rate| rate.saturating_mul(srtt_us) / 1_000_000);
        self.window = self
            .window
            .clamp(MIN_WINDOW.max(floor).min(MAX_WINDOW), MAX_WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Option<Span> = Some(Span::from_millis(50));

    fn delivered(at_ms: u64) -> Delivered {
        Delivered {
            sent_at: Timestamp::ZERO + Span::from_millis(at_ms),
            bytes: PACKET,
            app_limited: false,
        }
    }

    #[test]
    fn doubles_per_round_trip_and_halves_once_per_loss() {
        let mut reno = NewReno::new(None, None);
        for _ in 0..10 {
            reno.on_delivered(delivered(1), RTT);
        }
        assert_eq!(reno.window_bytes(), 20 * PACKET);
        let now = Timestamp::from_micros(100_000);
        reno.on_lost(now, Timestamp::from_micros(60_000), RTT);
        reno.on_lost(now, Timestamp::from_micros(61_000), RTT);
        assert_eq!(reno.window_bytes(), 10 * PACKET);
        for _ in 0..11 {
            reno.on_delivered(delivered(101), RTT);
        }
        assert_eq!(reno.window_bytes() / PACKET, 11, "a packet per round trip");
    }

    #[test]
    fn comes_back_quickly_after_a_blackout() {
        let mut reno = NewReno::new(None, None);
        let now = Timestamp::from_micros(100_000);
        reno.on_blackout(now, RTT);
        reno.on_blackout(now, RTT);
        assert_eq!(reno.window_bytes(), MIN_WINDOW);
        // What the first ack after it reports as lost was lost in it.
        reno.on_lost(now, Timestamp::from_micros(90_000), RTT);
        for _ in 0..3 {
            reno.on_delivered(delivered(101), RTT);
        }
        assert_eq!(reno.window_bytes(), INITIAL_WINDOW / 2);
    }

    #[test]
    fn an_unused_window_does_not_grow() {
        let mut reno = NewReno::new(None, None);
        let mut packet = delivered(1);
        packet.app_limited = true;
        reno.on_delivered(packet, RTT);
        assert_eq!(reno.window_bytes(), INITIAL_WINDOW);
    }

    #[test]
    fn configured_bounds_hold() {
        let mut reno = NewReno::new(Some(1_000_000), Some(2_000_000));
        assert_eq!(reno.rate_bytes_per_sec(RTT), Some(1_000_000));
        for n in 0..10 {
            reno.on_lost(
                Timestamp::from_micros(n * 10 + 5),
                Timestamp::from_micros(n * 10 + 1),
                RTT,
            );
        }
        assert_eq!(reno.window_bytes(), 50_000);
        for _ in 0..1000 {
            reno.on_delivered(delivered(1), RTT);
        }
        assert!(reno.rate_bytes_per_sec(RTT) <= Some(2_000_000));
    }
}
