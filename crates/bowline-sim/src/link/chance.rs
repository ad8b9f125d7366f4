//! How likely something is.

use std::fmt;

use bowline_core::rng::Rng;

/// A probability in parts per million.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Chance(u32);

impl Chance {
    /// Never.
    pub const NEVER: Self = Self(0);
    /// Always.
    pub const ALWAYS: Self = Self(MILLION);

    /// `percent` in a hundred; above 100 is always.
    pub const fn percent(percent: u32) -> Self {
        Self::per_million(percent.saturating_mul(MILLION / 100))
    }

    /// `parts` in a million; more is always.
    pub const fn per_million(parts: u32) -> Self {
        Self(if parts > MILLION { MILLION } else { parts })
    }

    /// Parts in a million.
    pub const fn as_per_million(self) -> u32 {
        self.0
    }

    /// Whether it happens this time.
    pub(super) fn roll(self, rng: &mut Rng) -> bool {
        rng.below(MILLION) < self.0
    }
}

const MILLION: u32 = 1_000_000;

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}%", self.0 / 10_000, self.0 % 10_000)
    }
}
