//! `bowline-core` driven by the simplest loop there is, as a [`Host`].
//!
//! No threads, no batches: it shows whether the protocol itself agrees with the
//! original, apart from whatever drives it. The time between two calls is its
//! granularity, so it is no measure of speed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bowline_core::connection::{Connection, ConnectionState};
use bowline_core::crypto::Crypto;
use bowline_core::crypto::rustcrypto;
use bowline_core::endpoint::{DatagramEvent, Endpoint, EndpointConfig, Route, SocketId};
use bowline_core::error::SendError;
use bowline_core::event::Event;
use bowline_core::handshake::Origin;
use bowline_core::ids::ConnectionId;
use bowline_core::message::{Outgoing as CoreOutgoing, Payload};
use bowline_core::time::{Span, Timestamp};
use bowline_core::transmit::TransmitBuf;

use crate::convert;
use crate::host::{
    Change, Host, Info, Lane, Link, Options, Outgoing, Received, SendRefused, Status,
};

/// An endpoint of the core with its sockets.
pub struct BareCore {
    start: Instant,
    endpoint: Endpoint,
    sockets: Vec<UdpSocket>,
    connections: BTreeMap<ConnectionId, Entry>,
    changes: Vec<Change>,
    tap: Option<Tap>,
}

/// Sees every datagram: whether it was sent (not received), and its bytes.
pub type Tap = Box<dyn FnMut(bool, &[u8]) + Send>;

struct Entry {
    connection: Connection,
    route: Route,
    /// The application closed it: its handle is gone, while the connection says goodbye.
    released: bool,
}

impl BareCore {
    /// An endpoint with an identity (`str:name`), or an anonymous one.
    ///
    /// # Panics
    /// When the identity cannot be read or the system has no entropy.
    pub fn new(identity: Option<&str>) -> Self {
        Self::with_crypto(identity, rustcrypto::provider())
    }

    /// The same with another provider of cryptography.
    ///
    /// # Panics
    /// As [`Self::new`].
    pub fn with_crypto(identity: Option<&str>, crypto: Crypto) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has entropy");
        let mut config = EndpointConfig::new(crypto);
        if let Some(identity) = identity {
            config.identity = identity.parse().expect("scenarios use sound identities");
        }
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is set");
        Self {
            start: Instant::now(),
            endpoint: Endpoint::new(config, seed, FIRST_MOMENT, unix.as_secs()),
            sockets: Vec::new(),
            connections: BTreeMap::new(),
            changes: Vec::new(),
            tap: None,
        }
    }

    /// Lets `tap` see all datagrams from now on.
    pub fn set_tap(&mut self, tap: Tap) {
        self.tap = Some(tap);
    }

    fn now(&self) -> Timestamp {
        FIRST_MOMENT + Span::from(self.start.elapsed())
    }

    fn open_socket(&mut self) -> SocketId {
        let socket =
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("the machine has a free port");
        socket
            .set_nonblocking(true)
            .expect("sockets can be made non-blocking");
        self.sockets.push(socket);
        SocketId::new(self.sockets.len() as u32 - 1)
    }

    fn entry(&self, link: Link) -> Option<&Entry> {
        let entry = self.connections.get(&id_of(link))?;
        (!entry.released).then_some(entry)
    }

    fn with_connection<T>(
        &mut self,
        link: Link,
        what: impl FnOnce(&mut Connection, Timestamp) -> T,
    ) -> T {
        let now = self.now();
        let entry = self
            .connections
            .get_mut(&id_of(link))
            .expect("the scenario knows its links");
        assert!(!entry.released, "{link:?} was closed");
        let result = what(&mut entry.connection, now);
        self.drain(id_of(link));
        result
    }

    /// Takes in what has arrived and what is due.
    fn drive(&mut self) {
        for index in 0..self.sockets.len() {
            self.read(SocketId::new(index as u32));
        }
        let now = self.now();
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(self.endpoint.poll_timeout()) {
            self.endpoint.handle_timeout(now);
        }
        let due: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, entry)| is_due(entry.connection.poll_timeout().map(|(at, _)| at)))
            .map(|(&id, _)| id)
            .collect();
        for id in due {
            if let Some(entry) = self.connections.get_mut(&id) {
                entry.connection.handle_timeout(now);
            }
            self.drain(id);
        }
    }

    fn read(&mut self, socket: SocketId) {
        let mut buffer = [0; 2048];
        let mut reply = Vec::new();
        loop {
            let (len, remote) = match self.socket(socket).recv_from(&mut buffer) {
                Ok(datagram) => datagram,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // An earlier datagram found nobody; that is the other side's affair.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(error) => panic!("cannot receive: {error}"),
            };
            let data = &mut buffer[..len];
            if let Some(tap) = &mut self.tap {
                tap(false, data);
            }
            let now = self.now();
            let from = Route { socket, remote };
            match self
                .endpoint
                .handle_datagram(now, from, None, data, &mut reply)
            {
                DatagramEvent::Dropped(_) => {}
                DatagramEvent::Reply => self.send_datagram(from, &reply),
                DatagramEvent::Handled => {}
                DatagramEvent::Forward { id, meta, payload } => {
                    if let Some(entry) = self.connections.get_mut(&id) {
                        let data = &mut data[payload];
                        entry.connection.handle_datagram(now, &meta, data);
                    }
                    self.drain(id);
                }
                DatagramEvent::Incoming(connection) => {
                    let id = connection.id();
                    let entry = Entry {
                        connection: *connection,
                        route: from,
                        released: false,
                    };
                    self.connections.insert(id, entry);
                    self.drain(id);
                }
            }
        }
    }

    /// The drain rule: after each input all outputs, until they are dry.
    fn drain(&mut self, id: ConnectionId) {
        let now = self.now();
        let Some(mut entry) = self.connections.remove(&id) else {
            return;
        };
        let mut buffer = TransmitBuf::new(32);
        while let Some(transmit) = entry.connection.poll_transmit(now, &mut buffer) {
            for datagram in buffer.datagrams(&transmit) {
                self.send_datagram(entry.route, datagram);
            }
            buffer.clear();
        }
        while let Some(event) = entry.connection.poll_event() {
            let Event::StateChanged { old, new } = event else {
                continue;
            };
            if !entry.released {
                self.changes.push(Change {
                    link: Link(u64::from(id.get())),
                    old: convert::state(old),
                    new: convert::state(new),
                    incoming: entry.connection.info().origin == Origin::Listen,
                });
            }
        }
        while let Some(event) = entry.connection.poll_endpoint() {
            if let Some(answer) = self.endpoint.handle_event(now, id, event) {
                entry.connection.handle_endpoint(now, answer);
            }
        }
        if entry.connection.state() != ConnectionState::Dead {
            self.connections.insert(id, entry);
        }
    }

    fn send_datagram(&mut self, route: Route, datagram: &[u8]) {
        if let Some(tap) = &mut self.tap {
            tap(true, datagram);
        }
        // A full or refused socket loses the packet, as any network may.
        self.socket(route.socket)
            .send_to(datagram, route.remote)
            .ok();
    }

    fn socket(&self, id: SocketId) -> &UdpSocket {
        &self.sockets[id.get() as usize]
    }
}

impl Host for BareCore {
    fn listen(&mut self, options: &Options) -> SocketAddr {
        let socket = self.open_socket();
        self.endpoint
            .listen(socket, Arc::new(convert::config(options)));
        self.socket(socket).local_addr().expect("it is bound")
    }

    fn connect(&mut self, to: SocketAddr, options: &Options) -> Link {
        let route = Route {
            socket: self.open_socket(),
            remote: to,
        };
        let connection =
            self.endpoint
                .connect(self.now(), route, Arc::new(convert::config(options)));
        let connection = connection.unwrap_or_else(|error| panic!("cannot dial {to}: {error}"));
        let id = connection.id();
        self.connections.insert(
            id,
            Entry {
                connection,
                route,
                released: false,
            },
        );
        self.drain(id);
        Link(u64::from(id.get()))
    }

    fn accept(&mut self, link: Link) {
        let result = self.with_connection(link, |connection, now| connection.accept(now));
        result.unwrap_or_else(|error| panic!("cannot accept: {error}"));
    }

    fn close(&mut self, link: Link, reason: i32, text: &str, linger: bool) {
        let reason = convert::end_reason(reason);
        self.with_connection(link, |connection, now| {
            connection.close(now, reason, text, linger)
        });
        if let Some(entry) = self.connections.get_mut(&id_of(link)) {
            entry.released = true;
        }
    }

    fn send(&mut self, link: Link, message: &Outgoing<'_>) -> Result<u64, SendRefused> {
        let message = CoreOutgoing::new(
            convert::lane(message.lane),
            convert::send_flags(message),
            Payload::Borrowed(message.data),
        );
        match self.with_connection(link, |connection, now| connection.send(now, message)) {
            Ok(number) => Ok(number.get()),
            Err(SendError::BufferFull { .. }) => Err(SendRefused::Full),
            Err(error) => Err(SendRefused::Other(error.to_string())),
        }
    }

    fn flush(&mut self, link: Link) {
        let result = self.with_connection(link, |connection, now| connection.flush(now));
        result.unwrap_or_else(|error| panic!("cannot flush: {error}"));
    }

    fn receive(&mut self, link: Link, into: &mut Vec<Received>) {
        self.with_connection(link, |connection, now| {
            for _ in 0..128 {
                let Some(message) = connection.receive(now) else {
                    break;
                };
                into.push(Received {
                    number: message.number().get(),
                    lane: u16::from(message.lane().get()),
                    reliable: message.is_reliable(),
                    data: message.to_vec(),
                });
            }
        });
    }

    fn configure_lanes(&mut self, link: Link, lanes: &[Lane]) {
        let lanes = convert::lanes(lanes);
        let result = self.with_connection(link, |connection, now| {
            connection.configure_lanes(now, &lanes)
        });
        result.unwrap_or_else(|error| panic!("cannot configure lanes: {error}"));
    }

    fn changes(&mut self, into: &mut Vec<Change>) {
        self.drive();
        into.append(&mut self.changes);
    }

    fn info(&self, link: Link) -> Info {
        let Some(entry) = self.entry(link) else {
            return Info::unknown();
        };
        let info = entry.connection.info();
        Info {
            state: convert::state(info.state),
            end_reason: info.end_reason.code().cast_signed(),
            end_text: info.end_text,
            identity: info
                .identity
                .map_or_else(String::new, |identity| identity.to_string()),
            remote: Some(entry.route.remote),
            encrypted: info.encrypted,
            authenticated: info.authenticated,
        }
    }

    fn status(&self, link: Link) -> Status {
        let entry = self.entry(link).expect("the scenario knows its links");
        convert::status(&entry.connection.status(self.now()))
    }

    fn queue_time(&self, link: Link, lane: u16) -> Duration {
        let entry = self.entry(link).expect("the scenario knows its links");
        let lane = convert::lane(lane);
        let status = entry.connection.lane_status(self.now(), lane);
        let time = status.and_then(|status| status.queue_time);
        time.expect("the lane is configured, and the rate known")
            .into()
    }
}

impl fmt::Debug for BareCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "core with {} connections", self.connections.len())
    }
}

fn id_of(link: Link) -> ConnectionId {
    ConnectionId::new(u32::try_from(link.0).expect("links of this host are connection IDs"))
}

/// Later than zero, which some fields take for "never".
const FIRST_MOMENT: Timestamp = Timestamp::from_micros(1_000_000);
