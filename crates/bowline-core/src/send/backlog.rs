//! How much waits to be sent, and for how long.

use crate::ids::LaneIndex;
use crate::limits;
use crate::send::Sender;
use crate::send::scheduler;
use crate::time::Span;

/// Bytes on their way through the sender.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PendingBytes {
    pub(crate) unreliable: usize,
    pub(crate) reliable: usize,
    pub(crate) unacked_reliable: usize,
}

impl Sender {
    /// Whether a refused sender should hear that there is room; says so once.
    pub(crate) fn take_writable(&mut self) -> bool {
        let roomy = self.buffered_bytes() * 2 <= self.send_buffer_bytes;
        let tell = self.refused && roomy;
        self.refused &= !tell;
        tell
    }

    /// Bytes waiting or in flight, of all lanes or of one.
    pub(crate) fn pending(&self, lane: Option<LaneIndex>) -> PendingBytes {
        let mut sum = PendingBytes::default();
        let chosen = self.lanes.iter().enumerate();
        for (_, lane) in chosen.filter(|(i, _)| lane.is_none_or(|lane| lane.as_usize() == *i)) {
            sum.unreliable += to_usize(lane.unsent_unreliable_bytes());
            sum.reliable += to_usize(lane.unsent_reliable_bytes() + lane.lost_bytes());
            sum.unacked_reliable +=
                to_usize(lane.unacked_bytes().saturating_sub(lane.lost_bytes()));
        }
        sum
    }

    /// How long a message queued now in this lane would wait at the current rate.
    pub(crate) fn queue_time(&self, lane: LaneIndex) -> Option<Span> {
        let bytes = scheduler::bytes_ahead(&self.lanes, lane)?;
        if bytes == 0 {
            return Some(Span::ZERO);
        }
        self.time_for(bytes)
    }

    /// What the send buffer holds. Unreliable messages are remembered one by one, empty ones too; the
    /// bytes of reliable ones include their headers.
    pub(super) const fn buffered_bytes(&self) -> u64 {
        self.unsent_bytes + self.unsent_unreliable * limits::UNRELIABLE_MESSAGE_COST
    }

    /// How long these bytes take at the current rate, if one is known.
    pub(super) fn time_for(&self, bytes: u64) -> Option<Span> {
        let rate = self.rate_bytes_per_sec()?.max(1);
        Some(Span::from_micros(bytes.saturating_mul(1_000_000) / rate))
    }
}

pub(super) fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
