//! Connections by number, for those who look one up for every message.
//!
//! The table of the hub stands behind the endpoint's lock, which whoever drives holds for a batch of
//! datagrams at a time. This one has only the connections that the application may still use, and whoever
//! looks up shares the lock with all others who do: a connection is put in when the hub gets it, and taken
//! out when its handle becomes stale, so that no connection has to be locked to see whether it is found.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;
use std::sync::Arc;

use bowline_core::ids::ConnectionId;

use crate::driver::lock_order::Rank;
use crate::driver::lock_order::SharedLock;
use crate::driver::slot::Slot;

/// The connections of an interface whose handles are good.
pub(crate) struct Index {
    drawers: [Drawer; DRAWERS],
}

/// Some of them, in a cache line of their own: threads that look up others do not slow each other down.
#[repr(align(64))]
struct Drawer(SharedLock<HashMap<ConnectionId, Arc<Slot>, BuildHasherDefault<IdHasher>>>);

/// As many as hardly ever make two threads meet; a power of two.
const DRAWERS: usize = 16;

impl Index {
    pub(crate) fn new() -> Self {
        Self {
            drawers: std::array::from_fn(|_| {
                Drawer(SharedLock::new(Rank::Index, HashMap::default()))
            }),
        }
    }

    /// Lets a connection be found.
    pub(crate) fn insert(&self, slot: &Arc<Slot>) {
        let drawer = self.drawer(slot.id);
        drawer.0.write().insert(slot.id, Arc::clone(slot));
    }

    /// Lets it be found no more.
    pub(crate) fn remove(&self, id: ConnectionId) {
        let removed = self.drawer(id).0.write().remove(&id);
        drop(removed);
    }

    /// The connection of that number.
    pub(crate) fn find(&self, id: ConnectionId) -> Option<Arc<Slot>> {
        self.drawer(id).0.read().get(&id).cloned()
    }

    fn drawer(&self, id: ConnectionId) -> &Drawer {
        &self.drawers[id.get() as usize % DRAWERS]
    }
}

impl fmt::Debug for Index {
    /// Tells of no connection: each leads to the interface, and so back to here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").finish_non_exhaustive()
    }
}

/// Spreads numbers that are random already, and chosen by us: nobody can make them collide.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        /// 2^64 by the golden ratio: the table looks at the highest and the lowest bits.
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        self.0 = (self.0 ^ u64::from(value)).wrapping_mul(SPREAD);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
