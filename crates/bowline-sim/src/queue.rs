//! What will happen, in the order of time and, at the same instant, in the order of planning.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use bowline_core::time::Timestamp;

/// A queue of things to happen. Ties are broken by who was planned first, never by chance.
#[derive(Debug)]
pub(crate) struct EventQueue<T> {
    heap: BinaryHeap<Reverse<Planned<T>>>,
    planned: u64,
}

impl<T> EventQueue<T> {
    pub(crate) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            planned: 0,
        }
    }

    pub(crate) fn plan(&mut self, at: Timestamp, event: T) {
        let order = self.planned;
        self.planned += 1;
        self.heap.push(Reverse(Planned { at, order, event }));
    }

    /// The next event, if it happens at `limit` or before.
    pub(crate) fn pop_until(&mut self, limit: Timestamp) -> Option<(Timestamp, T)> {
        if self.heap.peek()?.0.at > limit {
            return None;
        }
        let Reverse(planned) = self.heap.pop()?;
        Some((planned.at, planned.event))
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[derive(Debug)]
struct Planned<T> {
    at: Timestamp,
    order: u64,
    event: T,
}

impl<T> Planned<T> {
    const fn key(&self) -> (Timestamp, u64) {
        (self.at, self.order)
    }
}

impl<T> Ord for Planned<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<T> PartialOrd for Planned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Eq for Planned<T> {}

impl<T> PartialEq for Planned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_by_order_of_planning() {
        let at = Timestamp::from_micros;
        let mut queue = EventQueue::new();
        for (time, name) in [(5, 'c'), (3, 'a'), (5, 'd'), (3, 'b'), (9, 'e')] {
            queue.plan(at(time), name);
        }
        let seen: String = std::iter::from_fn(|| queue.pop_until(at(5)))
            .map(|(_, n)| n)
            .collect();
        assert_eq!(seen, "abcd");
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.pop_until(at(9)), Some((at(9), 'e')));
    }
}
