//! What was sent of a lane's stream and is not acknowledged.

use core::ops::Range;

use crate::ids::StreamPos;
use crate::send::lane::SendLane;

impl SendLane {
    /// Reliable bytes that were sent and are not acknowledged.
    pub(crate) fn unacked_bytes(&self) -> u64 {
        self.unsent.bytes_since(self.stream.start())
    }

    /// What is left of `range` from the first byte on that the peer was not heard to have.
    pub(crate) fn unacked_part(&self, range: &Range<StreamPos>) -> Range<StreamPos> {
        let end = range.end.get();
        let from = range.start.max(self.stream.start()).get().min(end);
        let missing = self.acked.missing_in(from..end).next();
        StreamPos::new(missing.map_or(end, |part| part.start))..range.end
    }
}
