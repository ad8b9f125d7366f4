//! ENet, transpiled to Rust (`rusty_enet`): no encryption. Reliable packets on channel 0, unsequenced
//! ones on channel 1. One host serves all connections of a process.
//!
//! Opened: socket buffers of 2 MiB.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use rusty_enet::{EventNoRef, Host, HostSettings, Packet, PeerID};

use super::{Event, Kind, Peer, udp_socket, wait_readable};
use crate::Result;
use crate::options::Options;

/// The most connections that the protocol can tell apart.
pub(crate) const MOST_PEERS: usize = 4095;

/// Events taken in one poll.
const BATCH: usize = 512;

pub(crate) struct Enet {
    host: Host<UdpSocket>,
    /// The host owns its socket; this one is to wait on.
    socket: [UdpSocket; 1],
    server: Option<SocketAddr>,
}

impl Enet {
    pub(crate) fn new(options: &Options) -> Result<Self> {
        let socket = udp_socket(options)?;
        let waiter = socket.try_clone()?;
        // All slots are allocated at the start, so that there are no more than asked for.
        let peer_limit = options.or("clients", 1)?.clamp(256, MOST_PEERS);
        let settings = HostSettings {
            peer_limit,
            channel_limit: 2,
            ..Default::default()
        };
        let host = Host::new(socket, settings).map_err(|_| "ENet refused its settings")?;
        Ok(Self {
            host,
            socket: [waiter],
            server: options.read("connect")?,
        })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.socket[0].local_addr()?)
    }

    fn serve(&mut self, events: &mut Vec<Event>) -> Result<()> {
        while events.len() < BATCH
            && let Some(event) = self.host.service()?
        {
            events.push(match event.no_ref() {
                EventNoRef::Connect { peer, .. } => Event::Up(peer.0 as u64),
                EventNoRef::Disconnect { peer, .. } => Event::Down(peer.0 as u64),
                EventNoRef::Receive {
                    peer,
                    channel_id,
                    packet,
                } => {
                    let kind = if channel_id == 0 {
                        Kind::Reliable
                    } else {
                        Kind::Unreliable
                    };
                    Event::Message(peer.0 as u64, kind, Bytes::copy_from_slice(packet.data()))
                }
            });
        }
        Ok(())
    }
}

impl Peer for Enet {
    fn dial(&mut self) -> Result<u64> {
        let server = self.server.ok_or("--connect is missing")?;
        let peer = self.host.connect(server, 2, 0);
        let peer = peer.map_err(|error| format!("ENet did not dial: {error:?}"))?;
        Ok(peer.id().0 as u64)
    }

    fn send(&mut self, to: u64, kind: Kind, message: &[u8]) -> bool {
        let (channel, packet) = match kind {
            Kind::Reliable => (0, Packet::reliable(message)),
            Kind::Unreliable => (1, Packet::unreliable_unsequenced(message)),
        };
        let peer = self.host.peer_mut(PeerID(to as usize));
        peer.send(channel, &packet).is_ok()
    }

    fn close(&mut self, connection: u64) {
        self.host
            .peer_mut(PeerID(connection as usize))
            .disconnect_now(0);
    }

    async fn poll(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<()> {
        self.host.flush();
        self.serve(events)?;
        if events.is_empty() {
            wait_readable(&self.socket, wait)?;
            self.serve(events)?;
        }
        Ok(())
    }

    fn needs_credit(&self) -> bool {
        true
    }
}
