//! Plaintexts from real traffic of the original, and of a peer that was proven against it.

use alloc::vec;
use alloc::vec::Vec;
use std::collections::BTreeMap;

use crate::ids::{LaneIndex, MessageNumber, PacketNumber, StreamPos};
use crate::snp::{AckBlock, DecodeContext, Decoder, Frame, FrameError, FrameWriter};
use crate::time::Span;

/// A receiver that has stopped at some point and does not move on.
#[derive(Debug)]
pub(super) struct FixedContext {
    pub(super) lanes: BTreeMap<u8, (u64, u64)>,
    pub(super) next_send: u64,
}

impl FixedContext {
    pub(super) fn fresh() -> Self {
        Self {
            lanes: BTreeMap::new(),
            next_send: 2,
        }
    }

    /// A receiver that has seen `highest` and expects `pos` in lane 0.
    pub(super) fn lane_0(highest: u64, pos: u64) -> Self {
        Self {
            lanes: BTreeMap::from([(0, (highest, pos))]),
            next_send: 2,
        }
    }

    fn lane(&self, lane: LaneIndex) -> (u64, u64) {
        self.lanes.get(&lane.get()).copied().unwrap_or((0, 1))
    }
}

impl DecodeContext for FixedContext {
    fn highest_message(&self, lane: LaneIndex) -> MessageNumber {
        MessageNumber::new(self.lane(lane).0)
    }

    fn expected_pos(&self, lane: LaneIndex) -> StreamPos {
        StreamPos::new(self.lane(lane).1)
    }

    fn next_send(&self) -> PacketNumber {
        PacketNumber::new(self.next_send)
    }
}

/// All frames of `plaintext`, packet number `packet`, for a receiver that knows `ctx`.
pub(super) fn decode_all<'a>(
    plaintext: &'a [u8],
    packet: u64,
    ctx: &FixedContext,
) -> Result<Vec<Frame<'a>>, FrameError> {
    let mut decoder = Decoder::new(plaintext, PacketNumber::new(packet), false);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next(ctx)? {
        frames.push(frame);
    }
    assert_eq!(decoder.next(ctx), Ok(None));
    Ok(frames)
}

pub(super) fn unreliable(number: u64, offset: u32, last: bool, data: &[u8]) -> Frame<'_> {
    Frame::Unreliable {
        number: MessageNumber::new(number),
        offset,
        last,
        data,
    }
}

pub(super) fn reliable(pos: u64, data: &[u8]) -> Frame<'_> {
    Frame::Reliable {
        pos: StreamPos::new(pos),
        data,
    }
}

pub(super) fn stop_waiting(first_wanted: u64) -> Frame<'static> {
    Frame::StopWaiting {
        first_wanted: PacketNumber::new(first_wanted),
    }
}

/// Writes `frames` as packet number `packet` with room to spare.
fn write_all(frames: &[Frame<'_>], packet: u64, budget: usize) -> Vec<u8> {
    let mut out = vec![0xEE; 7];
    let mut writer = FrameWriter::new(&mut out, PacketNumber::new(packet), budget);
    for frame in frames {
        write(&mut writer, frame);
    }
    let len = writer.finish();
    let plaintext = out.split_off(7);
    assert_eq!(plaintext.len(), len);
    plaintext
}

pub(super) fn write(writer: &mut FrameWriter<'_>, frame: &Frame<'_>) {
    match *frame {
        Frame::SelectLane(lane) => writer.select_lane(lane),
        Frame::Unreliable {
            number,
            offset,
            last,
            data,
        } => writer.unreliable(number, offset, last, &[data]),
        Frame::Reliable { pos, data } => writer.reliable(pos, &[data]),
        Frame::StopWaiting { first_wanted } => writer.stop_waiting(first_wanted),
        Frame::Ack(ack) => {
            let blocks: Vec<AckBlock> = ack.blocks().collect();
            writer.ack(ack.latest, ack.delay, &blocks);
        }
        Frame::Extension { kind, data } => writer.extension(kind, data),
    }
}

fn assert_first_ack(frame: &Frame<'_>) {
    let Frame::Ack(ack) = frame else {
        panic!("{frame:?} is no ack");
    };
    assert_eq!((ack.latest.get(), ack.delay), (1, None));
    assert_eq!(ack.blocks().len(), 0);
}

/// The client's first packet of the key derivation vector.
#[test]
fn first_packet_of_the_key_derivation_vector() {
    let plaintext = b"\x80\x01\x98\x01\x00\xFF\xFF\x30\x01\x00\x00\x00\x07hello-u\
        \x57\x01\x00\x00\x00\x00\x00\x49\x02hello-rel";
    assert_eq!(plaintext.len(), 38);
    let frames = decode_all(plaintext, 2, &FixedContext::fresh()).unwrap();
    let [first, ack, rest @ ..] = &frames[..] else {
        panic!("too few frames");
    };
    assert_eq!(*first, stop_waiting(0));
    assert_first_ack(ack);
    let expected = [
        unreliable(1, 0, true, b"hello-u"),
        reliable(1, b"\x49\x02hello-rel"),
    ];
    assert_eq!(rest, expected);
    assert_eq!(write_all(&frames, 2, 1232), plaintext);
}

/// GNS's own first packet: three messages of both kinds, flushed together.
#[test]
fn first_packet_of_the_original() {
    let plaintext = b"\x80\x01\x98\x01\x00\xFF\xFF\x30\x01\x00\x00\x00\x07hello-u\
        \x50\x01\x00\x00\x00\x00\x00\x0B\x49\x02hello-rel\
        \x27hello-u2";
    let frames = decode_all(plaintext, 2, &FixedContext::fresh()).unwrap();
    let [first, ack, rest @ ..] = &frames[..] else {
        panic!("too few frames");
    };
    assert_eq!(*first, stop_waiting(0));
    assert_first_ack(ack);
    let expected = [
        unreliable(1, 0, true, b"hello-u"),
        reliable(1, b"\x49\x02hello-rel"),
        unreliable(3, 0, true, b"hello-u2"),
    ];
    assert_eq!(rest, expected);
    assert_eq!(write_all(&frames, 2, 1232), plaintext);
}

#[test]
fn ack_with_losses() {
    let plaintext = [0x9B, 0x46, 0, 0x92, 0, 0x13, 0x1C, 0x07, 0x13];
    let ctx = FixedContext {
        next_send: 71,
        ..FixedContext::fresh()
    };
    let frames = decode_all(&plaintext, 2, &ctx).unwrap();
    let [Frame::Ack(ack)] = frames[..] else {
        panic!("{frames:?} is not one ack");
    };
    assert_eq!(ack.latest.get(), 70);
    assert_eq!(ack.delay, Some(Span::from_micros(146 * 32)));
    let blocks: Vec<_> = ack
        .blocks()
        .map(|block| (block.acked, block.nacked))
        .collect();
    assert_eq!(blocks, [(1, 3), (1, 60), (1, 3)]);
    assert_eq!(write_all(&frames, 2, 1232), plaintext);
}

/// A reliable message of 5000 bytes in five packets, then an unreliable one of 3000 in three.
#[test]
fn large_transfer() {
    let stream: Vec<u8> = [0x28, 0x9C, 0x01]
        .into_iter()
        .chain((0..5000u32).map(|i| i as u8))
        .collect();
    let message: Vec<u8> = (0..3000u32).map(|i| (i * 7) as u8).collect();
    let head: &[u8] = b"\x80\x01\x98\x01\x00\xFF\xFF";
    // Header of the segment, its data; what a receiver knows before it.
    let bulk: [(&[u8], u64); 4] = [
        (b"\x57\x01\x00\x00\x00\x00\x00", 1),
        (b"\x57\x72\x04\x00\x00\x00\x00", 1138),
        (b"\x57\xE3\x08\x00\x00\x00\x00", 2275),
        (b"\x57\x54\x0D\x00\x00\x00\x00", 3412),
    ];
    for (header, pos) in bulk {
        let start = pos as usize - 1;
        let data = &stream[start..start + 1137];
        let plaintext = [head, header, data].concat();
        let frames = decode_all(&plaintext, 2, &FixedContext::lane_0(0, pos)).unwrap();
        assert_eq!(frames[2..], [reliable(pos, data)]);
        assert_eq!(write_all(&frames, 2, 1232), plaintext);
    }

    let ctx = FixedContext::lane_0(1, 4549);
    let (remainder, first) = (&stream[4548..], &message[..757]);
    let plaintext = [
        head,
        b"\x51\xC5\x11\x00\x00\x00\x00\xC7",
        remainder,
        b"\x17\x02\x00\x00\x00",
        first,
    ]
    .concat();
    assert_eq!(plaintext.len(), 1232);
    let frames = decode_all(&plaintext, 2, &ctx).unwrap();
    let expected = [reliable(4549, remainder), unreliable(2, 0, false, first)];
    assert_eq!(frames[2..], expected);
    assert_eq!(write_all(&frames, 2, 1232), plaintext);

    let (second, third) = message[757..].split_at(1218);
    let pieces: [(&[u8], _); 2] = [
        (
            b"\x1F\x02\x00\x00\x00\xF5\x05",
            unreliable(2, 757, false, second),
        ),
        (
            b"\x3F\x02\x00\x00\x00\xB7\x0F",
            unreliable(2, 1975, true, third),
        ),
    ];
    for (header, expected) in pieces {
        let Frame::Unreliable { data, .. } = expected else {
            continue;
        };
        let plaintext = [head, header, data].concat();
        let frames = decode_all(&plaintext, 2, &ctx).unwrap();
        assert_eq!(frames[2..], [expected]);
        assert_eq!(write_all(&frames, 2, 1232), plaintext);
    }
}

/// The broken lane header of the original, which must not be guessed at: lane 9 sent as `8F`
/// without the lane. What follows is taken for the lane.
#[test]
fn lane_header_of_the_original_above_lane_7() {
    let frames = decode_all(&[0x8F, 0x57, 0x01], 2, &FixedContext::fresh());
    assert_eq!(frames, Err(FrameError::Broken("message number")));
    let frames = decode_all(&[0x8F, 0xC8, 0x01], 2, &FixedContext::fresh()).unwrap();
    assert_eq!(frames, [Frame::SelectLane(LaneIndex::new(200))]);
    let frames = decode_all(&[0x8E], 2, &FixedContext::fresh()).unwrap();
    assert_eq!(frames, [Frame::SelectLane(LaneIndex::new(7))]);
}
