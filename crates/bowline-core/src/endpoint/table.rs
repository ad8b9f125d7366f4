//! Who is where: connections by our ID, by the peer's ID, and the routes that are in use.

use alloc::collections::BTreeMap;
use alloc::collections::BTreeSet;
use alloc::collections::VecDeque;
use core::net::Ipv4Addr;
use core::net::SocketAddr;
use core::net::SocketAddrV4;

use crate::endpoint::Route;
use crate::endpoint::SocketId;
use crate::endpoint::sources::Sources;
use crate::handshake::Origin;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::limits;
use crate::memory;
use crate::rng::Rng;
use crate::time::Timestamp;

/// IDs of ended connections that are not given out again soon.
const RECENT_IDS: usize = 4096;
/// Servers remembered to find connections by ID.
const MAX_SHAREABLE: usize = 1024;

/// Which of several endpoints that share an address is meant by a connection ID.
///
/// The shard is in the top bits of the ID, so that a receiving socket can be chosen by looking at the
/// packet; the rest stays random.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shard {
    index: u32,
    bits: u32,
}

/// What is known of a connection here.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) route: Route,
    pub(super) origin: Origin,
    pub(super) remote_id: Option<ConnectionId>,
    /// Of incoming connections.
    pub(super) identity: Option<Identity>,
    /// The application has not decided.
    pub(super) pending: bool,
}

/// The connections of an endpoint.
#[derive(Debug)]
pub(super) struct Table {
    shard: Shard,
    entries: BTreeMap<ConnectionId, Entry>,
    /// By the peer's ID first, so that all routes with the same one are neighbours.
    by_remote: BTreeMap<(ConnectionId, Route), ConnectionId>,
    /// How many connections use a route.
    routes: BTreeMap<Route, usize>,
    /// Routes that may not be dialled for a while.
    held: BTreeMap<Route, Timestamp>,
    /// The same in the order in which they become free: all are held for the same time.
    held_until: VecDeque<(Timestamp, Route)>,
    /// Routes whose server finds connections by ID.
    shareable: BTreeSet<Route>,
    recent: VecDeque<ConnectionId>,
    pub(super) sources: Sources,
}

impl Shard {
    /// The only one.
    pub const SINGLE: Self = Self { index: 0, bits: 0 };
    /// Most bits of an ID that name a shard.
    const MAX_BITS: u32 = 6;

    /// Shard `index` of as many as `bits` bits tell apart; `None` if there are more than 6 bits, or
    /// the index needs more.
    pub const fn new(index: u32, bits: u32) -> Option<Self> {
        if bits > Self::MAX_BITS || index >= 1 << bits {
            return None;
        }
        Some(Self { index, bits })
    }

    /// The index of the shard that gave out `id`, among as many as `bits` bits tell apart.
    pub const fn of(id: ConnectionId, bits: u32) -> u32 {
        match id.get().checked_shr(32 - bits) {
            Some(index) => index,
            None => 0,
        }
    }

    /// Puts the shard into a random ID.
    const fn mark(self, id: ConnectionId) -> ConnectionId {
        if self.bits == 0 {
            return id;
        }
        let low = 32 - self.bits;
        ConnectionId::new(id.get() & ((1 << low) - 1) | self.index << low)
    }
}

impl Table {
    pub(super) const fn new(shard: Shard) -> Self {
        Self {
            shard,
            entries: BTreeMap::new(),
            by_remote: BTreeMap::new(),
            routes: BTreeMap::new(),
            held: BTreeMap::new(),
            held_until: VecDeque::new(),
            shareable: BTreeSet::new(),
            recent: VecDeque::new(),
            sources: Sources::new(),
        }
    }

    /// An ID that no connection has, or had a moment ago.
    pub(super) fn fresh_id(&self, rng: &mut Rng) -> ConnectionId {
        loop {
            let id = self.shard.mark(rng.connection_id());
            let taken = self.entries.contains_key(&id) || self.recent.contains(&id);
            if id.is_well_formed() && !taken {
                return id;
            }
        }
    }

    pub(super) fn insert(&mut self, id: ConnectionId, entry: Entry) {
        *self.routes.entry(entry.route).or_insert(0) += 1;
        if entry.origin == Origin::Listen {
            self.sources.add(entry.route.remote.ip(), entry.pending);
        }
        if let Some(remote) = entry.remote_id {
            self.by_remote.insert((remote, entry.route), id);
        }
        self.entries.insert(id, entry);
    }

    pub(super) fn remove(&mut self, now: Timestamp, id: ConnectionId) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        if let Some(remote) = entry.remote_id {
            self.by_remote.remove(&(remote, entry.route));
        }
        if let Some(uses) = self.routes.get_mut(&entry.route) {
            *uses -= 1;
            if *uses == 0 {
                self.routes.remove(&entry.route);
            }
        }
        if entry.origin == Origin::Listen {
            self.sources.remove(entry.route.remote.ip());
        }
        if entry.origin == Origin::Dial {
            let hold = limits::ADDRESS_REUSE_HOLD.saturating_sub(limits::FIN_WAIT);
            self.held.insert(entry.route, now + hold);
            self.held_until.push_back((now + hold, entry.route));
        }
        if self.recent.len() >= RECENT_IDS {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    #[cfg(test)]
    pub(super) fn ids(&self) -> alloc::vec::Vec<ConnectionId> {
        self.entries.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The connection with this ID of ours, if it uses this route.
    pub(super) fn find(&self, route: Route, id: ConnectionId) -> Option<ConnectionId> {
        self.get(id)
            .filter(|entry| entry.route == route)
            .map(|_| id)
    }

    /// The connection with this ID of the peer's, if it uses this route.
    pub(super) fn find_remote(&self, route: Route, remote: ConnectionId) -> Option<ConnectionId> {
        self.by_remote.get(&(remote, route)).copied()
    }

    /// Whether this peer has a connection with this ID of its own, whatever the route.
    pub(super) fn has_peer(&self, remote: ConnectionId, identity: &Identity) -> bool {
        let first_route = Route {
            socket: SocketId::new(0),
            remote: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
        };
        self.by_remote
            .range((remote, first_route)..)
            .take_while(|((id, _), _)| *id == remote)
            .filter_map(|(_, id)| self.entries.get(id))
            .any(|entry| entry.identity.as_ref() == Some(identity))
    }

    /// Whether any connection uses this route.
    pub(super) fn knows(&self, route: Route) -> bool {
        self.routes.contains_key(&route)
    }

    pub(super) fn set_remote_id(&mut self, id: ConnectionId, remote: ConnectionId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            if let Some(old) = entry.remote_id.replace(remote) {
                self.by_remote.remove(&(old, entry.route));
            }
            self.by_remote.insert((remote, entry.route), id);
        }
    }

    pub(super) fn set_shareable(&mut self, id: ConnectionId) {
        if let Some(route) = self.get(id).map(|entry| entry.route) {
            if self.shareable.len() >= MAX_SHAREABLE {
                self.shareable.pop_first();
            }
            self.shareable.insert(route);
        }
    }

    pub(super) fn can_dial(&self, now: Timestamp, route: Route) -> bool {
        let busy = self.knows(route) || self.held.get(&route).is_some_and(|until| *until > now);
        !busy || self.shareable.contains(&route)
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        memory::of_map(&self.entries)
            + memory::of_map(&self.by_remote)
            + memory::of_map(&self.routes)
            + memory::of_map(&self.held)
            + memory::of_deque(&self.held_until)
            + memory::of_set(&self.shareable)
            + memory::of_deque(&self.recent)
            + self.sources.heap_bytes()
    }

    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.held_until.front().map(|(until, _)| *until)
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some((until, route)) = self.held_until.front().copied() {
            if until > now {
                return;
            }
            self.held_until.pop_front();
            // A later hold of the same route stays.
            if self.held.get(&route) == Some(&until) {
                self.held.remove(&route);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_shard_and_stay_well_formed() {
        let mut rng = Rng::from_seed([3; 32]);
        for (index, bits) in [(0, 0), (0, 3), (5, 3), (63, 6)] {
            let table = Table::new(Shard::new(index, bits).unwrap());
            for _ in 0..1000 {
                let id = table.fresh_id(&mut rng);
                assert!(id.is_well_formed());
                assert_eq!(Shard::of(id, bits), index);
            }
        }
        assert!(Shard::new(8, 3).is_none());
        assert!(Shard::new(0, 7).is_none());
    }
}
