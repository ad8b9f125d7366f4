//! The pairs of a connection, and which of them is checked next.
//!
//! Checks that the peer's own checks call for take turns with those in the order of ranks, so that neither
//! starves the other. DIFFERS from RFC 8445: no pair is frozen. To hold back pairs with the same
//! foundation saves packets where there are hundreds; here there are at most [`MAX_CANDIDATE_PAIRS`].

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::ice::RouteKind;
use crate::ice::pair::Check;
use crate::ice::pair::Pair;
use crate::ice::pair::PairKey;
use crate::ice::pair::PairState;
use crate::ice::pair::Rank;
use crate::ids::LocalId;
use crate::limits::MAX_CANDIDATE_PAIRS;
use crate::limits::PAIR_RETRY_DOUBLINGS;
use crate::memory;
use crate::stun::TransactionId;
use crate::time::Timestamp;

/// All pairs, and the order in which they are checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Checklist {
    pairs: Vec<Pair>,
    /// Pairs that the peer has checked, and that we should, too. No pair twice.
    triggered: VecDeque<PairKey>,
    was_triggered: bool,
}

/// Which pairs are tried again that have failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Retries {
    /// Whatever leads to the peer.
    All,
    /// What is better than a relay, a few times: so an idle connection pays nothing for it later.
    Direct,
    /// A good way is known.
    None,
}

impl Retries {
    /// Whether that pair is, once its time has come.
    pub(super) fn include(self, pair: &Pair) -> bool {
        match self {
            Self::All => true,
            Self::Direct => {
                pair.failures() <= 1 + PAIR_RETRY_DOUBLINGS
                    && pair.route_kind() != RouteKind::Relayed
            }
            Self::None => false,
        }
    }
}

impl Checklist {
    /// Adds a pair unless it is there already. A full list gives up the worst pair of which nothing is known for
    /// a better one. Says whether the pair is in the list now.
    pub(super) fn insert(&mut self, pair: Pair, is_controlling: bool) -> bool {
        let key = pair.key();
        if self.get(key).is_some() {
            return true;
        }
        if self.pairs.len() >= MAX_CANDIDATE_PAIRS {
            let idle = self.pairs.iter().filter(|pair| pair.is_idle());
            let worst = idle.min_by_key(|pair| pair.rank(is_controlling));
            let Some(worst) = worst
                .filter(|worst| worst.rank(is_controlling) < pair.rank(is_controlling))
                .map(Pair::key)
            else {
                return false;
            };
            self.retain(|pair| pair.key() != worst);
        }
        self.pairs.push(pair);
        true
    }

    /// Removes all pairs of a base.
    pub(super) fn remove_base(&mut self, base: LocalId) {
        self.retain(|pair| pair.local != base);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.retain(|_| false);
    }

    /// What is under way or has failed is to be checked from the beginning.
    pub(super) fn begin_again(&mut self) {
        for pair in &mut self.pairs {
            pair.forgive();
            if matches!(
                pair.state,
                PairState::Checking(_) | PairState::Failed { .. }
            ) {
                pair.state = PairState::Waiting;
            }
        }
    }

    /// The peer has checked this pair: so should we.
    pub(super) fn trigger(&mut self, key: PairKey) {
        let Some(pair) = self.get_mut(key) else {
            return;
        };
        if matches!(pair.state, PairState::Failed { .. }) {
            pair.state = PairState::Waiting;
        }
        if pair.is_waiting() && !self.triggered.contains(&key) {
            self.triggered.push_back(key);
        }
    }

    /// Takes the pair to be checked next; if `above` is given, it must be better than that or triggered.
    pub(super) fn take_next(
        &mut self,
        is_controlling: bool,
        above: Option<Rank>,
    ) -> Option<PairKey> {
        let turn = !self.was_triggered;
        let first = self.take(turn, is_controlling, above);
        let next = first.or_else(|| self.take(!turn, is_controlling, above));
        let (key, was_triggered) = next?;
        self.was_triggered = was_triggered;
        self.triggered.retain(|other| *other != key);
        Some(key)
    }

    /// Whether there is a pair to be checked.
    pub(super) fn has_next(&self, is_controlling: bool, above: Option<Rank>) -> bool {
        !self.triggered.is_empty() || self.best_waiting(is_controlling, above).is_some()
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let checks = self.pairs.iter().filter_map(Pair::check).count();
        memory::of_vec(&self.pairs)
            + checks * size_of::<Check>()
            + memory::of_deque(&self.triggered)
    }

    pub(super) fn shrink(&mut self) {
        self.pairs.shrink_to_fit();
        self.triggered.shrink_to_fit();
    }

    pub(super) fn get(&self, key: PairKey) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.key() == key)
    }

    pub(super) fn get_mut(&mut self, key: PairKey) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.key() == key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pair> {
        self.pairs.iter_mut()
    }

    /// The pair whose check has this transaction ID.
    pub(super) fn asked_by(&self, id: TransactionId) -> Option<(PairKey, Check)> {
        self.pairs.iter().find_map(|pair| {
            let check = pair.check()?;
            (check.transaction.id() == id).then_some((pair.key(), *check))
        })
    }

    /// The best pair that answered.
    pub(super) fn best_valid(&self, is_controlling: bool) -> Option<&Pair> {
        let valid = self.pairs.iter().filter(|pair| pair.is_valid());
        valid.max_by_key(|pair| pair.rank(is_controlling))
    }

    /// The earliest time at which something is to be done about a pair under way, or that failed.
    pub(super) fn deadline(&self, retries: Retries) -> Option<Timestamp> {
        let pairs = self.pairs.iter();
        let deadlines = pairs.filter_map(|pair| pair.deadline(retries.include(pair)));
        deadlines.min()
    }

    fn take(
        &mut self,
        triggered: bool,
        is_controlling: bool,
        above: Option<Rank>,
    ) -> Option<(PairKey, bool)> {
        if !triggered {
            let key = self.best_waiting(is_controlling, above)?;
            return Some((key, false));
        }
        while let Some(key) = self.triggered.pop_front() {
            if self.get(key).is_some_and(Pair::is_waiting) {
                return Some((key, true));
            }
        }
        None
    }

    fn best_waiting(&self, is_controlling: bool, above: Option<Rank>) -> Option<PairKey> {
        let waiting = self.pairs.iter().filter(|pair| pair.is_waiting());
        let ranked = waiting.map(|pair| (pair.rank(is_controlling), pair.key()));
        let best = ranked.max_by_key(|(rank, _)| *rank);
        best.filter(|(rank, _)| above.is_none_or(|above| *rank > above))
            .map(|(_, key)| key)
    }

    fn retain(&mut self, keep: impl Fn(&Pair) -> bool) {
        self.pairs.retain(keep);
        let mut triggered = core::mem::take(&mut self.triggered);
        triggered.retain(|key| self.get(*key).is_some());
        self.triggered = triggered;
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;
    use std::vec::Vec;

    use super::*;
    use crate::address::PeerAddr;
    use crate::ice::CandidateKind;
    use crate::ice::pair::Base;
    use crate::ice::pair::Remote;

    fn pair(remote: u32, priority: u32) -> Pair {
        let ip = Ipv4Addr::from_bits(0xC633_6400 + remote);
        let base = Base {
            id: LocalId::new(1),
            address: "203.0.113.1:5".parse().unwrap(),
            preference: 1,
            is_relay: false,
        };
        let remote = Remote {
            address: PeerAddr::from_ipv4(ip, 5),
            kind: CandidateKind::Host,
            priority,
        };
        Pair::new(base, remote)
    }

    /// Takes the next pair as if it were checked.
    fn check_next(list: &mut Checklist) -> Option<u32> {
        let key = list.take_next(true, None)?;
        let pair = list.get_mut(key).unwrap();
        pair.fail(Timestamp::ZERO);
        Some(pair.remote.priority)
    }

    #[test]
    fn triggered_checks_and_ordinary_ones_take_turns() {
        let mut list = Checklist::default();
        for priority in 1..=6 {
            assert!(list.insert(pair(priority, priority), true));
        }
        for low in 1..=3 {
            list.trigger(pair(low, low).key());
            list.trigger(pair(low, low).key());
        }
        let order: Vec<u32> = core::iter::from_fn(|| check_next(&mut list)).collect();
        assert_eq!(order, [1, 6, 2, 5, 3, 4]);
        assert!(!list.has_next(true, None));
    }

    #[test]
    fn a_triggered_pair_is_checked_though_a_better_one_is_selected() {
        let mut list = Checklist::default();
        list.insert(pair(1, 1), true);
        let above = Some(pair(2, 2).rank(true));
        assert!(!list.has_next(true, above));
        assert_eq!(list.take_next(true, above), None);
        list.trigger(pair(1, 1).key());
        assert!(list.has_next(true, above));
        assert_eq!(list.take_next(true, above), Some(pair(1, 1).key()));
        assert!(!list.has_next(true, above));
    }

    #[test]
    fn limit_candidate_pairs_keep_the_best() {
        let mut list = Checklist::default();
        let count = MAX_CANDIDATE_PAIRS as u32;
        for index in 1..=count {
            assert!(list.insert(pair(index, index + 10), true));
        }
        assert!(!list.insert(pair(0, 1), true));
        assert!(list.insert(pair(count + 1, 1000), true));
        assert_eq!(list.iter().count(), MAX_CANDIDATE_PAIRS);
        assert!(list.get(pair(1, 11).key()).is_none());
        assert!(list.get(pair(2, 12).key()).is_some());
        for pair in list.iter_mut() {
            pair.state = PairState::Valid {
                rtt: None,
                nominating: None,
            };
        }
        assert!(!list.insert(pair(count + 2, 2000), true));
    }

    #[test]
    fn pairs_of_a_base_that_went_are_not_checked() {
        let mut list = Checklist::default();
        list.insert(pair(1, 1), true);
        list.trigger(pair(1, 1).key());
        list.remove_base(LocalId::new(2));
        assert!(list.has_next(true, None));
        list.remove_base(LocalId::new(1));
        assert!(!list.has_next(true, None));
        assert_eq!(list.take_next(true, None), None);
    }
}
