//! What comes from peers that have keys, keep to the form of the protocol, and mean harm.

use bowline_core::ids::MessageNumber;
use bowline_core::ids::StreamPos;
use bowline_core::snp::AckBlock;
use bowline_core::snp::close;
use bowline_core::time::Timestamp;
use bowline_core::wire::stats_blob::StatsFlags;
use bowline_sim::scripted::Answers;
use bowline_sim::scripted::Frames;
use bowline_sim::scripted::Heard;
use bowline_sim::scripted::HeardFrame;
use bowline_sim::scripted::ScriptedPeer;

use crate::Result;
use crate::source::Source;

/// A kind of harm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Evil {
    /// A message of one byte per packet.
    TinyMessages,
    /// Packets full of empty messages.
    EmptyMessages,
    /// Packets that ask for an answer at once.
    Pings,
    /// Every other packet number is left out.
    Gaps,
    /// Packets that ask for an answer at once, and acknowledge every other of the answers.
    Acks,
    /// Packets full of segments of one byte with holes between them, the last packet first.
    ReversedSegments,
    /// Large segments of many lanes, whose streams have no beginning, so that they must be kept.
    Hoard,
}

/// An evil peer.
#[derive(Debug)]
pub(crate) struct Attacker {
    kind: Evil,
    peer: ScriptedPeer,
    seed: u64,
    message: u64,
    /// Large segments so far.
    segment: u64,
    /// Where the next segment goes.
    top: u64,
    /// Times that the server has ended the connection.
    pub(crate) ended: u64,
    is_ended: bool,
}

/// As many as fit a packet.
const EMPTY_MESSAGES: usize = 500;
const SEGMENTS: usize = 300;
const HOARDED: &[u8] = &[b'x'; 1200];
/// As many of them as fit into the window of a lane, a mebibyte.
const HOARD_SEGMENTS: u64 = 870;
const HOARD_LANES: u64 = 64;
/// Where segments begin, and begin again.
const TOP: u64 = 100_001;

impl Evil {
    pub(crate) const ALL: [(&'static str, Self); 7] = [
        ("tiny-messages", Self::TinyMessages),
        ("empty-messages", Self::EmptyMessages),
        ("pings", Self::Pings),
        ("gaps", Self::Gaps),
        ("acks", Self::Acks),
        ("reversed-segments", Self::ReversedSegments),
        ("hoard", Self::Hoard),
    ];
}

impl Attacker {
    pub(crate) fn new(kind: Evil, seed: u64, source: &mut Source, now: Timestamp) -> Result<Self> {
        let mut attacker = Self {
            kind,
            peer: ScriptedPeer::client(seed),
            seed,
            message: 1,
            segment: 0,
            top: TOP,
            ended: 0,
            is_ended: false,
        };
        attacker.connect(source, now)?;
        Ok(attacker)
    }

    /// The next datagrams.
    pub(crate) fn fill(&mut self, out: &mut Vec<Vec<u8>>, count: usize) {
        out.clear();
        out.extend((0..count).map(|_| self.make()));
    }

    /// Hears what the server answers.
    pub(crate) fn hear(&mut self, now: Timestamp, bytes: &[u8]) {
        self.peer.handle(now, bytes);
        self.is_ended |= self.peer.take_heard().iter().any(is_end);
    }

    /// Connects again if the server has had enough.
    pub(crate) fn return_if_ended(&mut self, source: &mut Source, now: Timestamp) -> Result {
        if !self.is_ended {
            return Ok(());
        }
        self.ended += 1;
        self.is_ended = false;
        self.message = 1;
        self.segment = 0;
        self.top = TOP;
        self.peer = ScriptedPeer::client(self.seed + (self.ended << 16));
        self.connect(source, now)
    }

    fn connect(&mut self, source: &mut Source, now: Timestamp) -> Result {
        source.connect(&mut self.peer, now)?;
        self.peer.set_answers(Answers::Nothing);
        self.peer.take_heard();
        Ok(())
    }

    fn make(&mut self) -> Vec<u8> {
        match self.kind {
            Evil::TinyMessages => {
                let frames = Frames::new().unreliable(self.next_messages(1), b"!");
                self.peer.seal(&frames)
            }
            Evil::EmptyMessages => {
                let mut frames = Frames::new().unreliable(self.next_messages(EMPTY_MESSAGES), b"");
                for _ in 1..EMPTY_MESSAGES {
                    frames = frames.unreliable_next(b"");
                }
                self.peer.seal(&frames)
            }
            Evil::Pings => self.asking(&Frames::new()),
            Evil::Gaps => {
                let next = self.peer.next_packet().next();
                self.peer.set_next_packet(next);
                self.peer.seal(&Frames::new())
            }
            Evil::Acks => {
                let latest = self.peer.highest_heard();
                let block = AckBlock {
                    acked: 1,
                    nacked: 1,
                };
                // No further back than the first packet.
                let count = usize::try_from(latest.get() / 2).unwrap_or(0).min(255);
                self.asking(&Frames::new().ack(latest, 0, &vec![block; count]))
            }
            Evil::Hoard => {
                let turn = self.segment % (HOARD_LANES * HOARD_SEGMENTS);
                self.segment += 1;
                let pos = 2 + turn / HOARD_LANES * (HOARDED.len() as u64 + 1);
                let frames = Frames::new()
                    .select_lane(turn % HOARD_LANES)
                    .reliable(StreamPos::new(pos), HOARDED);
                self.peer.seal(&frames)
            }
            Evil::ReversedSegments => {
                let mut frames = Frames::new().reliable(StreamPos::new(self.top), b"x");
                for _ in 1..SEGMENTS {
                    frames = frames.reliable_step(1, b"x");
                }
                let before = self.top.checked_sub(2 * SEGMENTS as u64);
                self.top = before.filter(|at| *at > 1).unwrap_or(TOP);
                self.peer.seal(&frames)
            }
        }
    }

    fn asking(&mut self, frames: &Frames) -> Vec<u8> {
        let packet = self.peer.packet(frames);
        let packet = packet.asking(StatsFlags::ACK_REQUEST_IMMEDIATE);
        self.peer.seal_packet(&packet)
    }

    fn next_messages(&mut self, count: usize) -> MessageNumber {
        let first = MessageNumber::new(self.message);
        self.message += count as u64;
        first
    }
}

fn is_end(heard: &Heard) -> bool {
    match heard {
        Heard::ConnectionClosed(_) | Heard::NoConnection(_) => true,
        Heard::Data(packet) => packet.frames.iter().any(
            |frame| matches!(frame, HeardFrame::Extension { kind, .. } if *kind == close::CLOSE),
        ),
        _ => false,
    }
}
