//! What the endpoint lock protects: the core's endpoint, the sockets, and the table of connections.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::cert::expect::Expect;
use bowline_core::config::Config;
use bowline_core::connection::Connection as CoreConnection;
use bowline_core::endpoint::Endpoint;
use bowline_core::endpoint::Route;
use bowline_core::endpoint::SocketId;
use bowline_core::error::ConnectError as CoreConnectError;
use bowline_core::error::ListenP2pError as CoreListenP2pError;
use bowline_core::event::ToConnection;
use bowline_core::event::ToEndpoint;
use bowline_core::ids::ConnectionId;
use bowline_core::ids::VirtualPort;
use bowline_core::time::Timestamp;
use bowline_io::udp::UdpSocket;

use crate::driver::sessions::SessionKind;
use crate::driver::shard::ShardId;
use crate::driver::slot::Slot;
use crate::driver::ways::Ways;
use crate::listener::ListenerId;

/// The core's endpoint and all that hangs on it.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) endpoint: Endpoint,
    pub(crate) ways: Ways,
    sockets: BTreeMap<SocketId, Socket>,
    slots: HashMap<ConnectionId, Arc<Slot>>,
    /// How many of them are the library's own, to hubs.
    links: usize,
    next_socket: u32,
    next_listener: u32,
    /// The interface is being dropped: nobody from elsewhere may add a connection.
    is_closed: bool,
    /// The kinds of sessions whose virtual port is ours, not the application's.
    pub(crate) session_kinds: Vec<SessionKind>,
    /// Our certificate is a hub's, which is asked for the next one.
    pub(crate) is_certified_by_hub: bool,
}

/// A socket, as far as the core knows, and what it is for.
#[derive(Debug)]
struct Socket {
    /// Those of the system, all with one address, and by which shard each is driven.
    members: Members,
    purpose: Purpose,
    /// The settings of a listener, for the connections that come in.
    config: Option<Arc<Config>>,
    /// Connections that use it.
    connections: usize,
}

/// The sockets of the system behind one of the core, at least one, and who drives each.
pub(crate) type Members = Vec<(ShardId, Arc<UdpSocket>)>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Purpose {
    /// Dials.
    Client(Family),
    /// Listens.
    Listener(ListenerId),
    /// Listened once; serves the connections that are left.
    Retired,
    /// One end of a pair.
    Pair,
    /// A way out of this machine, for all connections between peers.
    Way,
    /// Not a socket, but a virtual port: lets peers connect.
    Port(ListenerId, VirtualPort),
}

/// What a client socket reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Family {
    /// IPv6, and IPv4 as mapped addresses.
    Dual,
    /// IPv4, on machines without IPv6.
    V4,
}

/// Who dials, and whom the peer has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller<'a> {
    /// The application.
    Application(Option<&'a Expect>),
    /// The client of a hub.
    HubLink(&'a Expect),
}

/// A connection that was dialled.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) core: Box<CoreConnection>,
    pub(crate) shard: ShardId,
    pub(crate) socket: Arc<UdpSocket>,
    pub(crate) route: Route,
}

impl Family {
    const fn reaches(self, remote: SocketAddr) -> bool {
        match self {
            Self::Dual => true,
            Self::V4 => remote.is_ipv4(),
        }
    }
}

impl Purpose {
    /// Has those who come in from now on get other settings.
    fn configure(self, endpoint: &mut Endpoint, id: SocketId, config: Arc<Config>) {
        match self {
            Self::Port(_, port) => endpoint.set_p2p_listener_config(port, config),
            Self::Listener(_) | Self::Client(_) | Self::Retired | Self::Pair | Self::Way => {
                endpoint.set_listener_config(id, config);
            }
        }
    }
}

impl Socket {
    /// The one that a shard drives.
    fn of(&self, shard: ShardId) -> Option<&Arc<UdpSocket>> {
        let mut members = self.members.iter();
        members.find_map(|(driver, socket)| (*driver == shard).then_some(socket))
    }
}

impl Hub {
    pub(crate) fn new(endpoint: Endpoint, ways: Ways) -> Self {
        Self {
            endpoint,
            ways,
            sockets: BTreeMap::new(),
            slots: HashMap::new(),
            links: 0,
            next_socket: 0,
            next_listener: 0,
            is_closed: false,
            session_kinds: Vec::new(),
            is_certified_by_hub: false,
        }
    }

    /// Dials from the first client socket of the shard that may. `Ok(None)` if there is none.
    pub(crate) fn dial(
        &mut self,
        now: Timestamp,
        shard: ShardId,
        remote: SocketAddr,
        config: &Arc<Config>,
        caller: Caller<'_>,
    ) -> Result<Option<Dialled>, CoreConnectError> {
        for (id, socket) in &self.sockets {
            let (Purpose::Client(family), Some(socket)) = (socket.purpose, socket.of(shard)) else {
                continue;
            };
            let route = Route {
                socket: *id,
                remote,
            };
            if !family.reaches(remote) || !self.endpoint.can_dial(now, route) {
                continue;
            }
            let config = Arc::clone(config);
            let endpoint = &mut self.endpoint;
            let core = match caller {
                Caller::Application(expect) => {
                    endpoint.connect_expecting(now, route, config, expect.cloned())?
                }
                Caller::HubLink(expect) => {
                    endpoint.connect_unnamed(now, route, config, Some(expect.clone()))?
                }
            };
            let socket = Arc::clone(socket);
            return Ok(Some(Dialled {
                core: Box::new(core),
                shard,
                socket,
                route,
            }));
        }
        Ok(None)
    }

    /// Takes a new socket to dial from.
    pub(crate) fn add_client_socket(
        &mut self,
        shard: ShardId,
        socket: Arc<UdpSocket>,
        family: Family,
    ) -> SocketId {
        self.add_socket(vec![(shard, socket)], Purpose::Client(family))
    }

    /// Takes a new socket for one end of a pair.
    pub(crate) fn add_pair_socket(&mut self, shard: ShardId, socket: Arc<UdpSocket>) -> SocketId {
        self.add_socket(vec![(shard, socket)], Purpose::Pair)
    }

    /// Gives up a socket that no connection uses.
    pub(crate) fn remove_unused(&mut self, id: SocketId) -> Option<Members> {
        self.take_unused(id)
    }

    /// Takes new sockets with one address and listens on them.
    pub(crate) fn add_listener(
        &mut self,
        members: Members,
        config: Arc<Config>,
    ) -> (ListenerId, SocketId) {
        self.next_listener += 1;
        let listener = ListenerId::new(self.next_listener);
        let id = self.add_socket(members, Purpose::Listener(listener));
        self.endpoint.listen(id, Arc::clone(&config));
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.config = Some(config);
        }
        (listener, id)
    }

    /// Takes a new socket on an address of this machine, for all connections between peers.
    pub(crate) fn add_way(&mut self, shard: ShardId, socket: Arc<UdpSocket>) -> SocketId {
        self.add_socket(vec![(shard, socket)], Purpose::Way)
    }

    /// Gives up the socket of an address that is gone.
    pub(crate) fn remove_way(&mut self, id: SocketId) -> Option<Arc<UdpSocket>> {
        let socket = self.sockets.remove(&id)?;
        socket.members.into_iter().map(|(_, socket)| socket).next()
    }

    /// Listens on a virtual port. It gets the number of a socket, by which its connections name it.
    pub(crate) fn add_port(
        &mut self,
        port: VirtualPort,
        config: Arc<Config>,
    ) -> Result<(ListenerId, SocketId), CoreListenP2pError> {
        self.endpoint.listen_p2p(port, Arc::clone(&config))?;
        self.next_listener += 1;
        let listener = ListenerId::new(self.next_listener);
        let id = self.add_socket(Vec::new(), Purpose::Port(listener, port));
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.config = Some(config);
        }
        Ok((listener, id))
    }

    /// Who listens on a virtual port.
    pub(crate) fn listener_on(&self, port: VirtualPort) -> Option<(ListenerId, SocketId)> {
        let mut sockets = self.sockets.iter();
        sockets.find_map(|(id, socket)| match socket.purpose {
            Purpose::Port(listener, its) if its == port => Some((listener, *id)),
            _ => None,
        })
    }

    /// Of which kind of sessions the connections to a virtual port are; `None` if they are the application's.
    pub(crate) fn sessions_on(&self, port: VirtualPort) -> Option<SessionKind> {
        let mut kinds = self.session_kinds.iter().copied();
        kinds.find(|kind| kind.port() == port)
    }

    /// Listens no more. The socket stays while connections use it.
    pub(crate) fn stop_listening(&mut self, id: SocketId) -> Option<Members> {
        self.refuse_new(id);
        self.sockets.get_mut(&id)?.purpose = Purpose::Retired;
        self.take_unused(id)
    }

    /// Lets nobody in any more, and returns all connections that there will ever be of this socket among others.
    pub(crate) fn refuse_clients(&mut self, id: SocketId) -> Vec<Arc<Slot>> {
        self.refuse_new(id);
        self.slots()
    }

    /// Listens no more and gives the socket up at once, whoever uses it.
    pub(crate) fn remove_listener(&mut self, id: SocketId) -> Option<Members> {
        self.refuse_new(id);
        self.sockets.remove(&id).map(|socket| socket.members)
    }

    /// The settings of a listener.
    pub(crate) fn listener_config(&self, id: SocketId) -> Option<Arc<Config>> {
        self.sockets.get(&id)?.config.clone()
    }

    /// Other settings for a listener; returns the connections that came in on it.
    pub(crate) fn set_listener_config(
        &mut self,
        id: SocketId,
        config: Arc<Config>,
    ) -> Vec<Arc<Slot>> {
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.config = Some(Arc::clone(&config));
            socket.purpose.configure(&mut self.endpoint, id, config);
        }
        let slots = self.slots.values();
        slots
            .filter(|slot| slot.route.socket == id)
            .cloned()
            .collect()
    }

    /// Other settings of the interface: hands them on to the listeners, and returns all connections,
    /// each with the settings that it is to inherit.
    pub(crate) fn reconfigure(&mut self, interface: &Arc<Config>) -> Vec<(Arc<Slot>, Arc<Config>)> {
        for (id, socket) in &mut self.sockets {
            if let Some(config) = &mut socket.config {
                Arc::make_mut(config).inherit(interface);
                let config = Arc::clone(config);
                socket.purpose.configure(&mut self.endpoint, *id, config);
            }
        }
        let slots = self.slots.values().cloned();
        let heirs = slots.map(|slot| {
            let socket = self.sockets.get(&slot.route.socket);
            let listener = socket.and_then(|socket| socket.config.as_ref());
            (slot, Arc::clone(listener.unwrap_or(interface)))
        });
        heirs.collect()
    }

    /// The socket of that number that a shard drives.
    pub(crate) fn socket(&self, id: SocketId, shard: ShardId) -> Option<Arc<UdpSocket>> {
        self.sockets.get(&id)?.of(shard).cloned()
    }

    /// A socket of that number, to send from.
    pub(crate) fn any_socket(&self, id: SocketId) -> Option<Arc<UdpSocket>> {
        let (_, socket) = self.sockets.get(&id)?.members.first()?;
        Some(Arc::clone(socket))
    }

    /// Which listener the socket belongs to.
    pub(crate) fn listener_of(&self, id: SocketId) -> Option<ListenerId> {
        match self.sockets.get(&id)?.purpose {
            Purpose::Listener(listener) | Purpose::Port(listener, _) => Some(listener),
            Purpose::Client(_) | Purpose::Retired | Purpose::Pair | Purpose::Way => None,
        }
    }

    /// Puts a connection into the table, and has the application find it unless it was refused.
    pub(crate) fn insert(&mut self, slot: &Arc<Slot>) {
        if let Some(socket) = self.sockets.get_mut(&slot.route.socket) {
            socket.connections += 1;
        }
        self.slots.insert(slot.id, Arc::clone(slot));
        if slot.is_hub_link() {
            self.links += 1;
        } else if !slot.refused {
            slot.inner.index.insert(slot);
        }
    }

    /// Passes a connection's word on to the endpoint, and returns the answer.
    pub(crate) fn apply(
        &mut self,
        now: Timestamp,
        slot: &Slot,
        event: ToEndpoint,
    ) -> Option<ToConnection> {
        self.endpoint.handle_event(now, slot.id, event)
    }

    /// Forgets a dead connection. Returns its sockets if nobody needs them any longer, to be dropped without
    /// the lock.
    pub(crate) fn remove(&mut self, slot: &Slot) -> Option<Members> {
        self.slots.remove(&slot.id)?;
        self.links -= usize::from(slot.is_hub_link());
        let socket = self.sockets.get_mut(&slot.route.socket)?;
        socket.connections = socket.connections.saturating_sub(1);
        self.take_unused(slot.route.socket)
    }

    /// The connection of that number.
    pub(crate) fn slot(&self, id: ConnectionId) -> Option<&Arc<Slot>> {
        self.slots.get(&id)
    }

    /// All connections.
    pub(crate) fn slots(&self) -> Vec<Arc<Slot>> {
        self.slots.values().cloned().collect()
    }

    /// All connections that there will ever be.
    pub(crate) fn close(&mut self) -> Vec<Arc<Slot>> {
        self.is_closed = true;
        self.slots()
    }

    /// Whether another interface may add connections.
    pub(crate) const fn is_open(&self) -> bool {
        !self.is_closed
    }

    /// How many connections of the application there are, closing ones included.
    pub(crate) fn connections(&self) -> usize {
        self.slots.len() - self.links
    }

    /// Forgets all connections and sockets, and returns them to be dropped without the lock.
    pub(crate) fn clear(&mut self) -> (Vec<Arc<Slot>>, Vec<Members>) {
        let slots = self.slots.drain().map(|(_, slot)| slot).collect();
        self.links = 0;
        let sockets = std::mem::take(&mut self.sockets);
        (
            slots,
            sockets.into_values().map(|socket| socket.members).collect(),
        )
    }

    fn refuse_new(&mut self, id: SocketId) {
        match self.sockets.get(&id).map(|socket| socket.purpose) {
            Some(Purpose::Port(_, port)) => self.endpoint.stop_listening_p2p(port),
            _ => self.endpoint.stop_listening(id),
        }
    }

    fn add_socket(&mut self, members: Members, purpose: Purpose) -> SocketId {
        self.next_socket += 1;
        let id = SocketId::new(self.next_socket);
        let socket = Socket {
            members,
            purpose,
            config: None,
            connections: 0,
        };
        self.sockets.insert(id, socket);
        id
    }

    /// A socket without connections is kept only to listen: a later dial opens a new one, whose port the
    /// peer does not remember.
    fn take_unused(&mut self, id: SocketId) -> Option<Members> {
        let socket = self.sockets.get(&id)?;
        let is_listening = matches!(socket.purpose, Purpose::Listener(_) | Purpose::Port(..));
        if socket.connections > 0 || is_listening {
            return None;
        }
        self.sockets.remove(&id).map(|socket| socket.members)
    }
}
