//! What stands before the encrypted part of a data packet.
//!
//! ```text
//! flags u8 | receiver's connection ID u32 | packet number u16 | [varint length, stats] | [time u16]
//! ```
//!
//! Bit 2 of the flags is ours (docs/extensions.md): the key phase.
//! None of it is authenticated; the packet number is indirectly, because it selects the nonce.
//! GNS e707b3a: steamnetworkingsockets_udp.cpp, `UDPDataMsgHdr`.

use alloc::vec::Vec;

use crate::counters::DropReason;
use crate::ids::{ConnectionId, WirePacketNumber};
use crate::limits::DATA_HEADER;
use crate::wire::cursor::Reader;
use crate::wire::stats_blob::UdpStats;
use crate::wire::varint;

/// Set in the first byte of every data packet and of no other.
pub const FLAG_DATA: u8 = 0x80;

/// The clear part of a received data packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DataHeader<'a> {
    /// The receiver's connection ID.
    pub to: ConnectionId,
    /// The low 16 bits of the packet number.
    pub seq: WirePacketNumber,
    /// The stats message, not parsed yet: [`crate::wire::stats_blob::UdpStats::parse`].
    pub stats: Option<&'a [u8]>,
    /// Time between the sender's previous data packet and this one, in units of 16 us.
    pub time_since_prev_16us: Option<u16>,
    /// The parity of the key epoch, between peers that replace keys (ours; GNS sends zero).
    pub key_phase: bool,
}

impl<'a> DataHeader<'a> {
    /// Reads the header and returns it with the offset of the encrypted part.
    ///
    /// Flag bits 3 to 6 are ignored, as GNS ignores them; it ignores bit 2, too, which is ours.
    ///
    /// # Errors
    /// [`DropReason::TooShort`] below seven bytes, [`DropReason::UnknownKind`] if it is no data
    /// packet, [`DropReason::BadDataHeader`] if a field that the flags announce is not all there.
    #[inline]
    pub fn parse(datagram: &'a [u8]) -> Result<(Self, usize), DropReason> {
        let mut reader = Reader::new(datagram);
        let flags = reader.u8().ok_or(DropReason::TooShort)?;
        if flags & FLAG_DATA == 0 {
            return Err(DropReason::UnknownKind);
        }
        let to = reader.u32().ok_or(DropReason::TooShort)?;
        let seq = reader.u16().ok_or(DropReason::TooShort)?;
        let stats = if flags & FLAG_STATS == 0 {
            None
        } else {
            Some(take_stats(&mut reader).ok_or(DropReason::BadDataHeader)?)
        };
        let time_since_prev_16us = if flags & FLAG_TIME == 0 {
            None
        } else {
            Some(reader.u16().ok_or(DropReason::BadDataHeader)?)
        };
        let header = Self {
            to: ConnectionId::new(to),
            seq: WirePacketNumber::new(seq),
            stats,
            time_since_prev_16us,
            key_phase: flags & FLAG_KEY_PHASE != 0,
        };
        Ok((header, datagram.len().saturating_sub(reader.len())))
    }
}

/// The receiver's connection ID of a data packet, without looking at the rest.
///
/// `None` if it is no data packet or shorter than one.
#[inline]
pub fn peek_to(datagram: &[u8]) -> Option<ConnectionId> {
    let (header, _) = datagram.split_first_chunk::<DATA_HEADER>()?;
    let [flags, a, b, c, d, ..] = *header;
    (flags & FLAG_DATA != 0).then(|| ConnectionId::new(u32::from_le_bytes([a, b, c, d])))
}

/// Appends a header. `time_since_prev` is in units of 16 us; send it only to peers of version 12
/// and later (GNS does the same).
pub fn write(
    out: &mut Vec<u8>,
    to: ConnectionId,
    seq: WirePacketNumber,
    stats: Option<&[u8]>,
    time_since_prev: Option<u16>,
) {
    let stats_flag = if stats.is_some() { FLAG_STATS } else { 0 };
    let time_flag = if time_since_prev.is_some() {
        FLAG_TIME
    } else {
        0
    };
    out.push(FLAG_DATA | stats_flag | time_flag);
    out.extend_from_slice(&to.get().to_le_bytes());
    out.extend_from_slice(&seq.get().to_le_bytes());
    if let Some(stats) = stats {
        varint::encode(out, stats.len() as u64);
        out.extend_from_slice(stats);
    }
    if let Some(time) = time_since_prev {
        out.extend_from_slice(&time.to_le_bytes());
    }
}

/// Appends a header with these stats, or without the field if they say nothing. Flags alone do not
/// allocate. `time_since_prev` as for [`write()`].
pub fn write_with_stats(
    out: &mut Vec<u8>,
    to: ConnectionId,
    seq: WirePacketNumber,
    stats: &UdpStats,
    time_since_prev: Option<u16>,
) {
    let len = stats.encoded_len();
    if len == 0 {
        return write(out, to, seq, None, time_since_prev);
    }
    let time_flag = if time_since_prev.is_some() {
        FLAG_TIME
    } else {
        0
    };
    out.push(FLAG_DATA | FLAG_STATS | time_flag);
    out.extend_from_slice(&to.get().to_le_bytes());
    out.extend_from_slice(&seq.get().to_le_bytes());
    varint::encode(out, len as u64);
    stats.encode(out);
    if let Some(time) = time_since_prev {
        out.extend_from_slice(&time.to_le_bytes());
    }
}

/// Says in a header that was written in which key phase the packet is sealed.
pub(crate) fn set_key_phase(header: &mut [u8], key_phase: bool) {
    if let Some(flags) = header.first_mut().filter(|_| key_phase) {
        *flags |= FLAG_KEY_PHASE;
    }
}

/// How many bytes [`write()`] appends, given the length of the stats.
pub const fn encoded_len(stats_len: Option<usize>, with_time: bool) -> usize {
    let stats = match stats_len {
        Some(len) => varint::encoded_len(len as u64).saturating_add(len),
        None => 0,
    };
    let time = if with_time { 2 } else { 0 };
    DATA_HEADER.saturating_add(stats).saturating_add(time)
}

/// A stats message follows.
const FLAG_STATS: u8 = 0x01;
/// The time since the previous packet follows.
const FLAG_TIME: u8 = 0x02;
/// Ours: the packet is sealed with a key of an odd epoch.
const FLAG_KEY_PHASE: u8 = 0x04;

fn take_stats<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let len = usize::try_from(reader.varint_u32()?).ok()?;
    reader.take(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keepalive_with_stats_request() {
        let mut datagram = Vec::new();
        let to = ConnectionId::new(0x5E4E_0002);
        write(
            &mut datagram,
            to,
            WirePacketNumber::new(2),
            Some(&[0x18, 0x02]),
            None,
        );
        assert_eq!(datagram, [0x81, 2, 0, 0x4E, 0x5E, 2, 0, 2, 0x18, 0x02]);
        let (header, payload) = DataHeader::parse(&datagram).unwrap();
        assert_eq!(header.stats, Some(&[0x18, 0x02][..]));
        assert_eq!(payload, 10);
    }

    #[test]
    fn spare_flag_bits_are_ignored() {
        let datagram = [0xF8, 1, 2, 3, 4, 5, 6, 7];
        let (header, payload) = DataHeader::parse(&datagram).unwrap();
        assert_eq!(header.to, ConnectionId::new(0x0403_0201));
        assert_eq!(header.seq, WirePacketNumber::new(0x0605));
        assert_eq!((header.stats, header.time_since_prev_16us), (None, None));
        assert_eq!(payload, 7);
    }

    #[test]
    fn broken_headers_have_their_reasons() {
        let parse = |datagram: &[u8]| DataHeader::parse(datagram).unwrap_err();
        assert_eq!(parse(&[0x80, 1, 2, 3, 4, 5]), DropReason::TooShort);
        assert_eq!(parse(&[0x20, 1, 2, 3, 4, 5, 6]), DropReason::UnknownKind);
        assert_eq!(
            parse(&[0x81, 1, 2, 3, 4, 5, 6, 1]),
            DropReason::BadDataHeader
        );
        assert_eq!(
            parse(&[0x82, 1, 2, 3, 4, 5, 6, 1]),
            DropReason::BadDataHeader
        );
        assert_eq!(peek_to(&[0x80, 1, 2, 3, 4, 5]), None);
        assert_eq!(peek_to(&[0x20, 1, 2, 3, 4, 5, 6]), None);
    }

    proptest! {
        #[test]
        fn comes_back(
            to: u32,
            seq: u16,
            stats in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
            time: Option<u16>,
            key_phase: bool,
        ) {
            let mut datagram = Vec::new();
            let (to, seq) = (ConnectionId::new(to), WirePacketNumber::new(seq));
            write(&mut datagram, to, seq, stats.as_deref(), time);
            set_key_phase(&mut datagram, key_phase);
            let len = encoded_len(stats.as_ref().map(Vec::len), time.is_some());
            prop_assert_eq!(datagram.len(), len);
            prop_assert_eq!(peek_to(&datagram), Some(to));
            datagram.push(0xEE);
            let (header, payload) = DataHeader::parse(&datagram).unwrap();
            prop_assert_eq!(payload, len);
            let expected = DataHeader { to, seq, stats: stats.as_deref(), time_since_prev_16us: time, key_phase };
            prop_assert_eq!(header, expected);
        }

        #[test]
        fn any_bytes_are_survived(datagram in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok((header, payload)) = DataHeader::parse(&datagram) {
                prop_assert!(payload <= datagram.len());
                prop_assert_eq!(peek_to(&datagram), Some(header.to));
            }
        }
    }
}
