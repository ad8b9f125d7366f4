//! Time as the core sees it: microseconds on a local monotonic clock that somebody else reads.
//!
//! [`Timestamp`] is an instant, [`Span`] a length of time. All arithmetic saturates, so a clock that
//! steps or a peer that lies about a delay can make a number wrong, never a panic.

use core::fmt;
use core::ops::{Add, AddAssign, Div, Mul, Sub};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant: microseconds since an arbitrary, local, monotonic origin.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct Timestamp(u64);

/// A length of time in microseconds.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct Span(u64);

impl Timestamp {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);
    /// Later than every instant that occurs.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `us` microseconds after the origin.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The next multiple of `grid`, or this if it is one or the grid has no width.
    #[must_use]
    pub const fn round_up(self, grid: Span) -> Self {
        match grid.0 {
            0 => self,
            step => Self(self.0.div_ceil(step).saturating_mul(step)),
        }
    }

    /// The time from `earlier` to this instant; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than every span that occurs.
    pub const MAX: Self = Self(u64::MAX);

    /// `us` microseconds.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// `ms` milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000))
    }

    /// `s` seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(1_000_000))
    }

    /// The whole microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Whether this is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This span less `other`, zero if `other` is longer.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Timestamp {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Mul<u64> for Span {
    type Output = Self;
    fn mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Div<u64> for Span {
    type Output = Self;
    /// Division by zero yields the longest span.
    fn div(self, divisor: u64) -> Self {
        Self(self.0.checked_div(divisor).unwrap_or(u64::MAX))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        Self::from_micros(span.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}ms", self.0 / 1_000, self.0 % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Timestamp::NEVER + Span::from_secs(1), Timestamp::NEVER);
        assert_eq!(Timestamp::ZERO - Span::from_secs(1), Timestamp::ZERO);
        assert_eq!(
            Timestamp::from_micros(3).since(Timestamp::from_micros(5)),
            Span::ZERO
        );
        assert_eq!(Span::MAX * 2, Span::MAX);
        assert_eq!(Span::from_secs(1) / 0, Span::MAX);
    }

    #[test]
    fn rounds_up_to_a_grid() {
        let at = |us: u64, grid: u64| Timestamp::from_micros(us).round_up(Span::from_micros(grid));
        assert_eq!(at(0, 10), Timestamp::ZERO);
        assert_eq!(at(1, 10), Timestamp::from_micros(10));
        assert_eq!(at(10, 10), Timestamp::from_micros(10));
        assert_eq!(at(7, 0), Timestamp::from_micros(7));
        assert_eq!(Timestamp::NEVER.round_up(Span::MAX), Timestamp::NEVER);
    }

    #[test]
    fn converts_to_and_from_duration() {
        let span = Span::from(Duration::from_millis(5));
        assert_eq!(span, Span::from_micros(5_000));
        assert_eq!(Duration::from(span), Duration::from_millis(5));
    }
}
