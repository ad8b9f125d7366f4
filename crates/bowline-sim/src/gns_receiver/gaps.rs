//! What GNS remembers of missing packets (wire.md 4.6, 5.1).

use bowline_core::ids::PacketNumber;

/// Most gaps, the open one after the newest packet included.
const MAX_GAPS: usize = 62;
/// The two gaps that are merged are among this many of the oldest.
const MERGE_AMONG: usize = 10;

/// Gaps in the recorded packet numbers, each from its first missing packet to the next recorded one.
#[derive(Clone, Debug)]
pub(super) struct GapMap {
    /// Oldest first, without the open one.
    gaps: Vec<(u64, u64)>,
    /// The start of the open gap: one after the newest recorded packet.
    open: u64,
    stop_waiting: u64,
    stop_waiting_set_by: u64,
    peak: usize,
}

/// A stop-waiting frame took back what an earlier one had said, which ends the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct StopWaitingWentBack;

impl GapMap {
    /// Everything up to packet `handshake` is recorded.
    pub(super) const fn after(handshake: u64) -> Self {
        Self {
            gaps: Vec::new(),
            open: handshake + 1,
            stop_waiting: 0,
            stop_waiting_set_by: 0,
            peak: 1,
        }
    }

    /// Records a packet for acknowledgement. Says whether received packets were sacrificed to make
    /// room: they will be reported as lost.
    pub(super) fn record(&mut self, number: PacketNumber) -> bool {
        let number = number.get();
        if number < self.stop_waiting {
            return false;
        }
        if number < self.open {
            self.fill(number);
        } else {
            if number > self.open {
                self.gaps.push((self.open, number));
            }
            self.open = number + 1;
        }
        let merges = self.gaps.len() + 1 >= MAX_GAPS;
        if merges {
            self.merge();
        }
        self.peak = self.peak.max(self.gaps.len() + 1);
        merges
    }

    /// Acts on a stop-waiting frame of packet `by`.
    pub(super) fn stop_waiting(
        &mut self,
        first_wanted: PacketNumber,
        by: PacketNumber,
    ) -> Result<(), StopWaitingWentBack> {
        let wanted = first_wanted.get().min(self.open - 1);
        if first_wanted.get() < self.stop_waiting {
            if by.get() >= self.stop_waiting_set_by {
                return Err(StopWaitingWentBack);
            }
            return Ok(());
        }
        self.stop_waiting = wanted.max(self.stop_waiting);
        self.stop_waiting_set_by = by.get();
        self.gaps.retain(|gap| gap.1 > wanted);
        if let Some(oldest) = self.gaps.first_mut() {
            oldest.0 = oldest.0.max(wanted);
        }
        Ok(())
    }

    /// The most gaps there ever were, the open one included.
    pub(super) const fn peak(&self) -> usize {
        self.peak
    }

    fn fill(&mut self, number: u64) {
        let Some(at) = self
            .gaps
            .iter()
            .position(|gap| gap.0 <= number && number < gap.1)
        else {
            return;
        };
        let (begin, end) = self.gaps.remove(at);
        let rest = [(begin, number), (number + 1, end)];
        let rest = rest.into_iter().filter(|(begin, end)| begin < end);
        self.gaps.splice(at..at, rest);
    }

    /// Joins the two neighbours among the oldest gaps that have the fewest packets between them.
    fn merge(&mut self) {
        let oldest = self
            .gaps
            .iter()
            .zip(self.gaps.iter().skip(1))
            .take(MERGE_AMONG - 1);
        let between = oldest.map(|(a, b)| b.0 - a.1).enumerate();
        if let Some((at, _)) = between.min_by_key(|(_, packets)| *packets) {
            let (_, end) = self.gaps.remove(at + 1);
            self.gaps[at].1 = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: u64) -> PacketNumber {
        PacketNumber::new(value)
    }

    fn recorded(numbers: impl IntoIterator<Item = u64>) -> GapMap {
        let mut map = GapMap::after(1);
        for value in numbers {
            assert!(!map.record(number(value)), "merged at {value}");
        }
        map
    }

    #[test]
    fn gaps_open_split_and_close() {
        let mut map = recorded([2, 6, 4]);
        assert_eq!(map.gaps, [(3, 4), (5, 6)]);
        map.record(number(3));
        map.record(number(5));
        assert_eq!((map.gaps.len(), map.open, map.peak()), (0, 7, 3));
    }

    #[test]
    fn stop_waiting_forgets_and_cuts_gaps() {
        let mut map = recorded([4, 10]);
        assert_eq!(map.gaps, [(2, 4), (5, 10)]);
        map.stop_waiting(number(7), number(11)).unwrap();
        assert_eq!(map.gaps, [(7, 10)]);
        assert!(!map.record(number(6)), "no longer of interest");
        assert_eq!(map.gaps, [(7, 10)]);
        assert_eq!(map.stop_waiting(number(3), number(9)), Ok(()), "reordered");
        assert_eq!(
            map.stop_waiting(number(3), number(12)),
            Err(StopWaitingWentBack)
        );
        map.stop_waiting(number(500), number(501)).unwrap();
        assert_eq!(map.stop_waiting, 10, "clamped to the newest packet");
    }

    #[test]
    fn the_62nd_gap_costs_received_packets() {
        let mut map = recorded((1..=60).map(|n| n * 3));
        assert_eq!(map.gaps.len(), 60);
        assert!(map.record(number(183)));
        assert_eq!(map.gaps[0], (2, 6));
    }
}
