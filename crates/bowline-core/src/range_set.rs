//! A set of numbers kept as sorted, disjoint, non-adjacent ranges.
//!
//! Used for stream positions and packet numbers, where almost everything happens at one of the two
//! ends. Ranges in the middle cost a move of what follows; callers bound how many there are.

use alloc::collections::VecDeque;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

/// Sorted, disjoint, non-adjacent ranges of `u64`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct RangeSet {
    ranges: VecDeque<Range<u64>>,
}

impl RangeSet {
    /// The empty set.
    pub(crate) const fn new() -> Self {
        Self {
            ranges: VecDeque::new(),
        }
    }

    /// Adds a range; returns how many numbers are new.
    pub(crate) fn insert(&mut self, new: Range<u64>) -> u64 {
        if new.is_empty() {
            return 0;
        }
        let size = new.end - new.start;
        match self.ranges.back_mut() {
            None => {
                // Most sets have one range all their life.
                self.ranges.reserve_exact(1);
                self.ranges.push_back(new);
                return size;
            }
            Some(last) if last.end == new.start => {
                last.end = new.end;
                return size;
            }
            Some(last) if last.end < new.start => {
                self.ranges.push_back(new);
                return size;
            }
            Some(_) => {}
        }
        self.insert_slow(new)
    }

    /// Takes a range out; returns how many numbers were in it.
    pub(crate) fn remove(&mut self, gone: Range<u64>) -> u64 {
        let mut removed = 0;
        if gone.is_empty() {
            return removed;
        }
        let mut index = self.first_ending_after(gone.start);
        while let Some(range) = self.ranges.get_mut(index) {
            if range.start >= gone.end {
                break;
            }
            let cut = range.start.max(gone.start)..range.end.min(gone.end);
            removed += cut.end - cut.start;
            let (head, tail) = (range.start..cut.start, cut.end..range.end);
            if head.is_empty() && tail.is_empty() {
                self.ranges.remove(index);
                continue;
            }
            if head.is_empty() {
                *range = tail;
            } else {
                *range = head;
                if !tail.is_empty() {
                    self.ranges.insert(index + 1, tail);
                }
            }
            index += 1;
        }
        removed
    }

    /// Forgets everything below `bound`.
    pub(crate) fn remove_below(&mut self, bound: u64) {
        while let Some(first) = self.ranges.front_mut() {
            if first.end <= bound {
                self.ranges.pop_front();
                continue;
            }
            first.start = first.start.max(bound);
            return;
        }
    }

    /// The lowest range.
    pub(crate) fn first(&self) -> Option<Range<u64>> {
        self.ranges.front().cloned()
    }

    /// Takes at most `max` numbers from the low end, as one range.
    pub(crate) fn take_first(&mut self, max: u64) -> Option<Range<u64>> {
        let first = self.ranges.front_mut()?;
        let end = first.end.min(first.start.saturating_add(max));
        let taken = first.start..end;
        first.start = end;
        if first.is_empty() {
            self.ranges.pop_front();
        }
        Some(taken)
    }

    /// Whether `value` is in the set.
    #[cfg(test)]
    pub(crate) fn contains(&self, value: u64) -> bool {
        self.ranges
            .get(self.first_ending_after(value))
            .is_some_and(|range| range.start <= value)
    }

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        crate::memory::of_deque(&self.ranges)
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.ranges.shrink_to_fit();
    }

    /// How many ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges, lowest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Range<u64>> {
        self.ranges.iter()
    }

    /// The parts of `whole` that are not in the set, lowest first.
    pub(crate) fn missing_in(&self, whole: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let from = self.first_ending_after(whole.start);
        let mut at = whole.start;
        let mut inside = self.ranges.range(from..);
        core::iter::from_fn(move || {
            while at < whole.end {
                let Some(range) = inside.next() else {
                    let rest = at..whole.end;
                    at = whole.end;
                    return Some(rest);
                };
                let hole = at..range.start.min(whole.end);
                at = range.end.max(at);
                if !hole.is_empty() {
                    return Some(hole);
                }
            }
            None
        })
    }

    fn first_ending_after(&self, value: u64) -> usize {
        self.ranges.partition_point(|range| range.end <= value)
    }

    fn insert_slow(&mut self, new: Range<u64>) -> u64 {
        // Ranges that touch or overlap the new one melt into it.
        let from = self.ranges.partition_point(|range| range.end < new.start);
        let to = self.ranges.partition_point(|range| range.start <= new.end);
        let mut merged = new.clone();
        let mut known = 0;
        for range in self.ranges.range(from..to) {
            merged.start = merged.start.min(range.start);
            merged.end = merged.end.max(range.end);
            let overlap = range.start.max(new.start)..range.end.min(new.end);
            known += overlap.end.saturating_sub(overlap.start);
        }
        if from == to {
            self.ranges.insert(from, merged);
        } else {
            if let Some(slot) = self.ranges.get_mut(from) {
                *slot = merged;
            }
            self.ranges.drain(from + 1..to);
        }
        (new.end - new.start) - known
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn numbers(set: &RangeSet) -> Vec<u64> {
        set.iter().cloned().flatten().collect()
    }

    #[test]
    fn neighbours_melt_into_one() {
        let mut set = RangeSet::new();
        assert_eq!(set.insert(5..7), 2);
        assert_eq!(set.insert(10..12), 2);
        assert_eq!(set.insert(7..10), 3);
        assert_eq!(set.len(), 1);
        assert_eq!(set.first(), Some(5..12));
        assert_eq!(set.insert(4..13), 2);
        assert_eq!(set.insert(6..8), 0);
    }

    #[test]
    fn missing_parts_are_told() {
        let mut set = RangeSet::new();
        set.insert(2..4);
        set.insert(6..8);
        let holes = |whole| {
            set.missing_in(whole)
                .map(|hole| (hole.start, hole.end))
                .collect::<Vec<_>>()
        };
        assert_eq!(holes(0..10), [(0, 2), (4, 6), (8, 10)]);
        assert_eq!(holes(3..7), [(4, 6)]);
        assert_eq!(holes(2..4), []);
        assert_eq!(holes(20..21), [(20, 21)]);
    }

    proptest! {
        #[test]
        fn behaves_like_a_set(ops in prop::collection::vec((0u8..4, 0u64..60, 0u64..12), 0..80)) {
            let mut set = RangeSet::new();
            let mut model = BTreeSet::new();
            for (op, start, len) in ops {
                let range = start..start + len;
                match op {
                    0 | 1 => {
                        let before = model.len();
                        model.extend(range.clone());
                        prop_assert_eq!(set.insert(range), (model.len() - before) as u64);
                    }
                    2 => {
                        let before = model.len();
                        model.retain(|n| !range.contains(n));
                        prop_assert_eq!(set.remove(range), (before - model.len()) as u64);
                    }
                    _ => {
                        if let Some(taken) = set.take_first(len.max(1)) {
                            for n in taken {
                                prop_assert!(model.remove(&n));
                            }
                        }
                    }
                }
                prop_assert_eq!(numbers(&set), model.iter().copied().collect::<Vec<_>>());
                let apart = set.iter().zip(set.iter().skip(1)).all(|(a, b)| a.end < b.start);
                prop_assert!(apart, "ranges touch: {:?}", set);
                let missing: Vec<u64> = set.missing_in(0..72).flatten().collect();
                let expected: Vec<u64> = (0..72).filter(|n| !model.contains(n)).collect();
                prop_assert_eq!(missing, expected);
                prop_assert_eq!(set.contains(30), model.contains(&30));
            }
        }
    }
}
