//! From frames to the bytes of a plaintext.

use alloc::vec::Vec;

use crate::ids::{LaneIndex, MessageNumber, PacketNumber, StreamPos};
use crate::limits::MAX_EXPLICIT_SEGMENT;
use crate::snp::ack_codec::{self, AckBlock};
use crate::snp::frame::{LaneContext, lead};
use crate::time::Span;
use crate::wire::cursor::put_uint;
use crate::wire::varint;

/// Writes frames to the end of a buffer, within a budget.
///
/// A packet starts in lane 0. The writer keeps what the packet has said in the current lane and
/// picks the shortest form that GNS reads right. It allocates nothing if the buffer has the
/// capacity. The caller sees to it that each frame fits into [`room`](Self::room).
#[derive(Debug)]
pub struct FrameWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Where in `out` the plaintext starts.
    start: usize,
    /// Where in `out` the budget ends.
    end: usize,
    packet: PacketNumber,
    lane: LaneIndex,
    context: LaneContext,
    tail: Tail,
}

impl<'a> FrameWriter<'a> {
    /// Starts packet number `packet` at the end of `out`, for at most `budget` bytes of plaintext.
    pub fn new(out: &'a mut Vec<u8>, packet: PacketNumber, budget: usize) -> Self {
        let start = out.len();
        Self {
            out,
            start,
            end: start.saturating_add(budget),
            packet,
            lane: LaneIndex::ZERO,
            context: LaneContext::default(),
            tail: Tail::Frame,
        }
    }

    /// Says that packets before `first_wanted`, which is older than this one, need no acknowledgement.
    pub fn stop_waiting(&mut self, first_wanted: PacketNumber) {
        let offset = self.stop_waiting_offset(first_wanted);
        self.begin(self.stop_waiting_len(first_wanted));
        match offset {
            0..=0xFF => {
                self.out.push(lead::STOP_WAITING);
                put_uint::<1>(self.out, offset);
            }
            0x100..=0xFFFF => {
                self.out.push(lead::STOP_WAITING | 1);
                put_uint::<2>(self.out, offset);
            }
            0x1_0000..=0xFF_FFFF => {
                self.out.push(lead::STOP_WAITING | 2);
                put_uint::<3>(self.out, offset);
            }
            0x100_0000.. => {
                self.out.push(lead::STOP_WAITING | 3);
                put_uint::<8>(self.out, offset);
            }
        }
    }

    /// Acknowledges what [`AckFrame`](crate::snp::AckFrame) describes. A run above
    /// [`ack_codec::LONGEST_RUN`] would end the connection at the peer.
    ///
    /// # Panics
    /// If there are more than [`ack_codec::MAX_BLOCKS`].
    pub fn ack(&mut self, latest: PacketNumber, delay: Option<Span>, blocks: &[AckBlock]) {
        self.begin(ack_codec::ack_len(blocks));
        ack_codec::write_ack(self.out, latest, delay, blocks);
    }

    /// Switches to `lane` and forgets what was said in the one before.
    pub fn select_lane(&mut self, lane: LaneIndex) {
        self.begin(select_lane_len(lane));
        match lane.get() {
            // DIFFERS: GNS cuts off the last byte of the lane here, which no receiver can read.
            0 | 8.. => {
                self.out.push(lead::SELECT_LANE | lead::LANE_FOLLOWS);
                varint::encode(self.out, u64::from(lane.get()));
            }
            index @ 1..=7 => self.out.push(lead::SELECT_LANE | index.saturating_sub(1)),
        }
        self.lane = lane;
        self.context = LaneContext::default();
    }

    /// Writes a piece of an unreliable message: the bytes of `data` one after the other.
    ///
    /// A piece of more than [`MAX_EXPLICIT_SEGMENT`] bytes ends the packet, and so does one that
    /// leaves no room for another frame; the latter may be one byte longer than
    /// [`unreliable_overhead`](Self::unreliable_overhead) lets expect.
    pub fn unreliable(&mut self, number: MessageNumber, offset: u32, last: bool, data: &[&[u8]]) {
        self.unreliable_with(number, offset, last, total_len(data), fill_from(data));
    }

    /// The same, with the `len` bytes of data appended by `fill`.
    pub fn unreliable_with(
        &mut self,
        number: MessageNumber,
        offset: u32,
        last: bool,
        len: usize,
        fill: impl FnOnce(&mut Vec<u8>),
    ) {
        let form = self.number_form(number);
        if form == NumberForm::Backward {
            self.select_lane(self.lane);
        }
        let mut lead_byte = 0;
        if last {
            lead_byte |= lead::LAST;
        }
        if offset != 0 {
            lead_byte |= lead::OFFSET;
        }
        let lead_at = self.begin(0);
        match form {
            NumberForm::Absolute | NumberForm::Backward => {
                self.out.push(lead_byte | lead::NUMBER);
                put_uint::<4>(self.out, number.get() & 0xFFFF_FFFF);
            }
            NumberForm::Next => self.out.push(lead_byte),
            NumberForm::Step(step) => {
                self.out.push(lead_byte | lead::NUMBER);
                varint::encode(self.out, step);
            }
        }
        if offset != 0 {
            varint::encode(self.out, u64::from(offset));
        }
        self.segment(lead_at, len, fill);
        self.context.after_unreliable(number);
    }

    /// Writes a piece of the lane's reliable stream: the bytes of `data` one after the other.
    ///
    /// Ends the packet where [`unreliable`](Self::unreliable) does.
    pub fn reliable(&mut self, pos: StreamPos, data: &[&[u8]]) {
        self.reliable_with(pos, total_len(data), fill_from(data));
    }

    /// The same, with the `len` bytes of data appended by `fill`.
    pub fn reliable_with(&mut self, pos: StreamPos, len: usize, fill: impl FnOnce(&mut Vec<u8>)) {
        let form = self.pos_form(pos);
        if form == PosForm::Backward {
            self.select_lane(self.lane);
        }
        let lead_at = self.begin(0);
        let code = form.code() << lead::POS_SHIFT;
        self.out.push(lead::RELIABLE | code);
        match form {
            // As GNS does. Its shorter absolute forms are misread for data from just before a
            // multiple of their period.
            PosForm::Absolute | PosForm::Backward => {
                put_uint::<6>(self.out, pos.get() & 0xFFFF_FFFF_FFFF);
            }
            PosForm::Next => {}
            PosForm::Step8(step) => self.out.push(step),
            PosForm::Step16(step) => self.out.extend_from_slice(&step.to_le_bytes()),
            PosForm::Step32(step) => self.out.extend_from_slice(&step.to_le_bytes()),
        }
        self.segment(lead_at, len, fill);
        self.context.after_reliable(pos.advance(len as u64));
    }

    /// Writes a frame that only a peer reads which agreed to it. `kind` is 0 to 31.
    pub fn extension(&mut self, kind: u8, data: &[u8]) {
        debug_assert!(kind <= lead::EXTENSION_KIND, "extension kind {kind}");
        self.begin(extension_len(data.len()));
        self.out.push(lead::EXTENSION | kind & lead::EXTENSION_KIND);
        varint::encode(self.out, data.len() as u64);
        self.out.extend_from_slice(data);
    }

    /// Ends the packet and returns the length of the plaintext.
    ///
    /// If a segment came last, its size byte is taken out: it goes up to the end, as GNS writes it.
    pub fn finish(self) -> usize {
        if let Tail::Sized { lead_at, size_at } = self.tail {
            self.out.remove(size_at);
            if let Some(lead_byte) = self.out.get_mut(lead_at) {
                *lead_byte |= lead::SIZE_REST;
            }
        }
        self.out.len().saturating_sub(self.start)
    }

    /// How many more bytes of frames may be written. Zero once a segment has ended the packet.
    pub const fn room(&self) -> usize {
        match self.tail {
            Tail::Frame | Tail::Sized { .. } => self.end.saturating_sub(self.out.len()),
            Tail::Rest => 0,
        }
    }

    /// The lane that segments are written to.
    pub const fn lane(&self) -> LaneIndex {
        self.lane
    }

    /// How many bytes [`stop_waiting`](Self::stop_waiting) takes.
    pub const fn stop_waiting_len(&self, first_wanted: PacketNumber) -> usize {
        match self.stop_waiting_offset(first_wanted) {
            0..=0xFF => 2,
            0x100..=0xFFFF => 3,
            0x1_0000..=0xFF_FFFF => 4,
            0x100_0000.. => 9,
        }
    }

    /// How many bytes [`unreliable`](Self::unreliable) takes besides the data, size byte included.
    pub fn unreliable_overhead(&self, number: MessageNumber, offset: u32) -> usize {
        let number_len = match self.number_form(number) {
            NumberForm::Absolute => 4,
            NumberForm::Next => 0,
            NumberForm::Step(step) => varint::encoded_len(step),
            NumberForm::Backward => 4usize.saturating_add(select_lane_len(self.lane)),
        };
        let offset_len = match offset {
            0 => 0,
            1.. => varint::encoded_len(u64::from(offset)),
        };
        LEAD_AND_SIZE
            .saturating_add(number_len)
            .saturating_add(offset_len)
    }

    /// How many bytes [`reliable`](Self::reliable) takes besides the data, size byte included.
    pub fn reliable_overhead(&self, pos: StreamPos) -> usize {
        let pos_len = match self.pos_form(pos) {
            PosForm::Absolute => 6,
            PosForm::Next => 0,
            PosForm::Step8(_) => 1,
            PosForm::Step16(_) => 2,
            PosForm::Step32(_) => 4,
            PosForm::Backward => 6usize.saturating_add(select_lane_len(self.lane)),
        };
        LEAD_AND_SIZE.saturating_add(pos_len)
    }

    /// Notes that a frame of `len` bytes follows, and returns where.
    fn begin(&mut self, len: usize) -> usize {
        debug_assert!(self.tail != Tail::Rest, "the packet has ended");
        debug_assert!(len <= self.room(), "{len} bytes into {}", self.room());
        self.tail = Tail::Frame;
        self.out.len()
    }

    /// Writes size and data of the segment whose lead byte is at `lead_at`.
    fn segment(&mut self, lead_at: usize, len: usize, fill: impl FnOnce(&mut Vec<u8>)) {
        let size_at = self.out.len();
        let room_after_size = self.end.saturating_sub(size_at).saturating_sub(1);
        let ends_packet = room_after_size.saturating_sub(len) < SMALLEST_FRAME;
        let (size_code, tail) = if ends_packet || len > MAX_EXPLICIT_SEGMENT {
            (lead::SIZE_REST, Tail::Rest)
        } else {
            #[expect(clippy::cast_possible_truncation, reason = "at most 1279")]
            let [high, low] = (len as u16).to_be_bytes();
            self.out.push(low);
            (high, Tail::Sized { lead_at, size_at })
        };
        if let Some(lead_byte) = self.out.get_mut(lead_at) {
            *lead_byte |= size_code;
        }
        let data_at = self.out.len();
        fill(self.out);
        debug_assert_eq!(
            self.out.len(),
            data_at.saturating_add(len),
            "data as announced"
        );
        debug_assert!(self.out.len() <= self.end, "segment of {len} bytes");
        self.tail = tail;
    }

    fn number_form(&self, number: MessageNumber) -> NumberForm {
        let Some(before) = self.context.message else {
            return NumberForm::Absolute;
        };
        match number.get().checked_sub(before.get()) {
            Some(1) => NumberForm::Next,
            Some(step) => NumberForm::Step(step),
            None => NumberForm::Backward,
        }
    }

    fn pos_form(&self, pos: StreamPos) -> PosForm {
        let Some(before) = self.context.pos else {
            return PosForm::Absolute;
        };
        let Some(step) = pos.get().checked_sub(before.get()) else {
            return PosForm::Backward;
        };
        if step == 0 {
            PosForm::Next
        } else if let Ok(step) = u8::try_from(step) {
            PosForm::Step8(step)
        } else if let Ok(step) = u16::try_from(step) {
            PosForm::Step16(step)
        } else if let Ok(step) = u32::try_from(step) {
            PosForm::Step32(step)
        } else {
            PosForm::Backward
        }
    }

    const fn stop_waiting_offset(&self, first_wanted: PacketNumber) -> u64 {
        debug_assert!(
            first_wanted.get() < self.packet.get(),
            "stop-waiting must name an older packet"
        );
        let distance = self.packet.get().saturating_sub(first_wanted.get());
        distance.saturating_sub(1)
    }
}

fn total_len(parts: &[&[u8]]) -> usize {
    parts
        .iter()
        .fold(0usize, |len, part| len.saturating_add(part.len()))
}

fn fill_from(parts: &[&[u8]]) -> impl FnOnce(&mut Vec<u8>) {
    move |out| parts.iter().for_each(|part| out.extend_from_slice(part))
}

/// How many bytes [`FrameWriter::select_lane`] takes.
pub const fn select_lane_len(lane: LaneIndex) -> usize {
    match lane.get() {
        1..=7 => 1,
        0 | 8..=0x7F => 2,
        0x80.. => 3,
    }
}

/// How many bytes [`FrameWriter::extension`] takes.
pub const fn extension_len(data_len: usize) -> usize {
    let len_len = varint::encoded_len(data_len as u64);
    1usize.saturating_add(len_len).saturating_add(data_len)
}

const LEAD_AND_SIZE: usize = 2;
/// A stop-waiting frame, or an empty message.
const SMALLEST_FRAME: usize = 2;

/// What stands at the end of the packet so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tail {
    /// No segment, or nothing.
    Frame,
    /// A segment with its size, which may be taken out.
    Sized { lead_at: usize, size_at: usize },
    /// A segment up to the end of the packet: nothing may follow.
    Rest,
}

/// How the number of an unreliable message is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NumberForm {
    /// The low 32 bits, as GNS does.
    Absolute,
    /// Not at all.
    Next,
    /// As a distance.
    Step(u64),
    /// There is no form for smaller numbers: the lane is selected anew, then the absolute form.
    Backward,
}

/// How a stream position is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PosForm {
    /// The low 48 bits, as GNS does.
    Absolute,
    /// Not at all.
    Next,
    Step8(u8),
    Step16(u16),
    Step32(u32),
    /// Backward, or too far forward: the lane is selected anew, then the absolute form.
    Backward,
}

impl PosForm {
    const fn code(self) -> u8 {
        match self {
            Self::Next => 0,
            Self::Step8(_) => 1,
            Self::Absolute | Self::Step16(_) | Self::Backward => 2,
            Self::Step32(_) => 3,
        }
    }
}

#[cfg(test)]
mod tests;
