//! Data with a channel's number before it (RFC 8656, section 12.4).

use alloc::vec::Vec;
use core::ops::Range;

use crate::wire::cursor::Reader;

/// What goes before the data.
pub(super) const HEADER_LEN: usize = 4;
/// The numbers that a channel may have (RFC 8656, section 12).
pub(super) const FIRST_CHANNEL: u16 = 0x4000;
pub(super) const LAST_CHANNEL: u16 = 0x4FFF;

/// The channel, and where the data is. `None` if it is not such a datagram.
pub(super) fn parse(datagram: &[u8]) -> Option<(u16, Range<usize>)> {
    let mut reader = Reader::new(datagram);
    let channel = u16::from_be_bytes(reader.array()?);
    let len = usize::from(u16::from_be_bytes(reader.array()?));
    // Over UDP there need be no padding, but there may be.
    let padding = reader.len().checked_sub(len)?;
    let is_valid = (FIRST_CHANNEL..=LAST_CHANNEL).contains(&channel) && padding < 4;
    is_valid.then_some((channel, HEADER_LEN..HEADER_LEN + len))
}

/// Appends a datagram.
pub(super) fn write(channel: u16, payload: &[u8], out: &mut Vec<u8>) {
    debug_assert!(payload.len() <= usize::from(u16::MAX), "too long to relay");
    out.extend_from_slice(&channel.to_be_bytes());
    out.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_comes_back_with_its_channel() {
        let mut out = Vec::new();
        write(0x4001, b"hello", &mut out);
        assert_eq!(out, b"\x40\x01\0\x05hello");
        assert_eq!(parse(&out), Some((0x4001, 4..9)));
        for _ in 0..3 {
            out.push(0);
            assert_eq!(parse(&out), Some((0x4001, 4..9)));
        }
        out.push(0);
        assert_eq!(parse(&out), None);
    }

    #[test]
    fn what_is_cut_off_or_out_of_range_is_none() {
        for bytes in [
            &b""[..],
            b"\x40\0\0",
            b"\x40\0\0\x01",
            b"\x3F\xFF\0\0",
            b"\x50\0\0\0",
        ] {
            assert_eq!(parse(bytes), None);
        }
        assert_eq!(parse(b"\x4F\xFF\0\0"), Some((0x4FFF, 4..4)));
    }
}
