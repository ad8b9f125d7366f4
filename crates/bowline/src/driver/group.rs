//! The messages of a poll group, in the order in which they arrived at whichever connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use bowline_core::time::Timestamp;

use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::slot::Slot;

/// Whose turn it is to be read. The messages themselves lie in the queues of their connections; here
/// stand runs of messages of one connection that arrived together.
///
/// The runs of a connection change only under its lock, so that it knows how many messages they count.
#[derive(Debug)]
pub(crate) struct Group {
    runs: Lock<VecDeque<Run>>,
    /// No connection is put in any more, and nobody waits for messages.
    is_over: AtomicBool,
}

#[derive(Debug)]
struct Run {
    slot: Arc<Slot>,
    at: Timestamp,
    messages: usize,
}

impl Group {
    pub(crate) fn new() -> Self {
        Self {
            runs: Lock::new(Rank::PollGroup, VecDeque::new()),
            is_over: AtomicBool::new(false),
        }
    }

    /// Has no connection put in any more. Those that are in there are for the caller to take out.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether it has ended. Who looks under the lock of a connection is either told so, or has the
    /// connection taken out by whoever ends the group and locks all connections after.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Adds messages that have just arrived.
    pub(crate) fn push(&self, slot: &Arc<Slot>, at: Timestamp, messages: usize) {
        push(&mut self.runs.lock(), slot, at, messages);
    }

    /// Adds messages that arrived earlier, each where it belongs.
    pub(crate) fn merge(&self, slot: &Arc<Slot>, arrivals: impl Iterator<Item = Timestamp>) {
        let mut arrivals = arrivals.peekable();
        let mut runs = self.runs.lock();
        let mut merged = VecDeque::with_capacity(runs.len() + 1);
        for run in runs.drain(..) {
            while let Some(at) = arrivals.next_if(|at| *at < run.at) {
                push(&mut merged, slot, at, 1);
            }
            merged.push_back(run);
        }
        for at in arrivals {
            push(&mut merged, slot, at, 1);
        }
        *runs = merged;
    }

    /// The connection of the oldest message.
    pub(crate) fn first(&self) -> Option<Arc<Slot>> {
        self.runs.lock().front().map(|run| Arc::clone(&run.slot))
    }

    /// Takes up to `max` messages of the first run off the list if they are `slot`'s, and tells how many.
    pub(crate) fn take(&self, slot: &Arc<Slot>, max: usize) -> usize {
        let mut runs = self.runs.lock();
        let Some(run) = runs.front_mut() else {
            return 0;
        };
        if !Arc::ptr_eq(&run.slot, slot) {
            return 0;
        }
        let taken = run.messages.min(max);
        run.messages -= taken;
        if run.messages == 0 {
            runs.pop_front();
        }
        taken
    }

    /// Takes all messages of a connection off the list.
    pub(crate) fn remove(&self, slot: &Arc<Slot>) {
        self.runs.lock().retain(|run| !Arc::ptr_eq(&run.slot, slot));
    }

    /// Whether a message waits to be read.
    pub(crate) fn is_ready(&self) -> bool {
        !self.runs.lock().is_empty()
    }
}

fn push(runs: &mut VecDeque<Run>, slot: &Arc<Slot>, at: Timestamp, messages: usize) {
    if let Some(last) = runs.back_mut()
        && last.at == at
        && Arc::ptr_eq(&last.slot, slot)
    {
        last.messages += messages;
        return;
    }
    runs.push_back(Run {
        slot: Arc::clone(slot),
        at,
        messages,
    });
}
