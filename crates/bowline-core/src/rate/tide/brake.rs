//! The brake: loss without a queue that goes on for rounds may be a policer, or a queue so short that no
//! delay shows. Whether it is ours is found out by sending less: if loss does not fall, it was not.

use core::mem;

use serde::Deserialize;
use serde::Serialize;

use crate::rate::tide::base::BaseLoss;
use crate::rate::tide::base::MILLION;
use crate::rate::tide::round::Finished;
use crate::rate::tide::round::per_second;
use crate::rate::tide::round::scale;
use crate::time::Span;
use crate::time::Timestamp;

/// Bad groups of packets running that pull it. One was too few: short holes in the path pulled it.
pub(super) const ROUNDS: u32 = 3;
/// The same in startup, if the rate does not grow any more.
pub(super) const ROUNDS_IN_STARTUP: u32 = 2;
/// The same if less arrives than did before, which a policer has no reason for: holes in the path do that.
const ROUNDS_IF_SLOWER: u32 = 6;
/// How long the window stays near what was delivered...
const HOLD: Span = Span::from_secs(2);
/// ...and how long at most, twice as long each time that the brake is pulled soon after.
const LONGEST_HOLD: Span = Span::from_secs(8);
/// So soon.
const SOON: Span = Span::from_secs(2);
/// Rounds after which it is judged whether loss fell.
const VERDICT_AFTER: u32 = 2;
/// Packets that are looked at together, at least a round's. In fewer, what is clearly more than usual is so much that
/// the usual loss creeps up below it.
const GROUP_PACKETS: u64 = 64;
/// Packets that a verdict needs.
const VERDICT_PACKETS: u64 = 16;

/// State of the brake.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Brake {
    group: Group,
    bad_groups: u32,
    /// The best rate among them.
    best_rate: u64,
    hold: Option<Hold>,
    /// When the last hold ends or ended, and how long it is.
    until: Timestamp,
    length: Span,
}

/// Rounds of few packets, taken for one.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Group {
    packets: u64,
    lost: u64,
    best_rate: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Hold {
    /// The window that it began with.
    window: u64,
    /// The one before, for the case that it was in vain.
    before: u64,
    loss: u64,
    rounds: u32,
    /// The rate turned out to be less.
    again: bool,
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
    /// Takes in a round on a path that was `known` to deliver so many bytes per second; `needed` bad
    /// groups running pull the brake.
    pub(super) fn on_round(
        &mut self,
        round: &Finished,
        base: &BaseLoss,
        known: u64,
        needed: u32,
    ) -> Verdict {
        if let Some(verdict) = self.on_held_round(round) {
            return verdict;
        }
        if !base.is_known() || round.ignores_loss {
            (self.bad_groups, self.best_rate, self.group) = (0, 0, Group::default());
            return Verdict::Nothing;
        }
        let Some(group) = self.group.completed_by(round) else {
            return Verdict::Nothing;
        };
        if !group.is_bad(base) {
            (self.bad_groups, self.best_rate) = (0, 0);
            return Verdict::Nothing;
        }
        self.bad_groups += 1;
        self.best_rate = self.best_rate.max(group.best_rate);
        let is_slower = self.best_rate < known / 8 * 7;
        let needed = if is_slower {
            needed.max(ROUNDS_IF_SLOWER)
        } else {
            needed
        };
        if self.bad_groups < needed || round.queue_us >= 2 * round.target_us {
            return Verdict::Nothing;
        }
        let rate = self.best_rate;
        (self.bad_groups, self.best_rate) = (0, 0);
        Verdict::Slower { rate }
    }

    /// Holds on to `window`, which was `before`.
    pub(super) fn hold(&mut self, round: &Finished, window: u64, before: u64) {
        let length = if round.now < self.until {
            self.length
        } else if round.now < self.until + SOON {
            self.length + self.length
        } else {
            HOLD
        };
        self.length = length.clamp(HOLD, LONGEST_HOLD);
        self.until = round.now + self.length;
        let last = self.hold.filter(|hold| hold.again);
        self.hold = Some(Hold {
            window,
            before: last.map_or(before, |last| last.before),
            loss: last.map_or_else(|| round.loss(), |last| last.loss),
            rounds: 0,
            again: last.is_some(),
        });
    }

    /// The verdict, two rounds after.
    fn on_held_round(&mut self, round: &Finished) -> Option<Verdict> {
        let hold = self.hold.as_mut()?;
        hold.rounds += 1;
        let is_time = hold.rounds == VERDICT_AFTER && round.packets() >= VERDICT_PACKETS;
        if is_time && round.loss() * 4 >= hold.loss * 3 {
            let sent = per_second(hold.window, round.rtt_min_us);
            if !hold.again && round.rate < sent / 4 * 3 {
                // A policer that had saved up let more pass at first than it does.
                hold.again = true;
                return Some(Verdict::Slower { rate: round.rate });
            }
            let (loss, window) = (round.loss(), hold.before);
            *self = Self::default();
            return Some(Verdict::NotOurs { loss, window });
        }
        if self.until <= round.now {
            self.hold = None;
        }
        None
    }

    /// The largest window for now.
    pub(super) fn most(&self) -> u64 {
        self.hold.map_or(u64::MAX, |hold| hold.window / 64 * 67)
    }
}

impl Group {
    /// Adds a round; returns the group, and begins another, if it has packets enough.
    fn completed_by(&mut self, round: &Finished) -> Option<Self> {
        self.packets += round.packets();
        self.lost += round.lost;
        self.best_rate = self.best_rate.max(round.rate);
        (self.packets >= GROUP_PACKETS).then(|| mem::take(self))
    }

    /// Whether clearly more is lost than usual: a twentieth of all above it, and noise.
    fn is_bad(&self, base: &BaseLoss) -> bool {
        let usual = scale(self.packets, base.share(), MILLION);
        self.lost > usual + self.packets / 20 + 3 * (usual + 1).isqrt() + 2
    }
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
    fn three_bad_groups_running_pull_it() {
        let (mut brake, base) = (Brake::default(), lossless());
        for lost in [30, 30, 0, 30, 30] {
            assert_eq!(
                brake.on_round(&lossy(lost), &base, 0, ROUNDS),
                Verdict::Nothing
            );
        }
        let rate = 1_000_000;
        let verdict = brake.on_round(&lossy(30), &base, 0, ROUNDS);
        assert_eq!(verdict, Verdict::Slower { rate });
    }

    #[test]
    fn loss_that_does_not_fall_was_not_ours() {
        let (mut brake, base) = (Brake::default(), lossless());
        brake.hold(&lossy(30), 40_000, 100_000);
        assert_eq!(brake.most(), 40_000 / 64 * 67);
        brake.on_round(&lossy(30), &base, 0, ROUNDS);
        let verdict = brake.on_round(&lossy(25), &base, 0, ROUNDS);
        let (loss, window) = (250_000, 100_000);
        assert_eq!(verdict, Verdict::NotOurs { loss, window });
        assert_eq!(brake.most(), u64::MAX);
    }

    #[test]
    fn holes_in_the_path_have_to_go_on_for_longer() {
        let (mut brake, base) = (Brake::default(), lossless());
        let pulled = |brake: &mut Brake| {
            let verdict = brake.on_round(&lossy(30), &base, 1_200_000, ROUNDS);
            verdict != Verdict::Nothing
        };
        let pulled: alloc::vec::Vec<bool> = (0..6).map(|_| pulled(&mut brake)).collect();
        assert_eq!(pulled, [false, false, false, false, false, true]);
    }

    #[test]
    fn a_policer_that_had_saved_up_is_found_at_the_second_try() {
        let (mut brake, base) = (Brake::default(), lossless());
        // 100,000 bytes each 40 ms.
        brake.hold(&lossy(80), 100_000, 400_000);
        brake.on_round(&lossy(80), &base, 0, ROUNDS);
        let rate = 1_000_000;
        let verdict = brake.on_round(&lossy(80), &base, 0, ROUNDS);
        assert_eq!(verdict, Verdict::Slower { rate });
        brake.hold(&lossy(80), 40_000, 100_000);
        // But if that does not help either, it is the path that loses so much.
        brake.on_round(&lossy(80), &base, 0, ROUNDS);
        let verdict = brake.on_round(&lossy(80), &base, 0, ROUNDS);
        let (loss, window) = (800_000, 400_000);
        assert_eq!(verdict, Verdict::NotOurs { loss, window });
    }

    #[test]
    fn it_is_held_for_longer_if_pulled_again_soon() {
        let mut brake = Brake::default();
        let mut held_s = |at_s: u64| {
            let mut round = lossy(30);
            round.now = Timestamp::from_micros(at_s * 1_000_000);
            brake.hold(&round, 70_000, 100_000);
            brake.until.since(round.now).as_micros() / 1_000_000
        };
        let held = [10, 13, 18, 27, 28, 39].map(&mut held_s);
        assert_eq!(held, [2, 4, 8, 8, 8, 2]);
    }

    #[test]
    fn nothing_is_bad_before_the_usual_is_known() {
        let (mut brake, base) = (Brake::default(), BaseLoss::default());
        for _ in 0..10 {
            assert_eq!(
                brake.on_round(&lossy(90), &base, 0, ROUNDS),
                Verdict::Nothing
            );
        }
    }
}
