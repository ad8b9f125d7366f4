//! How much memory the sender holds, and how much it may.

use crate::limits;
use crate::rate::Controller;
use crate::send::Rare;
use crate::send::Sender;
use crate::send::armour::Armour;
use crate::send::in_flight::InFlight;
use crate::send::lane::SendLane;
use crate::send::stream_buffer::StreamBuffer;

impl Sender {
    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.lanes.heap_bytes()
            + self.in_flight.heap_bytes()
            + self.armour.heap_bytes()
            + self.rare.as_deref().map_or(0, size_of_val)
            + self.controller.heap_bytes()
    }

    /// The most heap in bytes with the present settings: what waits is bounded by the send buffer, what
    /// is not acknowledged by the windows that a peer may tell, what is remembered of packets by their number.
    pub(crate) fn heap_bound(&self) -> usize {
        let lanes = self.lanes.len();
        let waiting = usize::try_from(self.send_buffer_bytes).unwrap_or(usize::MAX);
        let unacked = usize::try_from(self.unacked_bound()).unwrap_or(usize::MAX);
        let reliable = StreamBuffer::heap_bound(waiting.saturating_add(unacked))
            .saturating_add(lanes.saturating_mul(StreamBuffer::heap_bound(0)));
        let unreliable = StreamBuffer::heap_bound(waiting.saturating_mul(2))
            .saturating_add(lanes.saturating_mul(StreamBuffer::heap_bound(0)));
        let messages = waiting / limits::UNRELIABLE_MESSAGE_COST as usize;
        reliable
            .saturating_add(unreliable)
            .saturating_add(SendLane::heap_bound(waiting, messages, lanes))
            .saturating_add(InFlight::HEAP_BOUND)
            .saturating_add(Armour::HEAP_BOUND)
            .saturating_add(size_of::<Rare>())
            .saturating_add(Controller::HEAP_BOUND)
    }
}
