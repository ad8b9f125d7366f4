//! From the bytes of a plaintext to [`Frame`]s.
//!
//! Every rule that makes a packet fatal for a connection by its bytes alone is here; rules that
//! need the state of a lane or of the acknowledgements are where that state is.
//! GNS e707b3a: steamnetworkingsockets_snp.cpp, `ProcessPlainTextDataChunk`.

use crate::ids::{LaneIndex, MessageNumber, PacketNumber, StreamPos};
use crate::limits::{MAX_LANE_INDEX, MAX_SEGMENTS_PER_PACKET};
use crate::snp::ack_codec::{AckFrame, nearest_u32};
use crate::snp::frame::{Frame, FrameError, LaneContext, lead};
use crate::wire::cursor::Reader;

/// What a receiver knows that abbreviated numbers are completed against.
pub trait DecodeContext {
    /// The highest message number seen in the lane, of either kind; zero before the first.
    fn highest_message(&self, lane: LaneIndex) -> MessageNumber;

    /// The end of what the lane's stream has received, out-of-order data included; the first
    /// position if there is nothing.
    fn expected_pos(&self, lane: LaneIndex) -> StreamPos;

    /// The next packet that this side will send.
    fn next_send(&self) -> PacketNumber;
}

/// The next frame; `None` at the end of the packet. Made as such where a frame is read: to turn one result
/// into another would copy the frame once more.
type Next<'a> = Result<Option<Frame<'a>>, FrameError>;

/// Takes one frame after the other from the plaintext of a packet.
///
/// Ask for the next frame only after the last one has been acted on: the context is consulted anew.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    reader: Reader<'a>,
    packet: PacketNumber,
    lane: LaneIndex,
    context: LaneContext,
    segments_left: u32,
    acks: u32,
    extensions: bool,
}

impl<'a> Decoder<'a> {
    /// Starts at the first frame of packet number `packet`. Extension frames are fatal unless
    /// `extensions` says that both sides agreed on them.
    #[inline]
    pub fn new(plaintext: &'a [u8], packet: PacketNumber, extensions: bool) -> Self {
        Self {
            reader: Reader::new(plaintext),
            packet,
            lane: LaneIndex::ZERO,
            context: LaneContext::default(),
            segments_left: MAX_SEGMENTS_PER_PACKET,
            acks: 0,
            extensions,
        }
    }

    /// Changes how many segments the packet may have from now on.
    #[must_use]
    pub const fn with_max_segments(mut self, max: u32) -> Self {
        self.segments_left = max;
        self
    }

    /// Does not count the last segment: the packet may have one more.
    pub const fn excuse_segment(&mut self) {
        self.segments_left = self.segments_left.saturating_add(1);
    }

    /// The next frame; `None` at the end of the packet, and after an error.
    ///
    /// # Errors
    /// If the remaining bytes cannot be taken. See [`FrameError`] for what becomes of the packet.
    #[inline]
    pub fn next<C: DecodeContext>(&mut self, ctx: &C) -> Result<Option<Frame<'a>>, FrameError> {
        // One variable for whatever is returned, so that it is made in the caller's place.
        let next = match self.reader.u8() {
            Some(lead_byte) => self.frame(lead_byte, ctx),
            None => Ok(None),
        };
        if next.is_err() {
            self.reader = Reader::default();
        }
        next
    }

    /// How many bytes follow the last frame. Data is the last part of a frame.
    pub(crate) const fn left(&self) -> usize {
        self.reader.len()
    }

    /// How many of the frames were acks.
    #[inline]
    pub(crate) const fn acks(&self) -> u32 {
        self.acks
    }

    /// The lane that the last frame belongs to.
    #[inline]
    pub const fn lane(&self) -> LaneIndex {
        self.lane
    }

    /// Whether there was reliable data since the last select-lane frame. At the end of a packet, this
    /// is what makes GNS acknowledge it within 50 ms.
    #[inline]
    pub const fn ends_with_reliable(&self) -> bool {
        self.context.pos.is_some()
    }

    #[inline]
    fn frame<C: DecodeContext>(&mut self, lead_byte: u8, ctx: &C) -> Next<'a> {
        match lead_byte {
            0x00..=0x3F => self.unreliable(lead_byte, ctx),
            0x40..=0x5F => self.reliable(lead_byte, ctx),
            0x80..=0x83 => self.stop_waiting(lead_byte),
            0x88..=0x8F => self.select_lane(lead_byte),
            0x90..=0x9F => {
                self.acks = self.acks.saturating_add(1);
                let ack = AckFrame::decode(lead_byte, &mut self.reader, ctx.next_send())?;
                Ok(Some(Frame::Ack(ack)))
            }
            0xA0..=0xBF if self.extensions => self.extension(lead_byte),
            0x60..=0x7F | 0x84..=0x87 | 0xA0..=0xFF => {
                Err(FrameError::Broken("unknown kind of frame"))
            }
        }
    }

    #[inline]
    fn unreliable<C: DecodeContext>(&mut self, lead_byte: u8, ctx: &C) -> Next<'a> {
        let number = self.message_number(lead_byte, ctx)?;
        let offset = if lead_byte & lead::OFFSET == 0 {
            0
        } else {
            let offset = self.reader.varint_u32();
            offset.ok_or(FrameError::Broken("offset in message"))?
        };
        let data = self.segment(lead_byte)?;
        self.context.after_unreliable(number);
        Ok(Some(Frame::Unreliable {
            number,
            offset,
            last: lead_byte & lead::LAST != 0,
            data,
        }))
    }

    #[inline]
    fn message_number<C: DecodeContext>(
        &mut self,
        lead_byte: u8,
        ctx: &C,
    ) -> Result<MessageNumber, FrameError> {
        const BROKEN: FrameError = FrameError::Broken("message number");
        let long_form = lead_byte & lead::NUMBER != 0;
        let number = match (self.context.message, long_form) {
            (Some(before), false) => before.get().checked_add(1),
            (Some(before), true) => {
                let step = self.reader.varint_u64().ok_or(BROKEN)?;
                before.get().checked_add(step)
            }
            (None, false) => {
                let bits = self.reader.u16().ok_or(BROKEN)?;
                nearest_u16(bits, ctx.highest_message(self.lane).get())
            }
            (None, true) => {
                let bits = self.reader.u32().ok_or(BROKEN)?;
                nearest_u32(bits, ctx.highest_message(self.lane).get())
            }
        };
        // GNS counts in signed 64-bit numbers from 1.
        let number = number.filter(|number| (1..=MAX_NUMBER).contains(number));
        number.map(MessageNumber::new).ok_or(BROKEN)
    }

    #[inline]
    fn reliable<C: DecodeContext>(&mut self, lead_byte: u8, ctx: &C) -> Next<'a> {
        let pos = self.stream_pos(lead_byte, ctx)?;
        let data = self.segment(lead_byte)?;
        let end = pos.advance(data.len() as u64);
        if end.get() > MAX_NUMBER {
            return Err(FrameError::Broken("stream position"));
        }
        self.context.after_reliable(end);
        Ok(Some(Frame::Reliable { pos, data }))
    }

    #[inline]
    fn stream_pos<C: DecodeContext>(
        &mut self,
        lead_byte: u8,
        ctx: &C,
    ) -> Result<StreamPos, FrameError> {
        const BROKEN: FrameError = FrameError::Broken("stream position");
        let form = lead_byte >> lead::POS_SHIFT & 0x03;
        if let Some(before) = self.context.pos {
            let step = match form {
                0 => 0,
                1 => self.reader.uint::<1>().ok_or(BROKEN)?,
                2 => self.reader.uint::<2>().ok_or(BROKEN)?,
                _ => self.reader.uint::<4>().ok_or(BROKEN)?,
            };
            return Ok(before.advance(step));
        }
        let (bits, width) = match form {
            0 => (self.reader.uint::<3>().ok_or(BROKEN)?, 24),
            1 => (self.reader.uint::<4>().ok_or(BROKEN)?, 32),
            2 => (self.reader.uint::<6>().ok_or(BROKEN)?, 48),
            _ => return Err(BROKEN),
        };
        let expected = ctx.expected_pos(self.lane);
        let pos = complete_pos(bits, width, expected.get()).filter(|pos| *pos != 0);
        pos.map(StreamPos::new).ok_or(BROKEN)
    }

    /// The data of a segment whose other fields have been taken.
    #[inline]
    fn segment(&mut self, lead_byte: u8) -> Result<&'a [u8], FrameError> {
        let left = self.segments_left.checked_sub(1);
        self.segments_left = left.ok_or(FrameError::TooManySegments)?;
        let size_code = lead_byte & lead::SIZE_MASK;
        if size_code == lead::SIZE_REST {
            return Ok(self.reader.take_rest());
        }
        if size_code > lead::SIZE_HIGH_MAX {
            return Err(FrameError::Broken("size code of a segment"));
        }
        let low = self.reader.u8();
        let size = low.map(|low| usize::from(u16::from_be_bytes([size_code, low])));
        let data = size.and_then(|size| self.reader.take(size));
        data.ok_or(FrameError::Broken("segment is cut off"))
    }

    fn stop_waiting(&mut self, lead_byte: u8) -> Next<'a> {
        let offset = match lead_byte & 0x03 {
            0 => self.reader.uint::<1>(),
            1 => self.reader.uint::<2>(),
            2 => self.reader.uint::<3>(),
            _ => self.reader.uint::<8>(),
        };
        let offset = offset.ok_or(FrameError::Broken("stop-waiting is cut off"))?;
        let before_packet = self.packet.get().checked_sub(1);
        let first_wanted = before_packet.and_then(|before| before.checked_sub(offset));
        match first_wanted {
            Some(first_wanted) => Ok(Some(Frame::StopWaiting {
                first_wanted: PacketNumber::new(first_wanted),
            })),
            None => Err(FrameError::Broken("stop-waiting before the first packet")),
        }
    }

    fn select_lane(&mut self, lead_byte: u8) -> Next<'a> {
        const BROKEN: FrameError = FrameError::Broken("lane");
        let short = lead_byte & lead::LANE_FOLLOWS;
        let lane = if short == lead::LANE_FOLLOWS {
            self.reader.varint_u32().ok_or(BROKEN)?
        } else {
            u32::from(short).saturating_add(1)
        };
        const { assert!(MAX_LANE_INDEX == u8::MAX as u32, "the type is the limit") };
        self.lane = LaneIndex::new(u8::try_from(lane).map_err(|_| BROKEN)?);
        self.context = LaneContext::default();
        Ok(Some(Frame::SelectLane(self.lane)))
    }

    fn extension(&mut self, lead_byte: u8) -> Next<'a> {
        let len = self.reader.varint_u32();
        let len = len.and_then(|len| usize::try_from(len).ok());
        let data = len.and_then(|len| self.reader.take(len));
        Ok(Some(Frame::Extension {
            kind: lead_byte & lead::EXTENSION_KIND,
            data: data.ok_or(FrameError::Broken("extension is cut off"))?,
        }))
    }
}

/// GNS keeps message numbers and stream positions in signed 64-bit integers.
const MAX_NUMBER: u64 = i64::MAX as u64;

/// The value nearest to `reference` with these low 16 bits; `None` if it is negative.
#[inline]
fn nearest_u16(bits: u16, reference: u64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, reason = "compares the low 16 bits")]
    let low = reference as u16;
    let gap = bits.wrapping_sub(low).cast_signed();
    reference.checked_add_signed(i64::from(gap))
}

/// The stream position with these low `width` bits. In the short forms it may lie ahead of `expected`
/// by more than it may lie behind, as GNS reads them. The long form, which is what GNS writes, is the
/// nearest position: else bytes from just before a multiple of 2^48 that come again would be taken for
/// bytes of the next period, and the stream would stand still. (DIFFERS: GNS only ever corrects upward.)
#[inline]
fn complete_pos(bits: u64, width: u32, expected: u64) -> Option<u64> {
    let period = 1u64.checked_shl(width)?;
    let mask = period.wrapping_sub(1);
    let pos = (expected & !mask) | (bits & mask);
    if pos.saturating_add(mask >> 1) < expected {
        return pos.checked_add(period);
    }
    let is_far_ahead = width == 48 && pos.saturating_sub(expected) > mask >> 1;
    // In the first period there is nothing below.
    let below = pos.checked_sub(period).filter(|_| is_far_ahead);
    Some(below.unwrap_or(pos))
}

#[cfg(test)]
mod tests;
