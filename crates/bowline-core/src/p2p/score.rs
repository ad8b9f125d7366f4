//! How good a transport is: its ping, and what speaks against it. Lower is better.
//!
//! A score is counted in milliseconds (p2p.md 9.2). What crosses the public internet counts as a tenth and 10 ms
//! slower than it is, so that a path within one network, or a relay's private one, wins where both are as fast.
//! The settings may add more to either kind. Besides the ping at this moment, [`Recent`] keeps the best and the worst
//! ping of each of the last seconds, which tell a transport that is better from one that has a good moment.

use crate::time::Timestamp;

/// Counts against a transport of which it is not known whether packets get through (GNS: the same).
const UNCONFIRMED: u64 = 10_000;
/// Counts, for the side that does not choose, against a transport that the peer does not use (GNS: the same).
const NOT_THE_PEERS: u64 = 100;
/// Counts against what crosses the public internet, beside a tenth of the ping (GNS: the same).
const PUBLIC: u64 = 10;
/// A way within one network is known by a ping below this in milliseconds (GNS: the same).
const LOCAL_PING_MS: u32 = 5;
/// So many seconds are kept (GNS: the same).
const SECONDS: usize = 17;
/// So many of them must have a ping for a comparison (GNS: the same).
pub(super) const COMPARED_SECONDS: usize = 15;

/// What a score is made of, but for the ping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handicap {
    /// It crosses the public internet, as far as is known.
    pub(super) is_public: bool,
    /// Packets get through.
    pub(super) is_confirmed: bool,
    /// The choice is the peer's, and this is not what it uses.
    pub(super) is_not_the_peers: bool,
    /// Set by the application, in milliseconds.
    pub(super) penalty_ms: u32,
}

impl Handicap {
    /// The score of a transport with this ping in milliseconds.
    pub(super) fn score(self, ping_ms: u32) -> u64 {
        let ping = u64::from(ping_ms);
        let public = match self.is_public {
            true => ping / 10 + PUBLIC,
            false => 0,
        };
        let when = |is: bool, ms: u64| if is { ms } else { 0 };
        ping + public
            + u64::from(self.penalty_ms)
            + when(!self.is_confirmed, UNCONFIRMED)
            + when(self.is_not_the_peers, NOT_THE_PEERS)
    }
}

/// A score with the margin by which another must be better to be worth a change.
pub(super) const fn with_margin(score: u64) -> u64 {
    score.saturating_mul(11) / 10 + 5
}

/// Whether a ping shows that both ends are in one network.
pub(super) const fn is_local_ping(ping_ms: u32) -> bool {
    ping_ms < LOCAL_PING_MS
}

/// The best and the worst ping of each of the last seconds.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    /// By second modulo the length.
    seconds: [Second; SECONDS],
}

#[derive(Clone, Copy, Debug)]
struct Second {
    /// Which, from the beginning of time.
    number: u64,
    best_ms: u32,
    worst_ms: u32,
}

impl Second {
    const NONE: Self = Self {
        number: u64::MAX,
        best_ms: 0,
        worst_ms: 0,
    };
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self {
            seconds: [Second::NONE; SECONDS],
        }
    }

    pub(super) fn add(&mut self, now: Timestamp, ms: u32) {
        let number = second(now);
        let index = usize::try_from(number % SECONDS as u64).unwrap_or(0);
        let Some(entry) = self.seconds.get_mut(index) else {
            return;
        };
        if entry.number != number {
            *entry = Second {
                number,
                best_ms: ms,
                worst_ms: ms,
            };
        }
        entry.best_ms = entry.best_ms.min(ms);
        entry.worst_ms = entry.worst_ms.max(ms);
    }

    /// The best and the worst ping, if enough of the last seconds have one.
    pub(super) fn range_ms(&self, now: Timestamp) -> Option<(u32, u32)> {
        let present = second(now);
        let known = |entry: &&Second| {
            let age = present.checked_sub(entry.number);
            age.is_some_and(|age| age < SECONDS as u64)
        };
        let entries = || self.seconds.iter().filter(known);
        if entries().count() < COMPARED_SECONDS {
            return None;
        }
        let best = entries().map(|entry| entry.best_ms).min()?;
        let worst = entries().map(|entry| entry.worst_ms).max()?;
        Some((best, worst))
    }
}

const fn second(at: Timestamp) -> u64 {
    at.as_micros() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    const GOOD: Handicap = Handicap {
        is_public: false,
        is_confirmed: true,
        is_not_the_peers: false,
        penalty_ms: 0,
    };

    #[test]
    fn a_score_is_the_ping_and_what_speaks_against_it() {
        assert_eq!(GOOD.score(40), 40);
        let public = Handicap {
            is_public: true,
            ..GOOD
        };
        assert_eq!(public.score(40), 54);
        let foreign = Handicap {
            is_not_the_peers: true,
            ..public
        };
        assert_eq!(foreign.score(40), 154);
        let unconfirmed = Handicap {
            is_confirmed: false,
            penalty_ms: 7,
            ..public
        };
        assert_eq!(unconfirmed.score(40), 10_061);
        let most = Handicap {
            penalty_ms: u32::MAX,
            ..unconfirmed
        };
        assert!(most.score(u32::MAX) > u64::from(u32::MAX) * 2);
        assert_eq!(with_margin(100), 115);
    }

    #[test]
    fn limit_only_the_last_seconds_are_compared_and_there_must_be_enough() {
        let at = |ms| Timestamp::ZERO + Span::from_millis(ms);
        let mut recent = Recent::new();
        for ms in (0..14_000).step_by(200) {
            recent.add(at(ms), 50);
        }
        assert_eq!(recent.range_ms(at(13_900)), None);
        recent.add(at(14_000), 40);
        recent.add(at(14_200), 90);
        assert_eq!(recent.range_ms(at(14_300)), Some((40, 90)));
        // Those seconds pass.
        for ms in (15_000..60_000).step_by(200) {
            recent.add(at(ms), 60);
        }
        assert_eq!(recent.range_ms(at(60_000)), Some((60, 60)));
        assert_eq!(recent.range_ms(at(63_000)), None);
        assert!(size_of::<Recent>() <= 17 * 16);
    }
}
