//! What a scripted peer hears: packets, frames, messages, and what to acknowledge of it.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::counters::DropReason;
use bowline_core::ids::{LaneIndex, MessageNumber, PacketNumber, StreamPos};
use bowline_core::snp::{AckBlock, DecodeContext, Decoder, Frame, FrameError};
use bowline_core::time::Span;
use bowline_core::wire::stats_blob::{StatsFlags, UdpStats};
use bowline_core::wire::udp;
use bowline_core::wire::varint;

/// Something that came from the other end.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A client asks for a cookie.
    ChallengeRequest(udp::ChallengeRequest),
    /// A server hands out a cookie.
    ChallengeReply(udp::ChallengeReply),
    /// A client wants to connect.
    ConnectRequest(Box<udp::ConnectRequest>),
    /// A server accepted.
    ConnectOk(Box<udp::ConnectOk>),
    /// A data packet that could be opened.
    Data(Box<HeardPacket>),
    /// The connection is over, the other end says.
    ConnectionClosed(udp::ConnectionClosed),
    /// There is no such connection, the other end says.
    NoConnection(udp::NoConnection),
    /// A datagram that made no sense, with its first byte.
    Unreadable(u8, DropReason),
}

/// A data packet that was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct HeardPacket {
    /// Its full number.
    pub number: PacketNumber,
    /// What its header asked for or told.
    pub stats: UdpStats,
    /// Its frames, in order.
    pub frames: Vec<HeardFrame>,
    /// Bytes of the whole datagram.
    pub wire_len: usize,
}

/// A frame of a data packet, with bytes of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeardFrame {
    /// A piece of an unreliable message, or all of it.
    Unreliable {
        /// Its lane.
        lane: LaneIndex,
        /// Its number.
        number: MessageNumber,
        /// Where in the message it starts, in bytes.
        offset: u32,
        /// Whether the message ends with it.
        last: bool,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// A piece of a reliable stream.
    Reliable {
        /// Its lane.
        lane: LaneIndex,
        /// Where in the stream it starts.
        pos: StreamPos,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Packets before this one need no report.
    StopWaiting(PacketNumber),
    /// Which of the script's packets arrived.
    Ack {
        /// The newest packet that it speaks of.
        latest: PacketNumber,
        /// How long it was held.
        delay: Option<Span>,
        /// Runs of packets that arrived and did not, from the newest to the oldest.
        blocks: Vec<AckBlock>,
    },
    /// A frame beyond GNS.
    Extension {
        /// Which.
        kind: u8,
        /// Its bytes.
        data: Vec<u8>,
    },
}

/// A message that was put together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeardMessage {
    /// Its lane.
    pub lane: LaneIndex,
    /// Its number.
    pub number: MessageNumber,
    /// Whether it came reliably.
    pub reliable: bool,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// What was received so far: the receiving half of an honest peer, without its bounds.
#[derive(Clone, Debug)]
pub(super) struct Hearing {
    received: BTreeSet<u64>,
    pub(super) highest: PacketNumber,
    first_wanted: u64,
    lanes: BTreeMap<LaneIndex, Lane>,
    fragments: BTreeMap<(LaneIndex, MessageNumber), BTreeMap<u32, (Vec<u8>, bool)>>,
    pub(super) messages: Vec<HeardMessage>,
}

/// Most gaps that one report describes; the rest follows.
const MAX_BLOCKS: usize = 100;

#[derive(Clone, Debug)]
struct Lane {
    highest_number: MessageNumber,
    last_reliable: MessageNumber,
    /// The next byte that is not in `parsing`.
    next: u64,
    end: u64,
    pieces: BTreeMap<u64, Vec<u8>>,
    parsing: Vec<u8>,
}

struct Context<'a> {
    hearing: &'a Hearing,
    next_send: PacketNumber,
}

impl Hearing {
    pub(super) fn new(handshake: PacketNumber) -> Self {
        Self {
            received: (0..=handshake.get()).collect(),
            highest: handshake,
            first_wanted: 0,
            lanes: BTreeMap::new(),
            fragments: BTreeMap::new(),
            messages: Vec::new(),
        }
    }

    /// Whether this packet came before.
    pub(super) fn knows(&self, number: PacketNumber) -> bool {
        number.get() < self.first_wanted || self.received.contains(&number.get())
    }

    /// Takes a plaintext in and returns its frames.
    pub(super) fn take(
        &mut self,
        number: PacketNumber,
        plaintext: &[u8],
        next_send: PacketNumber,
        extensions: bool,
    ) -> Result<Vec<HeardFrame>, FrameError> {
        self.received.insert(number.get());
        self.highest = self.highest.max(number);
        let mut frames = Vec::new();
        let mut decoder = Decoder::new(plaintext, number, extensions);
        loop {
            let hearing = &*self;
            let frame = decoder.next(&Context { hearing, next_send })?;
            let lane = decoder.lane();
            let Some(frame) = frame.and_then(|frame| owned(lane, frame)) else {
                if frame.is_none() {
                    return Ok(frames);
                }
                continue;
            };
            self.note(&frame);
            frames.push(frame);
        }
    }

    /// The newest packet that a report speaks of, and its blocks.
    pub(super) fn report(&self) -> (PacketNumber, Vec<AckBlock>) {
        let mut blocks = Vec::new();
        let mut at = self.first_wanted;
        let mut latest = self.first_wanted.saturating_sub(1);
        for &number in self.received.range(self.first_wanted..) {
            if number > at {
                if blocks.len() == MAX_BLOCKS {
                    break;
                }
                let (acked, nacked) = (0, number - at);
                blocks.push(AckBlock { acked, nacked });
            }
            if let Some(block) = blocks.last_mut() {
                block.acked += 1;
            }
            at = number + 1;
            latest = number;
        }
        blocks.reverse();
        (PacketNumber::new(latest), blocks)
    }

    fn note(&mut self, frame: &HeardFrame) {
        match frame {
            HeardFrame::Unreliable {
                lane,
                number,
                offset,
                last,
                data,
            } => {
                let state = self.lanes.entry(*lane).or_default();
                state.highest_number = state.highest_number.max(*number);
                self.fragment(*lane, *number, *offset, *last, data);
            }
            HeardFrame::Reliable { lane, pos, data } => self.stream(*lane, *pos, data),
            HeardFrame::StopWaiting(first_wanted) => {
                self.first_wanted = self.first_wanted.max(first_wanted.get());
                self.received = self.received.split_off(&self.first_wanted);
            }
            HeardFrame::Ack { .. } | HeardFrame::Extension { .. } => {}
        }
    }

    fn fragment(
        &mut self,
        lane: LaneIndex,
        number: MessageNumber,
        offset: u32,
        last: bool,
        data: &[u8],
    ) {
        let parts = self.fragments.entry((lane, number)).or_default();
        parts.insert(offset, (data.to_vec(), last));
        let mut whole = Vec::new();
        for (at, (bytes, is_last)) in parts {
            if *at as usize != whole.len() {
                return;
            }
            whole.extend_from_slice(bytes);
            if *is_last {
                self.fragments.remove(&(lane, number));
                self.messages.push(HeardMessage {
                    lane,
                    number,
                    reliable: false,
                    data: whole,
                });
                return;
            }
        }
    }

    fn stream(&mut self, lane: LaneIndex, pos: StreamPos, data: &[u8]) {
        let state = self.lanes.entry(lane).or_default();
        state.end = state.end.max(pos.get() + data.len() as u64);
        let known = state.pieces.get(&pos.get()).map_or(0, Vec::len);
        if data.len() > known {
            state.pieces.insert(pos.get(), data.to_vec());
        }
        while let Some((at, piece)) = state.pieces.pop_first() {
            if at > state.next {
                state.pieces.insert(at, piece);
                break;
            }
            let known = usize::try_from(state.next - at).unwrap_or(usize::MAX);
            let fresh = piece.get(known..).unwrap_or(&[]);
            state.parsing.extend_from_slice(fresh);
            state.next += fresh.len() as u64;
        }
        while let Some((number, data)) = state.message() {
            self.messages.push(HeardMessage {
                lane,
                number,
                reliable: true,
                data,
            });
        }
    }
}

impl HeardPacket {
    /// Whether an honest peer answers it with an acknowledgement.
    pub fn wants_ack(&self) -> bool {
        self.stats.flags.contains(StatsFlags::ACK_REQUEST)
            || self.stats.flags.contains(StatsFlags::ACK_REQUEST_IMMEDIATE)
            || self.has_reliable()
    }

    /// Whether it carries reliable data.
    pub fn has_reliable(&self) -> bool {
        let mut frames = self.frames.iter();
        frames.any(|frame| matches!(frame, HeardFrame::Reliable { .. }))
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            highest_number: MessageNumber::NONE,
            last_reliable: MessageNumber::NONE,
            next: StreamPos::FIRST.get(),
            end: StreamPos::FIRST.get(),
            pieces: BTreeMap::new(),
            parsing: Vec::new(),
        }
    }
}

impl Lane {
    /// Takes a whole message off the front of the stream.
    fn message(&mut self) -> Option<(MessageNumber, Vec<u8>)> {
        let (&lead, mut rest) = self.parsing.split_first()?;
        let mut step = 1;
        if lead & 0x40 != 0 {
            (step, rest) = varint::decode_u64(rest).ok()?;
        }
        let mut size = u64::from(lead & 0x1F);
        if lead & 0x20 != 0 {
            let (high, after) = varint::decode_u64(rest).ok()?;
            size |= high << 5;
            rest = after;
        }
        let data = rest.get(..usize::try_from(size).ok()?)?.to_vec();
        let used = self.parsing.len() - rest.len() + data.len();
        self.parsing.drain(..used);
        self.last_reliable = MessageNumber::new(self.last_reliable.get() + step);
        self.highest_number = self.highest_number.max(self.last_reliable);
        Some((self.last_reliable, data))
    }
}

impl DecodeContext for Context<'_> {
    fn highest_message(&self, lane: LaneIndex) -> MessageNumber {
        let lane = self.hearing.lanes.get(&lane);
        lane.map_or(MessageNumber::NONE, |lane| lane.highest_number)
    }

    fn expected_pos(&self, lane: LaneIndex) -> StreamPos {
        let lane = self.hearing.lanes.get(&lane);
        lane.map_or(StreamPos::FIRST, |lane| StreamPos::new(lane.end))
    }

    fn next_send(&self) -> PacketNumber {
        self.next_send
    }
}

/// The frame with bytes of its own; `None` for a change of lanes, which is in the frames that follow.
fn owned(lane: LaneIndex, frame: Frame<'_>) -> Option<HeardFrame> {
    Some(match frame {
        Frame::SelectLane(_) => return None,
        Frame::Unreliable {
            number,
            offset,
            last,
            data,
        } => HeardFrame::Unreliable {
            lane,
            number,
            offset,
            last,
            data: data.to_vec(),
        },
        Frame::Reliable { pos, data } => HeardFrame::Reliable {
            lane,
            pos,
            data: data.to_vec(),
        },
        Frame::StopWaiting { first_wanted } => HeardFrame::StopWaiting(first_wanted),
        Frame::Ack(ack) => HeardFrame::Ack {
            latest: ack.latest,
            delay: ack.delay,
            blocks: ack.blocks().collect(),
        },
        Frame::Extension { kind, data } => HeardFrame::Extension {
            kind,
            data: data.to_vec(),
        },
    })
}
