//! Who drives: the service thread, or an application thread that waits or polls all the time.
//!
//! An application thread inside a wait takes the role from the service thread, so that a message goes
//! from the socket to its reader without a hand-over between threads. The service thread stays off for
//! a moment after a wait, looking after timers only, and resumes when the application does not come back.
//! While waits follow one another closely it looks up once in each such moment, and parks when one lasts: to
//! wake it after each wait would cost more than the waits. Only for a timer that is due earlier it is woken.
//!
//! An application that polls takes the role as well, but only once it polls busily: when a poll comes within
//! that moment after the last one, the service thread is asked to step back. Otherwise each datagram would wake
//! it beside a thread that asks for nothing else. A poll per frame leaves the role where it is. Busy polls handle
//! the timers too, so that the service thread only looks once in each moment whether they go on; the first
//! timer after the last of them is late by one such moment at most.
//!
//! A service thread can be dismissed: it puts the role down as if it had been asked to, wakes those who wait,
//! and ends.

use std::time::Duration;

use bowline_core::time::Span;
use bowline_core::time::Timestamp;

use crate::builder::ServiceMode;
use crate::driver::limits;
use crate::driver::lobby::Lobby;
use crate::driver::lobby::LobbyState;
use crate::driver::lobby::Service;
use crate::driver::lock_order::Guard;

/// An interface, as far as driving it goes.
pub(crate) trait Drive {
    /// The role of driving, as a value.
    type Role;
    /// What the service thread looks after the timers with while it does not have the role.
    type Timers;

    fn lobby(&self) -> &Lobby<Self::Role>;

    fn now(&self) -> Timestamp;

    /// Sleeps until there is something to do, but not beyond `latest`, and does that.
    /// Once awake it takes back that an application thread is asleep.
    fn turn(&self, role: &mut Self::Role, latest: Timestamp);

    /// Ends the sleep of a turn, or the next one if nobody sleeps.
    fn wake(&self);

    /// When the next timer is due.
    fn next_deadline(&self) -> Option<Timestamp>;

    /// Handles the timers that are due, without the role.
    fn run_timers(&self, timers: &mut Self::Timers);
}

/// Waits until `is_ready`, driving the sockets if nobody else has to. Tells whether it is ready. Without a
/// timeout that is a poll, unless it is ready.
pub(crate) fn wait<D: Drive>(
    host: &D,
    timeout: Duration,
    is_ready: impl Fn(&LobbyState<D::Role>) -> bool,
) -> bool {
    let mut lobby = host.lobby().lock();
    if is_ready(&lobby) {
        return true;
    }
    let timeout = Span::from(timeout);
    if timeout.is_zero() {
        return look(
            host,
            lobby,
            |role| host.turn(role, Timestamp::ZERO),
            is_ready,
        );
    }
    let mut now = host.now();
    let deadline = now + timeout;
    lobby.waiters += 1;
    let ready = loop {
        if is_ready(&lobby) {
            break true;
        }
        let left = Duration::from(deadline.since(now));
        if lobby.shutdown || left.is_zero() {
            break false;
        }
        if let Some(role) = lobby.reactor.take() {
            drop(lobby);
            let role = drive(host, role, deadline, &is_ready);
            now = host.now();
            lobby = host.lobby().lock();
            lobby.reactor = Some(role);
            lobby.last_drive = Some(now);
            continue;
        }
        lobby = await_role(host, lobby, left);
        now = host.now();
    };
    lobby.last_poll = None;
    leave(host, lobby);
    ready
}

/// Asks whoever drives for the role, or sleeps until there is news of it, at most for what is left.
fn await_role<'a, D: Drive>(
    host: &'a D,
    lobby: Guard<'a, LobbyState<D::Role>>,
    left: Duration,
) -> Guard<'a, LobbyState<D::Role>> {
    if lobby.service == Service::Driving && !host.lobby().is_let_go() {
        ask_for_role(host, lobby)
    } else {
        host.lobby().sleep(lobby, Some(left))
    }
}

/// Has `turn` done once by this thread, which may sleep in it until there is something to do, at most
/// `timeout`, whatever waits to be read. Tells whether it ended before the time was over. While somebody else
/// drives the role is waited for, not longer than that.
pub(crate) fn turn_once<D: Drive>(
    host: &D,
    timeout: Duration,
    turn: impl FnOnce(&mut D::Role, Timestamp),
) -> bool {
    let mut now = host.now();
    let deadline = now + Span::from(timeout);
    let mut lobby = host.lobby().lock();
    lobby.waiters += 1;
    let has_turned = loop {
        if let Some(mut role) = lobby.reactor.take() {
            let latest = if lobby.shutdown {
                Timestamp::ZERO
            } else {
                deadline
            };
            drop(lobby);
            turn(&mut role, latest);
            now = host.now();
            lobby = host.lobby().lock();
            lobby.reactor = Some(role);
            lobby.last_drive = Some(now);
            break now < deadline;
        }
        let left = Duration::from(deadline.since(now));
        if lobby.shutdown || left.is_zero() {
            break false;
        }
        lobby = await_role(host, lobby, left);
        now = host.now();
    };
    lobby.last_poll = None;
    leave(host, lobby);
    has_turned
}

/// Has `turn` done once, unless somebody else drives. Tells whether something is to be read.
pub(crate) fn poll<D: Drive>(host: &D, turn: impl FnOnce(&mut D::Role)) -> bool {
    look(host, host.lobby().lock(), turn, LobbyState::is_ready)
}

/// A look at the sockets without sleeping.
fn look<'a, D: Drive>(
    host: &'a D,
    mut lobby: Guard<'a, LobbyState<D::Role>>,
    turn: impl FnOnce(&mut D::Role),
    is_ready: impl Fn(&LobbyState<D::Role>) -> bool,
) -> bool {
    let now = host.now();
    let is_busy = lobby
        .last_poll
        .is_some_and(|at| now < at + limits::WAIT_GRACE);
    lobby.last_poll = Some(now);
    if let Some(mut role) = lobby.reactor.take() {
        lobby.waiters += 1;
        drop(lobby);
        turn(&mut role);
        let now = host.now();
        lobby = host.lobby().lock();
        lobby.reactor = Some(role);
        lobby.last_drive = Some(now);
        lobby.last_poll = Some(now);
        let ready = is_ready(&lobby);
        leave(host, lobby);
        return ready;
    }
    if is_busy && lobby.service == Service::Driving {
        // As if it had driven: the service thread steps back for a moment, however long its turn takes.
        lobby.last_drive = Some(now);
        if !host.lobby().is_let_go() {
            lobby = ask_for_role(host, lobby);
        }
    }
    is_ready(&lobby)
}

/// The service thread, until the interface ends or has the application do it all.
pub(crate) fn serve<D: Drive>(host: &D, timers: &mut D::Timers) {
    let mut lobby = host.lobby().lock();
    while !lobby.shutdown && lobby.mode == ServiceMode::Thread {
        let now = host.now();
        let grace = lobby
            .last_drive
            .map_or(Timestamp::ZERO, |at| at + limits::WAIT_GRACE);
        if lobby.waiters > 0 || (now < grace && lobby.last_poll.is_some()) {
            let pause = (now < grace).then(|| Duration::from(grace.since(now)));
            lobby.service = match pause {
                Some(_) => Service::Watching { until: grace },
                None => Service::Parked,
            };
            lobby = host.lobby().service_sleep(lobby, pause);
            continue;
        }
        if now < grace {
            lobby.service = Service::Grace;
            let until = host.next_deadline().map_or(grace, |next| next.min(grace));
            if until > now {
                let pause = Duration::from(until.since(now));
                lobby = host.lobby().service_sleep(lobby, Some(pause));
                continue;
            }
            drop(lobby);
            host.run_timers(timers);
            lobby = host.lobby().lock();
            continue;
        }
        // Without waiters nobody but this thread takes the role out, and it puts it back each time.
        let Some(role) = lobby.reactor.take() else {
            lobby = host.lobby().service_sleep(lobby, None);
            continue;
        };
        lobby.service = Service::Driving;
        host.lobby().set_let_go(false);
        drop(lobby);
        let role = drive_until_asked(host, role);
        lobby = host.lobby().lock();
        lobby.reactor = Some(role);
        lobby.service = Service::Parked;
        if lobby.sleepers > 0 {
            host.lobby().notify();
        }
    }
    lobby.service = Service::Absent;
}

fn drive<D: Drive>(
    host: &D,
    mut role: D::Role,
    deadline: Timestamp,
    is_ready: &impl Fn(&LobbyState<D::Role>) -> bool,
) -> D::Role {
    loop {
        host.lobby().set_app_asleep(true);
        let lobby = host.lobby().lock();
        let done = is_ready(&lobby) || lobby.shutdown;
        drop(lobby);
        if done {
            host.lobby().set_app_asleep(false);
            return role;
        }
        host.turn(&mut role, deadline);
        if host.now() >= deadline {
            return role;
        }
    }
}

fn drive_until_asked<D: Drive>(host: &D, mut role: D::Role) -> D::Role {
    loop {
        if host.lobby().is_let_go() {
            return role;
        }
        host.turn(&mut role, Timestamp::NEVER);
    }
}

/// Asks the service thread to put the role down.
fn ask_for_role<'a, D: Drive>(
    host: &'a D,
    lobby: Guard<'a, LobbyState<D::Role>>,
) -> Guard<'a, LobbyState<D::Role>> {
    host.lobby().set_let_go(true);
    drop(lobby);
    host.wake();
    host.lobby().lock()
}

/// Ends a wait or a poll: whoever is to drive next is told.
fn leave<D: Drive>(host: &D, mut lobby: Guard<'_, LobbyState<D::Role>>) {
    lobby.waiters -= 1;
    let wake_service = lobby.waiters == 0
        && match lobby.service {
            Service::Parked => true,
            Service::Watching { until } => {
                let is_polled = lobby.last_poll.is_some();
                !is_polled && host.next_deadline().is_some_and(|next| next < until)
            }
            Service::Absent | Service::Driving | Service::Grace => false,
        };
    let wake_others = lobby.sleepers > 0 && lobby.reactor.is_some();
    drop(lobby);
    if wake_others {
        host.lobby().notify();
    }
    if wake_service {
        host.lobby().notify_service();
    }
}
