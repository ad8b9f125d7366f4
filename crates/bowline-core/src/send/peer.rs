//! What the peer's receiver takes: a GNS receiver what it is known to take, one of ours what it has told.

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PacketNumber;
use crate::limits;
use crate::send::Sender;
use crate::send::lane::SendLane;

/// How far the peer's receiver may be driven. Values, because a peer may announce better ones.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct PeerLimits {
    /// New reliable bytes of a lane may run this far ahead of the oldest unacknowledged one.
    pub(crate) stream_window_bytes: u64,
    /// Holes that may be known in a lane before new bytes wait.
    pub(crate) max_holes: usize,
}

/// The window that the peer has told.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct PeerWindow {
    /// Over all lanes.
    bytes: u64,
    /// The newest packet that told it.
    by: PacketNumber,
}

impl PeerLimits {
    /// What a peer takes that has told its window, with so many lanes. Each lane has its share, so that all
    /// of them keep within it together.
    fn of_window(bytes: u64, lanes: usize) -> Self {
        let bytes = bytes.min(limits::MAX_RECEIVE_WINDOW);
        let share = bytes / (lanes.max(1) as u64);
        // What tears a hole into the smallest window is all that is sent in it.
        let holes = (bytes / limits::MIN_WINDOW_PIECE).max(1);
        Self {
            stream_window_bytes: share.max(bytes.min(limits::GNS_STREAM_WINDOW)),
            max_holes: usize::try_from(holes).unwrap_or(usize::MAX),
        }
    }

    /// What a GNS receiver takes without refusing or breaking.
    pub(crate) const GNS: Self = Self {
        stream_window_bytes: limits::GNS_STREAM_WINDOW,
        max_holes: limits::GNS_MAX_HOLES,
    };
}

impl Sender {
    /// The peer has told its window, in packet `by`. Packets may come in another order than they left: what
    /// the newest of them said holds.
    ///
    /// Each tells one, since each costs a walk over the lanes: `false` if this one told another before.
    pub(crate) fn on_peer_window(&mut self, by: PacketNumber, bytes: u64) -> bool {
        let newest = self.peer_window.map(|window| window.by);
        if newest < Some(by) {
            self.peer_window = Some(PeerWindow { bytes, by });
            self.share_peer_window();
        }
        newest != Some(by)
    }

    /// Gives each lane its share of the window that the peer has told.
    pub(super) fn share_peer_window(&mut self) {
        if let Some(window) = self.peer_window {
            self.lanes.iter_mut().for_each(SendLane::on_peer_window);
            self.peer = PeerLimits::of_window(window.bytes, self.lanes.len());
        }
    }

    /// The most bytes of all lanes together that may wait for acknowledgement, if the peer tells the largest
    /// windows: what was sent under one still waits when lanes come with shares of their own.
    pub(super) fn unacked_bound(&self) -> u64 {
        let lanes = self.lanes.len() as u64;
        if self.peer_window.is_none() {
            return lanes * limits::GNS_STREAM_WINDOW;
        }
        let share = PeerLimits::of_window(u64::MAX, self.lanes.len()).stream_window_bytes;
        limits::MAX_RECEIVE_WINDOW.saturating_add((lanes - 1) * share)
    }

    /// Leaves a GNS receiver room for the holes that nobody knows of yet, since they will be torn by losses of
    /// what is under way.
    pub(super) fn expect_holes(&mut self) {
        if self.peer_window.is_some() {
            return;
        }
        let packets = self.in_flight.len() as u64;
        let holes = packets.saturating_mul(self.controller.usual_loss()) / 1_000_000;
        let holes = usize::try_from(holes).unwrap_or(usize::MAX);
        self.peer.max_holes = limits::GNS_MAX_HOLES.saturating_sub(holes).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::time::Timestamp;

    fn sender() -> Sender {
        Sender::new(Timestamp::ZERO, &Config::new(), PacketNumber::new(2))
    }

    #[test]
    fn a_window_that_comes_late_does_not_replace_a_newer_one() {
        let mut sender = sender();
        for (packet, bytes, holds) in [(5, 1 << 20, 1 << 20), (3, 0, 1 << 20), (6, 100, 100)] {
            assert!(sender.on_peer_window(PacketNumber::new(packet), bytes));
            assert_eq!(sender.peer.stream_window_bytes, holds, "{packet}");
        }
    }

    #[test]
    fn limit_what_waits_for_acknowledgement_under_the_largest_window() {
        let mut sender = sender();
        assert_eq!(sender.unacked_bound(), limits::GNS_STREAM_WINDOW);
        sender.on_peer_window(PacketNumber::new(2), u64::MAX);
        assert_eq!(sender.unacked_bound(), limits::MAX_RECEIVE_WINDOW);
        assert!(sender.heap_bound() < 2 * limits::MAX_RECEIVE_WINDOW as usize);
        sender.on_peer_window(PacketNumber::new(3), 0);
        assert_eq!(
            sender.unacked_bound(),
            limits::MAX_RECEIVE_WINDOW,
            "is under way"
        );
    }

    #[test]
    fn a_window_smaller_than_a_piece_takes_one() {
        for bytes in [1, 100, limits::MIN_WINDOW_PIECE] {
            assert_eq!(PeerLimits::of_window(bytes, 1).max_holes, 1);
        }
    }

    #[test]
    fn limit_a_packet_tells_one_window() {
        let mut sender = sender();
        assert!(sender.on_peer_window(PacketNumber::new(5), 1000));
        assert!(!sender.on_peer_window(PacketNumber::new(5), 2000));
        assert_eq!(sender.peer.stream_window_bytes, 1000);
        assert!(sender.on_peer_window(PacketNumber::new(4), 3000), "late");
        assert!(sender.on_peer_window(PacketNumber::new(6), 2000));
        assert_eq!(sender.peer.stream_window_bytes, 2000);
    }

    #[test]
    fn limit_a_peer_is_believed_up_to_a_window() {
        let believed = PeerLimits::of_window(u64::MAX, 1).stream_window_bytes;
        assert_eq!(believed, limits::MAX_RECEIVE_WINDOW);
    }

    #[test]
    fn lanes_share_a_window_and_none_is_left_without() {
        let bytes = |window, lanes| PeerLimits::of_window(window, lanes).stream_window_bytes;
        assert_eq!(bytes(8 << 20, 4), 2 << 20);
        assert_eq!(bytes(8 << 20, 200), limits::GNS_STREAM_WINDOW);
        assert_eq!(bytes(100_000, 4), 100_000);
        assert_eq!(bytes(0, 1), 0);
    }
}
