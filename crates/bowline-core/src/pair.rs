//! Two endpoints and a wire between them, for tests inside the core.
//!
//! Time is virtual and packets take [`Pair::latency`]. What the simulator does better (links, worlds,
//! models) is not repeated here: it cannot be used in the core's own unit tests, where its connections
//! would be another type.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::config::Config;
use crate::connection::Connection;
use crate::connection::ConnectionState;
use crate::crypto::rustcrypto;
use crate::endpoint::DatagramEvent;
use crate::endpoint::Endpoint;
use crate::endpoint::EndpointConfig;
use crate::endpoint::Route;
use crate::endpoint::SocketId;
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::ids::LaneIndex;
use crate::message::Message;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::message::SendFlags;
use crate::time::Span;
use crate::time::Timestamp;
use crate::transmit::TransmitBuf;

pub(crate) const SOCKET: SocketId = SocketId::new(0);

/// One side: an endpoint and its connections.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) endpoint: Endpoint,
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    pub(crate) events: Vec<(ConnectionId, Event)>,
    pub(crate) accepts: bool,
    pub(crate) address: SocketAddr,
    replies: Vec<Vec<u8>>,
    /// Datagrams on their way to this side: when, and from where.
    incoming: Vec<(Timestamp, SocketAddr, Vec<u8>)>,
}

/// A client side, a listening server side.
pub(crate) struct Pair {
    pub(crate) now: Timestamp,
    pub(crate) latency: Span,
    pub(crate) client: Side,
    pub(crate) server: Side,
    /// Every datagram that was sent: by the client?, bytes.
    pub(crate) log: Vec<(bool, Vec<u8>)>,
    /// Whether a datagram is lost: by the client?, its bytes, how many it sent before.
    pub(crate) lose: Box<dyn Fn(bool, &[u8], usize) -> bool>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(Config::new())
    }

    pub(crate) fn with(server_config: Config) -> Self {
        Self::starting_at(Timestamp::from_micros(1_000_000), server_config)
    }

    pub(crate) fn starting_at(now: Timestamp, server_config: Config) -> Self {
        let mut server = Side::new(now, 2, "127.0.0.1:2000");
        server.endpoint.listen(SOCKET, Arc::new(server_config));
        Self {
            now,
            latency: Span::from_millis(10),
            client: Side::new(now, 1, "127.0.0.1:1000"),
            server,
            log: Vec::new(),
            lose: Box::new(|_, _, _| false),
        }
    }

    pub(crate) fn dial(&mut self, config: Config) -> ConnectionId {
        let route = Route {
            socket: SOCKET,
            remote: self.server.address,
        };
        let config = Arc::new(config);
        let connection = self
            .client
            .endpoint
            .connect(self.now, route, config)
            .unwrap();
        let id = connection.id();
        self.client.connections.insert(id, connection);
        self.drain();
        id
    }

    /// A connection that is up, with the client's and the server's ID of it.
    pub(crate) fn connected() -> (Self, ConnectionId, ConnectionId) {
        let mut pair = Self::new();
        let (client, server) = pair.connect(Config::new());
        (pair, client, server)
    }

    pub(crate) fn connect(&mut self, config: Config) -> (ConnectionId, ConnectionId) {
        let client = self.dial(config);
        self.run(Span::from_millis(100));
        assert_eq!(self.client.state(client), ConnectionState::Connected);
        let server = self.client.connections[&client].info().remote_id.unwrap();
        assert_eq!(self.server.state(server), ConnectionState::Connected);
        (client, server)
    }

    /// Lets `span` pass.
    pub(crate) fn run(&mut self, span: Span) {
        let end = self.now + span;
        self.drain();
        while let Some(next) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(next);
            let now = self.now;
            for side in [&mut self.client, &mut self.server] {
                side.deliver(now);
                side.expire(now);
            }
            self.drain();
        }
        self.now = end;
    }

    /// Sends a message from the client.
    pub(crate) fn client_sends(&mut self, id: ConnectionId, data: &[u8], flags: SendFlags) {
        let now = self.now;
        self.client.send(now, id, 0, data, flags);
        self.drain();
    }

    /// Sends what both sides have to send.
    pub(crate) fn drain(&mut self) {
        let now = self.now;
        for from_client in [true, false] {
            let (from, to) = if from_client {
                (&mut self.client, &mut self.server)
            } else {
                (&mut self.server, &mut self.client)
            };
            for bytes in from.drain(now) {
                let count = self.log.iter().filter(|(by, _)| *by == from_client).count();
                let lost = (self.lose)(from_client, &bytes, count);
                self.log.push((from_client, bytes.clone()));
                if !lost {
                    to.incoming.push((now + self.latency, from.address, bytes));
                }
            }
        }
    }

    fn next_event(&self) -> Option<Timestamp> {
        [&self.client, &self.server]
            .into_iter()
            .filter_map(Side::next_event)
            .min()
    }
}

impl Side {
    fn new(now: Timestamp, seed: u8, address: &str) -> Self {
        let config = EndpointConfig::new(rustcrypto::provider());
        Self {
            endpoint: Endpoint::new(config, [seed; 32], now, 1_700_000_000),
            connections: BTreeMap::new(),
            events: Vec::new(),
            accepts: true,
            address: address.parse().unwrap(),
            replies: Vec::new(),
            incoming: Vec::new(),
        }
    }

    pub(crate) fn state(&self, id: ConnectionId) -> ConnectionState {
        self.connections
            .get(&id)
            .map_or(ConnectionState::None, Connection::state)
    }

    pub(crate) fn send(
        &mut self,
        now: Timestamp,
        id: ConnectionId,
        lane: u8,
        data: &[u8],
        flags: SendFlags,
    ) {
        let connection = self.connections.get_mut(&id).unwrap();
        connection
            .send(
                now,
                Outgoing::new(LaneIndex::new(lane), flags, Payload::Borrowed(data)),
            )
            .unwrap();
    }

    pub(crate) fn received(&mut self, now: Timestamp, id: ConnectionId) -> Vec<Message> {
        let connection = self.connections.get_mut(&id).unwrap();
        core::iter::from_fn(|| connection.receive(now)).collect()
    }

    fn deliver(&mut self, now: Timestamp) {
        let due: Vec<_> = self
            .incoming
            .extract_if(.., |(at, ..)| *at <= now)
            .collect();
        for (_, from, mut bytes) in due {
            let route = Route {
                socket: SOCKET,
                remote: from,
            };
            let mut reply = Vec::new();
            match self
                .endpoint
                .handle_datagram(now, route, None, &bytes, &mut reply)
            {
                DatagramEvent::Dropped(_) => {}
                DatagramEvent::Reply => self.replies.push(reply),
                DatagramEvent::Handled => {}
                DatagramEvent::Forward { id, meta, payload } => {
                    let connection = self.connections.get_mut(&id).unwrap();
                    connection.handle_datagram(now, &meta, &mut bytes[payload]);
                }
                DatagramEvent::Incoming(mut connection) => {
                    if self.accepts {
                        connection.accept(now).ok();
                    }
                    self.connections.insert(connection.id(), *connection);
                }
            }
        }
    }

    fn expire(&mut self, now: Timestamp) {
        for connection in self.connections.values_mut() {
            if connection.poll_timeout().is_some_and(|(at, _)| at <= now) {
                connection.handle_timeout(now);
            }
        }
    }

    fn drain(&mut self, now: Timestamp) -> Vec<Vec<u8>> {
        let mut out: Vec<Vec<u8>> = core::mem::take(&mut self.replies);
        let mut dead = vec![];
        for (id, connection) in &mut self.connections {
            let mut buf = TransmitBuf::new(10);
            while let Some(transmit) = connection.poll_transmit(now, &mut buf) {
                out.extend(buf.datagrams(&transmit).map(<[u8]>::to_vec));
                buf.clear();
            }
            while let Some(event) = connection.poll_event() {
                self.events.push((*id, event));
            }
            while let Some(event) = connection.poll_endpoint() {
                if let Some(answer) = self.endpoint.handle_event(now, *id, event) {
                    connection.handle_endpoint(now, answer);
                }
            }
            if connection.state() == ConnectionState::Dead {
                dead.push(*id);
            }
        }
        for id in dead {
            self.connections.remove(&id);
        }
        out
    }

    fn next_event(&self) -> Option<Timestamp> {
        let timers = self
            .connections
            .values()
            .filter_map(|connection| connection.poll_timeout().map(|(at, _)| at));
        let packets = self.incoming.iter().map(|(at, ..)| *at);
        timers.chain(packets).min()
    }
}
