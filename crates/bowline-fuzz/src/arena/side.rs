//! One end: an endpoint, its sockets and its connections.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::connection::{Connection, ConnectionState};
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::{DatagramEvent, Endpoint, EndpointConfig, Route, SocketId};
use bowline_core::error::ConnectError;
use bowline_core::event::Event;
use bowline_core::ids::ConnectionId;
use bowline_core::time::Timestamp;
use bowline_core::transmit::TransmitBuf;

use super::{Datagram, End, Setup};
use crate::crypto::QuickCrypto;
use crate::progress::Spins;
use crate::story::tell;

/// One end of the arena.
#[derive(Debug)]
pub struct Side {
    /// What routes its datagrams.
    pub endpoint: Endpoint,
    /// Whether it accepts what comes in at once.
    pub accepts: bool,
    /// Why connections that were up failed, since this was last looked at.
    pub(super) failures: Vec<EndReason>,
    /// Packets, events and messages that came out of it.
    pub(super) outputs: u64,
    end: End,
    slots: BTreeMap<ConnectionId, Slot>,
    /// How many sockets it has: socket 0 listens, each of the others has dialled once.
    sockets: u16,
    reads: bool,
    buf: TransmitBuf,
}

#[derive(Debug)]
struct Slot {
    connection: Connection,
    route: Route,
    /// Whether the application takes messages as soon as they are there.
    reads: bool,
    spins: Spins,
}

/// The port of socket 0; the others follow.
const BASE_PORT: u16 = 1000;
/// The first byte of a ConnectRequest.
const CONNECT_REQUEST: u8 = 34;
/// Seconds since 1970 when an arena begins.
const UNIX_START: u64 = 1_800_000_000;

impl Side {
    pub(super) fn new(
        now: Timestamp,
        end: End,
        generation: u8,
        crypto: &QuickCrypto,
        setup: &Setup,
    ) -> Self {
        let mut config = EndpointConfig::new(crypto.provider());
        config.extensions = setup.extensions[end];
        config.key_limits = setup.key_limits;
        config.explains_rejections = true;
        let mut seed = [end as u8; 32];
        seed[0] = generation;
        let unix_secs = UNIX_START + now.as_micros() / 1_000_000;
        let mut endpoint = Endpoint::new(config, seed, now, unix_secs);
        endpoint.listen(SocketId::new(0), Arc::new(setup.config.clone()));
        Self {
            endpoint,
            accepts: setup.accepts,
            failures: Vec::new(),
            outputs: 0,
            end,
            slots: BTreeMap::new(),
            sockets: 1,
            reads: setup.reads,
            buf: TransmitBuf::new(8),
        }
    }

    /// Its connections, the dead ones left out.
    pub fn ids(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.slots.keys().copied()
    }

    /// A connection.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.slots.get(&id).map(|slot| &slot.connection)
    }

    /// A connection; what comes of an input must be seen to.
    pub(super) fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots.get_mut(&id).map(|slot| &mut slot.connection)
    }

    /// The state of a connection; dead if it is not there.
    pub fn state(&self, id: ConnectionId) -> ConnectionState {
        let connection = self.connection(id);
        connection.map_or(ConnectionState::Dead, Connection::state)
    }

    /// Where a connection sends to and from where.
    pub fn addresses(&self, id: ConnectionId) -> Option<(SocketAddr, SocketAddr)> {
        let route = self.slots.get(&id)?.route;
        Some((self.address(route.socket), route.remote))
    }

    /// Where it can be dialled.
    pub fn listening(&self) -> SocketAddr {
        self.address(SocketId::new(0))
    }

    /// Whether the application reads this connection at once.
    pub fn reads(&self, id: ConnectionId) -> bool {
        self.slots.get(&id).is_some_and(|slot| slot.reads)
    }

    /// Has the application read at once, or not.
    pub fn set_reads(&mut self, id: ConnectionId, reads: bool) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.reads = reads;
        }
    }

    /// From now on accepts whatever comes in, and reads from all connections at once.
    pub(super) fn welcome_all(&mut self) {
        (self.accepts, self.reads) = (true, true);
        for slot in self.slots.values_mut() {
            slot.reads = true;
        }
    }

    pub(super) fn dial(
        &mut self,
        now: Timestamp,
        remote: SocketAddr,
        config: Arc<Config>,
    ) -> Result<ConnectionId, ConnectError> {
        let socket = SocketId::new(u32::from(self.sockets));
        self.sockets += 1;
        let route = Route { socket, remote };
        let connection = self.endpoint.connect(now, route, config)?;
        Ok(self.insert(connection, route))
    }

    /// What sockets the end had before it was started anew are not used again.
    pub(super) fn skip_sockets(&mut self, old: &Self) {
        self.sockets = old.sockets;
    }

    /// Takes a datagram in. Returns the connection that it was for, and the answer that needs none.
    pub(super) fn arrive(
        &mut self,
        now: Timestamp,
        datagram: &Datagram,
    ) -> (Option<ConnectionId>, Option<Vec<u8>>) {
        let Some(socket) = self.socket(datagram.to) else {
            return (None, None);
        };
        let route = Route {
            socket,
            remote: datagram.from,
        };
        let mut reply = Vec::new();
        let mut bytes = datagram.bytes.clone();
        match self
            .endpoint
            .handle_datagram(now, route, None, &bytes, &mut reply)
        {
            DatagramEvent::Dropped(reason) => {
                tell(format_args!("{now} end {}: dropped, {reason}", self.end));
                (None, None)
            }
            DatagramEvent::Reply => {
                // A request has a cookie, so its address is proven, and it may be told why not.
                let is_small = reply.len() <= bytes.len() || bytes[0] == CONNECT_REQUEST;
                assert!(is_small, "an answer larger than its cause");
                (None, Some(reply))
            }
            DatagramEvent::Handled => (None, None),
            DatagramEvent::Forward { id, meta, payload } => {
                if let Some(connection) = self.connection_mut(id) {
                    connection.handle_datagram(now, &meta, &mut bytes[payload]);
                }
                (Some(id), None)
            }
            DatagramEvent::Incoming(connection) => {
                let id = self.insert(*connection, route);
                if self.accepts
                    && let Some(connection) = self.connection_mut(id)
                {
                    // Fails only together with the connection.
                    let _ = connection.accept(now);
                }
                (Some(id), None)
            }
        }
    }

    /// Polls what a connection has to say: its datagrams, with where from and where to.
    pub(super) fn poll(
        &mut self,
        now: Timestamp,
        id: ConnectionId,
    ) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        let mut out = Vec::new();
        let Some(slot) = self.slots.get_mut(&id) else {
            return out;
        };
        let from = address(self.end, slot.route.socket);
        let connection = &mut slot.connection;
        while let Some(transmit) = connection.poll_transmit(now, &mut self.buf) {
            for bytes in self.buf.datagrams(&transmit) {
                out.push((from, slot.route.remote, bytes.to_vec()));
            }
            self.buf.clear();
        }
        self.outputs += out.len() as u64;
        while let Some(event) = connection.poll_event() {
            self.outputs += 1;
            tell(format_args!("{now} end {}, {id}: {event:?}", self.end));
            if let Event::StateChanged { old, new } = event {
                assert_ne!(old, new, "a change to the same state");
                if new == ConnectionState::ProblemDetectedLocally
                    && old == ConnectionState::Connected
                {
                    self.failures.push(connection.info().end_reason);
                }
            }
        }
        let (held, bound) = (connection.memory_bytes(), connection.memory_bound());
        assert!(held <= bound, "{held} bytes held, {bound} allowed");
        while let Some(event) = connection.poll_endpoint() {
            if let Some(answer) = self.endpoint.handle_event(now, id, event) {
                connection.handle_endpoint(now, answer);
            }
        }
        out
    }

    /// Forgets a connection that is over.
    pub(super) fn bury(&mut self, id: ConnectionId) {
        if self.state(id) == ConnectionState::Dead {
            self.slots.remove(&id);
        }
    }

    /// When a timer is due.
    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        let connections = self.slots.values().filter_map(Slot::deadline);
        connections.chain(self.endpoint.poll_timeout()).min()
    }

    /// The connections whose timers are due.
    pub(super) fn due(&self, now: Timestamp) -> Vec<ConnectionId> {
        let is_due = |slot: &Slot| slot.deadline().is_some_and(|at| at <= now);
        let due = self.slots.iter().filter(|(_, slot)| is_due(slot));
        due.map(|(id, _)| *id).collect()
    }

    pub(super) fn expire_endpoint(&mut self, now: Timestamp) {
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now) {
            self.endpoint.handle_timeout(now);
            let again = self.endpoint.poll_timeout();
            assert!(again.is_none_or(|at| at > now), "a timer that stays due");
        }
    }

    /// Notices a timer that is due again at once although nothing came of it.
    pub(super) fn check_progress(&mut self, now: Timestamp, id: ConnectionId, came_of_it: bool) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let next = slot.connection.poll_timeout();
        slot.spins.note(now, next, came_of_it);
    }

    fn insert(&mut self, connection: Connection, route: Route) -> ConnectionId {
        let id = connection.id();
        let slot = Slot {
            connection,
            route,
            reads: self.reads,
            spins: Spins::default(),
        };
        let before = self.slots.insert(id, slot);
        assert!(before.is_none(), "an ID that is taken");
        id
    }

    fn socket(&self, to: SocketAddr) -> Option<SocketId> {
        let index = to.port().checked_sub(BASE_PORT)?;
        (index < self.sockets).then(|| SocketId::new(u32::from(index)))
    }

    fn address(&self, socket: SocketId) -> SocketAddr {
        address(self.end, socket)
    }
}

impl Slot {
    fn deadline(&self) -> Option<Timestamp> {
        let (at, _) = self.connection.poll_timeout()?;
        (at < Timestamp::NEVER).then_some(at)
    }
}

/// The address of a socket of an end. Not loopback, which has rules of its own.
fn address(end: End, socket: SocketId) -> SocketAddr {
    let ip = Ipv4Addr::new(10, 0, 0, 1 + end as u8);
    SocketAddr::new(IpAddr::V4(ip), BASE_PORT + socket.get() as u16)
}
