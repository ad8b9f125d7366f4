//! What a controller decided lately, to be read in tests and in recordings.

use alloc::collections::VecDeque;

use serde::Deserialize;
use serde::Serialize;

use crate::memory;
use crate::time::Timestamp;

/// Decisions that are kept.
const MAX_DECISIONS: usize = 16;

/// A decision of the congestion controller.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RateDecision {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: RateChange,
    /// The window from then on, in bytes.
    pub window_bytes: u64,
}

/// What a controller decided.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum RateChange {
    /// The bottleneck was found by the spacing of packets.
    StartupCapped,
    /// The bottleneck was found by its queue.
    StartupQueued,
    /// The rate did not grow any more.
    StartupStalled,
    /// Loss without a queue: less is sent, to see whether it falls.
    Braked,
    /// It did not fall: it is the path's.
    Released,
    /// The queue ran dry when less was sent.
    Drained,
    /// The queue did not run dry: somebody else fills it.
    Filled,
    /// The queue is shared with somebody who keeps it full.
    Competes,
    /// The queue runs dry again.
    Yields,
    /// The route has become longer.
    Rebased,
    /// Nothing is acknowledged any more.
    Silent,
    /// Something is acknowledged again.
    Resumed,
    /// Packets go another way, of which nothing is known.
    NewWay,
}

/// The latest decisions, the oldest first.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Trace {
    decisions: VecDeque<RateDecision>,
}

impl Trace {
    /// The most heap in bytes.
    pub(crate) const HEAP_BOUND: usize = memory::grown::<RateDecision>(MAX_DECISIONS);

    pub(crate) fn note(&mut self, at: Timestamp, what: RateChange, window_bytes: u64) {
        tracing::trace!(?what, window_bytes, "rate");
        if self.decisions.len() == MAX_DECISIONS {
            self.decisions.pop_front();
        }
        self.decisions.push_back(RateDecision {
            at,
            what,
            window_bytes,
        });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = RateDecision> + '_ {
        self.decisions.iter().copied()
    }

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        memory::of_deque(&self.decisions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_decisions_kept() {
        let mut trace = Trace::default();
        for us in 0..100 {
            trace.note(Timestamp::from_micros(us), RateChange::Drained, us);
        }
        assert_eq!(trace.iter().count(), MAX_DECISIONS);
        assert_eq!(
            trace.iter().next().map(|first| first.window_bytes),
            Some(84)
        );
        assert!(trace.heap_bytes() <= Trace::HEAP_BOUND);
    }
}
