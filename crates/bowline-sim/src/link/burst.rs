//! Loss in bursts, after Gilbert and Elliott: a link that is good most of the time, bad for a while,
//! and loses more while it is bad.
//!
//! Wi-Fi and mobile networks lose like this: a fade or a hand-over takes several datagrams in a row,
//! which hurts more than the same loss spread out. The state moves on once per datagram, before its
//! fate is drawn.

use std::fmt;

use bowline_core::rng::Rng;

use crate::link::chance::Chance;

/// How a link loses datagrams in bursts.
///
/// ```
/// use bowline_sim::{Chance, GilbertElliott, LinkConfig};
///
/// // Two in a hundred are lost, five in a row on average.
/// let fading = LinkConfig::PERFECT.burst_loss(GilbertElliott::bursts(Chance::percent(2), 5));
/// assert!(fading.to_string().ends_with("bursts of 5.00 that lose 2.00%"));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GilbertElliott {
    good_to_bad: Odds,
    bad_to_good: Odds,
    loss_while_good: Odds,
    loss_while_bad: Odds,
}

/// A probability in parts of 2^32: chances to enter a burst are often far below a millionth part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Odds(u64);

impl GilbertElliott {
    /// No bursts.
    pub const NEVER: Self = Self {
        good_to_bad: Odds(0),
        bad_to_good: Odds(ONE),
        loss_while_good: Odds(0),
        loss_while_bad: Odds(0),
    };

    /// Bursts in which everything is lost, `mean_len` datagrams long on average, such that `mean_loss`
    /// of all datagrams are lost.
    ///
    /// Some loss cannot come in bursts that short: half of all, one at a time, means every second
    /// one, and more must be longer bursts. Where both cannot be had, the loss counts.
    pub const fn bursts(mean_loss: Chance, mean_len: u32) -> Self {
        let lost = mean_loss.as_per_million() as u64;
        let kept = MILLION - lost;
        if lost == 0 {
            return Self::NEVER;
        }
        // In balance as many datagrams enter bursts as leave them: kept * enter = lost * leave.
        // If none is kept, the first branch is taken, since no burst is long enough for leave = 0.
        let leave = ONE / if mean_len == 0 { 1 } else { mean_len as u64 };
        let (enter, leave) = if lost * leave > kept * ONE {
            (ONE, ONE * kept / lost)
        } else {
            (lost * leave / kept, leave)
        };
        Self {
            good_to_bad: Odds(enter),
            bad_to_good: Odds(leave),
            loss_while_good: Odds(0),
            loss_while_bad: Odds(ONE),
        }
    }

    /// The model with its four parameters: the chances, per datagram, that a good link turns bad
    /// and a bad one good, and how much is lost in either state.
    pub const fn new(
        good_to_bad: Chance,
        bad_to_good: Chance,
        loss_while_good: Chance,
        loss_while_bad: Chance,
    ) -> Self {
        Self {
            good_to_bad: Odds::of(good_to_bad),
            bad_to_good: Odds::of(bad_to_good),
            loss_while_good: Odds::of(loss_while_good),
            loss_while_bad: Odds::of(loss_while_bad),
        }
    }

    /// How much is lost in the long run.
    pub const fn mean_loss(&self) -> Chance {
        let (enter, leave) = (self.good_to_bad.0, self.bad_to_good.0);
        let loss = if enter == 0 {
            // It begins good and stays so.
            self.loss_while_good.0
        } else {
            let (good, bad) = (leave as u128, enter as u128);
            let lost = good * self.loss_while_good.0 as u128 + bad * self.loss_while_bad.0 as u128;
            (lost / (good + bad)) as u64
        };
        Chance::per_million(((loss * MILLION + ONE / 2) / ONE) as u32)
    }
}

impl fmt::Display for GilbertElliott {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (100 * ONE).checked_div(self.bad_to_good.0);
        match hundredths {
            Some(len) => write!(f, "bursts of {}.{:02}", len / 100, len % 100)?,
            None => f.write_str("bursts without end")?,
        }
        let loss = self.mean_loss().as_per_million() / 100;
        write!(f, " that lose {}.{:02}%", loss / 100, loss % 100)
    }
}

/// Certainty, in parts of 2^32.
const ONE: u64 = 1 << 32;
const MILLION: u64 = 1_000_000;

impl Odds {
    const fn of(chance: Chance) -> Self {
        Self(chance.as_per_million() as u64 * ONE / MILLION)
    }

    fn roll(self, rng: &mut Rng) -> bool {
        u64::from(rng.u32()) < self.0
    }
}

/// Whether a link is in a burst.
#[derive(Debug)]
pub(super) struct BurstState {
    is_bad: bool,
    rng: Rng,
}

impl BurstState {
    pub(super) const fn new(rng: Rng) -> Self {
        Self { is_bad: false, rng }
    }

    /// Moves on by one datagram and says whether it is lost.
    pub(super) fn loses(&mut self, model: GilbertElliott) -> bool {
        let turns = if self.is_bad {
            model.bad_to_good
        } else {
            model.good_to_bad
        };
        self.is_bad ^= turns.roll(&mut self.rng);
        let loss = if self.is_bad {
            model.loss_while_bad
        } else {
            model.loss_while_good
        };
        loss.roll(&mut self.rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATAGRAMS: u32 = 400_000;

    /// The loss in parts per million, and the mean length of the runs of lost datagrams in thousandths.
    fn measure(model: GilbertElliott) -> (u32, u32) {
        let mut state = BurstState::new(Rng::from_seed([4; 32]));
        let (mut lost, mut runs, mut was_lost) = (0, 0, false);
        for _ in 0..DATAGRAMS {
            let is_lost = state.loses(model);
            lost += u32::from(is_lost);
            runs += u32::from(is_lost && !was_lost);
            was_lost = is_lost;
        }
        let per_million = u64::from(lost) * MILLION / u64::from(DATAGRAMS);
        (
            per_million as u32,
            (lost * 1000).checked_div(runs).unwrap_or(0),
        )
    }

    #[test]
    fn bursts_lose_as_much_as_asked_in_runs_as_long_as_asked() {
        for (loss, len) in [
            (1_000, 1),
            (2_000, 8),
            (20_000, 5),
            (100_000, 3),
            (500_000, 20),
        ] {
            let model = GilbertElliott::bursts(Chance::per_million(loss), len);
            assert_eq!(model.mean_loss(), Chance::per_million(loss));
            let (measured, runs) = measure(model);
            let near = |value: u32, ideal: u32| value.abs_diff(ideal) < ideal / 6;
            assert!(near(measured, loss), "{measured} of {loss} lost");
            // A run may follow another one at once, which is seldom and makes it look longer.
            assert!(near(runs, len * 1000), "{runs} instead of {len}");
        }
    }

    #[test]
    fn where_loss_and_length_cannot_both_be_had_the_loss_counts() {
        let (loss, runs) = measure(GilbertElliott::bursts(Chance::percent(90), 1));
        assert!((890_000..910_000).contains(&loss), "{loss}");
        assert!((8_500..9_500).contains(&runs), "{runs}");
        let all = GilbertElliott::bursts(Chance::ALWAYS, 0);
        assert_eq!(measure(all).0, 1_000_000);
        assert_eq!(all.mean_loss(), Chance::ALWAYS);
    }

    #[test]
    fn no_loss_means_none() {
        for model in [
            GilbertElliott::NEVER,
            GilbertElliott::bursts(Chance::NEVER, 10),
        ] {
            assert_eq!(measure(model).0, 0);
            assert_eq!(model.mean_loss(), Chance::NEVER);
        }
    }

    #[test]
    fn the_four_parameters_count() {
        // A tenth of the time bad with half lost, else a hundredth: 0.9 * 1 % + 0.1 * 50 %.
        let [p, r] = [Chance::percent(1), Chance::percent(9)];
        let model = GilbertElliott::new(p, r, Chance::percent(1), Chance::percent(50));
        let ideal = model.mean_loss().as_per_million();
        assert_eq!(ideal, 59_000);
        let (loss, _) = measure(model);
        assert!(loss.abs_diff(ideal) < 4_000, "{loss}");
        let hopeless = GilbertElliott::new(p, Chance::NEVER, Chance::NEVER, Chance::ALWAYS);
        assert_eq!(hopeless.mean_loss(), Chance::ALWAYS);
        assert!(hopeless.to_string().starts_with("bursts without end"));
    }
}
