//! Deadlines and keys: what is dropped, what takes whose place, and that nothing else is touched.

use alloc::collections::BTreeMap;
use alloc::vec;

use proptest::prelude::*;

use alloc::vec::Vec;

use super::*;
use crate::ids::MessageNumber;
use crate::ids::StreamPos;
use crate::message::Freshness;
use crate::snp::decode::DecodeContext;
use crate::snp::decode::Decoder;
use crate::snp::frame::Frame;

const ROOM: usize = 1232;
const FIRST: PacketNumber = PacketNumber::new(2);

/// A sender and what a peer made of its packets.
struct Bench {
    now: Timestamp,
    sender: Sender,
    peer: Peer,
}

/// Puts unreliable messages together; what arrives arrives in order.
#[derive(Default)]
struct Peer {
    highest: MessageNumber,
    part: Vec<u8>,
    /// Number, bytes, and when the last piece came.
    got: Vec<(u64, Vec<u8>, Timestamp)>,
    reliable_bytes: usize,
}

impl DecodeContext for Peer {
    fn highest_message(&self, _: LaneIndex) -> MessageNumber {
        self.highest
    }

    fn expected_pos(&self, _: LaneIndex) -> StreamPos {
        StreamPos::new(1 + self.reliable_bytes as u64)
    }

    fn next_send(&self) -> PacketNumber {
        FIRST
    }
}

impl Bench {
    fn new() -> Self {
        let mut config = Config::new();
        config
            .set_send_rate(Some(10_000_000), Some(10_000_000))
            .unwrap();
        Self {
            now: Timestamp::ZERO,
            sender: Sender::new(Timestamp::ZERO, &config, FIRST),
            peer: Peer::default(),
        }
    }

    fn send(
        &mut self,
        bytes: &[u8],
        deadline: Option<Span>,
        key: Option<u64>,
    ) -> Result<u64, SendError> {
        let mut message = Outgoing::new(LaneIndex::ZERO, SendFlags::UNRELIABLE, bytes);
        message.freshness = Freshness { deadline, key };
        self.sender
            .submit(self.now, message)
            .map(MessageNumber::get)
    }

    fn send_reliable(&mut self, bytes: &[u8]) -> u64 {
        let message = Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE, bytes);
        self.sender.submit(self.now, message).unwrap().get()
    }

    /// Sends a packet of at most `room` bytes if there is anything to send.
    fn packet(&mut self, room: usize) {
        self.sender.expire(self.now);
        if !self.sender.has_sendable() {
            return;
        }
        let number = self.sender.next_number();
        let mut out = Vec::new();
        let mut builder = PacketBuilder::new(&mut out, number, room);
        builder.messages(&mut self.sender);
        let built = builder.finish();
        self.sender
            .on_packet_sent(self.now, out.len(), built.ranges, false);
        self.peer.take(self.now, number, &out);
    }

    fn dropped(&self) -> (u64, u64) {
        let dropped = self.sender.dropped(None);
        (dropped.expired, dropped.replaced)
    }

    fn got(&self) -> Vec<(u64, &[u8])> {
        let got = self.peer.got.iter();
        got.map(|(number, bytes, _)| (*number, &bytes[..]))
            .collect()
    }
}

impl Peer {
    fn take(&mut self, now: Timestamp, packet: PacketNumber, plaintext: &[u8]) {
        let mut decoder = Decoder::new(plaintext, packet, false);
        while let Some(frame) = decoder.next(self).unwrap() {
            match frame {
                Frame::Unreliable {
                    number,
                    offset,
                    last,
                    data,
                } => {
                    self.highest = self.highest.max(number);
                    if offset == 0 {
                        self.part.clear();
                    }
                    assert_eq!(offset as usize, self.part.len(), "a piece is missing");
                    self.part.extend_from_slice(data);
                    if last {
                        self.got.push((number.get(), self.part.clone(), now));
                    }
                }
                Frame::Reliable { data, .. } => self.reliable_bytes += data.len(),
                other => panic!("{other:?}"),
            }
        }
    }
}

const MS: fn(u64) -> Span = Span::from_millis;

#[test]
fn a_message_older_than_its_deadline_is_not_sent() {
    let mut bench = Bench::new();
    bench.send(b"late", Some(MS(10)), None).unwrap();
    bench.send(b"in time", Some(MS(20)), None).unwrap();
    bench.send(b"whenever", None, None).unwrap();
    assert_eq!(bench.sender.pending(None).unreliable, 4 + 7 + 8);
    bench.now += MS(20);
    bench.sender.expire(bench.now);
    assert_eq!(bench.sender.pending(None).unreliable, 7 + 8);
    bench.packet(ROOM);
    assert_eq!(bench.got(), [(2, &b"in time"[..]), (3, b"whenever")]);
    assert_eq!(bench.dropped(), (1, 0));
    assert_eq!(bench.sender.buffered_bytes(), 0);
}

#[test]
fn what_is_left_of_a_message_sent_in_part_expires_too() {
    let mut bench = Bench::new();
    bench.send(&[1; 3000], Some(MS(10)), Some(1)).unwrap();
    bench.send(b"next", None, None).unwrap();
    bench.packet(ROOM);
    bench.now += MS(11);
    bench.packet(ROOM);
    assert_eq!(bench.got(), [(2, &b"next"[..])]);
    assert_eq!(bench.dropped(), (1, 0));
    assert_eq!(bench.sender.buffered_bytes(), 0);
}

#[test]
fn a_deadline_shorter_than_nagle_still_lets_the_message_go() {
    let mut bench = Bench::new();
    bench.send(b"quick", Some(MS(2)), None).unwrap();
    let at = bench.sender.next_send_at(bench.now, ROOM);
    assert_eq!(at, Some((Timestamp::ZERO + MS(1), false)));
    assert_eq!(
        bench.sender.too_old_at(),
        Some(Timestamp::from_micros(2001))
    );
}

#[test]
fn a_newer_message_takes_place_and_number_of_the_one_with_its_key() {
    let mut bench = Bench::new();
    assert_eq!(bench.send(b"a1", None, Some(1)), Ok(1));
    assert_eq!(bench.send(b"b1", None, Some(2)), Ok(2));
    assert_eq!(bench.send_reliable(b"r"), 3);
    assert_eq!(bench.send(b"c1", None, None), Ok(4));
    assert_eq!(bench.send(b"b2, longer", None, Some(2)), Ok(2));
    assert_eq!(bench.send(b"a2", None, Some(1)), Ok(1));
    assert_eq!(bench.send(b"", None, Some(2)), Ok(2));
    assert_eq!(bench.sender.pending(None).unreliable, 4);
    bench.packet(ROOM);
    assert_eq!(bench.got(), [(1, &b"a2"[..]), (2, b""), (4, b"c1")]);
    assert_eq!(bench.dropped(), (0, 3));
    assert_eq!(
        bench.send(b"a3", None, Some(1)),
        Ok(5),
        "nothing to replace"
    );
}

#[test]
fn an_empty_message_outlives_the_bytes_around_it() {
    let mut bench = Bench::new();
    bench.send(b"", None, None).unwrap();
    bench.send(b"x", Some(MS(1)), None).unwrap();
    bench.now += MS(2);
    bench.send(b"", None, None).unwrap();
    bench.packet(ROOM);
    assert_eq!(bench.got(), [(1, &b""[..]), (3, b"")]);
}

#[test]
fn a_message_sent_in_part_is_not_replaced() {
    let mut bench = Bench::new();
    bench.send(&[1; 3000], None, Some(1)).unwrap();
    bench.packet(ROOM);
    assert_eq!(bench.send(&[2; 10], None, Some(1)), Ok(2));
    assert_eq!(bench.send(&[3; 10], None, Some(1)), Ok(2));
    for _ in 0..3 {
        bench.packet(ROOM);
    }
    assert_eq!(bench.got(), [(1, &[1; 3000][..]), (2, &[3; 10])]);
}

#[test]
fn a_full_buffer_takes_what_replaces_as_much() {
    let mut bench = Bench::new();
    while bench.send(&[0; 1000], None, None).is_ok() {}
    assert!(bench.send(&[1; 1000], None, Some(1)).is_err());
    bench.now += MS(1);
    bench.packet(ROOM);
    bench.send(&[1; 900], None, Some(1)).unwrap();
    while bench.send(&[0; 10], None, None).is_ok() {}
    assert!(bench.send(&[2; 900], None, Some(1)).is_ok());
    let bigger = bench.send(&[2; 1500], None, Some(1));
    assert!(
        matches!(bigger, Err(SendError::BufferFull { .. })),
        "{bigger:?}"
    );
}

#[test]
fn reliable_messages_and_large_ones_have_neither_deadline_nor_key() {
    let mut bench = Bench::new();
    for freshness in [(Some(MS(5)), None), (None, Some(1))] {
        let mut message = Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE, b"x");
        (message.freshness.deadline, message.freshness.key) = freshness;
        let refused = bench.sender.submit(bench.now, message);
        assert_eq!(refused, Err(SendError::OnlyUnreliable));
        let refused = bench.send(&[0; 16_501], freshness.0, freshness.1);
        let (len, max) = (16_501, 16_500);
        assert_eq!(refused, Err(SendError::TooLarge { len, max }));
    }
    assert_eq!(bench.send(&[0; 16_500], None, Some(1)), Ok(1));
}

#[test]
fn an_expired_message_makes_room_and_that_is_told() {
    let mut bench = Bench::new();
    while bench.send(&[0; 1000], Some(MS(10)), None).is_ok() {}
    assert!(!bench.sender.take_writable());
    bench.now += MS(11);
    bench.sender.expire(bench.now);
    assert!(bench.sender.take_writable());
    assert!(!bench.sender.take_writable(), "once");
    assert_eq!(bench.sender.pending(None).unreliable, 0);
    assert_eq!(bench.sender.too_old_at(), None);
    assert_eq!(bench.sender.next_send_at(bench.now, ROOM), None);
}

#[test]
fn room_is_told_when_the_refused_message_fits_and_not_before() {
    let mut bench = Bench::new();
    let limit = bench.sender.send_buffer_bytes;
    while bench.send(&[0; 1200], None, None).is_ok() {}
    let large = vec![0; 400 * 1024];
    let message = || Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE, &large);
    assert!(bench.sender.submit(bench.now, message()).is_err());
    let mut told = 0;
    while bench.sender.has_sendable() {
        bench.packet(ROOM);
        if bench.sender.take_writable() {
            told += 1;
            let held = bench.sender.buffered_bytes();
            assert!(held + large.len() as u64 <= limit);
            assert!(
                held + 2000 + large.len() as u64 > limit,
                "{held}: told late"
            );
        }
    }
    assert_eq!(told, 1);
    assert!(bench.sender.submit(bench.now, message()).is_ok());
}

/// Behind a reliable run that cannot go, messages come and are replaced or expire for ever.
#[test]
fn limit_bytes_kept_of_messages_that_are_not_sent() {
    let mut bench = Bench::new();
    bench.sender.peer.stream_window_bytes = 0;
    bench.send_reliable(&[0; 100]);
    bench.send(b"stays", None, None).unwrap();
    for round in 0..20_000_u64 {
        let bytes = &[7; 1000][..500 + (round % 400) as usize];
        bench.send(bytes, None, Some(1)).unwrap();
        bench.send(bytes, Some(MS(1)), None).unwrap();
        bench.send_reliable(b"");
        bench.now += MS(2);
        bench.sender.expire(bench.now);
    }
    let lane = &bench.sender.lanes[0];
    assert!(lane.kept_unreliable_bytes() < 32 * 1024);
    assert_eq!(lane.keys(), 1);
    assert!(lane.runs() <= 4, "{} runs", lane.runs());
    assert_eq!(bench.dropped(), (20_000, 19_999));
}

#[derive(Clone, Debug)]
enum Op {
    Send {
        len: usize,
        deadline: Option<Span>,
        key: Option<u64>,
    },
    SendReliable(usize),
    Wait(Span),
    Packet(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![3 => 0..100_usize, 2 => 100..3000_usize];
    let deadline = prop::option::of((0..30_u64).prop_map(Span::from_millis));
    let key = prop::option::of(0..4_u64);
    prop_oneof![
        4 => (len.clone(), deadline, key).prop_map(|(len, deadline, key)| Op::Send { len, deadline, key }),
        1 => len.prop_map(Op::SendReliable),
        2 => (0..20_u64).prop_map(|ms| Op::Wait(Span::from_millis(ms))),
        3 => (60..1232_usize).prop_map(Op::Packet),
    ]
}

proptest! {
    /// Whatever is sent, kept, replaced and dropped: numbers rise, nothing goes after its deadline, what
    /// arrives is the newest of its key, and every message is accounted for once.
    #[test]
    fn every_message_is_sent_or_dropped_for_a_reason(ops in prop::collection::vec(op(), 1..200)) {
        let mut bench = Bench::new();
        // Bytes and last moment, by number.
        let mut newest: BTreeMap<u64, (Vec<u8>, Timestamp)> = BTreeMap::new();
        let (mut accepted, mut reliable) = (0, 0);
        for (round, op) in ops.into_iter().enumerate() {
            match op {
                Op::Send { len, deadline, key } => {
                    let bytes = vec![round as u8; len];
                    let number = bench.send(&bytes, deadline, key).unwrap();
                    accepted += 1;
                    let last = deadline.map_or(Timestamp::NEVER, |deadline| bench.now + deadline);
                    newest.insert(number, (bytes, last));
                }
                Op::SendReliable(len) => {
                    bench.send_reliable(&vec![0; len]);
                    reliable += 1;
                }
                Op::Wait(span) => bench.now += span,
                Op::Packet(room) => bench.packet(room),
            }
            bench.sender.expire(bench.now);
            let lane = &bench.sender.lanes[0];
            let unsent = lane.unsent_reliable_bytes() + lane.unsent_unreliable_bytes();
            prop_assert_eq!(bench.sender.unsent_bytes, unsent);
            prop_assert_eq!(bench.sender.unsent_unreliable, lane.unsent_unreliable_messages());
        }
        for _ in 0..1000 {
            bench.packet(ROOM);
        }
        let mut last_number = 0;
        for (number, bytes, at) in &bench.peer.got {
            prop_assert!(*number > last_number, "{} after {}", number, last_number);
            last_number = *number;
            let (expected, last) = &newest[number];
            prop_assert_eq!(bytes, expected);
            prop_assert!(at <= last);
        }
        let (expired, replaced) = bench.dropped();
        prop_assert_eq!(accepted, bench.peer.got.len() as u64 + expired + replaced);
        prop_assert_eq!(bench.sender.buffered_bytes(), 0);
        prop_assert!(bench.peer.reliable_bytes >= reliable);
        prop_assert_eq!(bench.sender.lanes[0].keys(), 0);
    }
}
