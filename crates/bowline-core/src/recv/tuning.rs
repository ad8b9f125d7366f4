//! What a peer makes of its receive window, and what the endpoint lends for it.

use serde::Deserialize;
use serde::Serialize;

use crate::limits;
use crate::time::Span;
use crate::time::Timestamp;

/// A window is so many times what is made of it.
const HEADROOM: u64 = 4;
/// The least time over which it is measured.
const MIN_ROUND: Span = Span::from_millis(1);
/// The same while the round-trip time is not known.
const UNKNOWN_ROUND: Span = Span::from_millis(100);

/// What is measured and lent. Bytes that are lent are those beyond the first window.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Tuning {
    /// In this round trip.
    arrived_bytes: u64,
    round_ends: Timestamp,
    /// The most that was made of the window lately.
    most: Used,
    season_ends: Timestamp,
    lent_bytes: u64,
    /// What should be lent.
    wanted_bytes: u64,
    /// What was wanted when less was there.
    refused_bytes: u64,
    /// The endpoint was asked and has not answered.
    asks: bool,
}

/// What a peer makes of its window, in bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(super) struct Used(u64);

impl Used {
    /// The window that fits.
    pub(super) fn wanted(self) -> u64 {
        let wanted = self.0.saturating_mul(HEADROOM);
        wanted.checked_next_power_of_two().unwrap_or(u64::MAX)
    }
}

impl Tuning {
    /// Notes that `len` bytes came while `held` are held for reassembly; returns what is used.
    pub(super) fn measure(
        &mut self,
        now: Timestamp,
        len: u64,
        held: u64,
        srtt: Option<Span>,
    ) -> Used {
        if self.round_ends <= now {
            self.round_ends = now + srtt.unwrap_or(UNKNOWN_ROUND).max(MIN_ROUND);
            self.arrived_bytes = 0;
        }
        self.arrived_bytes += len;
        let used = Used(self.arrived_bytes.saturating_add(held));
        self.most = self.most.max(used);
        used
    }

    /// Once in a while: the window that is more than enough for what was used lately.
    pub(super) fn end_season(&mut self, now: Timestamp) -> Option<u64> {
        if self.season_ends > now {
            return None;
        }
        self.season_ends = now + limits::WINDOW_SEASON;
        // What was not there may be by now.
        self.refused_bytes = 0;
        self.wanted_bytes = 0;
        let most = core::mem::take(&mut self.most);
        Some(most.wanted().saturating_mul(2))
    }

    /// So much should be lent; returns how much is.
    pub(super) fn want(&mut self, bytes: u64) -> u64 {
        self.wanted_bytes = self.wanted_bytes.max(bytes);
        self.lent_bytes
    }

    /// What to ask of the endpoint, if it should lend more and has not said that it cannot.
    pub(super) fn ask(&mut self) -> Option<u64> {
        let is_new = self.wanted_bytes > self.lent_bytes.max(self.refused_bytes);
        if self.asks || !is_new {
            return None;
        }
        self.asks = true;
        Some(self.wanted_bytes)
    }

    /// The endpoint lends so much in all. Returns how much of it is wanted; `None` if it was not asked.
    pub(super) fn on_lent(&mut self, bytes: u64) -> Option<u64> {
        if !core::mem::take(&mut self.asks) {
            return None;
        }
        self.lent_bytes = self.lent_bytes.max(bytes);
        if self.lent_bytes < self.wanted_bytes {
            self.refused_bytes = self.wanted_bytes;
        }
        Some(self.lent_bytes.min(self.wanted_bytes))
    }

    /// Gives back all but `needed`; returns whether there was more. Not while more is asked for.
    pub(super) fn give_back(&mut self, needed: u64) -> bool {
        let gives = !self.asks && self.lent_bytes > needed;
        if gives {
            self.lent_bytes = needed;
            self.wanted_bytes = 0;
        }
        gives
    }

    /// Keeps `needed` at most of what is lent, for good, and waits for no answer; returns how much it keeps, if
    /// the endpoint may lend more.
    pub(super) fn end(&mut self, needed: u64) -> Option<u64> {
        let asked = core::mem::take(&mut self.asks);
        let kept = self.lent_bytes.min(needed);
        let gives = asked || kept < self.lent_bytes;
        self.lent_bytes = kept;
        gives.then_some(kept)
    }

    /// What the endpoint lends.
    pub(super) const fn lent(&self) -> u64 {
        self.lent_bytes
    }

    /// Whether nothing is lost with it.
    pub(super) const fn is_unused(&self) -> bool {
        self.lent_bytes == 0 && !self.asks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::ZERO;
    const RTT: Option<Span> = Some(Span::from_millis(10));

    #[test]
    fn what_is_used_counts_what_came_in_a_round_trip_and_what_is_held() {
        let mut tuning = Tuning::default();
        let at = |ms| NOW + Span::from_millis(ms);
        let mut used = |ms, len, held| tuning.measure(at(ms), len, held, RTT);
        assert_eq!(used(0, 1000, 0), Used(1000));
        assert_eq!(used(9, 1000, 500), Used(2500));
        assert_eq!(used(10, 1000, 0), Used(1000), "another round");
        assert_eq!(Used(1000).wanted(), 4096);
        assert_eq!(Used(u64::MAX / 2).wanted(), u64::MAX);
    }

    #[test]
    fn a_season_ends_with_what_was_used_most_in_it() {
        let mut tuning = Tuning::default();
        tuning.end_season(NOW);
        tuning.measure(NOW, 100_000, 0, RTT);
        tuning.measure(NOW + Span::from_secs(1), 1, 0, RTT);
        assert_eq!(tuning.end_season(NOW + Span::from_secs(1)), None);
        let end = NOW + limits::WINDOW_SEASON;
        assert_eq!(tuning.end_season(end), Some(1 << 20));
        assert_eq!(tuning.end_season(end + limits::WINDOW_SEASON), Some(2));
    }

    #[test]
    fn the_endpoint_is_asked_once_and_not_again_for_what_it_does_not_have() {
        let mut tuning = Tuning::default();
        assert_eq!(tuning.on_lent(100), None, "nobody asked");
        tuning.want(1000);
        assert_eq!((tuning.ask(), tuning.ask()), (Some(1000), None));
        assert!(!tuning.give_back(0), "while it asks");
        assert_eq!(tuning.on_lent(300), Some(300));
        assert_eq!((tuning.lent(), tuning.ask()), (300, None));
        tuning.want(2000);
        assert_eq!(tuning.ask(), Some(2000), "more is another matter");
        assert_eq!(tuning.on_lent(300), Some(300));
        tuning.end_season(NOW);
        tuning.want(1000);
        assert_eq!(tuning.ask(), Some(1000), "it may be there now");
        assert_eq!(tuning.on_lent(1000), Some(1000));
        assert!(tuning.give_back(200) && !tuning.give_back(200));
        assert_eq!((tuning.lent(), tuning.ask()), (200, None));
    }

    #[test]
    fn what_ends_keeps_what_is_held_and_waits_for_no_answer() {
        let mut tuning = Tuning::default();
        assert_eq!(tuning.end(100), None, "nothing is lent");
        tuning.want(1000);
        tuning.ask();
        tuning.on_lent(1000);
        assert_eq!(tuning.end(300), Some(300));
        assert_eq!(tuning.end(300), None, "is known");
        assert_eq!(tuning.end(0), Some(0));
        tuning.want(5000);
        assert_eq!(tuning.ask(), Some(5000));
        assert_eq!(tuning.end(0), Some(0), "the answer may be on its way");
        assert_eq!(tuning.on_lent(5000), None);
        assert_eq!(tuning.lent(), 0);
    }
}
