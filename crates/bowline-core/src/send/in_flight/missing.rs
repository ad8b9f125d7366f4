//! Packets that the peer misses: late or lost.
//!
//! ```text
//! missing ──► Waiting ── window over ──► Lost ── remembered for a while ──► forgotten
//!                │                         │
//!                └── arrived ──► Settled ◄─┘ arrived after all: the window grows
//! ```
//!
//! A peer names a packet as missing 3 ms after a newer one came ([`limits::NACK_HOLD`], in GNS too). On most
//! paths that is all the patience it takes: the window is zero, and what is missing is lost. A lost packet is
//! remembered for about a round trip, in which the peer is asked to go on reporting on it (the stop-waiting
//! point stays below). If it arrives after all, the loss is undone and the window grows, by a quarter of
//! the least round trip per such packet (RFC 8985 section 6.2 has that step), no further than would have
//! been enough for this packet, nor beyond a round trip. A window that has been more than twice what late
//! packets needed for [`PATIENCE`] is halved.
//!
//! **Work.** A peer may send as many reports as it likes, on hundreds of packets that stay missing. So a
//! report looks only at what it changes: settled entries stay in the ring until they leave at its front, and
//! [`Marks`] find those among them that are not. A block of a report costs a look at one entry, and where it
//! reaches others a search; the next deadline costs a word for 64 entries.

use alloc::collections::VecDeque;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PacketNumber;
use crate::limits;
use crate::memory;
use crate::send::in_flight::SentPacket;
use crate::send::in_flight::Settled;
use crate::send::in_flight::Verdict;
use crate::send::in_flight::elsewhere::ELSEWHERE;
use crate::send::in_flight::marks::Marks;
use crate::send::in_flight::ranges::Ranges;
use crate::send::in_flight::ranges::SentRange;
use crate::snp::ack_codec::AckFrame;
use crate::time::Span;
use crate::time::Timestamp;

/// A window that nothing has needed for so long is too wide.
const PATIENCE: Span = Span::from_secs(2);
/// Smaller windows are none: the peer's own patience is more.
const MIN_WINDOW: Span = Span::from_millis(1);
/// What is lost is remembered for a round trip, and for this at least.
const MIN_MEMORY: Span = Span::from_millis(10);

/// The packets that the peer misses.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Missing {
    /// By number. Those that wait are the newer ones.
    packets: VecDeque<MissingPacket>,
    /// How many have left the front of the ring: an entry is known by its index and these.
    gone: u64,
    /// Those that wait.
    waiting: Marks,
    /// Those that wait or are lost; the rest has arrived.
    open: Marks,
    ranges: Ranges,
    /// Bytes of those that wait.
    bytes: u64,
    /// How many are lost.
    lost: usize,
    /// How long a missing packet is waited for.
    window: Span,
    /// When a late packet last needed half of that.
    needed_at: Timestamp,
    /// The packet with the newest report, and how far that went.
    reported_by: PacketNumber,
    reported: PacketNumber,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct MissingPacket {
    number: PacketNumber,
    missed_at: Timestamp,
    sent: SentPacket,
}

/// What decides how long a packet is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The smoothed round-trip time, and the least one.
    pub(crate) rtt: Span,
    pub(crate) least_rtt: Span,
    /// The peer remembers few gaps, as GNS does.
    pub(crate) is_gns: bool,
}

impl Bounds {
    /// How many packets may be missing.
    const fn packets(self) -> usize {
        if self.is_gns {
            limits::GNS_MISSING_PACKETS
        } else {
            limits::MISSING_PACKETS
        }
    }

    const fn lost(self) -> usize {
        if self.is_gns {
            limits::GNS_REMEMBERED_LOST
        } else {
            limits::REMEMBERED_LOST
        }
    }
}

impl Missing {
    pub(super) fn new() -> Self {
        Self {
            packets: VecDeque::new(),
            gone: 0,
            waiting: Marks::default(),
            open: Marks::default(),
            ranges: Ranges::new(),
            bytes: 0,
            lost: 0,
            window: Span::ZERO,
            needed_at: Timestamp::ZERO,
            reported_by: PacketNumber::new(0),
            reported: PacketNumber::new(0),
        }
    }

    /// Takes in which of the packets have arrived, told by packet `by`.
    ///
    /// What a report does not mention below its last block arrived, down to our stop-waiting point; but a
    /// second report in the same packet begins where the first one ends.
    pub(super) fn on_ack(
        &mut self,
        now: Timestamp,
        by: PacketNumber,
        ack: &AckFrame<'_>,
        bounds: Bounds,
        mut settled: impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        let floor = match by == self.reported_by {
            true => self.reported.get().saturating_add(1),
            false => 0,
        };
        let mut upper = ack.latest.get().saturating_add(1);
        let mut newest = self.newest_below(self.end(), upper);
        for block in ack.blocks() {
            step();
            let Some(entry) = newest.filter(|_| upper > floor) else {
                return;
            };
            let nack_top = upper.saturating_sub(block.acked);
            self.arrived(now, entry, nack_top.max(floor), bounds, &mut settled);
            upper = nack_top.saturating_sub(block.nacked);
            newest = self.newest_below(entry + 1, upper);
        }
        if let Some(entry) = newest {
            self.arrived(now, entry, floor, bounds, &mut settled);
        }
    }

    /// A report by packet `by` has been taken in, up to `latest`.
    pub(super) fn on_reported(&mut self, by: PacketNumber, latest: PacketNumber) {
        self.reported = match by == self.reported_by {
            true => self.reported.max(latest),
            false => latest,
        };
        self.reported_by = by;
    }

    /// The peer misses a packet, newer than all that it missed before.
    pub(super) fn push<'a>(
        &mut self,
        now: Timestamp,
        number: PacketNumber,
        mut sent: SentPacket,
        ranges: impl Iterator<Item = &'a SentRange>,
        bounds: Bounds,
        mut settled: impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        let count = sent.ranges.count();
        while self.packets.len() >= bounds.packets()
            || self.ranges.len() + count > 2 * limits::MISSING_PACKETS
        {
            if !self.forget_oldest(&mut settled) {
                break;
            }
        }
        ranges.for_each(|range| self.ranges.push(range.clone()));
        sent.ranges = self.ranges.last(count);
        let entry = self.end();
        self.packets.push_back(MissingPacket {
            number,
            missed_at: now,
            sent,
        });
        self.waiting.insert(entry);
        self.open.insert(entry);
        self.bytes += u64::from(sent.bytes);
    }

    /// Gives up those that were waited for long enough, and forgets those that were lost long ago.
    pub(super) fn judge(
        &mut self,
        now: Timestamp,
        bounds: Bounds,
        mut settled: impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        self.narrow(now);
        while let Some((entry, packet)) = self.first_waiting()
            && packet.missed_at + self.window <= now
        {
            self.lose(entry, packet, &mut settled);
        }
        let memory = self.window + bounds.rtt.max(MIN_MEMORY);
        while let Some(oldest) = self.packets.front() {
            let is_remembered = oldest.missed_at + memory > now && self.lost <= bounds.lost();
            let is_open = self.open.contains(self.gone);
            if self.waiting.contains(self.gone) || is_open && is_remembered {
                break;
            }
            self.forget_oldest(&mut settled);
        }
    }

    /// Packets go another way from now on: what was learned of the one before is forgotten.
    pub(super) fn leave_way(&mut self) {
        for packet in &mut self.packets {
            packet.sent.bytes = ELSEWHERE;
        }
        self.bytes = 0;
        self.window = Span::ZERO;
    }

    /// When the first one was waited for long enough.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let (_, first) = self.first_waiting()?;
        Some(first.missed_at + self.window)
    }

    /// The oldest one that the peer is to go on reporting on.
    pub(super) fn oldest(&self) -> Option<PacketNumber> {
        self.packets.front().map(|packet| packet.number)
    }

    /// Bytes of those that may still come.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether none may still come.
    pub(super) fn is_settled(&self) -> bool {
        self.first_waiting().is_none()
    }

    /// How long a missing packet is waited for.
    pub(super) const fn window(&self) -> Span {
        self.window
    }

    /// The most heap in bytes, this object included.
    pub(super) const HEAP_BOUND: usize = size_of::<Self>()
        + memory::grown::<MissingPacket>(limits::MISSING_PACKETS)
        + memory::grown::<SentRange>(2 * limits::MISSING_PACKETS);

    /// Heap in bytes, this object included.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + memory::of_deque(&self.packets) + self.ranges.heap_bytes()
    }

    /// All up to `newest`, which is open, with numbers of `from` and more arrived.
    fn arrived(
        &mut self,
        now: Timestamp,
        newest: u64,
        from: u64,
        bounds: Bounds,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        if self
            .get(newest)
            .is_none_or(|packet| packet.number.get() < from)
        {
            return;
        }
        let mut left = self.first_from(from)..newest + 1;
        while let Some(entry) = self.open.first_in(left.clone())
            && let Some(packet) = self.get(entry).copied()
        {
            left.start = entry + 1;
            self.open.remove(entry);
            let was_lost = !self.waiting.contains(entry);
            if was_lost {
                self.lost -= 1;
            } else {
                self.stop_waiting_for(entry, packet);
            }
            let verdict = Verdict::Late { was_lost };
            if packet.sent.bytes != ELSEWHERE {
                self.widen(now, now.since(packet.missed_at), bounds);
            }
            settled(
                packet.report(verdict),
                &mut self.ranges.of(packet.sent.ranges),
            );
        }
    }

    fn lose(
        &mut self,
        entry: u64,
        packet: MissingPacket,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        self.stop_waiting_for(entry, packet);
        self.lost += 1;
        settled(
            packet.report(Verdict::Lost),
            &mut self.ranges.of(packet.sent.ranges),
        );
    }

    fn stop_waiting_for(&mut self, entry: u64, packet: MissingPacket) {
        self.waiting.remove(entry);
        self.bytes -= u64::from(packet.sent.bytes);
    }

    /// One less; whether there was one. If it may still come, it counts as lost.
    fn forget_oldest(
        &mut self,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) -> bool {
        let (entry, Some(oldest)) = (self.gone, self.packets.front().copied()) else {
            return false;
        };
        if self.waiting.contains(entry) {
            self.lose(entry, oldest, settled);
        }
        self.lost -= usize::from(self.open.contains(entry));
        self.open.remove(entry);
        self.packets.pop_front();
        self.gone += 1;
        let first = self.packets.front().map(|packet| packet.sent.ranges);
        self.ranges.keep_from(first);
        true
    }

    /// The newest open entry before `end` whose number is below `upper`.
    fn newest_below(&self, end: u64, upper: u64) -> Option<u64> {
        let mut end = end;
        // What is missing mostly stays so one by one.
        for _ in 0..2 {
            let newest = self.open.last_in(self.gone..end)?;
            if self.get(newest)?.number.get() < upper {
                return Some(newest);
            }
            end = newest;
        }
        self.open.last_in(self.gone..self.first_from(upper))
    }

    /// The first entry with this number or a larger one.
    fn first_from(&self, number: u64) -> u64 {
        let index = self.packets.partition_point(|packet| {
            step();
            packet.number.get() < number
        });
        self.gone + index as u64
    }

    fn first_waiting(&self) -> Option<(u64, MissingPacket)> {
        let entry = self.waiting.first_in(self.entries())?;
        Some((entry, *self.get(entry)?))
    }

    fn entries(&self) -> Range<u64> {
        self.gone..self.end()
    }

    fn end(&self) -> u64 {
        self.gone + self.packets.len() as u64
    }

    fn get(&self, entry: u64) -> Option<&MissingPacket> {
        step();
        let index = usize::try_from(entry.checked_sub(self.gone)?).ok()?;
        self.packets.get(index)
    }

    /// A packet came so long after it was missed.
    fn widen(&mut self, now: Timestamp, late: Span, bounds: Bounds) {
        if late * 2 >= self.window {
            self.needed_at = now;
        }
        if late >= self.window {
            let step = (bounds.least_rtt / 4).max(MIN_WINDOW);
            let enough = (late + late / 8).max(MIN_WINDOW);
            let most = enough.min(bounds.rtt.max(MIN_WINDOW));
            self.window = (self.window + step).min(most).max(self.window);
        }
    }

    fn narrow(&mut self, now: Timestamp) {
        if self.window == Span::ZERO || now.since(self.needed_at) < PATIENCE {
            return;
        }
        self.needed_at = now;
        self.window = self.window / 2;
        if self.window < MIN_WINDOW {
            self.window = Span::ZERO;
        }
    }
}

impl MissingPacket {
    const fn report(&self, verdict: Verdict) -> Settled {
        self.sent.report(self.number, verdict)
    }
}

/// An entry, or a word of marks, is looked at: what tests count.
#[inline]
pub(super) fn step() {
    #[cfg(test)]
    tests::STEPS.with(|steps| steps.set(steps.get() + 1));
}

#[cfg(test)]
pub(super) mod tests {
    use core::cell::Cell;

    std::thread_local! {
        pub(super) static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// How often an entry or a word of marks was looked at in this thread since the last time.
    pub(in crate::send::in_flight) fn take_steps() -> u64 {
        STEPS.take()
    }
}
