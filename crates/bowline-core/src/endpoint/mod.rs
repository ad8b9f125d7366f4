//! Finds out which connection a datagram is for, and admits new ones.
//!
//! An endpoint stands for one identity and any number of UDP sockets, which it knows by number. It
//! keeps no packets: it routes them ([`DatagramEvent::Forward`]), answers what needs no connection
//! ([`DatagramEvent::Reply`]), or makes a connection of a request that passed all checks
//! ([`DatagramEvent::Incoming`]). A source that has not proved its address leaves no state behind.
//!
//! `dial` starts connections, `table` holds who is where, `sources` how many come from one place,
//! `cookies` how they prove an address, `datagrams` routes what arrives, `admission` the checks of a request, `budget` how much work
//! strangers may cause, `rejection` what a client hears that did not
//! pass them, `trust` who we are and whom we trust; `pair` makes two ends at once. `peers` and the modules that
//! it names are about peers that find each other by signals instead of addresses.

mod admission;
mod budget;
mod call;
mod cookies;
mod datagrams;
mod dial;
mod memory;
mod network;
mod pair;
mod peers;
mod rejection;
mod signals;
mod sources;
mod table;
mod trust;
mod ways;
mod windows;
mod within;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::ops::Range;

use serde::Deserialize;
use serde::Serialize;

use crate::cert::store::CertStore;
use crate::config::Config;
use crate::connection::Connection;
use crate::connection::Start;
use crate::counters::DropCounters;
use crate::counters::DropReason;
use crate::crypto::Crypto;
use crate::crypto::key_update::KeyLimits;
use crate::crypto::keys::SigningKey;
use crate::endpoint::budget::Budget;
use crate::endpoint::cookies::Cookies;
use crate::endpoint::network::Told;
use crate::endpoint::peers::Peers;
use crate::endpoint::rejection::Rejections;
use crate::endpoint::table::Table;
use crate::endpoint::trust::Trust;
use crate::endpoint::windows::Windows;
use crate::event::ToConnection;
use crate::event::ToEndpoint;
use crate::extensions::ExtensionSet;
use crate::handshake::Host;
use crate::handshake::SharedHost;
use crate::handshake::WallClock;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::ids::ConnectionId;
use crate::rng::Rng;
use crate::time::Timestamp;
use crate::transmit::DatagramMeta;
use crate::transmit::Ecn;

pub use call::Called;
pub use pair::NO_ROUTE;
pub use signals::SignalEvent;
pub use table::Shard;
pub use trust::AuthenticationStatus;
pub use trust::TrustEvent;
pub use within::Caller;

/// A UDP socket, by the number that its owner gave it.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct SocketId(u32);

impl SocketId {
    /// Wraps a socket number.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Where packets of a connection come from and go to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Route {
    /// Our socket.
    pub socket: SocketId,
    /// The peer's address. IPv4 in its own form, never mapped into IPv6.
    pub remote: SocketAddr,
}

/// Who an endpoint is.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Who does the cryptography.
    pub crypto: Crypto,
    /// Who we are; [`Identity::anonymous`] shows peers our address only.
    pub identity: Identity,
    /// Our app; peers of another one are refused.
    pub app_id: AppId,
    /// Whom we trust to vouch for peers.
    pub trusted: CertStore,
    /// The key of our certificates; without one each connection makes its own.
    pub key: Option<SigningKey>,
    /// Which of several endpoints with the same address this is.
    pub shard: Shard,
    /// What goes beyond GNS: offered to peers, and taken if they offer it.
    pub extensions: ExtensionSet,
    /// When keys are replaced, between peers that do so.
    pub key_limits: KeyLimits,
    /// Whether a client whose request is refused is told why. GNS stays silent, and so do we by default:
    /// the cause is of use to those who probe, too. Told only to who has proved its address, and to
    /// so many in a second ([`MAX_REJECTIONS_PER_SECOND`](crate::limits::MAX_REJECTIONS_PER_SECOND)).
    pub explains_rejections: bool,
}

impl EndpointConfig {
    /// An anonymous endpoint with app ID 0 that trusts nobody in particular.
    pub fn new(crypto: Crypto) -> Self {
        Self {
            crypto,
            identity: Identity::anonymous(),
            app_id: AppId::default(),
            trusted: CertStore::new(),
            key: None,
            shard: Shard::SINGLE,
            extensions: ExtensionSet::ALL,
            key_limits: KeyLimits::DEFAULT,
            explains_rejections: false,
        }
    }
}

/// What became of a datagram.
#[derive(Debug)]
#[must_use = "a reply is to be sent, a forwarded datagram to be handled"]
pub enum DatagramEvent {
    /// It was dropped, and counted.
    Dropped(DropReason),
    /// The answer is in the reply buffer: one datagram to where this one came from.
    Reply,
    /// The endpoint took it.
    Handled,
    /// It is for this connection.
    Forward {
        /// Which connection.
        id: ConnectionId,
        /// What to hand over with the bytes.
        meta: DatagramMeta,
        /// Which of its bytes to hand over: all, unless a relay has put more around them.
        payload: Range<usize>,
    },
    /// A new connection, waiting for the application. Keep it under its ID, and drain it.
    Incoming(alloc::boxed::Box<Connection>),
}

/// The socket-level half of the protocol. See the module's documentation.
#[derive(Debug)]
pub struct Endpoint {
    host: SharedHost,
    clock: WallClock,
    rng: Rng,
    table: Table,
    cookies: Cookies,
    budget: Budget,
    rejections: Rejections,
    listeners: BTreeMap<SocketId, Listener>,
    last_stateless_reply: Option<Timestamp>,
    trust: Trust,
    network: Option<Told>,
    windows: Windows,
    peers: Peers,
    drops: DropCounters,
}

#[derive(Clone, Debug)]
struct Listener {
    config: Arc<Config>,
    /// Connections that the application has not decided upon.
    pending: usize,
}

impl Endpoint {
    /// An endpoint that draws all its keys from `seed`, which must be fresh entropy wherever real
    /// packets are sent. `unix_secs` is the calendar time at `now`.
    pub fn new(config: EndpointConfig, seed: [u8; 32], now: Timestamp, unix_secs: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        let mut secrets = rng.child("challenges");
        let peers = Peers::new(Rng::from_seed(seed).child("ways"));
        Self {
            host: Arc::new(Host {
                crypto: config.crypto,
                identity: config.identity,
                app: config.app_id,
                store: config.trusted,
                extensions: config.extensions,
                key_limits: config.key_limits,
                key: config.key,
                credentials: None,
                #[cfg(any(test, feature = "test-support"))]
                start: None,
            }),
            clock: WallClock::new(now, unix_secs),
            budget: Budget::new(&mut secrets),
            cookies: Cookies::new(now, secrets),
            rejections: Rejections::new(now, config.explains_rejections),
            table: Table::new(config.shard),
            rng,
            listeners: BTreeMap::new(),
            last_stateless_reply: None,
            trust: Trust::new(),
            network: None,
            windows: Windows::default(),
            peers,
            drops: DropCounters::new(),
        }
    }

    /// Lets peers connect to this socket; their connections get `config`.
    pub fn listen(&mut self, socket: SocketId, config: Arc<Config>) {
        self.listeners
            .insert(socket, Listener { config, pending: 0 });
    }

    /// Gives later connections on this socket other settings.
    pub fn set_listener_config(&mut self, socket: SocketId, config: Arc<Config>) {
        if let Some(listener) = self.listeners.get_mut(&socket) {
            listener.config = config;
        }
    }

    /// Lets no further peers connect to this socket.
    pub fn stop_listening(&mut self, socket: SocketId) {
        self.listeners.remove(&socket);
    }

    /// Whether a connection may be dialled on this route: a server that looks at our address only can
    /// tell just one connection from another, and remembers it for a while after its end.
    pub fn can_dial(&self, now: Timestamp, route: Route) -> bool {
        self.table.can_dial(now, route)
    }

    /// Finds out what a datagram is for. An answer is written to `reply`, which is cleared first.
    pub fn handle_datagram(
        &mut self,
        now: Timestamp,
        from: Route,
        ecn: Option<Ecn>,
        data: &[u8],
        reply: &mut Vec<u8>,
    ) -> DatagramEvent {
        reply.clear();
        match self.route_datagram(now, from, ecn, data, reply) {
            Ok(event) => event,
            Err(reason) => {
                self.drops.count(reason);
                DatagramEvent::Dropped(reason)
            }
        }
    }

    /// Takes in what a connection has to say ([`Connection::poll_endpoint`]), in the order in which it said it.
    /// Returns the answer for it ([`Connection::handle_endpoint`]), if there is one.
    #[must_use = "the connection waits for the answer"]
    pub fn handle_event(
        &mut self,
        now: Timestamp,
        id: ConnectionId,
        event: ToEndpoint,
    ) -> Option<ToConnection> {
        match event {
            ToEndpoint::RemoteId(remote) => self.table.set_remote_id(id, remote),
            ToEndpoint::FindsByConnectionId => self.table.set_shareable(id),
            ToEndpoint::Decided => self.decided(id),
            ToEndpoint::Over => self.peers.over(id),
            ToEndpoint::WantsWays => {
                if let Some(config) = self.peers.get(id).map(|call| Arc::clone(&call.config)) {
                    self.peers.ways.want(now, id, &config);
                }
            }
            ToEndpoint::Permit(via) => {
                self.peers.ways.gatherer.permit(now, via.local, via.remote);
            }
            // For the owner of both.
            ToEndpoint::DoubtsWay => {}
            ToEndpoint::Dead => {
                self.decided(id);
                self.peers.remove(id);
                self.peers.ways.release(now, id);
                self.windows.forget(id);
                self.table.remove(now, id);
            }
            ToEndpoint::ReceiveWindow {
                bytes,
                budget_bytes,
            } => {
                // What is not in the table gives nothing back.
                self.table.get(id)?;
                let lent = self.windows.lend(id, bytes, budget_bytes)?;
                return Some(ToConnection::ReceiveWindow(lent));
            }
        }
        None
    }

    /// Where packets of this connection go.
    pub fn route(&self, id: ConnectionId) -> Option<Route> {
        self.table.get(id).map(|entry| entry.route)
    }

    /// How many connections are remembered, closed ones that still answer included.
    pub fn connections(&self) -> usize {
        self.table.len()
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let ways = self.peers.ways.gatherer.poll_timeout();
        [self.table.next_expiry(), self.trust.deadline(), ways]
            .into_iter()
            .flatten()
            .min()
    }

    /// Forgets what need not be remembered any longer, and looks after our own certificate.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.table.expire(now);
        self.check_credentials(now);
        self.peers.ways.gatherer.handle_timeout(now);
    }

    /// Counts a datagram that its owner drops instead of handing it to its connection.
    pub fn count_drop(&mut self, reason: DropReason) {
        self.drops.count(reason);
    }

    /// Datagrams that were dropped here, by reason.
    pub const fn drops(&self) -> &DropCounters {
        &self.drops
    }

    fn decided(&mut self, id: ConnectionId) {
        self.peers.decided(id);
        let Some(entry) = self.table.get_mut(id).filter(|entry| entry.pending) else {
            return;
        };
        entry.pending = false;
        let Route { socket, remote } = entry.route;
        self.table.sources.decided(remote.ip());
        if let Some(listener) = self.listeners.get_mut(&socket) {
            listener.pending = listener.pending.saturating_sub(1);
        }
    }

    fn start(&self, id: ConnectionId, route: Route, config: Arc<Config>, rng: &mut Rng) -> Start {
        Start {
            host: Arc::clone(&self.host),
            config,
            id,
            address: route.remote,
            clock: self.clock,
            luck: rng.u64(),
        }
    }
}

#[cfg(test)]
mod tests;
