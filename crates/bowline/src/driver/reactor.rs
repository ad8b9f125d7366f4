//! What a thread needs to drive the sockets of a shard; whoever owns it drives.

use std::sync::Arc;

use bowline_core::endpoint::SocketId;
use bowline_core::time::Timestamp;
use bowline_io::clock::Clock;
use bowline_io::poll::Poller;

use crate::driver::Inner;
use crate::driver::followup::Followup;
use crate::driver::limits;
use crate::driver::lock_order::Driving;
use crate::driver::lock_order::assert_none_held;
use crate::driver::receive::Receiver;
use crate::driver::shard::ShardId;
use crate::driver::slot::Slot;
use crate::driver::transmit::Transmitter;

/// The role of driving, as a value.
#[derive(Debug)]
pub(crate) struct Reactor {
    shard: ShardId,
    poller: Poller,
    receiver: Receiver,
    timers: TimerRunner,
    follow: Followup,
    /// Tokens that the poller reported.
    ready: Vec<usize>,
    /// Sockets that had more to receive than their turn allowed.
    unfinished: Vec<usize>,
}

/// Handles the connections whose deadlines have passed.
#[derive(Debug)]
pub(crate) struct TimerRunner {
    shard: ShardId,
    transmitter: Transmitter,
    due: Vec<Arc<Slot>>,
    /// When to look at the calendar again.
    next_calendar: Timestamp,
}

impl Reactor {
    pub(crate) fn new(shard: ShardId, poller: Poller) -> Self {
        Self {
            shard,
            poller,
            receiver: Receiver::new(shard),
            timers: TimerRunner::new(shard),
            follow: Followup::for_driver(),
            ready: Vec::new(),
            unfinished: Vec::new(),
        }
    }

    /// Sleeps until there is something to do, but not beyond `latest`, and does that: first what has come
    /// in, then what is due. After a pause of the process or the machine the answers that wait in the
    /// sockets count before the deadlines that they came in time for.
    pub(crate) fn turn(&mut self, inner: &Arc<Inner>, latest: Timestamp) {
        let _driving = Driving::begin();
        self.register_sockets(inner);
        self.sleep(inner, latest);
        let mut ready = std::mem::take(&mut self.ready);
        for token in ready.drain(..) {
            self.receive(inner, token);
        }
        self.ready = ready;
        if self.shard.is_first() {
            self.receive_late(inner);
        }
        self.timers.run(inner, &mut self.follow);
        inner.follow_up(&mut self.follow);
    }

    /// What the poller can be watched by.
    #[cfg(unix)]
    pub(crate) fn poller_fd(&self) -> std::os::fd::RawFd {
        std::os::fd::AsRawFd::as_raw_fd(&self.poller)
    }

    /// Leaves the sleeping to an outer event loop: the poller's handle becomes readable when there is
    /// something to do, or another thread brings a deadline forward.
    pub(crate) fn sleep_outside(&mut self, inner: &Inner) {
        let shard = inner.shards.get(self.shard);
        let until = shard.timers.lock().sleep(Timestamp::NEVER);
        assert_none_held();
        if until != Timestamp::NEVER
            && let Err(error) = self.poller.arm(until, &inner.clock)
        {
            tracing::warn!(%error, "the timer cannot be set");
        }
    }

    fn sleep(&mut self, inner: &Inner, latest: Timestamp) {
        let latest = if self.unfinished.is_empty() {
            latest
        } else {
            Timestamp::ZERO
        };
        let shard = inner.shards.get(self.shard);
        let until = shard.timers.lock().sleep(latest);
        assert_none_held();
        let result = self.poller.wait(Some(until), &inner.clock, &mut self.ready);
        shard.timers.lock().wake();
        if self.shard.is_first() {
            inner.lobby.set_app_asleep(false);
        }
        if let Err(error) = result {
            tracing::warn!(%error, "waiting for sockets failed");
            // Whatever it is, it must not become a busy loop.
            std::thread::sleep(limits::POLL_ERROR_PAUSE);
        }
        for token in self.unfinished.drain(..) {
            if !self.ready.contains(&token) {
                self.ready.push(token);
            }
        }
    }

    fn receive(&mut self, inner: &Arc<Inner>, token: usize) {
        let Some(id) = u32::try_from(token).ok().map(SocketId::new) else {
            return;
        };
        let Some(socket) = inner.hub.lock().socket(id, self.shard) else {
            return;
        };
        for _ in 0..limits::MAX_RECV_BATCHES {
            let (touched, more) = self.receiver.receive(inner, id, &socket, &mut self.follow);
            self.timers
                .transmitter
                .finish(inner, touched, &mut self.follow);
            inner.follow_up(&mut self.follow);
            if !more {
                self.receiver.look_for_overrun(inner, &socket, false);
                return;
            }
        }
        self.receiver.look_for_overrun(inner, &socket, true);
        self.unfinished.push(token);
    }

    /// Takes in what was late on purpose.
    fn receive_late(&mut self, inner: &Arc<Inner>) {
        if !inner.network.is_meddling() {
            return;
        }
        for _ in 0..limits::MAX_RECV_BATCHES {
            let Some(touched) = self.receiver.receive_late(inner, &mut self.follow) else {
                return;
            };
            self.timers
                .transmitter
                .finish(inner, touched, &mut self.follow);
            inner.follow_up(&mut self.follow);
        }
    }

    fn register_sockets(&self, inner: &Inner) {
        inner.shards.get(self.shard).take_new_sockets(|new| {
            if let Some(socket) = new.socket.upgrade()
                && let Err(error) = self.poller.register(&socket, new.id.get() as usize)
            {
                tracing::error!(%error, "a socket cannot be waited for");
            }
        });
    }
}

impl TimerRunner {
    pub(crate) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            transmitter: Transmitter::new(),
            due: Vec::new(),
            next_calendar: Timestamp::ZERO,
        }
    }

    /// Handles all deadlines that have passed.
    pub(crate) fn run(&mut self, inner: &Inner, follow: &mut Followup) {
        let _driving = Driving::begin();
        if self.shard.is_first() {
            inner.send_late();
        }
        let now = inner.clock.now();
        self.look_at_calendar(inner, now, follow);
        self.take_due(inner, now, follow);
        self.due.retain(|slot| {
            let Some(mut state) = slot.lock_soon() else {
                slot.put_off(&mut follow.nudge);
                return false;
            };
            state.timer_fired();
            slot.catch_up(&mut state);
            let now = state.advance(now);
            if let Some(live) = &mut state.live
                && live.core.poll_timeout().is_some_and(|(at, _)| at <= now)
            {
                live.core.handle_timeout(now);
            }
            true
        });
        self.transmitter.finish(inner, &mut self.due, follow);
    }

    /// The clock that deadlines go by may stop while the machine sleeps, and the calendar may be set.
    fn look_at_calendar(&mut self, inner: &Inner, now: Timestamp, follow: &mut Followup) {
        if now < self.next_calendar {
            return;
        }
        self.next_calendar = now + limits::CALENDAR_INTERVAL;
        let unix_secs = Clock::unix_seconds();
        let mut hub = inner.hub.lock();
        hub.endpoint.set_unix_time(now, unix_secs);
        follow.has_link_news |= inner.tell_link_calendar(&hub, now, unix_secs);
        inner.schedule_endpoint(&hub, &mut follow.nudge);
    }

    fn take_due(&mut self, inner: &Inner, now: Timestamp, follow: &mut Followup) {
        let mut timers = inner.shards.get(self.shard).timers.lock();
        let endpoint_due = timers.take_due_endpoint(now);
        let sessions_due = timers.take_due_sessions(now);
        follow.has_link_news |= timers.take_due_link(now);
        while self.due.len() < limits::MAX_TIMER_ROUND
            && let Some(slot) = timers.pop_due(now)
        {
            self.due.push(slot);
        }
        drop(timers);
        for kind in sessions_due.into_iter().flatten() {
            inner.handle_session_timeout(kind, follow);
        }
        if endpoint_due {
            let mut hub = inner.hub.lock();
            hub.endpoint.handle_timeout(now);
            inner.tell_trust(&mut hub, &mut follow.nudge);
            hub.collect_errands(&mut follow.errands);
            let has_to_look = hub.ways.begin_due_look(now);
            inner.schedule_endpoint(&hub, &mut follow.nudge);
            drop(hub);
            if has_to_look {
                inner.look_at_interfaces(follow);
            }
        }
    }
}
