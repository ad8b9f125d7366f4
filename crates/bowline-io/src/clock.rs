//! The clock that the core is driven by.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use bowline_core::time::Timestamp;

use crate::sys;

/// A monotonic clock that runs on while the machine sleeps, where the system offers one.
///
/// It does on Linux, Android, macOS, iOS and Windows. All clocks of a process agree: they count from
/// a moment shortly before the first one was made, so what they say tells a peer nothing about how
/// long the machine has been up.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// What the system's clock said at our zero.
    origin_us: u64,
}

impl Clock {
    /// The clock of this process.
    pub fn new() -> Self {
        static ORIGIN_US: OnceLock<u64> = OnceLock::new();
        let origin_us = *ORIGIN_US.get_or_init(|| sys::monotonic_us().wrapping_sub(FIRST_US));
        Self { origin_us }
    }

    /// The time now. Never [`Timestamp::ZERO`], which may stand for "not yet" elsewhere.
    pub fn now(&self) -> Timestamp {
        self.at(sys::monotonic_us())
    }

    /// What the clock shows when the system's clock says `system_us`.
    const fn at(&self, system_us: u64) -> Timestamp {
        let us = system_us.wrapping_sub(self.origin_us);
        // A clock that steps back breaks its promise; at least nobody sees time before the start.
        if us > u64::MAX / 2 {
            return Timestamp::from_micros(FIRST_US);
        }
        Timestamp::from_micros(if us == 0 { 1 } else { us })
    }

    /// Seconds since 1970 by the wall clock, for the validity of certificates; 0 if it is set earlier.
    pub fn unix_seconds() -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }

    /// What the system's clock says at `at`, in microseconds, for timers that are set on it.
    pub(crate) const fn system_us(&self, at: Timestamp) -> u64 {
        self.origin_us.wrapping_add(at.as_micros())
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// What the first clock shows first: 30 days, as with GNS, so that subtracting any span that occurs stays
/// positive. GNS e707b3a: steamnetworkingsockets_lowlevel_misc.cpp, `SteamNetworkingSockets_GetLocalTimestamp`.
const FIRST_US: u64 = 30 * 24 * 3600 * 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_starts_above_zero_and_does_not_go_back() {
        let clock = Clock::new();
        let mut last = clock.now();
        assert!(last.as_micros() >= FIRST_US);
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn class_40_a_system_clock_that_wraps_or_steps_back_shows_no_time_before_the_start() {
        let began = u64::MAX - 5_000_000;
        let clock = Clock {
            origin_us: began.wrapping_sub(FIRST_US),
        };
        let shows = |system_us| clock.at(system_us).as_micros();
        assert_eq!(shows(began), FIRST_US);
        // Over the end of its 64 bits, time goes on.
        assert_eq!(shows(u64::MAX), FIRST_US + 5_000_000);
        assert_eq!(shows(0), FIRST_US + 5_000_001);
        assert_eq!(shows(7), FIRST_US + 5_000_008);
        // Back to before the start, and far back.
        assert_eq!(shows(began - 1), FIRST_US - 1);
        assert_eq!(shows(began - FIRST_US), 1);
        assert_eq!(shows(began - FIRST_US - 1), FIRST_US);
        assert_eq!(shows(began - (1 << 62)), FIRST_US);
    }

    #[test]
    fn all_clocks_of_the_process_agree() {
        let first = Clock::new();
        std::thread::sleep(std::time::Duration::from_millis(5));
        let second = Clock::new();
        let (a, b) = (first.now(), second.now());
        assert!(b.since(a).as_millis() < 1_000 && b >= a);
    }

    #[test]
    fn the_wall_clock_is_set() {
        assert!(Clock::unix_seconds() > 1_700_000_000);
    }
}
