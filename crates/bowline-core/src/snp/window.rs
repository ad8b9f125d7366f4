//! The extension frame that tells a receive window (docs/extensions.md).

use crate::snp::encode::FrameWriter;
use crate::wire::cursor::Reader;
use crate::wire::varint;

/// Kind of the frame that tells the window.
pub const WINDOW: u8 = 2;

/// Writes the frame: how many bytes may be sent ahead of the oldest one that is missing, over all lanes.
pub fn write_window(writer: &mut FrameWriter<'_>, bytes: u64) {
    let mut data = [0; varint::MAX_LEN];
    let len = varint::encode_into(bytes, &mut data);
    writer.extension(WINDOW, data.get(..len).unwrap_or(&data));
}

/// Reads the data of the frame; `None` if there is no number in it.
pub fn parse_window(data: &[u8]) -> Option<u64> {
    Reader::new(data).varint_u64()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::ids::PacketNumber;

    /// Lead byte and length of the frame.
    const OVERHEAD: usize = 2;

    fn data(bytes: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = FrameWriter::new(&mut out, PacketNumber::new(2), 100);
        write_window(&mut writer, bytes);
        assert_eq!(writer.finish(), OVERHEAD + varint::encoded_len(bytes));
        out.split_off(OVERHEAD)
    }

    proptest! {
        #[test]
        fn any_window_comes_back(bytes: u64, mut more: Vec<u8>) {
            let mut data = data(bytes);
            data.append(&mut more);
            prop_assert_eq!(parse_window(&data), Some(bytes));
        }

        #[test]
        fn what_is_read_is_written_the_same(bytes: Vec<u8>) {
            if let Some(window) = parse_window(&bytes) {
                prop_assert_eq!(parse_window(&data(window)), Some(window));
            }
        }
    }

    #[test]
    fn comes_back_and_may_grow_parameters() {
        for bytes in [0, 1, 1 << 20, u64::MAX] {
            assert_eq!(parse_window(&data(bytes)), Some(bytes));
        }
        assert_eq!(parse_window(&[5, 99]), Some(5));
        assert_eq!(parse_window(&[]), None);
        assert_eq!(parse_window(&[0xFF; 20]), None);
    }
}
