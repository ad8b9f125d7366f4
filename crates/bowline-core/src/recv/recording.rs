//! What a recording needs of the receiving half: where headers stand in the streams, and the same state
//! without the messages.

use bytes::Bytes;
use bytes::BytesMut;

use crate::connection::Plan;
use crate::connection::StreamHeaders;
use crate::ids::LaneIndex;
use crate::recv::Receiver;
use crate::recv::reliable::Parsing;
use crate::recv::reliable::ReliableReceiver;

impl Receiver {
    /// Notes from now on which bytes of the streams are headers of messages.
    pub(crate) fn watch_headers(&mut self) {
        self.watches_headers = true;
        for lane in &mut self.lanes {
            lane.watch_headers();
        }
    }

    /// The headers noted since.
    pub(crate) fn headers(&self) -> StreamHeaders {
        let lanes = self.lanes.iter().map(ReliableReceiver::headers);
        StreamHeaders::new(lanes.collect())
    }

    /// Overwrites the bytes of all messages.
    pub(crate) fn blank(&mut self, headers: &StreamHeaders, plan: &Plan) {
        for (index, lane) in (0..=u8::MAX).zip(&mut self.lanes) {
            lane.blank(LaneIndex::new(index), headers);
        }
        self.fragments.blank();
        self.queue.blank();
        for held in self.reorder.held_mut() {
            plan.blank(held.number, held.payload_at, &mut held.bytes, headers);
        }
    }
}

impl ReliableReceiver {
    fn blank(&mut self, lane: LaneIndex, headers: &StreamHeaders) {
        match &mut self.parsing {
            Parsing::Header | Parsing::PartHeader { .. } => {}
            Parsing::Body { data, .. } => *data = BytesMut::zeroed(data.len()),
            Parsing::Stalled { data, .. } => *data = zeros(data.len()),
        }
        for (pos, piece) in &mut self.pieces {
            let mut bytes = piece.to_vec();
            headers.blank(lane, pos.get(), &mut bytes);
            *piece = bytes.into();
        }
    }
}

fn zeros(len: usize) -> Bytes {
    alloc::vec![0; len].into()
}
