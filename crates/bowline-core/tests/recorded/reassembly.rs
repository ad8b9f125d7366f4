//! From the frames of one direction to its messages, written apart from the core's own receiver.

use std::collections::BTreeMap;

use bowline_core::crypto::packet::PacketKey;
use bowline_core::ids::LaneIndex;
use bowline_core::ids::MessageNumber;
use bowline_core::ids::PacketNumber;
use bowline_core::ids::StreamPos;
use bowline_core::snp::DecodeContext;
use bowline_core::snp::Frame;

use crate::session::Message;

/// All that one end has sent so far.
#[derive(Debug)]
pub(crate) struct Reassembly {
    key: PacketKey,
    highest_packet: u64,
    lanes: BTreeMap<u8, Lane>,
    unreliable: Vec<Message>,
}

#[derive(Debug, Default)]
struct Lane {
    highest_message: u64,
    /// Bytes of the reliable stream, by position.
    stream: BTreeMap<u64, u8>,
    /// Pieces of unreliable messages by message number and offset.
    fragments: BTreeMap<u64, BTreeMap<u32, (Vec<u8>, bool)>>,
}

/// What the decoder has to know, at one moment.
pub(crate) struct Context<'a> {
    reassembly: &'a Reassembly,
    next_packet: PacketNumber,
}

impl Reassembly {
    pub(crate) fn new(key: PacketKey) -> Self {
        // The handshake is packet 1.
        Self {
            key,
            highest_packet: 1,
            lanes: BTreeMap::new(),
            unreliable: Vec::new(),
        }
    }

    pub(crate) fn highest_packet(&self) -> PacketNumber {
        PacketNumber::new(self.highest_packet)
    }

    pub(crate) fn next_packet(&self) -> PacketNumber {
        self.highest_packet().next()
    }

    pub(crate) fn open<'a>(&mut self, number: PacketNumber, payload: &'a mut [u8]) -> &'a [u8] {
        self.highest_packet = self.highest_packet.max(number.get());
        self.key.open(number, payload).expect("the keys are right")
    }

    pub(crate) fn context(&self, next_packet: PacketNumber) -> Context<'_> {
        Context {
            reassembly: self,
            next_packet,
        }
    }

    pub(crate) fn on_frame(&mut self, lane: u8, frame: &Frame<'_>) {
        let state = self.lanes.entry(lane).or_default();
        match *frame {
            Frame::Reliable { pos, data } => {
                state.stream.extend((pos.get()..).zip(data.iter().copied()));
            }
            Frame::Unreliable {
                number,
                offset,
                last,
                data,
            } => {
                let number = number.get();
                state.highest_message = state.highest_message.max(number);
                let pieces = state.fragments.entry(number).or_default();
                pieces.insert(offset, (data.to_vec(), last));
                if let Some(bytes) = complete(pieces) {
                    state.fragments.remove(&number);
                    self.unreliable.push(Message::new(lane, false, &bytes));
                }
            }
            Frame::SelectLane(_)
            | Frame::StopWaiting { .. }
            | Frame::Ack(_)
            | Frame::Extension { .. } => {}
        }
    }

    pub(crate) fn into_messages(self) -> Vec<Message> {
        let mut messages = self.unreliable;
        for (index, lane) in self.lanes {
            let gapless = lane.stream.keys().copied().eq(1..=lane.stream.len() as u64);
            assert!(gapless, "the stream of lane {index} has gaps");
            let stream: Vec<u8> = lane.stream.into_values().collect();
            let mut rest = &stream[..];
            while !rest.is_empty() {
                let message = take_message(&mut rest);
                messages.push(Message::new(index, true, message));
            }
        }
        messages
    }
}

impl DecodeContext for Context<'_> {
    fn highest_message(&self, lane: LaneIndex) -> MessageNumber {
        let lane = self.reassembly.lanes.get(&lane.get());
        MessageNumber::new(lane.map_or(0, |lane| lane.highest_message))
    }

    fn expected_pos(&self, lane: LaneIndex) -> StreamPos {
        let lane = self.reassembly.lanes.get(&lane.get());
        let last = lane.and_then(|lane| lane.stream.last_key_value());
        StreamPos::new(last.map_or(1, |(pos, _)| pos + 1))
    }

    fn next_send(&self) -> PacketNumber {
        self.next_packet
    }
}

/// The bytes of an unreliable message, once the chain of its pieces reaches the end.
fn complete(pieces: &BTreeMap<u32, (Vec<u8>, bool)>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for (&offset, (data, last)) in pieces {
        if offset as usize != bytes.len() {
            return None;
        }
        bytes.extend_from_slice(data);
        if *last {
            return Some(bytes);
        }
    }
    None
}

/// Cuts the next message off a reliable stream (wire.md 4.8).
fn take_message<'a>(stream: &mut &'a [u8]) -> &'a [u8] {
    let head = take(stream, 1)[0];
    assert_eq!(head & 0x80, 0, "no header starts like this");
    if head & 0x40 != 0 {
        take_varint(stream);
    }
    let low = usize::from(head & 0x1f);
    let high = if head & 0x20 != 0 {
        take_varint(stream)
    } else {
        0
    };
    take(stream, high << 5 | low)
}

fn take_varint(stream: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = take(stream, 1)[0];
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn take<'a>(stream: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = stream.split_at(count);
    *stream = rest;
    taken
}
