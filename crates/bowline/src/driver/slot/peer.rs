//! Who the peer of a connection is, and where.

use std::net::SocketAddr;

use bowline_core::connection::ConnectionState;
use bowline_core::endpoint::NO_ROUTE;
use bowline_core::ice::RouteKind;
use bowline_core::identity::Identity;

use crate::driver::slot::Slot;
use crate::driver::slot::SlotState;

impl Slot {
    /// Where the peer is; `[::]:0` if there is no such address, or a relay keeps it to itself.
    pub(crate) fn remote_addr(&self) -> SocketAddr {
        if self.is_between_peers {
            return self.remote_in(&self.state.lock());
        }
        self.route.remote
    }

    pub(super) fn remote_in(&self, state: &SlotState) -> SocketAddr {
        if !self.is_between_peers {
            return self.route.remote;
        }
        let live = state.live.as_ref();
        let route = live.and_then(|live| live.core.peer_route());
        route
            .filter(|route| route.kind != RouteKind::Relayed)
            .map_or(NO_ROUTE.remote, |route| route.remote)
    }

    /// Who the peer is, once the handshake is over: from then on that does not change.
    pub(crate) fn peer(&self) -> Option<&Identity> {
        if self.peer.get().is_none() {
            let state = self.state.lock();
            let info = state.live.as_ref()?.core.info();
            let is_early = matches!(
                info.state,
                ConnectionState::None | ConnectionState::Connecting | ConnectionState::FindingRoute
            );
            if !is_early {
                // Another thread was first with the same one if it is set already.
                let _ = self.peer.set(Box::new(info.identity?));
            }
        }
        self.peer.get().map(Box::as_ref)
    }
}
