//! How much a peer of ours may send ahead of what is missing, and telling it so.
//!
//! A GNS peer keeps to what GNS takes. One that has agreed on it is told a window that a fast path with
//! loss needs, and the size of the receive buffer instead while the application does not read. It is told
//! in every packet until one of them is acknowledged.

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PacketNumber;
use crate::limits;
use crate::recv::Receiver;
use crate::recv::memory::ReceiveLimits;
use crate::time::Timestamp;

/// What the peer knows of our window.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) enum WindowNews {
    /// The peer does not know of windows.
    #[default]
    Unused,
    /// This has to be told; every packet from `since` on, if one left, tells it.
    Untold {
        bytes: u64,
        since: Option<PacketNumber>,
    },
    /// The peer knows it.
    Told { bytes: u64 },
}

impl Receiver {
    /// The peer wants to be told of the window.
    pub(crate) fn use_window(&mut self) {
        self.limits.widen();
        for lane in &mut self.lanes {
            lane.set_limits(self.limits);
        }
        self.window = WindowNews::Untold {
            bytes: self.window_bytes(),
            since: None,
        };
    }

    /// The window that the next packet has to tell, if any.
    pub(crate) const fn window_to_tell(&self) -> Option<u64> {
        match &self.window {
            WindowNews::Untold { bytes, .. } => Some(*bytes),
            WindowNews::Unused | WindowNews::Told { .. } => None,
        }
    }

    /// Packet `number` tells it.
    pub(crate) const fn window_leaves_in(&mut self, number: PacketNumber) {
        if let WindowNews::Untold { since, .. } = &mut self.window
            && since.is_none()
        {
            *since = Some(number);
        }
    }

    /// Packet `number` arrived.
    pub(crate) fn window_arrived(&mut self, number: PacketNumber) {
        if let WindowNews::Untold {
            bytes,
            since: Some(since),
        } = self.window
            && since <= number
        {
            self.window = WindowNews::Told { bytes };
        }
    }

    /// Sees to it that the peer is told if the window has changed.
    pub(super) fn check_window(&mut self, now: Timestamp) {
        let told = match self.window {
            WindowNews::Unused => return,
            WindowNews::Untold { bytes, .. } | WindowNews::Told { bytes } => bytes,
        };
        let bytes = self.window_bytes();
        if bytes != told {
            self.window = WindowNews::Untold { bytes, since: None };
            self.acks.owe(now);
        }
    }

    /// Whether the limits are those of a window.
    pub(super) const fn is_wide(&self) -> bool {
        !matches!(self.window, WindowNews::Unused)
    }

    fn window_bytes(&self) -> u64 {
        let reads = !self.lanes.iter().any(|lane| lane.is_stalled());
        if reads {
            // An eighth is for what pieces take besides their bytes.
            self.limits.window_bytes / 8 * 7
        } else {
            self.buffer_bytes
        }
    }
}

impl ReceiveLimits {
    /// The limits for a peer that is told of them.
    pub(super) fn widen(&mut self) {
        let buffers = self
            .window_bytes
            .saturating_mul(limits::RECEIVE_WINDOW_BUFFERS);
        let most = limits::MAX_RECEIVE_WINDOW.max(self.window_bytes);
        self.window_bytes = buffers.min(most);
        let pieces = self.window_bytes / limits::MIN_WINDOW_PIECE;
        self.max_pieces = self
            .max_pieces
            .max(usize::try_from(pieces).unwrap_or(usize::MAX));
        let message = self.max_message_bytes as u64;
        self.all_lanes_bytes = self.all_lanes_bytes.max(self.window_bytes + message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ids::LaneIndex;
    use crate::ids::StreamPos;

    const NOW: Timestamp = Timestamp::ZERO;

    const fn packet(number: u64) -> PacketNumber {
        PacketNumber::new(number)
    }

    fn receiver(buffer: usize) -> Receiver {
        let mut config = Config::new();
        config.set_recv_buffer(buffer).unwrap();
        config.set_recv_buffer_messages(2).unwrap();
        Receiver::new(&config, packet(1))
    }

    fn tell(receiver: &mut Receiver, number: u64) -> Option<u64> {
        let told = receiver.window_to_tell();
        receiver.window_leaves_in(packet(number));
        told
    }

    #[test]
    fn a_window_is_told_until_a_packet_with_it_arrived() {
        let mut receiver = receiver(1 << 20);
        assert_eq!(tell(&mut receiver, 2), None, "a GNS peer");
        receiver.use_window();
        let told = tell(&mut receiver, 3);
        assert_eq!(told, Some(14 << 20));
        receiver.window_arrived(packet(2));
        assert_eq!(tell(&mut receiver, 4), told);
        receiver.window_arrived(packet(4));
        assert_eq!(tell(&mut receiver, 5), None);
    }

    #[test]
    fn a_window_is_small_while_the_application_does_not_read() {
        let mut receiver = receiver(1 << 20);
        receiver.use_window();
        tell(&mut receiver, 2);
        receiver.window_arrived(packet(2));
        // Three messages, of which the queue takes two.
        let stream = b"\x05hello\x05again\x05third";
        receiver
            .reliable(NOW, LaneIndex::ZERO, StreamPos::FIRST, stream)
            .unwrap();
        assert_eq!(tell(&mut receiver, 3), Some(1 << 20));
        assert_eq!(receiver.acks.due(), Some(NOW), "at once");
        receiver.window_arrived(packet(3));
        assert!(receiver.pop(NOW).0.is_some());
        assert_eq!(tell(&mut receiver, 4), Some(14 << 20));
    }

    #[test]
    fn limit_receive_window() {
        for (buffer, window) in [
            (64 << 10, 1 << 20),
            (4 << 20, 16 << 20),
            (32 << 20, 32 << 20),
        ] {
            let mut receiver = receiver(buffer);
            receiver.use_window();
            let told = tell(&mut receiver, 2);
            assert_eq!(told, Some(window / 8 * 7), "of {buffer}");
            assert_eq!(receiver.limits.window_bytes, window);
        }
    }
}
