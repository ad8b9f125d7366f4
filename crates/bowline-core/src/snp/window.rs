//! What the extension frame of a receive window carries (docs/extensions.md).

use alloc::vec::Vec;

use crate::wire::cursor::Reader;
use crate::wire::varint;

/// Kind of the frame that tells the window.
pub const WINDOW: u8 = 2;

/// The data of the frame: how many bytes may be sent ahead of the oldest one that is missing, over all
/// lanes.
pub fn encode_window(bytes: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint::encode(&mut out, bytes);
    out
}

/// Reads the data of the frame; `None` if there is no number in it.
pub fn parse_window(data: &[u8]) -> Option<u64> {
    Reader::new(data).varint_u64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_window_comes_back(bytes: u64, mut more: Vec<u8>) {
            let mut data = encode_window(bytes);
            data.append(&mut more);
            prop_assert_eq!(parse_window(&data), Some(bytes));
        }

        #[test]
        fn what_is_read_is_written_the_same(data: Vec<u8>) {
            if let Some(bytes) = parse_window(&data) {
                prop_assert_eq!(parse_window(&encode_window(bytes)), Some(bytes));
            }
        }
    }

    #[test]
    fn comes_back_and_may_grow_parameters() {
        for bytes in [0, 1, 1 << 20, u64::MAX] {
            assert_eq!(parse_window(&encode_window(bytes)), Some(bytes));
        }
        assert_eq!(parse_window(&[5, 99]), Some(5));
        assert_eq!(parse_window(&[]), None);
        assert_eq!(parse_window(&[0xFF; 20]), None);
    }
}
