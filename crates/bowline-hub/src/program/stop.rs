//! When to stop: at Ctrl-C, or when the system asks.
//!
//! A hub with settings goes on at SIGHUP, which many a daemon takes as the wish to read its settings again: it says that it does
//! not. A hub for development leaves that signal as it is, so that it ends with its terminal.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;

use crate::program::error::Error;

/// The wish that the hub may stop.
#[derive(Default)]
pub(super) struct Stop {
    wished: Arc<AtomicBool>,
    /// Whether somebody may have wished that the settings are read again.
    hung_up: Arc<AtomicBool>,
}

/// How often it is looked for: nothing else has the main thread wake.
const LOOK: Duration = Duration::from_millis(100);

impl Stop {
    /// Set by the first signal; the second one kills the process.
    pub(super) fn on_signal() -> Result<Self, Error> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // The order matters: what is registered first runs first.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop.wished))
                .map_err(Error::Signals)?;
            signal_hook::flag::register(signal, Arc::clone(&stop.wished))
                .map_err(Error::Signals)?;
        }
        Ok(stop)
    }

    /// Goes on at SIGHUP, which would end the process at once.
    #[cfg(unix)]
    pub(super) fn outlast_hangup(&self) -> Result<(), Error> {
        let hung_up = Arc::clone(&self.hung_up);
        let registered = signal_hook::flag::register(signal_hook::consts::SIGHUP, hung_up);
        registered.map(drop).map_err(Error::Signals)
    }

    /// There is no such signal.
    #[cfg(not(unix))]
    pub(super) fn outlast_hangup(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Waits for it, and looks after the threads that serve meanwhile: `ended` names one that has ended by itself.
    pub(super) fn wait(&self, ended: impl Fn() -> Option<&'static str>) -> Result<(), Error> {
        while !self.wished.load(Ordering::Relaxed) {
            if let Some(part) = ended() {
                return Err(Error::Ended(part));
            }
            if self.hung_up.swap(false, Ordering::Relaxed) {
                tracing::warn!("SIGHUP changes nothing: settings are read at the start only");
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
        let stop = Stop::default();
        let looks = Cell::new(0);
        let ended = || {
            looks.set(looks.get() + 1);
            (looks.get() == 3).then_some("the hub")
        };
        let error = stop.wait(ended).unwrap_err();
        assert!(matches!(error, Error::Ended("the hub")), "{error}");
        assert!(error.to_string().contains("the hub"), "{error}");
        stop.wished.store(true, Ordering::Relaxed);
        stop.wait(|| Some("the hub")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn regression_a_hub_goes_on_when_its_terminal_closes() {
        let stop = Stop::default();
        stop.outlast_hangup().unwrap();
        // Would kill this process.
        signal_hook::low_level::raise(signal_hook::consts::SIGHUP).unwrap();
        assert!(stop.hung_up.load(Ordering::Relaxed));
        let looks = Cell::new(0);
        let ended = || {
            looks.set(looks.get() + 1);
            (looks.get() == 2).then_some("the hub")
        };
        stop.wait(ended).unwrap_err();
        assert_eq!(looks.get(), 2, "it was not stopped");
        assert!(!stop.hung_up.load(Ordering::Relaxed), "it is told once");
    }
}
