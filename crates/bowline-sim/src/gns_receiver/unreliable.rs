//! How GNS puts unreliable messages together (wire.md 4.3).

use std::collections::BTreeMap;

/// Largest message, and largest piece of one; what is larger is ignored.
const MAX_MESSAGE: u64 = 26_000;
const MAX_PIECE: usize = 1300;
/// With more pieces than this, the oldest message is given up.
const MAX_PIECES: usize = 20;

/// The pieces of messages that are not whole yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Fragments {
    /// By message number and offset: the end of the piece, and whether it is the last.
    pieces: BTreeMap<(u64, u64), (u64, bool)>,
    messages: u64,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// Stored, or delivered.
    Yes,
    /// Stored, but another message was given up for it.
    AtTheExpenseOf(u64),
    /// Ignored: too large.
    No,
}

impl Fragments {
    pub(super) fn insert(&mut self, number: u64, offset: u32, last: bool, len: usize) -> Taken {
        let offset = u64::from(offset);
        let end = offset + len as u64;
        if end > MAX_MESSAGE || len > MAX_PIECE {
            return Taken::No;
        }
        if offset == 0 && last {
            self.messages += 1;
            return Taken::Yes;
        }
        let given_up = self.make_room();
        self.pieces.entry((number, offset)).or_insert((end, last));
        if self.is_whole(number) {
            self.pieces.retain(|key, _| key.0 != number);
            self.messages += 1;
        }
        given_up.map_or(Taken::Yes, Taken::AtTheExpenseOf)
    }

    /// Messages delivered.
    pub(super) const fn messages(&self) -> u64 {
        self.messages
    }

    fn make_room(&mut self) -> Option<u64> {
        if self.pieces.len() <= MAX_PIECES {
            return None;
        }
        let ((oldest, _), _) = self.pieces.first_key_value()?;
        let oldest = *oldest;
        self.pieces.retain(|key, _| key.0 != oldest);
        Some(oldest)
    }

    fn is_whole(&self, number: u64) -> bool {
        let mut reached = 0;
        for ((_, offset), (end, last)) in self.pieces.range((number, 0)..=(number, u64::MAX)) {
            if *offset > reached {
                return false;
            }
            reached = reached.max(*end);
            if *last {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order_make_a_message() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.insert(5, 2000, true, 100), Taken::Yes);
        assert_eq!(fragments.insert(5, 0, false, 1000), Taken::Yes);
        assert_eq!(fragments.messages(), 0);
        assert_eq!(fragments.insert(5, 1000, false, 1000), Taken::Yes);
        assert_eq!(fragments.messages(), 1);
        assert!(fragments.pieces.is_empty());
    }

    #[test]
    fn the_22nd_piece_costs_the_oldest_message() {
        let mut fragments = Fragments::default();
        for number in 1..=21 {
            assert_eq!(fragments.insert(number, 0, false, 10), Taken::Yes);
        }
        assert_eq!(fragments.insert(22, 0, false, 10), Taken::AtTheExpenseOf(1));
        assert_eq!(
            fragments.insert(23, 0, true, 10),
            Taken::Yes,
            "whole at once"
        );
    }

    #[test]
    fn large_pieces_and_messages_are_ignored() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.insert(1, 0, true, 1301), Taken::No);
        assert_eq!(fragments.insert(1, 25_000, true, 1001), Taken::No);
        assert_eq!(fragments.insert(1, 25_000, true, 1000), Taken::Yes);
    }
}
