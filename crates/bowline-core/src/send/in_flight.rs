//! Packets that were sent and whose fate is not known.
//!
//! An entry per packet, in a ring by packet number, and the stream ranges of all of them in a second
//! ring, so that sending a packet does not allocate. An ack settles everything up to the newest packet
//! that it names, so entries leave from the front. What it says is missing goes on to `missing`.

mod elsewhere;
mod marks;
mod missing;
mod ranges;

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
use crate::rate::sampler::SentMark;
use crate::send::in_flight::missing::Missing;
use crate::send::in_flight::ranges::Ranges;
use crate::send::in_flight::ranges::RangesOf;
use crate::snp::ack_codec::AckFrame;
use crate::time::Span;
use crate::time::Timestamp;

pub(crate) use missing::Bounds;
pub(crate) use ranges::SentRange;

/// The packets in flight.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct InFlight {
    packets: VecDeque<SentPacket>,
    /// The number of the first entry.
    first: PacketNumber,
    ranges: Ranges,
    /// Nothing until the peer missed something.
    missing: Option<Box<Missing>>,
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

/// What is remembered of a packet.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct SentPacket {
    sent_at: Timestamp,
    ranges: RangesOf,
    /// 0 if it does not count among the bytes in flight (`elsewhere`).
    bytes: u16,
    fate: Fate,
    is_probe: bool,
    mark: SentMark,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum Fate {
    Unknown,
    /// Taken for lost after a timeout; an ack may still come.
    TimedOut,
    /// The ack that is being taken in says that it is missing.
    Missed,
    /// There is none: its number was left out.
    Skipped,
}

/// A packet whose fate was learned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) number: PacketNumber,
    pub(crate) sent_at: Timestamp,
    pub(crate) bytes: u16,
    pub(crate) verdict: Verdict,
    /// Whether it had been given up before, after a timeout.
    pub(crate) timed_out: bool,
    /// Whether it only asked whether the path takes its size.
    pub(crate) is_probe: bool,
    pub(crate) mark: SentMark,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Arrived,
    /// It arrived after the peer had missed it.
    Late {
        /// It had been taken for lost.
        was_lost: bool,
    },
    Lost,
}

impl Settled {
    /// Whether it arrived, in time or not.
    pub(crate) const fn has_arrived(&self) -> bool {
        match self.verdict {
            Verdict::Arrived | Verdict::Late { .. } => true,
            Verdict::Lost => false,
        }
    }
}

impl InFlight {
    /// Nothing in flight; the next packet will be `next`.
    pub(crate) const fn new(next: PacketNumber) -> Self {
        Self {
            packets: VecDeque::new(),
            first: next,
            ranges: Ranges::new(),
            missing: None,
            bytes: 0,
            reliable: 0,
            first_reliable: next,
            forgotten: next,
        }
    }

    /// Adds a range to the packet that [`Self::push`] completes.
    pub(crate) fn add_range(&mut self, lane: LaneIndex, range: Range<StreamPos>) {
        self.ranges.push(SentRange { lane, range });
    }

    /// The `count` ranges that were added last.
    pub(crate) fn last_ranges(&self, count: usize) -> impl Iterator<Item = &SentRange> {
        self.ranges.of(self.ranges.last(count))
    }

    /// Completes the entry of a packet. `ranges` of those added last are its own.
    pub(crate) fn push(&mut self, sent_at: Timestamp, bytes: usize, ranges: usize, mark: SentMark) {
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.bytes += u64::from(bytes);
        if ranges > 0 && self.reliable == 0 {
            self.first_reliable = self.next_number();
        }
        self.reliable += usize::from(ranges > 0);
        self.packets.push_back(SentPacket {
            sent_at,
            ranges: self.ranges.last(ranges),
            bytes,
            fate: Fate::Unknown,
            is_probe: false,
            mark,
        });
    }

    /// Leaves out a number: its entry takes a place, and nobody hears what becomes of it.
    pub(crate) fn skip(&mut self, now: Timestamp) {
        self.packets.push_back(SentPacket {
            sent_at: now,
            ranges: self.ranges.last(0),
            bytes: 0,
            fate: Fate::Skipped,
            is_probe: false,
            mark: SentMark::default(),
        });
    }

    /// Whether no ack has spoken of this number yet, and it is not forgotten.
    pub(crate) fn remembers(&self, number: PacketNumber) -> bool {
        number >= self.first
    }

    /// Says of the packet that was added last that it asks whether the path takes its size.
    pub(crate) fn mark_probe(&mut self) {
        if let Some(packet) = self.packets.back_mut() {
            packet.is_probe = true;
        }
    }

    /// The number of the next packet.
    pub(crate) fn next_number(&self) -> PacketNumber {
        PacketNumber::new(self.first.get().saturating_add(self.packets.len() as u64))
    }

    /// Takes in an ack that packet `by` brought: all packets up to the newest that it names have arrived or
    /// are missing. What the frame does not mention below its last block has arrived. Calls `settled` with
    /// the ranges of each packet whose fate is known thereby.
    pub(crate) fn on_ack(
        &mut self,
        now: Timestamp,
        by: PacketNumber,
        ack: &AckFrame<'_>,
        bounds: Bounds,
        mut settled: impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        if let Some(missing) = &mut self.missing {
            missing.on_ack(now, by, ack, bounds, &mut settled);
        }
        if ack.latest >= self.first {
            self.on_news(now, ack, bounds, &mut settled);
        }
        if let Some(missing) = &mut self.missing {
            missing.on_reported(by, ack.latest);
            missing.judge(now, bounds, settled);
        }
    }

    /// Gives up packets that have been missing for long enough.
    pub(crate) fn judge_missing(
        &mut self,
        now: Timestamp,
        bounds: Bounds,
        settled: impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        if let Some(missing) = &mut self.missing {
            missing.judge(now, bounds, settled);
        }
    }

    /// When a missing packet is given up.
    pub(crate) fn missing_until(&self) -> Option<Timestamp> {
        self.missing.as_ref()?.deadline()
    }

    /// The oldest missing packet that the peer is to go on reporting on.
    pub(crate) fn oldest_missing(&self) -> Option<PacketNumber> {
        self.missing.as_ref()?.oldest()
    }

    /// How long a missing packet is waited for.
    pub(crate) fn reordering_window(&self) -> Span {
        self.missing
            .as_ref()
            .map_or(Span::ZERO, |missing| missing.window())
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
        self.ranges.of(packet.ranges).for_each(lost);
        self.find_first_reliable();
    }

    /// Forgets the oldest packet, which counts as lost: an ack for it changes nothing any more.
    pub(crate) fn forget_oldest(&mut self, lost: impl FnMut(&SentRange)) {
        let Some(packet) = self.packets.front().copied() else {
            return;
        };
        if packet.fate == Fate::Unknown {
            self.bytes -= u64::from(packet.bytes);
            self.reliable -= usize::from(!packet.ranges.is_empty());
            self.ranges.of(packet.ranges).for_each(lost);
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
            if packet.fate == Fate::Unknown && packet.ranges.is_empty() {
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

    /// Bytes of the packets that may still arrive.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes + self.missing.as_ref().map_or(0, |missing| missing.bytes())
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
            )
            + Missing::HEAP_BOUND;

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let missing = self.missing.as_ref();
        memory::of_deque(&self.packets)
            + self.ranges.heap_bytes()
            + missing.map_or(0, |missing| missing.heap_bytes())
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        if self.packets.is_empty() {
            self.packets = VecDeque::new();
            self.ranges.shrink();
        }
        // The peer is not asked about lost packets any more, and the window is learned anew.
        self.missing.take_if(|missing| missing.is_settled());
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
            if packet.fate == Fate::Unknown && !packet.ranges.is_empty() {
                return;
            }
            self.first_reliable = self.first_reliable.next();
        }
    }

    /// Takes in an ack that speaks of packets that no ack spoke of before.
    fn on_news(
        &mut self,
        now: Timestamp,
        ack: &AckFrame<'_>,
        bounds: Bounds,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        let latest = ack.latest.get();
        let count = usize::try_from(latest - self.first.get() + 1).unwrap_or(usize::MAX);
        let count = count.min(self.packets.len());
        // Blocks go from newest to oldest; walk them down to the first entry that we hold.
        let (mut upper, mut any_missed) = (latest.saturating_add(1), false);
        for block in ack.blocks() {
            if upper <= self.first.get() {
                break;
            }
            let nack_top = upper.saturating_sub(block.acked);
            self.arrived(nack_top..upper, settled);
            upper = nack_top.saturating_sub(block.nacked);
            any_missed |= self.missed(upper..nack_top, settled);
        }
        self.arrived(self.first.get()..upper, settled);
        if any_missed {
            self.hand_on_missed(now, count, bounds, settled);
        }
        self.drop_front(count);
        self.find_first_reliable();
    }

    fn arrived(
        &mut self,
        numbers: Range<u64>,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        for index in self.indices(numbers) {
            if let Some((number, packet)) = self.leave(index) {
                let report = packet.report(number, Verdict::Arrived);
                settled(report, &mut self.ranges.of(packet.ranges));
            }
        }
    }

    /// Notes that packets are missing; whether any may still come.
    fn missed(
        &mut self,
        numbers: Range<u64>,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) -> bool {
        let mut any = false;
        for index in self.indices(numbers) {
            let Some((number, packet)) = self.leave(index) else {
                break;
            };
            match packet.fate {
                Fate::TimedOut => {
                    let report = packet.report(number, Verdict::Lost);
                    settled(report, &mut self.ranges.of(packet.ranges));
                }
                Fate::Skipped => {}
                Fate::Unknown | Fate::Missed => {
                    if let Some(packet) = self.packets.get_mut(index) {
                        packet.fate = Fate::Missed;
                        any = true;
                    }
                }
            }
        }
        any
    }

    /// Hands on what is missing of the first `count` packets, in the order of their numbers.
    fn hand_on_missed(
        &mut self,
        now: Timestamp,
        count: usize,
        bounds: Bounds,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        let missing = self.missing.get_or_insert_with(|| Box::new(Missing::new()));
        for (packet, number) in self.packets.iter().take(count).zip(self.first.get()..) {
            if packet.fate == Fate::Missed {
                let number = PacketNumber::new(number);
                let ranges = self.ranges.of(packet.ranges);
                missing.push(now, number, *packet, ranges, bounds, &mut *settled);
            }
        }
    }

    fn indices(&self, numbers: Range<u64>) -> Range<usize> {
        let index = |number: u64| {
            let index = number.saturating_sub(self.first.get());
            usize::try_from(index).unwrap_or(usize::MAX)
        };
        index(numbers.start)..index(numbers.end).min(self.packets.len())
    }

    /// A packet is not in flight any more; its entry stays until it leaves from the front.
    fn leave(&mut self, index: usize) -> Option<(PacketNumber, SentPacket)> {
        let packet = self.packets.get(index).copied()?;
        if packet.fate == Fate::Unknown {
            self.bytes -= u64::from(packet.bytes);
            self.reliable -= usize::from(!packet.ranges.is_empty());
        }
        let number = PacketNumber::new(self.first.get() + index as u64);
        Some((number, packet))
    }

    fn drop_front(&mut self, count: usize) {
        self.packets.drain(..count);
        self.first = PacketNumber::new(self.first.get() + count as u64);
        self.ranges
            .keep_from(self.packets.front().map(|packet| packet.ranges));
    }
}

impl SentPacket {
    const fn report(&self, number: PacketNumber, verdict: Verdict) -> Settled {
        Settled {
            number,
            sent_at: self.sent_at,
            bytes: self.bytes,
            verdict,
            timed_out: match self.fate {
                Fate::TimedOut => true,
                Fate::Unknown | Fate::Missed | Fate::Skipped => false,
            },
            is_probe: self.is_probe,
            mark: self.mark,
        }
    }
}

#[cfg(test)]
mod tests;
