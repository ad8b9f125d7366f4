//! One thread at a time sends for a connection: in order, and nothing is left behind.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use loom::sync::Mutex;
use loom::sync::atomic::AtomicBool;
use loom::thread;

use super::check;
use crate::driver::lock_order::Guard;
use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::sync::alone::Work;
use crate::driver::sync::alone::work_alone;
use crate::driver::sync::baton::Baton;
use crate::driver::sync::inbox::Inbox;

/// A connection: numbered messages that wait, and those on the wire.
struct Slot {
    state: Lock<State>,
    baton: Baton,
    inbox: Inbox<u32>,
    wire: Mutex<Vec<u32>>,
    /// A thread is about to take the lock, or has it, or had it. Loom looks for orders of what changes
    /// something that others read, which a lock being taken is not.
    is_busy: AtomicBool,
    /// The timers are to come back to it.
    is_put_off: Mutex<bool>,
}

#[derive(Default)]
struct State {
    next: u32,
    waiting: Vec<u32>,
    arrived: Vec<u32>,
}

/// Sends what waits, two at most at a time.
struct Sending<'a> {
    slot: &'a Slot,
    batch: Vec<u32>,
}

impl Work<State> for Sending<'_> {
    fn take(&mut self, state: &mut State) -> bool {
        let count = state.waiting.len().min(2);
        self.batch.extend(state.waiting.drain(..count));
        !self.batch.is_empty()
    }

    fn act(&mut self) {
        for number in self.batch.drain(..) {
            self.slot.wire.lock().unwrap().push(number);
        }
    }

    fn after(&mut self, _: &mut State) -> bool {
        true
    }
}

impl Slot {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Lock::new(Rank::Connection, State::default()),
            baton: Baton::new(),
            inbox: Inbox::new(),
            wire: Mutex::new(Vec::new()),
            is_busy: AtomicBool::new(false),
            is_put_off: Mutex::new(false),
        })
    }

    /// An application thread sends a message, at once.
    fn send(&self) {
        self.is_busy.store(true, Ordering::Relaxed);
        let mut state = self.state.lock();
        self.catch_up(&mut state);
        let number = state.next;
        state.next += 1;
        state.waiting.push(number);
        if self.baton.take() {
            let lock = || Some(self.state.lock());
            assert!(work_alone(&self.baton, lock, state, &mut self.sending()).is_some());
        } else {
            drop(state);
        }
        self.is_busy.store(false, Ordering::Relaxed);
    }

    /// The lock for who must not wait for it.
    fn try_lock(&self) -> Option<Guard<'_, State>> {
        if self.is_busy.load(Ordering::Relaxed) {
            return None;
        }
        self.state.try_lock()
    }

    /// An application thread sends a message that may wait for company until a deadline.
    fn send_later(&self) {
        let mut state = self.state.lock();
        self.catch_up(&mut state);
        let number = state.next;
        state.next += 1;
        state.waiting.push(number);
        drop(state);
        *self.is_put_off.lock().unwrap() = true;
    }

    /// The driving thread comes by, and does not wait for the lock.
    fn drive(&self) {
        if !self.try_drive() {
            *self.is_put_off.lock().unwrap() = true;
        }
    }

    fn try_drive(&self) -> bool {
        let lock = || self.try_lock();
        let Some(mut state) = lock() else {
            return false;
        };
        self.catch_up(&mut state);
        !self.baton.take() || work_alone(&self.baton, lock, state, &mut self.sending()).is_some()
    }

    /// The driving thread has a datagram for the connection.
    fn receive(&self, number: u32) {
        match self.try_lock() {
            Some(mut state) => {
                self.catch_up(&mut state);
                state.arrived.push(number);
            }
            None => {
                assert!(self.inbox.put(number, &[0], 10));
                *self.is_put_off.lock().unwrap() = true;
            }
        }
    }

    fn catch_up(&self, state: &mut Guard<'_, State>) {
        if let Some(mut batch) = self.inbox.take() {
            batch.drain(|number, _| state.arrived.push(number));
            self.inbox.give_back(batch);
        }
    }

    fn sending(&self) -> Sending<'_> {
        Sending {
            slot: self,
            batch: Vec::new(),
        }
    }

    /// The timers come back if they were asked to, and nothing is left after that.
    fn finish(&self) -> (Vec<u32>, Vec<u32>) {
        if *self.is_put_off.lock().unwrap() {
            assert!(self.try_drive(), "nobody has the lock any more");
        }
        assert!(!self.baton.is_taken());
        let state = self.state.lock();
        assert!(state.waiting.is_empty(), "left behind");
        assert!(!self.inbox.has_any(), "left in the inbox");
        let wire = self.wire.lock().unwrap().clone();
        (wire, state.arrived.clone())
    }
}

fn spawn(slot: &Arc<Slot>, run: impl Fn(&Slot) + 'static) -> thread::JoinHandle<()> {
    let slot = Arc::clone(slot);
    thread::spawn(move || run(&slot))
}

#[test]
fn threads_that_send_swap_nothing_and_leave_nothing_behind() {
    check(|| {
        let slot = Slot::new();
        let one = spawn(&slot, |slot| (0..2).for_each(|_| slot.send()));
        let other = spawn(&slot, Slot::send);
        slot.send();
        one.join().unwrap();
        other.join().unwrap();
        assert_eq!(slot.finish().0, [0, 1, 2, 3]);
    });
}

#[test]
fn a_driving_thread_that_gives_up_the_lock_leaves_nothing_behind() {
    check(|| {
        let slot = Slot::new();
        slot.send_later();
        let one = spawn(&slot, |slot| (0..2).for_each(|_| slot.send()));
        let driver = spawn(&slot, |slot| (0..2).for_each(|_| slot.drive()));
        slot.send_later();
        one.join().unwrap();
        driver.join().unwrap();
        assert_eq!(slot.finish().0, [0, 1, 2, 3]);
    });
}

#[test]
fn datagrams_that_waited_for_the_lock_come_in_once_and_in_order() {
    check(|| {
        let slot = Slot::new();
        // Another time, the lock was taken.
        assert!(slot.inbox.put(0, &[0], 10));
        let sender = spawn(&slot, |slot| (0..2).for_each(|_| slot.send()));
        for number in 1..3 {
            slot.receive(number);
        }
        sender.join().unwrap();
        let (wire, arrived) = slot.finish();
        assert_eq!(arrived, [0, 1, 2]);
        assert_eq!(wire, [0, 1]);
    });
}
