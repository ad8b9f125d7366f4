//! A way for packets to reach the peer, with what is known of it.
//!
//! A connection names its paths by [`PathId`] and never sees a socket or an address. There is one path
//! for now; the list, the budget per path and the state per path are what relays, NAT traversal and
//! path MTU probing build on.

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PathId;
use crate::limits;

/// A path.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Path {
    id: PathId,
    state: PathState,
    /// The largest UDP payload that the path takes.
    mtu_bytes: usize,
}

/// Whether a path may be used.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum PathState {
    /// The peer was heard of on it, or it is the only one that there is.
    Usable,
}

impl Path {
    pub(crate) const fn direct(mtu_bytes: usize) -> Self {
        Self {
            id: PathId::DIRECT,
            state: PathState::Usable,
            mtu_bytes,
        }
    }

    pub(crate) const fn id(&self) -> PathId {
        self.id
    }

    pub(crate) const fn is_usable(&self) -> bool {
        matches!(self.state, PathState::Usable)
    }

    /// The size of a full data packet: what GNS calls the largest encrypted payload, and the header.
    pub(crate) const fn full_packet(&self) -> usize {
        self.mtu_bytes - limits::HEADER_RESERVE + limits::DATA_HEADER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_packet_has_the_size_that_gns_sends() {
        assert_eq!(Path::direct(1300).full_packet(), 1255);
        assert_eq!(Path::direct(limits::MIN_MTU).full_packet(), 155);
    }
}
