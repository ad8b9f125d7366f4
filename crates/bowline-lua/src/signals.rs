//! Signals that wait for the script to carry them.
//!
//! Connections between peers have their signals carried on any thread, while the script hears of things only in
//! `runCallbacks`. So they wait here until then. Too many are dropped, the oldest first: what matters is sent again.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bowline::ConnectionId;
use bowline::Identity;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;
use bowline::signaling::SignalingFailed;

/// The signals of an interface that the script has not been given.
#[derive(Debug, Default)]
pub(crate) struct Outbox(Mutex<VecDeque<Signal>>);

/// A signal for a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Signal {
    /// The connection that it is of.
    pub(crate) connection: ConnectionId,
    /// Who is to get it.
    pub(crate) peer: Identity,
    pub(crate) bytes: Vec<u8>,
}

/// How many signals wait at most. A peer needs about three to be connected.
const MAX_SIGNALS: usize = 1024;

impl Outbox {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The oldest.
    pub(crate) fn take(&self) -> Option<Signal> {
        self.lock().pop_front()
    }

    fn put(&self, signal: Signal) {
        let mut signals = self.lock();
        if signals.len() >= MAX_SIGNALS {
            signals.pop_front();
        }
        signals.push_back(signal);
    }

    /// A queue is never left half changed.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Signal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signaling for Outbox {
    fn send(&self, to: &SignalTarget, signal: &[u8]) -> Result<(), SignalingFailed> {
        self.put(Signal {
            connection: to.connection(),
            peer: to.peer().clone(),
            bytes: signal.to_vec(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(number: u32) -> Signal {
        Signal {
            connection: ConnectionId::new(number),
            peer: Identity::str("ben").expect("a name"),
            bytes: number.to_le_bytes().to_vec(),
        }
    }

    #[test]
    fn limit_signals_that_wait_and_the_newest_stay() {
        let outbox = Outbox::default();
        for number in 1..=3000 {
            outbox.put(signal(number));
            assert!(outbox.len() <= MAX_SIGNALS);
        }
        let oldest = 3000 - MAX_SIGNALS as u32 + 1;
        assert_eq!(outbox.take(), Some(signal(oldest)));
        assert_eq!(outbox.len(), MAX_SIGNALS - 1);
    }
}
