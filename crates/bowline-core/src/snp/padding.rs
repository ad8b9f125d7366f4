//! The extension frame that makes a packet as long as a path is asked to take (docs/extensions.md).

use crate::limits;
use crate::snp::encode::FrameWriter;

/// Kind of the frame that means nothing.
pub const PADDING: u8 = 3;

/// Lead byte and length of the frame, as long as the length is 128 or more.
const OVERHEAD: usize = 1 + 2;

/// Fills the packet up with zeros. There is room for 131 bytes at least.
pub fn write_padding(writer: &mut FrameWriter<'_>) {
    const ZEROS: [u8; limits::MAX_GROWN_DATAGRAM] = [0; limits::MAX_GROWN_DATAGRAM];
    let len = writer.room().saturating_sub(OVERHEAD);
    debug_assert!(len >= 128, "the length takes two bytes");
    writer.extension(PADDING, ZEROS.get(..len).unwrap_or(&ZEROS));
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::ids::PacketNumber;

    #[test]
    fn fills_the_packet_to_the_last_byte() {
        for budget in [131, 1200, limits::MAX_GROWN_DATAGRAM] {
            let mut out = Vec::new();
            let mut writer = FrameWriter::new(&mut out, PacketNumber::new(2), budget);
            write_padding(&mut writer);
            assert_eq!(writer.finish(), budget);
        }
    }
}
