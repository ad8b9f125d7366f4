//! The bytes before each message: a byte of flags and the channel.
//!
//! GNS e707b3a: csteamnetworkingmessages.cpp, `SendMessageToUser`, `ReceivedMessage`. That a message goes on in the next
//! one is ours, and said only where both ends are ([`Profile::pieces`](crate::messages::Profile::pieces)).

use crate::counters::DropReason;

/// So many bytes stand before those of the application.
pub const HEADER: usize = 5;

/// A channel follows.
const HAS_CHANNEL: u8 = 1;
/// The next reliable message of the connection goes on with this one.
const GOES_ON: u8 = 2;

/// What stands before a message on that channel.
pub const fn header(channel: i32) -> [u8; HEADER] {
    with_flags(HAS_CHANNEL, channel)
}

/// What stands before a piece that is not the last of its message.
pub const fn piece_header(channel: i32) -> [u8; HEADER] {
    with_flags(HAS_CHANNEL | GOES_ON, channel)
}

/// What was said before a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) channel: i32,
    pub(super) goes_on: bool,
}

/// What is said before a message.
///
/// # Errors
/// If there is no such header.
pub(super) fn parse(message: &[u8]) -> Result<Header, DropReason> {
    match message {
        [flags, a, b, c, d, ..] if *flags & HAS_CHANNEL != 0 => Ok(Header {
            channel: i32::from_le_bytes([*a, *b, *c, *d]),
            goes_on: *flags & GOES_ON != 0,
        }),
        _ => Err(DropReason::BadSessionHeader),
    }
}

const fn with_flags(flags: u8, channel: i32) -> [u8; HEADER] {
    let [a, b, c, d] = channel.to_le_bytes();
    [flags, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(channel: i32) -> Header {
        Header {
            channel,
            goes_on: false,
        }
    }

    #[test]
    fn the_channel_is_little_endian_after_a_one() {
        assert_eq!(header(0), [1, 0, 0, 0, 0]);
        assert_eq!(header(0x0102_0304), [1, 4, 3, 2, 1]);
        assert_eq!(header(-1), [1, 0xFF, 0xFF, 0xFF, 0xFF]);
    }

    #[test]
    fn every_channel_comes_back() {
        for channel in [0, 1, -1, 77, i32::MIN, i32::MAX] {
            let (whole, piece) = (parse(&header(channel)), parse(&piece_header(channel)));
            assert_eq!(whole, Ok(of(channel)));
            let goes_on = true;
            assert_eq!(piece, Ok(Header { channel, goes_on }));
        }
        let mut message = header(5).to_vec();
        message.extend_from_slice(b"body");
        assert_eq!(parse(&message), Ok(of(5)));
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
        assert_eq!(
            parse(&[5, 3, 0, 0, 0]),
            Ok(of(3)),
            "flags of later versions"
        );
    }
}
