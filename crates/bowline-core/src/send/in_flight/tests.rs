use alloc::vec::Vec;

use super::*;
use crate::ids::MessageNumber;
use crate::snp::ack_codec::AckBlock;
use crate::snp::decode::DecodeContext;
use crate::snp::decode::Decoder;
use crate::snp::encode::FrameWriter;
use crate::snp::frame::Frame;

struct Expansion {
    next_send: PacketNumber,
}

impl DecodeContext for Expansion {
    fn highest_message(&self, _: LaneIndex) -> MessageNumber {
        MessageNumber::NONE
    }
    fn expected_pos(&self, _: LaneIndex) -> StreamPos {
        StreamPos::FIRST
    }
    fn next_send(&self) -> PacketNumber {
        self.next_send
    }
}

fn flight(packets: u64) -> InFlight {
    let mut flight = InFlight::new(PacketNumber::new(2));
    for n in 0..packets {
        let start = StreamPos::new(1 + n * 10);
        flight.add_range(LaneIndex::ZERO, start..start.advance(10));
        flight.push(Timestamp::from_micros(n), 100, 1, SentMark::default());
    }
    flight
}

fn ack(flight: &mut InFlight, latest: u64, blocks: &[(u64, u64)]) -> (Vec<u64>, Vec<u64>) {
    let blocks: Vec<AckBlock> = blocks
        .iter()
        .map(|&(acked, nacked)| AckBlock { acked, nacked })
        .collect();
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new(&mut bytes, PacketNumber::new(2), 1000);
    writer.ack(PacketNumber::new(latest), None, &blocks);
    writer.finish();
    let context = Expansion {
        next_send: flight.next_number(),
    };
    let mut decoder = Decoder::new(&bytes, PacketNumber::new(2), false);
    let Ok(Some(Frame::Ack(frame))) = decoder.next(&context) else {
        panic!("an ack frame is expected");
    };
    let (mut acked, mut nacked) = (Vec::new(), Vec::new());
    flight.on_ack(&frame, |settled, ranges| {
        assert_eq!(ranges.count(), 1);
        if settled.acked {
            acked.push(settled.number.get());
        } else {
            nacked.push(settled.number.get());
        }
    });
    acked.sort_unstable();
    nacked.sort_unstable();
    (acked, nacked)
}

#[test]
fn the_oldest_reliable_packet_is_known_whatever_becomes_of_those_before() {
    let mut flight = InFlight::new(PacketNumber::new(2));
    // Every third packet carries reliable data: 2, 5, 8, and so on to 29.
    for n in 0..30 {
        let start = StreamPos::new(1 + n * 10);
        let is_reliable = n % 3 == 0;
        if is_reliable {
            flight.add_range(LaneIndex::ZERO, start..start.advance(10));
        }
        let ranges = usize::from(is_reliable);
        flight.push(Timestamp::from_micros(n), 100, ranges, SentMark::default());
    }
    let oldest = |flight: &InFlight| flight.oldest_reliable().map(Timestamp::as_micros);
    assert_eq!(oldest(&flight), Some(0));
    for _ in 0..3 {
        flight.time_out_oldest(|_| {});
    }
    assert_eq!(oldest(&flight), Some(9));
    for _ in 0..10 {
        flight.forget_oldest(|_| {});
    }
    assert_eq!(oldest(&flight), Some(12));
    for _ in 0..10 {
        flight.time_out_oldest(|_| {});
    }
    assert_eq!(oldest(&flight), None);
    for at in [50, 51] {
        let start = StreamPos::new(1000);
        flight.add_range(LaneIndex::ZERO, start..start.advance(10));
        flight.push(Timestamp::from_micros(at), 100, 1, SentMark::default());
    }
    assert_eq!(oldest(&flight), Some(50));
}

#[test]
fn an_ack_settles_everything_up_to_its_newest_packet() {
    let mut flight = flight(10);
    assert_eq!(flight.next_number().get(), 12);
    let (acked, nacked) = ack(&mut flight, 8, &[(2, 1), (1, 2)]);
    assert_eq!(acked, [2, 5, 7, 8]);
    assert_eq!(nacked, [3, 4, 6]);
    assert_eq!(flight.len(), 3);
    assert_eq!(flight.bytes(), 300);
    assert_eq!(flight.ranges.len(), 3);
    let oldest = flight.oldest_reliable();
    assert_eq!(oldest, Some(Timestamp::from_micros(7)), "that is packet 9");
}
