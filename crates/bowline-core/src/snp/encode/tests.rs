use std::vec;

use proptest::prelude::*;

use super::*;
use crate::snp::golden::{FixedContext, decode_all, reliable, stop_waiting, unreliable, write};
use crate::snp::{Decoder, Frame};

const PACKET: PacketNumber = PacketNumber::new(0x1_0000);

fn written(budget: usize, write: impl FnOnce(&mut FrameWriter<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = FrameWriter::new(&mut out, PACKET, budget);
    write(&mut writer);
    let len = writer.finish();
    assert_eq!(out.len(), len);
    out
}

fn decode(plaintext: &[u8]) -> Vec<Frame<'_>> {
    decode_all(plaintext, PACKET.get(), &FixedContext::fresh()).unwrap()
}

fn message(number: u64) -> MessageNumber {
    MessageNumber::new(number)
}

fn pos(pos: u64) -> StreamPos {
    StreamPos::new(pos)
}

#[test]
fn only_the_last_segment_loses_its_size() {
    let bytes = written(100, |writer| {
        writer.unreliable(message(1), 0, true, &[b"ab"]);
        writer.unreliable(message(2), 0, true, &[b"c", b"d"]);
    });
    assert_eq!(bytes, b"\x30\x01\x00\x00\x00\x02ab\x27cd");
}

#[test]
fn a_segment_keeps_its_size_before_another_frame() {
    let bytes = written(100, |writer| {
        writer.reliable(pos(1), &[b"ab"]);
        writer.stop_waiting(PacketNumber::new(0xFFFF));
    });
    assert_eq!(bytes, b"\x50\x01\x00\x00\x00\x00\x00\x02ab\x80\x00");
}

#[test]
fn sizes_above_255_have_their_high_bits_in_the_lead_byte() {
    let data = [7; 1279];
    let bytes = written(2000, |writer| {
        writer.unreliable(message(1), 0, true, &[&data]);
        writer.select_lane(LaneIndex::new(1));
    });
    assert_eq!(bytes[..6], [0x34, 1, 0, 0, 0, 0xFF]);
    assert_eq!(decode(&bytes)[0], unreliable(1, 0, true, &data));
}

#[test]
fn limit_segment_without_a_size_form_ends_the_packet() {
    let data = [7; MAX_EXPLICIT_SEGMENT + 1];
    let bytes = written(2000, |writer| {
        writer.reliable(pos(1), &[&data]);
        assert_eq!(writer.room(), 0);
    });
    assert_eq!(decode(&bytes), [reliable(1, &data)]);
}

#[test]
fn a_segment_may_fill_the_packet_to_the_last_byte() {
    for (spare, left) in [(0, 0), (1, 0), (2, 0), (3, 2)] {
        let bytes = written(100, |writer| {
            let overhead = writer.reliable_overhead(pos(1));
            assert_eq!(overhead, 8);
            // One more than the overhead says: no size byte is needed.
            let data = vec![7; writer.room() - overhead + 1 - spare];
            writer.reliable(pos(1), &[&data]);
            assert_eq!(writer.room(), left);
        });
        assert_eq!(bytes.len(), 100 - spare);
        assert_eq!(decode(&bytes), [reliable(1, &vec![7; 93 - spare])]);
    }
}

#[test]
fn lanes_have_their_shortest_legal_form() {
    for (lane, expected) in [
        (0, &[0x8F, 0][..]),
        (1, &[0x88]),
        (7, &[0x8E]),
        (8, &[0x8F, 8]),
        (127, &[0x8F, 127]),
        (128, &[0x8F, 0x80, 0x01]),
        (255, &[0x8F, 0xFF, 0x01]),
    ] {
        let lane = LaneIndex::new(lane);
        let bytes = written(10, |writer| writer.select_lane(lane));
        assert_eq!(bytes, expected);
        assert_eq!(bytes.len(), select_lane_len(lane));
        assert_eq!(decode(&bytes), [Frame::SelectLane(lane)]);
    }
}

#[test]
fn stop_waiting_has_its_shortest_form() {
    for (packet, len) in [
        (0x100, 2),
        (0x101, 3),
        (0x1_0000, 3),
        (0x1_0001, 4),
        (0x100_0000, 4),
        (0x100_0001, 9),
        (u64::MAX, 9),
    ] {
        let mut out = Vec::new();
        let mut writer = FrameWriter::new(&mut out, PacketNumber::new(packet), 9);
        let first_wanted = PacketNumber::new(0);
        assert_eq!(writer.stop_waiting_len(first_wanted), len);
        writer.stop_waiting(first_wanted);
        assert_eq!(writer.finish(), len);
        let frames = decode_all(&out, packet, &FixedContext::fresh()).unwrap();
        assert_eq!(frames, [stop_waiting(0)]);
    }
}

#[test]
fn a_reliable_segment_takes_a_message_number() {
    let bytes = written(100, |writer| {
        writer.unreliable(message(1), 0, true, &[b"a"]);
        writer.reliable(pos(1), &[b"b"]);
        writer.unreliable(message(3), 0, true, &[b"c"]);
        writer.reliable(pos(2), &[b"d"]);
        writer.unreliable(message(4), 0, true, &[b"e"]);
    });
    assert_eq!(
        bytes,
        b"\x30\x01\x00\x00\x00\x01a\x50\x01\x00\x00\x00\x00\x00\x01b\x20\x01c\x40\x01d\x37\x00e"
    );
}

#[test]
fn going_back_selects_the_lane_anew() {
    let bytes = written(100, |writer| {
        writer.reliable(pos(50), &[b"a"]);
        let before = writer.room();
        assert_eq!(writer.reliable_overhead(pos(20)), 10);
        writer.reliable(pos(20), &[b"b"]);
        assert_eq!(before - writer.room(), 11);
        writer.unreliable(message(9), 0, true, &[b"c"]);
        writer.unreliable(message(8), 0, true, &[b"d"]);
    });
    let lane = Frame::SelectLane(LaneIndex::ZERO);
    let expected = [
        reliable(50, b"a"),
        lane,
        reliable(20, b"b"),
        unreliable(9, 0, true, b"c"),
        lane,
        unreliable(8, 0, true, b"d"),
    ];
    assert_eq!(decode(&bytes), expected);
}

#[test]
fn nothing_is_allocated_within_the_capacity() {
    let mut out = Vec::with_capacity(1300);
    let before = (out.as_ptr(), out.capacity());
    let mut writer = FrameWriter::new(&mut out, PACKET, 1232);
    writer.stop_waiting(PacketNumber::new(1));
    writer.ack(
        PacketNumber::new(70),
        None,
        &[AckBlock {
            acked: 1,
            nacked: 60,
        }],
    );
    writer.unreliable(message(1), 0, true, &[&[7; 100]]);
    writer.select_lane(LaneIndex::new(9));
    let data = vec![7; writer.room() - writer.reliable_overhead(pos(1))];
    writer.reliable(pos(1), &[&data]);
    writer.finish();
    assert_eq!((out.as_ptr(), out.capacity()), before);
}

#[test]
fn an_empty_packet_is_legal() {
    assert!(written(0, |_| {}).is_empty());
    assert_eq!(decode(&[]), []);
}

/// A frame to write, with its data as a length.
#[derive(Clone, Debug)]
enum Step {
    SelectLane(u8),
    Unreliable(u64, u32, bool, usize),
    Reliable(u64, usize),
    StopWaiting(u64),
    Ack(u64, Option<u64>, Vec<(u64, u64)>),
    Extension(u8, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let len = || prop_oneof![Just(0usize), 0usize..40, 240usize..300];
    let number = prop_oneof![1u64..20, 1u64..100_000];
    let offset = prop_oneof![Just(0u32), any::<u32>()];
    let pos = prop_oneof![1u64..100, 1u64..1 << 20, 1u64..1 << 46];
    let blocks = prop::collection::vec((0u64..300, 0u64..300), 0..12);
    prop_oneof![
        prop_oneof![0u8..10, any::<u8>()].prop_map(Step::SelectLane),
        (number, offset, any::<bool>(), len())
            .prop_map(|(number, offset, last, len)| Step::Unreliable(number, offset, last, len)),
        (pos, len()).prop_map(|(pos, len)| Step::Reliable(pos, len)),
        (0..PACKET.get()).prop_map(Step::StopWaiting),
        (10_000u64..20_000, prop::option::of(0u64..0xFFFF), blocks)
            .prop_map(|(latest, delay, blocks)| Step::Ack(latest, delay, blocks)),
        (0u8..32, len()).prop_map(|(kind, len)| Step::Extension(kind, len)),
    ]
}

/// Writes the step if it fits. True if it was written.
fn take_step(writer: &mut FrameWriter<'_>, step: &Step, data: &[u8]) -> bool {
    let room = writer.room();
    let len = step_len(writer, step);
    if len > room {
        return false;
    }
    write_step(writer, step, data);
    if writer.room() > 0 {
        assert_eq!(room - writer.room(), len, "{step:?}");
    }
    true
}

fn step_len(writer: &FrameWriter<'_>, step: &Step) -> usize {
    match *step {
        Step::SelectLane(lane) => select_lane_len(LaneIndex::new(lane)),
        Step::Unreliable(number, offset, _, len) => {
            writer.unreliable_overhead(message(number), offset) + len
        }
        Step::Reliable(at, len) => writer.reliable_overhead(pos(at)) + len,
        Step::StopWaiting(first) => writer.stop_waiting_len(PacketNumber::new(first)),
        Step::Ack(_, _, ref blocks) => ack_codec::ack_len(&ack_blocks(blocks)),
        Step::Extension(_, len) => extension_len(len),
    }
}

/// Writes what has data in two parts.
fn write_step(writer: &mut FrameWriter<'_>, step: &Step, data: &[u8]) {
    match *step {
        Step::SelectLane(lane) => writer.select_lane(LaneIndex::new(lane)),
        Step::Unreliable(number, offset, last, len) => {
            let (head, tail) = data[..len].split_at(len / 3);
            writer.unreliable(message(number), offset, last, &[head, tail]);
        }
        Step::Reliable(at, len) => {
            let (head, tail) = data[..len].split_at(len / 2);
            writer.reliable(pos(at), &[head, tail]);
        }
        Step::StopWaiting(first) => writer.stop_waiting(PacketNumber::new(first)),
        Step::Ack(latest, delay, ref blocks) => {
            let delay = delay.map(|units| Span::from_micros(units * 32));
            writer.ack(PacketNumber::new(latest), delay, &ack_blocks(blocks));
        }
        Step::Extension(kind, len) => writer.extension(kind, &data[..len]),
    }
}

fn ack_blocks(runs: &[(u64, u64)]) -> Vec<AckBlock> {
    let blocks = runs.iter();
    blocks
        .map(|&(acked, nacked)| AckBlock { acked, nacked })
        .collect()
}

/// Whether the frame is what the step asked for.
fn matches_step(frame: &Frame<'_>, step: &Step, data: &[u8]) -> bool {
    match (frame, step) {
        (Frame::SelectLane(lane), Step::SelectLane(expected)) => lane.get() == *expected,
        (Frame::Unreliable { .. }, Step::Unreliable(number, offset, last, len)) => {
            *frame == unreliable(*number, *offset, *last, &data[..*len])
        }
        (Frame::Reliable { .. }, Step::Reliable(pos, len)) => {
            *frame == reliable(*pos, &data[..*len])
        }
        (Frame::StopWaiting { .. }, Step::StopWaiting(first)) => *frame == stop_waiting(*first),
        (Frame::Ack(ack), Step::Ack(latest, delay, blocks)) => {
            ack.latest.get() == *latest
                && ack.delay == delay.map(|units| Span::from_micros(units * 32))
                && ack
                    .blocks()
                    .map(|b| (b.acked, b.nacked))
                    .eq(blocks.iter().copied())
        }
        (
            Frame::Extension {
                kind,
                data: carried,
            },
            Step::Extension(expected, len),
        ) => kind == expected && *carried == &data[..*len],
        _ => false,
    }
}

proptest! {
    #[test]
    fn frames_come_back(steps in prop::collection::vec(step(), 0..40), budget in 0usize..2500) {
        let data: Vec<u8> = (0..300u32).map(|i| i as u8).collect();
        let mut out = vec![0xEE; 7];
        let mut writer = FrameWriter::new(&mut out, PACKET, budget);
        let taken: Vec<_> = steps.iter().filter(|step| take_step(&mut writer, step, &data)).collect();
        let lane = writer.lane();
        let len = writer.finish();
        prop_assert!(len <= budget);
        prop_assert_eq!(out.len(), len + 7);

        let ctx = FixedContext { next_send: 20_001, ..FixedContext::fresh() };
        let mut decoder = Decoder::new(&out[7..], PACKET, true);
        let mut expected = taken.into_iter().peekable();
        let mut before = LaneIndex::ZERO;
        while let Some(frame) = decoder.next(&ctx).unwrap() {
            if let Some(step) = expected.next_if(|step| matches_step(&frame, step, &data)) {
                if !matches!(step, Step::SelectLane(_)) {
                    prop_assert_eq!(decoder.lane(), before);
                }
            } else {
                // The lane selected anew by the writer itself, before a number that goes back.
                prop_assert_eq!(frame, Frame::SelectLane(before));
            }
            before = decoder.lane();
        }
        prop_assert_eq!(expected.next().is_none(), true);
        prop_assert_eq!(lane, before);
    }

    #[test]
    fn what_is_read_is_written_the_same(plaintext in prop::collection::vec(any::<u8>(), 0..60)) {
        // Written anew it may be shorter, but must say the same.
        let ctx = FixedContext { next_send: 20_001, ..FixedContext::fresh() };
        let mut decoder = Decoder::new(&plaintext, PACKET, true);
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = decoder.next(&ctx) {
            frames.push(frame);
        }
        let mut out = Vec::new();
        let mut writer = FrameWriter::new(&mut out, PACKET, 10_000);
        frames.iter().for_each(|frame| write(&mut writer, frame));
        writer.finish();
        let mut decoder = Decoder::new(&out, PACKET, true);
        for frame in &frames {
            let again = decoder.next(&ctx).unwrap().unwrap();
            match (again, frame) {
                // Equal acks differ in the bytes that they were read from.
                (Frame::Ack(again), Frame::Ack(ack)) => prop_assert!(again.blocks().eq(ack.blocks())),
                (again, frame) => prop_assert_eq!(&again, frame),
            }
        }
    }
}
