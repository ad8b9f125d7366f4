//! A model of a GNS receiver, to see whether a sender would drive a real one over its edge.
//!
//! The original keeps little state per connection and reacts to excess with refusals that look like
//! loss, or by ending the connection. [`GnsReceiver`] reads along on an unencrypted connection: it
//! is shown each datagram that arrives, keeps the state that GNS would keep, notes a [`Finding`] for
//! everything that GNS would not have taken, and says whether GNS would have acknowledged the packet.
//! Put in front of a real receiver ([`World::receive_as_gns`](crate::World::receive_as_gns)) it makes
//! refused packets look lost, as GNS does.
//!
//! Written after GNS e707b3a; the numbers are in wire.md 2.4, 4 and 5.1.

use std::collections::BTreeMap;

use bowline_core::ids::{ConnectionId, LaneIndex, MessageNumber, PacketNumber, StreamPos};
use bowline_core::snp::decode::{DecodeContext, Decoder};
use bowline_core::snp::frame::{Frame, FrameError};
use bowline_core::start::{FlowStart, StartNumbers};
use bowline_core::time::Timestamp;
use bowline_core::wire::data_header::DataHeader;

use self::gaps::GapMap;
use self::packets::{FATAL_JUMP, PacketWindow, Verdict};
use self::reliable::Stream;
use self::unreliable::{Fragments, Taken};

pub use self::finding::{Cost, Finding, FindingKind, Refusal};

mod finding;
mod gaps;
mod packets;
mod reliable;
mod unreliable;

/// Most findings that are kept; further ones are only counted.
const MAX_FINDINGS: usize = 256;
/// Largest UDP payload, and largest plaintext, that GNS takes.
const MAX_DATAGRAM: usize = 1300;

/// The receiving half of a GNS connection, reading along.
#[derive(Debug)]
pub struct GnsReceiver {
    id: ConnectionId,
    state: State,
    window: PacketWindow,
    gaps: GapMap,
    lanes: Lanes,
    findings: Vec<Finding>,
    counters: GnsCounters,
}

/// How far the traffic went, beside the limits of GNS.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GnsCounters {
    /// Data packets taken.
    pub packets: u64,
    /// Data packets dropped as duplicates or as too old.
    pub duplicates: u64,
    /// Findings that are violations.
    pub violations: u64,
    /// Findings that are none.
    pub costs: u64,
    /// Messages delivered, of both kinds.
    pub messages: u64,
    /// The most gaps between packets at any time, the open one included; GNS merges at 62.
    pub peak_gaps: usize,
    /// The most holes in a reliable stream at any time; GNS refuses from 30 on.
    pub peak_holes: usize,
    /// The most bytes from the first undelivered byte of a stream to its newest; GNS refuses beyond 1 MiB.
    pub peak_stream_bytes: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Open,
    /// After something fatal GNS takes nothing more.
    Ended,
}

impl GnsReceiver {
    /// A receiver whose own connection ID is `id`, from the end of the handshake on.
    pub fn new(id: ConnectionId) -> Self {
        Self::starting_at(id, StartNumbers::default())
    }

    /// Such a receiver of a connection that begins with these numbers, as the receiver sees them.
    pub const fn starting_at(id: ConnectionId, start: StartNumbers) -> Self {
        let handshake = start.received.handshake().get();
        Self {
            id,
            state: State::Open,
            window: PacketWindow::after(handshake),
            gaps: GapMap::after(handshake),
            lanes: Lanes::new(start),
            findings: Vec::new(),
            counters: GnsCounters {
                packets: 0,
                duplicates: 0,
                violations: 0,
                costs: 0,
                messages: 0,
                peak_gaps: 0,
                peak_holes: 0,
                peak_stream_bytes: 0,
            },
        }
    }

    /// Shows a datagram that arrives from the observed sender, and says whether it is taken. What is
    /// not a data packet for this connection is of no interest and passes.
    pub fn arrived(&mut self, at: Timestamp, datagram: &[u8]) -> bool {
        let Ok((header, payload_at)) = DataHeader::parse(datagram) else {
            return true;
        };
        if header.to != self.id {
            return true;
        }
        if self.state == State::Ended {
            return false;
        }
        let (number, jump) = match self.window.check(header.seq) {
            Verdict::New { number, jump } => (number, jump),
            Verdict::Duplicate => {
                self.counters.duplicates += 1;
                return false;
            }
        };
        self.counters.packets += 1;
        let mut packet = Packet {
            at,
            number,
            lane: LaneIndex::ZERO,
            findings: Vec::new(),
        };
        let plaintext = &datagram[payload_at..];
        if datagram.len() > MAX_DATAGRAM {
            packet.note(FindingKind::Ignored("datagram longer than 1300 bytes"));
        } else if jump > FATAL_JUMP {
            packet.note(FindingKind::Fatal("packet number jumps too far"));
        } else {
            self.frames(&mut packet, plaintext, jump);
        }
        let taken = !packet.is_refused() && !packet.is_fatal();
        self.note(packet.findings);
        taken
    }

    /// Shows a datagram that the receiver's side sends, so that acknowledgements of it are understood. What
    /// is not a data packet to `peer`, the observed sender, is of no interest.
    pub fn answered(&mut self, peer: ConnectionId, datagram: &[u8]) {
        let Ok((header, _)) = DataHeader::parse(datagram) else {
            return;
        };
        if header.to != peer {
            return;
        }
        let newest = PacketNumber::new(self.lanes.next_send.get() - 1);
        if let Some(number) = header.seq.expand(newest) {
            self.lanes.next_send = self.lanes.next_send.max(number.next());
        }
    }

    /// What GNS would not have liked, up to the first 256.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The findings that a careful sender avoids.
    pub fn violations(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.is_violation())
    }

    /// How far the traffic went.
    pub fn counters(&self) -> GnsCounters {
        let mut counters = self.counters;
        counters.peak_gaps = self.gaps.peak();
        for lane in self.lanes.by_index.values() {
            counters.messages += lane.stream.messages() + lane.fragments.messages();
            counters.peak_holes = counters.peak_holes.max(lane.stream.peak_holes());
            counters.peak_stream_bytes = counters.peak_stream_bytes.max(lane.stream.peak_bytes());
        }
        counters
    }

    /// Takes the frames of a packet, then decides whether it counts as received.
    fn frames(&mut self, packet: &mut Packet, plaintext: &[u8], jump: u64) {
        let mut decoder = Decoder::new(plaintext, packet.number, false);
        loop {
            match decoder.next(&self.lanes) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    packet.lane = decoder.lane();
                    self.frame(packet, frame);
                }
                Err(error) => packet.note(finding_of(error)),
            }
            // Refused data does not keep GNS from reading on; anything fatal does.
            if packet.is_fatal() {
                return;
            }
        }
        if packet.is_undone() {
            return;
        }
        if self.window.mark(packet.number) {
            packet.note(FindingKind::Costly(Cost::Lurch { jump }));
        }
        if !packet.is_refused() && self.gaps.record(packet.number) {
            packet.note(FindingKind::Costly(Cost::GapsMerged));
        }
    }

    fn frame(&mut self, packet: &mut Packet, frame: Frame<'_>) {
        match frame {
            Frame::SelectLane(_) | Frame::Ack(_) => {}
            Frame::StopWaiting { first_wanted } => {
                if self.gaps.stop_waiting(first_wanted, packet.number).is_err() {
                    packet.note(FindingKind::Fatal("stop-waiting goes back"));
                }
            }
            Frame::Reliable { pos, data } => {
                let lane = self.lanes.lane(packet.lane);
                if let Err(refusal) = lane.stream.insert(pos.get(), data) {
                    packet.note(FindingKind::Refused(refusal));
                } else if let Err(broken) = lane.stream.deliver(&mut lane.highest_message) {
                    packet.note(FindingKind::Fatal(broken));
                }
            }
            Frame::Unreliable {
                number,
                offset,
                last,
                data,
            } => {
                let lane = self.lanes.lane(packet.lane);
                lane.highest_message = lane.highest_message.max(number.get());
                match lane
                    .fragments
                    .insert(number.get(), offset, last, data.len())
                {
                    Taken::Yes => {}
                    Taken::AtTheExpenseOf(message) => {
                        packet.note(FindingKind::Costly(Cost::MessageGivenUp(message)));
                    }
                    Taken::No => packet.note(FindingKind::Ignored("oversize unreliable segment")),
                }
            }
            Frame::Extension { .. } => packet.note(FindingKind::Fatal("extension frame")),
        }
    }

    fn note(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            match finding.kind {
                FindingKind::Fatal(_) => {
                    self.state = State::Ended;
                    self.counters.violations += 1;
                }
                FindingKind::Refused(_) | FindingKind::Ignored(_) => self.counters.violations += 1,
                FindingKind::Costly(_) => self.counters.costs += 1,
            }
            if self.findings.len() < MAX_FINDINGS {
                self.findings.push(finding);
            }
        }
    }
}

/// A packet being taken, and what there is to say about it.
struct Packet {
    at: Timestamp,
    number: PacketNumber,
    lane: LaneIndex,
    findings: Vec<Finding>,
}

impl Packet {
    fn note(&mut self, kind: FindingKind) {
        self.findings.push(Finding {
            at: self.at,
            packet: self.number,
            lane: self.lane,
            kind,
        });
    }

    fn any(&self, test: impl Fn(FindingKind) -> bool) -> bool {
        self.findings.iter().any(|finding| test(finding.kind))
    }

    fn is_fatal(&self) -> bool {
        self.any(|kind| matches!(kind, FindingKind::Fatal(_)))
    }

    /// Whether it must not be acknowledged.
    fn is_refused(&self) -> bool {
        self.any(|kind| matches!(kind, FindingKind::Refused(_)))
    }

    /// Whether it counts as never received: its number may come again.
    fn is_undone(&self) -> bool {
        self.any(|kind| matches!(kind, FindingKind::Refused(Refusal::AckOfUnsent)))
    }
}

const fn finding_of(error: FrameError) -> FindingKind {
    match error {
        FrameError::Broken(text) => FindingKind::Fatal(text),
        FrameError::AckOfUnsent => FindingKind::Refused(Refusal::AckOfUnsent),
        FrameError::TooManySegments => FindingKind::Refused(Refusal::Segments),
    }
}

/// What the decoder needs to know: the state of all lanes, and what was sent the other way.
#[derive(Debug)]
struct Lanes {
    start: FlowStart,
    by_index: BTreeMap<LaneIndex, Lane>,
    next_send: PacketNumber,
}

#[derive(Debug)]
struct Lane {
    stream: Stream,
    fragments: Fragments,
    highest_message: u64,
}

impl Lanes {
    const fn new(start: StartNumbers) -> Self {
        Self {
            start: start.received,
            by_index: BTreeMap::new(),
            next_send: start.sent.packet,
        }
    }

    fn lane(&mut self, index: LaneIndex) -> &mut Lane {
        let last = self.start.last_message().get();
        let first = self.start.stream.get();
        self.by_index.entry(index).or_insert_with(|| Lane {
            stream: Stream::starting_at(first, last),
            fragments: Fragments::default(),
            highest_message: last,
        })
    }
}

impl DecodeContext for Lanes {
    fn highest_message(&self, lane: LaneIndex) -> MessageNumber {
        let lane = self.by_index.get(&lane);
        lane.map_or_else(
            || self.start.last_message(),
            |lane| MessageNumber::new(lane.highest_message),
        )
    }

    fn expected_pos(&self, lane: LaneIndex) -> StreamPos {
        let lane = self.by_index.get(&lane);
        lane.map_or(self.start.stream, |lane| StreamPos::new(lane.stream.end()))
    }

    fn next_send(&self) -> PacketNumber {
        self.next_send
    }
}

#[cfg(test)]
mod tests;
