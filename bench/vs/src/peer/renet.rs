//! renet over its netcode transport: ChaCha20-Poly1305 with keys from connect tokens, so that there is
//! no key exchange. Channel 2 is reliable and ordered, channel 0 unreliable.
//!
//! Opened: `available_bytes_per_tick` (60,000, where a tick is one update) at 1,000,000 for floods;
//! socket buffers of 2 MiB.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use renet::{ConnectionConfig, DefaultChannel, RenetClient, RenetServer, ServerEvent};
use renet_netcode::{
    ClientAuthentication, ConnectToken, NETCODE_KEY_BYTES, NetcodeClientTransport,
    NetcodeServerTransport, ServerAuthentication, ServerConfig,
};

use super::{Event, Kind, Peer, udp_socket, wait_readable};
use crate::Result;
use crate::measure::now_ns;
use crate::options::Options;

/// The most clients that netcode serves.
pub(crate) const MOST_CLIENTS: usize = 1024;

/// Both sides know it; connect tokens are made with it.
const KEY: [u8; NETCODE_KEY_BYTES] = [7; NETCODE_KEY_BYTES];
const PROTOCOL: u64 = 1;
/// How long a token is good, in seconds, and a silent connection lives.
const TOKEN_SECS: u64 = 300;
const TIMEOUT_SECS: i32 = 15;

pub(crate) struct Server {
    server: RenetServer,
    transport: NetcodeServerTransport,
    socket: [UdpSocket; 1],
    last: Instant,
}

impl Server {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let socket = udp_socket(options)?;
        let waiter = socket.try_clone()?;
        // A token names the address that its client dials: behind a proxy, the proxy's.
        let mut public_addresses = vec![socket.local_addr()?];
        public_addresses.extend(options.read::<SocketAddr>("public")?);
        let config = ServerConfig {
            current_time: since_epoch()?,
            max_clients: MOST_CLIENTS,
            protocol_id: PROTOCOL,
            public_addresses,
            authentication: ServerAuthentication::Secure { private_key: KEY },
        };
        Ok(Self {
            server: RenetServer::new(connection_config(options)),
            transport: NetcodeServerTransport::new(config, socket)?,
            socket: [waiter],
            last: Instant::now(),
        })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket[0].local_addr()?)
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let elapsed = self.last.elapsed();
        self.last += elapsed;
        self.server.update(elapsed);
        // Errors are those of single datagrams, such as a port that is closed by now.
        let _ = self.transport.update(elapsed, &mut self.server);
        while let Some(event) = self.server.get_event() {
            events.push(match event {
                ServerEvent::ClientConnected { client_id } => Event::Up(client_id),
                ServerEvent::ClientDisconnected { client_id, .. } => Event::Down(client_id),
            });
        }
        for id in self.server.clients_id() {
            for kind in [Kind::Unreliable, Kind::Reliable] {
                while let Some(message) = self.server.receive_message(id, channel(kind)) {
                    events.push(Event::Message(id, kind, message));
                }
            }
        }
        Ok(())
    }
}

impl Peer for Server {
    fn dial(&mut self) -> Result<u64> {
        Err("a server does not dial".into())
    }

    fn send(&mut self, to: u64, kind: Kind, message: &[u8]) -> bool {
        let has_room = self.server.is_connected(to)
            && self
                .server
                .can_send_message(to, channel(kind), message.len());
        if has_room {
            self.server
                .send_message(to, channel(kind), Bytes::copy_from_slice(message));
        }
        has_room
    }

    fn close(&mut self, connection: u64) {
        self.server.disconnect(connection);
    }

    async fn poll(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<()> {
        self.transport.send_packets(&mut self.server);
        self.read(events)?;
        if events.is_empty() {
            wait_readable(&self.socket, wait)?;
            self.read(events)?;
        }
        Ok(())
    }

    fn needs_credit(&self) -> bool {
        true
    }
}

/// The clients of a process: renet has a socket for each.
pub(crate) struct Clients {
    options: Options,
    clients: HashMap<u64, Client>,
    last: Instant,
    next: u64,
}

struct Client {
    client: RenetClient,
    transport: NetcodeClientTransport,
    /// The transport owns its socket; this one is to wait on.
    socket: UdpSocket,
    is_up: bool,
}

impl Clients {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            clients: HashMap::new(),
            last: Instant::now(),
            next: now_ns(),
        }
    }

    fn read(&mut self, events: &mut Vec<Event>) {
        let elapsed = self.last.elapsed();
        self.last += elapsed;
        let mut ended = Vec::new();
        for (&id, it) in &mut self.clients {
            it.client.update(elapsed);
            // Only the end of the connection is an error that matters.
            let _ = it.transport.update(elapsed, &mut it.client);
            if it.client.is_disconnected() {
                ended.push(id);
            }
            if !it.is_up && it.client.is_connected() {
                it.is_up = true;
                events.push(Event::Up(id));
            }
            for kind in [Kind::Unreliable, Kind::Reliable] {
                while let Some(message) = it.client.receive_message(channel(kind)) {
                    events.push(Event::Message(id, kind, message));
                }
            }
        }
        for id in ended {
            self.clients.remove(&id);
            events.push(Event::Down(id));
        }
    }
}

impl Peer for Clients {
    fn dial(&mut self) -> Result<u64> {
        self.next += 1;
        let now = since_epoch()?;
        let server = vec![self.options.address("connect")?];
        let token = ConnectToken::generate(
            now,
            PROTOCOL,
            TOKEN_SECS,
            self.next,
            TIMEOUT_SECS,
            server,
            None,
            &KEY,
        )?;
        let socket = udp_socket(&self.options)?;
        let waiter = socket.try_clone()?;
        let authentication = ClientAuthentication::Secure {
            connect_token: token,
        };
        let client = Client {
            client: RenetClient::new(connection_config(&self.options)),
            transport: NetcodeClientTransport::new(now, authentication, socket)?,
            socket: waiter,
            is_up: false,
        };
        self.clients.insert(self.next, client);
        Ok(self.next)
    }

    fn send(&mut self, to: u64, kind: Kind, message: &[u8]) -> bool {
        let Some(it) = self.clients.get_mut(&to) else {
            return false;
        };
        let has_room = it.client.can_send_message(channel(kind), message.len());
        if has_room {
            it.client
                .send_message(channel(kind), Bytes::copy_from_slice(message));
        }
        has_room
    }

    fn close(&mut self, connection: u64) {
        if let Some(mut it) = self.clients.remove(&connection) {
            it.transport.disconnect();
        }
    }

    async fn poll(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<()> {
        for it in self.clients.values_mut() {
            // Fails when the connection has ended, which the next update tells.
            let _ = it.transport.send_packets(&mut it.client);
        }
        self.read(events);
        if events.is_empty() {
            wait_readable(self.clients.values().map(|it| &it.socket), wait)?;
            self.read(events);
        }
        Ok(())
    }

    fn needs_credit(&self) -> bool {
        true
    }
}

fn channel(kind: Kind) -> u8 {
    match kind {
        Kind::Reliable => DefaultChannel::ReliableOrdered.into(),
        Kind::Unreliable => DefaultChannel::Unreliable.into(),
    }
}

fn connection_config(options: &Options) -> ConnectionConfig {
    let mut config = ConnectionConfig::default();
    if !options.is_on("defaults") && options.text("workload") == Some("flood") {
        config.available_bytes_per_tick = 1_000_000;
    }
    config
}

fn since_epoch() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?)
}
