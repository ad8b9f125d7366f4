//! Two connections joined in memory: what the protocol itself costs, without sockets and threads.

pub mod pieces;
pub mod process;
#[cfg(target_os = "linux")]
pub mod usage;

use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::connection::Connection;
use bowline_core::connection::ConnectionState;
use bowline_core::crypto::Crypto;
use bowline_core::endpoint::DatagramEvent;
use bowline_core::endpoint::Endpoint;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::endpoint::Route;
use bowline_core::endpoint::SocketId;
use bowline_core::time::Span;
use bowline_core::time::Timestamp;
use bowline_core::transmit::DatagramMeta;
use bowline_core::transmit::TransmitBuf;

/// What a run ends with: any error, as text for the terminal.
pub type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A connected pair. Datagrams pass at once; time moves only when both have nothing to send.
#[derive(Debug)]
pub struct Pair {
    /// The dialling side.
    pub client: Connection,
    /// The accepting side.
    pub server: Connection,
    /// The time that both see.
    pub now: Timestamp,
    buf: TransmitBuf,
    bytes: Vec<u8>,
}

impl Pair {
    /// Two connections with this provider, after their handshake.
    ///
    /// # Panics
    /// If they do not connect.
    pub fn new(crypto: &Crypto) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        let endpoint = |seed| {
            let config = EndpointConfig::new(Arc::clone(crypto));
            Endpoint::new(config, [seed; 32], now, 1_700_000_000)
        };
        let (mut dialler, mut listener) = (endpoint(1), endpoint(2));
        let config = Arc::new(Config::new());
        listener.listen(SocketId::default(), Arc::clone(&config));
        let route = |port| Route {
            socket: SocketId::default(),
            remote: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        let mut client = dialler
            .connect(now, route(2), config)
            .expect("the address is free");
        let mut buf = TransmitBuf::new(50);
        let server = shake_hands(&mut client, &mut listener, route(1), now, &mut buf);
        Self {
            client,
            server,
            now,
            buf,
            bytes: Vec::new(),
        }
    }

    /// Reads messages from the server until there have been so many.
    ///
    /// # Panics
    /// If they do not come.
    pub fn read(&mut self, count: usize) {
        self.read_after(count, |_| ());
    }

    /// The same, but of the client's packets each two change places.
    ///
    /// # Panics
    /// If the messages do not come.
    pub fn read_swapped(&mut self, count: usize) {
        self.read_after(count, Self::pass_swapped);
    }

    /// Passes datagrams both ways until neither side has any; then lets `idle` pass.
    pub fn exchange(&mut self, idle: Span) {
        loop {
            let forth = pass(
                &mut self.client,
                &mut self.server,
                self.now,
                &mut self.buf,
                &mut self.bytes,
            );
            let back = pass(
                &mut self.server,
                &mut self.client,
                self.now,
                &mut self.buf,
                &mut self.bytes,
            );
            if !forth && !back {
                break;
            }
        }
        self.now += idle;
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
    }

    /// Reads messages from the server, each time after `before`, until there have been so many.
    fn read_after(&mut self, count: usize, mut before: impl FnMut(&mut Self)) {
        let mut read = 0;
        for _ in 0..PATIENCE {
            before(self);
            self.exchange(IDLE);
            while self.server.receive(self.now).is_some() {
                read += 1;
            }
            if read == count {
                return;
            }
        }
        panic!("{read} of {count} messages came");
    }

    /// Passes the client's packets to the server, of which each two change places.
    fn pass_swapped(&mut self) {
        let mut packets = Vec::new();
        self.buf.clear();
        while let Some(transmit) = self.client.poll_transmit(self.now, &mut self.buf) {
            let bytes = self.buf.bytes(&transmit);
            packets.extend(bytes.chunks(transmit.segment_size).map(<[u8]>::to_vec));
            self.buf.clear();
        }
        for pair in packets.chunks_mut(2) {
            for packet in pair.iter_mut().rev() {
                let meta = DatagramMeta::default();
                self.server.handle_datagram(self.now, &meta, packet);
                while self.server.poll_event().is_some() {}
            }
        }
    }
}

/// How long passes when neither side has anything to send, and how often until one gives up.
const IDLE: Span = Span::from_micros(100);
const PATIENCE: usize = 100_000;

/// Passes the packets of a handshake until the client is connected, and returns the server's side.
fn shake_hands(
    client: &mut Connection,
    listener: &mut Endpoint,
    from: Route,
    now: Timestamp,
    buf: &mut TransmitBuf,
) -> Connection {
    let mut server = None;
    let mut reply = Vec::new();
    while client.state() != ConnectionState::Connected {
        let request = packet(client, now, buf);
        let answer = match listener.handle_datagram(now, from, None, &request, &mut reply) {
            DatagramEvent::Reply => reply.clone(),
            DatagramEvent::Incoming(mut connection) => {
                connection.accept(now).expect("a good request");
                let answer = packet(&mut connection, now, buf);
                server = Some(*connection);
                answer
            }
            DatagramEvent::Dropped(reason) => panic!("the handshake was dropped: {reason}"),
            DatagramEvent::Forward { .. } | DatagramEvent::Handled => {
                panic!("nothing to forward to yet")
            }
        };
        client.handle_datagram(now, &DatagramMeta::default(), &mut answer.clone());
    }
    server.expect("the server has answered")
}

fn packet(connection: &mut Connection, now: Timestamp, buf: &mut TransmitBuf) -> Vec<u8> {
    buf.clear();
    let transmit = connection
        .poll_transmit(now, buf)
        .expect("a handshake packet");
    buf.bytes(&transmit).to_vec()
}

fn pass(
    from: &mut Connection,
    to: &mut Connection,
    now: Timestamp,
    buf: &mut TransmitBuf,
    bytes: &mut Vec<u8>,
) -> bool {
    buf.clear();
    let Some(transmit) = from.poll_transmit(now, buf) else {
        return false;
    };
    for datagram in buf.datagrams(&transmit) {
        // One by one: a long copy is one instruction per byte for valgrind, a short one is not.
        bytes.clear();
        bytes.extend_from_slice(datagram);
        to.handle_datagram(now, &DatagramMeta::default(), bytes);
    }
    while from.poll_event().is_some() || to.poll_event().is_some() {}
    true
}
