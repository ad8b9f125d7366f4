//! Spreads packets over time: a token bucket in bytes.
//!
//! The bucket holds what may leave in one burst: the bytes of a millisecond, but at least two packets
//! and at most [`limits::MAX_BURST_PACKETS`]. A packet may leave while the balance is positive, so the
//! balance can go negative by one packet; acks that must go regardless are charged too, but only down
//! to a bound: a peer cannot starve the data it is owed by asking for acks.

use serde::Deserialize;
use serde::Serialize;

use crate::limits;
use crate::time::Span;
use crate::time::Timestamp;

const PACKET: i64 = limits::MAX_DATAGRAM as i64;
const MAX_BURST: i64 = PACKET * limits::MAX_BURST_PACKETS as i64;
/// How far packets that must go may overdraw the balance.
const MAX_DEBT: i64 = 4 * PACKET;
/// Balances are kept in millionths of a byte, so that low rates gain exactly.
const SCALE: i64 = 1_000_000;

/// The token bucket.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Pacer {
    /// Millionths of a byte.
    balance: i64,
    refilled_at: Timestamp,
}

impl Pacer {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self {
            balance: 2 * PACKET * SCALE,
            refilled_at: now,
        }
    }

    /// Adds what the time since the last call has earned.
    pub(crate) fn refill(&mut self, now: Timestamp, rate_bytes_per_sec: Option<u64>) {
        self.balance = self.balance_at(now, rate_bytes_per_sec);
        self.refilled_at = self.refilled_at.max(now);
    }

    /// How many bytes may leave at `now`, less than zero if packets have to wait.
    pub(crate) fn bytes_at(&self, now: Timestamp, rate_bytes_per_sec: Option<u64>) -> i64 {
        self.balance_at(now, rate_bytes_per_sec).div_euclid(SCALE)
    }

    /// Whether a packet may leave.
    pub(crate) const fn is_open(&self) -> bool {
        self.balance > 0
    }

    /// Whether a packet that must not wait may leave all the same.
    pub(crate) const fn may_overdraw(&self) -> bool {
        self.balance > (PACKET - MAX_DEBT) * SCALE
    }

    /// Whether so many bytes may leave one after the other, and something after them.
    pub(crate) fn covers(&self, bytes: u64) -> bool {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.balance > bytes.saturating_mul(SCALE)
    }

    /// When packets may leave: at high rates half a burst together, so that a wake-up is worth it.
    pub(crate) fn opens_at(&self, rate_bytes_per_sec: Option<u64>) -> Timestamp {
        match rate_bytes_per_sec {
            Some(rate) if self.balance <= 0 => {
                let worth_it = match burst(rate_bytes_per_sec) / 2 {
                    half if half > 2 * PACKET * SCALE => half.unsigned_abs(),
                    _ => 1,
                };
                let missing = self.balance.unsigned_abs() + worth_it;
                self.refilled_at + Span::from_micros(missing.div_ceil(rate.max(1)))
            }
            Some(_) | None => self.refilled_at,
        }
    }

    /// Takes the bytes of a packet that left.
    pub(crate) fn charge(&mut self, bytes: usize) {
        let cost = i64::try_from(bytes).unwrap_or(PACKET) * SCALE;
        // What left while the balance was positive is paid for in full, however large it is.
        let floor = self.balance.min(-cost).min(-MAX_DEBT * SCALE);
        self.balance = (self.balance - cost).max(floor);
    }

    fn balance_at(&self, now: Timestamp, rate_bytes_per_sec: Option<u64>) -> i64 {
        let cap = burst(rate_bytes_per_sec);
        let Some(rate) = rate_bytes_per_sec else {
            return cap;
        };
        let elapsed = i64::try_from(now.since(self.refilled_at).as_micros()).unwrap_or(i64::MAX);
        // bytes/s times microseconds are millionths of a byte.
        let rate = i64::try_from(rate).unwrap_or(i64::MAX);
        let earned = elapsed.saturating_mul(rate);
        self.balance.saturating_add(earned).min(cap)
    }
}

/// What may leave at once: the bytes of a millisecond, within two packets and the largest burst.
fn burst(rate_bytes_per_sec: Option<u64>) -> i64 {
    let per_ms = rate_bytes_per_sec.map_or(MAX_BURST, |rate| {
        i64::try_from(rate / 1000).unwrap_or(i64::MAX)
    });
    per_ms.clamp(2 * PACKET, MAX_BURST) * SCALE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_rate_is_the_configured_one() {
        let rate = Some(262_144);
        for packet in [1255, 1472, 8952] {
            let mut now = Timestamp::ZERO;
            let mut pacer = Pacer::new(now);
            let mut sent = 0u64;
            while now < Timestamp::from_micros(10_000_000) {
                pacer.refill(now, rate);
                if pacer.is_open() {
                    pacer.charge(packet);
                    sent += packet as u64;
                } else {
                    now = pacer.opens_at(rate);
                }
            }
            let expected = 2_621_440;
            let first = 2 * PACKET as u64;
            assert!(sent.abs_diff(expected) <= first + packet as u64, "{sent}");
        }
    }

    #[test]
    fn high_rates_wake_up_for_several_packets_at_once() {
        let rate = Some(100_000_000);
        let mut pacer = Pacer::new(Timestamp::ZERO);
        while pacer.is_open() {
            pacer.charge(1255);
        }
        let at = pacer.opens_at(rate);
        pacer.refill(at, rate);
        let mut packets = 0;
        while pacer.is_open() {
            pacer.charge(1255);
            packets += 1;
        }
        assert!((20..=40).contains(&packets), "{packets}");
        assert!(at < Timestamp::from_micros(600), "{at}");
    }

    #[test]
    fn limit_bursts_are_bounded() {
        let rate = Some(1_000_000_000);
        let mut pacer = Pacer::new(Timestamp::ZERO);
        pacer.refill(Timestamp::from_micros(60_000_000), rate);
        let mut packets = 0;
        while pacer.is_open() {
            pacer.charge(1300);
            packets += 1;
        }
        assert_eq!(packets, limits::MAX_BURST_PACKETS);
    }

    #[test]
    fn limit_forced_packets_do_not_starve_data() {
        let rate = Some(10_000);
        let mut pacer = Pacer::new(Timestamp::ZERO);
        for _ in 0..10_000 {
            pacer.charge(30);
        }
        let opens = pacer.opens_at(rate);
        assert!(opens < Timestamp::from_micros(600_000), "{opens}");
    }
}
