//! Programs that ask all the time.
//!
//! GNS has nothing to wait on, so a program that wants no delay calls `RunCallbacks` and the receiving functions in
//! a loop, and so do programs in other languages that have the same functions. Beside such a loop the service thread
//! is in the way: each datagram would wake it, on a processor that the loop wants too. So the thread that asks all
//! the time drives the sockets itself ([`Sockets::poll`]), and the service thread steps back for as long as that goes
//! on.
//!
//! Only who really asks all the time may: a program that asks once per frame, however often then, would look at
//! the sockets too late. One that has begun goes on until it pauses for long, whether or not other threads take
//! its processor away for a moment: what comes in before the service thread is back waits.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::builder::ServiceMode;
use crate::sockets::Sockets;

impl Sockets {
    /// For bindings, whose programs have nothing to wait on: somebody asks whether something has happened, and is
    /// about to look at events or messages. Who asks all the time, without a pause, drives the sockets with it as by
    /// [`poll`](Self::poll); who asks once per frame leaves that to the service thread.
    ///
    /// Does nothing in [`ServiceMode::Manual`], where it is for the program to poll.
    pub fn poll_if_busy(&self) {
        let questions = self.questions();
        if questions.note(self.now().as_micros()) && self.service_mode() == ServiceMode::Thread {
            self.poll();
            questions.pause_begins(self.now().as_micros());
        }
    }
}

/// How an interface is asked whether something has happened.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// When it was asked, or looked at the sockets, last.
    last_us: AtomicU64,
    /// When they began to follow one another closely.
    since_us: AtomicU64,
    /// They have for long enough.
    is_busy: AtomicBool,
}

/// The longest pause between two questions when a program begins to ask all the time: less than any sleep.
const PAUSE_US: u64 = 40;
/// For how long a program must have asked all the time: longer than all questions of a frame take.
const STREAK_US: u64 = 2_000;
/// From which pause on it does so no more: less than a frame, and more than a busy system takes its processor
/// away for.
const END_US: u64 = 3_000;

impl Questions {
    /// The sockets were looked at, however long that took.
    fn pause_begins(&self, now_us: u64) {
        self.last_us.store(now_us, Ordering::Relaxed);
    }

    /// Notes a question, and tells whether they come all the time. Threads that ask at once may overwrite what
    /// others note, which makes a look too many or too few.
    fn note(&self, now_us: u64) -> bool {
        let pause_us = now_us.saturating_sub(self.last_us.swap(now_us, Ordering::Relaxed));
        if self.is_busy.load(Ordering::Relaxed) && pause_us < END_US {
            return true;
        }
        let begins = pause_us > PAUSE_US;
        if begins {
            self.since_us.store(now_us, Ordering::Relaxed);
        }
        let since_us = self.since_us.load(Ordering::Relaxed);
        let is_busy = !begins && now_us.saturating_sub(since_us) > STREAK_US;
        self.is_busy.store(is_busy, Ordering::Relaxed);
        is_busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_questions_without_pause_make_a_program_one_that_asks_all_the_time() {
        let questions = Questions::default();
        let begin = 1_000_000;
        // A frame's worth of them.
        assert!((0..1000).all(|i| !questions.note(begin + i)));
        // The same a frame later.
        let frame = begin + 16_000;
        assert!((0..1000).all(|i| !questions.note(frame + i)));
        // With a short sleep after each.
        let slow = frame + 16_000;
        assert!((0..1000).all(|i| !questions.note(slow + i * 60)));
        // Without, and then with pauses that others cause.
        let busy = slow + 100_000;
        assert!((0..=STREAK_US).all(|i| !questions.note(busy + i)));
        let kept = busy + STREAK_US + 1;
        assert!((0..1000).all(|i| questions.note(kept + i * (END_US - 1))));
        // Until it does something else.
        let end = busy + 10_000_000;
        assert!((0..=STREAK_US).all(|i| !questions.note(end + i)));
    }
}
