//! When to finish: at the end of standard input, or at Ctrl-C.

use std::io;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;

use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;

use crate::error::Error;

/// The wish of the user to finish, shared between threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Set by the first Ctrl-C or request to terminate; the second one kills the process.
    pub(crate) fn on_signal() -> Result<Self, Error> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // The order matters: what is registered first runs first.
            let second = Arc::clone(&stop.0);
            signal_hook::flag::register_conditional_default(signal, second)
                .map_err(Error::Signals)?;
            signal_hook::flag::register(signal, Arc::clone(&stop.0)).map_err(Error::Signals)?;
        }
        Ok(stop)
    }

    /// Also set when standard input ends. What comes in before is handed over line by line, on a
    /// thread of its own.
    pub(crate) fn at_end_of_input(&self, mut each_line: impl FnMut(&str) + Send + 'static) {
        let stop = self.clone();
        thread::spawn(move || {
            for line in io::stdin().lock().split(b'\n') {
                let Ok(line) = line else { break };
                let line = line.strip_suffix(b"\r").unwrap_or(&line);
                each_line(&String::from_utf8_lossy(line));
            }
            stop.set();
        });
    }

    /// Asks to finish.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is time to finish.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
