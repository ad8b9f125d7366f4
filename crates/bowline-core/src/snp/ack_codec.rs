//! Acknowledgement frames: which packets arrived, as runs from the newest to the oldest.
//!
//! ```text
//! 1001 wnnn | latest u16 (w=1) or u32 (w=0) | delay u16 | [count u8 if nnn=7] | blocks
//! block: aaaa nnnn | [varint of the ack run] | [varint of the nack run]
//! ```
//!
//! A run of 8 and more sets the top bit of its nibble, keeps its low three bits there and the rest
//! in a varint. GNS e707b3a: steamnetworkingsockets_snp.cpp, `SNP_SerializeAckBlocks`.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{PacketNumber, WirePacketNumber};
use crate::limits::MAX_ACK_RUN;
use crate::snp::frame::FrameError;
use crate::snp::frame::lead;
use crate::time::Span;
use crate::wire::cursor::Reader;
use crate::wire::varint;

/// The longest run that may be written: GNS ends the connection over a varint above
/// [`MAX_ACK_RUN`], and that varint is the run without its low three bits.
pub const LONGEST_RUN: u64 = MAX_ACK_RUN << 3 | 7;

/// Most blocks that a frame can hold; its count is one byte.
pub const MAX_BLOCKS: usize = 255;

/// A received acknowledgement. Everything below its last block counts as acknowledged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AckFrame<'a> {
    /// The newest packet that it speaks of.
    pub latest: PacketNumber,
    /// How long the peer had `latest` before it sent this; `None` if it does not say.
    pub delay: Option<Span>,
    blocks: AckBlocks<'a>,
}

impl<'a> AckFrame<'a> {
    /// The runs below `latest`, which belongs to the first, from the newest to the oldest. Together
    /// they never reach below packet 0.
    #[inline]
    pub const fn blocks(&self) -> AckBlocks<'a> {
        self.blocks
    }

    /// Whether it says that packet `number`, which is not above `latest`, has arrived. What it does not mention
    /// below its last block has, down to the stop-waiting point.
    pub fn acknowledges(&self, number: PacketNumber) -> bool {
        let number = number.get();
        let mut upper = self.latest.get().saturating_add(1);
        for block in self.blocks() {
            let nack_top = upper.saturating_sub(block.acked);
            if number >= nack_top {
                return true;
            }
            upper = nack_top.saturating_sub(block.nacked);
            if number >= upper {
                return false;
            }
        }
        true
    }

    /// Reads a frame whose lead byte has been taken. `next_send` is the next packet that this side
    /// will send.
    ///
    /// # Errors
    /// [`FrameError::AckOfUnsent`] if `latest` is not before `next_send`, else [`FrameError::Broken`].
    pub(super) fn decode(
        lead_byte: u8,
        reader: &mut Reader<'a>,
        next_send: PacketNumber,
    ) -> Result<Self, FrameError> {
        let latest = decode_latest(lead_byte, reader, next_send)?;
        if latest >= next_send {
            return Err(FrameError::AckOfUnsent);
        }
        let delay = reader.u16().ok_or(CUT_OFF)?;
        let count = match lead_byte & lead::ACK_COUNT_FOLLOWS {
            lead::ACK_COUNT_FOLLOWS => reader.u8().ok_or(CUT_OFF)?,
            count => count,
        };
        Ok(Self {
            latest,
            delay: (delay != DELAY_UNKNOWN)
                .then(|| Span::from_micros(u64::from(delay).saturating_mul(DELAY_UNIT_US))),
            blocks: check_blocks(reader, count, latest)?,
        })
    }
}

/// Packets that arrived, and below them packets that did not.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AckBlock {
    /// How many arrived.
    pub acked: u64,
    /// How many below those did not.
    pub nacked: u64,
}

impl AckBlock {
    /// How many bytes the block takes in a frame.
    pub const fn encoded_len(&self) -> usize {
        let runs = run_len(self.acked).saturating_add(run_len(self.nacked));
        1usize.saturating_add(runs)
    }

    #[inline]
    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let nibbles = reader.u8()?;
        let acked = take_run(nibbles >> 4, reader)?;
        let nacked = take_run(nibbles & 0x0F, reader)?;
        Some(Self { acked, nacked })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(nibble(self.acked) << 4 | nibble(self.nacked));
        for run in [self.acked, self.nacked] {
            if run > INLINE_RUN {
                varint::encode(out, run >> 3);
            }
        }
    }
}

/// The blocks of a received acknowledgement, from the newest to the oldest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AckBlocks<'a> {
    reader: Reader<'a>,
    left: u8,
}

impl Iterator for AckBlocks<'_> {
    type Item = AckBlock;

    #[inline]
    fn next(&mut self) -> Option<AckBlock> {
        self.left = self.left.checked_sub(1)?;
        AckBlock::decode(&mut self.reader)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

impl ExactSizeIterator for AckBlocks<'_> {}

/// How many bytes a frame with these blocks takes.
pub fn ack_len(blocks: &[AckBlock]) -> usize {
    let blocks_len = blocks.iter().map(AckBlock::encoded_len);
    blocks_len.fold(ack_header_len(blocks.len()), usize::saturating_add)
}

/// How many bytes a frame takes before its blocks.
pub const fn ack_header_len(blocks: usize) -> usize {
    if blocks < lead::ACK_COUNT_FOLLOWS as usize {
        5
    } else {
        6
    }
}

/// Appends a frame, in the form with 16 bits that all versions of GNS read.
///
/// # Panics
/// If there are more than [`MAX_BLOCKS`]: to leave one out would acknowledge what it denies.
pub(super) fn write_ack(
    out: &mut Vec<u8>,
    latest: PacketNumber,
    delay: Option<Span>,
    blocks: &[AckBlock],
) {
    let count = u8::try_from(blocks.len()).expect("an ack frame holds at most 255 blocks");
    let inline_count = count.min(lead::ACK_COUNT_FOLLOWS);
    out.push(lead::ACK | lead::ACK_SHORT | inline_count);
    out.extend_from_slice(&latest.to_wire().get().to_le_bytes());
    out.extend_from_slice(&delay_units(delay).to_le_bytes());
    if inline_count == lead::ACK_COUNT_FOLLOWS {
        out.push(count);
    }
    for block in blocks {
        block.encode(out);
    }
}

const CUT_OFF: FrameError = FrameError::Broken("ack is cut off");
/// The delay counts in these.
const DELAY_UNIT_US: u64 = 32;
/// The delay is not known, or too long to tell.
const DELAY_UNKNOWN: u16 = 0xFFFF;
/// The longest run that a nibble holds alone.
const INLINE_RUN: u64 = 7;

#[inline]
fn decode_latest(
    lead_byte: u8,
    reader: &mut Reader<'_>,
    next_send: PacketNumber,
) -> Result<PacketNumber, FrameError> {
    let latest = if lead_byte & lead::ACK_SHORT != 0 {
        WirePacketNumber::new(reader.u16().ok_or(CUT_OFF)?).expand(next_send)
    } else {
        let bits = reader.u32().ok_or(CUT_OFF)?;
        nearest_u32(bits, next_send.get()).map(PacketNumber::new)
    };
    latest.ok_or(FrameError::Broken("ack before the first packet"))
}

/// The value nearest to `reference` with these low 32 bits; `None` if it is negative.
#[inline]
pub(super) fn nearest_u32(bits: u32, reference: u64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, reason = "compares the low 32 bits")]
    let low = reference as u32;
    let gap = bits.wrapping_sub(low).cast_signed();
    reference.checked_add_signed(i64::from(gap))
}

/// Checks all blocks once, so that going through them later cannot fail.
#[inline]
fn check_blocks<'a>(
    reader: &mut Reader<'a>,
    count: u8,
    latest: PacketNumber,
) -> Result<AckBlocks<'a>, FrameError> {
    let start = *reader;
    let mut below = latest.get().saturating_add(1);
    for _ in 0..count {
        let block = AckBlock::decode(reader).ok_or(FrameError::Broken("ack block"))?;
        below = below
            .checked_sub(block.acked)
            .and_then(|below| below.checked_sub(block.nacked))
            .ok_or(FrameError::Broken("ack reaches below the first packet"))?;
    }
    Ok(AckBlocks {
        reader: start,
        left: count,
    })
}

#[inline]
fn take_run(nibble: u8, reader: &mut Reader<'_>) -> Option<u64> {
    let low = u64::from(nibble & 0x07);
    if nibble & 0x08 == 0 {
        return Some(low);
    }
    let high = reader.varint_u64()?;
    (high <= MAX_ACK_RUN).then_some(high << 3 | low)
}

const fn run_len(run: u64) -> usize {
    if run > INLINE_RUN {
        varint::encoded_len(run >> 3)
    } else {
        0
    }
}

fn nibble(run: u64) -> u8 {
    let low = (run & 0x07) as u8;
    if run > INLINE_RUN { 0x08 | low } else { low }
}

fn delay_units(delay: Option<Span>) -> u16 {
    let units = delay.map(|delay| delay.as_micros() / DELAY_UNIT_US);
    let units = units.and_then(|units| u16::try_from(units).ok());
    units.unwrap_or(DELAY_UNKNOWN)
}

#[cfg(test)]
mod tests {
    use std::vec;

    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8], next_send: u64) -> Result<AckFrame<'_>, FrameError> {
        let mut reader = Reader::new(bytes);
        let lead_byte = reader.u8().unwrap();
        AckFrame::decode(lead_byte, &mut reader, PacketNumber::new(next_send))
    }

    fn encoded(latest: u64, delay: Option<Span>, blocks: &[AckBlock]) -> Vec<u8> {
        let mut out = Vec::new();
        write_ack(&mut out, PacketNumber::new(latest), delay, blocks);
        assert_eq!(out.len(), ack_len(blocks));
        out
    }

    #[test]
    fn long_form_is_read() {
        let frame = decode(&[0x90, 0x46, 0, 1, 0, 2, 0], 0x1_0047).unwrap();
        assert_eq!(frame.latest.get(), 0x1_0046);
        assert_eq!(frame.delay, Some(Span::from_micros(64)));
        assert_eq!(frame.blocks().len(), 0);
    }

    #[test]
    fn ack_of_what_was_never_sent_is_told_apart() {
        let unsent = Err(FrameError::AckOfUnsent);
        assert_eq!(decode(&[0x98, 5, 0, 0, 0], 5), unsent);
        assert_eq!(decode(&[0x98, 6, 0], 5), unsent);
        assert!(decode(&[0x98, 4, 0, 0, 0], 5).is_ok());
        // Nearest to 5 is -1.
        let before = decode(&[0x98, 0xFF, 0xFF, 0, 0], 5);
        assert_eq!(
            before,
            Err(FrameError::Broken("ack before the first packet"))
        );
    }

    #[test]
    fn what_is_acknowledged_is_found_among_runs() {
        // 20, 19 arrived; 18 to 16 did not; 15 arrived; 14 did not; the rest did.
        let blocks = [(2, 3), (1, 1)].map(|(acked, nacked)| AckBlock { acked, nacked });
        let bytes = encoded(20, None, &blocks);
        let frame = decode(&bytes, 21).unwrap();
        let missing: Vec<u64> = (0..=20)
            .filter(|number| !frame.acknowledges(PacketNumber::new(*number)))
            .collect();
        assert_eq!(missing, [14, 16, 17, 18]);
    }

    #[test]
    fn runs_end_at_packet_zero() {
        // Latest is 4: five packets, 0 to 4.
        assert!(decode(&[0x99, 4, 0, 0, 0, 0x32], 5).is_ok());
        let below = Err(FrameError::Broken("ack reaches below the first packet"));
        assert_eq!(decode(&[0x99, 4, 0, 0, 0, 0x33], 5), below);
        assert_eq!(decode(&[0x99, 4, 0, 0, 0, 0x60], 5), below);
    }

    #[test]
    fn delays_are_told_up_to_two_seconds() {
        let delay = |us| {
            let frame = encoded(1, Some(Span::from_micros(us)), &[]);
            decode(&frame, 2).unwrap().delay
        };
        assert_eq!(delay(0), Some(Span::ZERO));
        assert_eq!(delay(95), Some(Span::from_micros(64)));
        assert_eq!(delay(2_097_119), Some(Span::from_micros(2_097_088)));
        assert_eq!(delay(2_097_120), None);
        assert_eq!(delay(u64::MAX), None);
    }

    #[test]
    fn limit_run_above_the_maximum_is_broken() {
        let latest = 1 << 40;
        let with_run = |acked| {
            let frame = encoded(latest, None, &[AckBlock { acked, nacked: 0 }]);
            decode(&frame, latest + 1).map(|frame| frame.latest.get())
        };
        assert_eq!(with_run(LONGEST_RUN), Ok(latest));
        assert_eq!(
            with_run(LONGEST_RUN + 1),
            Err(FrameError::Broken("ack block"))
        );
    }

    #[test]
    fn seven_blocks_and_more_have_their_count_apart() {
        let block = AckBlock {
            acked: 1,
            nacked: 1,
        };
        assert_eq!(encoded(99, None, &[block; 6])[0], 0x9E);
        let seven = encoded(99, None, &[block; 7]);
        assert_eq!((seven[0], seven[5]), (0x9F, 7));
        let most = encoded(1000, None, &[block; MAX_BLOCKS]);
        let frame = decode(&most, 1001).unwrap();
        assert_eq!(frame.blocks().count(), MAX_BLOCKS);
    }

    #[test]
    fn truncation_anywhere_is_broken() {
        let blocks = [AckBlock {
            acked: 100,
            nacked: 3000,
        }; 8];
        let frame = encoded(30_000, None, &blocks);
        for cut in 1..frame.len() {
            let error = decode(&frame[..cut], 30_001).unwrap_err();
            assert!(matches!(error, FrameError::Broken(_)), "cut at {cut}");
        }
    }

    fn blocks() -> impl Strategy<Value = Vec<AckBlock>> {
        let run = || prop_oneof![0u64..9, 0u64..2000, 0..=LONGEST_RUN];
        let block = (run(), run()).prop_map(|(acked, nacked)| AckBlock { acked, nacked });
        prop::collection::vec(block, 0..80)
    }

    proptest! {
        #[test]
        fn comes_back(blocks in blocks(), base in 0u64..1 << 40, unacked in 1u64..0x4000, delay in 0u64..0xFFFF) {
            let span: u64 = blocks.iter().map(|block| block.acked + block.nacked).sum();
            let latest = base + span;
            let delay = Some(Span::from_micros(delay * 32));
            let bytes = encoded(latest, delay, &blocks);
            let frame = decode(&bytes, latest + unacked).unwrap();
            prop_assert_eq!(frame.latest.get(), latest);
            prop_assert_eq!(frame.delay, delay);
            prop_assert_eq!(frame.blocks().collect::<Vec<_>>(), blocks);
        }

        #[test]
        fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 1..100), next_send: u64) {
            bytes[0] = 0x90 | bytes[0] & 0x0F;
            if let Ok(frame) = decode(&bytes, next_send) {
                prop_assert!(frame.latest.get() < next_send);
                let told: u128 = frame.blocks().map(|b| u128::from(b.acked) + u128::from(b.nacked)).sum();
                prop_assert!(told <= u128::from(frame.latest.get()) + 1);
                prop_assert_eq!(frame.blocks().count(), frame.blocks().len());
            }
        }
    }

    #[test]
    #[should_panic(expected = "at most 255 blocks")]
    fn limit_more_blocks_than_a_frame_holds_are_not_cut() {
        let block = AckBlock {
            acked: 1,
            nacked: 1,
        };
        encoded(9999, None, &vec![block; MAX_BLOCKS + 1]);
    }
}
