//! Puts unreliable messages together from fragments.
//!
//! A message in one segment never comes here. Fragments are held per connection, first come first
//! kept, without a timeout: the bound on their number throws out the oldest message instead.

use alloc::collections::BTreeMap;

use bytes::Bytes;
use bytes::BytesMut;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::limits;

/// Fragments of unreliable messages that are not whole yet, of all lanes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Fragments {
    held: BTreeMap<Key, Fragment>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
struct Key {
    lane: LaneIndex,
    number: MessageNumber,
    offset: u32,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Fragment {
    data: Bytes,
    last: bool,
}

impl Fragments {
    /// Adds a fragment; returns the message if it is whole now. The caller checked the sizes.
    pub(crate) fn add(
        &mut self,
        lane: LaneIndex,
        number: MessageNumber,
        offset: u32,
        last: bool,
        data: &[u8],
    ) -> Option<Bytes> {
        let key = Key {
            lane,
            number,
            offset,
        };
        if self.held.contains_key(&key) {
            return None;
        }
        if self.held.len() >= limits::MAX_UNRELIABLE_FRAGMENTS {
            self.drop_oldest(lane);
        }
        let data = Bytes::copy_from_slice(data);
        self.held.insert(key, Fragment { data, last });
        self.assemble(lane, number)
    }

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let bytes = self.held.values().map(|fragment| fragment.data.len());
        crate::memory::of_map(&self.held) + bytes.sum::<usize>()
    }

    /// Overwrites the bytes of all fragments with zeros.
    pub(crate) fn blank(&mut self) {
        for fragment in self.held.values_mut() {
            fragment.data = alloc::vec![0; fragment.data.len()].into();
        }
    }

    /// Whether this message could still be waiting for fragments.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.held.len()
    }

    /// Drops the oldest message of the lane, or of the lowest lane if this one has none.
    fn drop_oldest(&mut self, lane: LaneIndex) {
        let first_of_lane = Key {
            lane,
            number: MessageNumber::NONE,
            offset: 0,
        };
        let oldest = self
            .held
            .range(first_of_lane..)
            .next()
            .filter(|(key, _)| key.lane == lane)
            .or_else(|| self.held.iter().next())
            .map(|(key, _)| *key);
        if let Some(oldest) = oldest {
            self.remove(oldest.lane, oldest.number);
        }
    }

    /// The message, if its fragments form a chain from offset 0 to one that ends it.
    fn assemble(&mut self, lane: LaneIndex, number: MessageNumber) -> Option<Bytes> {
        let mut len = 0usize;
        let mut whole = false;
        for (key, fragment) in self.held.range(message_range(lane, number)) {
            let offset = key.offset as usize;
            if offset > len {
                return None;
            }
            len = len.max(offset + fragment.data.len());
            if fragment.last {
                whole = true;
                break;
            }
        }
        if !whole {
            return None;
        }
        let mut message = BytesMut::with_capacity(len);
        for (key, fragment) in self.held.range(message_range(lane, number)) {
            // Fragments may overlap; what came first in the message stays.
            let known = message.len().saturating_sub(key.offset as usize);
            message.extend_from_slice(fragment.data.get(known..).unwrap_or(&[]));
            if fragment.last {
                break;
            }
        }
        self.remove(lane, number);
        Some(message.freeze())
    }

    fn remove(&mut self, lane: LaneIndex, number: MessageNumber) {
        while let Some((key, _)) = self.held.range(message_range(lane, number)).next() {
            let key = *key;
            self.held.remove(&key);
        }
    }
}

fn message_range(lane: LaneIndex, number: MessageNumber) -> core::ops::RangeInclusive<Key> {
    let key = |offset| Key {
        lane,
        number,
        offset,
    };
    key(0)..=key(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(
        fragments: &mut Fragments,
        number: u64,
        offset: u32,
        last: bool,
        data: &[u8],
    ) -> Option<Bytes> {
        let number = MessageNumber::new(number);
        fragments.add(LaneIndex::ZERO, number, offset, last, data)
    }

    #[test]
    fn fragments_in_any_order_make_the_message() {
        let mut fragments = Fragments::default();
        assert_eq!(add(&mut fragments, 1, 4, true, b"ef"), None);
        assert_eq!(add(&mut fragments, 1, 0, false, b"ab"), None);
        assert_eq!(add(&mut fragments, 1, 2, false, b"cd").unwrap(), "abcdef");
        assert_eq!(fragments.len(), 0);
    }

    #[test]
    fn overlaps_are_legal_and_gaps_are_not() {
        let mut fragments = Fragments::default();
        add(&mut fragments, 1, 0, false, b"abcd");
        assert_eq!(add(&mut fragments, 1, 5, true, b"f"), None);
        assert_eq!(add(&mut fragments, 1, 2, false, b"xxe").unwrap(), "abcdef");
    }

    #[test]
    fn the_first_fragment_at_an_offset_wins() {
        let mut fragments = Fragments::default();
        add(&mut fragments, 1, 0, false, b"ab");
        add(&mut fragments, 1, 0, false, b"XY");
        assert_eq!(add(&mut fragments, 1, 2, true, b"c").unwrap(), "abc");
    }

    #[test]
    fn an_empty_last_fragment_completes() {
        let mut fragments = Fragments::default();
        add(&mut fragments, 1, 0, false, b"ab");
        assert_eq!(add(&mut fragments, 1, 2, true, b"").unwrap(), "ab");
    }

    #[test]
    fn limit_fragments_held() {
        let mut fragments = Fragments::default();
        for number in 1..1000 {
            add(&mut fragments, number, 0, false, &[0; 1000]);
        }
        assert_eq!(fragments.len(), limits::MAX_UNRELIABLE_FRAGMENTS);
        assert!(add(&mut fragments, 999, 1000, true, b"z").is_some());
    }
}
