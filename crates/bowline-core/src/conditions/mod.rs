//! Bad links on purpose: loss, lag, jitter, reordering, duplicates and a rate limit, for tests of
//! applications on a good network.
//!
//! [`LinkConditions`] says how bad one direction is, [`ConditionedLink`] decides the fate of each
//! datagram and keeps those that are late. It has no clock and no sockets: whoever owns them asks it
//! about each datagram, and takes out what is due. Same seed, datagrams and times: same fates.
//!
//! Each datagram passes the stages in the order of GNS (e707b3a: steamnetworkingsockets_socketthread.cpp,
//! `BSendRawPacketGather`): rate limit, loss, then one moment of delivery made of lag, jitter and
//! reordering, and at last a possible copy that is later still.

mod exponential;
mod link;

use crate::limits;
use crate::rng::Rng;
use crate::time::Span;

pub use link::ConditionCounters;
pub use link::ConditionedLink;
pub use link::Delayed;
pub use link::DropCause;
pub use link::Fate;

/// How bad one direction of a link is. The default is a perfect link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LinkConditions {
    /// Share of datagrams lost.
    pub loss: Odds,
    /// Delay of every datagram.
    pub lag: Span,
    /// Share of datagrams delayed by [`Self::reorder_time`] on top, which later ones then overtake.
    pub reorder: Odds,
    /// That delay.
    pub reorder_time: Span,
    /// Share of datagrams that arrive twice.
    pub duplicate: Odds,
    /// The copy arrives up to this time later, evenly distributed.
    pub duplicate_time_max: Span,
    /// Mean of the exponentially distributed jitter; zero is no jitter. Jitter does not reorder: what
    /// comes behind a late datagram is late too.
    pub jitter_average: Span,
    /// The most jitter that one datagram draws; zero is no jitter.
    pub jitter_max: Span,
    /// Share of datagrams that draw jitter.
    pub jitter: Odds,
    /// Bytes per second that pass, 0 without limit. What comes above it is lost, not delayed.
    pub rate_bytes_per_sec: u64,
    /// Bytes that pass at once after a pause. With a limit on the rate, 0 lets nothing pass.
    pub burst_bytes: u64,
}

impl LinkConditions {
    /// A perfect link. Values without an effect of their own have GNS's defaults.
    pub const NONE: Self = Self {
        loss: Odds::NEVER,
        lag: Span::ZERO,
        reorder: Odds::NEVER,
        reorder_time: Span::from_millis(15),
        duplicate: Odds::NEVER,
        duplicate_time_max: Span::from_millis(10),
        jitter_average: Span::ZERO,
        jitter_max: Span::from_millis(100),
        jitter: Odds::from_parts_per_million(750_000),
        rate_bytes_per_sec: 0,
        burst_bytes: limits::CONDITIONED_BURST,
    };

    /// Whether all datagrams pass at once.
    pub const fn is_perfect(&self) -> bool {
        self.loss.is_never()
            && self.lag.is_zero()
            && (self.reorder.is_never() || self.reorder_time.is_zero())
            && self.duplicate.is_never()
            && !self.has_jitter()
            && self.rate_bytes_per_sec == 0
    }

    const fn has_jitter(&self) -> bool {
        !self.jitter_average.is_zero() && !self.jitter_max.is_zero() && !self.jitter.is_never()
    }
}

impl Default for LinkConditions {
    fn default() -> Self {
        Self::NONE
    }
}

/// How often something happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Odds(u32);

impl Odds {
    /// It never happens.
    pub const NEVER: Self = Self(0);
    /// It always happens.
    pub const ALWAYS: Self = Self(MILLION);

    /// So many times in a million; at most always.
    pub const fn from_parts_per_million(parts: u32) -> Self {
        Self(if parts < MILLION { parts } else { MILLION })
    }

    /// So many percent, to a ten thousandth of one. Below 0 and what is no number mean never, above 100
    /// always.
    pub fn from_percent(percent: f32) -> Self {
        // Both casts cut to the range of the target.
        Self::from_parts_per_million((f64::from(percent) * 10_000.0 + 0.5) as u32)
    }

    /// In a million.
    pub const fn parts_per_million(self) -> u32 {
        self.0
    }

    /// Whether it never happens.
    pub const fn is_never(self) -> bool {
        self.0 == 0
    }

    /// Draws. What never happens costs no draw.
    fn hit(self, rng: &mut Rng) -> bool {
        !self.is_never() && rng.below(MILLION) < self.0
    }
}

const MILLION: u32 = 1_000_000;

#[cfg(test)]
mod tests;
