//! What of a lane's stream goes again.
//!
//! Bytes that a packet lost go again before anything new. What was sent behind them waits for them in the peer's
//! receive window, and on a path that loses much it is the unluckiest packet of a whole window that counts. So
//! bytes go twice if they are further behind than half as much again as is under way, and than [`NEVER_FULL`]: they
//! have been lost before, or the peer's window is full and there is room on the path. Where one packet in five is lost,
//! that is one in twenty-five; the window is through in about four round trips instead of six.
//!
//! The second copy leaves in a packet of its own, behind all that was lost with it, since losses come in bursts.
//! Lanes with little under way have the armour instead (`send::armour`).

use alloc::boxed::Box;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use crate::memory;
use crate::range_set::RangeSet;

/// Ranges of the stream that go again.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Resend {
    lost: RangeSet,
    /// What was sent again and goes once more. Nothing in common with `lost`.
    copies: Option<Box<RangeSet>>,
    bytes: u64,
}

impl Resend {
    pub(super) const fn new() -> Self {
        Self {
            lost: RangeSet::new(),
            copies: None,
            bytes: 0,
        }
    }

    /// A packet with these bytes is taken for lost.
    pub(super) fn insert(&mut self, range: Range<u64>) {
        if let Some(copies) = &mut self.copies {
            self.bytes -= copies.remove(range.clone());
        }
        self.bytes += self.lost.insert(range);
    }

    /// The peer has these bytes.
    pub(super) fn remove(&mut self, range: Range<u64>) {
        if self.bytes == 0 {
            return;
        }
        self.bytes -= self.lost.remove(range.clone());
        if let Some(copies) = &mut self.copies {
            self.bytes -= copies.remove(range);
        }
    }

    /// Where the next range begins; that of a second copy only if `copies` may go, too.
    pub(super) fn first(&self, copies: bool) -> Option<u64> {
        let lost = self.lost.first().map(|range| range.start);
        lost.or_else(|| Some(self.copies.as_ref().filter(|_| copies)?.first()?.start))
    }

    /// Takes the next range, of at most `max` bytes, which goes a second time if it is far behind `unsent`, the
    /// first byte that was never sent, with `flight` bytes under way.
    pub(super) fn take(&mut self, max: u64, unsent: u64, flight: u64) -> Option<Range<u64>> {
        let Some(range) = self.lost.take_first(max) else {
            let copies = self.copies.as_mut()?;
            let range = copies.take_first(max)?;
            self.bytes -= range.end - range.start;
            return Some(range);
        };
        if unsent.saturating_sub(range.start) > far_behind(flight) {
            self.copies.get_or_insert_default().insert(range.clone());
        } else {
            self.bytes -= range.end - range.start;
        }
        Some(range)
    }

    /// Bytes that go again, those of second copies included.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing goes again.
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let copies = self.copies.as_ref();
        self.lost.heap_bytes()
            + copies.map_or(0, |copies| size_of::<RangeSet>() + copies.heap_bytes())
    }

    /// The most heap in bytes of `lanes` lanes together, with `ranges` ranges lost and as many second copies.
    pub(super) const fn heap_bound(ranges: usize, lanes: usize) -> usize {
        2 * memory::grown::<Range<u64>>(ranges) + lanes * size_of::<RangeSet>()
    }

    /// Gives back memory that is only kept for speed.
    pub(super) fn shrink(&mut self) {
        self.copies.take_if(|copies| copies.is_empty());
    }
}

/// So much behind, the windows of all peers still have room: on a narrow path second copies would only take that of
/// data.
const NEVER_FULL: u64 = 64 * 1024;

/// How many bytes behind the newest a range is that goes twice. With one loss in five, what is lost for the first
/// time is 0.8 of the bytes under way behind, for the second time 1.6.
const fn far_behind(flight: u64) -> u64 {
    let far = flight.saturating_add(flight / 2);
    if far > NEVER_FULL { far } else { NEVER_FULL }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLIGHT: u64 = 1_000_000;

    fn lost(range: Range<u64>) -> Resend {
        let mut resend = Resend::new();
        resend.insert(range);
        resend
    }

    #[test]
    fn what_is_far_behind_goes_twice_and_never_in_one_packet() {
        let mut resend = lost(1000..2000);
        assert_eq!(resend.take(600, 2_000_000, FLIGHT), Some(1000..1600));
        assert_eq!(resend.take(600, 2_000_000, FLIGHT), Some(1600..2000));
        assert_eq!(
            (resend.first(false), resend.first(true)),
            (None, Some(1000))
        );
        assert_eq!(resend.bytes(), 1000);
        assert_eq!(resend.take(2000, 2_000_000, FLIGHT), Some(1000..2000));
        assert!(resend.is_empty());
        assert_eq!(resend.take(2000, 2_000_000, FLIGHT), None);
    }

    #[test]
    fn what_was_lost_once_goes_once() {
        let mut resend = lost(1000..2000);
        assert_eq!(resend.take(2000, 1_001_000, FLIGHT), Some(1000..2000));
        assert!(resend.is_empty());
        // Of a few bytes under way the armour takes care.
        resend.insert(1000..2000);
        resend.take(2000, 9000, 0);
        assert!(resend.is_empty());
    }

    #[test]
    fn a_copy_that_is_lost_or_arrives_takes_the_place_of_the_other() {
        let mut resend = lost(1000..2000);
        resend.take(2000, 2_000_000, FLIGHT);
        resend.insert(1000..1500);
        assert_eq!((resend.first(false), resend.bytes()), (Some(1000), 1000));
        resend.remove(0..1600);
        assert_eq!((resend.first(true), resend.bytes()), (Some(1600), 400));
        resend.remove(1600..2000);
        assert!(resend.is_empty());
        resend.shrink();
        assert_eq!(resend.heap_bytes(), lost(0..1).heap_bytes());
    }

    #[test]
    fn limit_heap_of_ranges_that_go_again() {
        let mut resend = Resend::new();
        (0..1000u64).for_each(|n| resend.insert(n * 10..n * 10 + 5));
        (0..1000u64)
            .for_each(|n| assert_eq!(resend.take(5, 1 << 30, FLIGHT), Some(n * 10..n * 10 + 5)));
        (0..1000u64).for_each(|n| resend.insert(n * 10 + 100_000..n * 10 + 100_005));
        assert_eq!(resend.bytes(), 10_000);
        assert!(resend.heap_bytes() <= Resend::heap_bound(1000, 1));
    }
}
