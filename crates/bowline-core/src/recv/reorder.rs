//! Packets that came before one that was sent earlier: kept for a moment, so that the order is restored.
//!
//! Packets of one batch that are merely swapped are put right without waiting. What waits has been
//! decrypted, so that nobody but the peer can make anything wait. A lost packet delays those behind it by
//! the window at most; acknowledgements count from the arrival, and gaps are not reported as lost before
//! [`crate::limits::NACK_HOLD`], which is longer than the usual window. In order nothing is copied.
//!
//! DIFFERS: GNS has the setting but nothing behind it for UDP (wire.md 9).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PacketNumber;
use crate::limits;
use crate::time::Span;
use crate::time::Timestamp;

/// Packets that wait for those before them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Reorder {
    /// How long; zero is not at all.
    window: Span,
    /// By number.
    held: VecDeque<HeldPacket>,
}

/// A packet that waits: header and plaintext.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct HeldPacket {
    pub(crate) number: PacketNumber,
    pub(crate) arrived: Timestamp,
    pub(crate) bytes: Vec<u8>,
    /// Where the plaintext begins.
    pub(crate) payload_at: usize,
    /// How long the packet was on the wire.
    pub(crate) wire_len: usize,
}

impl Reorder {
    pub(crate) const fn new(window: Span) -> Self {
        Self {
            window,
            held: VecDeque::new(),
        }
    }

    pub(crate) const fn set_window(&mut self, window: Span) {
        self.window = window;
    }

    /// Whether a packet should wait, with `highest` the last that went through.
    #[inline]
    pub(crate) fn wants(&self, highest: PacketNumber, number: PacketNumber) -> bool {
        let ahead = number.get().saturating_sub(highest.get());
        ahead > 1
            && ahead <= 1 + limits::MAX_REORDER_HELD as u64
            && self.held.len() < limits::MAX_REORDER_HELD
            && !self.window.is_zero()
    }

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let bytes = self.held.iter().map(|held| held.bytes.capacity());
        crate::memory::of_deque(&self.held) + bytes.sum::<usize>()
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.held.shrink_to_fit();
    }

    /// Keeps a packet. Its number must not be here yet.
    pub(crate) fn hold(&mut self, packet: HeldPacket) {
        let at = self
            .held
            .partition_point(|held| held.number < packet.number);
        self.held.insert(at, packet);
    }

    /// Whether a packet of this number waits.
    #[inline]
    pub(crate) fn contains(&self, number: PacketNumber) -> bool {
        self.held.iter().any(|held| held.number == number)
    }

    /// Takes out the packet that follows `highest`, or, when one here has waited long enough, the first.
    #[inline]
    pub(crate) fn next(&mut self, now: Timestamp, highest: PacketNumber) -> Option<HeldPacket> {
        let first = self.held.front()?;
        let due = self.due().is_some_and(|at| at <= now);
        if first.number > highest.next() && !due {
            return None;
        }
        self.held.pop_front()
    }

    /// Takes out the first packet.
    pub(crate) fn pop(&mut self) -> Option<HeldPacket> {
        self.held.pop_front()
    }

    /// The packets that wait.
    pub(crate) fn held_mut(&mut self) -> impl Iterator<Item = &mut HeldPacket> {
        self.held.iter_mut()
    }

    /// When one has waited long enough.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let earliest = self.held.iter().map(|held| held.arrived).min()?;
        Some(earliest + self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u64) -> PacketNumber {
        PacketNumber::new(number)
    }

    fn at(us: u64) -> Timestamp {
        Timestamp::from_micros(us)
    }

    fn hold(reorder: &mut Reorder, n: u64, us: u64) {
        assert!(reorder.wants(number(1), number(n)));
        reorder.hold(HeldPacket {
            number: number(n),
            arrived: at(us),
            bytes: Vec::new(),
            payload_at: 0,
            wire_len: 0,
        });
    }

    fn next(reorder: &mut Reorder, us: u64, highest: u64) -> Option<u64> {
        let packet = reorder.next(at(us), number(highest))?;
        Some(packet.number.get())
    }

    #[test]
    fn only_what_is_ahead_waits() {
        let reorder = Reorder::new(Span::from_millis(1));
        assert!(!reorder.wants(number(7), number(6)));
        assert!(!reorder.wants(number(7), number(8)));
        assert!(reorder.wants(number(7), number(9)));
        assert!(!Reorder::new(Span::ZERO).wants(number(7), number(9)));
    }

    #[test]
    fn packets_leave_in_order_when_the_gap_is_filled_or_the_time_is_up() {
        let mut reorder = Reorder::new(Span::from_millis(1));
        hold(&mut reorder, 6, 30);
        hold(&mut reorder, 3, 20);
        hold(&mut reorder, 4, 10);
        assert!(reorder.contains(number(4)) && !reorder.contains(number(5)));
        assert_eq!(next(&mut reorder, 50, 1), None);
        assert_eq!(next(&mut reorder, 50, 2), Some(3));
        assert_eq!(next(&mut reorder, 50, 3), Some(4));
        assert_eq!(next(&mut reorder, 50, 4), None);
        assert_eq!(reorder.due(), Some(at(1_030)));
        assert_eq!(next(&mut reorder, 1_029, 4), None);
        assert_eq!(next(&mut reorder, 1_030, 4), Some(6));
        assert_eq!((reorder.due(), reorder.pop().is_none()), (None, true));
    }

    #[test]
    fn limit_reordered_packets() {
        let mut reorder = Reorder::new(Span::from_millis(1));
        let most = limits::MAX_REORDER_HELD as u64;
        assert!(!reorder.wants(number(1), number(most + 3)), "too far ahead");
        for n in 3..most + 3 {
            hold(&mut reorder, n, 0);
        }
        assert!(!reorder.wants(number(1), number(4)));
    }
}
