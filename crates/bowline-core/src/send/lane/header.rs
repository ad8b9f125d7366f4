//! The header of a message in the reliable stream of a lane.

use crate::wire::varint;

/// Longest header of a message in the reliable stream: lead byte and two varints.
pub(super) const MAX_STREAM_HEADER: usize = 1 + 10 + 5;

/// The header of a message in the reliable stream.
///
/// GNS e707b3a: steamnetworkingsockets_snp.cpp, `SNP_SendMessage`; read in `SNP_ReceiveReliableSegment`.
pub(super) fn stream_header(out: &mut [u8; MAX_STREAM_HEADER], step: u64, len: usize) -> &[u8] {
    let len = len as u64;
    let mut lead = (len & 0x1F) as u8;
    let mut at = 1;
    if step > 1 {
        lead |= 0x40;
        at += varint::encode_into(step, out.get_mut(at..).unwrap_or(&mut []));
    }
    if len > 0x1F {
        lead |= 0x20;
        at += varint::encode_into(len >> 5, out.get_mut(at..).unwrap_or(&mut []));
    }
    if let Some(first) = out.first_mut() {
        *first = lead;
    }
    out.get(..at).unwrap_or(&[])
}
