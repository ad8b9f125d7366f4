//! The next deadline of every connection of a shard, and how long the sleeping thread means to sleep.
//!
//! An indexed binary heap: each connection has one place in it, so that it cannot grow with traffic and
//! does not allocate once the connections are there. An entry that turns out too early costs one look at
//! the connection; so connections move their entry only towards an earlier time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bowline_core::time::Timestamp;

use crate::driver::sessions::SessionKind;
use crate::driver::slot::Slot;

/// The deadlines of a shard's connections; the first has those that the interface has but once, too.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: TimerHeap,
    slots: Vec<Option<Arc<Slot>>>,
    /// Connections whose lock was taken, in the order in which they are to be tried again.
    put_off: VecDeque<(Timestamp, Arc<Slot>)>,
    /// When the endpoint wants its bookkeeping done.
    endpoint: Option<Timestamp>,
    /// When the next datagram that is late on purpose is due.
    network: Option<Timestamp>,
    /// When something is due among the sessions of each kind.
    sessions: [Option<Timestamp>; SessionKind::ALL.len()],
    /// When the client of a hub has something to do.
    link: Option<Timestamp>,
    /// Until when the thread that drives the sockets sleeps; `None` while it is awake, or nobody drives.
    sleeping_until: Option<Timestamp>,
    /// All connections are forgotten, and none comes back: what a thread of another interface still hands over
    /// must not keep this one.
    is_over: bool,
}

impl Timers {
    /// Reserves the place of a connection.
    pub(crate) fn reserve(&mut self) -> TimerId {
        let id = self.heap.insert();
        if self.slots.len() <= id.0 as usize {
            self.slots.resize(id.0 as usize + 1, None);
        }
        id
    }

    /// Frees the place of a connection.
    pub(crate) fn release(&mut self, id: TimerId) -> Option<Arc<Slot>> {
        self.heap.remove(id);
        self.slots.get_mut(id.0 as usize).and_then(Option::take)
    }

    /// Sets the deadline of `slot`. Tells whether the sleeping thread must be woken for it.
    pub(crate) fn schedule(&mut self, slot: &Arc<Slot>, at: Timestamp) -> bool {
        let Some(place) = self.slots.get_mut(slot.timer.0 as usize) else {
            return false;
        };
        if place.is_none() {
            *place = Some(Arc::clone(slot));
        }
        self.heap.set(slot.timer, at);
        self.sleeping_until.is_some_and(|until| at < until)
    }

    /// Has `slot` tried again at a time that is not before that of others. Tells whether the sleeping
    /// thread must be woken for it.
    pub(crate) fn put_off(&mut self, slot: &Arc<Slot>, at: Timestamp) -> bool {
        // The mark changes under this lock only.
        if self.is_over || slot.is_put_off.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.put_off.push_back((at, Arc::clone(slot)));
        self.sleeping_until.is_some_and(|until| at < until)
    }

    /// Sets the endpoint's deadline. Tells whether the sleeping thread must be woken for it.
    pub(crate) fn schedule_endpoint(&mut self, at: Option<Timestamp>) -> bool {
        self.endpoint = at;
        self.ends_sleep(at)
    }

    /// Sets the deadline of late datagrams. Tells whether the sleeping thread must be woken for it.
    pub(crate) fn schedule_network(&mut self, at: Option<Timestamp>) -> bool {
        self.network = at;
        self.ends_sleep(at)
    }

    /// Sets the deadline of the sessions of a kind. Tells whether the sleeping thread must be woken for it.
    pub(crate) fn schedule_sessions(&mut self, kind: SessionKind, at: Option<Timestamp>) -> bool {
        self.sessions[kind.index()] = at;
        self.ends_sleep(at)
    }

    /// Sets the deadline of the client of a hub. Tells whether the sleeping thread must be woken for it.
    pub(crate) fn schedule_link(&mut self, at: Option<Timestamp>) -> bool {
        self.link = at;
        self.ends_sleep(at)
    }

    /// Takes the deadline of the client of a hub if it has passed.
    pub(crate) fn take_due_link(&mut self, now: Timestamp) -> bool {
        self.link.take_if(|at| *at <= now).is_some()
    }

    /// Takes the deadlines of sessions that have passed, and returns of which kinds.
    pub(crate) fn take_due_sessions(
        &mut self,
        now: Timestamp,
    ) -> [Option<SessionKind>; SessionKind::ALL.len()] {
        SessionKind::ALL.map(|kind| {
            let due = self.sessions[kind.index()].take_if(|at| *at <= now);
            due.map(|_| kind)
        })
    }

    /// Takes the endpoint's deadline if it has passed.
    pub(crate) fn take_due_endpoint(&mut self, now: Timestamp) -> bool {
        self.endpoint.take_if(|at| *at <= now).is_some()
    }

    /// Takes the next connection whose deadline has passed, or that is to be tried again.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<Arc<Slot>> {
        if self.put_off.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, slot)) = self.put_off.pop_front()
        {
            slot.is_put_off.store(false, Ordering::Relaxed);
            return Some(slot);
        }
        loop {
            let id = self.heap.pop_due(now)?;
            if let Some(slot) = self.slots.get(id.0 as usize).and_then(Option::as_ref) {
                return Some(Arc::clone(slot));
            }
        }
    }

    /// The earliest deadline of all.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let again = self.put_off.front().map(|(at, _)| *at);
        let deadlines = [
            self.heap.next(),
            again,
            self.endpoint,
            self.network,
            self.link,
        ];
        let all = deadlines.into_iter().chain(self.sessions);
        all.flatten().min()
    }

    /// Notes that the driving thread goes to sleep until `latest` or the next deadline, whichever is
    /// earlier, and returns that.
    pub(crate) fn sleep(&mut self, latest: Timestamp) -> Timestamp {
        let until = self.next().map_or(latest, |next| next.min(latest));
        self.sleeping_until = Some(until);
        until
    }

    /// Notes that the driving thread is awake.
    pub(crate) fn wake(&mut self) {
        self.sleeping_until = None;
    }

    /// Forgets all connections and returns them.
    pub(crate) fn clear(&mut self) -> Vec<Option<Arc<Slot>>> {
        self.is_over = true;
        self.heap = TimerHeap::default();
        let mut slots = std::mem::take(&mut self.slots);
        slots.extend(self.put_off.drain(..).map(|(_, slot)| Some(slot)));
        slots
    }

    fn ends_sleep(&self, at: Option<Timestamp>) -> bool {
        let sleep = self.sleeping_until.zip(at);
        sleep.is_some_and(|(until, at)| at < until)
    }
}

/// A connection's place among the timers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TimerId(u32);

/// A binary heap that knows where each entry is.
#[derive(Debug, Default)]
struct TimerHeap {
    heap: Vec<(Timestamp, TimerId)>,
    /// Per ID, the position in `heap`, or one of the two values below.
    positions: Vec<u32>,
    free: Vec<TimerId>,
}

const NOT_SCHEDULED: u32 = u32::MAX;
const FREE: u32 = u32::MAX - 1;

impl TimerHeap {
    fn insert(&mut self) -> TimerId {
        if let Some(id) = self.free.pop() {
            self.positions[id.0 as usize] = NOT_SCHEDULED;
            return id;
        }
        let id =
            u32::try_from(self.positions.len()).expect("there are fewer than 2^32 connections");
        self.positions.push(NOT_SCHEDULED);
        TimerId(id)
    }

    fn remove(&mut self, id: TimerId) {
        if self
            .positions
            .get(id.0 as usize)
            .is_none_or(|position| *position == FREE)
        {
            return;
        }
        self.unschedule(id);
        self.positions[id.0 as usize] = FREE;
        self.free.push(id);
    }

    fn set(&mut self, id: TimerId, at: Timestamp) {
        match self.positions.get(id.0 as usize).copied() {
            None | Some(FREE) => {}
            Some(NOT_SCHEDULED) => {
                self.heap.push((at, id));
                self.sift_up(self.heap.len() - 1);
            }
            Some(position) => {
                self.heap[position as usize].0 = at;
                self.sift_down(position as usize);
                self.sift_up(self.positions[id.0 as usize] as usize);
            }
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.heap.first().map(|(at, _)| *at)
    }

    fn pop_due(&mut self, now: Timestamp) -> Option<TimerId> {
        let (at, id) = *self.heap.first()?;
        if at > now {
            return None;
        }
        self.unschedule(id);
        Some(id)
    }

    fn unschedule(&mut self, id: TimerId) {
        let position = self.positions[id.0 as usize];
        if position == NOT_SCHEDULED || position == FREE {
            return;
        }
        let position = position as usize;
        self.positions[id.0 as usize] = NOT_SCHEDULED;
        let last = self.heap.pop().expect("a scheduled entry is in the heap");
        if position == self.heap.len() {
            return;
        }
        self.place(position, last);
        self.sift_down(position);
        self.sift_up(self.positions[last.1.0 as usize] as usize);
    }

    fn sift_up(&mut self, mut position: usize) {
        let entry = self.heap[position];
        while position > 0 {
            let parent = (position - 1) / 2;
            if self.heap[parent].0 <= entry.0 {
                break;
            }
            self.place(position, self.heap[parent]);
            position = parent;
        }
        self.place(position, entry);
    }

    fn sift_down(&mut self, mut position: usize) {
        let entry = self.heap[position];
        loop {
            let left = 2 * position + 1;
            let right = left + 1;
            if left >= self.heap.len() {
                break;
            }
            let right_is_earlier =
                right < self.heap.len() && self.heap[right].0 < self.heap[left].0;
            let child = if right_is_earlier { right } else { left };
            if entry.0 <= self.heap[child].0 {
                break;
            }
            self.place(position, self.heap[child]);
            position = child;
        }
        self.place(position, entry);
    }

    fn place(&mut self, position: usize, entry: (Timestamp, TimerId)) {
        self.heap[position] = entry;
        self.positions[entry.1.0 as usize] =
            u32::try_from(position).expect("there are fewer than 2^32 connections");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(us: u64) -> Timestamp {
        Timestamp::from_micros(us)
    }

    #[test]
    fn deadlines_come_in_order_and_once() {
        let mut heap = TimerHeap::default();
        let ids: Vec<_> = (0..3).map(|_| heap.insert()).collect();
        heap.set(ids[0], at(30));
        heap.set(ids[1], at(10));
        heap.set(ids[2], at(20));
        heap.set(ids[0], at(5));
        assert_eq!(heap.next(), Some(at(5)));
        assert_eq!(heap.pop_due(at(4)), None);
        assert_eq!(heap.pop_due(at(15)), Some(ids[0]));
        assert_eq!(heap.pop_due(at(15)), Some(ids[1]));
        assert_eq!(heap.pop_due(at(15)), None);
        heap.remove(ids[2]);
        assert_eq!(heap.next(), None);
        assert_eq!(heap.insert(), ids[2]);
    }

    #[test]
    fn a_sleeper_is_told_of_earlier_deadlines_only() {
        let mut timers = Timers::default();
        timers.schedule_endpoint(Some(at(50)));
        assert_eq!(timers.sleep(at(100)), at(50));
        assert!(!timers.schedule_endpoint(Some(at(50))));
        assert!(timers.schedule_endpoint(Some(at(49))));
        assert!(!timers.schedule_endpoint(None));
        assert!(timers.schedule_network(Some(at(20))));
        timers.wake();
        assert!(!timers.schedule_network(None), "it looks before it sleeps");
        assert!(!timers.schedule_endpoint(Some(at(50))));
        assert_eq!(timers.sleep(at(100)), at(50));
        assert!(!timers.take_due_endpoint(at(49)));
        assert!(timers.take_due_endpoint(at(50)));
        assert_eq!(timers.sleep(at(100)), at(100));
    }

    proptest! {
        #[test]
        fn behaves_as_a_sorted_map(steps in proptest::collection::vec((0u32..24, 0u64..1000, 0u8..4), 1..200)) {
            let mut heap = TimerHeap::default();
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            let ids: Vec<_> = (0..24).map(|_| heap.insert()).collect();
            for (id, time, what) in steps {
                match what {
                    0 | 1 => {
                        heap.set(ids[id as usize], at(time));
                        model.insert(id, time);
                    }
                    2 => {
                        heap.unschedule(ids[id as usize]);
                        model.remove(&id);
                    }
                    _ => {
                        let popped = heap.pop_due(at(time));
                        let earliest = model.values().min().copied().filter(|t| *t <= time);
                        prop_assert_eq!(popped.is_some(), earliest.is_some());
                        if let Some(id) = popped {
                            prop_assert_eq!(model.remove(&id.0), earliest);
                        }
                    }
                }
                prop_assert_eq!(heap.next(), model.values().min().map(|t| at(*t)));
                for (position, (_, id)) in heap.heap.iter().enumerate() {
                    prop_assert_eq!(heap.positions[id.0 as usize] as usize, position);
                }
            }
        }
    }
}
