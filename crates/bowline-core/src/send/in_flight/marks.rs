//! Marks on the entries of a ring, found without looking at those that have none.

use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use crate::limits;

const WORDS: usize = limits::MISSING_PACKETS.div_ceil(64);

/// Marks on entries that are counted from the beginning of the connection; those that may be marked at one
/// time lie within [`limits::MISSING_PACKETS`] of each other.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Marks([u64; WORDS]);

impl Marks {
    pub(super) fn insert(&mut self, entry: u64) {
        if let Some(word) = self.0.get_mut(word_of(entry)) {
            *word |= 1 << (entry % 64);
        }
    }

    pub(super) fn remove(&mut self, entry: u64) {
        if let Some(word) = self.0.get_mut(word_of(entry)) {
            *word &= !(1 << (entry % 64));
        }
    }

    pub(super) fn contains(&self, entry: u64) -> bool {
        self.word(entry) & (1 << (entry % 64)) != 0
    }

    /// The first of `entries` that is marked. Looks at a word for 64 of them.
    pub(super) fn first_in(&self, entries: Range<u64>) -> Option<u64> {
        let mut at = entries.start;
        while at < entries.end {
            let word = self.word(at) >> (at % 64);
            if word != 0 {
                let found = at + u64::from(word.trailing_zeros());
                return (found < entries.end).then_some(found);
            }
            at = (at | 63) + 1;
        }
        None
    }

    /// The last of `entries` that is marked. Looks at a word for 64 of them.
    pub(super) fn last_in(&self, entries: Range<u64>) -> Option<u64> {
        let mut end = entries.end;
        while end > entries.start {
            let last = end - 1;
            let word = self.word(last) << (63 - last % 64);
            if word != 0 {
                let found = last.checked_sub(u64::from(word.leading_zeros()))?;
                return (found >= entries.start).then_some(found);
            }
            end = last & !63;
        }
        None
    }

    fn word(&self, entry: u64) -> u64 {
        super::missing::step();
        self.0.get(word_of(entry)).copied().unwrap_or(0)
    }
}

fn word_of(entry: u64) -> usize {
    usize::try_from(entry / 64 % WORDS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn marks_are_found_as_in_a_set(
            begin in 0..2000u64,
            marked in prop::collection::btree_set(0..512u64, 0..40),
            removed in prop::collection::vec(0..512u64, 0..20),
            (from, to) in (0..512u64, 0..=512u64),
        ) {
            let mut model: BTreeSet<u64> = marked.iter().map(|entry| begin + entry).collect();
            let mut marks = Marks::default();
            model.iter().for_each(|entry| marks.insert(*entry));
            for entry in removed {
                model.remove(&(begin + entry));
                marks.remove(begin + entry);
            }
            let entries = begin + from..begin + to.max(from);
            prop_assert_eq!(marks.first_in(entries.clone()), model.range(entries.clone()).next().copied());
            prop_assert_eq!(marks.last_in(entries.clone()), model.range(entries).next_back().copied());
            prop_assert!((begin..begin + 512).all(|at| marks.contains(at) == model.contains(&at)));
        }
    }
}
