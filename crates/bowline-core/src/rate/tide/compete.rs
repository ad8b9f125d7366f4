//! What to do where somebody else keeps the queue full: as Cubic does (RFC 9438), or nothing is left.

use serde::Deserialize;
use serde::Serialize;

use crate::rate::PACKET;
use crate::rate::tide::base::MILLION;
use crate::rate::tide::round::Finished;
use crate::rate::tide::round::scale;
use crate::rate::tide::target::cube_root;
use crate::time::Timestamp;

/// Growth in packets per cubed second, times ten. RFC 9438 has 0.4; 1.6 finds its share sooner against
/// a queue that was full before.
const GROWTH_TENTHS: u64 = 16;
/// A flow keeps seven tenths of its window at a loss.
const KEEP_TENTHS: u64 = 7;

/// State while competing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Compete {
    /// `None` until the first loss.
    cubic: Option<Cubic>,
    /// The longest queue seen lately.
    queue_top_us: u64,
    /// Whether the window fell with the last round. What is lost in the next one was sent before.
    has_cut: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Cubic {
    since: Timestamp,
    /// The window at the last loss.
    top: u64,
    /// Milliseconds until it is reached again.
    back_ms: u64,
    /// What Reno would have by now.
    reno: u64,
}

impl Compete {
    pub(super) const fn new() -> Self {
        Self {
            cubic: None,
            queue_top_us: 0,
            has_cut: false,
        }
    }

    /// The window after a round; `None` if there is hardly a queue, so that the law may have it.
    pub(super) fn window(&mut self, round: &Finished, window: u64, base_loss: u64) -> Option<u64> {
        let faded = self.queue_top_us - self.queue_top_us / 64;
        self.queue_top_us = faded.max(round.queue_max_us);
        let has_cut = core::mem::take(&mut self.has_cut);
        if round.queue_us < round.target_us {
            return None;
        }
        if !has_cut && self.is_congested(round, base_loss) {
            return Some(self.on_loss(round.now, window));
        }
        if !round.limited {
            return Some(window);
        }
        let Some(cubic) = &mut self.cubic else {
            return Some(window + window / 8);
        };
        // Reno's additive growth for this factor: 3 (1 - 0.7) / (1 + 0.7) packets per round.
        cubic.reno += PACKET * 9 / 17;
        let next = cubic.at(round.now).max(cubic.reno);
        // No more than by half in one round.
        Some(next.clamp(window, window + window / 2))
    }

    fn is_congested(&self, round: &Finished, base_loss: u64) -> bool {
        let usual = scale(round.packets(), base_loss, MILLION);
        !round.ignores_loss && round.lost > 2 * usual && round.queue_max_us > self.queue_top_us / 2
    }

    fn on_loss(&mut self, now: Timestamp, window: u64) -> u64 {
        self.has_cut = true;
        let reduced = window / 10 * KEEP_TENTHS;
        // A flow that did not get back to where it was leaves room for others.
        let top = match self.cubic {
            Some(cubic) if window < cubic.top => window / 20 * (10 + KEEP_TENTHS),
            Some(_) | None => window,
        };
        // (top - reduced) packets = growth * t^3, with t in milliseconds.
        let packets_e9 = top.saturating_sub(reduced).saturating_mul(10_000_000_000);
        self.cubic = Some(Cubic {
            since: now,
            top,
            back_ms: cube_root(packets_e9 / (PACKET * GROWTH_TENTHS)),
            reno: reduced,
        });
        reduced
    }
}

impl Cubic {
    fn at(&self, now: Timestamp) -> u64 {
        let elapsed_ms = now.since(self.since).as_millis().min(1_000_000);
        let off_ms = elapsed_ms.abs_diff(self.back_ms);
        let bytes = u128::from(off_ms).pow(3) * u128::from(PACKET * GROWTH_TENTHS) / 10_000_000_000;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if elapsed_ms < self.back_ms {
            self.top.saturating_sub(bytes)
        } else {
            self.top.saturating_add(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::tide::tests::round;
    use crate::time::Span;

    fn full(now_ms: u64, lost: u64) -> Finished {
        let mut round = round(1_250_000, 40_000);
        round.now = Timestamp::from_micros(now_ms * 1000);
        round.lost = lost;
        round.queue_max_us = 50_000;
        round
    }

    #[test]
    fn falls_to_seven_tenths_and_is_back_where_it_was_when_cubic_is() {
        let mut compete = Compete::new();
        assert_eq!(compete.window(&full(0, 0), 80_000, 0), Some(90_000));
        let top = 100 * PACKET;
        let mut window = compete.window(&full(0, 1), top, 0).unwrap();
        assert_eq!(window, 70 * PACKET);
        // (30 / 1.6) ^ (1/3) = 2.66 s.
        let mut back_at = None;
        for ms in (80..5000).step_by(80) {
            window = compete.window(&full(ms, 0), window, 0).unwrap();
            if window >= top && back_at.is_none() {
                back_at = Some(ms);
            }
        }
        let back_at = Span::from_millis(back_at.unwrap());
        assert!(
            back_at > Span::from_millis(2300) && back_at < Span::from_millis(2800),
            "{back_at}"
        );
    }

    #[test]
    fn losses_of_what_left_before_the_window_fell_do_not_lower_it_again() {
        let mut compete = Compete::new();
        let top = 100 * PACKET;
        let once = compete.window(&full(0, 3), top, 0).unwrap();
        let again = compete.window(&full(80, 3), once, 0).unwrap();
        assert!(again >= once);
        assert!(compete.window(&full(160, 3), again, 0).unwrap() < once);
    }

    #[test]
    fn usual_loss_and_short_queues_are_no_reason_to_yield() {
        let mut compete = Compete::new();
        let window = compete.window(&full(0, 8), 80_000, 100_000);
        assert_eq!(window, Some(90_000), "twice the usual is 20 of 100");
        let mut empty = full(0, 50);
        empty.queue_us = 100;
        assert_eq!(compete.window(&empty, 80_000, 0), None);
    }
}
