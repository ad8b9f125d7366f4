//! The threads that drive an interface, and what [`role`] needs to know of it.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bowline_core::time::Timestamp;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::lobby::Lobby;
use crate::driver::lobby::LobbyState;
use crate::driver::reactor::Reactor;
use crate::driver::reactor::TimerRunner;
use crate::driver::shard::ShardId;
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

    /// The same until something is to be read, or a waker ends it. Tells whether something is to be read.
    pub(crate) fn wait_for_news(self: &Arc<Self>, timeout: Duration) -> bool {
        // Taken with the lobby locked, so that one wake ends one wait.
        let was_woken = Cell::new(false);
        let is_done = |state: &LobbyState| {
            was_woken.set(was_woken.get() || self.lobby.take_woken());
            state.is_ready() || was_woken.get()
        };
        self.wait(timeout, is_done) && (!was_woken.get() || self.lobby.lock().is_ready())
    }

    /// The same until something is so that can only be looked at now and again. No lock is held then. Tells whether it was
    /// in time.
    pub(crate) fn wait_until(
        self: &Arc<Self>,
        timeout: Duration,
        mut is_so: impl FnMut() -> bool,
    ) -> bool {
        let end = self.clock.now() + timeout.into();
        loop {
            if is_so() {
                return true;
            }
            let left = Duration::from(end.since(self.clock.now()));
            if left.is_zero() || self.lobby.lock().shutdown {
                return false;
            }
            self.wait(left.min(LOOK_AGAIN), |_| false);
        }
    }

    /// Drives once, without sleeping, unless somebody else drives. Tells whether something is to be read.
    pub(crate) fn poll(self: &Arc<Self>) -> bool {
        role::poll(self, |reactor| self.turn_outside(reactor, Timestamp::ZERO))
    }

    /// Drives once, and sleeps until there is something to do, whatever waits to be read. Tells whether that
    /// was before the time was over.
    pub(crate) fn drive(self: &Arc<Self>, timeout: Duration) -> bool {
        role::turn_once(self, timeout, |reactor, latest| {
            self.turn_outside(reactor, latest);
        })
    }

    /// A turn, after which an outer event loop may do the sleeping.
    fn turn_outside(self: &Arc<Self>, reactor: &mut Reactor, latest: Timestamp) {
        reactor.turn(self, latest);
        if self.lobby.is_watched() {
            reactor.sleep_outside(self);
        }
    }
}

/// The service thread of the first shard, which takes turns with threads of the application.
pub(crate) fn run(inner: &Arc<Inner>) {
    let mut timers = ServiceTimers {
        runner: TimerRunner::new(ShardId::FIRST),
        follow: Followup::for_driver(),
    };
    role::serve(inner, &mut timers);
}

/// The service thread of a further shard.
pub(crate) fn run_further(inner: &Arc<Inner>, mut reactor: Reactor) {
    while !inner.shards.is_stopped() {
        reactor.turn(inner, Timestamp::NEVER);
    }
}

/// How often [`Inner::wait_until`] looks.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

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
        self.shards.first().wake();
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.shards.first().timers.lock().next()
    }

    fn run_timers(&self, timers: &mut ServiceTimers) {
        let ServiceTimers { runner, follow } = timers;
        runner.run(self, follow);
        self.follow_up(follow);
    }
}
