//! A handle that an application watches in its own event loop.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
#[cfg(windows)]
use std::os::windows::io::{AsRawHandle, RawHandle};
use std::sync::PoisonError;

#[cfg(loom)]
use loom::sync::Mutex;
#[cfg(not(loom))]
use std::sync::Mutex;

use crate::sys::EventHandle;

/// A flag that the operating system can wait for: readable for as long as it is set.
///
/// On Unix it is a file descriptor for poll, epoll or kqueue, on Windows a manual-reset event. Only
/// watch it; reading from it takes away what [`Signal::clear`] looks for.
#[derive(Debug)]
pub struct Signal {
    event: EventHandle,
    /// Held across the system call, so that a set and a clear at once cannot leave the handle saying
    /// something else than the flag.
    is_set: Mutex<bool>,
}

impl Signal {
    /// A signal that is not set.
    ///
    /// # Errors
    /// If the system has no handles left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            event: EventHandle::new()?,
            is_set: Mutex::new(false),
        })
    }

    /// Makes the handle readable. A system call only if it was not.
    pub fn set(&self) {
        let mut is_set = self.is_set.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_set {
            self.event.set();
            *is_set = true;
        }
    }

    /// Makes the handle unreadable. A system call only if it was readable.
    pub fn clear(&self) {
        let mut is_set = self.is_set.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_set {
            self.event.clear();
            *is_set = false;
        }
    }

    /// Whether the signal is set.
    pub fn is_set(&self) -> bool {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(unix)]
impl AsRawFd for Signal {
    fn as_raw_fd(&self) -> RawFd {
        self.event.as_fd().as_raw_fd()
    }
}

#[cfg(windows)]
impl AsRawHandle for Signal {
    fn as_raw_handle(&self) -> RawHandle {
        self.event.as_raw_handle()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use mio::unix::SourceFd;
    use mio::{Events, Interest, Poll, Token};

    use super::*;

    fn readable(signal: &Signal) -> bool {
        // A new poll each time: registering reports the level, as a level-triggered loop sees it.
        let mut poll = Poll::new().unwrap();
        poll.registry()
            .register(
                &mut SourceFd(&signal.as_raw_fd()),
                Token(0),
                Interest::READABLE,
            )
            .unwrap();
        let mut events = Events::with_capacity(1);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        !events.is_empty()
    }

    #[test]
    fn is_readable_exactly_while_set() {
        let signal = Signal::new().unwrap();
        assert!(!readable(&signal) && !signal.is_set());
        signal.set();
        signal.set();
        assert!(readable(&signal) && readable(&signal) && signal.is_set());
        signal.clear();
        assert!(!readable(&signal));
        signal.clear();
        signal.set();
        assert!(readable(&signal));
    }

    #[test]
    fn set_and_clear_at_once_leave_handle_and_flag_in_agreement() {
        // Miri takes a thousand times as long, and tries other orders of the threads.
        const TIMES: u32 = if cfg!(miri) { 100 } else { 20_000 };
        let signal = Arc::new(Signal::new().unwrap());
        let setter = {
            let signal = Arc::clone(&signal);
            thread::spawn(move || (0..TIMES).for_each(|_| signal.set()))
        };
        (0..TIMES).for_each(|_| signal.clear());
        setter.join().unwrap();
        assert_eq!(readable(&signal), signal.is_set());
        signal.clear();
        assert!(!readable(&signal));
    }
}
