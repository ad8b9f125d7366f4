//! A real endpoint with its connections, for a scripted peer to talk to, with no network between.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::connection::{Connection, ConnectionInfo};
use bowline_core::counters::DropReason;
use bowline_core::crypto::rustcrypto;
use bowline_core::endpoint::{DatagramEvent, Endpoint, EndpointConfig, Route, SocketId};
use bowline_core::event::ToEndpoint;
use bowline_core::ids::{ConnectionId, LaneIndex};
use bowline_core::message::{Message, Outgoing, SendFlags};
use bowline_core::time::{Span, Timestamp};
use bowline_core::transmit::TransmitBuf;

use crate::network::Datagram;
use crate::scripted::ScriptedPeer;

/// A real endpoint and its connections in virtual time, one function call away from a
/// [`ScriptedPeer`].
///
/// Everything is done at once and in order, so a test can look at the effect of every single datagram.
/// Scenarios with latency, loss and several hosts belong into a [`World`](crate::World).
pub struct Stage {
    /// The endpoint, to look at.
    pub endpoint: Endpoint,
    /// Where the scripted peer sends from.
    pub peer_address: SocketAddr,
    /// Whether connections that come in are accepted at once.
    pub accepts: bool,
    /// Whether the application reads at once. Otherwise messages wait in the connection.
    pub reads: bool,
    now: Timestamp,
    connections: BTreeMap<ConnectionId, Connection>,
    over: BTreeMap<ConnectionId, ConnectionInfo>,
    received: BTreeMap<ConnectionId, Vec<Message>>,
    config: Arc<Config>,
    filter: Option<Filter>,
    buf: TransmitBuf,
}

type Filter = Box<dyn FnMut(Direction, &[u8]) -> Fate + Send>;

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// From the scripted peer to the endpoint.
    ToStage,
    /// From the endpoint to the scripted peer.
    ToPeer,
}

/// What a filter makes of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It is lost.
    Lost,
}

/// What came of a datagram that was handed to a [`Stage`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The endpoint refused it.
    Dropped(DropReason),
    /// The endpoint answered by itself.
    Replied,
    /// The endpoint took it.
    Handled,
    /// It went to a connection.
    Forwarded(ConnectionId),
    /// It made a connection.
    Incoming(ConnectionId),
}

/// When it begins: late enough that the other end's clock can be in the past.
const START: Timestamp = Timestamp::from_micros(1 << 40);
/// The calendar then.
const UNIX_START: u64 = 1_800_000_000;
/// The one socket.
const SOCKET: SocketId = SocketId::new(0);
/// Rounds of a conversation that has not come to rest: two ends that answer each other for ever.
const MAX_ROUNDS: usize = 10_000;

impl Stage {
    /// An endpoint that listens, with default settings.
    pub fn listening() -> Self {
        Self::new(EndpointConfig::new(rustcrypto::provider()), Config::new())
    }

    /// An endpoint that listens; its connections get `config`.
    pub fn new(endpoint: EndpointConfig, config: Config) -> Self {
        let config = Arc::new(config);
        let mut endpoint = Endpoint::new(endpoint, [0x5A; 32], START, UNIX_START);
        endpoint.listen(SOCKET, Arc::clone(&config));
        let peer = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 9), 4000);
        Self {
            endpoint,
            peer_address: SocketAddr::V4(peer),
            accepts: true,
            reads: true,
            now: START,
            connections: BTreeMap::new(),
            over: BTreeMap::new(),
            received: BTreeMap::new(),
            config,
            filter: None,
            buf: TransmitBuf::new(52),
        }
    }

    /// What time it is, on both sides.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// What the calendar shows, in seconds since 1970.
    pub const fn unix_secs(&self) -> u64 {
        UNIX_START + self.now.since(START).as_micros() / 1_000_000
    }

    /// Shows every datagram between the two to `filter`, which may drop it. What is handed to
    /// [`Self::inject`] passes unseen.
    pub fn set_filter(&mut self, filter: impl FnMut(Direction, &[u8]) -> Fate + Send + 'static) {
        self.filter = Some(Box::new(filter));
    }

    /// Ends the filter.
    pub fn clear_filter(&mut self) {
        self.filter = None;
    }

    /// Hands the endpoint a datagram from any address; returns what came of it and what is sent in turn,
    /// which nobody gets unless the caller sees to it.
    pub fn inject(&mut self, from: SocketAddr, bytes: &[u8]) -> (Outcome, Vec<Datagram>) {
        let route = Route {
            socket: SOCKET,
            remote: from,
        };
        let mut reply = Vec::new();
        let mut bytes = bytes.to_vec();
        let event = self
            .endpoint
            .handle_datagram(self.now, route, None, &bytes, &mut reply);
        match event {
            DatagramEvent::Dropped(reason) => (Outcome::Dropped(reason), Vec::new()),
            DatagramEvent::Reply => (Outcome::Replied, vec![to(from, reply)]),
            DatagramEvent::Handled => (Outcome::Handled, Vec::new()),
            DatagramEvent::Forward { id, meta, payload } => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.handle_datagram(self.now, &meta, &mut bytes[payload]);
                }
                (Outcome::Forwarded(id), self.drain(id))
            }
            DatagramEvent::Incoming(connection) => {
                let id = connection.id();
                self.connections.insert(id, *connection);
                let mut sent = self.drain(id);
                if self.accepts {
                    sent.extend(self.with(id, |connection, now| {
                        // Fails only together with the connection, which tells by itself.
                        let _ = connection.accept(now);
                    }));
                }
                (Outcome::Incoming(id), sent)
            }
        }
    }

    /// Hands the endpoint a datagram of the peer's and lets both talk until neither has more to say.
    pub fn deliver(&mut self, peer: &mut ScriptedPeer, datagram: &[u8]) {
        self.converse(peer, vec![datagram.to_vec()], Vec::new());
    }

    /// The same for several datagrams.
    pub fn deliver_all(&mut self, peer: &mut ScriptedPeer, datagrams: Vec<Vec<u8>>) {
        self.converse(peer, datagrams, Vec::new());
    }

    /// Lets a client through the handshake; returns the ID of the endpoint's side.
    ///
    /// # Panics
    /// If no connection comes of it.
    pub fn connect(&mut self, peer: &mut ScriptedPeer) -> ConnectionId {
        self.try_connect(peer)
            .expect("no connection came of the handshake")
    }

    /// Lets a client try its handshake; returns the ID of the endpoint's side if there is one now.
    pub fn try_connect(&mut self, peer: &mut ScriptedPeer) -> Option<ConnectionId> {
        let known: Vec<ConnectionId> = self.connections.keys().copied().collect();
        let first = peer.start(self.now);
        self.deliver(peer, &first);
        let mut ids = self.connections.keys().copied();
        ids.find(|id| !known.contains(id))
    }

    /// Dials the peer, a server, and lets both talk until they rest; returns the ID of our side.
    ///
    /// # Panics
    /// If the address of the peer cannot be dialled.
    pub fn dial(&mut self, peer: &mut ScriptedPeer) -> ConnectionId {
        let (id, sent) = self.start_dial();
        self.converse(peer, Vec::new(), sent);
        id
    }

    /// Dials the peer and returns the first datagrams instead of delivering them.
    ///
    /// # Panics
    /// If the address of the peer cannot be dialled.
    pub fn start_dial(&mut self) -> (ConnectionId, Vec<Datagram>) {
        let route = Route {
            socket: SOCKET,
            remote: self.peer_address,
        };
        let config = Arc::clone(&self.config);
        let connection = self.endpoint.connect(self.now, route, config);
        let connection = connection.expect("the address can be dialled");
        let id = connection.id();
        self.connections.insert(id, connection);
        (id, self.drain(id))
    }

    /// Lets time pass: timers fire, and what they send is answered.
    pub fn advance(&mut self, peer: &mut ScriptedPeer, span: Span) {
        let end = self.now + span;
        loop {
            let next = self.next_deadline().filter(|at| *at <= end);
            let Some(at) = next else { break };
            self.now = self.now.max(at);
            let sent = self.fire();
            self.converse(peer, Vec::new(), sent);
        }
        self.now = end;
    }

    /// Lets time pass with nobody at the other end; returns what was sent there.
    pub fn advance_alone(&mut self, span: Span) -> Vec<Datagram> {
        let end = self.now + span;
        let mut all = Vec::new();
        while let Some(at) = self.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            all.extend(self.fire());
        }
        self.now = end;
        all
    }

    /// Has the application send something on a connection.
    ///
    /// # Panics
    /// If it is refused.
    pub fn send(
        &mut self,
        peer: &mut ScriptedPeer,
        id: ConnectionId,
        lane: LaneIndex,
        flags: SendFlags,
        data: &[u8],
    ) {
        let sent = self.with(id, |connection, now| {
            let message = Outgoing::new(lane, flags, data);
            connection.send(now, message).expect("there is room");
        });
        self.converse(peer, Vec::new(), sent);
    }

    /// Does something with a connection; returns what it sends. Nothing if it is over.
    pub fn with(
        &mut self,
        id: ConnectionId,
        act: impl FnOnce(&mut Connection, Timestamp),
    ) -> Vec<Datagram> {
        if let Some(connection) = self.connections.get_mut(&id) {
            act(connection, self.now);
        }
        self.drain(id)
    }

    /// A connection, unless it is over.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    /// The connections that are not over.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.connections.keys().copied()
    }

    /// What is known of a connection, also when it is over.
    ///
    /// # Panics
    /// If there never was one with this ID.
    pub fn info(&self, id: ConnectionId) -> ConnectionInfo {
        match self.connections.get(&id) {
            Some(connection) => connection.info(),
            None => self.over.get(&id).expect("no such connection").clone(),
        }
    }

    /// How many packets a connection refused for this reason; 0 if it is over.
    pub fn drops(&self, id: ConnectionId, reason: DropReason) -> u64 {
        let connection = self.connections.get(&id);
        connection.map_or(0, |connection| connection.drops().of(reason))
    }

    /// The bytes of the messages that the application read since this was asked last.
    pub fn received(&mut self, id: ConnectionId) -> Vec<Vec<u8>> {
        let messages = self.received_messages(id);
        messages.iter().map(|message| message.to_vec()).collect()
    }

    /// The messages that the application read since this was asked last.
    pub fn received_messages(&mut self, id: ConnectionId) -> Vec<Message> {
        self.received.remove(&id).unwrap_or_default()
    }

    /// Passes datagrams to and fro until neither side has more to say.
    fn converse(
        &mut self,
        peer: &mut ScriptedPeer,
        mut to_stage: Vec<Vec<u8>>,
        mut to_peer: Vec<Datagram>,
    ) {
        for _ in 0..MAX_ROUNDS {
            if to_stage.is_empty() && to_peer.is_empty() {
                return;
            }
            for datagram in std::mem::take(&mut to_stage) {
                if self.passes(Direction::ToStage, &datagram) {
                    let (_, sent) = self.inject(self.peer_address, &datagram);
                    to_peer.extend(sent);
                }
            }
            for datagram in std::mem::take(&mut to_peer) {
                let is_for_peer = datagram.to == self.peer_address;
                if is_for_peer && self.passes(Direction::ToPeer, &datagram.bytes) {
                    to_stage.extend(peer.handle(self.now, &datagram.bytes));
                }
            }
        }
        panic!("both ends answer each other for ever");
    }

    fn passes(&mut self, direction: Direction, bytes: &[u8]) -> bool {
        let filter = self.filter.as_mut();
        filter.is_none_or(|filter| filter(direction, bytes) == Fate::Arrives)
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let deadlines = self
            .connections
            .values()
            .filter_map(Connection::poll_timeout);
        let deadlines = deadlines.map(|(at, _)| at);
        deadlines.chain(self.endpoint.poll_timeout()).min()
    }

    /// Fires all timers that are due.
    fn fire(&mut self) -> Vec<Datagram> {
        let now = self.now;
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now) {
            self.endpoint.handle_timeout(now);
        }
        let is_due =
            |connection: &Connection| connection.poll_timeout().is_some_and(|(at, _)| at <= now);
        let due = self
            .connections
            .iter()
            .filter(|(_, connection)| is_due(connection));
        let due: Vec<ConnectionId> = due.map(|(id, _)| *id).collect();
        let mut sent = Vec::new();
        for id in due {
            sent.extend(self.with(id, Connection::handle_timeout));
        }
        sent
    }

    /// The drain rule: polls all outputs of a connection until they are dry.
    fn drain(&mut self, id: ConnectionId) -> Vec<Datagram> {
        let mut sent = Vec::new();
        let Some(connection) = self.connections.get_mut(&id) else {
            return sent;
        };
        let mut is_dead = false;
        loop {
            while let Some(transmit) = connection.poll_transmit(self.now, &mut self.buf) {
                let remote = self.endpoint.route(id).map(|route| route.remote);
                let datagrams = self.buf.datagrams(&transmit);
                sent.extend(
                    datagrams.map(|bytes| to(remote.unwrap_or(self.peer_address), bytes.to_vec())),
                );
                self.buf.clear();
            }
            while connection.poll_event().is_some() {}
            while let Some(event) = connection.poll_endpoint() {
                is_dead |= event == ToEndpoint::Dead;
                if let Some(answer) = self.endpoint.handle_event(self.now, id, event) {
                    connection.handle_endpoint(self.now, answer);
                }
            }
            let message = self.reads.then(|| connection.receive(self.now)).flatten();
            let Some(message) = message else { break };
            self.received.entry(id).or_default().push(message);
        }
        if is_dead && let Some(connection) = self.connections.remove(&id) {
            self.over.insert(id, connection.info());
        }
        sent
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("now", &self.now)
            .field("connections", &self.connections.keys())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

/// A datagram from the endpoint's socket.
fn to(remote: SocketAddr, bytes: Vec<u8>) -> Datagram {
    Datagram {
        from: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 27_015)),
        to: remote,
        bytes,
    }
}
