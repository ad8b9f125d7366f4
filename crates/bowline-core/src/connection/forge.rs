//! What a peer can do that holds the keys and means ill: for tests and fuzzing only.

use alloc::vec::Vec;

use crate::connection::Connection;
use crate::ids::PacketNumber;
use crate::recv::Expansion;
use crate::snp::decode::DecodeContext;
use crate::wire::data_header;

impl Connection {
    /// A data packet of this end with any number, stats and plaintext, sealed as its own packets are.
    /// The connection does not know of it. `None` without keys.
    pub fn forge(
        &self,
        number: PacketNumber,
        stats: Option<&[u8]>,
        plaintext: &[u8],
    ) -> Option<Vec<u8>> {
        let (keys, to) = (self.keys.as_ref()?, self.peer.id?);
        let mut packet = Vec::new();
        data_header::write(&mut packet, to, number.to_wire(), stats, None);
        data_header::set_key_phase(&mut packet, keys.phase());
        let start = packet.len();
        packet.extend_from_slice(plaintext);
        keys.send.seal(number, &mut packet, start);
        Some(packet)
    }

    /// What this end completes the abbreviated numbers in received frames against.
    pub fn decode_context(&self) -> impl DecodeContext + '_ {
        Expansion::new(&self.receiver, self.sender.next_number())
    }
}
