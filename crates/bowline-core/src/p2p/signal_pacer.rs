//! When the next signal of a connection may go.
//!
//! The first wish waits a moment for others, since candidates come in groups; and signals keep a distance,
//! since each costs somebody a message through a service. Only the first few need not: they are what a connection waits
//! for (DIFFERS: in GNS each does, so that an answer may wait for a tenth of a second behind a candidate).

use serde::Deserialize;
use serde::Serialize;

use crate::limits::FREE_SIGNALS;
use crate::limits::SIGNAL_COALESCING;
use crate::limits::SIGNAL_SPACING;
use crate::time::Timestamp;

/// The time of the next signal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SignalPacer {
    /// When what was wished for may go.
    due: Option<Timestamp>,
    sent: Option<Timestamp>,
    /// So many more need keep no distance.
    free: u8,
}

impl Default for SignalPacer {
    fn default() -> Self {
        Self::new()
    }
}

impl SignalPacer {
    /// Nothing is to be sent, and nothing was.
    pub const fn new() -> Self {
        Self {
            due: None,
            sent: None,
            free: FREE_SIGNALS,
        }
    }

    /// There is something to tell. Later wishes go with the first.
    pub fn want(&mut self, now: Timestamp) {
        let earliest = self.next_at();
        self.due
            .get_or_insert_with(|| earliest.max(now + SIGNAL_COALESCING));
    }

    /// A signal has gone, whoever asked for it; wishes up to now went with it.
    pub const fn on_sent(&mut self, now: Timestamp) {
        self.due = None;
        self.sent = Some(now);
        self.free = self.free.saturating_sub(1);
    }

    /// Nothing is to be told any more.
    pub const fn cancel(&mut self) {
        self.due = None;
    }

    /// When a signal may go; `None` if there is nothing to tell.
    pub const fn deadline(&self) -> Option<Timestamp> {
        self.due
    }

    /// When a signal may go at the earliest, whether there is something to tell or not.
    pub fn next_at(&self) -> Timestamp {
        match self.sent {
            Some(sent) if self.free == 0 => sent + SIGNAL_SPACING,
            Some(_) | None => Timestamp::ZERO,
        }
    }

    /// Whether a signal is to go now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    const MS: Span = Span::from_millis(1);

    fn at(ms: u64) -> Timestamp {
        Timestamp::ZERO + MS * ms
    }

    #[test]
    fn the_first_wish_waits_for_others() {
        let mut pacer = SignalPacer::new();
        assert_eq!(pacer.deadline(), None);
        pacer.want(at(5));
        pacer.want(at(14));
        assert_eq!(pacer.deadline(), Some(at(15)));
        assert!(!pacer.is_due(at(14)) && pacer.is_due(at(15)));
        pacer.on_sent(at(15));
        assert_eq!(pacer.deadline(), None);
        assert!(!pacer.is_due(at(1000)));
    }

    #[test]
    fn signals_keep_their_distance() {
        let mut pacer = SignalPacer::new();
        for ms in [0, 10, 20] {
            pacer.on_sent(at(ms));
        }
        pacer.want(at(30));
        assert_eq!(pacer.deadline(), Some(at(120)));
        pacer.on_sent(at(120));
        pacer.want(at(215));
        assert_eq!(pacer.deadline(), Some(at(225)), "waits for others too");
        pacer.on_sent(at(225));
        pacer.want(at(2000));
        assert_eq!(pacer.deadline(), Some(at(2010)));
        pacer.cancel();
        assert_eq!(pacer.deadline(), None);
    }

    #[test]
    fn the_first_signals_need_keep_no_distance() {
        let mut pacer = SignalPacer::new();
        for ms in [0, 20, 40] {
            pacer.want(at(ms));
            assert_eq!(pacer.deadline(), Some(at(ms + 10)));
            pacer.on_sent(at(ms + 10));
        }
        pacer.want(at(60));
        assert_eq!(pacer.deadline(), Some(at(150)));
    }

    #[test]
    fn limit_signals_per_second() {
        let mut pacer = SignalPacer::new();
        let mut sent = 0;
        for ms in 0..1000 {
            pacer.want(at(ms));
            if pacer.is_due(at(ms)) {
                pacer.on_sent(at(ms));
                sent += 1;
            }
        }
        assert_eq!(sent, 12);
    }
}
