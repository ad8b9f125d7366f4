//! How much memory the receiver holds, and how much it may.

use serde::Deserialize;
use serde::Serialize;

use crate::config::Config;
use crate::limits;
use crate::memory;
use crate::recv::Receiver;
use crate::recv::acks::Acks;
use crate::recv::queue;
use crate::recv::queue::ReceiveQueue;
use crate::recv::reliable::ReliableReceiver;
use crate::recv::tuning::Tuning;

/// What a packet that waits for those before it takes.
const HELD_PACKET: usize = limits::MAX_GROWN_DATAGRAM + size_of::<super::HeldPacket>() * 2;

/// Bounds of reassembly. Values, since they are configured and may be announced to a peer.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct ReceiveLimits {
    /// How far the end may lie beyond the first byte that is not delivered.
    pub(crate) window_bytes: u64,
    /// What all lanes together may hold: some full ones, be it of pieces or of a message that is not whole.
    pub(crate) all_lanes_bytes: u64,
    /// The largest message.
    pub(crate) max_message_bytes: usize,
    /// Most pieces held.
    pub(crate) max_pieces: usize,
}

impl ReceiveLimits {
    /// What a GNS peer may expect, with so much room for a header.
    pub(super) fn of(config: &Config, header_room: u8) -> Self {
        let buffer = config.recv_buffer_bytes() as u64;
        let largest = config.recv_max_message_bytes();
        Self::new(buffer, largest.saturating_add(header_room.into()))
    }

    /// The same with a receive buffer of so many bytes.
    pub(super) fn new(buffer_bytes: u64, max_message_bytes: usize) -> Self {
        let full = buffer_bytes.max(max_message_bytes as u64);
        Self {
            window_bytes: buffer_bytes,
            all_lanes_bytes: full.saturating_mul(limits::MAX_FULL_LANES),
            max_message_bytes,
            max_pieces: limits::MAX_REASSEMBLY_PIECES,
        }
    }

    /// The limits for a peer that has such a window. An eighth comes on top for what pieces take besides
    /// their bytes, and a message that is under way.
    pub(super) fn widened(self, window_bytes: u64) -> Self {
        let window_bytes = window_bytes.max(self.max_message_bytes as u64);
        let pieces = usize::try_from(window_bytes / limits::MIN_WINDOW_PIECE).unwrap_or(usize::MAX);
        let message = queue::body_bytes(self.max_message_bytes, self.max_message_bytes) as u64;
        let held = window_bytes
            .saturating_add(window_bytes / 8)
            .saturating_add(message);
        Self {
            window_bytes,
            all_lanes_bytes: self.all_lanes_bytes.max(held),
            max_pieces: self.max_pieces.max(pieces),
            ..self
        }
    }
}

impl Receiver {
    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let lanes = self.lanes.iter().map(ReliableReceiver::heap_bytes);
        memory::of_vec(&self.lanes)
            + lanes.sum::<usize>()
            + self.fragments.heap_bytes()
            + self.queue.heap_bytes()
            + self.acks.heap_bytes()
            + self.reorder.heap_bytes()
            + self
                .window
                .tuning
                .as_ref()
                .map_or(0, |_| size_of::<Tuning>())
    }

    /// What lanes hold for reassembly, with messages that are not whole counted as if they were.
    pub(super) fn promised_bytes(&self) -> u64 {
        self.lanes
            .iter()
            .map(ReliableReceiver::promised_bytes)
            .sum()
    }

    /// The most heap in bytes with the present settings.
    pub(crate) fn heap_bound(&self) -> usize {
        let message = self.limits.max_message_bytes;
        // What was there before the last segment, and a message whose buffer doubles for it; another one in
        // the lane that may always go on; and what a queue that fills up leaves of a segment.
        let held = self.widest_limits().all_lanes_bytes;
        let held = usize::try_from(held.saturating_add(self.kept_bytes)).unwrap_or(usize::MAX);
        let held = held
            .saturating_add(2 * queue::body_bytes(message, message))
            .saturating_add(limits::MAX_GROWN_DATAGRAM + limits::REASSEMBLY_PIECE_COST);
        let lanes = limits::MAX_LANE_INDEX as usize + 1;
        held.saturating_add(memory::grown::<ReliableReceiver>(lanes))
            .saturating_add(limits::MAX_UNRELIABLE_FRAGMENTS * (limits::MAX_GROWN_DATAGRAM + 256))
            .saturating_add(ReceiveQueue::heap_bound(
                usize::try_from(self.buffer_bytes).unwrap_or(usize::MAX),
                self.queue.max_messages(),
                message,
            ))
            .saturating_add(Acks::HEAP_BOUND + size_of::<Tuning>())
            .saturating_add(limits::MAX_REORDER_HELD * HELD_PACKET)
    }
}
