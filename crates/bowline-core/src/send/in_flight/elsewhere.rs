//! Packets that went another way than packets go now: they do not fill that one, and what becomes of them says
//! nothing of it (RFC 9000, section 9.4). What they carry is sent again all the same if it is lost.

use crate::send::in_flight::InFlight;
use crate::send::in_flight::Settled;

/// The size that such a packet has from then on.
pub(super) const ELSEWHERE: u16 = 0;

impl InFlight {
    /// Packets go another way from now on: those that are under way count only for what they carry.
    pub(crate) fn leave_way(&mut self) {
        for packet in &mut self.packets {
            packet.bytes = ELSEWHERE;
        }
        self.bytes = 0;
        if let Some(missing) = &mut self.missing {
            missing.leave_way();
        }
    }

    /// Says of the packet that was added last that it went another way than others do.
    pub(crate) fn mark_elsewhere(&mut self) {
        if let Some(packet) = self.packets.back_mut() {
            self.bytes -= u64::from(packet.bytes);
            packet.bytes = ELSEWHERE;
        }
    }
}

impl Settled {
    /// Whether it went another way than packets go now.
    pub(crate) const fn went_elsewhere(&self) -> bool {
        self.bytes == ELSEWHERE
    }
}
