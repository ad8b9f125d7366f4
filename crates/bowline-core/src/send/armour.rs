//! Armour for small reliable data: it rides again before it is known to be lost.
//!
//! A lost input is noticed a round trip later at the soonest, and whatever was sent behind it in its lane
//! waits for it. So small reliable segments that are not acknowledged go again in the free room of packets
//! that go out anyway (other data, acks, statistics), and where none goes out, in one of their own a quarter
//! of a round trip later.
//!
//! **How often** follows from the share of packets that the path loses, averaged over the last
//! [`LOSS_PACKETS`] or so: so many copies in all, the first one counted, that about a thousandth of the
//! segments loses every one of them. On a path that loses nothing that is one copy, and nothing rides. The
//! bytes that ride are thereby at most (copies - 1) times the small bytes that were sent.
//!
//! **Never at the cost of anything else**: only while nothing waits in any lane for the first time or again,
//! while window and pacer have room for a full packet besides, and for lanes with little in flight
//! ([`limits::ARMOURED_LANE_BYTES`]). Bulk that fills its window is never delayed by a byte, and pays one
//! comparison per packet.
//!
//! **One segment, several packets.** Each packet records the ranges that it carries, so an ack of any copy
//! releases the range. A segment knows the newest packet that carries it: when an older one turns out to be
//! lost, the range is not sent again at once, since a copy is on its way; its fate decides. A timeout does
//! not wait for copies, for it means that nothing at all came back.
//!
//! The peer need not know of it: a GNS receiver drops what it has and acknowledges it (wire.md 4.9).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::LaneIndex;
use crate::ids::PacketNumber;
use crate::ids::StreamPos;
use crate::limits;
use crate::memory;
use crate::send::Sender;
use crate::send::in_flight::SentRange;
use crate::send::lane::SendLane;
use crate::time::Span;
use crate::time::Timestamp;

/// The loss is an average in which the newest packet has this part: long enough that one in a hundred is
/// told from one in twenty, short enough to follow a player who walks away from the access point.
const LOSS_PACKETS: u32 = 128;
/// A new connection takes so many packets as arrived before its first. Each one then counts as much as any
/// before it, until there are [`LOSS_PACKETS`]: on a bad path the first second is as bad as all others.
const PACKETS_BEFORE: u8 = 8;
/// All packets, as a share.
const ALL: u32 = 1 << 20;
/// The share of segments of which all copies may be lost.
const RESIDUAL: u32 = ALL / 1000;
/// Counted as no more than this, so that an outage is soon forgotten.
const MAX_LOSS: u32 = ALL / 2;
/// Most copies of a segment, the first one counted: the residue is reached at up to 31 % of loss.
const MAX_COPIES: u8 = 6;
/// No packet goes out for copies alone sooner than this after the last copy. Below, bursts of loss take
/// all of them.
const MIN_GAP: Span = Span::from_millis(5);

/// What rides again, and how often.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Armour {
    is_enabled: bool,
    /// The share of our packets that are lost, of [`ALL`].
    loss: u32,
    /// How many packets that share is of, up to [`LOSS_PACKETS`].
    packets: u8,
    /// Nothing until something was lost: most connections are idle, or on a path that loses nothing.
    record: Option<Box<Record>>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Record {
    /// Small segments that are not acknowledged, those that were sent first in front.
    segments: VecDeque<Segment>,
    stats: ArmourStats,
}

/// What the armour for small reliable data has cost so far.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ArmourStats {
    /// How often a segment of a reliable stream was sent again before it was known to be lost.
    pub segments: u64,
    /// The bytes of these segments, without the headers of frames and packets.
    pub bytes: u64,
    /// Packets that went out for nothing else.
    pub packets: u64,
}

/// A small piece of a reliable stream that was sent and is not acknowledged.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Segment {
    pub(crate) lane: LaneIndex,
    /// How many packets have carried it.
    copies: u8,
    pub(crate) range: Range<StreamPos>,
    /// The newest packet that carries it, and when that left.
    newest: PacketNumber,
    sent_at: Timestamp,
}

impl Armour {
    pub(crate) const fn new(is_enabled: bool) -> Self {
        Self {
            is_enabled,
            loss: 0,
            packets: PACKETS_BEFORE,
            record: None,
        }
    }

    /// Whether segments may ride at all. The loss is measured regardless.
    pub(crate) const fn set_enabled(&mut self, is_enabled: bool) {
        self.is_enabled = is_enabled;
    }

    /// It was learned whether a packet arrived.
    pub(crate) const fn on_settled(&mut self, arrived: bool) {
        let packets = self.count_packet();
        if !arrived {
            self.loss += (ALL - self.loss) / packets;
            if self.loss > MAX_LOSS {
                self.loss = MAX_LOSS;
            }
        } else if self.loss > 0 {
            self.loss -= self.loss.div_ceil(packets);
        }
    }

    /// A packet that seemed to be lost arrived.
    pub(crate) const fn on_undone(&mut self) {
        self.loss = self.loss.saturating_sub(ALL / self.packets as u32);
    }

    /// Of how many packets the newest one is.
    const fn count_packet(&mut self) -> u32 {
        if (self.packets as u32) < LOSS_PACKETS {
            self.packets += 1;
        }
        self.packets as u32
    }

    /// A packet left that carries `sent`, of a lane with `unacked` bytes in flight.
    pub(crate) fn on_sent(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
        sent: &SentRange,
        unacked: u64,
    ) {
        let len = sent.range.end.bytes_since(sent.range.start);
        let record = self.record.get_or_insert_with(Box::default);
        if let Some(segment) = record.find_mut(sent) {
            segment.range.start = sent.range.start;
            segment.copies = segment.copies.saturating_add(1);
            segment.newest = number;
            segment.sent_at = now;
            record.stats.segments += 1;
            record.stats.bytes += len;
            return;
        }
        if len > limits::ARMOURED_SEGMENT
            || unacked > limits::ARMOURED_LANE_BYTES
            || record.segments.len() >= limits::ARMOURED_SEGMENTS
        {
            return;
        }
        record.segments.push_back(Segment {
            lane: sent.lane,
            copies: 1,
            range: sent.range.clone(),
            newest: number,
            sent_at: now,
        });
    }

    /// Packet `number`, which carried `sent`, is lost: returns what of that has no copy under way.
    pub(crate) fn on_lost(
        &mut self,
        number: PacketNumber,
        sent: &SentRange,
    ) -> Option<Range<StreamPos>> {
        let mut lost = sent.range.clone();
        let segment = self
            .record
            .as_mut()
            .and_then(|record| record.find_mut(sent));
        match segment {
            Some(segment) if segment.newest > number => lost.end = segment.range.start,
            Some(_) => self.forget(sent),
            None => {}
        }
        (lost.start < lost.end).then_some(lost)
    }

    /// What a packet carried is sent again in any case, or is not waited for any longer.
    pub(crate) fn forget(&mut self, sent: &SentRange) {
        self.retain(|segment| !segment.is_of(sent));
    }

    /// A packet left for nothing but copies.
    pub(crate) fn on_extra_packet(&mut self) {
        if let Some(record) = &mut self.record {
            record.stats.packets += 1;
        }
    }

    /// Segment `index` can be carried by no packet.
    pub(crate) fn give_up(&mut self, index: usize) {
        let record = self.record.as_mut();
        if let Some(segment) = record.and_then(|record| record.segments.get_mut(index)) {
            segment.copies = MAX_COPIES;
        }
    }

    /// Forgets what the peer has.
    pub(crate) fn forget_acked(&mut self, lanes: &[SendLane]) {
        self.retain(|segment| {
            let lane = lanes.get(segment.lane.as_usize());
            lane.is_some_and(|lane| !lane.unacked_part(&segment.range).is_empty())
        });
    }

    /// Forgets all segments.
    pub(crate) fn clear(&mut self) {
        if let Some(record) = &mut self.record {
            record.segments = VecDeque::new();
        }
    }

    /// Whether what is sent now is remembered, to ride again.
    pub(crate) const fn is_on(&self) -> bool {
        self.is_enabled && self.loss > RESIDUAL
    }

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let record = self.record.as_ref();
        record.map_or(0, |record| {
            size_of::<Record>() + memory::of_deque(&record.segments)
        })
    }

    /// The most heap in bytes.
    pub(crate) const HEAP_BOUND: usize =
        size_of::<Record>() + memory::grown::<Segment>(limits::ARMOURED_SEGMENTS);

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        if !self.has_segments() {
            self.clear();
        }
    }

    /// How many copies of a segment are worth sending, the first one counted.
    fn copies(&self) -> u8 {
        if !self.is_on() {
            return 1;
        }
        let loss = u64::from(self.loss + self.loss / 2);
        let (mut all_lost, mut copies) = (loss, 1);
        while all_lost > u64::from(RESIDUAL) && copies < MAX_COPIES {
            all_lost = all_lost * loss / u64::from(ALL);
            copies += 1;
        }
        copies
    }

    fn has_segments(&self) -> bool {
        self.segments().next().is_some()
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.record.iter().flat_map(|record| record.segments.iter())
    }

    fn retain(&mut self, keep: impl FnMut(&Segment) -> bool) {
        if let Some(record) = &mut self.record {
            record.segments.retain(keep);
        }
    }
}

impl Record {
    fn find_mut(&mut self, sent: &SentRange) -> Option<&mut Segment> {
        let mut segments = self.segments.iter_mut();
        segments.find(|segment| segment.is_of(sent))
    }
}

impl Segment {
    /// Whether a packet carried this. The ends of segments differ, whereas their starts move when the
    /// bytes there arrive.
    fn is_of(&self, sent: &SentRange) -> bool {
        self.lane == sent.lane && self.range.end == sent.range.end
    }
}

impl Sender {
    /// When a packet should go out for copies alone, unless another one takes them along before.
    pub(crate) fn rides_alone_at(&self) -> Option<Timestamp> {
        if !self.armour.has_segments() {
            return None;
        }
        let gap = (self.rtt.smoothed()? / 4).max(MIN_GAP);
        let copies = self.armour.copies();
        let segments = self.armour.segments();
        let waiting = segments.filter(|segment| segment.copies < copies);
        let at = waiting.map(|segment| segment.sent_at).min()? + gap;
        self.has_room_to_ride(at).then_some(at)
    }

    /// The segment at `index` or the next one that may ride in a packet that leaves now; and its index.
    pub(super) fn next_to_ride(&self, now: Timestamp, index: usize) -> Option<(usize, SentRange)> {
        let copies = self.armour.copies();
        // Packets of one burst do not all carry the same.
        let spacing = self.rtt.smoothed()? / 16;
        let mut segments = self.armour.segments().enumerate().skip(index);
        let (index, segment) = segments.find(|(_, segment)| {
            segment.copies < copies && segment.sent_at < now && segment.sent_at + spacing <= now
        })?;
        let lane = self.lanes.get(segment.lane.as_usize())?;
        let range = lane.unacked_part(&segment.range);
        let lane = segment.lane;
        Some((index, SentRange { lane, range }))
    }

    /// Whether copies are in nobody's way at that time.
    pub(super) fn has_room_to_ride(&self, at: Timestamp) -> bool {
        if !self.armour.has_segments() || self.unsent_bytes > 0 {
            return false;
        }
        let packet = limits::MAX_DATAGRAM as u64;
        let paced = self.pacer.bytes_at(at, self.rate_bytes_per_sec());
        self.lanes.iter().all(|lane| lane.lost_bytes() == 0)
            && self.in_flight.len() < limits::ARMOURED_PACKETS
            && self.in_flight.bytes().saturating_add(2 * packet) <= self.controller.window_bytes()
            && paced >= packet as i64
    }

    /// Notes what the next packet carries, of which the last `ranges` are that were added in flight.
    pub(super) fn note_armoured(&mut self, now: Timestamp, ranges: usize) {
        if ranges == 0 || !(self.armour.is_on() || self.armour.has_segments()) {
            return;
        }
        let number = self.in_flight.next_number();
        for sent in self.in_flight.last_ranges(ranges) {
            let lane = self.lanes.get(sent.lane.as_usize());
            let unacked = lane.map_or(u64::MAX, SendLane::unacked_bytes);
            self.armour.on_sent(now, number, sent, unacked);
        }
    }

    /// What the armour for small reliable data has cost so far.
    pub(crate) fn armour_stats(&self) -> ArmourStats {
        let record = self.armour.record.as_ref();
        record.map_or_else(ArmourStats::default, |record| record.stats)
    }

    /// A packet left for nothing but copies.
    pub(crate) fn on_extra_packet(&mut self) {
        self.armour.on_extra_packet();
    }
}

#[cfg(test)]
mod tests;
