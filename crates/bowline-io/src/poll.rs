//! Waiting for sockets, deadlines and other threads, in one place.

use std::fmt;
use std::io;
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use bowline_core::time::Timestamp;
use mio::{Events, Interest, Token};

use crate::clock::Clock;
use crate::sys::DeadlineTimer;
use crate::udp::UdpSocket;

mod wake_flag;

use wake_flag::WakeFlag;

/// Waits until a registered socket is ready, a deadline passes or a [`Waker`] is used.
///
/// Readiness is told once per change: after a socket is reported, read it until nothing is left. On
/// Linux and Android a deadline is met to within tens of microseconds, on macOS and the BSDs as
/// precisely as kqueue does it, elsewhere to the next millisecond.
#[derive(Debug)]
pub struct Poller {
    poll: mio::Poll,
    events: Events,
    timer: DeadlineTimer,
    waker: Waker,
}

impl Poller {
    /// A poller with nothing registered.
    ///
    /// # Errors
    /// If the system has no handles left.
    pub fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let timer = DeadlineTimer::new(poll.registry(), TIMER)?;
        let waker = Waker(Arc::new(WakerState {
            waker: mio::Waker::new(poll.registry(), WAKER)?,
            pending: WakeFlag::new(),
        }));
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_POLL),
            timer,
            waker,
        })
    }

    /// Waits, at most until `deadline` on `clock`, and puts the tokens of ready sockets in `ready`.
    ///
    /// `ready` is cleared first. It stays empty if the deadline has passed or somebody used the
    /// waker. A deadline in the past looks without waiting; without one the wait may be forever.
    ///
    /// # Errors
    /// If the system refuses to wait.
    pub fn wait(
        &mut self,
        deadline: Option<Timestamp>,
        clock: &Clock,
        ready: &mut Vec<usize>,
    ) -> io::Result<()> {
        ready.clear();
        loop {
            let now = clock.now();
            let timeout = self.timeout(deadline, now, clock)?;
            match self.poll.poll(&mut self.events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let was_woken = self.collect(ready);
            // What is left is a timer that was set for an earlier deadline: wait on.
            if was_woken || !ready.is_empty() || deadline.is_some_and(|at| at <= clock.now()) {
                return Ok(());
            }
        }
    }

    /// Reports `socket` as `token` whenever something arrives on it.
    ///
    /// # Errors
    /// If the socket is registered already, or `token` is one of the two highest numbers, which are
    /// taken.
    pub fn register(&self, socket: &UdpSocket, token: usize) -> io::Result<()> {
        let token = checked(token)?;
        socket.register(self.poll.registry(), token, Interest::READABLE)
    }

    /// Whether to report a registered `socket` also when it can be written to again.
    ///
    /// Ask for it when a send was blocked, and only then: the system reports it for every datagram
    /// that leaves.
    ///
    /// # Errors
    /// If the socket is not registered here.
    pub fn watch_writable(&self, socket: &UdpSocket, token: usize, watch: bool) -> io::Result<()> {
        let interest = if watch {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::READABLE
        };
        socket.reregister(self.poll.registry(), checked(token)?, interest)
    }

    /// Stops reporting `socket`. Closing it does the same.
    ///
    /// # Errors
    /// If the socket is not registered here.
    pub fn deregister(&self, socket: &UdpSocket) -> io::Result<()> {
        socket.deregister(self.poll.registry())
    }

    /// What ends a wait from another thread.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Makes the file descriptor of this poller readable at `deadline`, or shortly before.
    ///
    /// For an event loop outside that watches the descriptor and calls [`Poller::wait`] with a
    /// deadline in the past when it is readable. Linux and Android only: elsewhere the descriptor
    /// knows no deadlines, and the loop outside must bound its own wait.
    ///
    /// # Errors
    /// If the system refuses to set the timer.
    pub fn arm(&mut self, deadline: Timestamp, clock: &Clock) -> io::Result<()> {
        let now_us = clock.system_us(clock.now());
        self.timer.arm(clock.system_us(deadline), now_us)
    }

    /// How long the poll itself should wait, after setting the timer if there is one.
    fn timeout(
        &mut self,
        deadline: Option<Timestamp>,
        now: Timestamp,
        clock: &Clock,
    ) -> io::Result<Option<Duration>> {
        let Some(deadline) = deadline.filter(|&at| at != Timestamp::NEVER) else {
            return Ok(None);
        };
        let left = deadline.since(now);
        if left.is_zero() || !DeadlineTimer::REPLACES_TIMEOUT {
            return Ok(Some(left.into()));
        }
        let (deadline_us, now_us) = (clock.system_us(deadline), clock.system_us(now));
        self.timer.arm(deadline_us, now_us)?;
        Ok(None)
    }

    /// Sorts the events: tokens of sockets go to `ready`, use of the waker is returned.
    fn collect(&self, ready: &mut Vec<usize>) -> bool {
        let mut was_woken = false;
        for event in &self.events {
            match event.token() {
                TIMER => {}
                WAKER => {
                    self.waker.0.pending.lower();
                    was_woken = true;
                }
                Token(token) => ready.push(token),
            }
        }
        was_woken
    }
}

#[cfg(unix)]
impl AsRawFd for Poller {
    /// The descriptor of the poll itself, which is readable when a socket or the waker is.
    fn as_raw_fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }
}

/// Ends a wait of a [`Poller`] from another thread.
#[derive(Clone)]
pub struct Waker(Arc<WakerState>);

struct WakerState {
    waker: mio::Waker,
    pending: WakeFlag,
}

impl Waker {
    /// Makes the current wait return, or the next one if nobody waits.
    ///
    /// What was done before the call is seen by the thread after its wait. Many calls before that
    /// thread gets to run count as one.
    pub fn wake(&self) {
        if !self.0.pending.raise() {
            return;
        }
        if let Err(error) = self.0.waker.wake() {
            self.0.pending.lower();
            tracing::warn!(%error, "cannot wake the waiting thread");
        }
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker")
            .field("pending", &self.0.pending)
            .finish()
    }
}

fn checked(token: usize) -> io::Result<Token> {
    let token = Token(token);
    if token == TIMER || token == WAKER {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this token is taken by the poller itself",
        ));
    }
    Ok(token)
}

const TIMER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
/// A process has a handful of sockets; more events than this wait for the next poll.
const EVENTS_PER_POLL: usize = 64;

#[cfg(test)]
mod tests;
