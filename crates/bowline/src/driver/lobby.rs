//! Where threads meet: the event queue, what is unread, and the role of driving the sockets.
//!
//! The role is a value, the [`Reactor`], that lies here while nobody drives; whoever takes it out
//! drives. So no lock is held while a thread sleeps in the operating system.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bowline_core::time::Timestamp;
use bowline_io::handle::Signal;

use crate::builder::ServiceMode;
use crate::driver::limits::MAX_STATUS_EVENTS;
use crate::driver::lock_order::Guard;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::lock_order::assert_none_held;
use crate::driver::reactor::Reactor;
use crate::driver::shard::ShardId;
use crate::driver::shard::ShardSet;
use crate::driver::sync::primitives::AtomicBool;
use crate::driver::sync::primitives::Condvar;
use crate::driver::sync::primitives::Mutex;
use crate::events::Event;

/// What the application is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// Events that may wait before no connection is made any more.
    pub(crate) max_events: usize,
    /// Nothing is told but what a binding has set a callback for.
    pub(crate) callbacks_only: bool,
}

impl Told {
    /// Everything.
    pub(crate) const fn all(max_events: usize) -> Self {
        Self {
            max_events,
            callbacks_only: false,
        }
    }
}

/// The meeting place of all threads of a sockets interface, which is driven with an `R`.
#[derive(Debug)]
pub(crate) struct Lobby<R = Box<Reactor>> {
    /// Events that may wait before no connection is made any more.
    max_events: usize,
    /// Nothing is told but what a binding has set a callback for, and the three below.
    callbacks_only: bool,
    /// Room in send buffers is told all the same.
    tells_writable: AtomicBool,
    /// The end of our certificate is told all the same.
    tells_expiring: AtomicBool,
    /// The same of sessions of packets.
    tells_packets: AtomicBool,
    state: Lock<LobbyState<R>>,
    /// Notified when something became ready or the role of driving became free.
    changed: Condvar,
    /// The service thread sleeps on this one while applications drive.
    service: Condvar,
    /// An application thread that drives is asleep, or about to look whether it should be.
    app_asleep: AtomicBool,
    /// The service thread shall hand over the role.
    let_go: AtomicBool,
    /// An outer event loop watches the poller and calls `poll` when it is readable.
    is_watched: AtomicBool,
    /// A wait is to end though there is nothing to read.
    is_woken: AtomicBool,
    /// What an outer event loop watches; made when first asked for.
    signal: OnceLock<Signal>,
    /// Held while the signal is brought in line with what is unread, so that it tells the latest.
    signal_turn: Mutex<()>,
}

/// What the lobby's lock protects.
#[derive(Debug)]
pub(crate) struct LobbyState<R = Box<Reactor>> {
    /// The role of driving, while nobody has it.
    pub(crate) reactor: Option<R>,
    events: VecDeque<Event>,
    /// Connections that have unread messages.
    unread: usize,
    /// Application threads asleep on `changed`.
    pub(crate) sleepers: usize,
    /// Application threads inside a wait, or driving in a poll.
    pub(crate) waiters: usize,
    /// When an application last drove, or asked to.
    pub(crate) last_drive: Option<Timestamp>,
    /// When an application last polled; `None` if it has slept in a wait since.
    pub(crate) last_poll: Option<Timestamp>,
    /// Whether there shall be a service thread.
    pub(crate) mode: ServiceMode,
    /// What the service thread does.
    pub(crate) service: Service,
    /// The interface is being dropped.
    pub(crate) shutdown: bool,
}

/// What the service thread does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Service {
    /// There is none, or it has not started, or was dismissed.
    Absent,
    /// It drives.
    Driving,
    /// It looks after timers until the application has not driven for a while.
    Grace,
    /// It sleeps while the application drives or polls all the time, but looks again by itself.
    Watching {
        /// When.
        until: Timestamp,
    },
    /// It sleeps until the application has stopped driving.
    Parked,
}

/// What has to be done once no lock is held.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nudge {
    /// The shards whose drivers are to be woken from their sleep.
    pub(crate) wake: ShardSet,
    pub(crate) notify: bool,
    pub(crate) signal: bool,
}

impl<R> LobbyState<R> {
    /// Whether an event or a message waits to be read.
    pub(crate) fn is_ready(&self) -> bool {
        self.unread > 0 || !self.events.is_empty()
    }

    /// Whether a message waits to be read.
    #[cfg(all(test, loom))]
    pub(crate) fn has_unread(&self) -> bool {
        self.unread > 0
    }

    /// Makes room for what tells how it stands with our certificate. Nobody reads, and the latest counts.
    fn forget_old_status(&mut self) {
        let is_status = |event: &Event| matches!(event, Event::AuthenticationChanged { .. });
        if self.events.iter().filter(|event| is_status(event)).count() >= MAX_STATUS_EVENTS
            && let Some(oldest) = self.events.iter().position(is_status)
        {
            self.events.remove(oldest);
        }
    }

    /// How many events wait to be read.
    pub(crate) fn events(&self) -> usize {
        self.events.len()
    }
}

impl<R> Lobby<R> {
    pub(crate) fn new(told: Told) -> Self {
        Self {
            max_events: told.max_events,
            callbacks_only: told.callbacks_only,
            tells_writable: AtomicBool::new(false),
            tells_expiring: AtomicBool::new(false),
            tells_packets: AtomicBool::new(false),
            state: Lock::new(
                Rank::Lobby,
                LobbyState {
                    reactor: None,
                    events: VecDeque::new(),
                    unread: 0,
                    sleepers: 0,
                    waiters: 0,
                    last_drive: None,
                    last_poll: None,
                    mode: ServiceMode::Thread,
                    service: Service::Absent,
                    shutdown: false,
                },
            ),
            changed: Condvar::new(),
            service: Condvar::new(),
            app_asleep: AtomicBool::new(false),
            let_go: AtomicBool::new(false),
            is_watched: AtomicBool::new(false),
            is_woken: AtomicBool::new(false),
            signal: OnceLock::new(),
            signal_turn: Mutex::new(()),
        }
    }

    pub(crate) fn lock(&self) -> Guard<'_, LobbyState<R>> {
        self.state.lock()
    }

    /// Queues an event, if the application is to be told; returns whether it is.
    pub(crate) fn push(&self, event: Event, nudge: &mut Nudge) -> bool {
        if self.callbacks_only && !self.is_wanted(&event) {
            is_over(&event);
            return false;
        }
        let mut state = self.lock();
        if matches!(event, Event::AuthenticationChanged { .. }) {
            state.forget_old_status();
        }
        state.events.push_back(event);
        self.became_ready(&state, nudge);
        true
    }

    /// Says whether room in send buffers is told from now on, whether or not only callbacks are.
    pub(crate) fn set_tells_writable(&self, tells: bool) {
        self.tells_writable.store(tells, Ordering::Relaxed);
    }

    /// Says whether the end of our certificate is told from now on, whether or not only callbacks are.
    pub(crate) fn set_tells_expiring(&self, tells: bool) {
        self.tells_expiring.store(tells, Ordering::Relaxed);
    }

    /// Says whether sessions of packets are told of from now on, whether or not only callbacks are.
    pub(crate) fn set_tells_packets(&self, tells: bool) {
        self.tells_packets.store(tells, Ordering::Relaxed);
    }

    /// Whether a binding wants to be told.
    fn is_wanted(&self, event: &Event) -> bool {
        match event {
            Event::ConnectionChanged(_)
            | Event::AuthenticationChanged { .. }
            | Event::MessagesSessionRequest { .. }
            | Event::MessagesSessionFailed { .. } => !event.callback().is_none(),
            Event::Writable(_) | Event::MessagesWritable { .. } | Event::PacketsWritable { .. } => {
                self.tells_writable.load(Ordering::Relaxed)
            }
            Event::PacketsSessionRequest { .. } | Event::PacketsSessionFailed { .. } => {
                self.tells_packets.load(Ordering::Relaxed)
            }
            Event::CertificateExpiring { .. } => self.tells_expiring.load(Ordering::Relaxed),
        }
    }

    /// Takes the oldest event.
    pub(crate) fn pop(&self, nudge: &mut Nudge) -> Option<Event> {
        let mut state = self.lock();
        let event = state.events.pop_front()?;
        self.became_read(&state, nudge);
        is_over(&event);
        Some(event)
    }

    /// Whether no connection may be made any more, besides `coming` ones of the caller whose events are not
    /// queued yet. Threads that ask at the same time do not know of each other's.
    pub(crate) fn is_full(&self, coming: usize) -> bool {
        self.lock().events.len() + coming >= self.max_events
    }

    /// Notes that a connection has unread messages now.
    pub(crate) fn unread(&self, nudge: &mut Nudge) {
        let mut state = self.lock();
        state.unread += 1;
        self.became_ready(&state, nudge);
    }

    /// Notes that a connection has no unread messages any longer.
    pub(crate) fn all_read(&self, nudge: &mut Nudge) {
        let mut state = self.lock();
        state.unread = state.unread.saturating_sub(1);
        self.became_read(&state, nudge);
    }

    /// Gives up all that waits to be read, which holds connections, and they the interface; and the means
    /// of driving, except while an outer event loop watches them.
    pub(crate) fn clear(&self) -> (VecDeque<Event>, Option<R>) {
        let mut state = self.lock();
        state.unread = 0;
        let reactor = if self.is_watched() {
            None
        } else {
            state.reactor.take()
        };
        (std::mem::take(&mut state.events), reactor)
    }

    /// Lets sleeping threads look again whether they are ready.
    pub(crate) fn look_again(&self, nudge: &mut Nudge) {
        let state = self.lock();
        self.became_ready(&state, nudge);
    }

    /// Ends the wait of a thread, now or once it waits.
    pub(crate) fn wake_waiter(&self, nudge: &mut Nudge) {
        let state = self.lock();
        self.is_woken.store(true, Ordering::Relaxed);
        self.became_ready(&state, nudge);
    }

    /// Whether a wait is to end; whoever asks ends its own. Asked with the lobby locked.
    pub(crate) fn take_woken(&self) -> bool {
        self.is_woken.load(Ordering::Relaxed) && self.is_woken.swap(false, Ordering::Relaxed)
    }

    /// Does what was noted while a lock was held. `wake` wakes the drivers of shards.
    pub(crate) fn act_on(&self, nudge: Nudge, wake: impl FnOnce(ShardSet)) {
        if !nudge.wake.is_empty() {
            wake(nudge.wake);
        }
        if nudge.notify {
            self.notify();
        }
        if nudge.signal {
            self.refresh_signal();
        }
    }

    /// Ends all waits and the service thread that takes turns with them.
    pub(crate) fn shut_down(&self, wake_poller: impl FnOnce()) {
        self.lock().shutdown = true;
        self.set_let_go(true);
        wake_poller();
        self.notify();
        self.notify_service();
    }

    /// Lets the service thread that takes turns with waits end; they and polls go on.
    pub(crate) fn dismiss_service(&self, wake_poller: impl FnOnce()) {
        self.lock().mode = ServiceMode::Manual;
        self.set_let_go(true);
        wake_poller();
        self.notify_service();
    }

    /// Wakes the application threads that sleep without driving.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Wakes the service thread if it is parked.
    pub(crate) fn notify_service(&self) {
        self.service.notify_one();
    }

    /// Sleeps until something may have changed, without driving.
    pub(crate) fn sleep<'a>(
        &self,
        mut state: Guard<'a, LobbyState<R>>,
        timeout: Option<Duration>,
    ) -> Guard<'a, LobbyState<R>> {
        state.sleepers += 1;
        let mut state = state.wait(&self.changed, timeout);
        state.sleepers -= 1;
        state
    }

    /// The sleep of the service thread while it does not drive.
    pub(crate) fn service_sleep<'a>(
        &self,
        state: Guard<'a, LobbyState<R>>,
        timeout: Option<Duration>,
    ) -> Guard<'a, LobbyState<R>> {
        state.wait(&self.service, timeout)
    }

    /// Says whether an application thread that drives is asleep or about to look whether it may be.
    pub(crate) fn set_app_asleep(&self, asleep: bool) {
        self.app_asleep.store(asleep, Ordering::SeqCst);
    }

    /// Asks the service thread to hand over the role, or takes that back.
    pub(crate) fn set_let_go(&self, let_go: bool) {
        self.let_go.store(let_go, Ordering::SeqCst);
    }

    /// Whether the service thread shall hand over the role.
    pub(crate) fn is_let_go(&self) -> bool {
        self.let_go.load(Ordering::SeqCst)
    }

    /// Notes that an outer event loop watches the poller.
    pub(crate) fn set_watched(&self) {
        self.is_watched.store(true, Ordering::Relaxed);
    }

    /// Whether an outer event loop watches the poller.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Relaxed)
    }

    /// Makes the signal for outer event loops.
    ///
    /// # Errors
    /// If the operating system has no more handles.
    pub(crate) fn make_signal(&self) -> std::io::Result<()> {
        if self.signal.get().is_none() {
            let signal = Signal::new()?;
            // Another thread may have been faster; then this one is dropped.
            let _ = self.signal.set(signal);
            self.refresh_signal();
        }
        Ok(())
    }

    /// The signal that [`make_signal`](Self::make_signal) made.
    pub(crate) fn made_signal(&self) -> &Signal {
        self.signal.get().expect("whoever asks has made it before")
    }

    /// Brings the signal in line with what is unread. When this returns the signal tells a state at
    /// least as new as the call: another thread that is at it is waited for. That lock has no rank: it
    /// is taken with no other held, and, as the signal's own, held over a call that cannot block.
    pub(crate) fn refresh_signal(&self) {
        let Some(signal) = self.signal.get() else {
            return;
        };
        assert_none_held();
        let turn = self.signal_turn.lock();
        let is_ready = self.lock().is_ready();
        if is_ready {
            signal.set();
        } else {
            signal.clear();
        }
        drop(turn);
    }

    fn became_ready(&self, state: &LobbyState<R>, nudge: &mut Nudge) {
        nudge.notify |= state.sleepers > 0;
        if self.app_asleep.load(Ordering::SeqCst) {
            nudge.wake.insert(ShardId::FIRST);
        }
        nudge.signal |= self.signal.get().is_some();
    }

    fn became_read(&self, state: &LobbyState<R>, nudge: &mut Nudge) {
        nudge.signal |= self.signal.get().is_some() && !state.is_ready();
    }
}

/// Notes that an event does not wait any more, so that the next one of its kind does not stand for it.
fn is_over(event: &Event) {
    if let Event::Writable(connection) = event {
        let told = &connection.slot().told_writable;
        told.store(false, Ordering::Relaxed);
    }
}
