//! What this host can be reached at: found out once for all connections that share the sockets.
//!
//! There is one gatherer per endpoint. It is told which sockets there are ([`Gatherer::set_interfaces`]) and which
//! connections want to know ([`Gatherer::want`]). It asks STUN servers how NATs show each socket, and TURN servers
//! for addresses, and tells each connection what it may use, by its settings. While anybody wants to know, mappings are
//! kept alive and looked at again every [`MAPPING_KEEPALIVE`](crate::limits::MAPPING_KEEPALIVE); when nobody does,
//! nothing is sent, and relays are given back.
//!
//! News are not queued: each connection has a list of what it was told, and [`Gatherer::poll_event`] compares. So what
//! changes to and fro while nobody looks is told once, or not at all.
//!
//! Servers are asked in their order, the next when one fails. When all have, they are asked again later, and later each
//! time; for a connection that is new, at once, if a second has passed: it may have but a few. One that the system cannot send to ([`Gatherer::on_send_error`]) has failed, too, and stands in nobody's way: the
//! socket may well lead to others. A socket has one mapping, whichever connection's server told it, and one allocation
//! per TURN server, whichever connection's account got it.
//!
//! What goes wrong is remembered as long as it holds, and told as well: who configures a server with a wrong password
//! would never know.
//!
//! `mapping` is the address by STUN, `relay` one allocation, `relays` those of a socket, `socket` all of a socket, `want` a
//! connection's view, `failure` what goes wrong.

mod failure;
mod mapping;
mod memory;
mod relay;
mod relays;
mod socket;
#[cfg(test)]
mod tests;
mod want;

use alloc::collections::BTreeMap;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::ops::Range;

use crate::counters::DropReason;
use crate::endpoint::SocketId;
use crate::ice::CandidateTypes;
use crate::ice::LocalCandidate;
use crate::ids::ConnectionId;
use crate::ids::LocalId;
use crate::limits::MAX_INTERFACES;
use crate::limits::MAX_SERVERS;
use crate::rng::Rng;
use crate::stun::Message;
use crate::stun::Method;
use crate::time::Timestamp;
use crate::turn::Wrapped;

pub use self::failure::ServerFailure;

use self::mapping::Outcome;
use self::mapping::is_answer;
use self::relay::Relay;
use self::socket::Socket;
use self::want::Want;

/// A socket for packets between peers, bound to an address of this host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Interface {
    /// The socket.
    pub socket: SocketId,
    /// Its address: never unspecified, since peers are told.
    pub address: SocketAddr,
}

/// Which candidates a connection may have, and who is asked for them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GatherConfig {
    /// Which candidates there may be.
    pub mask: CandidateTypes,
    /// STUN servers; the first [`MAX_SERVERS`] count.
    pub stun: Vec<SocketAddr>,
    /// TURN servers; the first [`MAX_SERVERS`] count.
    pub turn: Vec<TurnServer>,
    /// What is wrong with others already; the first twice [`MAX_SERVERS`] count.
    pub failures: Vec<ServerFailure>,
}

/// A relay, and our account there.
#[derive(Clone, Eq, PartialEq)]
pub struct TurnServer {
    /// The server.
    pub server: SocketAddr,
    /// The account; empty if there is none.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for TurnServer {
    /// Does not show the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnServer")
            .field("server", &self.server)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What a connection is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LocalNews {
    /// There is such a way out of this host. It replaces one of the same end and kind.
    Added(LocalCandidate),
    /// That end is no more, and all its candidates with it.
    Removed(LocalId),
    /// A server does not do what it is for. Said once of each server and cause, and not while another socket is served.
    Failed(ServerFailure),
    /// What comes soon has come, or will not. Said once; relays are waited for only where nothing else is allowed.
    Done,
}

/// Whom a datagram was for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GatherInput {
    /// For a connection.
    NotMine,
    /// For the gatherer.
    Handled,
    /// For a connection, through a relay.
    Relayed {
        /// The relay's address.
        local: LocalId,
        /// Who sent it.
        peer: SocketAddr,
        /// Which part of the datagram it is.
        payload: Range<usize>,
    },
}

/// See the module's documentation. Drain packets and events after each call that takes `now`.
#[derive(Clone, Debug)]
pub struct Gatherer {
    rng: Rng,
    last_id: u32,
    sockets: Vec<Socket>,
    wants: BTreeMap<ConnectionId, Want>,
    /// The settings that were given last: most connections have the same.
    config: Arc<GatherConfig>,
    /// Connections that there may be news for.
    outdated: BTreeSet<ConnectionId>,
}

impl Gatherer {
    /// One without sockets.
    pub fn new(rng: Rng) -> Self {
        Self {
            rng,
            last_id: 0,
            sockets: Vec::new(),
            wants: BTreeMap::new(),
            config: Arc::default(),
            outdated: BTreeSet::new(),
        }
    }

    /// These sockets there are, in order of preference; those beyond [`MAX_INTERFACES`] are not used. What is not among
    /// them any more is gone.
    pub fn set_interfaces(&mut self, now: Timestamp, interfaces: &[Interface]) {
        let mut before = core::mem::take(&mut self.sockets);
        let mut preference = u16::MAX;
        for interface in interfaces.iter().take(MAX_INTERFACES) {
            let is_same = |socket: &Socket| {
                socket.id == interface.socket && socket.address == interface.address
            };
            if self.sockets.iter().any(is_same) {
                continue;
            }
            let mut socket = match before.iter().position(is_same) {
                Some(position) => before.swap_remove(position),
                None => Socket::new(*interface, self.next_id(), preference),
            };
            // Less than those before it, and no other than it was if that is so: peers need not be told then.
            socket.preference = socket.preference.min(preference);
            preference = socket.preference.saturating_sub(1);
            self.sockets.push(socket);
        }
        self.outdate_all();
        self.sync(now);
    }

    /// A connection wants to know what it may use, from now on. Said again, with other servers for instance, what it
    /// was told is not told again.
    pub fn want(&mut self, now: Timestamp, id: ConnectionId, config: GatherConfig) {
        self.want_each(now, [(id, config)]);
    }

    /// The same for several: what follows for servers is worked out once, from all of them.
    pub fn want_each(
        &mut self,
        now: Timestamp,
        wanted: impl IntoIterator<Item = (ConnectionId, GatherConfig)>,
    ) {
        for (id, config) in wanted {
            self.note_want(now, id, config);
        }
        self.sync(now);
    }

    fn note_want(&mut self, now: Timestamp, id: ConnectionId, config: GatherConfig) {
        let config = self.share(config);
        let want = self.wants.entry(id).or_default();
        let before = want.configure(config);
        for socket in &mut self.sockets {
            socket.hurry(now, want, &before);
        }
        self.outdated.insert(id);
    }

    /// A connection does not want to know any more.
    pub fn release(&mut self, now: Timestamp, id: ConnectionId) {
        self.outdated.remove(&id);
        if self.wants.remove(&id).is_some() {
            self.sync(now);
        }
        if self.wants.is_empty() {
            self.config = Arc::default();
        }
    }

    /// A datagram came to a socket.
    ///
    /// # Errors
    /// Why it was not taken, if it was for the gatherer.
    pub fn handle_datagram(
        &mut self,
        now: Timestamp,
        socket: SocketId,
        from: SocketAddr,
        data: &[u8],
    ) -> Result<GatherInput, DropReason> {
        let Some(index) = self.sockets.iter().position(|known| known.id == socket) else {
            return Ok(GatherInput::NotMine);
        };
        let answer = match Message::parse(data) {
            Ok(message) if is_answer(&message) => self.on_answer(now, index, from, &message),
            _ => None,
        };
        let input = match answer {
            Some(taken) => taken.map(|()| GatherInput::Handled),
            None => match self.sockets.get_mut(index) {
                Some(socket) => socket.relays.handle_datagram(now, from, data),
                None => Ok(GatherInput::NotMine),
            },
        };
        self.follow_relays(now);
        input
    }

    /// A relay should let packets of a peer in, for as long as some pass; see [`TurnClient::permit`]. If it cannot, or
    /// is no more, nothing comes that way.
    ///
    /// [`TurnClient::permit`]: crate::turn::TurnClient::permit
    pub fn permit(&mut self, now: Timestamp, local: LocalId, peer: SocketAddr) {
        if let Some((_, relay)) = self.relay_mut(local)
            && let Err(error) = relay.client.permit(now, peer)
        {
            tracing::debug!(%error, "relay does not let a peer in");
        }
    }

    /// Appends the datagram that makes a relay send `payload` to a peer, and returns from where to whom it must go.
    /// `None`, and nothing appended, if the relay cannot, is no more, or sends it once it may.
    pub fn wrap(
        &mut self,
        local: LocalId,
        peer: SocketAddr,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<(SocketId, SocketAddr)> {
        let (socket, relay) = self.relay_mut(local)?;
        match relay.client.wrap(peer, payload, out) {
            Ok(Wrapped::Now) => Some((socket, relay.client.server())),
            Ok(Wrapped::Held) => None,
            Err(error) => {
                tracing::trace!(%error, "not relayed");
                None
            }
        }
    }

    /// The system refused to send from a socket to that address. If that is a server which is being asked, and it
    /// is so again, the next one is asked. Peers' addresses are no concern of the gatherer's.
    pub fn on_send_error(&mut self, now: Timestamp, socket: SocketId, to: SocketAddr) {
        let mut sockets = self.sockets.iter_mut();
        let Some(socket) = sockets.find(|known| known.id == socket) else {
            return;
        };
        for relay in socket.relays.iter_mut() {
            relay.on_send_error(now, to);
        }
        let servers = &socket.stun;
        let outcome = socket
            .mapping
            .on_send_error(now, to, servers, &mut self.rng);
        if outcome == Outcome::News {
            self.outdate_all();
        }
        self.follow_relays(now);
    }

    /// The deadline may have passed.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let mut has_news = false;
        for socket in &mut self.sockets {
            if !socket.stun.is_empty() {
                let servers = &socket.stun;
                let outcome = socket.mapping.on_timeout(now, servers, &mut self.rng);
                has_news |= outcome == Outcome::News;
            }
            for relay in socket.relays.iter_mut() {
                if relay.client.poll_timeout().is_some_and(|at| at <= now) {
                    relay.client.handle_timeout(now);
                }
            }
        }
        if has_news {
            self.outdate_all();
        }
        self.follow_relays(now);
        self.sync(now);
    }

    /// Appends the next packet to `out`, and returns from where to whom it goes.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> Option<(SocketId, SocketAddr)> {
        self.sockets.iter_mut().find_map(|socket| {
            let to = socket.poll_transmit(out)?;
            Some((socket.id, to))
        })
    }

    /// The next thing that a connection should know.
    pub fn poll_event(&mut self) -> Option<(ConnectionId, LocalNews)> {
        while let Some(id) = self.outdated.first().copied() {
            let want = self.wants.get_mut(&id);
            if let Some(news) = want.and_then(|want| want.next_news(&self.sockets)) {
                return Some((id, news));
            }
            self.outdated.remove(&id);
        }
        None
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let is_wanted = !self.wants.is_empty();
        let sockets = self.sockets.iter();
        sockets
            .filter_map(|socket| socket.deadline(is_wanted))
            .min()
    }

    /// The socket that packets for an end of ours leave from, as they are; `None` if it is a relay ([`Self::wrap`]), or
    /// no more.
    pub fn socket_of(&self, local: LocalId) -> Option<SocketId> {
        let mut sockets = self.sockets.iter();
        let socket = sockets.find(|socket| socket.local == local)?;
        Some(socket.id)
    }

    /// The end of ours that packets come to which come to a socket as they are.
    pub fn host(&self, socket: SocketId) -> Option<LocalId> {
        let mut sockets = self.sockets.iter();
        let socket = sockets.find(|known| known.id == socket)?;
        Some(socket.local)
    }

    fn share(&mut self, mut config: GatherConfig) -> Arc<GatherConfig> {
        config.stun.truncate(MAX_SERVERS);
        config.turn.truncate(MAX_SERVERS);
        config.failures.truncate(2 * MAX_SERVERS);
        if *self.config != config {
            self.config = Arc::new(config);
        }
        Arc::clone(&self.config)
    }

    /// An answer to a question of a socket's: `None` if it may be a relay's.
    fn on_answer(
        &mut self,
        now: Timestamp,
        index: usize,
        from: SocketAddr,
        message: &Message<'_>,
    ) -> Option<Result<(), DropReason>> {
        if message.method() != Method::Binding {
            return None;
        }
        let socket = self.sockets.get_mut(index)?;
        if !socket.mapping.expects(from, message) {
            return Some(Err(DropReason::UnknownTransaction));
        }
        let (own, servers) = (socket.address, &socket.stun);
        let mapping = &mut socket.mapping;
        let outcome = mapping.on_answer(now, own, servers, message, &mut self.rng);
        if outcome == Outcome::News {
            self.outdate_all();
        }
        Some(Ok(()))
    }

    /// Asks whom somebody needs to be asked, and gives back what nobody needs.
    fn sync(&mut self, now: Timestamp) {
        for socket in &mut self.sockets {
            socket.stun = stun_servers(socket, &self.wants);
            socket.mapping.forget_unlisted(&socket.stun);
            if !socket.stun.is_empty() {
                let servers = &socket.stun;
                socket.mapping.want(now, servers, &mut self.rng);
            }
            let mut needed: Vec<&TurnServer> = Vec::new();
            for want in self.wants.values().filter(|want| want.wants_relay()) {
                if let Some(server) = socket.relay_for(now, &want.config.turn)
                    && !needed.iter().any(|other| other.server == server.server)
                {
                    needed.push(server);
                }
            }
            let wants = &self.wants;
            let is_listed = |relay: &Relay| wants.values().any(|want| want.has_account(relay));
            let rng = &mut self.rng;
            socket.relays.need(now, &needed, is_listed, rng);
        }
    }

    /// Looks at what became of allocations.
    fn follow_relays(&mut self, now: Timestamp) {
        let mut has_news = false;
        for socket in &mut self.sockets {
            for relay in socket.relays.iter_mut() {
                has_news |= relay.follow(now, &mut self.last_id);
            }
        }
        if has_news {
            self.outdate_all();
            self.sync(now);
        }
    }

    fn relay_mut(&mut self, local: LocalId) -> Option<(SocketId, &mut Relay)> {
        self.sockets.iter_mut().find_map(|socket| {
            let mut relays = socket.relays.iter_mut();
            let relay = relays.find(|relay| relay.lent().is_some_and(|(id, _)| id == local))?;
            Some((socket.id, relay))
        })
    }

    fn outdate_all(&mut self) {
        self.outdated.extend(self.wants.keys());
    }

    fn next_id(&mut self) -> LocalId {
        self.last_id = self.last_id.wrapping_add(1);
        LocalId::new(self.last_id)
    }
}

/// Whom a socket can ask how it is seen: the servers of all connections that want to know.
fn stun_servers(socket: &Socket, wants: &BTreeMap<ConnectionId, Want>) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    let wants = wants.values().filter(|want| want.wants_mapping());
    for server in wants.flat_map(|want| &want.config.stun) {
        if servers.len() >= MAX_SERVERS {
            break;
        }
        if socket.reaches(*server) && !servers.contains(server) {
            servers.push(*server);
        }
    }
    servers
}
