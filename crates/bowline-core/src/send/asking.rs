//! When the peer is asked for an ack.
//!
//! GNS acknowledges reliable data within 50 ms and unreliable data only when asked. A controller that learns
//! from acks cannot wait for that, and a window full of unreliable data would stay full: no packet that
//! closes the window leaves without an ack on its way. The window may also shrink behind the last question:
//! then one packet leaves beyond it, and asks.
//!
//! An application that sends a little now and then asks for none: the packets of the peer bring acks
//! if it sends anything itself, reliable data is acknowledged unasked, and an ack of its own would cost both
//! sides as much as the message. Only when none has come for long, or half of what may be under way without one
//! is, a packet asks.

use serde::Deserialize;
use serde::Serialize;

use crate::ids::PacketNumber;
use crate::limits;
use crate::send::Sender;
use crate::time::Span;
use crate::time::Timestamp;

/// An ack is asked for so many times per round trip...
const ACK_REQUESTS_PER_RTT: u64 = 8;
/// ...but no sooner than this after the last time.
const MIN_ACK_REQUEST_GAP: Span = Span::from_micros(250);

/// How long a sender that has little to send waits for an ack that it did not ask for.
const PATIENCE: Span = Span::from_millis(250);

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
        if request.is_none() && !self.is_patient(now, packet) {
            self.unasked_since.get_or_insert(now);
        }
        request
    }

    /// Whether nothing more could leave behind the next packet, nor would an ack let it. A full one has `packet`
    /// bytes.
    pub(crate) fn must_ask(&self, packet: usize) -> bool {
        self.closes_window(packet as u64) && self.has_no_question()
    }

    /// Whether no question is on its way, so that nobody needs to speak of what is in flight.
    pub(super) fn has_no_question(&self) -> bool {
        let heard = self.reported;
        self.asked.is_none_or(|asked| asked.number <= heard)
    }

    fn closes_window(&self, packet: u64) -> bool {
        self.in_flight.bytes() + packet >= self.controller.window_bytes()
    }

    /// Whether nothing is learned from an early ack for the next packet: it carries all that there is to send, so
    /// that it measures no path, and no copy waits for its ack, because the path loses nothing.
    fn has_time(&self, packet: usize) -> bool {
        self.unsent_bytes < packet as u64 && !self.armour.is_on()
    }

    /// Whether acks come for packets that have time, before they are missed.
    fn is_patient(&self, now: Timestamp, packet: usize) -> bool {
        self.has_time(packet)
            && now.since(self.last_ack_at) < PATIENCE
            && self.is_window_half_open(packet as u64)
    }

    /// Whether as much again may leave as is under way: an ack that is asked for later comes in time.
    fn is_window_half_open(&self, packet: u64) -> bool {
        let bytes = self.in_flight.bytes().saturating_add(packet);
        bytes.saturating_mul(2) <= self.controller.window_bytes()
            && self.in_flight.len() as u64 <= limits::MAX_UNACKED_PACKETS / 2
    }

    fn due_ack_request(&self, now: Timestamp, packet: usize) -> Option<AckRequest> {
        if self.probe || (self.controller.is_measuring() && !self.has_time(packet)) {
            return Some(AckRequest::Immediate);
        }
        if self.must_ask(packet) {
            return Some(AckRequest::Immediate);
        }
        if self.is_patient(now, packet) {
            return None;
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
    use crate::message::Outgoing;
    use crate::message::Payload;
    use crate::message::SendFlags;
    use crate::rate::Controller;
    use crate::rate::tide::Resting;
    use crate::send::PacketBuilder;
    use crate::send::tests::with_ack;

    /// The plaintext of a full packet, and its bytes on the wire.
    const PLAINTEXT: usize = 1232;
    const PACKET: usize = 1250;
    const FIRST: PacketNumber = PacketNumber::new(2);
    /// Shorter than the time between two questions.
    const RTT: Span = Span::from_micros(MIN_ACK_REQUEST_GAP.as_micros() / 5);

    /// On a path that is known, with a window of 20 packets.
    fn sender(now: Timestamp) -> Sender {
        let mut sender = Sender::new(now, &Config::new(), FIRST);
        sender.on_handshake_rtt(RTT);
        let path = Resting::on_path(20 * PACKET as u64, RTT.as_micros(), 1_000_000_000);
        sender.controller = Controller::Resting(path);
        sender
    }

    /// Sends unreliable messages until the window is full.
    fn fill(sender: &mut Sender, now: &mut Timestamp) {
        while sender.window_is_open() {
            let flags = SendFlags::UNRELIABLE_NO_NAGLE;
            let payload = Payload::Borrowed(&[7; 1200]);
            let message = Outgoing::new(LaneIndex::ZERO, flags, payload);
            sender.submit(*now, message).unwrap();
            while !sender.wants_to_send(*now, PLAINTEXT) {
                *now += Span::from_micros(1);
            }
            let asks = sender.ack_request(*now, PACKET).is_some();
            let mut out = Vec::new();
            let mut builder = PacketBuilder::new(&mut out, sender.next_number(), PLAINTEXT);
            builder.messages(sender);
            builder.finish();
            sender.on_packet_sent(*now, PACKET, 0, asks);
        }
    }

    /// Packet `by` of the peer says that it has this packet and those before.
    fn acknowledge(sender: &mut Sender, now: Timestamp, by: u64, latest: PacketNumber) {
        let delay = Some(Span::ZERO);
        with_ack(sender.next_number(), latest, delay, &[], |ack| {
            let by = PacketNumber::new(by);
            sender.on_ack(now, by, ack, |_| {}).unwrap();
        });
    }

    #[test]
    fn a_full_window_has_an_ack_on_its_way_on_round_trips_shorter_than_between_two_questions() {
        let mut now = Timestamp::from_micros(1_000_000);
        let mut sender = sender(now);
        for by in 2..200 {
            fill(&mut sender, &mut now);
            let asked = sender.asked.unwrap().number;
            assert!(asked > sender.reported, "after {by} answers");
            now += RTT;
            acknowledge(&mut sender, now, by, asked);
        }
    }

    /// In a run of packets a question may wait for the next run, but not that of the packet behind which nothing
    /// more leaves.
    #[test]
    fn a_question_can_wait_until_the_window_closes_without_one_on_its_way() {
        let mut now = Timestamp::from_micros(1_000_000);
        let mut sender = Sender::new(now, &Config::new(), FIRST);
        let rtt = MIN_ACK_REQUEST_GAP / 5;
        sender.on_handshake_rtt(rtt);
        let path = Resting::on_path(20 * PACKET as u64, rtt.as_micros(), 1_000_000_000);
        sender.controller = Controller::Resting(path);
        // None is asked, as if all questions could wait.
        let window = sender.controller.window_bytes();
        let mut could_wait = 0;
        while !sender.must_ask(PACKET) {
            could_wait += 1;
            sender.on_packet_sent(now, PACKET, 0, false);
        }
        assert!(could_wait > 0 && sender.window_is_open());
        assert_eq!(could_wait, window.div_ceil(PACKET as u64) - 1);
        now += MIN_ACK_REQUEST_GAP / 10;
        assert_eq!(
            sender.ack_request(now, PACKET),
            Some(AckRequest::Immediate),
            "however short a time after the last"
        );
        // One that is on its way is enough, until it is answered.
        let number = sender.next_number();
        sender.asked = Some(Asked { number, at: now });
        sender.on_packet_sent(now, PACKET, 0, true);
        assert!(!sender.must_ask(PACKET));
        sender.reported = number;
        assert!(sender.must_ask(PACKET));
    }

    #[test]
    fn a_window_that_shrinks_behind_the_last_question_lets_one_more_be_asked() {
        let mut now = Timestamp::from_micros(1_000_000);
        let mut sender = sender(now);
        fill(&mut sender, &mut now);
        assert!(sender.in_flight.bytes() >= sender.controller.window_bytes());
        // All questions were answered, and the window is what is still in flight.
        sender.reported = sender.asked.unwrap().number;
        let next = sender.next_number();
        fill(&mut sender, &mut now);
        assert_eq!(sender.asked.unwrap().number, next);
        assert_eq!(sender.next_number(), next.next());
    }
}
