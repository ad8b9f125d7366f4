//! How an interface is driven, as far as [`role`] needs to know.

use std::sync::Arc;
use std::time::Duration;

use bowline_core::time::Timestamp;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::lobby::Lobby;
use crate::driver::lobby::LobbyState;
use crate::driver::reactor::Reactor;
use crate::driver::reactor::TimerRunner;
use crate::driver::sync::role;
use crate::driver::sync::role::Drive;

impl Inner {
    /// Waits until `is_ready`, driving the sockets if nobody else has to. Tells whether it is ready.
    pub(crate) fn wait(
        self: &Arc<Self>,
        timeout: Duration,
        is_ready: impl Fn(&LobbyState) -> bool,
    ) -> bool {
        role::wait(self, timeout, is_ready)
    }

    /// Drives once, without sleeping, unless somebody else drives. Tells whether something is to be read.
    pub(crate) fn poll(self: &Arc<Self>) -> bool {
        role::poll(self, |reactor| {
            reactor.turn(self, Timestamp::ZERO);
            if self.lobby.is_watched() {
                reactor.sleep_outside(self);
            }
        })
    }
}

/// The service thread.
pub(crate) fn run(inner: &Arc<Inner>) {
    let mut timers = ServiceTimers {
        runner: TimerRunner::new(),
        follow: Followup::for_driver(),
    };
    role::serve(inner, &mut timers);
}

/// What the service thread looks after the timers with while an application drives.
#[derive(Debug)]
pub(crate) struct ServiceTimers {
    runner: TimerRunner,
    follow: Followup,
}

impl Drive for Arc<Inner> {
    type Role = Box<Reactor>;
    type Timers = ServiceTimers;

    fn lobby(&self) -> &Lobby {
        &self.lobby
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn turn(&self, reactor: &mut Box<Reactor>, latest: Timestamp) {
        reactor.turn(self, latest);
    }

    fn wake(&self) {
        self.waker.wake();
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.lock().next()
    }

    fn run_timers(&self, timers: &mut ServiceTimers) {
        let ServiceTimers { runner, follow } = timers;
        runner.run(self, follow);
        self.follow_up(follow);
    }
}
