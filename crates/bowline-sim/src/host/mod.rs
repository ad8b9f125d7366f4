//! A simulated computer: an endpoint and its connections, driven as a real driver drives them.
//!
//! A host does nothing by itself. It is given datagrams, the passing of time and what its
//! application wants, and collects what comes of it in [`Effects`].

mod drain;
mod peers;
mod power;
mod raw;
mod slot;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::connection::Connection;
use bowline_core::crypto::Crypto;
use bowline_core::crypto::key_update::KeyLimits;
use bowline_core::endpoint::{DatagramEvent, Endpoint, Route, SocketId};
use bowline_core::error::ConnectError;
use bowline_core::event::{Event, TimerKind};
use bowline_core::extensions::ExtensionSet;
use bowline_core::identity::Identity;
use bowline_core::ids::{AppId, ConnectionId, LaneIndex, MessageNumber};
use bowline_core::start::StartNumbers;
use bowline_core::time::{Span, Timestamp};
use bowline_core::transmit::TransmitBuf;
use bowline_core::wire::data_header::DataHeader;

use crate::network::Datagram;

use self::raw::{RawSockets, Service};
use self::slot::Life;

pub(crate) use self::peers::Signal;
pub(crate) use self::power::Power;
pub(crate) use self::slot::Slot;

/// Which host of a world.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HostId(u16);

impl HostId {
    pub(crate) const fn new(index: u16) -> Self {
        Self(index)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A connection as one host sees it. Its other end is another `Conn`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Conn {
    /// Whose it is.
    pub host: HostId,
    /// What that host calls it.
    pub id: ConnectionId,
}

/// What a host is and how its application behaves.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Who it says it is.
    pub identity: Identity,
    /// The game. Only hosts of the same game can talk.
    pub app_id: AppId,
    /// The settings of its connections.
    pub connection: Config,
    /// What becomes of connections that come in.
    pub accept: AcceptPolicy,
    /// Whether the application takes messages as soon as they are there. Otherwise they wait until
    /// [`World::receive`](crate::World::receive).
    pub reads_at_once: bool,
    /// Who does its cryptography, if not the world's provider.
    pub crypto: Option<Crypto>,
    /// What it offers and takes beyond the original's protocol.
    pub extensions: ExtensionSet,
    /// When it replaces keys.
    pub key_limits: KeyLimits,
    /// Whether it tells clients why it refuses them.
    pub explains_rejections: bool,
    /// The numbers of the first packet, message and byte, both ways. A host that it talks with needs the
    /// same, swapped.
    pub start: Option<StartNumbers>,
    /// Whether the limits of a GNS receiver are in front of all of its connections, which must not be
    /// encrypted ([`World::receive_as_gns`](crate::World::receive_as_gns)).
    pub is_like_gns: bool,
}

impl Default for HostConfig {
    /// Anonymous, default settings, accepts everybody and reads at once.
    fn default() -> Self {
        Self {
            identity: Identity::anonymous(),
            app_id: AppId::default(),
            connection: Config::new(),
            accept: AcceptPolicy::AtOnce,
            reads_at_once: true,
            crypto: None,
            extensions: ExtensionSet::ALL,
            key_limits: KeyLimits::DEFAULT,
            explains_rejections: false,
            start: None,
            is_like_gns: false,
        }
    }
}

/// What a host does with connections that come in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AcceptPolicy {
    /// Accepts them at once.
    AtOnce,
    /// Leaves them to [`World::accept`](crate::World::accept) and [`World::close`](crate::World::close).
    ByHand,
}

/// A message that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Received {
    /// When it was handed to the application, in world time.
    pub at: Timestamp,
    /// Its lane.
    pub lane: LaneIndex,
    /// The number that the sender gave it.
    pub number: MessageNumber,
    /// Whether it was sent reliably.
    pub reliable: bool,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// What comes of something that happened to a host.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) datagrams: Vec<Datagram>,
    pub(crate) signals: Vec<Signal>,
    pub(crate) news: Vec<News>,
}

/// Something that the world should know about a connection.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) id: ConnectionId,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// It came in.
    Incoming(SocketAddr),
    /// It told its application something.
    Event(Event),
    /// A message arrived.
    Received(Received),
    /// It is gone.
    Dead,
    /// A timer fires again and again without anything coming of it.
    Spinning(TimerKind),
    /// So many bytes of datagrams came of one input.
    LongBurst(usize),
}

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    pub(crate) config: HostConfig,
    pub(crate) power: Power,
    /// When the world will look after its timers.
    pub(crate) planned_wake: Option<Timestamp>,
    endpoint: Endpoint,
    /// What its clock shows beyond the world's: nobody may compare the clocks of two hosts.
    clock_lead: Span,
    /// What its calendar shows beyond the world's.
    calendar_lead_secs: i64,
    /// How often its process began anew.
    pub(crate) restarts: u32,
    /// Datagrams lost because a socket's buffer was full.
    pub(crate) overflowed: u64,
    /// The port of each socket of the endpoint.
    sockets: Vec<u16>,
    /// The addresses of sockets that have one of their own.
    bound: BTreeMap<SocketId, IpAddr>,
    raw: RawSockets,
    slots: BTreeMap<ConnectionId, Slot>,
    deadlines: BTreeSet<(Timestamp, ConnectionId)>,
    buf: TransmitBuf,
}

/// Client sockets get ports from here on.
const FIRST_CLIENT_PORT: u16 = 49_152;
/// Datagrams in one run, as a driver with segmentation offload has them.
const RUN: usize = 52;

impl Host {
    pub(crate) fn new(
        name: &str,
        address: IpAddr,
        config: HostConfig,
        crypto: Crypto,
        seed: [u8; 32],
        clock_lead: Span,
        now: Timestamp,
    ) -> Self {
        let (local, unix_secs) = (now + clock_lead, power::true_unix_secs(now));
        let endpoint = power::endpoint(&config, crypto, seed, local, unix_secs);
        Self {
            name: name.into(),
            address,
            config,
            power: Power::On,
            planned_wake: None,
            endpoint,
            clock_lead,
            calendar_lead_secs: 0,
            restarts: 0,
            overflowed: 0,
            sockets: Vec::new(),
            bound: BTreeMap::new(),
            raw: RawSockets::default(),
            slots: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            buf: TransmitBuf::new(RUN),
        }
    }

    /// Listens on a port with the present settings.
    pub(crate) fn listen(&mut self, port: u16) {
        let socket = self.socket(port);
        self.endpoint
            .listen(socket, Arc::new(self.config.connection.clone()));
    }

    pub(crate) fn stop_listening(&mut self, port: u16) {
        let socket = self.socket(port);
        self.endpoint.stop_listening(socket);
    }

    /// Dials, from a socket of its own unless told which.
    pub(crate) fn connect(
        &mut self,
        now: Timestamp,
        port: Option<u16>,
        remote: SocketAddr,
        out: &mut Effects,
    ) -> Result<ConnectionId, ConnectError> {
        let own = || FIRST_CLIENT_PORT.saturating_add(self.sockets.len() as u16);
        let port = port.unwrap_or_else(own);
        let socket = self.socket(port);
        let route = Route { socket, remote };
        let config = Arc::new(self.config.connection.clone());
        let connection = self.endpoint.connect(self.local(now), route, config)?;
        let id = connection.id();
        self.insert(connection, route);
        self.drain(now, id, out);
        Ok(id)
    }

    /// Takes a datagram from the network.
    pub(crate) fn arrived(&mut self, now: Timestamp, mut datagram: Datagram, out: &mut Effects) {
        if let Some(answers) = self.raw.serve(now, &datagram) {
            out.datagrams.extend(answers);
            return;
        }
        if let Some(buffer) = self.raw.at(datagram.to.port()) {
            self.overflowed += u64::from(!buffer.push(datagram));
            return;
        }
        if let Power::Paused(_) = self.power {
            self.store(datagram);
            return;
        }
        let Some(socket) = self
            .sockets
            .iter()
            .position(|port| *port == datagram.to.port())
        else {
            return;
        };
        let route = Route {
            socket: SocketId::new(socket as u32),
            remote: datagram.from,
        };
        let local = self.local(now);
        let mut reply = Vec::new();
        let bytes = &mut datagram.bytes;
        match self
            .endpoint
            .handle_datagram(local, route, None, bytes, &mut reply)
        {
            DatagramEvent::Dropped(_) => {}
            DatagramEvent::Reply => out.datagrams.push(self.datagram(route, reply)),
            DatagramEvent::Handled => {}
            DatagramEvent::Forward { id, meta, payload } => {
                let bytes = &mut bytes[payload];
                let is_data = DataHeader::parse(bytes).is_ok();
                let is_taken = self.feed(now, id, out, |connection, now| {
                    let dropped = connection.drops().total();
                    connection.handle_datagram(now, &meta, bytes);
                    connection.drops().total() == dropped
                });
                if let Some(slot) = self.slots.get_mut(&id)
                    && is_data
                    && is_taken == Some(true)
                {
                    slot.heard_at = Some(local);
                }
            }
            DatagramEvent::Incoming(connection) => {
                let id = connection.id();
                self.insert(*connection, route);
                let what = What::Incoming(route.remote);
                out.news.push(News { id, what });
                self.drain(now, id, out);
                if self.config.accept == AcceptPolicy::AtOnce {
                    // Fails only together with the connection, which tells by itself.
                    let _ = self.feed(now, id, out, Connection::accept);
                }
            }
        }
        self.poll_endpoint(now, out);
    }

    /// Answers whatever comes in a way of its own.
    pub(crate) fn serve(&mut self, service: Service) {
        self.raw.serve_with(service);
    }

    /// Opens a socket that does not belong to the endpoint.
    pub(crate) fn open_raw(&mut self, port: u16) {
        assert!(
            !self.sockets.contains(&port),
            "the endpoint has port {port}"
        );
        self.raw.open(port);
    }

    /// Takes what waits in a raw socket.
    pub(crate) fn take_raw(&mut self, port: u16) -> VecDeque<Datagram> {
        let buffer = self.raw.at(port);
        buffer.map(|buffer| buffer.take()).unwrap_or_default()
    }

    /// Whether somebody has this port, the endpoint or a raw socket.
    pub(crate) fn has_socket(&mut self, port: u16) -> bool {
        self.sockets.contains(&port) || self.raw.at(port).is_some()
    }

    /// Does what is due.
    pub(crate) fn wake(&mut self, now: Timestamp, out: &mut Effects) {
        let local = self.local(now);
        if self.endpoint.poll_timeout().is_some_and(|at| at <= local) {
            self.endpoint.handle_timeout(local);
            self.poll_endpoint(now, out);
        }
        while let Some((at, id)) = self.deadlines.first().copied() {
            if at > local {
                break;
            }
            let before = out.len();
            self.feed(now, id, out, Connection::handle_timeout);
            let came_of_it = out.len() > before;
            self.check_progress(local, id, came_of_it, out);
        }
    }

    /// Lets the application do something with a connection, then does what comes of it. `None` if
    /// the connection is gone.
    pub(crate) fn feed<T>(
        &mut self,
        now: Timestamp,
        id: ConnectionId,
        out: &mut Effects,
        input: impl FnOnce(&mut Connection, Timestamp) -> T,
    ) -> Option<T> {
        let local = self.local(now);
        let result = input(self.connection_mut(id)?, local);
        self.drain(now, id, out);
        self.poll_endpoint(now, out);
        Some(result)
    }

    /// When to wake it, in world time, if that is not planned already or planned too late.
    pub(crate) fn plan_wake(&mut self, now: Timestamp) -> Option<Timestamp> {
        let next = self.next_wake()?.max(now);
        if self.planned_wake.is_some_and(|planned| planned <= next) {
            return None;
        }
        self.planned_wake = Some(next);
        Some(next)
    }

    /// When it next wants to be woken, in world time.
    fn next_wake(&self) -> Option<Timestamp> {
        let connections = self.deadlines.first().map(|(at, _)| *at);
        let next = [connections, self.endpoint.poll_timeout()]
            .into_iter()
            .flatten()
            .min()?;
        (next < Timestamp::NEVER).then(|| next - self.clock_lead)
    }

    /// Its connections that are not over.
    pub(crate) fn alive(&self) -> impl Iterator<Item = &Connection> {
        self.slots.keys().filter_map(|id| self.connection(*id))
    }

    pub(crate) fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        match &self.slots.get(&id)?.connection {
            Life::Alive(connection) => Some(connection),
            Life::Over(_) => None,
        }
    }

    pub(crate) fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        match &mut self.slots.get_mut(&id)?.connection {
            Life::Alive(connection) => Some(connection),
            Life::Over(_) => None,
        }
    }

    pub(crate) fn slot(&self, id: ConnectionId) -> Option<&Slot> {
        self.slots.get(&id)
    }

    pub(crate) fn slot_mut(&mut self, id: ConnectionId) -> Option<&mut Slot> {
        self.slots.get_mut(&id)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = (ConnectionId, &Slot)> {
        self.slots.iter().map(|(id, slot)| (*id, slot))
    }

    /// What its clock shows.
    pub(crate) fn local(&self, now: Timestamp) -> Timestamp {
        now + self.clock_lead
    }

    pub(crate) fn with_endpoint<T>(
        &mut self,
        now: Timestamp,
        action: impl FnOnce(&mut Endpoint, Timestamp) -> T,
    ) -> T {
        let local = self.local(now);
        action(&mut self.endpoint, local)
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where the datagrams of a connection come from.
    pub(crate) fn address_of(&self, route: Route) -> SocketAddr {
        self.source(route.socket)
    }

    /// Where what a socket sends comes from.
    fn source(&self, socket: SocketId) -> SocketAddr {
        let port = self.sockets.get(socket.get() as usize).copied();
        let address = self.bound.get(&socket).copied();
        SocketAddr::new(address.unwrap_or(self.address), port.unwrap_or(0))
    }

    fn socket(&mut self, port: u16) -> SocketId {
        let known = self.sockets.iter().position(|known| *known == port);
        let index = known.unwrap_or_else(|| {
            self.sockets.push(port);
            self.sockets.len() - 1
        });
        SocketId::new(index as u32)
    }

    fn datagram(&self, route: Route, bytes: Vec<u8>) -> Datagram {
        Datagram {
            from: self.address_of(route),
            to: route.remote,
            bytes,
        }
    }

    fn insert(&mut self, connection: Connection, route: Route) {
        let id = connection.id();
        let slot = Slot::new(connection, route, self.config.reads_at_once);
        self.slots.insert(id, slot);
    }
}

impl Effects {
    fn len(&self) -> usize {
        self.datagrams.len() + self.news.len() + self.signals.len()
    }
}
