//! The sending half of a scripted peer: counters that start where a test wants them, and data that goes
//! again until it is acknowledged.

use std::collections::BTreeMap;

use bowline_core::ids::{ConnectionId, LaneIndex, MessageNumber, PacketNumber, StreamPos};
use bowline_core::snp::AckBlock;

use crate::scripted::{Frames, Packet, ScriptedPeer, stream_message};

/// Reliable bytes in one packet.
const SEGMENT: usize = 1100;
/// The delay field of an ack that tells none.
const NO_DELAY: u16 = 0xFFFF;

/// What was sent and what is next.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) next: PacketNumber,
    /// Older packets need no report.
    first_wanted: PacketNumber,
    lanes: BTreeMap<LaneIndex, Lane>,
    /// Frames with reliable data that nobody has acknowledged.
    unacked: BTreeMap<PacketNumber, Frames>,
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    next_message: MessageNumber,
    last_reliable: MessageNumber,
    next_pos: StreamPos,
}

impl Sending {
    pub(super) const fn new(next: PacketNumber) -> Self {
        Self {
            next,
            first_wanted: PacketNumber::new(0),
            lanes: BTreeMap::new(),
            unacked: BTreeMap::new(),
        }
    }

    pub(super) fn on_ack(&mut self, latest: PacketNumber, blocks: &[AckBlock]) {
        let mut upper = latest.get() + 1;
        let mut acked = Vec::new();
        for block in blocks {
            let nacked_below = upper.saturating_sub(block.acked);
            acked.push(nacked_below..upper);
            upper = nacked_below.saturating_sub(block.nacked);
        }
        // Older ones were reported before, perhaps as lost.
        acked.push(self.first_wanted.get()..upper);
        self.unacked
            .retain(|number, _| !acked.iter().any(|range| range.contains(&number.get())));
        self.first_wanted = self.first_wanted.max(latest);
    }
}

impl ScriptedPeer {
    /// The number that the next packet gets.
    pub const fn next_packet(&self) -> PacketNumber {
        self.sending.next
    }

    /// Goes on with another packet number. A receiver follows 32,767 ahead at most, and ends the connection
    /// beyond 16,384.
    pub const fn set_next_packet(&mut self, number: PacketNumber) {
        self.sending.next = number;
    }

    /// Wants no report on older packets any more. Grows by itself with each ack.
    pub fn set_first_wanted(&mut self, number: PacketNumber) {
        self.sending.first_wanted = number;
    }

    /// Goes on with another message number in a lane.
    pub fn set_next_message(&mut self, lane: LaneIndex, number: MessageNumber) {
        self.sending.lanes.entry(lane).or_default().next_message = number;
    }

    /// The number that the next message of a lane gets.
    pub fn next_message(&mut self, lane: LaneIndex) -> MessageNumber {
        self.sending.lanes.entry(lane).or_default().next_message
    }

    /// Where the next reliable byte of a lane goes.
    pub fn next_pos(&mut self, lane: LaneIndex) -> StreamPos {
        self.sending.lanes.entry(lane).or_default().next_pos
    }

    /// Goes on at another place of a lane's reliable stream.
    pub fn set_next_pos(&mut self, lane: LaneIndex, pos: StreamPos) {
        self.sending.lanes.entry(lane).or_default().next_pos = pos;
    }

    /// These frames and no others as the next packet.
    ///
    /// # Panics
    /// If the handshake is not through.
    pub fn seal(&mut self, frames: &Frames) -> Vec<u8> {
        let packet = self.packet(frames);
        self.seal_packet(&packet)
    }

    /// These frames as any packet number, which may have been used before.
    ///
    /// # Panics
    /// If the handshake is not through.
    pub fn seal_as(&mut self, number: PacketNumber, frames: &Frames) -> Vec<u8> {
        let packet = Packet {
            number,
            ..self.packet_to(frames)
        };
        self.seal_packet(&packet)
    }

    /// The next packet, with these frames, to be changed before it is sealed.
    pub fn packet(&mut self, frames: &Frames) -> Packet {
        let packet = self.packet_to(frames);
        self.sending.next = self.sending.next.next();
        packet
    }

    /// The datagram of a packet.
    ///
    /// # Panics
    /// If the handshake is not through.
    pub fn seal_packet(&self, packet: &Packet) -> Vec<u8> {
        let keys = self.keys().expect("the handshake is through");
        packet.seal(&keys.send)
    }

    /// An unreliable message of up to 1200 bytes.
    ///
    /// # Panics
    /// If it is longer, or the handshake is not through.
    pub fn send_unreliable(&mut self, lane: LaneIndex, data: &[u8]) -> Vec<u8> {
        let state = self.sending.lanes.entry(lane).or_default();
        let number = state.next_message;
        state.next_message = number.next();
        let frames = in_lane(lane).unreliable(number, data);
        let frames = self.housekeeping().then(&frames);
        self.seal(&frames)
    }

    /// A reliable message, in as many packets as it takes. It goes again with [`Self::resend`] until it is
    /// acknowledged.
    ///
    /// # Panics
    /// If the handshake is not through.
    pub fn send_reliable(&mut self, lane: LaneIndex, data: &[u8]) -> Vec<Vec<u8>> {
        let state = self.sending.lanes.entry(lane).or_default();
        let number = state.next_message;
        let step = number.get().wrapping_sub(state.last_reliable.get());
        let message = stream_message(step, data);
        let start = state.next_pos;
        state.next_message = number.next();
        state.last_reliable = number;
        state.next_pos = start.advance(message.len() as u64);
        let segments = message.chunks(SEGMENT).zip(0..).map(|(segment, index)| {
            let pos = start.advance(index * SEGMENT as u64);
            in_lane(lane).reliable(pos, segment)
        });
        let segments: Vec<Frames> = segments.collect();
        segments
            .into_iter()
            .map(|frames| self.send_tracked(frames))
            .collect()
    }

    /// Sends all reliable data again that was not acknowledged.
    pub fn resend(&mut self) -> Vec<Vec<u8>> {
        let lost = std::mem::take(&mut self.sending.unacked);
        lost.into_values()
            .map(|frames| self.send_tracked(frames))
            .collect()
    }

    /// How many packets with reliable data are not acknowledged.
    pub fn unacked_packets(&self) -> usize {
        self.sending.unacked.len()
    }

    /// A packet that acknowledges all that was heard.
    ///
    /// # Panics
    /// If the handshake is not through.
    pub fn acknowledge(&mut self) -> Vec<u8> {
        let frames = self.housekeeping();
        self.seal(&frames)
    }

    /// What every packet of an honest peer begins with: stop-waiting and an ack.
    pub fn housekeeping(&self) -> Frames {
        let (latest, blocks) = self.hearing.report();
        let wanted = self.sending.first_wanted.get();
        let offset = self.sending.next.get().saturating_sub(wanted + 1);
        Frames::new()
            .stop_waiting(offset)
            .ack(latest, NO_DELAY, &blocks)
    }

    fn send_tracked(&mut self, frames: Frames) -> Vec<u8> {
        let number = self.sending.next;
        let packet = self.housekeeping().then(&frames);
        self.sending.unacked.insert(number, frames);
        self.seal(&packet)
    }

    fn packet_to(&self, frames: &Frames) -> Packet {
        Packet {
            to: self.remote_id().unwrap_or(ConnectionId::new(0)),
            number: self.sending.next,
            flags: 0,
            stats: None,
            time_since_prev_16us: None,
            frames: frames.clone(),
            is_sealed: true,
        }
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            next_message: MessageNumber::new(1),
            last_reliable: MessageNumber::NONE,
            next_pos: StreamPos::FIRST,
        }
    }
}

/// What goes before frames of a lane.
fn in_lane(lane: LaneIndex) -> Frames {
    match lane.get() {
        0 => Frames::new(),
        index => Frames::new().select_lane(u64::from(index)),
    }
}
