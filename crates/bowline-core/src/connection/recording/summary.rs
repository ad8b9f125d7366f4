//! What happened, as played back: data for a timeline, without the bytes of messages.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::connection::ConnectionState;
use crate::counters::DropReason;
use crate::end_reason::EndReason;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::ids::PacketNumber;
use crate::ids::StreamPos;
use crate::snp::ack_codec::AckFrame;
use crate::snp::close;
use crate::snp::frame::Frame;
use crate::snp::window;
use crate::time::Timestamp;

/// An input and what came of it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Played {
    /// When.
    pub at: Timestamp,
    /// The input.
    pub input: InputSummary,
    /// The data packet that came in, if it decrypted.
    pub received: Option<PacketSummary>,
    /// Packets that had waited for an earlier one and were taken in now.
    pub released: Vec<PacketSummary>,
    /// Datagrams that went out.
    pub sent: Vec<SentSummary>,
    /// Our packets that the peer turned out to lack.
    pub lost: Vec<PacketNumber>,
    /// Why the datagram was dropped, if it was.
    pub dropped: Option<DropReason>,
    /// The state, if it is another one now.
    pub state: Option<StateChange>,
}

/// An input.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub enum InputSummary {
    /// A datagram came in.
    Datagram {
        /// Bytes of UDP payload.
        len: usize,
    },
    /// A datagram came in of which only the reason for dropping it was recorded.
    Dropped(DropReason),
    /// A deadline passed.
    Timeout,
    /// Packets were asked for.
    Transmit,
    /// The application sent a message.
    Send {
        /// In this lane.
        lane: LaneIndex,
        /// Bytes.
        len: usize,
        /// Reliably.
        reliable: bool,
        /// Whether it was accepted.
        accepted: bool,
    },
    /// The application read a message of this many bytes, or found none.
    Receive(Option<usize>),
    /// The application closed the connection.
    Close {
        /// With this reason.
        reason: EndReason,
        /// With this text.
        text: String,
        /// After delivering what was sent.
        linger: bool,
    },
    /// The application wanted queued messages to go.
    Flush,
    /// The application set up this many lanes.
    ConfigureLanes(usize),
    /// The application chose whether late messages are dropped.
    SetSequenced,
    /// Settings changed.
    Configure,
    /// Anything else.
    Other,
}

/// A data packet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PacketSummary {
    /// Its number.
    pub number: PacketNumber,
    /// Bytes of UDP payload; zero if it came with an earlier input.
    pub len: usize,
    /// Its frames, without those that only select a lane.
    pub frames: Vec<FrameSummary>,
}

/// A datagram that went out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub enum SentSummary {
    /// A data packet.
    Packet(PacketSummary),
    /// A packet of the handshake or of closing.
    Control {
        /// Which.
        kind: &'static str,
        /// Bytes of UDP payload.
        len: usize,
    },
}

/// A frame of a data packet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub enum FrameSummary {
    /// What follows belongs to this lane.
    SelectLane(LaneIndex),
    /// Packets before this one need no acknowledgement.
    StopWaiting(PacketNumber),
    /// What was received.
    Ack {
        /// The newest packet.
        latest: PacketNumber,
        /// First and last of each run of packets that are missing, the newest run first.
        missing: Vec<(PacketNumber, PacketNumber)>,
    },
    /// Bytes of a lane's reliable stream.
    Reliable {
        /// Which lane.
        lane: LaneIndex,
        /// From where.
        pos: StreamPos,
        /// How many.
        len: usize,
        /// Some of them were sent before.
        again: bool,
    },
    /// An unreliable message or a part of one.
    Unreliable {
        /// Which lane.
        lane: LaneIndex,
        /// Which message.
        number: MessageNumber,
        /// From where in the message.
        offset: u32,
        /// How many bytes.
        len: usize,
        /// It ends here.
        last: bool,
    },
    /// The connection is closed.
    Close(EndReason),
    /// The close has arrived.
    CloseAck,
    /// How many bytes may be sent ahead of the oldest that is missing; `None` if there is no number.
    Window(Option<u64>),
    /// A frame that this version does not know.
    Unknown {
        /// Its kind.
        kind: u8,
        /// How many bytes it carries.
        len: usize,
    },
}

/// The connection moved from one state to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StateChange {
    /// Before.
    pub old: ConnectionState,
    /// Now.
    pub new: ConnectionState,
    /// Why, if it has ended.
    pub reason: Option<EndReason>,
    /// The same in words; masked if messages were left out and the words are not the library's own.
    pub text: String,
}

impl FrameSummary {
    pub(super) fn of(lane: LaneIndex, frame: &Frame<'_>) -> Self {
        match *frame {
            Frame::SelectLane(lane) => Self::SelectLane(lane),
            Frame::StopWaiting { first_wanted } => Self::StopWaiting(first_wanted),
            Frame::Ack(ack) => Self::Ack {
                latest: ack.latest,
                missing: missing(&ack),
            },
            Frame::Reliable { pos, data } => Self::Reliable {
                lane,
                pos,
                len: data.len(),
                again: false,
            },
            Frame::Unreliable {
                number,
                offset,
                last,
                data,
            } => Self::Unreliable {
                lane,
                number,
                offset,
                len: data.len(),
                last,
            },
            Frame::Extension { kind, data } => match (kind, close::parse_close(data)) {
                (close::CLOSE, Some((reason, _))) => Self::Close(reason),
                (close::CLOSE_ACK, _) => Self::CloseAck,
                (window::WINDOW, _) => Self::Window(window::parse_window(data)),
                _ => Self::Unknown {
                    kind,
                    len: data.len(),
                },
            },
        }
    }
}

/// The runs that an ack reports missing, the newest first.
fn missing(ack: &AckFrame<'_>) -> Vec<(PacketNumber, PacketNumber)> {
    let mut next = ack.latest.get();
    let mut runs = Vec::new();
    for block in ack.blocks() {
        let last = next.saturating_sub(block.acked);
        next = last.saturating_sub(block.nacked);
        if block.nacked > 0 {
            let first = PacketNumber::new(next.saturating_add(1));
            runs.push((first, PacketNumber::new(last)));
        }
    }
    runs
}
