//! When to stop: at Ctrl-C, or when the system asks.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;

use crate::program::error::Error;

/// The wish that the hub may stop.
pub(super) struct Stop(Arc<AtomicBool>);

/// How often it is looked for: nothing else has the main thread wake.
const LOOK: Duration = Duration::from_millis(100);

impl Stop {
    /// Set by the first signal; the second one kills the process.
    pub(super) fn on_signal() -> Result<Self, Error> {
        let wished = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: what is registered first runs first.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&wished))
                .map_err(Error::Signals)?;
            signal_hook::flag::register(signal, Arc::clone(&wished)).map_err(Error::Signals)?;
        }
        Ok(Self(wished))
    }

    /// Waits for it, and looks after the threads that serve meanwhile: `ended` names one that has ended by itself.
    pub(super) fn wait(&self, ended: impl Fn() -> Option<&'static str>) -> Result<(), Error> {
        while !self.0.load(Ordering::Relaxed) {
            if let Some(part) = ended() {
                return Err(Error::Ended(part));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn regression_a_thread_that_ends_by_itself_ends_the_program() {
        let stop = Stop(Arc::default());
        let looks = Cell::new(0);
        let ended = || {
            looks.set(looks.get() + 1);
            (looks.get() == 3).then_some("the hub")
        };
        let error = stop.wait(ended).unwrap_err();
        assert!(matches!(error, Error::Ended("the hub")), "{error}");
        assert!(error.to_string().contains("the hub"), "{error}");
        stop.0.store(true, Ordering::Relaxed);
        stop.wait(|| Some("the hub")).unwrap();
    }
}
