//! Packets that were sent and whose fate is not known.
//!
//! An entry per packet, in a ring by packet number, and the stream ranges of all of them in a second
//! ring, so that sending a packet does not allocate. An ack settles everything up to the newest packet
//! that it names, so entries leave from the front.

use alloc::collections::VecDeque;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::LaneIndex;
use crate::ids::PacketNumber;
use crate::ids::StreamPos;
use crate::limits;
use crate::memory;
use crate::rate::sampler::SentMark;
use crate::snp::ack_codec::AckFrame;
use crate::time::Timestamp;

/// The packets in flight.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct InFlight {
    packets: VecDeque<SentPacket>,
    /// The number of the first entry.
    first: PacketNumber,
    ranges: VecDeque<SentRange>,
    /// How many ranges have left the front of `ranges`.
    ranges_gone: u64,
    /// Bytes of packets that are neither settled nor taken for lost.
    bytes: u64,
    /// How many of those packets carry reliable data.
    reliable: usize,
    /// No older one does. Only moves forward, so that finding the oldest costs little however many
    /// packets without reliable data are in flight.
    first_reliable: PacketNumber,
    /// Older packets have been looked at by [`Self::forget_unreliable`].
    forgotten: PacketNumber,
}

/// Reliable bytes that a packet carried.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct SentRange {
    pub(crate) lane: LaneIndex,
    pub(crate) range: Range<StreamPos>,
}

/// What is remembered of a packet.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct SentPacket {
    sent_at: Timestamp,
    /// Index of its first range, counted from the beginning of the connection.
    first_range: u64,
    ranges: u16,
    bytes: u16,
    fate: Fate,
    mark: SentMark,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum Fate {
    Unknown,
    /// Taken for lost after a timeout; an ack may still come.
    TimedOut,
}

/// A packet whose fate was learned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) number: PacketNumber,
    pub(crate) sent_at: Timestamp,
    pub(crate) bytes: u16,
    pub(crate) acked: bool,
    /// Whether it had been taken for lost before.
    pub(crate) timed_out: bool,
    pub(crate) mark: SentMark,
}

impl InFlight {
    /// Nothing in flight; the next packet will be `next`.
    pub(crate) const fn new(next: PacketNumber) -> Self {
        Self {
            packets: VecDeque::new(),
            first: next,
            ranges: VecDeque::new(),
            ranges_gone: 0,
            bytes: 0,
            reliable: 0,
            first_reliable: next,
            forgotten: next,
        }
    }

    /// Adds a range to the packet that [`Self::push`] completes.
    pub(crate) fn add_range(&mut self, lane: LaneIndex, range: Range<StreamPos>) {
        self.ranges.push_back(SentRange { lane, range });
    }

    /// The `count` ranges that were added last.
    pub(crate) fn last_ranges(&self, count: usize) -> impl Iterator<Item = &SentRange> {
        let from = self.ranges.len().saturating_sub(count);
        self.ranges.range(from..)
    }

    /// Completes the entry of a packet. `ranges` of those added last are its own.
    pub(crate) fn push(&mut self, sent_at: Timestamp, bytes: usize, ranges: usize, mark: SentMark) {
        let first_range = self.ranges_gone + (self.ranges.len().saturating_sub(ranges)) as u64;
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.bytes += u64::from(bytes);
        if ranges > 0 && self.reliable == 0 {
            self.first_reliable = self.next_number();
        }
        self.reliable += usize::from(ranges > 0);
        self.packets.push_back(SentPacket {
            sent_at,
            first_range,
            ranges: u16::try_from(ranges).unwrap_or(u16::MAX),
            bytes,
            fate: Fate::Unknown,
            mark,
        });
    }

    /// The number of the next packet.
    pub(crate) fn next_number(&self) -> PacketNumber {
        PacketNumber::new(self.first.get().saturating_add(self.packets.len() as u64))
    }

    /// Settles all packets up to the newest that `ack` names. What the frame does not mention below
    /// its last block is acknowledged. Calls `settled` once per packet with its ranges.
    pub(crate) fn on_ack(
        &mut self,
        ack: &AckFrame<'_>,
        mut settled: impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        let latest = ack.latest.get();
        if latest < self.first.get() {
            return;
        }
        let count = usize::try_from(latest - self.first.get() + 1).unwrap_or(usize::MAX);
        let count = count.min(self.packets.len());
        // Blocks go from newest to oldest; walk them down to the first entry that we hold.
        let mut upper = latest.saturating_add(1);
        for block in ack.blocks() {
            if upper <= self.first.get() {
                break;
            }
            let nack_top = upper.saturating_sub(block.acked);
            self.settle(nack_top..upper, true, &mut settled);
            upper = nack_top.saturating_sub(block.nacked);
            self.settle(upper..nack_top, false, &mut settled);
        }
        self.settle(self.first.get()..upper, true, &mut settled);
        self.drop_front(count);
        self.find_first_reliable();
    }

    /// Takes the oldest packet with reliable data for lost.
    pub(crate) fn time_out_oldest(&mut self, lost: impl FnMut(&SentRange)) {
        if self.reliable == 0 {
            return;
        }
        let index = self.first_reliable.get().saturating_sub(self.first.get());
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(packet) = self.packets.get_mut(index) else {
            return;
        };
        packet.fate = Fate::TimedOut;
        self.bytes -= u64::from(packet.bytes);
        self.reliable -= 1;
        let packet = *packet;
        self.ranges_of(&packet).for_each(lost);
        self.find_first_reliable();
    }

    /// Forgets the oldest packet, which counts as lost: an ack for it changes nothing any more.
    pub(crate) fn forget_oldest(&mut self, lost: impl FnMut(&SentRange)) {
        let Some(packet) = self.packets.front().copied() else {
            return;
        };
        if packet.fate == Fate::Unknown {
            self.bytes -= u64::from(packet.bytes);
            self.reliable -= usize::from(packet.ranges > 0);
            self.ranges_of(&packet).for_each(lost);
        }
        self.drop_front(1);
        self.find_first_reliable();
    }

    /// Takes packets without reliable data that were sent before `before` out of the bytes in flight:
    /// nobody acknowledges them unless asked.
    pub(crate) fn forget_unreliable(&mut self, before: Timestamp) {
        let known = self.forgotten.get().saturating_sub(self.first.get());
        let from = usize::try_from(known).unwrap_or(usize::MAX);
        for packet in self.packets.range_mut(from.min(self.packets.len())..) {
            if packet.sent_at >= before {
                break;
            }
            self.forgotten = self.forgotten.max(self.first).next();
            if packet.fate == Fate::Unknown && packet.ranges == 0 {
                packet.fate = Fate::TimedOut;
                self.bytes -= u64::from(packet.bytes);
            }
        }
    }

    /// When the oldest packet with reliable data was sent whose fate is unknown.
    pub(crate) fn oldest_reliable(&self) -> Option<Timestamp> {
        if self.reliable == 0 {
            return None;
        }
        self.get(self.first_reliable).map(|packet| packet.sent_at)
    }

    /// Bytes of the packets whose fate is unknown.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many packets were sent beyond the newest that was settled.
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    /// The most heap in bytes: as many packets as are remembered, with two ranges each on average, and
    /// what rides again.
    pub(crate) const HEAP_BOUND: usize =
        memory::grown::<SentPacket>(limits::MAX_TRACKED_PACKETS + 1)
            + memory::grown::<SentRange>(
                2 * limits::MAX_TRACKED_PACKETS
                    + limits::ARMOURED_PACKETS * limits::ARMOURED_PER_PACKET,
            );

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        memory::of_deque(&self.packets) + memory::of_deque(&self.ranges)
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        if self.packets.is_empty() {
            self.packets = VecDeque::new();
            self.ranges = VecDeque::new();
        }
    }

    fn get(&self, number: PacketNumber) -> Option<&SentPacket> {
        let index = number.get().checked_sub(self.first.get())?;
        self.packets.get(usize::try_from(index).ok()?)
    }

    /// Goes on from the packet that was the oldest with reliable data, if its fate is known now.
    fn find_first_reliable(&mut self) {
        if self.reliable == 0 {
            return;
        }
        self.first_reliable = self.first_reliable.max(self.first);
        while let Some(packet) = self.get(self.first_reliable) {
            if packet.fate == Fate::Unknown && packet.ranges > 0 {
                return;
            }
            self.first_reliable = self.first_reliable.next();
        }
    }

    fn settle(
        &mut self,
        numbers: Range<u64>,
        acked: bool,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        let first = self.first.get();
        let from = usize::try_from(numbers.start.saturating_sub(first)).unwrap_or(usize::MAX);
        let to = usize::try_from(numbers.end.saturating_sub(first)).unwrap_or(usize::MAX);
        let to = to.min(self.packets.len());
        for index in from..to {
            let Some(packet) = self.packets.get(index).copied() else {
                return;
            };
            let timed_out = packet.fate == Fate::TimedOut;
            if !timed_out {
                self.bytes -= u64::from(packet.bytes);
                self.reliable -= usize::from(packet.ranges > 0);
            }
            let report = Settled {
                number: PacketNumber::new(first + index as u64),
                sent_at: packet.sent_at,
                bytes: packet.bytes,
                acked,
                timed_out,
                mark: packet.mark,
            };
            settled(report, &mut self.ranges_of(&packet));
        }
    }

    fn drop_front(&mut self, count: usize) {
        self.packets.drain(..count);
        self.first = PacketNumber::new(self.first.get() + count as u64);
        let keep_from = self
            .packets
            .front()
            .map_or(self.ranges_gone + self.ranges.len() as u64, |packet| {
                packet.first_range
            });
        let gone = usize::try_from(keep_from - self.ranges_gone).unwrap_or(usize::MAX);
        self.ranges.drain(..gone.min(self.ranges.len()));
        self.ranges_gone = keep_from;
    }

    fn ranges_of(&self, packet: &SentPacket) -> impl Iterator<Item = &SentRange> {
        let from = usize::try_from(packet.first_range - self.ranges_gone).unwrap_or(usize::MAX);
        let to = from
            .saturating_add(usize::from(packet.ranges))
            .min(self.ranges.len());
        self.ranges.range(from.min(to)..to)
    }
}

#[cfg(test)]
mod tests;
