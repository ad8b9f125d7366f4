//! What several scenarios need.

use std::net::SocketAddr;

use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::message::SendFlags;
use bowline_core::rng::Rng;
use bowline_core::time::{Span, Timestamp};
use bowline_sim::{Conn, HostConfig, HostId, LinkConfig, World};

pub(crate) const PORT: u16 = 27_015;

/// A server and a client that are not connected yet.
pub(crate) struct Two {
    pub(crate) server: HostId,
    pub(crate) client: HostId,
    pub(crate) address: SocketAddr,
}

impl Two {
    pub(crate) fn new(world: &mut World, config: HostConfig) -> Self {
        let server = world.add_host("server", config.clone());
        let client = world.add_host("client", config);
        let address = world.listen(server, PORT);
        Self {
            server,
            client,
            address,
        }
    }
}

/// A connected pair: the client's end and the server's.
pub(crate) fn connected(world: &mut World, config: HostConfig) -> (Conn, Conn) {
    let two = Two::new(world, config);
    world.connect_pair(two.client, two.address).unwrap()
}

/// A link with some latency and nothing else.
pub(crate) const fn far() -> LinkConfig {
    LinkConfig::PERFECT.latency(ms(50))
}

pub(crate) const fn ms(ms: u64) -> Span {
    Span::from_millis(ms)
}

pub(crate) const fn secs(s: u64) -> Span {
    Span::from_secs(s)
}

/// `len` bytes that differ from message to message.
pub(crate) fn payload(rng: &mut Rng, len: usize) -> Vec<u8> {
    let pattern = rng.bytes::<32>();
    pattern.iter().copied().cycle().take(len).collect()
}

/// Sends reliably, waiting for room where there is none.
pub(crate) fn send_all(world: &mut World, conn: Conn, data: &[u8]) {
    world
        .wait_for("room to send", secs(60), |world| {
            world.send(conn, SendFlags::RELIABLE, data).is_ok()
        })
        .unwrap();
}

/// When the connection came into `state`.
pub(crate) fn entered(world: &World, conn: Conn, state: ConnectionState) -> Timestamp {
    let at = world.entered(conn, state);
    at.unwrap_or_else(|| panic!("never came into state {state}\n{world:?}"))
}

/// How many packets the connection refused for this reason.
pub(crate) fn drops(world: &World, conn: Conn, reason: DropReason) -> u64 {
    world.connection(conn).unwrap().drops().of(reason)
}
