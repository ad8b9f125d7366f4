//! The two clocks of a store.

use std::fmt;
#[cfg(any(test, feature = "test-support"))]
use std::sync::atomic::AtomicU64;
#[cfg(any(test, feature = "test-support"))]
use std::sync::atomic::Ordering;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

#[cfg(any(test, feature = "test-support"))]
use bowline_core::time::Span;
use bowline_core::time::Timestamp;

/// Where a store reads the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// A clock that never steps: leases are timed by it.
    fn now(&self) -> Timestamp;

    /// The date, in microseconds since 1970. It may step; only what is read after a restart depends on it.
    fn unix_micros(&self) -> u64;
}

/// The clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// Counts from now on.
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(micros(self.origin.elapsed()))
    }

    fn unix_micros(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, micros)
    }
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Clocks that a test moves.
#[cfg(any(test, feature = "test-support"))]
#[derive(Debug)]
pub struct ManualClock {
    now_us: AtomicU64,
    unix_us: AtomicU64,
}

#[cfg(any(test, feature = "test-support"))]
impl ManualClock {
    /// Some day in 2023.
    pub const fn new() -> Self {
        Self {
            now_us: AtomicU64::new(1_000_000_000),
            unix_us: AtomicU64::new(1_700_000_000_000_000),
        }
    }

    /// Lets time pass, on both clocks.
    pub fn advance(&self, span: Span) {
        self.now_us.fetch_add(span.as_micros(), Ordering::SeqCst);
        self.unix_us.fetch_add(span.as_micros(), Ordering::SeqCst);
    }

    /// Sets the clock that should never step.
    pub fn set_now(&self, now: Timestamp) {
        self.now_us.store(now.as_micros(), Ordering::SeqCst);
    }

    /// Sets the date, in microseconds since 1970.
    pub fn set_unix_micros(&self, us: u64) {
        self.unix_us.store(us, Ordering::SeqCst);
    }
}

#[cfg(any(test, feature = "test-support"))]
impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(test, feature = "test-support"))]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now_us.load(Ordering::SeqCst))
    }

    fn unix_micros(&self) -> u64 {
        self.unix_us.load(Ordering::SeqCst)
    }
}
