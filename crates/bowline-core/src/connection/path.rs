//! A way for packets to reach the peer, with what is known of it.
//!
//! A connection names its paths by [`PathId`] and never sees a socket or an address. There is one path
//! for now; the list, the budget per path and the state per path are what relays and NAT traversal build
//! on. How large its packets may be is found out by `mtu`.

mod mtu;

use alloc::boxed::Box;

use serde::Deserialize;
use serde::Serialize;

use crate::connection::path::mtu::PathMtu;
use crate::ids::PacketNumber;
use crate::ids::PathId;
use crate::limits;
use crate::send::Settled;
use crate::time::Timestamp;

/// The size of a full data packet of GNS with default settings.
const GNS_FULL_PACKET: usize = limits::MAX_DATAGRAM - limits::HEADER_RESERVE + limits::DATA_HEADER;

/// A path.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Path {
    id: PathId,
    state: PathState,
    /// The largest UDP payload that is sent to a GNS peer.
    mtu_bytes: usize,
    growth: Growth,
}

/// Whether a path may be used.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum PathState {
    /// The peer was heard of on it, or it is the only one that there is.
    Usable,
}

/// Whether packets follow what the path takes.
#[derive(Clone, Debug, Deserialize, Serialize)]
enum Growth {
    /// They do not: the peer does not know of it, or the application has chosen a smaller size.
    Fixed,
    /// They will if it pays; nothing is known yet.
    Allowed,
    /// They do.
    Found(Box<PathMtu>),
}

impl Path {
    /// The most heap in bytes.
    pub(crate) const HEAP_BOUND: usize = size_of::<PathMtu>();

    pub(crate) const fn direct(mtu_bytes: usize) -> Self {
        Self {
            id: PathId::DIRECT,
            state: PathState::Usable,
            mtu_bytes,
            growth: Growth::Fixed,
        }
    }

    pub(crate) const fn id(&self) -> PathId {
        self.id
    }

    pub(crate) const fn is_usable(&self) -> bool {
        matches!(self.state, PathState::Usable)
    }

    /// The size of a full data packet: what GNS calls the largest encrypted payload, and the header.
    pub(crate) fn full_packet(&self) -> usize {
        match &self.growth {
            Growth::Fixed | Growth::Allowed => {
                self.mtu_bytes - limits::HEADER_RESERVE + limits::DATA_HEADER
            }
            Growth::Found(mtu) => mtu.packet_bytes(),
        }
    }

    /// The peer takes larger packets than GNS does. A packet size below the default is a wish of the
    /// application, and stays.
    pub(crate) fn let_grow(&mut self) {
        if self.mtu_bytes >= limits::MAX_DATAGRAM {
            self.growth = Growth::Allowed;
        }
    }

    /// The size that a probe should try now, if any. Asked while enough waits that it pays.
    pub(crate) fn wanted_probe(&mut self, now: Timestamp) -> Option<usize> {
        self.mtu()?.wanted_probe(now)
    }

    /// Packet `number` tries that size.
    pub(crate) fn on_probe_sent(&mut self, now: Timestamp, number: PacketNumber) {
        if let Some(mtu) = self.mtu() {
            mtu.on_probe_sent(now, number);
        }
    }

    /// A packet arrived or was lost.
    pub(crate) fn on_fate(&mut self, now: Timestamp, packet: &Settled) {
        if let Growth::Found(mtu) = &mut self.growth {
            mtu.on_fate(now, packet);
        }
    }

    /// Makes packets smaller if the large ones are swallowed.
    pub(crate) fn look_for_black_hole(&mut self) {
        if let Growth::Found(mtu) = &mut self.growth
            && mtu.is_in_black_hole()
        {
            mtu.fall_back();
        }
    }

    /// Makes packets smaller, since nothing is heard of the peer again and again.
    pub(crate) fn on_silence(&mut self) {
        if let Some(mtu) = self.mtu() {
            mtu.fall_back();
        }
    }

    /// Heap in bytes.
    pub(crate) const fn heap_bytes(&self) -> usize {
        match self.growth {
            Growth::Fixed | Growth::Allowed => 0,
            Growth::Found(_) => Self::HEAP_BOUND,
        }
    }

    fn mtu(&mut self) -> Option<&mut PathMtu> {
        if matches!(self.growth, Growth::Allowed) {
            self.growth = Growth::Found(Box::new(PathMtu::new()));
        }
        match &mut self.growth {
            Growth::Fixed | Growth::Allowed => None,
            Growth::Found(mtu) => Some(mtu),
        }
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

    #[test]
    fn packets_keep_a_size_that_the_application_has_chosen() {
        let mut path = Path::direct(1299);
        path.let_grow();
        assert_eq!(path.wanted_probe(Timestamp::ZERO), None);
        path.on_silence();
        assert_eq!(path.full_packet(), 1254);
    }
}
