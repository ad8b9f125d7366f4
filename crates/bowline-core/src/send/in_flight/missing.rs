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

use alloc::collections::VecDeque;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PacketNumber;
use crate::limits;
use crate::memory;
use crate::send::in_flight::SentPacket;
use crate::send::in_flight::Settled;
use crate::send::in_flight::Verdict;
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
    ranges: Ranges,
    /// Bytes of those that wait.
    bytes: u64,
    waiting: usize,
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
    state: State,
    sent: SentPacket,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum State {
    Waiting,
    Lost,
    Settled,
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
    pub(super) const fn new() -> Self {
        Self {
            packets: VecDeque::new(),
            ranges: Ranges::new(),
            bytes: 0,
            waiting: 0,
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
        let mut end = self.packets.partition_point(|p| p.number.get() < upper);
        for block in ack.blocks() {
            if end == 0 || upper <= floor {
                return;
            }
            let nack_top = upper.saturating_sub(block.acked);
            end = self.arrived(now, end, nack_top.max(floor), bounds, &mut settled);
            upper = nack_top.saturating_sub(block.nacked);
            end = end.min(self.packets.partition_point(|p| p.number.get() < upper));
        }
        self.arrived(now, end, floor, bounds, &mut settled);
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
        self.packets.push_back(MissingPacket {
            number,
            missed_at: now,
            state: State::Waiting,
            sent,
        });
        self.waiting += 1;
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
        let mut index = 0;
        while self.waiting > 0
            && let Some(packet) = self.packets.get(index)
            && packet.missed_at + self.window <= now
        {
            if packet.state == State::Waiting {
                self.lose(index, &mut settled);
            }
            index += 1;
        }
        let memory = self.window + bounds.rtt.max(MIN_MEMORY);
        while let Some(oldest) = self.packets.front() {
            let is_over = match oldest.state {
                State::Waiting => false,
                State::Lost => oldest.missed_at + memory <= now || self.lost > bounds.lost(),
                State::Settled => true,
            };
            if !is_over {
                break;
            }
            self.forget_oldest(&mut settled);
        }
    }

    /// When the first one was waited for long enough.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        if self.waiting == 0 {
            return None;
        }
        let mut packets = self.packets.iter();
        let first = packets.find(|packet| packet.state == State::Waiting)?;
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
    pub(super) const fn is_settled(&self) -> bool {
        self.waiting == 0
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

    /// All before index `end` with numbers of `from` and more arrived; returns where those begin.
    fn arrived(
        &mut self,
        now: Timestamp,
        end: usize,
        from: u64,
        bounds: Bounds,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) -> usize {
        let begin = self.packets.partition_point(|p| p.number.get() < from);
        for index in begin..end {
            let Some(packet) = self.packets.get_mut(index) else {
                break;
            };
            let was_lost = match core::mem::replace(&mut packet.state, State::Settled) {
                State::Waiting => false,
                State::Lost => true,
                State::Settled => continue,
            };
            let packet = *packet;
            if was_lost {
                self.lost -= 1;
            } else {
                self.stop_waiting_for(packet);
            }
            let verdict = Verdict::Late { was_lost };
            self.widen(now, now.since(packet.missed_at), bounds);
            settled(
                packet.report(verdict),
                &mut self.ranges.of(packet.sent.ranges),
            );
        }
        begin.min(end)
    }

    fn lose(
        &mut self,
        index: usize,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) {
        let Some(packet) = self.packets.get_mut(index) else {
            return;
        };
        packet.state = State::Lost;
        let packet = *packet;
        self.stop_waiting_for(packet);
        self.lost += 1;
        settled(
            packet.report(Verdict::Lost),
            &mut self.ranges.of(packet.sent.ranges),
        );
    }

    fn stop_waiting_for(&mut self, packet: MissingPacket) {
        self.waiting -= 1;
        self.bytes -= u64::from(packet.sent.bytes);
    }

    /// One less; whether there was one. If it may still come, it counts as lost.
    fn forget_oldest(
        &mut self,
        settled: &mut impl FnMut(Settled, &mut dyn Iterator<Item = &SentRange>),
    ) -> bool {
        let Some(oldest) = self.packets.front().copied() else {
            return false;
        };
        if oldest.state == State::Waiting {
            self.lose(0, settled);
        }
        self.lost -= usize::from(oldest.state != State::Settled);
        self.packets.pop_front();
        let first = self.packets.front().map(|packet| packet.sent.ranges);
        self.ranges.keep_from(first);
        true
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
