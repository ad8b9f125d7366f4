//! What a recording needs of a lane: how far it has come, and the same lane without the messages.

use crate::ids::MessageNumber;
use crate::ids::StreamPos;
use crate::send::lane::SendLane;

/// How far a lane has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneMarks {
    /// Of the last message that was accepted.
    pub(crate) last_number: MessageNumber,
    /// The oldest byte of the stream that was not acknowledged.
    pub(crate) unacked: StreamPos,
    /// The first byte of the stream that was never sent.
    pub(crate) unsent: StreamPos,
}

impl SendLane {
    /// How far the lane has come.
    pub(crate) const fn marks(&self) -> LaneMarks {
        LaneMarks {
            last_number: self.last_number,
            unacked: self.stream.start(),
            unsent: self.unsent,
        }
    }

    /// Overwrites the bytes of all messages with zeros: nothing that the lane does depends on them.
    pub(crate) fn blank(&mut self) {
        self.stream.blank();
        self.unreliable.blank();
    }
}
