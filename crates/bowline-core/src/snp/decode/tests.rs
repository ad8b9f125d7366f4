use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::snp::golden::{FixedContext, decode_all, reliable, stop_waiting, unreliable};

fn decode<'a>(plaintext: &'a [u8], ctx: &FixedContext) -> Result<Vec<Frame<'a>>, FrameError> {
    decode_all(plaintext, 0x100, ctx)
}

fn assert_broken(plaintext: &[u8]) {
    let result = decode(plaintext, &FixedContext::fresh());
    assert!(
        matches!(result, Err(FrameError::Broken(_))),
        "{plaintext:02x?} gives {result:?}"
    );
}

#[test]
fn unknown_lead_bytes_are_fatal() {
    for lead_byte in (0x60..0x80).chain(0x84..0x88).chain(0xA0..=0xFF) {
        assert_broken(&[lead_byte, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}

#[test]
fn extensions_count_once_negotiated() {
    let plaintext = [0xA0, 0, 0xBF, 2, 7, 8, 0xA1, 1];
    let ctx = FixedContext::fresh();
    let mut decoder = Decoder::new(&plaintext, PacketNumber::new(2), true);
    let empty = Frame::Extension { kind: 0, data: &[] };
    let last = Frame::Extension {
        kind: 31,
        data: &[7, 8],
    };
    assert_eq!(decoder.next(&ctx), Ok(Some(empty)));
    assert_eq!(decoder.next(&ctx), Ok(Some(last)));
    let cut_off = Err(FrameError::Broken("extension is cut off"));
    assert_eq!(decoder.next(&ctx), cut_off);
    assert_eq!(decoder.next(&ctx), Ok(None));
}

#[test]
fn short_message_numbers_are_completed_near_the_highest() {
    let number = |bits: u16, highest| {
        let plaintext = [&[0x27][..], &bits.to_le_bytes()].concat();
        let ctx = FixedContext::lane_0(highest, 1);
        match decode(&plaintext, &ctx).map(|frames| frames[0]) {
            Ok(Frame::Unreliable { number, .. }) => Some(number.get()),
            _ => None,
        }
    };
    assert_eq!(number(1, 0), Some(1));
    assert_eq!(number(0, 0), None);
    assert_eq!(number(0xFFFF, 0), None);
    assert_eq!(number(1, 0xFFFF), Some(0x1_0001));
    assert_eq!(number(0xFFFF, 0x1_0001), Some(0xFFFF));
    assert_eq!(number(0x8000, 0x1_0000), Some(0x8000));
    assert_eq!(number(0xFFFF, i64::MAX as u64), Some(i64::MAX as u64));
    assert_eq!(number(0, i64::MAX as u64), None);
}

#[test]
fn long_message_numbers_are_completed_near_the_highest() {
    let number = |bits: u32, highest| {
        let plaintext = [&[0x37][..], &bits.to_le_bytes()].concat();
        let ctx = FixedContext::lane_0(highest, 1);
        match decode(&plaintext, &ctx).map(|frames| frames[0]) {
            Ok(Frame::Unreliable { number, .. }) => Some(number.get()),
            _ => None,
        }
    };
    assert_eq!(number(0, 0), None);
    assert_eq!(number(0x7FFF_FFFF, 0), Some(0x7FFF_FFFF));
    assert_eq!(number(5, 0xFFFF_FFFF), Some(0x1_0000_0005));
}

#[test]
fn later_message_numbers_count_on() {
    // #5, then one more, then 300 more, then one more after a reliable segment in between.
    let plaintext = [
        0x20, 5, 0, 0, 0x20, 0, 0x30, 0xAC, 0x02, 0, 0x40, 1, 0, 0, 0, 0x27,
    ];
    let frames = decode(&plaintext, &FixedContext::fresh()).unwrap();
    let expected = [
        unreliable(5, 0, true, b""),
        unreliable(6, 0, true, b""),
        unreliable(306, 0, true, b""),
        reliable(1, b""),
        unreliable(308, 0, true, b""),
    ];
    assert_eq!(frames, expected);
    // A step that leaves the numbers of GNS.
    assert_broken(&[
        0x20, 5, 0, 0, 0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0,
    ]);
}

#[test]
fn select_lane_resets_even_the_same_lane() {
    let plaintext = [
        0x20, 5, 0, 0, 0x40, 9, 0, 0, 0, 0x8F, 0, 0x20, 7, 0, 0, 0x40, 1, 0, 0, 0,
    ];
    let frames = decode(&plaintext, &FixedContext::fresh()).unwrap();
    let expected = [
        unreliable(5, 0, true, b""),
        reliable(9, b""),
        Frame::SelectLane(LaneIndex::ZERO),
        unreliable(7, 0, true, b""),
        reliable(1, b""),
    ];
    assert_eq!(frames, expected);
}

#[test]
fn each_lane_has_its_own_numbers() {
    let ctx = FixedContext {
        lanes: [(0, (0x1_0000, 0x0200_0000)), (3, (0, 1))].into(),
        next_send: 2,
    };
    let plaintext = [
        0x20, 1, 0, 0, 0x40, 1, 0, 0, 0, 0x8A, 0x20, 1, 0, 0, 0x40, 1, 0, 0, 0,
    ];
    let expected = [
        unreliable(0x1_0001, 0, true, b""),
        reliable(0x0200_0001, b""),
        Frame::SelectLane(LaneIndex::new(3)),
        unreliable(1, 0, true, b""),
        reliable(1, b""),
    ];
    assert_eq!(decode(&plaintext, &ctx).unwrap(), expected);
}

#[test]
fn absolute_positions_are_corrected_upward_only() {
    let pos = |bits: u32, expected| {
        let bytes = bits.to_le_bytes();
        let plaintext = [&[0x47][..], &bytes[..3]].concat();
        match decode(&plaintext, &FixedContext::lane_0(0, expected)).map(|frames| frames[0]) {
            Ok(Frame::Reliable { pos, .. }) => Some(pos.get()),
            _ => None,
        }
    };
    assert_eq!(pos(1, 1), Some(1));
    assert_eq!(pos(0, 1), None);
    assert_eq!(pos(5, 0x00FF_FFF0), Some(0x0100_0005));
    assert_eq!(pos(0x00FF_FFF0, 0x00FF_FFFF), Some(0x00FF_FFF0));
    // Half a period behind is the limit; beyond, it is ahead.
    assert_eq!(pos(6, 0x0080_0005), Some(6));
    assert_eq!(pos(5, 0x0080_0005), Some(0x0100_0005));
    // From just before the period: misread one period too high, as GNS does.
    assert_eq!(pos(0x00FF_FFF0, 0x0100_0005), Some(0x01FF_FFF0));
}

#[test]
fn bytes_from_before_a_multiple_of_2_48_that_come_again_are_read_where_they_were() {
    let pos = |pos: u64, expected| {
        let plaintext = [&[0x57][..], &pos.to_le_bytes()[..6]].concat();
        match decode(&plaintext, &FixedContext::lane_0(0, expected)).map(|frames| frames[0]) {
            Ok(Frame::Reliable { pos, .. }) => Some(pos.get()),
            _ => None,
        }
    };
    const END: u64 = 1 << 48;
    for multiple in [1, 2, 1 << 14] {
        let end = END * multiple;
        for expected in [end - 5, end, end + 1_000_000] {
            for position in [end - 20_000, end - 1, end, end + 7] {
                assert_eq!(pos(position, expected), Some(position), "{expected}");
            }
        }
    }
    // In the first period there is nothing below.
    assert_eq!(pos(END - 1, 1), Some(END - 1));
}

#[test]
fn all_forms_of_positions_are_read() {
    let long = [0x48, 1, 0, 0, 0, 1, 0xAA];
    let frames = decode(&long, &FixedContext::fresh()).unwrap();
    assert_eq!(frames, [reliable(1, &[0xAA])]);
    let plaintext = [
        0x50, 1, 0, 0, 0, 0, 0, 1, 0xAA, // 48 bits: 1 to 2
        0x40, 1, 0xBB, // contiguous: 2 to 3
        0x48, 7, 1, 0xCC, // 7 ahead: 10 to 11
        0x50, 0, 1, 0, // 256 ahead: 267
        0x5F, 0, 0, 1, 0, 0xDD, // 65536 ahead
    ];
    let frames = decode(&plaintext, &FixedContext::fresh()).unwrap();
    let expected = [
        reliable(1, &[0xAA]),
        reliable(2, &[0xBB]),
        reliable(10, &[0xCC]),
        reliable(267, b""),
        reliable(65803, &[0xDD]),
    ];
    assert_eq!(frames, expected);
    // The fourth form has no absolute meaning.
    assert_broken(&[0x58, 0, 0, 0, 0, 0]);
}

#[test]
fn positions_beyond_the_numbers_of_gns_are_fatal() {
    let far = FixedContext::lane_0(0, i64::MAX as u64 - 1);
    let low = (i64::MAX as u64 - 1).to_le_bytes();
    let plaintext = |data: &[u8]| [&[0x57][..], &low[..6], data].concat();
    assert!(decode(&plaintext(&[1]), &far).is_ok());
    let beyond = decode(&plaintext(&[1, 2]), &far).map(|frames| frames.len());
    assert_eq!(beyond, Err(FrameError::Broken("stream position")));
}

#[test]
fn segments_must_fit() {
    assert_broken(&[0x20, 1, 0, 3, 1, 2]);
    assert_broken(&[0x20, 1, 0]);
    assert_broken(&[0x25, 1, 0, 0]);
    assert_broken(&[0x26, 1, 0, 0]);
    assert_broken(&[0x45, 1, 0, 0, 0]);
    let mut largest = [&[0x24, 1, 0, 0xFF][..], &[7; 1279]].concat();
    let frames = decode(&largest, &FixedContext::fresh()).unwrap();
    assert_eq!(frames, [unreliable(1, 0, true, &[7; 1279])]);
    largest.pop();
    assert_broken(&largest);
}

#[test]
fn fragments_of_no_bytes_are_not_fatal() {
    let plaintext = [0x08, 1, 0, 5, 0, 0x3F, 0, 0x80, 0x01];
    let frames = decode(&plaintext, &FixedContext::fresh());
    // The second repeats number and message: its offset is missing, so 0x80 0x01 is data.
    let expected = [unreliable(1, 5, false, b""), unreliable(1, 128, true, b"")];
    assert_eq!(frames.unwrap(), expected);
}

#[test]
fn limit_offset_of_more_than_32_bits_is_refused() {
    let with_offset = |offset: &[u8]| [&[0x2F, 1, 0][..], offset].concat();
    let largest = with_offset(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
    let frames = decode(&largest, &FixedContext::fresh()).unwrap();
    assert_eq!(frames, [unreliable(1, u32::MAX, true, b"")]);
    assert_broken(&with_offset(&[0xFF, 0xFF, 0xFF, 0xFF, 0x1F]));
    assert_broken(&with_offset(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]));
}

#[test]
fn limit_lane_above_255_is_refused() {
    let lane = |bytes: &[u8]| {
        let plaintext = [&[0x8F][..], bytes].concat();
        decode(&plaintext, &FixedContext::fresh()).map(|frames| match frames[0] {
            Frame::SelectLane(lane) => lane.get(),
            _ => panic!("no lane"),
        })
    };
    let broken = Err(FrameError::Broken("lane"));
    assert_eq!(lane(&[0x00]), Ok(0));
    assert_eq!(lane(&[0xFF, 0x01]), Ok(255));
    assert_eq!(lane(&[0x80, 0x02]), broken);
    // 2^32 + 3, which GNS takes for lane 3.
    assert_eq!(lane(&[0x83, 0x80, 0x80, 0x80, 0x10]), broken);
    assert_eq!(lane(&[0x83, 0x80, 0x80, 0x80, 0x80, 0x00]), broken);
    assert_eq!(lane(&[]), broken);
}

#[test]
fn stop_waiting_stays_below_its_packet() {
    let first_wanted = |plaintext: &[u8], packet| {
        let frames = decode_all(plaintext, packet, &FixedContext::fresh());
        frames.map(|frames| frames == [stop_waiting(packet - 3)])
    };
    assert_eq!(first_wanted(&[0x80, 2], 0x100), Ok(true));
    assert_eq!(first_wanted(&[0x81, 2, 0], 0x100), Ok(true));
    assert_eq!(first_wanted(&[0x82, 2, 0, 0], 0x100), Ok(true));
    assert_eq!(first_wanted(&[0x83, 2, 0, 0, 0, 0, 0, 0, 0], 3), Ok(true));
    let before = Err(FrameError::Broken("stop-waiting before the first packet"));
    assert_eq!(first_wanted(&[0x80, 3], 3), before);
    assert_eq!(first_wanted(&[0x83; 9], 0x100), before);
    assert!(decode_all(&[0x80, 0], 0, &FixedContext::fresh()).is_err());
    assert_broken(&[0x83, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn frames_before_an_error_are_seen() {
    let plaintext = [0x80, 1, 0x20, 1, 0, 0, 0xFF, 0x20, 0];
    let ctx = FixedContext::fresh();
    let mut decoder = Decoder::new(&plaintext, PacketNumber::new(9), false);
    assert_eq!(decoder.next(&ctx), Ok(Some(stop_waiting(7))));
    let message = unreliable(1, 0, true, b"");
    assert_eq!(decoder.next(&ctx), Ok(Some(message)));
    assert!(decoder.next(&ctx).is_err());
    assert_eq!(decoder.next(&ctx), Ok(None));
}

#[test]
fn limit_segments_per_packet() {
    // Each message is two bytes: the first has its number, the others follow on.
    let mut plaintext = [0x20, 1, 0, 0].to_vec();
    plaintext.extend([0x20, 0].repeat(1299));
    let ctx = FixedContext::fresh();
    assert_eq!(decode(&plaintext, &ctx).unwrap().len(), 1300);
    plaintext.extend([0x20, 0]);
    assert_eq!(decode(&plaintext, &ctx), Err(FrameError::TooManySegments));

    let packet = PacketNumber::new(2);
    let mut decoder = Decoder::new(&plaintext, packet, false).with_max_segments(1);
    assert!(decoder.next(&ctx).is_ok());
    assert_eq!(decoder.next(&ctx), Err(FrameError::TooManySegments));
}

#[test]
fn reliable_data_is_remembered_until_the_lane_changes() {
    let plaintext = [0x40, 1, 0, 0, 0, 0x20, 1, 0, 0, 0x88, 0x20, 1, 0, 0];
    let ctx = FixedContext::fresh();
    let mut decoder = Decoder::new(&plaintext, PacketNumber::new(2), false);
    let mut seen = Vec::new();
    while let Some(frame) = decoder.next(&ctx).unwrap() {
        let kind = matches!(frame, Frame::SelectLane(_));
        seen.push((kind, decoder.lane().get(), decoder.ends_with_reliable()));
    }
    let expected = [
        (false, 0, true),
        (false, 0, true),
        (true, 1, false),
        (false, 1, false),
    ];
    assert_eq!(seen, expected);
}

/// Bytes that look like frames more often than random ones do.
fn frame_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..8),
        prop::collection::vec(0u8..4, 1..8),
        (0x20u8..0x31).prop_map(|lead_byte| [lead_byte & 0xF8, 1, 0, 0].to_vec()),
        (0x80u8..0xA0).prop_map(|lead_byte| [lead_byte, 1, 0, 0, 0].to_vec()),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        plaintext in prop_oneof![frame_like(), prop::collection::vec(any::<u8>(), 0..1300)],
        packet: u64,
        highest in prop_oneof![0u64..10, any::<u64>()],
        pos in prop_oneof![1u64..10, any::<u64>()],
        next_send: u64,
        extensions: bool,
    ) {
        let ctx = FixedContext { next_send, ..FixedContext::lane_0(highest, pos) };
        let packet = PacketNumber::new(packet);
        let mut decoder = Decoder::new(&plaintext, packet, extensions);
        let mut steps = 0;
        let mut segment_bytes = 0;
        while let Ok(Some(frame)) = decoder.next(&ctx) {
            steps += 1;
            prop_assert!(steps <= plaintext.len());
            match frame {
                Frame::Unreliable { number, data, .. } => {
                    prop_assert!(number > MessageNumber::NONE);
                    segment_bytes += data.len();
                }
                Frame::Reliable { pos, data } => {
                    prop_assert!(pos >= StreamPos::FIRST);
                    prop_assert!(pos.get().checked_add(data.len() as u64).is_some());
                    segment_bytes += data.len();
                }
                Frame::StopWaiting { first_wanted } => prop_assert!(first_wanted < packet),
                Frame::Ack(ack) => prop_assert!(ack.latest.get() < next_send),
                Frame::SelectLane(_) => {}
                Frame::Extension { .. } => prop_assert!(extensions),
            }
        }
        prop_assert!(segment_bytes < plaintext.len().max(1));
        prop_assert_eq!(decoder.next(&ctx), Ok(None));
    }
}
