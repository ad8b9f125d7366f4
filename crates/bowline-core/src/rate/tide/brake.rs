//! The brake: loss without a queue that goes on for rounds may be a policer, or a queue so short that no
//! delay shows. Whether it is ours is found out by sending less: if loss does not fall, it was not.

use serde::Deserialize;
use serde::Serialize;

use crate::rate::tide::base::BaseLoss;
use crate::rate::tide::base::MILLION;
use crate::rate::tide::round::Finished;
use crate::rate::tide::round::scale;
use crate::time::Span;
use crate::time::Timestamp;

/// Bad rounds running that pull it. One was too few: short holes in the path pulled it.
pub(super) const ROUNDS: u32 = 3;
/// The same in startup, if the rate does not grow any more.
pub(super) const ROUNDS_IN_STARTUP: u32 = 2;
/// How long the window stays near what was delivered.
const HOLD: Span = Span::from_secs(2);
/// Rounds after which it is judged whether loss fell.
const VERDICT_AFTER: u32 = 2;
/// Packets that a verdict needs.
const VERDICT_PACKETS: u64 = 16;

/// State of the brake.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Brake {
    bad_rounds: u32,
    /// The best rate among them.
    best_rate: u64,
    hold: Option<Hold>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Hold {
    until: Timestamp,
    /// The window that it began with.
    window: u64,
    /// The one before, for the case that it was in vain.
    before: u64,
    loss: u64,
    rounds: u32,
}

/// What a round means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Nothing,
    /// Send no more than so many delivered bytes per second.
    Slower {
        rate: u64,
    },
    /// Sending less did not help: that share of loss is just there, and this was the window.
    NotOurs {
        loss: u64,
        window: u64,
    },
}

impl Brake {
    /// Takes in a round; `needed` bad ones running pull the brake.
    pub(super) fn on_round(&mut self, round: &Finished, base: &BaseLoss, needed: u32) -> Verdict {
        if let Some(hold) = &mut self.hold {
            hold.rounds += 1;
            let is_time = hold.rounds == VERDICT_AFTER && round.packets() >= VERDICT_PACKETS;
            if is_time && round.loss() * 4 >= hold.loss * 3 {
                let (loss, window) = (round.loss(), hold.before);
                *self = Self::default();
                return Verdict::NotOurs { loss, window };
            }
            if hold.until <= round.now {
                self.hold = None;
            }
        }
        if !is_bad(round, base) {
            (self.bad_rounds, self.best_rate) = (0, 0);
            return Verdict::Nothing;
        }
        self.bad_rounds += 1;
        self.best_rate = self.best_rate.max(round.rate);
        if self.bad_rounds < needed || round.queue_us >= 2 * round.target_us {
            return Verdict::Nothing;
        }
        let rate = self.best_rate;
        (self.bad_rounds, self.best_rate) = (0, 0);
        Verdict::Slower { rate }
    }

    /// Holds on to `window`, which was `before`.
    pub(super) fn hold(&mut self, round: &Finished, window: u64, before: u64) {
        self.hold = Some(Hold {
            until: round.now + HOLD,
            window,
            before,
            loss: round.loss(),
            rounds: 0,
        });
    }

    /// The largest window for now.
    pub(super) fn most(&self) -> u64 {
        self.hold.map_or(u64::MAX, |hold| hold.window / 16 * 17)
    }
}

/// Whether clearly more is lost than usual: a twentieth of all above it, and noise.
fn is_bad(round: &Finished, base: &BaseLoss) -> bool {
    if !base.is_known() || round.ignores_loss {
        return false;
    }
    let usual = scale(round.packets(), base.share(), MILLION);
    round.lost > usual + round.packets() / 20 + 3 * (usual + 1).isqrt() + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::tide::tests::round;

    fn lossy(lost: u64) -> Finished {
        Finished {
            acked: 100 - lost,
            lost,
            ..round(1_000_000, 0)
        }
    }

    fn lossless() -> BaseLoss {
        let mut base = BaseLoss::default();
        base.on_round(&lossy(0));
        base
    }

    #[test]
    fn three_bad_rounds_running_pull_it() {
        let (mut brake, base) = (Brake::default(), lossless());
        for lost in [30, 30, 0, 30, 30] {
            assert_eq!(
                brake.on_round(&lossy(lost), &base, ROUNDS),
                Verdict::Nothing
            );
        }
        let rate = 1_000_000;
        let verdict = brake.on_round(&lossy(30), &base, ROUNDS);
        assert_eq!(verdict, Verdict::Slower { rate });
    }

    #[test]
    fn loss_that_does_not_fall_was_not_ours() {
        let (mut brake, base) = (Brake::default(), lossless());
        brake.hold(&lossy(30), 70_000, 100_000);
        assert_eq!(brake.most(), 70_000 / 16 * 17);
        brake.on_round(&lossy(30), &base, ROUNDS);
        let verdict = brake.on_round(&lossy(25), &base, ROUNDS);
        let (loss, window) = (250_000, 100_000);
        assert_eq!(verdict, Verdict::NotOurs { loss, window });
        assert_eq!(brake.most(), u64::MAX);
    }

    #[test]
    fn nothing_is_bad_before_the_usual_is_known() {
        let (mut brake, base) = (Brake::default(), BaseLoss::default());
        for _ in 0..10 {
            assert_eq!(brake.on_round(&lossy(90), &base, ROUNDS), Verdict::Nothing);
        }
    }
}
