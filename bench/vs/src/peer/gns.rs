//! The original: GameNetworkingSockets, from its crates.io package.
//!
//! It has a service thread of its own and nothing to wait on, so it is polled: at once with
//! `--drive busy`, or else ten times a millisecond with one connection, once a millisecond with more, and
//! every 16 milliseconds where all are idle.
//!
//! Opened: `SendRateMin` and `SendRateMax` at the workload's `--rate` in bytes/s (256 KiB/s; it has no
//! congestion control), `SendBufferSize` (512 KiB) at 8 MiB, `RecvBufferSize` (1 MiB) at 16 MiB,
//! `RecvBufferMessages` (1000) at 262,144.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use gns::sys::{ESteamNetworkingConfigValue as Value, ESteamNetworkingConnectionState as State};
use gns::{
    GnsConfig, GnsConnection, GnsConnectionEvent, GnsGlobal, GnsLane, GnsSocket, IsClient,
    IsServer, SendFlags,
};

use super::{Event, Kind, Peer};
use crate::Result;
use crate::options::Options;

/// Messages taken in one call.
const BATCH: usize = 256;
/// Pauses between polls; see the module's head.
const SHORT_PAUSE: Duration = Duration::from_micros(100);
const LONG_PAUSE: Duration = Duration::from_millis(1);
const IDLE_PAUSE: Duration = Duration::from_millis(16);

/// What both sides need.
struct Library {
    global: &'static GnsGlobal,
    /// Unreliable messages have a lane of a higher priority.
    has_lanes: bool,
    /// Small messages wait for others, as a server's to its clients do.
    nagles: bool,
    /// The longest time between two polls.
    pause: Duration,
}

impl Library {
    fn new(options: &Options) -> Result<Self> {
        let global = GnsGlobal::get()?;
        let mut values = Vec::new();
        if !options.is_on("defaults") {
            values.extend([
                (Value::k_ESteamNetworkingConfig_SendBufferSize, 8 << 20),
                (Value::k_ESteamNetworkingConfig_RecvBufferSize, 16 << 20),
                (Value::k_ESteamNetworkingConfig_RecvBufferMessages, 1 << 18),
            ]);
            if let Some(rate) = options.read("rate")? {
                values.push((Value::k_ESteamNetworkingConfig_SendRateMin, rate));
                values.push((Value::k_ESteamNetworkingConfig_SendRateMax, rate));
            }
        }
        for (name, value) in values {
            let value = GnsConfig::Int32(value);
            global.utils().set_global_config_value(name, value)?;
        }
        Ok(Self {
            global,
            has_lanes: options.rate("stream")?.is_some(),
            nagles: options.text("workload") == Some("flood"),
            pause: match options.text("workload") {
                Some("idle") => IDLE_PAUSE,
                _ if options.or("clients", 1)? > 1 => LONG_PAUSE,
                _ => SHORT_PAUSE,
            },
        })
    }

    fn send<S: gns::IsReady>(
        &self,
        socket: &GnsSocket<S>,
        to: GnsConnection,
        kind: Kind,
        message: &[u8],
    ) -> bool {
        let mut flags = match kind {
            Kind::Reliable => SendFlags::RELIABLE,
            Kind::Unreliable => SendFlags::UNRELIABLE,
        };
        if !self.nagles {
            flags |= SendFlags::NO_NAGLE;
        }
        let payload: Box<[u8]> = message.into();
        let message = self.global.utils().allocate_message(to, flags, payload);
        let lane = u16::from(self.has_lanes && kind == Kind::Reliable);
        socket.send_message(message.set_lane(lane)).is_ok()
    }

    fn pause(&self, wait: Duration) {
        if !wait.is_zero() {
            std::thread::sleep(wait.min(self.pause));
        }
    }
}

/// Reports the messages that have come.
fn receive<S: gns::IsReady>(
    socket: &GnsSocket<S>,
    number_of: impl Fn(GnsConnection) -> Option<u64>,
    events: &mut Vec<Event>,
) {
    while let Ok(messages) = socket.receive_messages::<BATCH>() {
        let count = messages.len();
        for message in messages {
            let is_reliable = message.flags().contains(SendFlags::RELIABLE);
            let kind = if is_reliable {
                Kind::Reliable
            } else {
                Kind::Unreliable
            };
            if let Some(from) = number_of(message.connection()) {
                let bytes = Bytes::copy_from_slice(message.payload());
                events.push(Event::Message(from, kind, bytes));
            }
        }
        if count < BATCH {
            return;
        }
    }
}

/// Whether an event tells of an end.
fn is_end(event: &GnsConnectionEvent) -> bool {
    use State as S;
    matches!(
        event.info().state(),
        S::k_ESteamNetworkingConnectionState_ClosedByPeer
            | S::k_ESteamNetworkingConnectionState_ProblemDetectedLocally
    )
}

fn is_up(event: &GnsConnectionEvent) -> bool {
    event.info().state() == State::k_ESteamNetworkingConnectionState_Connected
}

pub(crate) struct Server {
    library: Library,
    socket: GnsSocket<IsServer>,
    address: SocketAddr,
    numbers: HashMap<GnsConnection, u64>,
    connections: HashMap<u64, GnsConnection>,
    next: u64,
}

impl Server {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let library = Library::new(options)?;
        let mut address = options.address("listen")?;
        if address.port() == 0 {
            // It refuses port 0. Another process may take the port in between: then the run fails.
            address = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        }
        Ok(Self {
            socket: GnsSocket::new(library.global).listen(address.ip(), address.port())?,
            library,
            address,
            numbers: HashMap::new(),
            connections: HashMap::new(),
            next: 0,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn read(&mut self, events: &mut Vec<Event>) {
        self.library.global.poll_callbacks();
        for event in self.socket.receive_events() {
            let connection = event.connection();
            if event.info().state() == State::k_ESteamNetworkingConnectionState_Connecting {
                // Fails if the client has gone meanwhile, of which another event tells.
                let _ = self.socket.accept(connection);
            } else if is_up(&event) {
                self.numbers.insert(connection, self.next);
                self.connections.insert(self.next, connection);
                events.push(Event::Up(self.next));
                self.next += 1;
            } else if is_end(&event) {
                // Frees it; it has ended already.
                let _ = self.socket.close_connection(connection, 0, None, false);
                if let Some(number) = self.numbers.remove(&connection) {
                    self.connections.remove(&number);
                    events.push(Event::Down(number));
                }
            }
        }
        let numbers = &self.numbers;
        receive(&self.socket, |from| numbers.get(&from).copied(), events);
    }
}

impl Peer for Server {
    fn dial(&mut self) -> Result<u64> {
        Err("a server does not dial".into())
    }

    fn send(&mut self, to: u64, kind: Kind, message: &[u8]) -> bool {
        let to = self.connections.get(&to);
        to.is_some_and(|&to| self.library.send(&self.socket, to, kind, message))
    }

    fn close(&mut self, connection: u64) {
        if let Some(connection) = self.connections.remove(&connection) {
            self.numbers.remove(&connection);
            // Fails if it has ended already.
            let _ = self.socket.close_connection(connection, 0, None, false);
        }
    }

    async fn poll(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<()> {
        self.read(events);
        if events.is_empty() {
            self.library.pause(wait);
            self.read(events);
        }
        Ok(())
    }
}

pub(crate) struct Clients {
    library: Library,
    server: SocketAddr,
    sockets: HashMap<u64, GnsSocket<IsClient>>,
    next: u64,
}

impl Clients {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            library: Library::new(options)?,
            server: options.address("connect")?,
            sockets: HashMap::new(),
            next: 0,
        })
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<()> {
        self.library.global.poll_callbacks();
        let mut ended = Vec::new();
        for (&number, socket) in &self.sockets {
            for event in socket.receive_events() {
                if is_up(&event) {
                    if self.library.has_lanes {
                        let lanes = [GnsLane::new(0, 1), GnsLane::new(1, 1)];
                        socket.configure_connection_lanes(event.connection(), &lanes)?;
                    }
                    events.push(Event::Up(number));
                } else if is_end(&event) {
                    ended.push(number);
                }
            }
            receive(socket, |_| Some(number), events);
        }
        for number in ended {
            self.close(number);
            events.push(Event::Down(number));
        }
        Ok(())
    }
}

impl Peer for Clients {
    fn dial(&mut self) -> Result<u64> {
        let socket = GnsSocket::new(self.library.global);
        let socket = socket.connect(self.server.ip(), self.server.port())?;
        self.next += 1;
        self.sockets.insert(self.next, socket);
        Ok(self.next)
    }

    fn send(&mut self, to: u64, kind: Kind, message: &[u8]) -> bool {
        let socket = self.sockets.get(&to);
        socket.is_some_and(|socket| {
            self.library
                .send(socket, socket.connection(), kind, message)
        })
    }

    fn close(&mut self, connection: u64) {
        if let Some(socket) = self.sockets.remove(&connection) {
            // Fails if it has ended already.
            let _ = socket.close_connection(socket.connection(), 0, None, false);
        }
    }

    async fn poll(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<()> {
        self.read(events)?;
        if events.is_empty() {
            self.library.pause(wait);
            self.read(events)?;
        }
        Ok(())
    }
}
