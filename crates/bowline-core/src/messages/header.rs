//! The bytes before each message: a byte of flags and the channel.
//!
//! GNS e707b3a: csteamnetworkingmessages.cpp, `SendMessageToUser`, `ReceivedMessage`.

use crate::counters::DropReason;

/// So many bytes stand before those of the application.
pub const HEADER: usize = 5;

/// A channel follows; no other flag is known.
const HAS_CHANNEL: u8 = 1;

/// What stands before a message on that channel.
pub const fn header(channel: i32) -> [u8; HEADER] {
    let [a, b, c, d] = channel.to_le_bytes();
    [HAS_CHANNEL, a, b, c, d]
}

/// The channel of a message.
///
/// # Errors
/// If there is no such header.
pub(super) fn parse(message: &[u8]) -> Result<i32, DropReason> {
    match message {
        [flags, a, b, c, d, ..] if *flags & HAS_CHANNEL != 0 => {
            Ok(i32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => Err(DropReason::BadSessionHeader),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_is_little_endian_after_a_one() {
        assert_eq!(header(0), [1, 0, 0, 0, 0]);
        assert_eq!(header(0x0102_0304), [1, 4, 3, 2, 1]);
        assert_eq!(header(-1), [1, 0xFF, 0xFF, 0xFF, 0xFF]);
    }

    #[test]
    fn every_channel_comes_back() {
        for channel in [0, 1, -1, 77, i32::MIN, i32::MAX] {
            assert_eq!(parse(&header(channel)), Ok(channel));
        }
        let mut message = header(5).to_vec();
        message.extend_from_slice(b"body");
        assert_eq!(parse(&message), Ok(5));
    }

    #[test]
    fn what_is_short_or_of_another_kind_is_refused() {
        let whole = header(3);
        for len in 0..whole.len() {
            let cut = whole.get(..len).unwrap();
            assert_eq!(parse(cut), Err(DropReason::BadSessionHeader));
        }
        assert_eq!(
            parse(&[0, 3, 0, 0, 0, 9]),
            Err(DropReason::BadSessionHeader)
        );
        assert_eq!(parse(&[3, 3, 0, 0, 0]), Ok(3), "flags of later versions");
    }
}
