//! Connections whose lock another thread has when the driving thread wants it.
//!
//! The driving thread serves all connections, so it waits for none. It tries for a moment, because most
//! calls are over in a microsecond; then it copies what has arrived into the connection's inbox, and has
//! the timers come back for it and for all else that it wanted there ([`limits::HELD_RETRY`]). Whoever
//! gets the lock first takes the inbox in. Debug builds see to it that this is so everywhere
//! ([`lock_order::Driving`](crate::driver::lock_order::Driving)).

use std::hint;
use std::sync::Arc;

use bowline_core::event::ToConnection;
use bowline_core::pipe::Piped;
use bowline_core::time::Timestamp;
use bowline_core::transmit::DatagramMeta;
use bowline_core::transmit::ProbeFailure;

use crate::driver::limits;
use crate::driver::lobby::Nudge;
use crate::driver::lock_order::Guard;
use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;

/// What has come for a connection while its lock was taken.
#[derive(Debug)]
pub(crate) struct Late {
    at: Timestamp,
    arrival: Arrival,
}

#[derive(Debug)]
enum Arrival {
    /// From the network.
    Datagram(DatagramMeta),
    /// From the other end of a pipe.
    Piped(Piped),
    /// From the endpoint, whose lock and a connection's are never taken together.
    Endpoint(ToConnection),
    /// From whoever sends.
    ProbeUnsent(ProbeFailure),
}

/// Whether a thread may wait for a connection's lock.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Patience {
    /// A thread of the application, inside a call.
    #[default]
    Wait,
    /// The thread that drives for all.
    PutOff,
}

impl Slot {
    /// The connection's lock, for whoever may or may not wait for it.
    pub(crate) fn lock_with(&self, patience: Patience) -> Option<Guard<'_, SlotState>> {
        match patience {
            Patience::Wait => Some(self.state.lock()),
            Patience::PutOff => self.lock_soon(),
        }
    }

    /// The connection's lock, if it is free now or in a moment.
    pub(crate) fn lock_soon(&self) -> Option<Guard<'_, SlotState>> {
        // Once it was put off, the moment has passed.
        let tries = if self.inbox.has_any() {
            1
        } else {
            limits::HELD_TRIES
        };
        for _ in 1..tries {
            if let Some(state) = self.state.try_lock() {
                return Some(state);
            }
            hint::spin_loop();
        }
        self.state.try_lock()
    }

    /// Keeps a datagram until somebody has the lock. If too much waits already it is lost, as in a
    /// socket's full buffer. Tells whether it is kept.
    pub(crate) fn keep_datagram(&self, at: Timestamp, meta: DatagramMeta, bytes: &[u8]) -> bool {
        let arrival = Arrival::Datagram(meta);
        let late = Late { at, arrival };
        let is_kept = self.inbox.put(late, bytes, limits::MAX_INBOX_BYTES);
        if !is_kept {
            tracing::debug!(id = %self.id, "lost a datagram, because the connection is in use");
        }
        is_kept
    }

    /// Keeps what the other end of a pipe has handed over. The room in the receive queue bounds it.
    pub(crate) fn keep_piped(&self, at: Timestamp, item: Piped) {
        let arrival = Arrival::Piped(item);
        let is_kept = self.inbox.put(Late { at, arrival }, &[], usize::MAX);
        debug_assert!(is_kept, "without a bound there is room");
    }

    /// Keeps what the endpoint answers.
    pub(crate) fn keep_answer(&self, at: Timestamp, answer: ToConnection) {
        let arrival = Arrival::Endpoint(answer);
        let is_kept = self.inbox.put(Late { at, arrival }, &[], usize::MAX);
        debug_assert!(is_kept, "without a bound there is room");
    }

    /// Tells the connection, as soon as somebody has its lock, that a probe of the path was not sent. That is
    /// soon enough: the probe is taken for lost much later.
    pub(crate) fn tell_unsent_probe(&self, at: Timestamp, failure: ProbeFailure) {
        let Some(mut state) = self.lock_soon() else {
            let arrival = Arrival::ProbeUnsent(failure);
            let is_kept = self.inbox.put(Late { at, arrival }, &[], usize::MAX);
            debug_assert!(is_kept, "without a bound there is room");
            return;
        };
        let now = state.advance(at);
        if let Some(live) = &mut state.live {
            live.core.handle_unsent_probe(now, failure);
        }
    }

    /// Takes in what waited for the lock. Comes before anything newer.
    pub(crate) fn catch_up(&self, state: &mut SlotState) {
        let Some(mut batch) = self.inbox.take() else {
            return;
        };
        batch.drain(|late, bytes| {
            let now = state.advance(late.at);
            let Some(live) = &mut state.live else {
                return;
            };
            match late.arrival {
                Arrival::Datagram(meta) => live.core.handle_datagram(now, &meta, bytes),
                Arrival::Piped(item) => live.core.handle_piped(now, item),
                Arrival::Endpoint(answer) => live.core.handle_endpoint(now, answer),
                Arrival::ProbeUnsent(failure) => live.core.handle_unsent_probe(now, failure),
            }
        });
        self.inbox.give_back(batch);
    }

    /// Has the timers come back to the connection soon: for its deadlines, its packets, what it has to
    /// say and what waits in its inbox.
    pub(crate) fn put_off(self: &Arc<Self>, nudge: &mut Nudge) {
        let at = self.inner.clock.now() + limits::HELD_RETRY;
        let shard = self.inner.shards.of(self);
        if shard.timers.lock().put_off(self, at) {
            nudge.wake.insert(self.shard);
        }
    }
}

#[cfg(test)]
mod tests;
