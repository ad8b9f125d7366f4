//! Overwrites what was said in packets, and keeps what a connection goes by.
//!
//! Of a plaintext the frames stay, of a lane's stream the headers between the messages: they were found
//! by playing the recording back. All other bytes become zeros, texts become asterisks.

use alloc::vec::Vec;

use crate::connection::recording::checkpoint::masked;
use crate::connection::recording::watch::Content;
use crate::connection::recording::watch::PacketPlan;
use crate::ids::LaneIndex;
use crate::range_set::RangeSet;
use crate::wire::udp;
use crate::wire::udp::UdpPacket;

/// Which bytes of each lane's stream are headers of messages.
#[derive(Debug, Default)]
pub(crate) struct StreamHeaders(Vec<RangeSet>);

impl StreamHeaders {
    /// From the lowest lane on.
    pub(crate) const fn new(lanes: Vec<RangeSet>) -> Self {
        Self(lanes)
    }

    /// Blanks bytes of a lane's stream that begin at `pos`, except for headers.
    pub(crate) fn blank(&self, lane: LaneIndex, pos: u64, bytes: &mut [u8]) {
        let whole = pos..pos.saturating_add(bytes.len() as u64);
        let none = RangeSet::new();
        let headers = self.0.get(lane.as_usize()).unwrap_or(&none);
        for range in headers.missing_in(whole) {
            let index = |at: u64| usize::try_from(at - pos).unwrap_or(usize::MAX);
            if let Some(part) = bytes.get_mut(index(range.start)..index(range.end)) {
                part.fill(0);
            }
        }
    }
}

/// Blanks a received plaintext. Of what nobody has read nothing is left.
pub(super) fn plaintext(bytes: &mut [u8], plan: Option<&PacketPlan>, headers: &StreamHeaders) {
    let Some(plan) = plan else {
        bytes.fill(0);
        return;
    };
    for piece in &plan.pieces {
        let Some(part) = bytes.get_mut(piece.range.clone()) else {
            continue;
        };
        match piece.content {
            Content::Stream { lane, pos } => headers.blank(lane, pos, part),
            Content::Message => part.fill(0),
            Content::Text => part.fill(b'*'),
        }
    }
    // What breaks the protocol is no message, and must break it again.
    if !plan.is_broken
        && let Some(unread) = bytes.get_mut(plan.end..)
    {
        unread.fill(0);
    }
}

/// Blanks the text of an unencrypted close; leaves other packets alone.
pub(super) fn control_text(packet: &mut Vec<u8>) {
    if let Ok(UdpPacket::ConnectionClosed(mut close)) = udp::parse(packet) {
        close.text = masked(&close.text);
        packet.clear();
        close.encode(packet);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn headers_stay_and_messages_go() {
        let mut headers = RangeSet::new();
        headers.insert(10..12);
        headers.insert(15..16);
        let headers = StreamHeaders::new(vec![headers]);
        let mut bytes = [9; 8];
        headers.blank(LaneIndex::ZERO, 9, &mut bytes);
        assert_eq!(bytes, [0, 9, 9, 0, 0, 0, 9, 0]);
        let mut other_lane = [9; 3];
        headers.blank(LaneIndex::new(1), 10, &mut other_lane);
        assert_eq!(other_lane, [0; 3]);
    }

    #[test]
    fn what_nobody_has_read_is_blanked_whole() {
        let mut bytes = [7; 5];
        plaintext(&mut bytes, None, &StreamHeaders::default());
        assert_eq!(bytes, [0; 5]);
    }
}
