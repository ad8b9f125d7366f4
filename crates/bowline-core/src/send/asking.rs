//! When the peer is asked for an ack.
//!
//! GNS acknowledges reliable data within 50 ms and unreliable data only when asked. A controller that learns
//! from acks cannot wait for that, and a window full of unreliable data would stay full: no packet that
//! closes the window leaves without an ack on its way.

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PacketNumber;
use crate::send::Sender;
use crate::time::Span;
use crate::time::Timestamp;

/// An ack is asked for so many times per round trip...
const ACK_REQUESTS_PER_RTT: u64 = 8;
/// ...but no sooner than this after the last time.
const MIN_ACK_REQUEST_GAP: Span = Span::from_micros(250);

/// How urgently an ack is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AckRequest {
    /// Within the peer's usual delay.
    Delayed,
    /// At once.
    Immediate,
}

/// A packet that asked for an ack.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Asked {
    pub(super) number: PacketNumber,
    pub(super) at: Timestamp,
}

impl Sender {
    /// Whether the next packet, which carries data, should ask for an ack, and whether at once. A full one has
    /// `packet` bytes.
    pub(crate) fn ack_request(&mut self, now: Timestamp, packet: usize) -> Option<AckRequest> {
        let request = self.due_ack_request(now, packet);
        if request.is_none() {
            self.unasked_since.get_or_insert(now);
        }
        request
    }

    /// Whether nothing more could leave behind the next packet, nor would an ack let it. A full one has `packet`
    /// bytes.
    pub(crate) fn must_ask(&self, packet: usize) -> bool {
        let heard = self.reported;
        self.closes_window(packet as u64) && self.asked.is_none_or(|asked| asked.number <= heard)
    }

    fn closes_window(&self, packet: u64) -> bool {
        self.in_flight.bytes() + packet >= self.controller.window_bytes()
    }

    fn due_ack_request(&self, now: Timestamp, packet: usize) -> Option<AckRequest> {
        if self.probe || self.controller.is_measuring() {
            return Some(AckRequest::Immediate);
        }
        if self.must_ask(packet) {
            return Some(AckRequest::Immediate);
        }
        let srtt = self.rtt.smoothed().unwrap_or(MIN_ACK_REQUEST_GAP);
        let gap = (srtt / ACK_REQUESTS_PER_RTT).max(MIN_ACK_REQUEST_GAP);
        if self.asked.is_some_and(|asked| now.since(asked.at) < gap) {
            return None;
        }
        // With more waiting behind this packet the ack is what lets it go.
        let packet = packet as u64;
        if self.unsent_bytes < packet {
            // Behind others that leave now the question has time until the next message, and would only
            // make this packet longer than theirs.
            let ends_a_burst = self.unasked_since == Some(now);
            return (!ends_a_burst).then_some(AckRequest::Delayed);
        }
        // The last packet of a burst, so that the ack speaks of all of it, and its round-trip time of the
        // queue that the burst itself makes.
        let is_last = self.closes_window(packet) || !self.pacer.covers(packet);
        let unasked = self.unasked_since.map_or(Span::ZERO, |at| now.since(at));
        (is_last || unasked >= gap).then_some(AckRequest::Immediate)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::config::Config;
    use crate::ids::LaneIndex;
    use crate::ids::MessageNumber;
    use crate::ids::StreamPos;
    use crate::message::Outgoing;
    use crate::message::Payload;
    use crate::message::SendFlags;
    use crate::send::PacketBuilder;
    use crate::snp::decode::DecodeContext;
    use crate::snp::decode::Decoder;
    use crate::snp::encode::FrameWriter;
    use crate::snp::frame::Frame;

    const FIRST: PacketNumber = PacketNumber::new(2);

    struct Expansion;

    impl DecodeContext for Expansion {
        fn highest_message(&self, _: LaneIndex) -> MessageNumber {
            MessageNumber::NONE
        }
        fn expected_pos(&self, _: LaneIndex) -> StreamPos {
            StreamPos::FIRST
        }
        fn next_send(&self) -> PacketNumber {
            PacketNumber::new(1000)
        }
    }

    /// Sends unreliable messages while the window lets it, and says for each whether it asked.
    fn fill(sender: &mut Sender, now: Timestamp) -> Vec<bool> {
        let message = || {
            let flags = SendFlags::UNRELIABLE_NO_NAGLE;
            Outgoing::new(LaneIndex::ZERO, flags, Payload::Borrowed(&[7; 1200]))
        };
        sender.submit(now, message()).unwrap();
        let mut asked = Vec::new();
        while sender.wants_to_send(now, 1232) {
            let asks = sender.ack_request(now).is_some();
            let mut out = Vec::new();
            let mut builder = PacketBuilder::new(&mut out, sender.next_number(), 1232);
            builder.messages(sender);
            builder.finish();
            sender.on_packet_sent(now, 1250, 0, asks);
            asked.push(asks);
            sender.submit(now, message()).unwrap();
        }
        asked
    }

    /// The peer says that it has this packet and those before.
    fn acknowledge(sender: &mut Sender, now: Timestamp, latest: PacketNumber) {
        let mut bytes = Vec::new();
        let by = PacketNumber::new(2);
        let mut writer = FrameWriter::new(&mut bytes, by, 1232);
        writer.ack(latest, Some(Span::ZERO), &[]);
        writer.finish();
        let mut decoder = Decoder::new(&bytes, by, false);
        let Ok(Some(Frame::Ack(frame))) = decoder.next(&Expansion) else {
            panic!("an ack frame is expected");
        };
        sender.on_ack(now, by, &frame, |_, _| {});
    }

    #[test]
    fn what_closes_the_window_asks_although_another_did_a_moment_ago() {
        let mut config = Config::new();
        config.set_send_rate(None, None).unwrap();
        let now = Timestamp::from_micros(1_000_000);
        let mut sender = Sender::new(now, &config, FIRST);
        sender.on_handshake_rtt(Span::from_micros(50));
        let asked = fill(&mut sender, now);
        assert!(asked.len() > 2 && !sender.window_is_open(), "{asked:?}");
        let asks = asked.iter().filter(|asks| **asks).count();
        assert_eq!((asks, asked[0]), (1, true), "{asked:?}");
        // The answer comes before the time between two questions is over.
        let soon = now + MIN_ACK_REQUEST_GAP / 4;
        acknowledge(&mut sender, soon, FIRST);
        let asked = fill(&mut sender, soon);
        assert!(!sender.window_is_open(), "{asked:?}");
        assert_eq!(asked.last(), Some(&true), "{asked:?}");
    }
}
