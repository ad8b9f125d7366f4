//! Which packets were received, and what to tell the peer of it, when.
//!
//! Every number from the peer's stop-waiting point on is in the set of received packets or in a gap
//! between them. An ack frame describes all of that up to its newest packet; what lies below the
//! peer's own stop-waiting point counts as acknowledged, so a report may never skip a gap above it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PacketNumber;
use crate::limits;
use crate::memory;
use crate::range_set::RangeSet;
use crate::snp::ack_codec::AckBlock;
use crate::snp::ack_codec::LONGEST_RUN;
use crate::time::Span;
use crate::time::Timestamp;

/// An ack goes out after this many packets that nobody was told of.
const PACKETS_PER_ACK: u32 = 64;
/// Longest delay of an ack when the round trip is known (a quarter of it, within these bounds).
pub(crate) const MAX_DELAY: Span = Span::from_millis(25);
/// Least delay of an ack, to have company on a fast path.
const MIN_DELAY: Span = Span::from_millis(1);
/// Gaps whose report may still be held back; older ones are reported without asking.
const MAX_HELD_GAPS: usize = 64;
/// After an ack frame with nacks the peer waits this long, divided by their number, for our
/// stop-waiting (GNS: 250 ms).
const FLUSH_AFTER_NACKS: Span = Span::from_millis(250);

/// Received packets and the acks that are owed for them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Acks {
    received: RangeSet,
    highest: PacketNumber,
    highest_at: Option<Timestamp>,
    /// The peer needs no report on packets below.
    first_wanted: PacketNumber,
    /// The packet that told so last.
    first_wanted_by: PacketNumber,
    /// Gaps that are too young to be reported.
    held: VecDeque<YoungGap>,
    due: Option<Timestamp>,
    /// All that may be told by now was told; the rest waits until `due`.
    told: bool,
    unreported: u32,
    blocks: Vec<AckBlock>,
}

/// Packets that are missing and may still come.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct YoungGap {
    /// The first packet that is missing.
    first: u64,
    /// When the packet before it came.
    before_at: Timestamp,
    /// When it may be reported.
    until: Timestamp,
}

/// An ack that can be written now.
#[derive(Debug)]
pub(crate) struct AckReport<'a> {
    pub(crate) latest: PacketNumber,
    pub(crate) delay: Option<Span>,
    pub(crate) blocks: &'a [AckBlock],
    /// Whether nothing more can be told now.
    pub(crate) is_whole: bool,
}

impl Acks {
    /// Nothing received but the handshake, which counts as packet `highest`.
    pub(crate) fn new(highest: PacketNumber) -> Self {
        let mut received = RangeSet::new();
        received.insert(0..highest.get().saturating_add(1));
        Self {
            received,
            highest,
            highest_at: None,
            first_wanted: PacketNumber::default(),
            first_wanted_by: PacketNumber::default(),
            held: VecDeque::new(),
            due: None,
            told: false,
            unreported: 0,
            blocks: Vec::new(),
        }
    }

    /// The most heap in bytes.
    pub(crate) const HEAP_BOUND: usize = memory::grown::<Range<u64>>(limits::MAX_ACK_GAPS + 1)
        + memory::grown::<YoungGap>(limits::MAX_ACK_GAPS)
        + memory::grown::<AckBlock>(limits::MAX_ACK_GAPS);

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.received.heap_bytes() + memory::of_deque(&self.held) + memory::of_vec(&self.blocks)
    }

    /// Notes a packet that was taken in.
    pub(crate) fn on_received(&mut self, now: Timestamp, number: PacketNumber) {
        if number > self.highest {
            let expected = self.highest.get() + 1;
            if number.get() > expected {
                self.hold_gap(expected, now);
            }
            self.highest = number;
            self.highest_at = Some(now);
        }
        if number >= self.first_wanted {
            self.received.insert(number.get()..number.get() + 1);
            if self.received.len() > limits::MAX_ACK_GAPS {
                self.forget_some();
            }
        }
        self.unreported = self.unreported.saturating_add(1);
        if self.unreported >= PACKETS_PER_ACK {
            self.owe(now);
        }
    }

    /// An ack is owed at `at` or earlier.
    pub(crate) fn owe(&mut self, at: Timestamp) {
        self.told = false;
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// An ack is owed for data, within a quarter of the round trip.
    pub(crate) fn owe_for_data(&mut self, now: Timestamp, srtt: Option<Span>) {
        let delay = srtt.map_or(MAX_DELAY, |rtt| (rtt / 4).clamp(MIN_DELAY, MAX_DELAY));
        self.owe(now + delay);
    }

    /// The peer reported losses and waits to hear that its report arrived.
    pub(crate) fn owe_for_nacks(&mut self, now: Timestamp, blocks: u64) {
        if let Some(wait) = FLUSH_AFTER_NACKS.as_micros().checked_div(blocks) {
            self.owe(now + Span::from_micros(wait));
        }
    }

    /// Takes in the peer's stop-waiting point, sent with packet `by`.
    ///
    /// # Errors
    /// If it went back in a newer packet, which ends the connection (wire.md 4.6).
    pub(crate) fn on_stop_waiting(
        &mut self,
        first_wanted: PacketNumber,
        by: PacketNumber,
    ) -> Result<(), &'static str> {
        if first_wanted < self.first_wanted {
            if by >= self.first_wanted_by {
                return Err("stop-waiting point went back");
            }
            return Ok(());
        }
        self.first_wanted_by = self.first_wanted_by.max(by);
        // GNS e707b3a: a point beyond what was received is taken for the newest received packet.
        self.first_wanted = first_wanted.min(self.highest);
        let point = self.first_wanted.get();
        self.received.remove_below(point);
        while self.held.front().is_some_and(|gap| gap.first < point) {
            self.held.pop_front();
        }
        Ok(())
    }

    /// When the next ack is due.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Whether there is something that the peer was not told of, and may be told now.
    pub(crate) fn has_news(&self, now: Timestamp) -> bool {
        let owed = self.due.is_some_and(|at| at <= now || !self.told);
        self.unreported > 0 || owed
    }

    /// The report to write now, of at most `max_blocks` gaps; on packets beyond `after`, if another report
    /// in the same packet told of those up to there.
    pub(crate) fn report(
        &mut self,
        now: Timestamp,
        max_blocks: usize,
        after: Option<PacketNumber>,
    ) -> AckReport<'_> {
        self.release_held(now);
        let from = after.map_or_else(|| self.first_wanted.get(), |after| after.get() + 1);
        let top = match self.held.front() {
            // Nothing at or above a young gap is reported yet.
            Some(gap) => gap.first.saturating_sub(1),
            None => self.highest.get(),
        };
        let top_at = match self.held.front() {
            Some(gap) => Some(gap.before_at),
            None => self.highest_at,
        };
        let max_blocks = max_blocks.min(limits::MAX_ACK_BLOCKS);
        let mut latest = self.collect_blocks(from, top, max_blocks);
        if after.is_none() && top.saturating_sub(latest) > limits::MAX_ACK_LAG {
            self.keep_newest(max_blocks.max(1));
            latest = self.collect_blocks(from, top, max_blocks);
        }
        let delay = top_at.filter(|_| latest == top).map(|at| now.since(at));
        AckReport {
            latest: PacketNumber::new(latest),
            delay,
            blocks: &self.blocks,
            is_whole: latest == top,
        }
    }

    /// Notes that the report went out.
    pub(crate) fn on_reported(&mut self, now: Timestamp, latest: PacketNumber) {
        self.unreported = 0;
        self.told = true;
        self.due = match self.held.front() {
            Some(gap) => Some(gap.until),
            // Not all gaps had room in the frame: the rest follows when the peer has moved on.
            None if latest < self.highest => Some(now + MAX_DELAY),
            None => None,
        };
    }

    /// Gives back memory that is only kept for speed.
    pub(crate) fn shrink(&mut self) {
        self.blocks = Vec::new();
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
        self.received.shrink();
    }

    /// Gathers blocks from `from` up, newest first, and returns the newest packet described. It
    /// ends early where a run would be longer than a frame can say: the rest follows when the peer has
    /// moved on.
    fn collect_blocks(&mut self, from: u64, top: u64, max_blocks: usize) -> u64 {
        self.blocks.clear();
        let mut latest = from.saturating_sub(1);
        let mut at = from;
        for range in self.received.iter() {
            if range.end <= from {
                continue;
            }
            if range.start > top {
                break;
            }
            let end = range.end.min(top.saturating_add(1));
            let start = range.start.max(from);
            let nacked = start.saturating_sub(at);
            if nacked > 0 {
                if self.blocks.len() >= max_blocks || nacked > LONGEST_RUN {
                    break;
                }
                let acked = (end - start).min(LONGEST_RUN);
                self.blocks.push(AckBlock { acked, nacked });
                if start + acked < end {
                    latest = start + acked - 1;
                    break;
                }
            }
            at = range.end;
            latest = end.saturating_sub(1);
        }
        self.blocks.reverse();
        latest
    }

    fn hold_gap(&mut self, first: u64, now: Timestamp) {
        if self.held.len() >= MAX_HELD_GAPS {
            self.held.pop_front();
        }
        let until = now + limits::NACK_HOLD;
        self.held.push_back(YoungGap {
            first,
            before_at: self.highest_at.unwrap_or(now),
            until,
        });
        self.owe(until);
    }

    /// Lets go of gaps that are old enough, or that were filled meanwhile.
    fn release_held(&mut self, now: Timestamp) {
        while let Some(gap) = self.held.front().copied() {
            if gap.until > now && !self.is_filled(gap.first) {
                return;
            }
            self.held.pop_front();
        }
    }

    /// Whether the gap that began at `at` has no hole left.
    fn is_filled(&self, at: u64) -> bool {
        let next = self
            .held
            .get(1)
            .map_or_else(|| self.highest.get(), |next| next.first);
        self.received.missing_in(at..next).next().is_none()
    }

    /// A report must get near the newest packet: all runs but the newest count as not received, as in
    /// [`Self::forget_some`].
    fn keep_newest(&mut self, runs: usize) {
        let oldest = self.received.len().saturating_sub(runs);
        let bound = self.received.iter().nth(oldest).map(|run| run.start);
        if let Some(bound) = bound {
            self.received.remove_below(bound);
        }
    }

    /// Too many gaps: the shortest of the oldest runs is treated as not received, which the protocol
    /// allows (GNS does the same at 62 gaps).
    fn forget_some(&mut self) {
        let shortest = self
            .received
            .iter()
            .take(10)
            .min_by_key(|range| range.end - range.start)
            .cloned();
        if let Some(range) = shortest {
            self.received.remove(range);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acks(received: &[u64]) -> Acks {
        let mut acks = Acks::new(PacketNumber::new(1));
        for number in received {
            acks.on_received(Timestamp::from_micros(1000), PacketNumber::new(*number));
        }
        acks
    }

    fn report(acks: &mut Acks, at_us: u64) -> (u64, Vec<(u64, u64)>) {
        let report = acks.report(Timestamp::from_micros(at_us), 64, None);
        let blocks = report.blocks.iter().map(|b| (b.acked, b.nacked)).collect();
        (report.latest.get(), blocks)
    }

    #[test]
    fn the_captured_pattern_of_losses() {
        let mut acks = acks(&[5, 66, 70]);
        let blocks = alloc::vec![(1, 3), (1, 60), (1, 3)];
        assert_eq!(report(&mut acks, 10_000), (70, blocks));
    }

    #[test]
    fn without_gaps_there_are_no_blocks() {
        assert_eq!(report(&mut acks(&[]), 2000), (1, Vec::new()));
        assert_eq!(report(&mut acks(&[2, 3, 4]), 2000), (4, Vec::new()));
    }

    #[test]
    fn a_young_gap_is_held_back_and_reported_in_time() {
        let mut acks = acks(&[2, 4]);
        assert_eq!(acks.due(), Some(Timestamp::from_micros(4000)));
        assert_eq!(report(&mut acks, 2000), (2, Vec::new()));
        acks.on_reported(Timestamp::from_micros(2000), PacketNumber::new(2));
        assert_eq!(acks.due(), Some(Timestamp::from_micros(4000)));
        assert_eq!(report(&mut acks, 4000), (4, alloc::vec![(1, 1)]));
    }

    #[test]
    fn a_reordered_packet_is_never_reported_lost() {
        let mut acks = acks(&[2, 4, 3]);
        assert_eq!(report(&mut acks, 2000), (4, Vec::new()));
    }

    #[test]
    fn what_a_report_has_no_room_for_is_told_by_the_next_in_the_same_packet() {
        let numbers: Vec<u64> = (2..200).map(|n| n * 2).collect();
        let mut acks = acks(&numbers);
        let now = Timestamp::from_micros(100_000);
        let first = acks.report(now, 100, None);
        assert!(!first.is_whole);
        let latest = first.latest;
        let second = acks.report(now, 200, Some(latest));
        assert!(second.is_whole && second.delay.is_some());
        assert_eq!(second.latest.get(), 398);
        assert_eq!(second.blocks.len() as u64, (398 - latest.get()) / 2);
        assert!(
            second
                .blocks
                .iter()
                .all(|block| (block.acked, block.nacked) == (1, 1))
        );
    }

    #[test]
    fn the_delay_of_a_report_below_a_young_gap_is_that_of_its_newest_packet() {
        let mut acks = acks(&[2, 3]);
        acks.on_received(Timestamp::from_micros(2500), PacketNumber::new(5));
        let report = acks.report(Timestamp::from_micros(3000), 64, None);
        assert_eq!(report.latest.get(), 3);
        assert_eq!(report.delay, Some(Span::from_micros(2000)));
    }

    #[test]
    fn stop_waiting_prunes_and_must_not_go_back() {
        let mut acks = acks(&[2, 5, 9]);
        let wanted = PacketNumber::new(4);
        acks.on_stop_waiting(wanted, PacketNumber::new(9)).unwrap();
        assert_eq!(report(&mut acks, 10_000), (9, alloc::vec![(1, 3), (1, 1)]));
        let back = PacketNumber::new(3);
        assert!(acks.on_stop_waiting(back, PacketNumber::new(8)).is_ok());
        assert!(acks.on_stop_waiting(back, PacketNumber::new(10)).is_err());
    }

    #[test]
    fn limit_blocks_report_the_oldest_first() {
        let numbers: Vec<u64> = (2..200).map(|n| n * 2).collect();
        let mut acks = acks(&numbers);
        let report = acks.report(Timestamp::from_micros(100_000), 3, None);
        assert_eq!(report.blocks.len(), 3);
        assert_eq!(report.latest.get(), 8);
    }

    #[test]
    fn limit_runs_longer_than_a_frame_can_say_are_told_in_parts() {
        let mut acks = acks(&[3]);
        let newest = 3 + 2 * LONGEST_RUN;
        acks.received.insert(3..newest + 1);
        acks.highest = PacketNumber::new(newest);
        let blocks = alloc::vec![(LONGEST_RUN, 1)];
        assert_eq!(report(&mut acks, 10_000), (2 + LONGEST_RUN, blocks));
        // The peer has moved on: what it need not be told again is no run any more.
        let wanted = PacketNumber::new(2 + LONGEST_RUN);
        acks.on_stop_waiting(wanted, PacketNumber::new(newest))
            .unwrap();
        assert_eq!(report(&mut acks, 10_000), (newest, Vec::new()));
    }

    #[test]
    fn limit_a_report_lags_no_further_behind_than_its_16_bits_can_say() {
        let mut acks = acks(&[]);
        let runs = 2 * limits::MAX_ACK_BLOCKS as u64;
        for n in 1..=runs {
            acks.received.insert(n * 500..n * 500 + 499);
        }
        let newest = runs * 500 + 498;
        acks.highest = PacketNumber::new(newest);
        let report = acks.report(Timestamp::from_micros(10_000), usize::MAX, None);
        assert_eq!(report.latest.get(), newest);
        assert_eq!(report.blocks.len(), limits::MAX_ACK_BLOCKS);
        // What it had no room for is denied, and told as it is from then on.
        let denied = report.blocks.last().map(|block| block.nacked);
        assert_eq!(denied, Some((runs / 2 + 1) * 500));
        // A few blocks would do if they reach far enough.
        let report = acks.report(Timestamp::from_micros(10_000), 240, None);
        assert!(newest - report.latest.get() <= limits::MAX_ACK_LAG);
        assert_eq!(report.blocks.len(), 240);
    }

    #[test]
    fn limit_gaps_remembered() {
        let numbers: Vec<u64> = (2..5000).map(|n| n * 2).collect();
        let acks = acks(&numbers);
        assert!(acks.received.len() <= limits::MAX_ACK_GAPS);
    }
}
