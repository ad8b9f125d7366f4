//! Packets that ask whether the path takes their size, among those with data.
//!
//! They are paced, count as in flight and, once they arrive, as delivered. Their loss is no sign of
//! congestion: a path that does not take them loses nothing else.

use crate::send::Sender;
use crate::time::Span;
use crate::time::Timestamp;

/// With so much waiting it pays to find out whether the path takes larger packets: a dozen of them.
const BULK_BYTES: u64 = 16 * 1024;
/// No packet takes longer than this to leave: those that wait behind it notice less than the jitter of a usual
/// path, and a path so narrow that they would has little to win.
const MAX_PACKET_TIME: Span = Span::from_millis(5);

impl Sender {
    /// Whether so much waits that larger packets pay, and a packet may go now that may be lost without
    /// spoiling a measurement of the path.
    pub(crate) fn wants_probe(&mut self, now: Timestamp, packet_room: usize) -> bool {
        self.unsent_bytes >= BULK_BYTES
            && !self.controller.is_measuring()
            && self.wants_to_send(now, packet_room)
            && self.has_room_for_probe()
    }

    /// The same, except that something need not wait.
    pub(crate) fn may_probe(&mut self, now: Timestamp) -> bool {
        self.pacer.refill(now, self.rate_bytes_per_sec());
        !self.controller.is_measuring() && self.has_room_for_probe()
    }

    /// A probe does not go instead of a packet that goes out although window or pace are at their end.
    fn has_room_for_probe(&self) -> bool {
        !self.probe && self.window_is_open() && self.pacer.is_open()
    }

    /// How large a packet may be that keeps those behind it for a moment only.
    pub(crate) fn affordable_bytes(&self) -> usize {
        let rate = self.rate_bytes_per_sec().unwrap_or(0);
        let bytes = rate.saturating_mul(MAX_PACKET_TIME.as_millis()) / 1000;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Books a packet without data that asks whether the path takes its size, and for an ack.
    pub(crate) fn on_probe_sent(&mut self, now: Timestamp, bytes: usize) {
        self.on_packet_sent(now, bytes, 0, true);
        self.in_flight.mark_probe();
    }

    /// Books a packet without data that goes another way than others do.
    pub(crate) fn on_probe_sent_elsewhere(&mut self, now: Timestamp, bytes: usize) {
        self.on_packet_sent(now, bytes, 0, false);
        self.in_flight.mark_probe();
        self.in_flight.mark_elsewhere();
    }
}
