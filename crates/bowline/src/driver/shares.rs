//! Who gets how much of the receiver when there is more to receive than it can handle.
//!
//! While the kernel throws datagrams away because the receiver is too slow, it throws away anybody's. A peer that
//! sends more than others, or what costs more, would then take the place of all. So the receiver drops itself,
//! before the costly part, what a connection has in a batch beyond a share. The share is halved for as long as
//! the kernel goes on to drop, and doubled now and then when it does not. As long as the receiver keeps up,
//! nothing is dropped, however much one connection sends; nor if there is only one.

use bowline_core::time::Timestamp;

use crate::driver::limits;

/// The share of a connection in a batch.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    /// How often a whole batch is halved to get it; 0 is no bound.
    halvings: u32,
    next_relief: Timestamp,
    /// Most datagrams of one connection in this batch.
    most: usize,
    /// How many each connection of the batch has had, by its place in the list of them.
    taken: Vec<usize>,
}

impl Shares {
    /// A batch of so many datagrams begins.
    pub(crate) fn begin(&mut self, datagrams: usize) {
        self.taken.clear();
        self.most = (datagrams >> self.halvings).max(1);
    }

    /// Whether the connection at this place may have one more.
    pub(crate) fn take(&mut self, place: u32) -> bool {
        if !self.is_bound() {
            return true;
        }
        let place = place as usize;
        if self.taken.len() <= place {
            self.taken.resize(place + 1, 0);
        }
        let taken = &mut self.taken[place];
        *taken += 1;
        *taken <= self.most
    }

    /// A turn is over; `is_overrun` if the kernel dropped meanwhile.
    pub(crate) fn adapt(&mut self, now: Timestamp, is_overrun: bool) {
        if is_overrun {
            self.halvings = (self.halvings + 1).min(limits::MAX_SHARE_HALVINGS);
            self.next_relief = now + limits::SHARE_RELIEF;
        } else if now >= self.next_relief {
            self.halvings = self.halvings.saturating_sub(1);
            self.next_relief = now + limits::SHARE_RELIEF;
        }
    }

    /// Whether there is a bound.
    pub(crate) const fn is_bound(&self) -> bool {
        self.halvings > 0
    }
}

#[cfg(test)]
mod tests {
    use bowline_core::time::Span;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    /// How many of a batch of 64 one connection gets.
    fn allowed(shares: &mut Shares, place: u32) -> usize {
        shares.begin(64);
        (0..64).filter(|_| shares.take(place)).count()
    }

    #[test]
    fn limit_share_of_a_connection_shrinks_while_the_receiver_is_overrun() {
        let mut shares = Shares::default();
        assert_eq!(allowed(&mut shares, 0), 64);
        shares.adapt(NOW, false);
        assert_eq!(allowed(&mut shares, 3), 64, "it keeps up");
        for share in [32, 16, 8, 4, 2, 1, 1, 1] {
            shares.adapt(NOW, true);
            assert_eq!(allowed(&mut shares, 3), share);
        }
        shares.begin(1);
        assert!(shares.take(0) && shares.take(1), "each has its own");
        assert!(!shares.take(0));
    }

    #[test]
    fn the_share_comes_back_with_time_and_the_bound_goes() {
        let mut shares = Shares::default();
        for _ in 0..3 {
            shares.adapt(NOW, true);
        }
        let mut now = NOW + Span::from_millis(50);
        shares.adapt(now, false);
        assert_eq!(allowed(&mut shares, 0), 8, "not yet");
        for share in [16, 32, 64] {
            now += limits::SHARE_RELIEF;
            shares.adapt(now, false);
            assert_eq!(allowed(&mut shares, 0), share);
        }
        assert!(!shares.is_bound());
    }
}
