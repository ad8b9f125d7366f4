//! Tide: the congestion controller, made for games on bad links.
//!
//! It is a window that keeps a small queue of its own at the bottleneck, the smaller the faster it is
//! (`law`, `target`). Loss alone means nothing to it: what is lost without a queue is taken for a property
//! of the path (`base`). Around the law there are guards:
//!
//! ```text
//!            trains find the bottleneck,                queue does not run dry
//! Startup ── or a queue shows, or the rate stalls ─► Run ──────────────────────► Compete
//!                                                     ▲   (twice, in a drain)        │
//!                                                     └──────────────────────────────┘
//!                                                          runs dry three times
//! in each: Brake  loss far above the usual for rounds without a queue: send less, look, undo
//!          Drain  a low window every two seconds: finds the base, finds out who fills the queue
//!          Rebase a delay that no smaller window moves is a longer route
//!          silence: after two timeouts bulk sends only probes, until something is acknowledged
//! ```
//!
//! Everything is decided at the end of a round trip; within one only sums are kept. Integers only. The
//! constants stand in their modules; they were found by simulation, and `bowline-sim/tests/sending` holds
//! what they achieve.

mod base;
mod brake;
mod compete;
mod drain;
mod law;
mod pace;
mod rebase;
mod rest;
mod round;
mod startup;
mod target;

pub(crate) use rest::Resting;

use serde::Deserialize;
use serde::Serialize;

use crate::rate::Acked;
use crate::rate::MAX_WINDOW;
use crate::rate::MIN_WINDOW;
use crate::rate::PACKET;
use crate::rate::sampler::RateSample;
use crate::rate::sampler::Sampler;
use crate::rate::sampler::SentMark;
use crate::rate::tide::base::Bandwidth;
use crate::rate::tide::base::BaseLoss;
use crate::rate::tide::base::BaseRtt;
use crate::rate::tide::brake::Brake;
use crate::rate::tide::brake::Verdict;
use crate::rate::tide::compete::Compete;
use crate::rate::tide::drain::Drain;
use crate::rate::tide::drain::Outcome;
use crate::rate::tide::law::Law;
use crate::rate::tide::pace::LastRound;
use crate::rate::tide::rebase::Rebase;
use crate::rate::tide::round::Finished;
use crate::rate::tide::round::Round;
use crate::rate::tide::round::scale;
use crate::rate::tide::startup::Arrived;
use crate::rate::tide::startup::Startup;
use crate::rate::tide::target::target_us;
use crate::rate::trace::RateChange;
use crate::rate::trace::Trace;
use crate::time::Span;
use crate::time::Timestamp;

/// The first window: RFC 9002 section 7.2.
const INITIAL_WINDOW: u64 = 10 * PACKET;
/// Rounds whose losses are overlooked after a change of the window that was ours.
const OVERLOOKED_ROUNDS: u32 = 2;
/// Drains in vain that show that somebody else fills the queue.
const FILLED_DRAINS: u32 = 3;
/// Drains that show that nobody does any more.
const DRY_DRAINS: u32 = 3;
/// Half of the time for which the greatest window is remembered.
const PEAK_EPOCH: Span = Span::from_secs(10);
/// After silence the window may grow by so many first steps at once: the path is known.
const GROWTH_AFTER_SILENCE: u64 = 4;

/// State of the controller.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Tide {
    window: u64,
    mode: Mode,
    law: Law,
    sampler: Sampler,
    round: Round,
    last: LastRound,
    base: BaseRtt,
    bandwidth: Bandwidth,
    loss: BaseLoss,
    brake: Brake,
    drain: Drain,
    rebase: Rebase,
    peak: Peak,
    /// When a message last left that bulk had to stand back for.
    outranked_at: Option<Timestamp>,
    /// Rounds whose losses are still overlooked.
    overlooked: u32,
    /// Nothing is acknowledged any more.
    silent: bool,
    bounds: Bounds,
    trace: Trace,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
enum Mode {
    Startup(Startup),
    Run,
    Compete(Compete),
}

/// The greatest window of the last ten to twenty seconds: against a slow Cubic that long passes until it is
/// clear that somebody fills the queue.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Peak {
    present: u64,
    previous: u64,
    since: Timestamp,
}

/// What the settings allow, in bytes per second.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Bounds {
    /// 0 without.
    min: u64,
    /// The greatest number without.
    max: u64,
}

impl Bounds {
    const NO_MAX: u64 = u64::MAX;

    fn new(min: Option<u64>, max: Option<u64>) -> Self {
        Self {
            min: min.unwrap_or(0),
            max: max.unwrap_or(Self::NO_MAX),
        }
    }
}

impl Tide {
    fn new(now: Timestamp, bounds: Bounds) -> Self {
        Self {
            window: INITIAL_WINDOW,
            mode: Mode::Startup(Startup::default()),
            law: Law::new(),
            sampler: Sampler::new(now),
            round: Round::starting(now),
            last: LastRound::default(),
            base: BaseRtt::new(),
            bandwidth: Bandwidth::default(),
            loss: BaseLoss::default(),
            brake: Brake::default(),
            drain: Drain::new(),
            rebase: Rebase::default(),
            peak: Peak::default(),
            outranked_at: None,
            overlooked: 0,
            silent: false,
            bounds,
            trace: Trace::default(),
        }
    }

    /// Other bounds of the rate, in bytes per second.
    pub(crate) fn set_bounds(&mut self, min: Option<u64>, max: Option<u64>) {
        self.bounds = Bounds::new(min, max);
    }

    /// A packet leaves with `flight` bytes under way before it.
    pub(crate) fn on_sent(&mut self, now: Timestamp, flight: u64, app_limited: bool) -> SentMark {
        let mut mark = self.sampler.on_sent(now, flight);
        mark.app_limited = app_limited;
        if let Mode::Startup(startup) = &mut self.mode {
            mark.in_train = startup.takes_into_train();
        }
        mark
    }

    /// Takes in what an ack told.
    pub(crate) fn on_ack(&mut self, ack: &Acked) {
        self.round.lost += ack.lost_packets;
        self.round.undone += ack.undone_packets;
        let Some(newest) = ack.newest else {
            return;
        };
        if core::mem::take(&mut self.silent) {
            self.resume(ack.now);
        }
        self.round.acked += ack.packets;
        self.round.acked_bytes += ack.bytes;
        let rtt_us = ack.rtt.map(|rtt| rtt.as_micros().max(1));
        let arrived_at = rtt_us.map_or(ack.now, |rtt| newest.sent_at + Span::from_micros(rtt));
        let mark = newest.mark;
        let sample = self
            .sampler
            .on_acked(ack.bytes, mark, newest.sent_at, arrived_at);
        if let Some(rtt_us) = rtt_us {
            self.on_rtt(ack.now, rtt_us);
        }
        let Some(base_us) = self.base.us() else {
            return;
        };
        if let Some(sample) = sample {
            self.on_rate(sample, base_us);
        }
        self.round.on_ack(ack.flight, self.window, mark.app_limited);
        if let Mode::Startup(startup) = &mut self.mode {
            let used = 2 * (ack.flight + 2 * PACKET) >= self.window;
            if used && !mark.app_limited {
                self.window = (self.window + ack.bytes).min(MAX_WINDOW);
            }
            if mark.in_train {
                let arrived = Arrived {
                    sent_at: newest.sent_at,
                    at: arrived_at,
                    delivered: self.sampler.delivered(),
                };
                startup.on_train(arrived, base_us);
            }
            self.leave_startup_at_cap(ack.now);
        }
        if newest.sent_at >= self.round.began_at {
            self.end_round(ack.now, base_us);
        }
    }

    /// Nothing was acknowledged for two timeouts and more.
    pub(crate) fn on_silence(&mut self, now: Timestamp) {
        if !self.silent {
            self.silent = true;
            self.note(now, RateChange::Silent);
        }
    }

    /// How many of a million packets the path loses without a queue.
    pub(crate) fn usual_loss(&self) -> u64 {
        self.loss.share()
    }

    /// What was decided lately.
    pub(crate) const fn trace(&self) -> &Trace {
        &self.trace
    }

    fn on_rtt(&mut self, now: Timestamp, rtt_us: u64) {
        self.round.on_rtt(rtt_us);
        self.base.on_rtt(now, rtt_us);
        let Some(base_us) = self.base.us() else {
            return;
        };
        self.drain.on_rtt(now, rtt_us, base_us);
        let target = target_us(self.bandwidth.bytes_per_sec());
        if let Mode::Startup(startup) = &mut self.mode
            && startup.on_rtt(rtt_us - base_us, target, base_us)
            && self.bandwidth.bytes_per_sec() > 0
        {
            self.leave_startup(now, RateChange::StartupQueued);
        }
    }

    fn on_rate(&mut self, sample: RateSample, base_us: u64) {
        // What arrived within less than a round trip may have piled up on the way.
        if sample.interval_us < base_us / 4 * 3 {
            return;
        }
        let rate = sample.bytes_per_sec;
        if !sample.app_limited || rate > self.bandwidth.bytes_per_sec() {
            self.bandwidth.on_sample(rate);
        }
        self.round.best_rate = self.round.best_rate.max(rate);
    }

    fn end_round(&mut self, now: Timestamp, base_us: u64) {
        if self.round.rtt_min_us == u64::MAX {
            // No packet told its round-trip time, so there is nothing to judge by.
            return;
        }
        let ended = core::mem::replace(&mut self.round, Round::starting(now));
        // Losses of the round before that were none are taken off those of the next.
        self.round.undone = ended.undone.saturating_sub(ended.lost);
        let round = self.finish(now, &ended, base_us);
        self.overlooked = self.overlooked.saturating_sub(1);
        self.last = LastRound::after(&round, ended.app_limited);
        self.bandwidth.on_round(&round);
        self.peak.on_round(now, self.window);
        let is_short = round.queue_us < 2 * round.target_us;
        if is_short && !round.ignores_loss && !matches!(self.mode, Mode::Compete(_)) {
            self.loss.on_round(&round);
        }
        let paused = self.drain.is_on();
        self.drain_on_round(&round, base_us);
        if !paused {
            self.steer(&round);
            self.brake_on_round(&round);
            self.rebase_on_round(&round, base_us);
        }
        self.clamp();
    }

    fn finish(&self, now: Timestamp, round: &Round, base_us: u64) -> Finished {
        let rate = round.rate(now, self.window);
        let queue_us = round.rtt_min_us.saturating_sub(base_us);
        Finished {
            now,
            rate,
            queue_us,
            queue2_us: queue_us.max(self.last.queue_us),
            queue_max_us: round.rtt_max_us.saturating_sub(base_us),
            target_us: target_us(rate),
            rtt_min_us: round.rtt_min_us,
            rtt_max_us: round.rtt_max_us,
            acked: round.acked,
            lost: round.lost.saturating_sub(round.undone),
            peak_flight: round.peak_flight,
            limited: round.is_limited(),
            ignores_loss: self.overlooked > 0,
            has_company: self.has_company(now),
        }
    }

    /// Sets the window by what a round told.
    fn steer(&mut self, round: &Finished) {
        let gross_rate = self.loss.gross(round.rate);
        match &mut self.mode {
            Mode::Startup(startup) => {
                if startup.on_round(round, self.window) {
                    self.leave_startup(round.now, RateChange::StartupStalled);
                }
            }
            Mode::Run => self.window = self.law.window(round, self.window, gross_rate),
            Mode::Compete(compete) => {
                let window = compete.window(round, self.window, self.loss.share());
                self.window =
                    window.unwrap_or_else(|| self.law.window(round, self.window, gross_rate));
            }
        }
    }

    fn brake_on_round(&mut self, round: &Finished) {
        let needed = match &self.mode {
            Mode::Startup(startup) if startup.is_stalled() => brake::ROUNDS_IN_STARTUP,
            Mode::Startup(_) | Mode::Compete(_) => return,
            Mode::Run => brake::ROUNDS,
        };
        match self
            .brake
            .on_round(round, &self.loss, self.bandwidth.bytes_per_sec(), needed)
        {
            Verdict::Nothing => {}
            Verdict::Slower { rate } => self.brake(round, rate),
            Verdict::NotOurs { loss, window } => {
                self.loss.set(loss);
                self.window = window;
                self.note(round.now, RateChange::Released);
            }
        }
        self.window = self.window.min(self.brake.most());
    }

    /// Sends no more than what arrives. Were it sent more by the share that seems to be lost anyway, loss
    /// that comes of sending so much would stay.
    fn brake(&mut self, round: &Finished, rate: u64) {
        let before = self.window;
        let fit = scale(rate, round.rtt_min_us, 1_000_000);
        self.window = (fit / 32 * 31).max(MIN_WINDOW).min(before);
        self.bandwidth.reset(round.now, rate);
        self.brake.hold(round, self.window, before);
        if let Mode::Startup(_) = self.mode {
            self.mode = Mode::Run;
            self.drain.restart(round.now);
        }
        self.note(round.now, RateChange::Braked);
    }

    fn drain_on_round(&mut self, round: &Finished, base_us: u64) {
        if let Mode::Startup(_) = self.mode {
            return;
        }
        let competes = matches!(self.mode, Mode::Compete(_));
        self.drain.on_loss(round, self.loss.share());
        let outcome = self.drain.on_round(round, base_us);
        if let Some(outcome) = outcome {
            self.on_drained(round.now, outcome);
            if let Some(loss) = self.drain.refutes(self.loss.share()) {
                self.loss.set(loss);
                self.brake(round, self.bandwidth.bytes_per_sec());
            }
        } else if self.drain.is_due(round.now, base_us, competes) {
            if round.limited {
                self.drain
                    .start(round, base_us, self.loss.share(), competes);
            } else if round.queue_us < round.target_us / 2 {
                let outcome = self.drain.spare(round.now);
                self.on_drained(round.now, outcome);
            }
        }
    }

    fn on_drained(&mut self, now: Timestamp, outcome: Outcome) {
        match (outcome, &self.mode) {
            (Outcome::Filled(times), Mode::Run) if times >= FILLED_DRAINS => {
                self.window = self.peak.window().max(self.window);
                self.mode = Mode::Compete(Compete::new());
                self.note(now, RateChange::Competes);
            }
            (Outcome::Dry(times), Mode::Compete(_)) if times >= DRY_DRAINS => {
                self.mode = Mode::Run;
                self.law.restart(1);
                self.note(now, RateChange::Yields);
            }
            (Outcome::Filled(_), _) => self.note(now, RateChange::Filled),
            (Outcome::Dry(_), _) => self.note(now, RateChange::Drained),
        }
    }

    fn rebase_on_round(&mut self, round: &Finished, base_us: u64) {
        let Some(path) = self.rebase.on_round(round, base_us, self.window) else {
            return;
        };
        self.base.reset(round.now, path.base_us);
        self.window = path.window;
        self.drain.restart(round.now);
        self.note(round.now, RateChange::Rebased);
    }

    fn leave_startup_at_cap(&mut self, now: Timestamp) {
        let Mode::Startup(startup) = &self.mode else {
            return;
        };
        if let Some(cap) = startup.cap().filter(|cap| *cap <= self.window) {
            self.window = cap;
            self.run(now, RateChange::StartupCapped);
            self.drain.restart(now);
        }
    }

    fn leave_startup(&mut self, now: Timestamp, why: RateChange) {
        let Mode::Startup(startup) = &self.mode else {
            return;
        };
        let rate = self.bandwidth.bytes_per_sec();
        let base_us = self.base.us().unwrap_or(0);
        let fit = scale(rate, base_us + target_us(rate) / 2, 1_000_000);
        let fit = fit.max(startup.cap().unwrap_or(0));
        self.window = fit.min(self.window);
        self.run(now, why);
    }

    fn run(&mut self, now: Timestamp, why: RateChange) {
        self.mode = Mode::Run;
        self.overlooked = OVERLOOKED_ROUNDS;
        self.clamp();
        self.note(now, why);
    }

    fn resume(&mut self, now: Timestamp) {
        self.window = (self.window / 2).max(INITIAL_WINDOW);
        self.law.restart(GROWTH_AFTER_SILENCE);
        self.overlooked = OVERLOOKED_ROUNDS;
        self.round = Round::starting(now);
        self.note(now, RateChange::Resumed);
    }

    fn note(&mut self, now: Timestamp, what: RateChange) {
        self.trace.note(now, what, self.window);
    }

    fn clamp(&mut self) {
        // A lower bound of the rate is a lower bound of the window too.
        let rtt_us = self.last.rtt_us.max(self.base.us().unwrap_or(0));
        let floor = scale(self.bounds.min, rtt_us, 1_000_000);
        let floor = MIN_WINDOW.max(floor).min(MAX_WINDOW);
        self.window = self.window.clamp(floor, MAX_WINDOW);
    }
}

impl Peak {
    fn on_round(&mut self, now: Timestamp, window: u64) {
        if now.since(self.since) >= PEAK_EPOCH {
            self.since = now;
            self.previous = self.present;
            self.present = 0;
        }
        self.present = self.present.max(window);
    }

    fn window(&self) -> u64 {
        self.present.max(self.previous)
    }
}

#[cfg(test)]
pub(in crate::rate) mod tests;
