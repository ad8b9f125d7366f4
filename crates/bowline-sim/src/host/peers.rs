//! Connections between peers: signals in and out, and the one socket that all of them share.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bowline_core::connection::Connection;
use bowline_core::endpoint::{Called, NO_ROUTE, SignalEvent};
use bowline_core::error::{ConnectP2pError, ListenP2pError};
use bowline_core::ice::gather::Interface;
use bowline_core::identity::Identity;
use bowline_core::ids::{ConnectionId, VirtualPort};
use bowline_core::time::Timestamp;

use crate::host::{AcceptPolicy, Effects, Host, News, What};
use crate::network::Datagram;

/// The port of the socket that is shared.
pub(crate) const PEER_PORT: u16 = 40_000;

/// A signal on its way to the service that carries it.
#[derive(Clone, Debug)]
pub(crate) struct Signal {
    pub(crate) to: Identity,
    pub(crate) bytes: Vec<u8>,
}

impl Host {
    /// Opens the socket that connections between peers share.
    pub(crate) fn open_peer_socket(&mut self, now: Timestamp, out: &mut Effects) {
        let socket = self.socket(PEER_PORT);
        let address = SocketAddr::new(self.address, PEER_PORT);
        let local = self.local(now);
        let interfaces = [Interface { socket, address }];
        self.endpoint.set_interfaces(local, &interfaces);
        self.poll_endpoint(now, out);
    }

    /// Has a socket for connections between peers on each of these addresses, and on no other: what a look at the
    /// interfaces has found.
    pub(crate) fn set_ways(&mut self, now: Timestamp, addresses: &[IpAddr], out: &mut Effects) {
        let interfaces = addresses.iter().map(|address| {
            let mut known = self.bound.iter();
            let known = known.find_map(|(socket, bound)| (bound == address).then_some(*socket));
            let socket = known.unwrap_or_else(|| {
                // A port of its own for each that there ever was.
                let number = u16::try_from(self.bound.len() + 1).unwrap_or(u16::MAX);
                let socket = self.socket(PEER_PORT.saturating_add(number));
                self.bound.insert(socket, *address);
                socket
            });
            Interface {
                socket,
                address: self.source(socket),
            }
        });
        let interfaces: Vec<_> = interfaces.collect();
        let local = self.local(now);
        self.endpoint.set_interfaces(local, &interfaces);
        self.poll_endpoint(now, out);
    }

    /// Has no way out any more for connections between peers.
    pub(crate) fn close_peer_socket(&mut self, now: Timestamp, out: &mut Effects) {
        let local = self.local(now);
        self.endpoint.set_interfaces(local, &[]);
        self.poll_endpoint(now, out);
    }

    pub(crate) fn listen_p2p(&mut self, port: VirtualPort) -> Result<(), ListenP2pError> {
        let config = Arc::new(self.config.connection.clone());
        self.endpoint.listen_p2p(port, config)
    }

    pub(crate) fn connect_p2p(
        &mut self,
        now: Timestamp,
        peer: &Identity,
        port: VirtualPort,
        out: &mut Effects,
    ) -> Result<ConnectionId, ConnectP2pError> {
        let config = Arc::new(self.config.connection.clone());
        let local = self.local(now);
        let id = match self.endpoint.connect_p2p(local, peer, port, config)? {
            Called::New(connection) => {
                let id = connection.id();
                self.insert(*connection, NO_ROUTE);
                self.drain(now, id, out);
                id
            }
            Called::Waiting(id) => {
                // Fails only together with the connection, which tells by itself.
                let _ = self.feed(now, id, out, Connection::accept);
                id
            }
        };
        self.poll_endpoint(now, out);
        Ok(id)
    }

    /// Takes a signal from the service that carries them.
    pub(crate) fn signalled(&mut self, now: Timestamp, mut bytes: Vec<u8>, out: &mut Effects) {
        let local = self.local(now);
        match self.endpoint.handle_signal(local, &bytes, None) {
            SignalEvent::Dropped(_) => {}
            SignalEvent::Forward(id) => {
                self.feed(now, id, out, |connection, now| {
                    connection.handle_signal(now, &mut bytes);
                });
            }
            SignalEvent::Incoming(connection) => {
                let id = connection.id();
                self.insert(*connection, NO_ROUTE);
                let what = What::Incoming(NO_ROUTE.remote);
                out.news.push(News { id, what });
                self.feed(now, id, out, |connection, now| {
                    connection.handle_signal(now, &mut bytes);
                });
                if self.config.accept == AcceptPolicy::AtOnce {
                    let _ = self.feed(now, id, out, Connection::accept);
                }
            }
        }
        self.poll_endpoint(now, out);
    }

    /// Polls what the endpoint has to say by itself.
    pub(crate) fn poll_endpoint(&mut self, now: Timestamp, out: &mut Effects) {
        let local = self.local(now);
        let mut packet = Vec::new();
        loop {
            while let Some((socket, to)) = self.endpoint.poll_server_packet(&mut packet) {
                out.datagrams.push(Datagram {
                    from: self.source(socket),
                    to,
                    bytes: packet.clone(),
                });
            }
            let Some((id, news)) = self.endpoint.poll_to_connection() else {
                break;
            };
            if let Some(connection) = self.connection_mut(id) {
                connection.handle_endpoint(local, news);
                self.drain(now, id, out);
            }
        }
        // Names of servers are addresses here, written as names.
        while let Some(name) = self.endpoint.poll_resolve() {
            let address = name.strip_suffix(".sim").map(|name| name.replace('-', "."));
            let address = address.and_then(|text| text.parse::<IpAddr>().ok());
            let addresses = address.into_iter().collect::<Vec<_>>();
            self.endpoint.handle_resolved(local, &name, &addresses);
        }
    }
}
