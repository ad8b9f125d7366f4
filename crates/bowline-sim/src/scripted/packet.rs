//! A data packet before it is sealed.

use bowline_core::crypto::packet::PacketKey;
use bowline_core::ids::{ConnectionId, PacketNumber};
use bowline_core::wire::data_header;
use bowline_core::wire::stats_blob::{StatsFlags, UdpStats};

use crate::scripted::Frames;

/// A data packet before it is sealed: change whatever is to be wrong with it, then
/// [`seal_packet`](crate::scripted::ScriptedPeer::seal_packet).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packet {
    /// Whose connection the header names.
    pub to: ConnectionId,
    /// The full number: its low 16 bits go into the header, all of it into the nonce.
    pub number: PacketNumber,
    /// More bits for the first byte: 0x7C are those without a meaning in GNS.
    pub flags: u8,
    /// The bytes of the stats message, valid or not.
    pub stats: Option<Vec<u8>>,
    /// Time since the previous packet, in units of 16 us.
    pub time_since_prev_16us: Option<u16>,
    /// The frames.
    pub frames: Frames,
    /// Whether it is encrypted, if the connection is; otherwise the frames go in clear.
    pub is_sealed: bool,
}

impl Packet {
    /// Asks the other end for an acknowledgement.
    #[must_use]
    pub fn asking(mut self, flags: StatsFlags) -> Self {
        let mut blob = Vec::new();
        UdpStats::request(flags).encode(&mut blob);
        self.stats = Some(blob);
        self
    }

    pub(super) fn seal(&self, key: &PacketKey) -> Vec<u8> {
        let mut out = Vec::new();
        let stats = self.stats.as_deref();
        let seq = self.number.to_wire();
        data_header::write(&mut out, self.to, seq, stats, self.time_since_prev_16us);
        out[0] |= self.flags;
        let start = out.len();
        out.extend_from_slice(self.frames.bytes());
        if self.is_sealed {
            key.seal(self.number, &mut out, start);
        }
        out
    }
}
