//! The ways out of this host, which its connections between peers share, and what arrives on them.
//!
//! There is one socket for each address of this host ([`Endpoint::set_interfaces`]), however many
//! connections there are. What a STUN server says of such a socket, and what a TURN server lends it, holds
//! for all of them: the [`Gatherer`] asks once. A datagram is for the connection whose number it carries:
//! data packets say it outright, a check in the name that the peer uses, the answer to one in the number
//! that we gave the question.
//!
//! Servers may be given by name. The owner of the endpoint resolves it ([`Endpoint::poll_resolve`]), however
//! long that takes; nothing waits for it.

use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::net::SocketAddr;
use core::ops::Range;

use crate::config::Config;
use crate::config::ConfigKey;
use crate::counters::DropReason;
use crate::endpoint::DatagramEvent;
use crate::endpoint::Endpoint;
use crate::endpoint::Route;
use crate::endpoint::SocketId;
use crate::event::ToConnection;
use crate::handshake::Origin;
use crate::ice::CandidateTypes;
use crate::ice::ServerFailure;
use crate::ice::credentials;
use crate::ice::gather::GatherConfig;
use crate::ice::gather::GatherInput;
use crate::ice::gather::Gatherer;
use crate::ice::gather::Interface;
use crate::ice::gather::LocalNews;
use crate::ice::gather::TurnServer;
use crate::ids::ConnectionId;
use crate::ids::LocalId;
use crate::ids::PathId;
use crate::limits;
use crate::rng::Rng;
use crate::stun;
use crate::stun::uri;
use crate::stun::uri::ServerHost;
use crate::stun::uri::ServerUri;
use crate::stun::uri::Service;
use crate::time::Timestamp;
use crate::transmit::DatagramMeta;
use crate::transmit::Ecn;
use crate::transmit::Via;
use crate::wire::data_header;
use crate::wire::udp;
use crate::wire::udp::UdpPacket;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) gatherer: Gatherer,
    pub(super) wishes: BTreeMap<ConnectionId, Arc<Wish>>,
    /// The latest: most connections have the same.
    pub(super) wish: Option<Arc<Wish>>,
    pub(super) names: BTreeMap<String, Name>,
    pub(super) to_resolve: VecDeque<String>,
    /// The STUN servers of the network, for connections whose settings say nothing of any.
    network_servers: Vec<ServerUri>,
}

/// What a connection's settings ask for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Wish {
    mask: CandidateTypes,
    /// Its STUN servers are those of the network.
    follows_network: bool,
    pub(super) stun: Vec<ServerUri>,
    pub(super) turn: Vec<TurnUri>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct TurnUri {
    server: ServerUri,
    pub(super) user: String,
    pub(super) password: String,
}

/// A name of a server.
#[derive(Clone, Debug)]
pub(super) enum Name {
    /// The owner of the endpoint was asked then.
    Asked { at: Timestamp },
    /// It was answered then; no addresses if there are none.
    Known {
        at: Timestamp,
        addresses: Vec<IpAddr>,
    },
}

impl Name {
    /// When the latest happened.
    const fn at(&self) -> Timestamp {
        match self {
            Self::Asked { at } | Self::Known { at, .. } => *at,
        }
    }
}

impl Wish {
    /// What is wrong with a list was said when it was set; here it counts as empty.
    fn of(config: &Config, network_servers: &[ServerUri]) -> Self {
        let follows_network = config.origin(ConfigKey::P2pStunServerList).is_none();
        let list = |service, text: &str| uri::parse_list(service, text).unwrap_or_default();
        let servers = list(Service::Turn, config.turn_servers());
        let split = |text: &str| -> Vec<String> { text.split(',').map(String::from).collect() };
        let (users, passwords) = (split(config.turn_users()), split(config.turn_passwords()));
        // GNS: unless there is one for each server, there is none for any.
        let has_all = users.len() == servers.len() && passwords.len() == servers.len();
        let nobody = || {
            core::iter::repeat_with(String::new)
                .take(servers.len())
                .collect()
        };
        let (users, passwords): (Vec<_>, Vec<_>) = match has_all {
            true => (users, passwords),
            false => (nobody(), nobody()),
        };
        let accounts = users.into_iter().zip(passwords);
        let turn = servers.iter().cloned().zip(accounts);
        Self {
            mask: config.ice_candidates(),
            follows_network,
            stun: match follows_network {
                true => network_servers.to_vec(),
                false => list(Service::Stun, config.stun_servers()),
            },
            turn: turn
                .map(|(server, (user, password))| TurnUri {
                    server,
                    user,
                    password,
                })
                .collect(),
        }
    }

    fn servers(&self) -> impl Iterator<Item = &ServerUri> {
        let turn = self.turn.iter().map(|turn| &turn.server);
        self.stun.iter().chain(turn)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.servers().filter_map(|server| match server.host() {
            ServerHost::Name(name) => Some(name),
            ServerHost::Ip(_) => None,
        })
    }
}

impl Ways {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            gatherer: Gatherer::new(rng),
            wishes: BTreeMap::new(),
            wish: None,
            names: BTreeMap::new(),
            to_resolve: VecDeque::new(),
            network_servers: Vec::new(),
        }
    }

    /// A connection looks for ways.
    pub(super) fn want(&mut self, now: Timestamp, id: ConnectionId, config: &Config) {
        let wish = self.share(Wish::of(config, &self.network_servers));
        self.wishes.insert(id, Arc::clone(&wish));
        self.look_up(now, &wish);
        self.gather(now, &[(id, wish)]);
    }

    pub(super) fn release(&mut self, now: Timestamp, id: ConnectionId) {
        if self.wishes.remove(&id).is_none() {
            return;
        }
        self.gatherer.release(now, id);
        if self.wishes.is_empty() {
            self.wish = None;
        }
        if self.names.len() < limits::MAX_SERVER_NAMES {
            return;
        }
        // There may be room now for a name that had none.
        let lacks_room =
            |wish: &&Arc<Wish>| wish.names().any(|name| !self.names.contains_key(name));
        if let Some(wish) = self.wishes.values().find(lacks_room).cloned() {
            self.look_up(now, &wish);
        }
    }

    /// Has the names of servers resolved that are not known, or not any more.
    fn look_up(&mut self, now: Timestamp, wish: &Wish) {
        for name in wish.names() {
            let is_fresh = match self.names.get(name) {
                None => false,
                Some(Name::Asked { .. }) => true,
                Some(Name::Known { at, addresses }) => {
                    let life = match addresses.is_empty() {
                        true => limits::UNRESOLVED_NAME_LIFE,
                        false => limits::RESOLVED_NAME_LIFE,
                    };
                    now.since(*at) < life
                }
            };
            if is_fresh || self.to_resolve.contains(name) || !self.has_room_for(name) {
                continue;
            }
            self.to_resolve.push_back(name.clone());
            // What was known holds until the answer.
            let asked = Name::Asked { at: now };
            self.names.entry(name.clone()).or_insert(asked);
        }
    }

    fn share(&mut self, wish: Wish) -> Arc<Wish> {
        match &self.wish {
            Some(known) if **known == wish => Arc::clone(known),
            Some(_) | None => Arc::clone(self.wish.insert(Arc::new(wish))),
        }
    }

    /// Whether that name can be remembered, if need be in place of the oldest that no connection lists any more.
    fn has_room_for(&mut self, name: &String) -> bool {
        if self.names.contains_key(name) || self.names.len() < limits::MAX_SERVER_NAMES {
            return true;
        }
        let is_listed = |name: &String| {
            let mut listed = self.wishes.values().flat_map(|wish| wish.names());
            listed.any(|other| other == name)
        };
        let unlisted = self.names.iter().filter(|(name, _)| !is_listed(name));
        let oldest = unlisted.min_by_key(|(_, known)| known.at());
        let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
            return false;
        };
        self.names.remove(&oldest);
        self.to_resolve.retain(|waiting| *waiting != oldest);
        true
    }

    /// Has the gatherer ask for what these wish for, all at once: each time it looks at every connection.
    fn gather(&mut self, now: Timestamp, wishes: &[(ConnectionId, Arc<Wish>)]) {
        let wanted: Vec<_> = wishes
            .iter()
            .map(|(id, wish)| (*id, self.gather_config(wish)))
            .collect();
        self.gatherer.want_each(now, wanted);
    }

    fn gather_config(&self, wish: &Wish) -> GatherConfig {
        let stun = wish.stun.iter();
        let turn = wish.turn.iter();
        GatherConfig {
            mask: wish.mask,
            stun: stun.flat_map(|server| self.addresses(server)).collect(),
            turn: turn
                .flat_map(|turn| {
                    let addresses = self.addresses(&turn.server);
                    addresses.into_iter().map(|server| TurnServer {
                        server,
                        user: turn.user.clone(),
                        password: turn.password.clone(),
                    })
                })
                .collect(),
            failures: self.unknown(wish),
        }
    }

    /// The servers whose names have no address, or cannot be looked up because there are too many.
    fn unknown(&self, wish: &Wish) -> Vec<ServerFailure> {
        let is_unknown = |server: &ServerUri| match server.host() {
            ServerHost::Ip(_) => false,
            ServerHost::Name(name) => match self.names.get(name) {
                None => true,
                Some(Name::Asked { .. }) => false,
                Some(Name::Known { addresses, .. }) => addresses.is_empty(),
            },
        };
        let reflexive = wish.mask.intersects(CandidateTypes::REFLEXIVE);
        let stun = wish.stun.iter().zip(1..=u8::MAX).filter(|_| reflexive);
        let stun = stun.filter(|(server, _)| is_unknown(server));
        let relay = wish.mask.intersects(CandidateTypes::RELAY);
        let turn = wish.turn.iter().zip(1..=u8::MAX).filter(|_| relay);
        let turn = turn.filter(|(turn, _)| is_unknown(&turn.server));
        stun.map(|(_, number)| ServerFailure::StunUnknown { number })
            .chain(turn.map(|(_, number)| ServerFailure::TurnUnknown { number }))
            .collect()
    }

    fn addresses(&self, server: &ServerUri) -> Vec<SocketAddr> {
        let at = |ip: &IpAddr| SocketAddr::new(*ip, server.port());
        match server.host() {
            ServerHost::Ip(ip) => Vec::from([at(ip)]),
            ServerHost::Name(name) => match self.names.get(name) {
                Some(Name::Known { addresses, .. }) => addresses.iter().map(at).collect(),
                Some(Name::Asked { .. }) | None => Vec::new(),
            },
        }
    }

    fn resolved(&mut self, now: Timestamp, name: &str, addresses: &[IpAddr]) {
        let Some(known) = self.names.get_mut(name) else {
            return;
        };
        if let Name::Known { addresses: old, .. } = known
            && addresses.is_empty()
            && !old.is_empty()
        {
            // Better what was true than nothing.
            return;
        }
        let addresses = addresses.iter().take(limits::MAX_SERVER_ADDRESSES);
        *known = Name::Known {
            at: now,
            addresses: addresses.copied().collect(),
        };
        let concerned = self.wishes.iter();
        let concerned = concerned
            .filter(|(_, wish)| wish.names().any(|other| other == name))
            .map(|(id, wish)| (*id, Arc::clone(wish)))
            .collect::<Vec<_>>();
        self.gather(now, &concerned);
    }
}

/// What part of a datagram is for whom.
enum Addressee {
    Gatherer,
    Connection { via: Via, payload: Range<usize> },
}

impl Endpoint {
    /// Tells which sockets there are for connections between peers, one for each address of this host, and
    /// tells again when that has changed.
    pub fn set_interfaces(&mut self, now: Timestamp, interfaces: &[Interface]) {
        self.peers.ways.gatherer.set_interfaces(now, interfaces);
    }

    /// The system refused to send from a socket for connections between peers to that address. It matters if that is a
    /// STUN or TURN server; what is lost on the way to a peer is up to the connection.
    pub fn handle_send_error(&mut self, now: Timestamp, socket: SocketId, to: SocketAddr) {
        self.peers.ways.gatherer.on_send_error(now, socket, to);
    }

    /// The next packet to a STUN or TURN server, which replaces what is in `out`: from which socket it goes,
    /// and where to.
    pub fn poll_server_packet(&mut self, out: &mut Vec<u8>) -> Option<(SocketId, SocketAddr)> {
        out.clear();
        self.peers.ways.gatherer.poll_transmit(out)
    }

    /// The next news for a connection ([`Connection::handle_endpoint`](crate::connection::Connection)).
    pub fn poll_to_connection(&mut self) -> Option<(ConnectionId, ToConnection)> {
        let (id, news) = self.peers.ways.gatherer.poll_event()?;
        let news = match news {
            LocalNews::Added(candidate) => ToConnection::LocalCandidate(candidate),
            LocalNews::Removed(local) => ToConnection::LocalGone(local),
            LocalNews::Done => ToConnection::LocalsKnown,
            LocalNews::Failed(failure) => ToConnection::ServerFailed(failure),
        };
        Some((id, news))
    }

    /// The next name of a server that is to be resolved ([`Self::handle_resolved`]).
    pub fn poll_resolve(&mut self) -> Option<String> {
        self.peers.ways.to_resolve.pop_front()
    }

    /// The addresses of a server; none if the name has none.
    pub fn handle_resolved(&mut self, now: Timestamp, name: &str, addresses: &[IpAddr]) {
        self.peers.ways.resolved(now, name, addresses);
    }

    /// The socket of a way out; `None` if that is an address that a relay lends us ([`Self::wrap`]), or is no
    /// more.
    pub fn socket_of(&self, local: LocalId) -> Option<SocketId> {
        self.peers.ways.gatherer.socket_of(local)
    }

    /// Puts a datagram that is to go by a relay into one for the relay, which is appended to `out`: from which socket
    /// it goes, and where to. Of several in a row those of one length are of one length again.
    pub fn wrap(
        &mut self,
        via: Via,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<(SocketId, SocketAddr)> {
        let gatherer = &mut self.peers.ways.gatherer;
        gatherer.wrap(via.local, via.remote, payload, out)
    }

    /// A datagram came in on a socket for connections between peers.
    pub(super) fn route_peer_datagram(
        &mut self,
        now: Timestamp,
        from: Route,
        ecn: Option<Ecn>,
        data: &[u8],
    ) -> Result<DatagramEvent, DropReason> {
        let (via, payload) = match self.unwrap_peer_datagram(now, from, data)? {
            Addressee::Gatherer => return Ok(DatagramEvent::Handled),
            Addressee::Connection { via, payload } => (via, payload),
        };
        let bytes = data.get(payload.clone()).ok_or(DropReason::TooShort)?;
        let id = self.peer_addressee(bytes)?;
        let meta = DatagramMeta {
            path: PathId::PEER,
            ecn,
            via: Some(via),
        };
        Ok(DatagramEvent::Forward { id, meta, payload })
    }

    fn unwrap_peer_datagram(
        &mut self,
        now: Timestamp,
        from: Route,
        data: &[u8],
    ) -> Result<Addressee, DropReason> {
        let gatherer = &mut self.peers.ways.gatherer;
        match gatherer.handle_datagram(now, from.socket, from.remote, data)? {
            GatherInput::Handled => Ok(Addressee::Gatherer),
            GatherInput::Relayed {
                local,
                peer,
                payload,
            } => {
                let via = Via {
                    local,
                    remote: peer,
                };
                Ok(Addressee::Connection { via, payload })
            }
            GatherInput::NotMine => {
                let local = gatherer.host(from.socket);
                let via = Via {
                    local: local.ok_or(DropReason::NotListening)?,
                    remote: from.remote,
                };
                let payload = 0..data.len();
                Ok(Addressee::Connection { via, payload })
            }
        }
    }

    /// The connection that a datagram says it is for.
    fn peer_addressee(&self, data: &[u8]) -> Result<ConnectionId, DropReason> {
        let is_call = |id: &ConnectionId| {
            let entry = self.table.get(*id);
            entry.is_some_and(|entry| entry.origin == Origin::Signal)
        };
        let id = if stun::is_stun(data) {
            let message = stun::Message::parse(data)?;
            if message.class() == stun::Class::Request {
                let name = message.username().ok_or(DropReason::BadStun)?;
                let ours = name.split(':').next().unwrap_or_default();
                let ids = credentials::connection_ids_of(ours).ok_or(DropReason::BadStun)?;
                ids.into_iter().find(is_call)
            } else {
                Some(ConnectionId::new(message.transaction_id().asker()))
            }
        } else if let Some(to) = data_header::peek_to(data) {
            Some(to)
        } else {
            match udp::parse(data)? {
                UdpPacket::ConnectionClosed(packet) => packet.to,
                UdpPacket::NoConnection(packet) => packet.to,
                UdpPacket::Data(_)
                | UdpPacket::ChallengeRequest(_)
                | UdpPacket::ChallengeReply(_)
                | UdpPacket::ConnectRequest(_)
                | UdpPacket::ConnectOk(_) => return Err(DropReason::UnknownKind),
            }
        };
        id.filter(is_call).ok_or(DropReason::UnknownConnection)
    }

    /// Whether a socket is for connections between peers.
    pub(super) fn is_peer_socket(&self, socket: SocketId) -> bool {
        self.peers.ways.gatherer.host(socket).is_some()
    }
}

mod network;
#[cfg(test)]
mod tests;
