//! Which packet numbers were received already.
//!
//! DIFFERS: GNS remembers 64 to 127 packets, and after a jump of 100 refuses everything older
//! (wire.md 2.4). We remember 1024 and have no such rule: that takes more late packets, costs 128
//! bytes, and no peer can tell.

use serde::{Deserialize, Serialize};

use crate::counters::DropReason;
use crate::ids::{PacketNumber, WirePacketNumber};
use crate::limits::{MAX_PACKET_NUMBER_JUMP, REPLAY_WINDOW};

/// The received ones among the last [`REPLAY_WINDOW`] packet numbers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReplayWindow {
    highest: PacketNumber,
    /// A ring of bits: packet number `n` has bit `n % REPLAY_WINDOW`.
    received: [u64; WORDS],
}

/// How a packet came in relative to those before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// The one after the highest so far.
    Next,
    /// Further on.
    Ahead {
        /// How many numbers in between have not been received.
        skipped: u64,
    },
    /// Below the highest so far: out of order.
    Late,
}

const WORDS: usize = 16;
const _: () = assert!(REPLAY_WINDOW == 64 * WORDS as u64);

impl ReplayWindow {
    /// A window in which `highest` and everything below count as received: 1 for peers of protocol
    /// version 10 and later, whose handshake packets are number 1, else 0.
    pub const fn new(highest: PacketNumber) -> Self {
        Self {
            highest,
            received: [u64::MAX; WORDS],
        }
    }

    /// Remembers an authentic packet whose number passed [`Self::check`].
    pub fn mark(&mut self, number: PacketNumber) -> Arrival {
        let ahead = number.get().saturating_sub(self.highest.get());
        if ahead == 0 {
            debug_assert!(!self.contains(number), "marked without a check");
            self.set(number);
            return Arrival::Late;
        }
        self.forget(self.highest.next(), ahead.min(REPLAY_WINDOW));
        self.highest = number;
        self.set(number);
        match ahead {
            1 => Arrival::Next,
            _ => Arrival::Ahead { skipped: ahead - 1 },
        }
    }

    /// The highest number received.
    pub const fn highest(&self) -> PacketNumber {
        self.highest
    }

    /// The full number of a packet that may be new. It is not yet authentic and nothing is remembered.
    ///
    /// # Errors
    /// [`DropReason::DuplicatePacket`] if it was received before or is too old to tell,
    /// [`DropReason::BadPacketNumber`] if it lies before the first packet.
    pub fn check(&self, wire: WirePacketNumber) -> Result<PacketNumber, DropReason> {
        let number = wire
            .expand(self.highest)
            .ok_or(DropReason::BadPacketNumber)?;
        if self.contains(number) {
            return Err(DropReason::DuplicatePacket);
        }
        Ok(number)
    }

    /// Whether an authentic packet is so far ahead that the connection must end (wire.md 2.4).
    pub const fn is_fatal_jump(&self, number: PacketNumber) -> bool {
        number.get().saturating_sub(self.highest.get()) > MAX_PACKET_NUMBER_JUMP
    }

    /// Whether `number` was received, or is too old to tell.
    fn contains(&self, number: PacketNumber) -> bool {
        let Some(age) = self.highest.get().checked_sub(number.get()) else {
            return false;
        };
        let (word, bit) = position(number.get());
        age >= REPLAY_WINDOW || self.received.get(word).is_none_or(|bits| bits & bit != 0)
    }

    fn set(&mut self, number: PacketNumber) {
        let (word, bit) = position(number.get());
        if let Some(bits) = self.received.get_mut(word) {
            *bits |= bit;
        }
    }

    /// Clears `count` numbers from `first` on, a word at a time.
    fn forget(&mut self, first: PacketNumber, count: u64) {
        let mut at = first.get();
        let mut left = count;
        while left > 0 {
            let (word, lowest) = position(at);
            let in_word = left.min(64 - at % 64);
            let run = u64::MAX >> (64 - in_word);
            if let Some(bits) = self.received.get_mut(word) {
                *bits &= !run.wrapping_mul(lowest);
            }
            at = at.wrapping_add(in_word);
            left -= in_word;
        }
    }
}

/// The word of a packet number, and its bit in that word.
const fn position(number: u64) -> (usize, u64) {
    let word = (number / 64 % WORDS as u64) as usize;
    (word, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn receive(window: &mut ReplayWindow, number: u64) -> Result<Arrival, DropReason> {
        let number = PacketNumber::new(number);
        let expanded = window.check(number.to_wire())?;
        assert_eq!(expanded, number);
        Ok(window.mark(number))
    }

    #[test]
    fn handshake_packet_counts_as_number_one() {
        let mut window = ReplayWindow::new(PacketNumber::new(1));
        assert_eq!(receive(&mut window, 1), Err(DropReason::DuplicatePacket));
        assert_eq!(receive(&mut window, 0), Err(DropReason::DuplicatePacket));
        assert_eq!(receive(&mut window, 2), Ok(Arrival::Next));

        let mut older_peer = ReplayWindow::new(PacketNumber::new(0));
        assert_eq!(receive(&mut older_peer, 1), Ok(Arrival::Next));
    }

    #[test]
    fn number_before_the_first_packet_is_refused() {
        let window = ReplayWindow::new(PacketNumber::new(1));
        assert_eq!(
            window.check(WirePacketNumber::new(0xFFF0)),
            Err(DropReason::BadPacketNumber)
        );
    }

    #[test]
    fn each_number_is_taken_once_in_any_order() {
        let mut window = ReplayWindow::new(PacketNumber::new(1));
        assert_eq!(receive(&mut window, 5), Ok(Arrival::Ahead { skipped: 3 }));
        assert_eq!(receive(&mut window, 3), Ok(Arrival::Late));
        assert_eq!(receive(&mut window, 3), Err(DropReason::DuplicatePacket));
        assert_eq!(receive(&mut window, 5), Err(DropReason::DuplicatePacket));
        assert_eq!(receive(&mut window, 6), Ok(Arrival::Next));
        assert_eq!(receive(&mut window, 2), Ok(Arrival::Late));
    }

    #[test]
    fn limit_replay_window() {
        let mut window = ReplayWindow::new(PacketNumber::new(1));
        receive(&mut window, 5000).unwrap();
        let oldest = 5001 - REPLAY_WINDOW;
        assert_eq!(receive(&mut window, oldest), Ok(Arrival::Late));
        assert_eq!(
            receive(&mut window, oldest - 1),
            Err(DropReason::DuplicatePacket)
        );
    }

    #[test]
    fn limit_max_packet_number_jump() {
        let window = ReplayWindow::new(PacketNumber::new(7));
        assert!(!window.is_fatal_jump(PacketNumber::new(7 + MAX_PACKET_NUMBER_JUMP)));
        assert!(window.is_fatal_jump(PacketNumber::new(8 + MAX_PACKET_NUMBER_JUMP)));
        assert!(!window.is_fatal_jump(PacketNumber::new(1)));
    }

    #[test]
    fn survives_the_end_of_the_number_range() {
        let mut window = ReplayWindow::new(PacketNumber::new(u64::MAX - 3));
        assert_eq!(
            receive(&mut window, u64::MAX),
            Ok(Arrival::Ahead { skipped: 2 })
        );
        assert_eq!(receive(&mut window, u64::MAX - 1), Ok(Arrival::Late));
        assert_eq!(
            window.check(WirePacketNumber::new(0)),
            Err(DropReason::BadPacketNumber)
        );
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_with_a_window(
            start in prop_oneof![Just(1_u64), any::<u64>().prop_map(|n| n >> 1)],
            steps in proptest::collection::vec(
                prop_oneof![-1100_i64..1100, -70_i64..70, -0x7000_i64..0x7000], 1..300),
        ) {
            let mut window = ReplayWindow::new(PacketNumber::new(start));
            let mut seen = BTreeSet::new();
            let mut highest = start;
            for step in steps {
                let Some(number) = highest.checked_add_signed(step) else { continue };
                let known = number <= start
                    || number.saturating_add(REPLAY_WINDOW) <= highest
                    || seen.contains(&number);
                let expected = match (known, number.checked_sub(highest)) {
                    (true, _) => Err(DropReason::DuplicatePacket),
                    (false, None | Some(0)) => Ok(Arrival::Late),
                    (false, Some(1)) => Ok(Arrival::Next),
                    (false, Some(gap)) => Ok(Arrival::Ahead { skipped: gap - 1 }),
                };
                prop_assert_eq!(receive(&mut window, number), expected);
                seen.insert(number);
                highest = highest.max(number);
                prop_assert_eq!(window.highest().get(), highest);
            }
        }
    }
}
