//! How much may be under way, and how fast it leaves.

use serde::Deserialize;
use serde::Serialize;

use crate::rate::PACKET;
use crate::rate::UNKNOWN_RTT;
use crate::rate::tide::Bounds;
use crate::rate::tide::INITIAL_WINDOW;
use crate::rate::tide::Mode;
use crate::rate::tide::Tide;
use crate::rate::tide::round::Finished;
use crate::rate::tide::round::per_second;
use crate::time::Span;
use crate::time::Timestamp;

/// No pace is lower than so many packets per round trip, except in a drain.
const LEAST_PACKETS: u64 = 10;

/// Packets that must not wait may leave beyond the window, besides a quarter of it.
const URGENT_PACKETS: u64 = 4;

/// For so long after a message that must not wait bulk is paced for the sake of the next one.
const COMPANY: Span = Span::from_secs(1);

/// How much faster than the known rate packets may leave.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) enum Haste {
    /// A quarter: finds more room within a few round trips, and fills gaps that late acks left.
    #[default]
    Free,
    /// An eighth: the same, with a shorter queue for what shares it.
    Careful,
    /// Not at all.
    None,
}

/// What the last round leaves behind.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct LastRound {
    pub(super) queue_us: u64,
    /// Its least round-trip time; 0 before the first.
    pub(super) rtt_us: u64,
    /// How the next one leaves.
    pub(super) haste: Haste,
}

impl LastRound {
    /// A burst after idleness goes out at the known rate, and not above. So does bulk beside messages that must not
    /// wait, if there is a queue: more would only make them wait.
    pub(super) const fn after(round: &Finished, app_limited: bool) -> Self {
        let is_queued = round.queue_us >= round.target_us / 2;
        let haste = if app_limited || round.has_company && is_queued {
            Haste::None
        } else if round.has_company {
            Haste::Careful
        } else {
            Haste::Free
        };
        Self {
            queue_us: round.queue_us,
            rtt_us: round.rtt_min_us,
            haste,
        }
    }
}

impl Tide {
    /// How many bytes may be under way.
    pub(crate) fn window_bytes(&self) -> u64 {
        if self.silent {
            // Bulk has more under way than that. Small messages go on, for one of them may get through.
            return self.window.min(INITIAL_WINDOW);
        }
        match &self.mode {
            Mode::Startup(startup) => self.window + startup.train_bytes(),
            Mode::Run | Mode::Compete(_) => self
                .drain
                .low(self.window)
                .map_or(self.window, |low| low.max(2 * PACKET)),
        }
    }

    /// The same for the few bytes that must not wait, whatever bulk has to do.
    pub(crate) const fn urgent_window_bytes(&self) -> u64 {
        self.window / 4 * 5 + URGENT_PACKETS * PACKET
    }

    /// Whether the next packet belongs to a train.
    pub(crate) const fn is_measuring(&self) -> bool {
        match &self.mode {
            Mode::Startup(startup) => startup.train_bytes() > 0,
            Mode::Run | Mode::Compete(_) => false,
        }
    }

    /// The rate to pace at, in bytes per second, within the configured bounds; `None` while nothing is
    /// known. `srtt` serves until a round is over.
    pub(crate) fn rate_bytes_per_sec(&self, srtt: Option<Span>) -> Option<u64> {
        let rtt_us = match (self.last.rtt_us, srtt) {
            (0, Some(srtt)) => srtt.as_micros().max(1),
            (0, None) if self.bounds.max == Bounds::NO_MAX => return None,
            (0, None) => UNKNOWN_RTT.as_micros(),
            (rtt_us, _) => rtt_us,
        };
        let rate = self.unbounded_rate(rtt_us);
        Some(rate.min(self.bounds.max).max(self.bounds.min))
    }

    /// A message left that bulk had to stand back for.
    pub(crate) const fn on_outranked(&mut self, now: Timestamp) {
        self.outranked_at = Some(now);
    }

    /// Whether a message left lately that bulk had to stand back for.
    pub(super) fn has_company(&self, now: Timestamp) -> bool {
        self.outranked_at.is_some_and(|at| now.since(at) < COMPANY)
    }

    fn unbounded_rate(&self, rtt_us: u64) -> u64 {
        let least = per_second(LEAST_PACKETS * PACKET, rtt_us);
        let rate = match &self.mode {
            Mode::Startup(startup) if startup.train_bytes() > 0 => {
                per_second(4 * self.window, rtt_us)
            }
            Mode::Startup(_) => per_second(self.window / 8 * 9, rtt_us),
            Mode::Run | Mode::Compete(_) if self.drain.low(self.window).is_some() => {
                return per_second(self.window_bytes().max(2 * PACKET), rtt_us);
            }
            Mode::Compete(_) => per_second(self.window / 20 * 23, rtt_us),
            Mode::Run => {
                let by_window = per_second(self.window / 20 * 23, rtt_us);
                let known = self.loss.gross(self.bandwidth.bytes_per_sec());
                let gain = match self.last.haste {
                    Haste::Free => 10,
                    Haste::Careful => 9,
                    Haste::None => 8,
                };
                match known / 8 * gain {
                    0 => by_window,
                    by_rate => by_window.min(by_rate),
                }
            }
        };
        rate.max(least)
    }
}
