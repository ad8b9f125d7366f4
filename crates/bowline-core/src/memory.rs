//! Counting the heap that collections hold.
//!
//! By capacity where a collection tells it, estimated from above where it does not. What allocators add
//! is left out.

use alloc::collections::BTreeMap;
use alloc::collections::BTreeSet;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Heap of a vector itself, without what its elements hold.
pub(crate) const fn of_vec<T>(vec: &Vec<T>) -> usize {
    vec.capacity() * size_of::<T>()
}

/// Heap of a ring itself, without what its elements hold.
pub(crate) fn of_deque<T>(deque: &VecDeque<T>) -> usize {
    deque.capacity() * size_of::<T>()
}

/// Heap of a map itself, without what its entries hold: nodes are at least about half full.
pub(crate) fn of_map<K, V>(map: &BTreeMap<K, V>) -> usize {
    map.len() * 2 * size_of::<(K, V)>()
}

/// Heap of a set itself.
pub(crate) fn of_set<K>(set: &BTreeSet<K>) -> usize {
    set.len() * 2 * size_of::<K>()
}

/// What several hold together, and on the heap as `heap` says. What one holds who comes right after another that holds it
/// as well is not counted again.
pub(crate) fn of_shared<'a, T: 'a>(
    all: impl Iterator<Item = &'a Arc<T>>,
    heap: impl Fn(&T) -> usize,
) -> usize {
    let mut last: Option<&Arc<T>> = None;
    all.map(|shared| {
        let is_known = last
            .replace(shared)
            .is_some_and(|last| Arc::ptr_eq(last, shared));
        if is_known {
            0
        } else {
            size_of::<T>() + heap(shared)
        }
    })
    .sum()
}

/// Heap of a ring or vector that has grown to `len` elements: capacities double.
pub(crate) const fn grown<T>(len: usize) -> usize {
    // The smallest capacity that is allocated is 4.
    let len = if len < 2 { 2 } else { len };
    len.saturating_mul(2 * size_of::<T>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_grown_is_within_its_bound() {
        let (mut ring, mut vec) = (VecDeque::new(), Vec::new());
        for n in 0..1000u64 {
            ring.push_back(n);
            vec.push(n);
            let len = vec.len();
            assert!((len * 8..=grown::<u64>(len)).contains(&of_deque(&ring)));
            assert!((len * 8..=grown::<u64>(len)).contains(&of_vec(&vec)));
        }
    }
}
