//! The ready list of a poll group.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::driver::lock_order::Lock;
use crate::driver::lock_order::Rank;
use crate::driver::slot::Slot;

/// Connections of one poll group that have unread messages, each once, the longest waiting first.
#[derive(Debug)]
pub(crate) struct Group {
    ready: Lock<VecDeque<Arc<Slot>>>,
}

impl Group {
    pub(crate) const fn new() -> Self {
        Self {
            ready: Lock::new(Rank::PollGroup, VecDeque::new()),
        }
    }

    /// Adds a connection that is not in the list.
    pub(crate) fn push(&self, slot: Arc<Slot>) {
        self.ready.lock().push_back(slot);
    }

    /// Takes the connection that has waited longest.
    pub(crate) fn pop(&self) -> Option<Arc<Slot>> {
        self.ready.lock().pop_front()
    }

    /// Takes a connection out, wherever it stands.
    pub(crate) fn remove(&self, slot: &Arc<Slot>) {
        self.ready.lock().retain(|other| !Arc::ptr_eq(other, slot));
    }

    /// Whether a message waits to be read.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.lock().is_empty()
    }
}
