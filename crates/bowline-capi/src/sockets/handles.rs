//! What handles of listen sockets and poll groups stand for.
//!
//! A handle is a count, scrambled: it is never given out twice within a process, not even after the library
//! was ended and started again, and a number that somebody made up is hardly ever one. Those of poll groups
//! have the top bit, as in GNS, and those of listen sockets do not, so that one is never taken for the other.
//! Handles of connections are the numbers that the Rust library gives them, whose top bit tells the interface.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::RwLockWriteGuard;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use bowline::Config;
use bowline::ConfigError;
use bowline::ConfigKey;
use bowline::ConfigValue;
use bowline::Listener;
use bowline::ListenerId;
use bowline::PeerListener;
use bowline::PollGroup;

use crate::abi::structs::ListenHandle;
use crate::abi::structs::PollGroupHandle;
use crate::library::Role;

/// The listen sockets of the process.
#[derive(Debug)]
pub(crate) struct Listeners {
    numbering: Numbering,
    open: RwLock<HashMap<ListenHandle, Arc<Entry>>>,
}

/// Which handles listeners have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbering {
    /// Listeners made in the process before the library was started.
    before: u32,
}

/// A listener of whatever kind.
#[derive(Debug)]
pub(crate) enum AnyListener {
    /// On a UDP port.
    Address(Listener),
    /// On a virtual port.
    Peers(PeerListener),
}

/// A listener in the list. Whoever works with it has it, too, since settings of it are those of connections,
/// whose signals the application carries, and no lock is held then; so the last to let go closes it.
#[derive(Debug)]
struct Entry {
    role: Role,
    /// There until it is dropped.
    listener: Option<AnyListener>,
    is_closing: AtomicBool,
}

/// The poll groups of the process.
#[derive(Debug, Default)]
pub(crate) struct PollGroups {
    open: RwLock<HashMap<PollGroupHandle, (Role, Arc<PollGroup>)>>,
}

impl Listeners {
    pub(crate) fn new() -> Self {
        Self {
            numbering: Numbering {
                before: LISTENERS_MADE.load(Ordering::Relaxed),
            },
            open: RwLock::default(),
        }
    }

    /// Takes a listener of that interface, and gives it a handle.
    pub(crate) fn add(&self, role: Role, listener: impl Into<AnyListener>) -> ListenHandle {
        LISTENERS_MADE.fetch_add(1, Ordering::Relaxed);
        let listener = listener.into();
        let handle = self.numbering.handle(role, listener.id());
        let entry = Entry {
            role,
            listener: Some(listener),
            is_closing: AtomicBool::new(false),
        };
        write(&self.open).insert(handle, Arc::new(entry));
        handle
    }

    /// Which handles they have.
    pub(crate) const fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Does something with the listener of that handle.
    pub(crate) fn with<R>(
        &self,
        handle: ListenHandle,
        act: impl FnOnce(&AnyListener) -> R,
    ) -> Option<R> {
        let entry = read(&self.open).get(&handle).map(Arc::clone)?;
        entry.listener.as_ref().map(act)
    }

    /// Closes the listener of that handle with all that came in on it; false if there is none.
    pub(crate) fn close(&self, handle: ListenHandle) -> bool {
        let entry = write(&self.open).remove(&handle);
        entry.map(Entry::close).is_some()
    }

    /// Closes all of an interface.
    pub(crate) fn close_all(&self, of: Role) {
        let closing = write(&self.open)
            .extract_if(|_, entry| entry.role == of)
            .collect::<Vec<_>>();
        for (_, entry) in closing {
            Entry::close(entry);
        }
    }
}

impl Numbering {
    /// The handle of a listener, whether it is still open or not.
    pub(crate) fn handle(self, role: Role, id: ListenerId) -> ListenHandle {
        // The Rust library counts the listeners of each interface, this all of the process, which are no
        // fewer: so no two have the same number here.
        let number = self.before.wrapping_add(id.get());
        let role = match role {
            Role::User => 0,
            Role::Server => 1,
        };
        scramble(number.wrapping_mul(2).wrapping_add(role))
    }
}

impl AnyListener {
    /// The address that it listens on, if it does on one.
    pub(crate) const fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(listener) => Some(listener.local_addr()),
            Self::Peers(_) => None,
        }
    }

    /// The settings of connections that come in.
    pub(crate) fn config(&self) -> Arc<Config> {
        match self {
            Self::Address(listener) => listener.config(),
            Self::Peers(listener) => listener.config(),
        }
    }

    /// Sets a value for them.
    pub(crate) fn set_config(&self, key: ConfigKey, value: ConfigValue) -> Result<(), ConfigError> {
        match self {
            Self::Address(listener) => listener.set_config(key, value),
            Self::Peers(listener) => listener.set_config(key, value),
        }
    }

    /// Goes back to what the interface has.
    pub(crate) fn unset_config(&self, key: ConfigKey) -> Result<(), ConfigError> {
        match self {
            Self::Address(listener) => listener.unset_config(key),
            Self::Peers(listener) => listener.unset_config(key),
        }
    }

    const fn id(&self) -> ListenerId {
        match self {
            Self::Address(listener) => listener.id(),
            Self::Peers(listener) => listener.id(),
        }
    }

    fn close(self) {
        match self {
            Self::Address(listener) => listener.close(),
            Self::Peers(listener) => listener.close(),
        }
    }
}

impl From<Listener> for AnyListener {
    fn from(listener: Listener) -> Self {
        Self::Address(listener)
    }
}

impl From<PeerListener> for AnyListener {
    fn from(listener: PeerListener) -> Self {
        Self::Peers(listener)
    }
}

impl Entry {
    /// Closes the listener with all that came in on it, now or when the last one has let go.
    fn close(self: Arc<Self>) {
        self.is_closing.store(true, Ordering::Relaxed);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let is_closing = *self.is_closing.get_mut();
        if let Some(listener) = self.listener.take_if(|_| is_closing) {
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
