//! Takes round trips that were measured to all who want to know.

use crate::connection::Connection;
use crate::time::Span;
use crate::time::Timestamp;

impl Connection {
    /// A round trip was measured.
    pub(crate) fn on_ping(&mut self, now: Timestamp, rtt: Span) {
        self.note_ping(now, rtt);
        self.on_transport_ping(now, rtt);
    }

    /// Shows a round trip that was measured.
    pub(crate) fn note_ping(&mut self, now: Timestamp, rtt: Span) {
        let ms = u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX);
        self.telemetry.ping.add_sample(now, ms);
        self.telemetry.link.ping_sample(ms);
    }

    /// The peer has measured the round trip in whole milliseconds, rounded down.
    pub(crate) fn on_ping_estimate(&mut self, now: Timestamp, ms: u32) {
        let ms = u64::from(ms);
        self.sender.on_handshake_rtt(Span::from_millis(ms + 1));
        self.on_ping(now, Span::from_millis(ms));
    }
}
