//! What the extension frames of a sealed close carry (docs/extensions.md).

use alloc::string::String;
use alloc::vec::Vec;

use crate::end_reason::EndReason;
use crate::wire::cursor::Reader;
use crate::wire::udp::cut_text;
use crate::wire::varint;

/// Kind of the frame that ends a connection: reason as a varint, then the text.
pub const CLOSE: u8 = 0;
/// Kind of the frame that says that the peer's close arrived: empty.
pub const CLOSE_ACK: u8 = 1;

/// The data of a close frame. A text that is too long is cut between characters.
pub fn encode_close(reason: EndReason, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    varint::encode(&mut out, u64::from(reason.code()));
    out.extend_from_slice(cut_text(text).as_bytes());
    out
}

/// Reads the data of a close frame; `None` if it has no reason.
pub fn parse_close(data: &[u8]) -> Option<(EndReason, String)> {
    let mut reader = Reader::new(data);
    let reason = EndReason::new(reader.varint_u32()?);
    let text = String::from_utf8_lossy(reader.take_rest());
    Some((reason, cut_text(&text).into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::MAX_CLOSE_TEXT;

    #[test]
    fn layout_of_a_close() {
        let data = encode_close(EndReason::new(1000), "bye");
        assert_eq!(data, [0xE8, 0x07, b'b', b'y', b'e']);
        assert_eq!(parse_close(&[]), None);
        assert_eq!(parse_close(&[0xFF; 6]), None);
    }

    proptest! {
        #[test]
        fn comes_back(code: u32, text in "[a-z\u{e4}]{0,200}") {
            let reason = EndReason::new(code);
            let (back, read) = parse_close(&encode_close(reason, &text)).unwrap();
            prop_assert_eq!(back, reason);
            prop_assert!(text.starts_with(&read) && read.len() <= MAX_CLOSE_TEXT);
        }

        #[test]
        fn any_bytes_are_survived(data in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some((_, text)) = parse_close(&data) {
                prop_assert!(text.len() <= MAX_CLOSE_TEXT);
            }
        }
    }
}
