//! What handles of listen sockets and poll groups stand for.
//!
//! A handle is a count, scrambled: it is never given out twice within a process, not even after the library
//! was ended and started again, and a number that somebody made up is hardly ever one. Those of poll groups
//! have the top bit, as in GNS, and those of listen sockets do not, so that one is never taken for the other.
//! Handles of connections are the numbers that the Rust library gives them, whose top bit tells the interface.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use bowline::Listener;
use bowline::ListenerId;
use bowline::PollGroup;

use crate::abi::structs::ListenHandle;
use crate::abi::structs::PollGroupHandle;
use crate::library::Role;

/// The listen sockets of the process.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// Listeners made in the process before the library was started.
    before: u32,
    open: RwLock<HashMap<ListenHandle, (Role, Listener)>>,
}

/// The poll groups of the process.
#[derive(Debug, Default)]
pub(crate) struct PollGroups {
    open: RwLock<HashMap<PollGroupHandle, (Role, Arc<PollGroup>)>>,
}

impl Listeners {
    pub(crate) fn new() -> Self {
        Self {
            before: LISTENERS_MADE.load(Ordering::Relaxed),
            open: RwLock::default(),
        }
    }

    /// Takes a listener of that interface, and gives it a handle.
    pub(crate) fn add(&self, role: Role, listener: Listener) -> ListenHandle {
        LISTENERS_MADE.fetch_add(1, Ordering::Relaxed);
        let handle = self.handle(role, listener.id());
        write(&self.open).insert(handle, (role, listener));
        handle
    }

    /// The handle of a listener, whether it is still open or not.
    pub(crate) fn handle(&self, role: Role, id: ListenerId) -> ListenHandle {
        // The Rust library counts the listeners of each interface, this all of the process, which are no
        // fewer: so no two have the same number here.
        let number = self.before.wrapping_add(id.get());
        let role = match role {
            Role::User => 0,
            Role::Server => 1,
        };
        scramble(number.wrapping_mul(2).wrapping_add(role))
    }

    /// Does something with the listener of that handle.
    pub(crate) fn with<R>(
        &self,
        handle: ListenHandle,
        act: impl FnOnce(&Listener) -> R,
    ) -> Option<R> {
        read(&self.open)
            .get(&handle)
            .map(|(_, listener)| act(listener))
    }

    /// Closes the listener of that handle with all that came in on it; false if there is none.
    pub(crate) fn close(&self, handle: ListenHandle) -> bool {
        let listener = write(&self.open).remove(&handle);
        let was_open = listener.is_some();
        if let Some((_, listener)) = listener {
            listener.close();
        }
        was_open
    }

    /// Closes all of an interface.
    pub(crate) fn close_all(&self, of: Role) {
        let closing = write(&self.open)
            .extract_if(|_, (role, _)| *role == of)
            .collect::<Vec<_>>();
        for (_, (_, listener)) in closing {
            listener.close();
        }
    }
}

impl PollGroups {
    /// Takes a poll group of that interface, and gives it a handle.
    pub(crate) fn add(&self, role: Role, group: PollGroup) -> PollGroupHandle {
        let number = GROUPS_MADE.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let handle = scramble(number) | TOP_BIT;
        write(&self.open).insert(handle, (role, Arc::new(group)));
        handle
    }

    /// The poll group of that handle.
    pub(crate) fn find(&self, handle: PollGroupHandle) -> Option<Arc<PollGroup>> {
        read(&self.open)
            .get(&handle)
            .map(|(_, group)| Arc::clone(group))
    }

    /// Ends the poll group of that handle; false if there is none.
    pub(crate) fn remove(&self, handle: PollGroupHandle) -> bool {
        let group = write(&self.open).remove(&handle);
        let was_open = group.is_some();
        if let Some((_, group)) = group {
            // Threads that wait for it have it, too. Not under the lock: it asks all connections.
            group.end();
        }
        was_open
    }

    /// Ends all of an interface.
    pub(crate) fn remove_all(&self, of: Role) {
        let ending = write(&self.open)
            .extract_if(|_, (role, _)| *role == of)
            .collect::<Vec<_>>();
        for (_, (_, group)) in ending {
            group.end();
        }
    }
}

/// Spreads counts over 31 bits, each to another number, and none but 0 to 0: an odd factor has an inverse.
const fn scramble(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1) & !TOP_BIT
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// What handles of poll groups have. GNS e707b3a: csteamnetworkingsockets.cpp, `GetPollGroupByHandle`.
const TOP_BIT: u32 = 1 << 31;

static LISTENERS_MADE: AtomicU32 = AtomicU32::new(0);
static GROUPS_MADE: AtomicU32 = AtomicU32::new(0);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn counts_become_different_handles_and_none_is_zero() {
        let handles = (1..200_000).map(scramble).collect::<HashSet<_>>();
        assert_eq!(handles.len(), 199_999);
        assert!(!handles.contains(&0));
        assert!(handles.iter().all(|handle| handle & TOP_BIT == 0));
    }
}
