//! Connections between peers that know each other's identities: who listens on which virtual port, and
//! which connection is whose.
//!
//! `signals` finds out what a signal is for, `call` starts connections, `ways` knows the ways out of this
//! host and takes what arrives on them.

use alloc::collections::BTreeMap;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use crate::config::Config;
use crate::crypto::cipher_negotiation::EncryptionPolicy;
use crate::endpoint::Endpoint;
use crate::endpoint::Route;
use crate::endpoint::pair::NO_ROUTE;
use crate::endpoint::ways::Ways;
use crate::error::ListenP2pError;
use crate::identity::Identity;
use crate::ids::ConnectionId;
use crate::ids::VirtualPort;
use crate::limits;
use crate::memory;
use crate::p2p::Ports;
use crate::rng::Rng;

/// What the table has as the route of a connection between peers, whose packets say their way themselves.
pub(super) const SIGNAL_ROUTE: Route = NO_ROUTE;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Peers {
    pub(super) listeners: BTreeMap<VirtualPort, PortListener>,
    calls: BTreeMap<ConnectionId, Call>,
    by_peer: BTreeMap<Identity, BTreeSet<ConnectionId>>,
    /// Calls that wait for our certificate, and what their ciphers are chosen by.
    pub(super) held: BTreeMap<ConnectionId, EncryptionPolicy>,
    /// Those that need not wait any longer, and do not know yet.
    pub(super) released: BTreeMap<ConnectionId, EncryptionPolicy>,
    /// Requests that the application has not decided upon.
    pub(super) pending: usize,
    pub(super) ways: Ways,
}

/// Who is let in on a virtual port.
#[derive(Clone, Debug)]
pub(super) struct PortListener {
    pub(super) config: Arc<Config>,
}

/// A connection between peers.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) peer: Identity,
    pub(super) ports: Ports,
    pub(super) symmetric: bool,
    /// The peer has asked, and the application has not decided.
    pub(super) pending: bool,
    /// It has not ended.
    pub(super) alive: bool,
    /// What decides which ways it may use.
    pub(super) config: Arc<Config>,
}

impl Peers {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            listeners: BTreeMap::new(),
            calls: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            held: BTreeMap::new(),
            released: BTreeMap::new(),
            pending: 0,
            ways: Ways::new(rng),
        }
    }

    pub(super) fn insert(&mut self, id: ConnectionId, call: Call) {
        self.pending += usize::from(call.pending);
        self.by_peer
            .entry(call.peer.clone())
            .or_default()
            .insert(id);
        self.calls.insert(id, call);
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Call> {
        self.calls.get(&id)
    }

    pub(super) fn decided(&mut self, id: ConnectionId) {
        if let Some(call) = self.calls.get_mut(&id)
            && core::mem::take(&mut call.pending)
        {
            self.pending = self.pending.saturating_sub(1);
        }
    }

    /// It has ended: another connection may take its place.
    pub(super) fn over(&mut self, id: ConnectionId) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.alive = false;
        }
    }

    pub(super) fn remove(&mut self, id: ConnectionId) {
        self.decided(id);
        self.held.remove(&id);
        self.released.remove(&id);
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        if let Some(ids) = self.by_peer.get_mut(&call.peer) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_peer.remove(&call.peer);
            }
        }
    }

    /// The connections with that peer.
    pub(super) fn of_peer(&self, peer: &Identity) -> impl Iterator<Item = ConnectionId> + '_ {
        self.by_peer.get(peer).into_iter().flatten().copied()
    }

    /// Whether one more with that peer is one too many.
    pub(super) fn is_full_of(&self, peer: &Identity) -> bool {
        self.of_peer(peer).count() >= limits::MAX_CALLS_PER_PEER
    }

    /// The living connection that a new one would double (p2p.md 6): with the same peer between the same
    /// ports, where one of the two is symmetric.
    pub(super) fn double_of(
        &self,
        peer: &Identity,
        ports: Ports,
        symmetric: bool,
    ) -> Option<(ConnectionId, &Call)> {
        let calls = self
            .of_peer(peer)
            .filter_map(|id| Some((id, self.calls.get(&id)?)));
        calls
            .filter(|(_, call)| call.alive && call.ports == ports)
            .find(|(_, call)| symmetric || call.symmetric)
    }

    /// Heap in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        memory::of_map(&self.listeners)
            + memory::of_map(&self.calls)
            + memory::of_map(&self.held)
            + memory::of_map(&self.released)
            + memory::of_map(&self.by_peer)
            + self.by_peer.values().map(memory::of_set).sum::<usize>()
            + self.ways.heap_bytes()
    }
}

impl Endpoint {
    /// Lets peers connect to this virtual port; their connections get `config`.
    ///
    /// # Errors
    /// If somebody listens there already, or on too many ports.
    pub fn listen_p2p(
        &mut self,
        port: VirtualPort,
        config: Arc<Config>,
    ) -> Result<(), ListenP2pError> {
        let listeners = &mut self.peers.listeners;
        if listeners.contains_key(&port) {
            return Err(ListenP2pError::PortInUse(port));
        }
        if listeners.len() >= limits::MAX_VIRTUAL_PORTS {
            return Err(ListenP2pError::TooMany);
        }
        listeners.insert(port, PortListener { config });
        Ok(())
    }

    /// Gives later connections on this virtual port other settings.
    pub fn set_p2p_listener_config(&mut self, port: VirtualPort, config: Arc<Config>) {
        if let Some(listener) = self.peers.listeners.get_mut(&port) {
            listener.config = config;
        }
    }

    /// Lets no further peers connect to this virtual port.
    pub fn stop_listening_p2p(&mut self, port: VirtualPort) {
        self.peers.listeners.remove(&port);
    }
}
