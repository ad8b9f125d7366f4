//! What waits for somebody whose lock is taken.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::sync::primitives::AtomicBool;

/// A queue beside a lock, for threads that must not wait for that lock. Whoever gets the lock empties it
/// first; who puts something in sees to it that somebody does so soon.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    has_any: AtomicBool,
    waiting: Lock<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    bytes: usize,
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Self {
        let waiting = Waiting {
            items: VecDeque::new(),
            bytes: 0,
        };
        Self {
            has_any: AtomicBool::new(false),
            waiting: Lock::new(Rank::Inbox, waiting),
        }
    }

    /// Whether something may wait. A thread sees at least what it has put in itself.
    pub(crate) fn has_any(&self) -> bool {
        self.has_any.load(Ordering::Acquire)
    }

    /// Adds an item of so many bytes unless more than `max_bytes` would wait then. Tells whether it did.
    pub(crate) fn put(&self, item: T, bytes: usize, max_bytes: usize) -> bool {
        let mut waiting = self.waiting.lock();
        let total = waiting.bytes.saturating_add(bytes);
        if total > max_bytes {
            return false;
        }
        waiting.items.push_back(item);
        waiting.bytes = total;
        self.has_any.store(true, Ordering::Release);
        true
    }

    /// Takes all that waits, oldest first.
    pub(crate) fn take(&self) -> VecDeque<T> {
        if !self.has_any() {
            return VecDeque::new();
        }
        let mut waiting = self.waiting.lock();
        self.has_any.store(false, Ordering::Relaxed);
        waiting.bytes = 0;
        std::mem::take(&mut waiting.items)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn limit_of_waiting_bytes() {
        let inbox = Inbox::new();
        assert!(inbox.put('a', 60, 100));
        assert!(!inbox.put('b', 41, 100));
        assert!(inbox.put('c', 40, 100));
        assert!(!inbox.put('d', 1, 100));
        assert!(inbox.has_any());
        assert_eq!(inbox.take(), ['a', 'c']);
        assert!(!inbox.has_any());
        assert!(inbox.put('e', 100, 100));
        assert_eq!(inbox.take(), ['e']);
        assert!(inbox.take().is_empty());
    }
}
