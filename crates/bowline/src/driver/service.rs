//! Who drives: the service thread, or an application thread that waits.
//!
//! An application thread inside a wait takes the role from the service thread, so that a message goes
//! from the socket to its reader without a hand-over between threads. The service thread stays off for
//! a moment after a wait, looking after timers only, and resumes when the application does not come back.

use std::sync::Arc;
use std::time::Duration;

use bowline_core::time::Span;
use bowline_core::time::Timestamp;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::limits;
use crate::driver::lobby::LobbyState;
use crate::driver::lobby::Service;
use crate::driver::lock_order::Guard;
use crate::driver::reactor::Reactor;
use crate::driver::reactor::TimerRunner;

impl Inner {
    /// Waits until `is_ready`, driving the sockets if nobody else has to. Tells whether it is ready.
    pub(crate) fn wait(
        self: &Arc<Self>,
        timeout: Duration,
        is_ready: impl Fn(&LobbyState) -> bool,
    ) -> bool {
        let deadline = self.clock.now() + Span::from(timeout);
        let mut may_drive_once = true;
        let mut lobby = self.lobby.lock();
        lobby.waiters += 1;
        let ready = loop {
            if is_ready(&lobby) {
                break true;
            }
            let left = Duration::from(deadline.since(self.clock.now()));
            if lobby.shutdown || (left.is_zero() && !may_drive_once) {
                break false;
            }
            if let Some(reactor) = lobby.reactor.take() {
                may_drive_once = false;
                drop(lobby);
                let reactor = self.drive(reactor, deadline, &is_ready);
                lobby = self.lobby.lock();
                lobby.reactor = Some(reactor);
                lobby.last_drive = Some(self.clock.now());
                continue;
            }
            if left.is_zero() {
                break false;
            }
            if lobby.service == Service::Driving && !self.lobby.is_let_go() {
                self.lobby.set_let_go(true);
                drop(lobby);
                self.waker.wake();
                lobby = self.lobby.lock();
                continue;
            }
            lobby = self.lobby.sleep(lobby, Some(left));
        };
        self.leave(lobby);
        ready
    }

    /// Drives once, without sleeping, unless somebody else drives. Tells whether something is to be read.
    pub(crate) fn poll(self: &Arc<Self>) -> bool {
        let mut lobby = self.lobby.lock();
        lobby.waiters += 1;
        if let Some(mut reactor) = lobby.reactor.take() {
            drop(lobby);
            reactor.turn(self, Timestamp::ZERO);
            if self.lobby.is_watched() {
                reactor.sleep_outside(self);
            }
            lobby = self.lobby.lock();
            lobby.reactor = Some(reactor);
            lobby.last_drive = Some(self.clock.now());
        }
        let ready = lobby.is_ready();
        self.leave(lobby);
        ready
    }

    fn drive(
        self: &Arc<Self>,
        mut reactor: Box<Reactor>,
        deadline: Timestamp,
        is_ready: &impl Fn(&LobbyState) -> bool,
    ) -> Box<Reactor> {
        loop {
            self.lobby.set_app_asleep(true);
            let lobby = self.lobby.lock();
            let done = is_ready(&lobby) || lobby.shutdown;
            drop(lobby);
            if done {
                self.lobby.set_app_asleep(false);
                return reactor;
            }
            reactor.turn(self, deadline);
            if self.clock.now() >= deadline {
                return reactor;
            }
        }
    }

    /// Ends a wait: whoever is to drive next is told.
    fn leave(&self, mut lobby: Guard<'_, LobbyState>) {
        lobby.waiters -= 1;
        let wake_service = lobby.waiters == 0 && lobby.service == Service::Parked;
        let wake_others = lobby.sleepers > 0 && lobby.reactor.is_some();
        drop(lobby);
        if wake_others {
            self.lobby.notify();
        }
        if wake_service {
            self.lobby.notify_service();
        }
    }
}

/// The service thread.
pub(crate) fn run(inner: &Arc<Inner>) {
    let mut timers = TimerRunner::new();
    let mut follow = Followup::for_driver();
    let mut lobby = inner.lobby.lock();
    while !lobby.shutdown {
        if lobby.waiters > 0 {
            lobby.service = Service::Parked;
            lobby = inner.lobby.service_sleep(lobby, None);
            continue;
        }
        let now = inner.clock.now();
        let grace = lobby
            .last_drive
            .map_or(Timestamp::ZERO, |at| at + limits::WAIT_GRACE);
        if now < grace {
            lobby.service = Service::Grace;
            let until = inner
                .timers
                .lock()
                .next()
                .map_or(grace, |next| next.min(grace));
            if until > now {
                let pause = Duration::from(until.since(now));
                lobby = inner.lobby.service_sleep(lobby, Some(pause));
                continue;
            }
            drop(lobby);
            timers.run(inner, &mut follow);
            inner.follow_up(&mut follow);
            lobby = inner.lobby.lock();
            continue;
        }
        // Without waiters nobody but this thread takes the role out, and it puts it back each time.
        let Some(reactor) = lobby.reactor.take() else {
            lobby = inner.lobby.service_sleep(lobby, None);
            continue;
        };
        lobby.service = Service::Driving;
        inner.lobby.set_let_go(false);
        drop(lobby);
        let reactor = drive_until_asked(inner, reactor);
        lobby = inner.lobby.lock();
        lobby.reactor = Some(reactor);
        lobby.service = Service::Parked;
        if lobby.sleepers > 0 {
            inner.lobby.notify();
        }
    }
}

fn drive_until_asked(inner: &Arc<Inner>, mut reactor: Box<Reactor>) -> Box<Reactor> {
    loop {
        if inner.lobby.is_let_go() {
            return reactor;
        }
        reactor.turn(inner, Timestamp::NEVER);
    }
}
