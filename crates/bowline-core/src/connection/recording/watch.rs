//! What a connection shows of itself while a recording is played back.
//!
//! Nothing of it is collected on a live connection.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use crate::connection::recording::Recorder;
use crate::connection::recording::hide;
use crate::connection::recording::hide::StreamHeaders;
use crate::connection::recording::summary::FrameSummary;
use crate::counters::DropReason;
use crate::ids::LaneIndex;
use crate::ids::PacketNumber;
use crate::snp::close;
use crate::snp::decode::Decoder;
use crate::snp::frame::Frame;
use crate::snp::window;
use crate::wire::cursor::Reader;

/// What was seen since it was looked at last.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Packets that were decrypted.
    pub(super) opened: Vec<PacketNumber>,
    /// Datagrams that were dropped.
    pub(super) drops: Vec<DropReason>,
    /// Our packets that the peer lacks.
    pub(super) lost: Vec<PacketNumber>,
    /// Our packets as they were before they were sealed.
    pub(super) sealed: Vec<Sealed>,
    /// Received frames.
    pub(super) frames: Vec<Seen>,
    /// Packets with something after their last frame that is none.
    pub(super) broken: Vec<PacketNumber>,
}

/// A packet before it was sealed.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) number: PacketNumber,
    /// Header and plaintext.
    pub(super) bytes: Vec<u8>,
    pub(super) payload_at: usize,
}

/// A frame and where it stands in the plaintext.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) packet: PacketNumber,
    pub(super) summary: FrameSummary,
    pub(super) piece: Option<Piece>,
    /// Where the frame ends.
    pub(super) end: usize,
}

/// Bytes of a plaintext that are not the protocol's own.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    pub(super) content: Content,
}

/// What such bytes are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// Of a lane's stream, from this position on: messages, and the headers between them.
    Stream { lane: LaneIndex, pos: u64 },
    /// Of an unreliable message, or of a frame that is not known.
    Message,
    /// Words for people.
    Text,
}

/// Where in received packets there is what, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Plan(BTreeMap<PacketNumber, PacketPlan>);

/// The same for one packet.
#[derive(Debug, Default)]
pub(super) struct PacketPlan {
    pub(super) pieces: Vec<Piece>,
    /// Where the last frame ends that was read.
    pub(super) end: usize,
    /// What follows was looked at, and is no frame.
    pub(super) is_broken: bool,
}

impl Seen {
    /// A frame that `decoder` has just read from a plaintext of `len` bytes.
    pub(super) fn new(
        packet: PacketNumber,
        len: usize,
        decoder: &Decoder<'_>,
        frame: &Frame<'_>,
    ) -> Self {
        let end = len - decoder.left().min(len);
        Self {
            packet,
            summary: FrameSummary::of(decoder.lane(), frame),
            piece: piece(decoder.lane(), frame, end),
            end,
        }
    }
}

/// What of a frame is not the protocol's own. Data is always the last part of a frame.
fn piece(lane: LaneIndex, frame: &Frame<'_>, end: usize) -> Option<Piece> {
    let (len, content) = match frame {
        Frame::SelectLane(_) | Frame::StopWaiting { .. } | Frame::Ack(_) => return None,
        Frame::Unreliable { data, .. } => (data.len(), Content::Message),
        Frame::Reliable { pos, data } => {
            let pos = pos.get();
            (data.len(), Content::Stream { lane, pos })
        }
        Frame::Extension { kind, data } if *kind == close::CLOSE => {
            let mut reader = Reader::new(data);
            let text = reader.varint_u32().map_or(0, |_| reader.len());
            (text, Content::Text)
        }
        Frame::Extension {
            kind: window::WINDOW,
            ..
        } => return None,
        Frame::Extension { data, .. } => (data.len(), Content::Message),
    };
    let range = end.saturating_sub(len)..end;
    Some(Piece { range, content })
}

impl Plan {
    pub(super) fn add(&mut self, seen: &Seen) {
        let packet = self.0.entry(seen.packet).or_default();
        packet.pieces.extend(seen.piece.clone());
        packet.end = seen.end;
    }

    pub(super) fn add_broken(&mut self, packet: PacketNumber) {
        self.0.entry(packet).or_default().is_broken = true;
    }

    /// Blanks the plaintext of a received packet, which begins at `payload_at`.
    pub(crate) fn blank(
        &self,
        packet: PacketNumber,
        payload_at: usize,
        bytes: &mut [u8],
        headers: &StreamHeaders,
    ) {
        if let Some(plaintext) = bytes.get_mut(payload_at..) {
            hide::plaintext(plaintext, self.0.get(&packet), headers);
        }
    }
}

impl Recorder {
    #[inline]
    pub(in crate::connection) fn saw_opened(&mut self, number: PacketNumber) {
        if let Some(watch) = &mut self.watch {
            watch.opened.push(number);
        }
    }

    #[inline]
    pub(crate) fn saw_drop(&mut self, reason: DropReason) {
        if let Some(watch) = &mut self.watch {
            watch.drops.push(reason);
        }
    }

    #[inline]
    pub(in crate::connection) fn saw_lost(&mut self, number: PacketNumber) {
        if let Some(watch) = &mut self.watch {
            watch.lost.push(number);
        }
    }

    #[inline]
    pub(in crate::connection) fn saw_frame(
        &mut self,
        packet: PacketNumber,
        plaintext: &[u8],
        decoder: &Decoder<'_>,
        frame: &Frame<'_>,
    ) {
        if let Some(watch) = &mut self.watch {
            let seen = Seen::new(packet, plaintext.len(), decoder, frame);
            watch.frames.push(seen);
        }
    }

    #[inline]
    pub(in crate::connection) fn saw_broken(&mut self, packet: PacketNumber) {
        if let Some(watch) = &mut self.watch {
            watch.broken.push(packet);
        }
    }

    /// A packet is about to be sealed: `bytes` is its header and plaintext.
    #[inline]
    pub(in crate::connection) fn saw_plaintext(
        &mut self,
        number: PacketNumber,
        bytes: &[u8],
        payload_at: usize,
    ) {
        if let Some(watch) = &mut self.watch {
            watch.sealed.push(Sealed {
                number,
                bytes: bytes.into(),
                payload_at,
            });
        }
    }
}
