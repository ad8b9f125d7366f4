//! What waits for somebody whose lock is taken.

use std::ops::Range;
use std::sync::atomic::Ordering;

use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::sync::primitives::AtomicBool;

/// A queue beside a lock, for threads that must not wait for that lock. Whoever gets the lock empties it
/// first; who puts something in sees to it that somebody does so soon.
///
/// Its memory is used again, so that it does not allocate once it has been as full as it gets. It has none
/// before something had to wait, which most never see.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    has_any: AtomicBool,
    state: Lock<Option<Box<State<T>>>>,
}

#[derive(Debug)]
struct State<T> {
    waiting: Batch<T>,
    spare: Batch<T>,
}

/// Items, oldest first, each with bytes that came with it.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    items: Vec<(T, Range<usize>)>,
    bytes: Vec<u8>,
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Self {
        Self {
            has_any: AtomicBool::new(false),
            state: Lock::new(Rank::Inbox, None),
        }
    }

    /// Whether something may wait. A thread sees at least what it has put in itself.
    pub(crate) fn has_any(&self) -> bool {
        self.has_any.load(Ordering::Acquire)
    }

    /// Adds an item and a copy of its bytes, unless more than `max_bytes` would wait then. Tells whether
    /// it did.
    pub(crate) fn put(&self, item: T, bytes: &[u8], max_bytes: usize) -> bool {
        let mut state = self.state.lock();
        let Batch {
            items,
            bytes: waiting,
        } = &mut state.get_or_insert_default().waiting;
        let start = waiting.len();
        let end = start.saturating_add(bytes.len());
        if end > max_bytes {
            return false;
        }
        waiting.extend_from_slice(bytes);
        items.push((item, start..end));
        self.has_any.store(true, Ordering::Release);
        true
    }

    /// Takes all that waits. To be [given back](Self::give_back) when it is done with.
    pub(crate) fn take(&self) -> Option<Batch<T>> {
        if !self.has_any() {
            return None;
        }
        let mut state = self.state.lock();
        self.has_any.store(false, Ordering::Relaxed);
        let state = state.as_mut()?;
        let spare = std::mem::take(&mut state.spare);
        Some(std::mem::replace(&mut state.waiting, spare))
    }

    /// Keeps the memory for what comes next; not that of items without bytes, which are seldom.
    pub(crate) fn give_back(&self, mut batch: Batch<T>) {
        batch.items.clear();
        batch.bytes.clear();
        let mut state = self.state.lock();
        if batch.bytes.capacity() > 0 {
            state.get_or_insert_default().spare = batch;
        } else if state.as_ref().is_some_and(|state| state.is_unused()) {
            *state = None;
        }
    }
}

impl<T> State<T> {
    /// Whether it holds no memory but its own.
    fn is_unused(&self) -> bool {
        let mut batches = [&self.waiting, &self.spare].into_iter();
        batches.all(|batch| batch.items.capacity() == 0 && batch.bytes.capacity() == 0)
    }
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            waiting: Batch::default(),
            spare: Batch::default(),
        }
    }
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            bytes: Vec::new(),
        }
    }
}

impl<T> Batch<T> {
    /// Hands out every item with its bytes.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(T, &mut [u8])) {
        for (item, range) in self.items.drain(..) {
            each(item, &mut self.bytes[range]);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn taken(inbox: &Inbox<char>) -> Vec<(char, Vec<u8>)> {
        let mut all = Vec::new();
        if let Some(mut batch) = inbox.take() {
            batch.drain(|item, bytes| all.push((item, bytes.to_vec())));
            inbox.give_back(batch);
        }
        all
    }

    #[test]
    fn limit_of_waiting_bytes() {
        let inbox = Inbox::new();
        assert!(inbox.put('a', &[1; 60], 100));
        assert!(!inbox.put('b', &[2; 41], 100));
        assert!(inbox.put('c', &[3; 40], 100));
        assert!(!inbox.put('d', &[4], 100));
        assert!(inbox.has_any());
        assert_eq!(taken(&inbox), [('a', vec![1; 60]), ('c', vec![3; 40])]);
        assert!(!inbox.has_any());
        assert!(inbox.put('e', &[5; 100], 100));
        assert_eq!(taken(&inbox), [('e', vec![5; 100])]);
        assert!(taken(&inbox).is_empty());
    }

    #[test]
    fn what_came_without_bytes_keeps_no_memory() {
        let inbox = Inbox::new();
        for _ in 0..2 {
            assert!(inbox.put('a', &[], 100));
            assert_eq!(taken(&inbox), [('a', vec![])]);
            assert!(inbox.state.lock().is_none());
        }
        assert!(inbox.put('b', &[1], 100));
        assert_eq!(taken(&inbox), [('b', vec![1])]);
        assert!(inbox.put('c', &[], 100));
        assert_eq!(taken(&inbox), [('c', vec![])]);
        assert!(inbox.state.lock().is_some());
    }

    #[test]
    fn memory_is_used_again() {
        let inbox = Inbox::new();
        let mut places = Vec::new();
        for _ in 0..4 {
            assert!(inbox.put((), &[7; 100], 100));
            let batch = inbox.take().unwrap();
            places.push(batch.bytes.as_ptr());
            inbox.give_back(batch);
        }
        assert_eq!(places[0], places[2]);
        assert_eq!(places[1], places[3]);
    }
}
