//! The drain: every two seconds or so the window is lowered for a round trip, so that the queue that
//! this flow keeps runs dry. It finds the base of the path, and shows whether somebody else fills the
//! queue: then it does not run dry. Loss that is gone meanwhile was no property of the path.
//!
//! Flows that share a queue drain together: one that sees the queue fall for another's drain joins it, and
//! each counts from the last time at which it saw that. That is why nothing about the times is random. A
//! flow that competes does not join, since what it sees falling is mostly somebody's answer to a loss. For the
//! same reason nobody joins twice running while more is lost than usual: a Cubic whose queue is short lets it run
//! dry at each of its losses, and a flow that drained only then would never find out who fills it in between.

use serde::Deserialize;
use serde::Serialize;

use crate::rate::tide::round::Finished;
use crate::rate::tide::round::scale;
use crate::time::Span;
use crate::time::Timestamp;

/// At least so long between two drains...
const PERIOD: Span = Span::from_secs(2);
/// ...and so many round trips.
const PERIOD_ROUNDS: u64 = 16;
/// At least so long is the window low.
const LOW: Span = Span::from_millis(100);
/// No longer than so many round trips, as they are by then.
const LOW_ROUNDS: u64 = 4;
/// The queue falls for a drain if a packet waits for so many sixteenths less than usual: one of four alike
/// lets it fall by more than a quarter, and the law by itself by less...
const FALL: u64 = 3;
/// ...but for so many microseconds less at least, which single packets do not make, unless it is a third.
const LEAST_FALL_US: u64 = 2000;
/// A queue of less than this, in microseconds, counts as none.
const NO_QUEUE_US: u64 = 1000;

/// Losses that are expected of a path before their absence tells anything: fewer than half of so many come
/// by chance once in a hundred times.
const LEAST_LOST: u64 = 16;

/// State of the drain.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Drain {
    phase: Phase,
    own_at: Timestamp,
    /// When the queue was seen falling last.
    seen_at: Timestamp,
    /// Whether it was in the present round.
    seen: bool,
    /// Smoothed queueing delay.
    queue_us: u64,
    fails: u32,
    successes: u32,
    /// Whether the last one was another flow's.
    joined: bool,
    /// What was lost since the queue last ran dry, less twice what is usual, in millionths of a packet.
    unusual_loss: i64,
    /// Packets that left during the last one, and how many of them were lost.
    low_loss: (u64, u64),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
enum Phase {
    Waiting,
    Low {
        until: Timestamp,
        /// Its window is the usual one times this, in millionths.
        share: u64,
        test: Test,
    },
    /// For one round trip more what was sent meanwhile is looked at.
    Looking(Test),
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Test {
    least_us: u64,
    before_us: u64,
    /// The queue to aim at, then.
    target_us: u64,
    competes: bool,
    /// Rounds since it began; the first one tells of what was sent before.
    rounds: u32,
    acked: u64,
    lost: u64,
}

/// How a drain went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The queue ran dry, for so many times running.
    Dry(u32),
    /// It did not.
    Filled(u32),
}

impl Test {
    const fn count(&mut self, round: &Finished) {
        self.acked += round.acked;
        self.lost += round.lost;
    }

    /// Whether the queue did not run dry. A flow that competes may have had most of a long queue, so that
    /// much less of it says nothing.
    fn is_filled(&self, base_us: u64) -> bool {
        let left_us = self.least_us.saturating_sub(base_us);
        left_us > (self.target_us / 2).max(NO_QUEUE_US)
            && (self.competes || left_us > self.before_us / 3)
    }
}

impl Drain {
    pub(super) const fn new() -> Self {
        Self {
            phase: Phase::Waiting,
            own_at: Timestamp::ZERO,
            seen_at: Timestamp::ZERO,
            seen: false,
            queue_us: 0,
            fails: 0,
            successes: 0,
            joined: false,
            unusual_loss: 0,
            low_loss: (0, 0),
        }
    }

    pub(super) fn on_rtt(&mut self, now: Timestamp, rtt_us: u64, base_us: u64) {
        let fall_us = (self.queue_us / 16 * FALL).max(LEAST_FALL_US);
        if rtt_us + fall_us.min(self.queue_us / 3) < base_us + self.queue_us {
            self.seen_at = now;
            self.seen = true;
        }
        match &mut self.phase {
            Phase::Waiting => {}
            Phase::Low { test, .. } | Phase::Looking(test) => {
                test.least_us = test.least_us.min(rtt_us);
            }
        }
    }

    /// Takes in what a round lost, on a path that loses `usual` millionths by itself.
    pub(super) fn on_loss(&mut self, round: &Finished, usual: u64) {
        let excess = i128::from(round.lost) * 1_000_000
            - 2 * i128::from(round.packets()) * i128::from(usual);
        let excess = i64::try_from(excess).unwrap_or(i64::MAX);
        self.unusual_loss = self.unusual_loss.saturating_add(excess);
    }

    /// Takes in a round; tells how a drain went that is over with it.
    pub(super) fn on_round(&mut self, round: &Finished, base_us: u64) -> Option<Outcome> {
        match self.phase {
            Phase::Waiting => {
                let delta = round.queue_us / 8;
                self.queue_us = self.queue_us - self.queue_us / 8 + delta;
                None
            }
            Phase::Low {
                until,
                share,
                mut test,
            } => {
                test.rounds += 1;
                if test.rounds > 1 {
                    test.count(round);
                }
                // A long round trip that is short again already was no queue, but a pause of the machine.
                let enough = LOW.max(Span::from_micros(
                    round.rtt_min_us.saturating_mul(LOW_ROUNDS),
                ));
                let until = until.min(self.own_at + enough);
                self.phase = if until <= round.now {
                    Phase::Looking(test)
                } else {
                    Phase::Low { until, share, test }
                };
                None
            }
            Phase::Looking(mut test) => {
                if test.acked == 0 {
                    test.count(round);
                }
                self.low_loss = (test.acked + test.lost, test.lost);
                self.phase = Phase::Waiting;
                Some(self.count(test.is_filled(base_us)))
            }
        }
    }

    /// The queue was seen empty without a drain, because the flow had little to send.
    pub(super) fn spare(&mut self, now: Timestamp) -> Outcome {
        self.own_at = now;
        self.count(false)
    }

    /// Whether it is time, at the end of a round.
    pub(super) fn is_due(&mut self, now: Timestamp, base_us: u64, competes: bool) -> bool {
        let usual = PERIOD.max(Span::from_micros(base_us * PERIOD_ROUNDS));
        let may_join = !competes && (!self.joined || self.unusual_loss <= 0);
        let joins = core::mem::take(&mut self.seen) && may_join && self.queue_us > NO_QUEUE_US;
        // What contradicts the mode is to be known soon.
        let is_in_doubt = if competes {
            self.successes > 0
        } else {
            self.fails > 0
        };
        let period = if is_in_doubt { usual / 2 } else { usual };
        let due = self.own_at.max(self.seen_at) + period;
        let due = due
            .max(self.own_at + period / 2)
            .min(self.own_at + period * 2);
        let is_due = due <= now || joins && self.own_at + usual / 2 <= now;
        if !is_due || self.is_on() {
            return false;
        }
        self.joined = due > now;
        true
    }

    /// Begins. A path that is believed to lose `loss` millionths by itself is sent that much less, too. After
    /// one in vain, unless the flow `competes`, a deeper one shows whether it is others of our own kind who fill the queue:
    /// they drain with whom they see draining, which they cannot if four of them drain a little in turn.
    pub(super) fn start(&mut self, round: &Finished, base_us: u64, loss: u64, competes: bool) {
        self.own_at = round.now;
        let rtt_us = base_us + round.queue_us;
        let share = scale(base_us, (1_000_000 - loss) / 8 * 7, rtt_us);
        self.phase = Phase::Low {
            until: round.now + LOW.max(Span::from_micros(rtt_us)),
            share: if !competes && self.fails > 0 {
                share / 7 * 4
            } else {
                share
            },
            test: Test {
                least_us: u64::MAX,
                before_us: round.queue_us,
                target_us: round.target_us,
                competes,
                rounds: 0,
                acked: 0,
                lost: 0,
            },
        };
    }

    /// Counts from now on, as if a drain had just been.
    pub(super) const fn restart(&mut self, now: Timestamp) {
        self.phase = Phase::Waiting;
        (self.own_at, self.seen_at) = (now, now);
        self.queue_us = 0;
        self.seen = false;
        self.joined = false;
        self.unusual_loss = 0;
        (self.fails, self.successes) = (0, 0);
    }

    /// Whether what the last one lost shows that loss of `share` millionths is not the path's, but comes of
    /// sending so much; and how much is lost without.
    pub(super) fn refutes(&self, share: u64) -> Option<u64> {
        let (packets, lost) = self.low_loss;
        let usual = scale(packets, share, 1_000_000);
        (usual >= LEAST_LOST && lost * 2 < usual).then(|| scale(lost, 1_000_000, packets))
    }

    /// Whether the law has to pause, since the round-trip times are not what its window makes them.
    pub(super) const fn is_on(&self) -> bool {
        !matches!(self.phase, Phase::Waiting)
    }

    /// The window while it is low, of the usual one.
    pub(super) fn low(&self, window: u64) -> Option<u64> {
        match self.phase {
            Phase::Low { share, .. } => Some(scale(window, share, 1_000_000)),
            Phase::Waiting | Phase::Looking(_) => None,
        }
    }

    fn count(&mut self, is_filled: bool) -> Outcome {
        if is_filled {
            self.fails += 1;
            self.successes = 0;
            return Outcome::Filled(self.fails);
        }
        self.successes += 1;
        self.fails = 0;
        self.unusual_loss = 0;
        Outcome::Dry(self.successes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::tide::tests::round;

    fn outcome(least_us: u64, competes: bool) -> Option<Outcome> {
        let mut drain = Drain::new();
        let mut round = round(1_250_000, 9_000);
        round.now = Timestamp::from_micros(10_000_000);
        assert!(drain.is_due(round.now, 40_000, false));
        drain.start(&round, 40_000, 0, competes);
        assert_eq!(drain.low(49_000), Some(34_999));
        assert!(drain.is_on() && !drain.is_due(round.now, 40_000, false));
        round.now += Span::from_millis(120);
        assert_eq!(drain.on_round(&round, 40_000), None);
        assert_eq!(drain.low(46_000), None);
        drain.on_rtt(round.now, least_us, 40_000);
        drain.on_round(&round, 40_000)
    }

    #[test]
    fn a_queue_that_does_not_run_dry_is_filled_by_somebody_else() {
        assert_eq!(outcome(40_100, false), Some(Outcome::Dry(1)));
        assert_eq!(outcome(45_000, false), Some(Outcome::Filled(1)));
        // It was 9 ms, of which this flow may have had most if it competes.
        assert_eq!(outcome(42_900, false), Some(Outcome::Dry(1)));
        assert_eq!(outcome(42_900, true), Some(Outcome::Filled(1)));
    }

    #[test]
    fn loss_that_is_gone_with_less_to_carry_was_ours() {
        let mut drain = Drain::new();
        let mut lossy = round(1_250_000, 0);
        lossy.now = Timestamp::from_micros(10_000_000);
        drain.start(&lossy, 40_000, 200_000, false);
        assert_eq!(drain.low(100_000), Some(70_000));
        // Sent before.
        lossy.lost = 20;
        drain.on_round(&lossy, 40_000);
        lossy.now += Span::from_millis(120);
        lossy.lost = 3;
        drain.on_round(&lossy, 40_000);
        drain.on_round(&lossy, 40_000);
        assert_eq!(drain.refutes(200_000), Some(29_126));
        assert_eq!(drain.refutes(50_000), None);
    }

    #[test]
    fn flows_that_see_the_queue_empty_wait_as_long_as_the_one_that_emptied_it() {
        let mut drain = Drain::new();
        let at = |ms: u64| Timestamp::from_micros(ms * 1000);
        drain.restart(at(0));
        assert!(!drain.is_due(at(1999), 40_000, true));
        assert!(drain.is_due(at(2000), 40_000, true));
        drain.queue_us = 6_000;
        drain.on_rtt(at(1500), 41_000, 40_000);
        assert!(!drain.is_due(at(3000), 40_000, true));
        assert!(drain.is_due(at(3500), 40_000, true));
        drain.on_rtt(at(3400), 41_000, 40_000);
        assert!(drain.is_due(at(4000), 40_000, true), "but not for ever");
    }

    #[test]
    fn a_flow_joins_a_drain_that_it_sees_unless_its_own_was_just_now() {
        let at = |ms: u64| Timestamp::from_micros(ms * 1000);
        let sees = |at_ms: u64, competes: bool| {
            let mut drain = Drain::new();
            drain.restart(at(0));
            drain.queue_us = 16_000;
            drain.on_rtt(at(at_ms), 53_500, 40_000);
            assert!(!drain.is_due(at(at_ms), 40_000, competes), "as usual");
            drain.on_rtt(at(at_ms), 52_500, 40_000);
            drain.is_due(at(at_ms), 40_000, competes)
        };
        assert!(!sees(900, false));
        assert!(sees(1100, false));
        assert!(!sees(1100, true));
    }

    #[test]
    fn a_flow_does_not_join_twice_running_while_more_is_lost_than_usual() {
        let at = |ms: u64| Timestamp::from_micros(ms * 1000);
        let joins_again = |lost: u64, usual: u64| {
            let mut drain = Drain::new();
            drain.restart(at(0));
            drain.queue_us = 16_000;
            drain.on_rtt(at(1100), 52_500, 40_000);
            assert!(drain.is_due(at(1100), 40_000, false));
            drain.own_at = at(1100);
            let mut round = round(1_250_000, 9_000);
            (round.acked, round.lost) = (100 - lost, lost);
            drain.on_loss(&round, usual);
            drain.on_rtt(at(2200), 52_500, 40_000);
            drain.is_due(at(2200), 40_000, false)
        };
        assert!(joins_again(0, 0));
        assert!(!joins_again(1, 0));
        assert!(joins_again(9, 50_000), "is no more than twice the usual");
        assert!(!joins_again(11, 50_000));
    }
}
