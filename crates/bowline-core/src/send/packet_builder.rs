//! Fills one packet with frames, in stages that share a byte budget.
//!
//! The builder owns the pen and the budget; each stage adds what it has and what fits. What a packet
//! carries of reliable streams is noted with the sender as it is written, so the packet and its record
//! cannot disagree.

use alloc::vec::Vec;

use crate::ids::LaneIndex;
use crate::ids::PacketNumber;
use crate::ids::StreamPos;
use crate::lane_set::LaneSet;
use crate::limits;
use crate::send::Sender;
use crate::send::in_flight::SentRange;
use crate::send::lane::Run;
use crate::send::lane::SendLane;
use crate::send::scheduler;
use crate::send::unreliable::UnreliableMessage;
use crate::snp::encode;
use crate::snp::encode::FrameWriter;
use crate::time::Timestamp;

/// A message is not split for less than this many bytes (GNS e707b3a: `SNP_SendPacket`).
const MIN_PIECE: u64 = 16;
/// Header of the first reliable segment of a lane: lead, 48-bit position, size.
const FIRST_RELIABLE: usize = 1 + 6 + 1;
/// Header of the first unreliable segment of a lane: lead, 32-bit number, size.
const FIRST_UNRELIABLE: usize = 1 + 4 + 1;
/// Largest varint of an offset within an unreliable message.
const MAX_OFFSET: usize = 3;

/// A packet under construction.
#[derive(Debug)]
pub(crate) struct PacketBuilder<'a> {
    writer: FrameWriter<'a>,
    lane: LaneIndex,
    /// Plaintext bytes of a packet of full size that holds nothing but one lane's data.
    whole_packet: usize,
    ranges: usize,
    /// Pieces of messages.
    segments: u32,
    has_data: bool,
    outranked: bool,
}

/// What was built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Built {
    /// How many reliable ranges the packet carries.
    pub(crate) ranges: usize,
    /// Whether it carries anything of a message.
    pub(crate) has_data: bool,
    /// Whether something of one lane went before what waited in a lane of worse priority.
    pub(crate) outranked: bool,
}

/// The next thing of a lane that fits. One that fills the packet needs no size byte, so it may have a
/// byte more than the room that is left besides its header.
enum Piece {
    Again {
        max: u64,
    },
    New {
        len: u64,
    },
    Unreliable {
        message: UnreliableMessage,
        len: u32,
    },
}

impl<'a> PacketBuilder<'a> {
    /// Starts a packet whose plaintext is appended to `out` and has at most `budget` bytes.
    pub(crate) fn new(out: &'a mut Vec<u8>, number: PacketNumber, budget: usize) -> Self {
        Self {
            writer: FrameWriter::new(out, number, budget),
            lane: LaneIndex::ZERO,
            whole_packet: budget.saturating_sub(16),
            ranges: 0,
            segments: 0,
            has_data: false,
            outranked: false,
        }
    }

    /// Says that other packets may have up to `budget` bytes: what fits one of those is not split for this one.
    pub(crate) const fn among_larger(mut self, budget: usize) -> Self {
        self.whole_packet = budget.saturating_sub(16);
        self
    }

    /// The pen, for stages of other modules.
    pub(crate) const fn writer(&mut self) -> &mut FrameWriter<'a> {
        &mut self.writer
    }

    /// Stage: tells the peer which packets need no report any more.
    pub(crate) fn stop_waiting(&mut self, sender: &Sender) {
        self.writer.stop_waiting(sender.first_wanted());
    }

    /// Stage: message data, lane by lane as the scheduler picks them. What does not fit lets no lane of a
    /// worse priority go first, not even to fill the packet: its bytes would count against the rate.
    pub(crate) fn messages(&mut self, sender: &mut Sender) {
        let mut done = LaneSet::default();
        let (mut best, mut worst) = (i32::MAX, i32::MAX);
        while self.writer.room() > FIRST_UNRELIABLE {
            let Some(lane) = scheduler::pick(&sender.lanes, sender.peer, &done) else {
                return;
            };
            let priority = sender.priority(lane);
            if priority > worst {
                return;
            }
            self.outranked |= best < priority;
            best = best.min(priority);
            done.insert(lane);
            self.fill_from(sender, lane);
            if sender.lane_has_sendable(lane) {
                worst = priority;
            }
        }
    }

    /// Stage: small reliable data that was sent before rides again in what room is left.
    pub(crate) fn copies(&mut self, now: Timestamp, sender: &mut Sender) {
        if !sender.has_room_to_ride(now) {
            return;
        }
        let mut next = 0;
        for _ in 0..limits::ARMOURED_PER_PACKET {
            let Some((index, sent)) = sender.next_to_ride(now, next) else {
                return;
            };
            next = index + 1;
            if self.segments < limits::MAX_SEGMENTS_PER_PACKET && self.has_room_for(&sent) {
                self.select(sent.lane);
                self.write_range(sender, sent.lane, sent.range);
                self.segments += 1;
                self.has_data = true;
            } else if !self.has_data {
                sender.armour.give_up(index);
            }
        }
    }

    /// Completes the packet.
    pub(crate) fn finish(self) -> Built {
        self.writer.finish();
        Built {
            ranges: self.ranges,
            has_data: self.has_data,
            outranked: self.outranked,
        }
    }

    fn fill_from(&mut self, sender: &mut Sender, index: LaneIndex) {
        // Of a large packet full of tiny messages the peer would not take all.
        while self.segments < limits::MAX_SEGMENTS_PER_PACKET {
            let Some(lane) = sender.lanes.get_mut(index.as_usize()) else {
                return;
            };
            let stream_room =
                lane.stream_room(sender.peer.stream_window_bytes, sender.peer.max_holes);
            let Some(piece) = self.next_piece(lane, index, stream_room) else {
                return;
            };
            self.select(index);
            self.has_data = true;
            self.segments += 1;
            match piece {
                Piece::Again { max } => self.write_again(sender, index, max),
                Piece::New { len } => self.write_new(sender, index, len),
                Piece::Unreliable { message, len } => {
                    self.write_unreliable(sender, index, message, len);
                }
            }
        }
    }

    fn next_piece(&self, lane: &SendLane, index: LaneIndex, stream_room: u64) -> Option<Piece> {
        let room = self.writer.room().checked_sub(self.select_len(index))?;
        // What goes twice goes in two packets.
        if let Some(pos) = lane.first_lost(self.ranges == 0) {
            let max = room.checked_sub(self.reliable_overhead(index, pos))? as u64;
            let enough = max >= MIN_PIECE.min(lane.lost_bytes());
            return enough.then_some(Piece::Again { max: max + 1 });
        }
        match lane.head()? {
            Run::Reliable { end, .. } => {
                let room = room.checked_sub(self.reliable_overhead(index, lane.unsent()))? as u64;
                let waiting = end.bytes_since(lane.unsent()).min(stream_room);
                let enough = waiting > 0 && room >= MIN_PIECE.min(waiting);
                let len = waiting.min(room + 1);
                enough.then_some(Piece::New { len })
            }
            Run::Unreliable(message) => {
                let len = self.unreliable_piece(room, index, message)?;
                Some(Piece::Unreliable { message, len })
            }
        }
    }

    /// How much of an unreliable message goes into this packet. One that fits a packet is not split:
    /// losing either half would lose it.
    fn unreliable_piece(
        &self,
        room: usize,
        index: LaneIndex,
        message: UnreliableMessage,
    ) -> Option<u32> {
        let rest = message.rest();
        let overhead = if index == self.lane {
            self.writer
                .unreliable_overhead(message.number, message.sent)
        } else {
            FIRST_UNRELIABLE + if message.sent > 0 { MAX_OFFSET } else { 0 }
        };
        let room = u32::try_from(room.checked_sub(overhead)?).unwrap_or(u32::MAX);
        if rest.saturating_sub(room) <= 1 {
            return Some(rest);
        }
        let fits_a_packet = rest as usize + FIRST_UNRELIABLE + MAX_OFFSET <= self.whole_packet;
        let too_little = u64::from(room) < MIN_PIECE.min(u64::from(rest));
        (!fits_a_packet && !too_little).then_some(room + 1)
    }

    fn has_room_for(&self, sent: &SentRange) -> bool {
        let select = self.select_len(sent.lane);
        let overhead = select + self.reliable_overhead(sent.lane, sent.range.start);
        let room = self.writer.room().checked_sub(overhead);
        room.is_some_and(|room| room as u64 >= sent.range.end.bytes_since(sent.range.start))
    }

    fn select(&mut self, lane: LaneIndex) {
        if lane != self.lane {
            self.writer.select_lane(lane);
            self.lane = lane;
        }
    }

    const fn select_len(&self, lane: LaneIndex) -> usize {
        if lane.get() == self.lane.get() {
            0
        } else {
            encode::select_lane_len(lane)
        }
    }

    fn reliable_overhead(&self, index: LaneIndex, pos: StreamPos) -> usize {
        if index == self.lane {
            self.writer.reliable_overhead(pos)
        } else {
            FIRST_RELIABLE
        }
    }

    fn write_again(&mut self, sender: &mut Sender, index: LaneIndex, max: u64) {
        let flight = sender.in_flight.bytes();
        let Some(lane) = sender.lanes.get_mut(index.as_usize()) else {
            return;
        };
        let Some(range) = lane.take_lost(max, flight) else {
            return;
        };
        let stats = &mut sender.rare.get_or_insert_default().losses;
        stats.resent_bytes += range.end.bytes_since(range.start);
        self.write_range(sender, index, range);
    }

    fn write_new(&mut self, sender: &mut Sender, index: LaneIndex, len: u64) {
        let Some(lane) = sender.lanes.get_mut(index.as_usize()) else {
            return;
        };
        let range = lane.take_new(len);
        sender.unsent_bytes -= len;
        self.write_range(sender, index, range);
    }

    fn write_range(
        &mut self,
        sender: &mut Sender,
        index: LaneIndex,
        range: core::ops::Range<StreamPos>,
    ) {
        let Some(lane) = sender.lanes.get_mut(index.as_usize()) else {
            return;
        };
        let len = range.end.bytes_since(range.start);
        scheduler::charge(lane, len);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.writer.reliable_with(range.start, len, |out| {
            lane.copy_reliable(range.clone(), |part| out.extend_from_slice(part));
        });
        sender.in_flight.add_range(index, range);
        self.ranges += 1;
    }

    fn write_unreliable(
        &mut self,
        sender: &mut Sender,
        index: LaneIndex,
        message: UnreliableMessage,
        len: u32,
    ) {
        let Some(lane) = sender.lanes.get_mut(index.as_usize()) else {
            return;
        };
        let last = message.sent + len == message.len;
        self.writer
            .unreliable_with(message.number, message.sent, last, len as usize, |out| {
                lane.copy_unreliable(message.at, len, |part| out.extend_from_slice(part));
            });
        lane.took_unreliable(len, last);
        scheduler::charge(lane, u64::from(len));
        sender.unsent_bytes -= u64::from(len);
        sender.unsent_unreliable -= u64::from(last);
    }
}
