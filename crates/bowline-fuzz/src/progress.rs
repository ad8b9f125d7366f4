//! What goes on in vain: timers that are due again and again, for nothing.

use bowline_core::event::TimerKind;
use bowline_core::time::{Span, Timestamp};

/// A timer that is due again at once and in vain, this many times in a row, does not get anywhere.
const MAX_SPINS: u32 = 16;
/// A deadline this close is due at once.
const AT_ONCE: Span = Span::from_micros(10);

/// How often in a row the timers of a connection got nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spins(u32);

impl Spins {
    /// Notes what came of a timer, and when the next is due.
    ///
    /// # Panics
    /// If it goes on in vain.
    pub(crate) fn note(
        &mut self,
        now: Timestamp,
        next: Option<(Timestamp, TimerKind)>,
        came_of_it: bool,
    ) {
        match next.filter(|(at, _)| *at <= now + AT_ONCE && !came_of_it) {
            None => self.0 = 0,
            Some((_, kind)) => {
                self.0 += 1;
                assert!(self.0 < MAX_SPINS, "timer {kind:?} gets nowhere");
            }
        }
    }
}
