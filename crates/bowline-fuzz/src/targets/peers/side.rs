//! One end: an endpoint, its sockets, and connections between peers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::connection::{Connection, ConnectionState};
use bowline_core::endpoint::{
    Called, DatagramEvent, Endpoint, EndpointConfig, Route, SignalEvent, SocketId,
};
use bowline_core::event::{Event, ToEndpoint};
use bowline_core::ice::gather::Interface;
use bowline_core::identity::Identity;
use bowline_core::ids::{ConnectionId, VirtualPort};
use bowline_core::time::Timestamp;
use bowline_core::transmit::TransmitBuf;
use bowline_sim::Datagram;

use crate::crypto::QuickCrypto;
use crate::progress::Spins;
use crate::story::tell;

/// How many sockets there may be.
const SOCKETS: u8 = 3;
/// Seconds since 1970 at the beginning.
const UNIX_START: u64 = 1_800_000_000;

pub(super) struct Side {
    pub(super) endpoint: Endpoint,
    /// Messages that were read.
    pub(super) received: u64,
    index: usize,
    config: Arc<Config>,
    slots: BTreeMap<ConnectionId, Slot>,
    /// Which sockets are open.
    open: u8,
    /// Accepts what comes in.
    accepts: bool,
    buf: TransmitBuf,
    /// What timers brought, until the next drain.
    kept: Sent,
    /// The endpoint's timer has just been seen to.
    has_expired: bool,
}

struct Slot {
    connection: Connection,
    spins: Spins,
}

/// What an end sends.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) packets: Vec<Datagram>,
    /// With the end that it is for, if there is such a one.
    pub(super) signals: Vec<(Option<usize>, Vec<u8>)>,
}

/// Who the ends are.
pub(super) fn identity(index: usize) -> Identity {
    let name = ["str:alice", "str:bob"][index];
    name.parse().expect("a good name")
}

impl Side {
    pub(super) fn new(now: Timestamp, index: usize, setup: u8, crypto: &QuickCrypto) -> Self {
        let mut host = EndpointConfig::new(crypto.provider());
        host.identity = identity(index);
        let seed = [index as u8 + 1; 32];
        let mut endpoint = Endpoint::new(host, seed, now, UNIX_START);
        let config = super::config(setup);
        for port in [0, 1] {
            let listened = endpoint.listen_p2p(VirtualPort::from(port), Arc::clone(&config));
            listened.expect("nobody listens yet");
        }
        Self {
            endpoint,
            received: 0,
            index,
            config,
            slots: BTreeMap::new(),
            open: 0,
            accepts: setup & 8 != 0,
            buf: TransmitBuf::new(8),
            kept: Sent::default(),
            has_expired: false,
        }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.slots.keys().copied()
    }

    pub(super) fn state(&self, id: ConnectionId) -> ConnectionState {
        let slot = self.slots.get(&id);
        slot.map_or(ConnectionState::Dead, |slot| slot.connection.state())
    }

    pub(super) fn connection_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots.get_mut(&id).map(|slot| &mut slot.connection)
    }

    /// The address of a socket.
    pub(super) fn address(&self, socket: u8) -> SocketAddr {
        let socket = socket % SOCKETS;
        SocketAddr::from(([192, 168, socket, 10 + self.index as u8], 5000))
    }

    /// Whether a socket is open there.
    pub(super) fn has(&self, address: SocketAddr) -> bool {
        self.socket(address).is_some()
    }

    /// Which sockets there are from now on.
    pub(super) fn set_interfaces(&mut self, now: Timestamp, mask: u8) {
        self.open = mask;
        let interfaces: Vec<_> = (0..SOCKETS)
            .filter(|socket| mask & 1 << socket != 0)
            .map(|socket| Interface {
                socket: SocketId::new(u32::from(socket)),
                address: self.address(socket),
            })
            .collect();
        self.endpoint.set_interfaces(now, &interfaces);
    }

    /// Is ready for a good end.
    pub(super) fn meet(&mut self, now: Timestamp) {
        self.accepts = true;
        self.set_interfaces(now, 1);
    }

    pub(super) fn connect(&mut self, now: Timestamp, port: u8, symmetric: bool) {
        let mut config = (*self.config).clone();
        let set = config.set_symmetric_connect(symmetric);
        set.expect("nothing is locked");
        let peer = identity(1 - self.index);
        let port = VirtualPort::from(u16::from(port));
        match self
            .endpoint
            .connect_p2p(now, &peer, port, Arc::new(config))
        {
            Ok(Called::New(connection)) => self.insert(*connection),
            Ok(Called::Waiting(id)) => {
                if let Some(connection) = self.connection_mut(id) {
                    // Fails only together with the connection.
                    let _ = connection.accept(now);
                }
            }
            Err(error) => tell(format_args!("end {}: {error}", self.index)),
        }
    }

    pub(super) fn signalled(&mut self, now: Timestamp, mut bytes: Vec<u8>) {
        match self.endpoint.handle_signal(now, &bytes, None) {
            SignalEvent::Dropped(reason) => {
                tell(format_args!("end {}: signal dropped, {reason}", self.index));
            }
            SignalEvent::Forward(id) => {
                if let Some(connection) = self.connection_mut(id) {
                    connection.handle_signal(now, &mut bytes);
                }
            }
            SignalEvent::Incoming(mut connection) => {
                connection.handle_signal(now, &mut bytes);
                if self.accepts {
                    // Fails only together with the connection.
                    let _ = connection.accept(now);
                }
                self.insert(*connection);
            }
        }
    }

    pub(super) fn arrive(&mut self, now: Timestamp, packet: &Datagram) {
        let Some(socket) = self.socket(packet.to) else {
            return;
        };
        let route = Route {
            socket,
            remote: packet.from,
        };
        let (mut bytes, mut reply) = (packet.bytes.clone(), Vec::new());
        let event = self
            .endpoint
            .handle_datagram(now, route, None, &bytes, &mut reply);
        match event {
            DatagramEvent::Forward { id, meta, payload } => {
                if let Some(connection) = self.connection_mut(id) {
                    connection.handle_datagram(now, &meta, &mut bytes[payload]);
                }
            }
            DatagramEvent::Dropped(reason) => {
                tell(format_args!("end {}: dropped, {reason}", self.index));
            }
            DatagramEvent::Handled => {}
            DatagramEvent::Reply | DatagramEvent::Incoming(_) => {
                panic!("nobody listens by address")
            }
        }
    }

    /// When a timer is due.
    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        let connections = self.slots.values().filter_map(Slot::deadline);
        connections.chain(self.endpoint.poll_timeout()).min()
    }

    /// Timers that are due.
    pub(super) fn expire(&mut self, now: Timestamp) {
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now) {
            self.endpoint.handle_timeout(now);
            self.has_expired = true;
        }
        let is_due = |slot: &Slot| slot.deadline().is_some_and(|at| at <= now);
        let due = self.slots.iter().filter(|(_, slot)| is_due(slot));
        for id in due.map(|(id, _)| *id).collect::<Vec<_>>() {
            if let Some(connection) = self.connection_mut(id) {
                connection.handle_timeout(now);
            }
            let mut sent = Sent::default();
            let news = self.poll(now, id, &mut sent);
            self.keep(sent);
            self.check_progress(now, id, news);
        }
    }

    /// All that it has to say.
    pub(super) fn drain(&mut self, now: Timestamp) -> Sent {
        let mut sent = std::mem::take(&mut self.kept);
        let mut bytes = Vec::new();
        loop {
            let mut any = false;
            for id in self.ids().collect::<Vec<_>>() {
                any |= self.poll(now, id, &mut sent);
            }
            while let Some((socket, to)) = self.endpoint.poll_server_packet(&mut bytes) {
                let from = self.address(socket.get() as u8);
                let bytes = bytes.clone();
                sent.packets.push(Datagram { from, to, bytes });
            }
            while let Some((id, news)) = self.endpoint.poll_to_connection() {
                any = true;
                if let Some(connection) = self.connection_mut(id) {
                    connection.handle_endpoint(now, news);
                }
            }
            if !any {
                break;
            }
        }
        let next = self.endpoint.poll_timeout();
        let is_over = std::mem::take(&mut self.has_expired);
        assert!(
            !is_over || next.is_none_or(|at| at > now),
            "the endpoint's timer stays due"
        );
        sent
    }

    /// Polls a connection; whether anything came of it.
    fn poll(&mut self, now: Timestamp, id: ConnectionId, sent: &mut Sent) -> bool {
        let Some(slot) = self.slots.get_mut(&id) else {
            return false;
        };
        let connection = &mut slot.connection;
        let mut any = false;
        while let Some(transmit) = connection.poll_transmit(now, &mut self.buf) {
            any = true;
            let via = transmit.via.expect("there is no other way between peers");
            for bytes in self.buf.datagrams(&transmit) {
                let mut wrapped = Vec::new();
                let way = match self.endpoint.socket_of(via.local) {
                    Some(socket) => {
                        wrapped.extend_from_slice(bytes);
                        Some((socket, via.remote))
                    }
                    None => self.endpoint.wrap(via, bytes, &mut wrapped),
                };
                if let Some((socket, to)) = way {
                    let from = ([192, 168, socket.get() as u8, 10 + self.index as u8], 5000);
                    sent.packets.push(Datagram {
                        from: SocketAddr::from(from),
                        to,
                        bytes: wrapped,
                    });
                }
            }
            self.buf.clear();
        }
        while connection.receive(now).is_some() {
            any = true;
            self.received += 1;
        }
        while let Some(event) = connection.poll_event() {
            any = true;
            tell(format_args!("{now} end {}, {id}: {event:?}", self.index));
            if let Event::StateChanged { old, new } = event {
                assert_ne!(old, new, "a change to the same state");
            }
        }
        let mut signal = Vec::new();
        while connection.poll_signal(now, &mut signal) {
            any = true;
            let to = connection.info().identity;
            let to = (0..2).find(|index| to == Some(identity(*index)));
            sent.signals.push((to, signal.clone()));
        }
        let mut is_dead = false;
        while let Some(event) = connection.poll_endpoint() {
            any = true;
            is_dead |= event == ToEndpoint::Dead;
            if let Some(answer) = self.endpoint.handle_event(now, id, event) {
                connection.handle_endpoint(now, answer);
            }
        }
        if is_dead {
            self.slots.remove(&id);
        }
        any
    }

    /// Notices a timer that is due again at once although nothing came of it.
    fn check_progress(&mut self, now: Timestamp, id: ConnectionId, came_of_it: bool) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let next = slot.connection.poll_timeout();
        slot.spins.note(now, next, came_of_it);
    }

    /// No connection holds more than it may.
    pub(super) fn check(&self) {
        for slot in self.slots.values() {
            let connection = &slot.connection;
            let (held, bound) = (connection.memory_bytes(), connection.memory_bound());
            assert!(held <= bound, "{held} bytes held, {bound} allowed");
        }
    }

    fn insert(&mut self, connection: Connection) {
        let id = connection.id();
        let slot = Slot {
            connection,
            spins: Spins::default(),
        };
        let before = self.slots.insert(id, slot);
        assert!(before.is_none(), "an ID that is taken");
    }

    fn keep(&mut self, sent: Sent) {
        self.kept.packets.extend(sent.packets);
        self.kept.signals.extend(sent.signals);
    }

    fn socket(&self, address: SocketAddr) -> Option<SocketId> {
        let mut sockets = (0..SOCKETS).filter(|socket| self.open & 1 << socket != 0);
        let socket = sockets.find(|socket| self.address(*socket) == address)?;
        Some(SocketId::new(u32::from(socket)))
    }
}

impl Slot {
    fn deadline(&self) -> Option<Timestamp> {
        let (at, _) = self.connection.poll_timeout()?;
        (at < Timestamp::NEVER).then_some(at)
    }
}
