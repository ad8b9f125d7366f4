//! The law: the window follows the queue that the flow itself keeps at the bottleneck.
//!
//! As in FAST TCP, a flow aims at a number of its own bytes in the queue: its rate times the target
//! delay. Far below, the window grows faster and faster; near it, by half of what is missing per round
//! trip; above, it shrinks. What the first step does shows a round trip later: beside messages that must not wait
//! the second one waits for that, so that the queue does not overshoot.

use serde::Deserialize;
use serde::Serialize;

use crate::rate::PACKET;
use crate::rate::tide::round::Finished;
use crate::rate::tide::round::scale;

/// Growth doubles per round trip up to this multiple of its first step.
const GREATEST_GROWTH: u64 = 64;

/// State of the law.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Law {
    /// How many first steps the window grows by next; none in the round that shows what the first one did.
    growth: u64,
}

impl Law {
    pub(super) const fn new() -> Self {
        Self { growth: 1 }
    }

    /// Grows at once by so many first steps, where the path is known from before.
    pub(super) const fn restart(&mut self, growth: u64) {
        self.growth = growth;
    }

    /// The window after a round. `gross_rate` is what has to be sent for the round's rate to arrive.
    pub(super) fn window(&mut self, round: &Finished, window: u64, gross_rate: u64) -> u64 {
        let aim = scale(gross_rate, round.target_us, 1_000_000);
        if round.queue2_us < round.target_us / 2 {
            if !round.limited {
                self.growth = 1;
                return window;
            }
            let step = (aim.saturating_mul(self.growth)).min(window / 8);
            self.growth = match self.growth {
                0 => 2,
                1 if round.has_company => 0,
                more => (more * 2).min(GREATEST_GROWTH),
            };
            return window.max((window + step).min(most(round)));
        }
        self.growth = 1;
        let queued = scale(gross_rate, round.queue_us, 1_000_000);
        if queued > aim {
            return window - ((queued - aim) / 2).min(window / 4);
        }
        if !round.limited {
            return window;
        }
        window.max((window + (aim - queued) / 2).min(most(round)))
    }
}

/// The largest window that a round proves anything about.
pub(super) fn most(round: &Finished) -> u64 {
    round.peak_flight / 8 * 9 + 2 * PACKET
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::tide::tests::round;

    #[test]
    fn grows_faster_and_faster_while_there_is_no_queue_and_only_if_used() {
        let mut law = Law::new();
        let mut round = round(1_250_000, 0);
        round.peak_flight = 1 << 30;
        let steps: alloc::vec::Vec<u64> = (0..4)
            .map(|_| law.window(&round, 1_000_000, 1_250_000) - 1_000_000)
            .collect();
        assert_eq!(steps[1], 2 * steps[0]);
        assert_eq!(steps[2], 4 * steps[0]);
        round.limited = false;
        assert_eq!(law.window(&round, 1_000_000, 1_250_000), 1_000_000);
        round.limited = true;
        assert_eq!(
            law.window(&round, 1_000_000, 1_250_000) - 1_000_000,
            steps[0]
        );
    }

    #[test]
    fn looks_what_the_first_step_did_if_others_have_to_wait_for_it() {
        let mut law = Law::new();
        let mut round = round(1_250_000, 0);
        round.peak_flight = 1 << 30;
        round.has_company = true;
        let steps = [0; 5].map(|_| law.window(&round, 1_000_000, 1_250_000) - 1_000_000);
        assert_eq!(steps, [1, 0, 2, 4, 8].map(|n| n * steps[0]));
    }

    #[test]
    fn keeps_the_queue_at_its_target() {
        let mut law = Law::new();
        let mut window = 100_000;
        // 40 ms away, 1.25 MB/s: 50,000 bytes fit the path, the rest waits.
        for _ in 0..100 {
            let queue_us = (window - 50_000) * 1_000_000 / 1_250_000;
            let mut round = round(1_250_000, queue_us);
            round.peak_flight = window;
            window = law.window(&round, window, 1_250_000);
        }
        let queue_us = (window - 50_000) * 1_000_000 / 1_250_000;
        assert!(queue_us.abs_diff(5_500) < 100, "{queue_us}");
    }
}
