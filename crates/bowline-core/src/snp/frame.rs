//! What a frame is, decoded, and what both directions know about its bytes.

use crate::counters::DropReason;
use crate::ids::{LaneIndex, MessageNumber, PacketNumber, StreamPos};
use crate::snp::ack_codec::AckFrame;

/// One frame of a data packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Frame<'a> {
    /// What follows belongs to this lane. Every packet starts in lane 0.
    SelectLane(LaneIndex),
    /// A piece of an unreliable message, or all of it.
    Unreliable {
        /// Which message of the lane.
        number: MessageNumber,
        /// Where in the message the piece starts. Not bounded here; `offset + data.len()` may pass `u32::MAX`.
        offset: u32,
        /// The message ends with this piece.
        last: bool,
        /// The bytes, possibly none.
        data: &'a [u8],
    },
    /// A piece of the lane's reliable stream.
    Reliable {
        /// Where in the stream it starts.
        pos: StreamPos,
        /// The bytes, possibly none.
        data: &'a [u8],
    },
    /// The sender no longer needs to hear of packets before this one, which is older than the packet
    /// that says so.
    StopWaiting {
        /// The oldest packet still of interest.
        first_wanted: PacketNumber,
    },
    /// Which of our packets arrived.
    Ack(AckFrame<'a>),
    /// A frame that both sides have agreed on and GNS does not know.
    Extension {
        /// 0 to 31: the low five bits of the lead byte 0xA0 to 0xBF.
        kind: u8,
        /// What it carries.
        data: &'a [u8],
    },
}

/// Why a packet's remaining frames are not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// Not what any peer may send: the connection ends with 5002. The text is for logs.
    #[error("broken frame: {0}")]
    Broken(&'static str),
    /// An acknowledgement of a packet that was never sent. The frames before it count, the packet
    /// as a whole counts as never received (GNS: the same).
    #[error("acknowledges a packet that was never sent")]
    AckOfUnsent,
    /// More segments than allowed. The frames before it count, the packet as a whole counts as
    /// never received (GNS: the same).
    #[error("too many segments in a packet")]
    TooManySegments,
}

impl FrameError {
    /// What it is counted as.
    pub const fn drop_reason(self) -> DropReason {
        match self {
            Self::Broken(_) => DropReason::BrokenFrame,
            Self::AckOfUnsent => DropReason::AckOfUnsent,
            Self::TooManySegments => DropReason::TooManySegments,
        }
    }
}

/// What a packet has said in the current lane since its start or the last select-lane frame.
/// Reader and writer must agree on it bit by bit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct LaneContext {
    /// The number that an unreliable segment without one continues from.
    pub(super) message: Option<MessageNumber>,
    /// The end of the last reliable segment.
    pub(super) pos: Option<StreamPos>,
}

impl LaneContext {
    #[inline]
    pub(super) const fn after_unreliable(&mut self, number: MessageNumber) {
        self.message = Some(number);
    }

    /// Reliable segments take a message number too, once there is one to continue from.
    #[inline]
    pub(super) fn after_reliable(&mut self, end: StreamPos) {
        self.message = self.message.map(MessageNumber::next);
        self.pos = Some(end);
    }
}

/// Bits of the lead byte and of the fields behind it (wire.md 4.1 to 4.7).
pub(super) mod lead {
    /// Of a segment: the size code. 0 to 4 are the high bits of the size, whose low byte follows the
    /// other fields.
    pub(crate) const SIZE_MASK: u8 = 0x07;
    /// Size code: up to the end of the packet.
    pub(crate) const SIZE_REST: u8 = 0x07;
    /// Largest size code that stands for bits of the size.
    pub(crate) const SIZE_HIGH_MAX: u8 = 4;

    /// Of an unreliable segment: the message ends here.
    pub(crate) const LAST: u8 = 0x20;
    /// Of an unreliable segment: the longer form of the message number.
    pub(crate) const NUMBER: u8 = 0x10;
    /// Of an unreliable segment: an offset follows.
    pub(crate) const OFFSET: u8 = 0x08;

    pub(crate) const RELIABLE: u8 = 0x40;
    /// Of a reliable segment: how far to shift the form of the position.
    pub(crate) const POS_SHIFT: u8 = 3;

    pub(crate) const STOP_WAITING: u8 = 0x80;
    pub(crate) const SELECT_LANE: u8 = 0x88;
    /// Select-lane: the lane follows as a varint. Below, it is this plus one.
    pub(crate) const LANE_FOLLOWS: u8 = 7;

    pub(crate) const ACK: u8 = 0x90;
    /// Of an ack: the packet number has 16 bits, not 32.
    pub(crate) const ACK_SHORT: u8 = 0x08;
    /// Of an ack: the count of blocks follows. Below, it is the count.
    pub(crate) const ACK_COUNT_FOLLOWS: u8 = 7;

    /// Ours: 32 kinds, each with a varint length.
    pub(crate) const EXTENSION: u8 = 0xA0;
    pub(crate) const EXTENSION_KIND: u8 = 0x1F;
}
