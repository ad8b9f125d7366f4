//! Which packet numbers GNS takes (wire.md 2.4).

use bowline_core::ids::{PacketNumber, WirePacketNumber};

/// From a jump of this size on, everything older counts as received.
const LURCH: u64 = 100;
/// A jump beyond this ends the connection.
pub(super) const FATAL_JUMP: u64 = 0x4000;
/// Packets per mask.
const BLOCK: u64 = 64;

/// The filter for old and duplicate packets: a mask for the block of 64 packets that holds the
/// highest number, and one for the block before it.
#[derive(Clone, Debug)]
pub(super) struct PacketWindow {
    highest: u64,
    current: u64,
    previous: u64,
}

/// What the filter says to a packet number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// New. `jump` is how far it leads the highest number, 0 if it is older.
    New { number: PacketNumber, jump: u64 },
    /// Received before, or too old to tell.
    Duplicate,
}

impl PacketWindow {
    /// Everything up to packet `handshake` counts as received (1 for peers of version 10 and later).
    pub(super) const fn after(handshake: u64) -> Self {
        Self {
            highest: handshake,
            current: bit(handshake) | (bit(handshake) - 1),
            previous: u64::MAX,
        }
    }

    pub(super) fn check(&self, wire: WirePacketNumber) -> Verdict {
        let Some(number) = wire.expand(PacketNumber::new(self.highest)) else {
            return Verdict::Duplicate;
        };
        let value = number.get();
        let jump = value.saturating_sub(self.highest);
        if value > self.highest {
            return Verdict::New { number, jump };
        }
        let block = self.block();
        let seen = if value >= block {
            self.current & bit(value) != 0
        } else if value + BLOCK >= block {
            self.previous & bit(value) != 0
        } else {
            true
        };
        if seen {
            Verdict::Duplicate
        } else {
            Verdict::New { number, jump }
        }
    }

    /// Marks a number that [`Self::check`] called new. Says whether older numbers that are still
    /// missing can no longer be received.
    pub(super) fn mark(&mut self, number: PacketNumber) -> bool {
        let value = number.get();
        let block = self.block();
        if value <= self.highest {
            if value >= block {
                self.current |= bit(value);
            } else {
                self.previous |= bit(value);
            }
            return false;
        }
        let lurch = value - self.highest >= LURCH;
        let new_block = value & !(BLOCK - 1);
        if lurch {
            self.previous = u64::MAX;
            self.current = bit(value) | (bit(value) - 1);
        } else {
            match new_block - block {
                0 => {}
                BLOCK => (self.previous, self.current) = (self.current, 0),
                _ => (self.previous, self.current) = (0, 0),
            }
            self.current |= bit(value);
        }
        self.highest = value;
        lurch
    }

    const fn block(&self) -> u64 {
        self.highest & !(BLOCK - 1)
    }
}

const fn bit(number: u64) -> u64 {
    1 << (number % BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(window: &mut PacketWindow, number: u64) -> bool {
        let number = PacketNumber::new(number);
        match window.check(number.to_wire()) {
            Verdict::New { number: got, .. } => {
                assert_eq!(got, number);
                window.mark(number);
                true
            }
            Verdict::Duplicate => false,
        }
    }

    #[test]
    fn the_first_packet_is_number_two_and_comes_once() {
        let mut window = PacketWindow::after(1);
        assert!(!take(&mut window, 1));
        assert!(take(&mut window, 2));
        assert!(!take(&mut window, 2));
    }

    #[test]
    fn late_packets_are_taken_up_to_64_and_never_from_128() {
        let mut window = PacketWindow::after(1);
        assert!(take(&mut window, 70));
        assert!(take(&mut window, 5));
        assert!(!take(&mut window, 5));
        assert!(take(&mut window, 130));
        assert!(take(&mut window, 66), "64 older");
        assert!(!take(&mut window, 2), "128 older");
        assert!(!take(&mut window, 63), "before the previous block");
    }

    #[test]
    fn a_lurch_makes_older_packets_unreceivable() {
        let mut window = PacketWindow::after(1);
        assert!(take(&mut window, 100));
        assert!(take(&mut window, 200));
        assert!(!take(&mut window, 199));
        assert!(take(&mut window, 201));
        assert!(take(&mut window, 299));
        assert!(take(&mut window, 298));
        let far = PacketNumber::new(299 + FATAL_JUMP + 1);
        let jump = FATAL_JUMP + 1;
        assert_eq!(
            window.check(far.to_wire()),
            Verdict::New { number: far, jump }
        );
    }
}
