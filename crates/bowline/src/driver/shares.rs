//! Who gets how much of the receiver when there is more to receive than it can handle.
//!
//! While the kernel throws datagrams away because the receiver is too slow, it throws away anybody's. A peer that
//! sends more than others, or what costs more, would then take the place of all. So the receiver drops itself,
//! before the costly part, what a connection has in a batch beyond a share. The share is halved for as long as
//! the kernel goes on to drop, and doubled now and then when it does not. As long as the receiver keeps up,
//! nothing is dropped, however much one connection sends; nor if there is only one.
//!
//! Nor if it is strangers who flood: shares would cost players their packets and win nothing. And a few losses
//! are no overrun: the shares of all would cost more than they did.

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
    /// Datagrams of this turn.
    arrived: usize,
    /// Those of them that were for connections.
    wanted: usize,
}

impl Shares {
    /// A batch of so many datagrams begins.
    pub(crate) fn begin(&mut self, datagrams: usize) {
        self.taken.clear();
        self.arrived += datagrams;
        self.most = (datagrams >> self.halvings).max(1);
    }

    /// Whether the connection at this place may have one more.
    pub(crate) fn take(&mut self, place: u32) -> bool {
        self.wanted += 1;
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

    /// A turn is over in which nobody asked what the kernel dropped.
    pub(crate) fn end_turn(&mut self) {
        (self.arrived, self.wanted) = (0, 0);
    }

    /// A turn is over, and the kernel dropped so many meanwhile.
    pub(crate) fn adapt(&mut self, now: Timestamp, lost: u32) {
        let least = (self.arrived / limits::OVERRUN_PART).max(limits::LEAST_OVERRUN);
        let is_overrun = lost as usize >= least && self.wanted >= self.arrived / 2;
        self.end_turn();
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

    /// A turn of ten batches of 64, of which a connection has `part`.
    fn turn(shares: &mut Shares, now: Timestamp, part: usize, lost: u32) {
        for _ in 0..10 {
            shares.begin(64);
            (0..part).for_each(|_| {
                shares.take(1);
            });
        }
        shares.adapt(now, lost);
    }

    #[test]
    fn limit_share_of_a_connection_shrinks_while_the_receiver_is_overrun() {
        let mut shares = Shares::default();
        assert_eq!(allowed(&mut shares, 0), 64);
        turn(&mut shares, NOW, 64, 0);
        assert_eq!(allowed(&mut shares, 3), 64, "it keeps up");
        for share in [32, 16, 8, 4, 2, 1, 1, 1] {
            turn(&mut shares, NOW, 64, 1000);
            assert_eq!(allowed(&mut shares, 3), share);
        }
        shares.begin(1);
        assert!(shares.take(0) && shares.take(1), "each has its own");
        assert!(!shares.take(0));
    }

    #[test]
    fn a_flood_of_strangers_costs_no_connection_its_share() {
        let mut shares = Shares::default();
        for _ in 0..100 {
            turn(&mut shares, NOW, 31, 1000);
            assert!(!shares.is_bound());
        }
        turn(&mut shares, NOW, 32, 1000);
        assert!(shares.is_bound(), "half of all is for connections");
    }

    #[test]
    fn a_few_losses_are_no_overrun() {
        let mut shares = Shares::default();
        turn(&mut shares, NOW, 64, 39);
        assert!(!shares.is_bound());
        turn(&mut shares, NOW, 64, 40);
        assert!(shares.is_bound());
        // It goes away although each small turn sees a loss.
        for step in 1..=7 {
            allowed(&mut shares, 0);
            shares.adapt(NOW + limits::SHARE_RELIEF * step, 1);
        }
        assert!(!shares.is_bound());
    }

    #[test]
    fn the_share_comes_back_with_time_and_the_bound_goes() {
        let mut shares = Shares::default();
        for _ in 0..3 {
            turn(&mut shares, NOW, 64, 1000);
        }
        let mut now = NOW + Span::from_millis(50);
        shares.adapt(now, 0);
        assert_eq!(allowed(&mut shares, 0), 8, "not yet");
        for share in [16, 32, 64] {
            now += limits::SHARE_RELIEF;
            shares.adapt(now, 0);
            assert_eq!(allowed(&mut shares, 0), share);
        }
        assert!(!shares.is_bound());
    }
}
