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
use crate::transmit::ProbeFailure;

/// The size of a full data packet of GNS with default settings.
const GNS_FULL_PACKET: usize = limits::MAX_DATAGRAM - limits::HEADER_RESERVE + limits::DATA_HEADER;

/// A path.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Path {
    id: PathId,
    state: PathState,
    /// The largest UDP payload that is sent to a GNS peer.
    mtu_bytes: u16,
    /// Packets grow up to this if it pays. They do not if that is no more than GNS sends: the peer does not know
    /// of it, or the application has chosen a size.
    most_bytes: u16,
    /// What was found out of the path, once it was asked or lost a large packet.
    found: Option<Box<PathMtu>>,
}

/// Whether a path may be used.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum PathState {
    /// The peer was heard of on it, or it is the only one that there is.
    Usable,
    /// No way to the peer is known.
    Missing,
}

impl Path {
    /// The most heap in bytes.
    pub(crate) const HEAP_BOUND: usize = size_of::<PathMtu>();

    pub(crate) fn direct(mtu_bytes: usize) -> Self {
        Self {
            id: PathId::DIRECT,
            state: PathState::Usable,
            mtu_bytes: u16::try_from(mtu_bytes).unwrap_or(u16::MAX),
            most_bytes: 0,
            found: None,
        }
    }

    /// The path between peers that exchange signals: it has no way until [`Self::take_way`].
    pub(crate) fn between_peers(mtu_bytes: usize) -> Self {
        Self {
            id: PathId::PEER,
            state: PathState::Missing,
            ..Self::direct(mtu_bytes)
        }
    }

    /// Packets of at most `mtu_bytes` go out from now on, on another way than before.
    pub(crate) fn take_way(&mut self, mtu_bytes: usize) {
        self.state = PathState::Usable;
        // What was found out was of another way.
        self.found = None;
        self.set_mtu(mtu_bytes);
    }

    /// The application has chosen another size. Nothing that was found out counts any more, and packets grow only
    /// if they are [let](Self::let_grow) again.
    pub(crate) fn resize(&mut self, mtu_bytes: usize) {
        self.forget_growth();
        self.set_mtu(mtu_bytes);
    }

    fn set_mtu(&mut self, mtu_bytes: usize) {
        let mtu_bytes = mtu_bytes.max(limits::MIN_MTU);
        self.mtu_bytes = u16::try_from(mtu_bytes).unwrap_or(u16::MAX);
    }

    /// Packets go as before, after there was no way, or from another port.
    pub(crate) const fn retake_way(&mut self) {
        self.state = PathState::Usable;
    }

    /// No way is left.
    pub(crate) const fn lose_way(&mut self) {
        self.state = PathState::Missing;
    }

    pub(crate) const fn id(&self) -> PathId {
        self.id
    }

    pub(crate) const fn is_usable(&self) -> bool {
        matches!(self.state, PathState::Usable)
    }

    /// The size of a full data packet: what GNS calls the largest encrypted payload, and the header.
    pub(crate) fn full_packet(&self) -> usize {
        match &self.found {
            None => usize::from(self.mtu_bytes) - limits::HEADER_RESERVE + limits::DATA_HEADER,
            Some(mtu) => mtu.packet_bytes(),
        }
    }

    /// Keeps packets so small that one leaves soon; `bytes` tells how large that is at the present rate.
    pub(crate) fn fit_to_rate(&mut self, bytes: impl FnOnce() -> usize) {
        if let Some(mtu) = &mut self.found
            && mtu.depends_on_rate()
        {
            mtu.afford(bytes());
        }
    }

    /// The peer takes larger packets than GNS does, and the application wants up to `most_bytes`. A packet
    /// size below the default is a wish of the application, and stays.
    pub(crate) fn let_grow(&mut self, most_bytes: usize) {
        if usize::from(self.mtu_bytes) >= limits::MAX_DATAGRAM {
            self.most_bytes = u16::try_from(most_bytes).unwrap_or(u16::MAX);
        }
    }

    /// No full packets will be sent any more.
    pub(crate) fn forget_growth(&mut self) {
        self.most_bytes = 0;
        self.found = None;
    }

    /// Whether packets are smaller than those of GNS, for want of a path that takes more.
    pub(crate) fn is_reduced(&self) -> bool {
        self.found.as_ref().is_some_and(|mtu| mtu.is_reduced())
    }

    /// The size that a probe should try now, if any. Asked while enough waits that it pays, or packets are
    /// smaller than those of GNS.
    pub(crate) fn wanted_probe(&mut self, now: Timestamp) -> Option<usize> {
        self.mtu()?.wanted_probe(now)
    }

    /// Packet `number` tries that size.
    pub(crate) fn on_probe_sent(&mut self, now: Timestamp, number: PacketNumber) {
        if let Some(mtu) = self.mtu() {
            mtu.on_probe_sent(now, number);
        }
    }

    /// The probe that is asked for was not sent.
    pub(crate) fn on_probe_unsent(&mut self, now: Timestamp, failure: ProbeFailure) {
        if let Some(mtu) = &mut self.found {
            mtu.on_probe_unsent(now, failure);
        }
    }

    /// A packet arrived or was lost.
    pub(crate) fn on_fate(&mut self, now: Timestamp, packet: &Settled) {
        // Before the path was asked for anything, only this is worth remembering.
        let may_be_too_large = !packet.has_arrived() && usize::from(packet.bytes) > mtu::BASE;
        let mtu = if may_be_too_large {
            self.mtu()
        } else {
            self.found.as_deref_mut()
        };
        if let Some(mtu) = mtu {
            mtu.on_fate(now, packet);
        }
    }

    /// Makes packets smaller if the large ones are swallowed.
    pub(crate) fn look_for_black_hole(&mut self) {
        if let Some(mtu) = &mut self.found
            && mtu.is_in_black_hole()
        {
            mtu.fall_back();
        }
    }

    /// Makes packets smaller, since nothing is heard of the peer again and again.
    pub(crate) fn on_silence(&mut self) {
        if let Some(mtu) = self.mtu() {
            mtu.on_silence();
        }
    }

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.found.as_ref().map_or(0, |_| Self::HEAP_BOUND)
    }

    fn mtu(&mut self) -> Option<&mut PathMtu> {
        // Through a relay packets get smaller, not larger.
        let is_whole = usize::from(self.mtu_bytes) >= limits::MAX_DATAGRAM;
        let most = usize::from(if is_whole { self.most_bytes } else { 0 });
        if self.found.is_none() && most > GNS_FULL_PACKET {
            self.found = Some(Box::new(PathMtu::new(most)));
        }
        self.found.as_deref_mut()
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
        let most = limits::MAX_GROWN_DATAGRAM;
        for (set, most, size) in [(1299, most, 1254), (1300, 0, 1255), (1300, 1255, 1255)] {
            let mut path = Path::direct(set);
            path.let_grow(most);
            assert_eq!(path.wanted_probe(Timestamp::ZERO), None);
            path.on_silence();
            assert_eq!(path.full_packet(), size);
        }
    }
}
