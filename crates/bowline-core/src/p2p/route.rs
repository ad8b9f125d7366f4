//! What an application may know of a connection between peers: its virtual ports, and the way that packets take.

use core::net::SocketAddr;

use crate::connection::Connection;
use crate::ice::RouteKind;
use crate::p2p::Ports;
use crate::p2p::transports::Route;

/// The way that packets take at the moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeerRoute {
    /// Where they go: the peer, what its NAT makes of it, or the address that a relay lends it.
    pub remote: SocketAddr,
    /// Of which kind it is.
    pub kind: RouteKind,
}

impl Connection {
    /// The virtual ports of a connection between peers; `None` for one by address.
    pub fn ports(&self) -> Option<Ports> {
        self.party.as_ref().map(|party| party.ports)
    }

    /// The way between two peers; `None` while there is none, and for a connection by address.
    pub fn peer_route(&self) -> Option<PeerRoute> {
        let party = self.party.as_ref()?;
        let Route { via, kind } = party.way.route()?;
        let remote = via.remote;
        Some(PeerRoute { remote, kind })
    }
}
