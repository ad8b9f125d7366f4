//! A longer route looks like a queue that no smaller window shortens. Where the window has shrunk and
//! the delay has not moved, it is the path that has changed.

use serde::Deserialize;
use serde::Serialize;

use crate::rate::tide::round::Finished;
use crate::rate::tide::round::scale;
use crate::time::Span;
use crate::time::Timestamp;

/// A change is believed after this time at the earliest...
const LEAST: Span = Span::from_millis(300);
/// ...and so many rounds.
const LEAST_ROUNDS: u32 = 4;

/// State of the watch.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Rebase {
    watch: Option<Watch>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Watch {
    since: Timestamp,
    window: u64,
    rounds: u32,
    least_us: u64,
    greatest_us: u64,
}

/// The path as it is now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NewPath {
    pub(super) base_us: u64,
    pub(super) window: u64,
}

impl Rebase {
    /// Takes in a round that ends with `window`.
    pub(super) fn on_round(
        &mut self,
        round: &Finished,
        base_us: u64,
        window: u64,
    ) -> Option<NewPath> {
        if round.queue_us <= 2 * round.target_us {
            self.watch = None;
            return None;
        }
        let watch = self.watch.get_or_insert(Watch {
            since: round.now,
            window,
            rounds: 0,
            least_us: u64::MAX,
            greatest_us: 0,
        });
        watch.rounds += 1;
        watch.least_us = watch.least_us.min(round.rtt_min_us);
        watch.greatest_us = watch.greatest_us.max(round.rtt_max_us);
        if watch.rounds < LEAST_ROUNDS || round.now.since(watch.since) < LEAST {
            return None;
        }
        let watch = self.watch.take()?;
        let spread = watch.greatest_us.saturating_sub(watch.least_us);
        let fell = window <= watch.window / 5 * 4;
        if !fell || spread > (round.queue_us / 8).min(round.target_us) {
            return None;
        }
        let fit = scale(watch.window, watch.least_us, 2 * base_us);
        Some(NewPath {
            base_us: watch.least_us,
            window: fit.clamp(watch.window / 10 * 7, watch.window * 2),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::tide::tests::round;

    fn watch(rtts_ms: [u64; 5], windows: [u64; 5]) -> Option<NewPath> {
        let mut rebase = Rebase::default();
        let mut found = None;
        for (n, (rtt, window)) in rtts_ms.into_iter().zip(windows).enumerate() {
            let mut round = round(1_250_000, (rtt - 40) * 1000);
            round.now = Timestamp::from_micros(n as u64 * 120_000);
            (round.rtt_min_us, round.rtt_max_us) = (rtt * 1000, rtt * 1000);
            found = found.or_else(|| rebase.on_round(&round, 40_000, window));
        }
        found
    }

    const SHRINKING: [u64; 5] = [100_000, 90_000, 80_000, 70_000, 60_000];

    #[test]
    fn a_delay_that_no_smaller_window_moves_is_the_path() {
        let path = watch([120; 5], SHRINKING).unwrap();
        assert_eq!(path.base_us, 120_000);
        assert_eq!(path.window, 150_000);
    }

    #[test]
    fn a_queue_moves_with_the_window() {
        assert_eq!(watch([120, 110, 100, 90, 80], SHRINKING), None);
        assert_eq!(watch([120; 5], [100_000; 5]), None);
    }
}
