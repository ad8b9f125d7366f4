//! A timer with microseconds: what waits in epoll counts in whole milliseconds.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::sys::unix::check;

/// A deadline that makes a poll return, on the clock of [`super::monotonic_us`].
#[derive(Debug)]
pub(crate) struct DeadlineTimer {
    fd: OwnedFd,
    /// When it goes off, 0 if it is not set or has gone off.
    set_to_us: u64,
}

impl DeadlineTimer {
    /// Whether it replaces the timeout of a poll.
    pub(crate) const REPLACES_TIMEOUT: bool = true;

    /// A timer that reports to `token`.
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = check(unsafe {
            libc::timerfd_create(libc::CLOCK_BOOTTIME, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK)
        })?;
        // SAFETY: the descriptor was just made and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        registry.register(&mut SourceFd(&fd.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { fd, set_to_us: 0 })
    }

    /// Makes sure that the timer goes off at `deadline_us` or earlier.
    ///
    /// A timer that is set to go off earlier stays as it is: deadlines move back with every packet,
    /// and one wake for nothing now and then costs less than a system call each time.
    pub(crate) fn arm(&mut self, deadline_us: u64, now_us: u64) -> io::Result<()> {
        let pending = self.set_to_us > now_us;
        if pending && self.set_to_us <= deadline_us {
            return Ok(());
        }
        // All zero would switch it off.
        let deadline_us = deadline_us.max(1);
        let setting = libc::itimerspec {
            it_interval: time_spec(0),
            it_value: time_spec(deadline_us),
        };
        // SAFETY: `setting` lives across the call; the old setting is not asked for.
        check(unsafe {
            libc::timerfd_settime(
                self.fd.as_raw_fd(),
                libc::TFD_TIMER_ABSTIME,
                &raw const setting,
                ptr::null_mut(),
            )
        })?;
        self.set_to_us = deadline_us;
        Ok(())
    }
}

fn time_spec(us: u64) -> libc::timespec {
    // A time beyond what the system can hold is never reached either way.
    let seconds = libc::time_t::try_from(us / 1_000_000).unwrap_or(libc::time_t::MAX);
    libc::timespec {
        tv_sec: seconds,
        tv_nsec: ((us % 1_000_000) * 1_000) as libc::c_long,
    }
}
