//! How far the receive windows of all connections may grow together.
//!
//! What a window begins with is everybody's and not counted here. What a connection wants beyond is lent to
//! it, as long as there is some left of the budget; it is told how much, and asks again when it needs more.
//! So a flood of connections whose peers push as hard as they can costs what each begins with, and the budget.

use alloc::collections::BTreeMap;

use crate::endpoint::Endpoint;
use crate::ids::ConnectionId;
use crate::memory;

/// What is lent to connections.
#[derive(Debug, Default)]
pub(super) struct Windows {
    /// Only those that have something.
    lent: BTreeMap<ConnectionId, u64>,
    lent_bytes: u64,
}

impl Windows {
    /// A connection wants so much in all. Returns what it has from now on, if it does not give back: no more
    /// than is left of `budget_bytes`, but never less than it had.
    pub(super) fn lend(&mut self, id: ConnectionId, bytes: u64, budget_bytes: u64) -> Option<u64> {
        let had = self.lent.remove(&id).unwrap_or(0);
        let by_others = self.lent_bytes.saturating_sub(had);
        let left = budget_bytes.saturating_sub(by_others);
        let has = bytes.min(left.max(had));
        self.lent_bytes = by_others.saturating_add(has);
        if has > 0 {
            self.lent.insert(id, has);
        }
        (bytes >= had).then_some(has)
    }

    /// A connection is over.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        let had = self.lent.remove(&id).unwrap_or(0);
        self.lent_bytes = self.lent_bytes.saturating_sub(had);
    }

    /// What is lent in all.
    pub(super) const fn lent_bytes(&self) -> u64 {
        self.lent_bytes
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        memory::of_map(&self.lent)
    }
}

impl Endpoint {
    /// By how much the receive windows of all connections may be larger than they began, in bytes: what they
    /// were granted of `RecvWindowTotal`.
    pub const fn lent_window_bytes(&self) -> u64 {
        self.windows.lent_bytes()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    const BUDGET: u64 = 1000;

    const fn id(n: u32) -> ConnectionId {
        ConnectionId::new(n)
    }

    #[test]
    fn limit_what_is_lent_to_all_together() {
        let mut windows = Windows::default();
        let lent: Vec<_> = (1..=1000)
            .map(|n| windows.lend(id(n), 300, BUDGET))
            .collect();
        assert_eq!(lent[..5], [300, 300, 300, 100, 0].map(Some));
        assert!(lent[5..].iter().all(|lent| *lent == Some(0)));
        assert_eq!((windows.lent_bytes(), windows.lent.len()), (BUDGET, 4));
        // One dies, another gives back.
        windows.forget(id(1));
        assert_eq!(windows.lend(id(2), 100, BUDGET), None);
        assert_eq!(windows.lent_bytes(), 500);
        assert_eq!(windows.lend(id(5), u64::MAX, BUDGET), Some(500));
        assert_eq!(windows.lend(id(5), 500, BUDGET), Some(500), "asked again");
        for n in 2..=1000 {
            windows.forget(id(n));
        }
        assert_eq!((windows.lent_bytes(), windows.heap_bytes()), (0, 0));
    }

    #[test]
    fn a_smaller_budget_takes_nothing_away() {
        let mut windows = Windows::default();
        assert_eq!(windows.lend(id(1), 800, BUDGET), Some(800));
        assert_eq!(windows.lend(id(1), 900, 100), Some(800));
        assert_eq!(windows.lend(id(2), 1, 100), Some(0));
        assert_eq!(windows.lent_bytes(), 800);
    }
}
