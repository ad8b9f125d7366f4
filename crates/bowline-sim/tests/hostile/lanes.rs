//! Classes 18 and 19: lanes without end, and messages without content.

use bowline_core::config::Config;
use bowline_core::counters::DropReason;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::LaneIndex;
use bowline_core::limits;
use bowline_core::time::Span;
use bowline_sim::scripted::{Frames, Script, stream_message};

use crate::memory::held_bytes;
use crate::support::{LANE, message, pos, talk, talk_in_clear, talk_with};

const BROKEN: EndReason = EndReason::MISC_INTERNAL_ERROR;

#[test]
fn class_18_the_last_lane_is_taken_and_the_one_behind_it_ends_the_connection() {
    let mut talk = talk();
    let datagrams = talk.peer.send_reliable(LaneIndex::new(255), b"last lane");
    talk.stage.deliver_all(&mut talk.peer, datagrams);
    assert_eq!(talk.received(), [b"last lane"]);
    talk.assert_still_works();
    // GNS takes 2^32 for lane 0 and 2^32 + 3 for lane 3.
    for lane in [
        256,
        1 << 16,
        u64::from(u32::MAX),
        1 << 32,
        (1 << 32) + 3,
        u64::MAX,
    ] {
        let mut talk = crate::support::talk();
        talk.say(&Frames::new().select_lane(lane).unreliable(message(1), b"x"));
        talk.assert_ended(BROKEN);
        assert_eq!(talk.received(), [b""; 0]);
    }
    // A lane that is announced and not there.
    let mut talk = crate::support::talk();
    talk.say(&Frames::new().raw(&[0x8F]));
    talk.assert_ended(BROKEN);
}

#[test]
fn class_18_a_change_of_lanes_forgets_what_was_said_of_the_one_before() {
    let mut talk = talk();
    let stream = stream_message(1, b"one");
    // Lane 2, then lane 2 again: numbers and positions have to be said anew.
    let frames = Frames::new()
        .select_lane(2)
        .unreliable(message(5), b"u5")
        .select_lane(2)
        .reliable(pos(1), &stream)
        .reliable_step(0, &stream)
        .select_lane(7)
        .unreliable(message(9), b"u9")
        .unreliable_next(b"u10");
    talk.say(&frames);
    let got = talk.stage.received_messages(talk.id);
    let got: Vec<(u8, u64)> = got
        .iter()
        .map(|message| (message.lane().get(), message.number().get()))
        .collect();
    assert_eq!(got, [(2, 5), (2, 1), (2, 2), (7, 9), (7, 10)]);
    talk.assert_still_works();
    // A step where there is nothing to step from reads as a position of 24 bits, of which bytes are
    // missing.
    let broken = Frames::new().select_lane(2).raw(&[0x40, 0, 0]);
    talk.say(&broken);
    talk.assert_ended(BROKEN);
}

/// All lanes selected five times in each of 20,000 packets, and all of them named.
#[test]
fn class_18_hopping_between_all_lanes_costs_little() {
    let mut talk = talk_in_clear();
    let mut hop = Frames::new();
    for lane in (0..256).chain(0..150) {
        hop = hop.select_lane(lane);
    }
    talk.say(&hop);
    let before = held_bytes();
    for _ in 0..20_000 {
        let datagram = talk.peer.seal(&hop);
        talk.deliver(&datagram);
        talk.peer.take_heard();
    }
    let grown = held_bytes() - before;
    assert!(grown < 64 * 1024, "{grown} bytes");
    talk.assert_still_works();
}

#[test]
fn class_18_a_message_in_each_lane_arrives_once() {
    let mut talk = talk();
    for lane in 0..=255 {
        let datagrams = talk.peer.send_reliable(LaneIndex::new(lane), &[lane; 40]);
        for datagram in datagrams.iter().rev().chain(&datagrams) {
            talk.deliver(datagram);
        }
    }
    talk.advance(Span::from_millis(10));
    let sent: Vec<Vec<u8>> = (0..=255).map(|lane| vec![lane; 40]).collect();
    assert_eq!(talk.received(), sent);
}

/// As many empty messages as a packet has room for, all with the shortest header.
fn empty_messages(first: u64, count: u32) -> Frames {
    let mut frames = Frames::new().unreliable(message(first), b"");
    for _ in 1..count {
        frames = frames.unreliable_next(b"");
    }
    frames
}

#[test]
fn class_19_five_hundred_empty_messages_in_a_packet_are_five_hundred_messages() {
    let mut talk = talk();
    talk.say(&empty_messages(1, 500));
    assert_eq!(talk.received(), vec![b""; 500]);
    assert!(talk.is_last_acknowledged());
    // The same reliably: two bytes each.
    let mut stream = Vec::new();
    for _ in 0..500 {
        stream.extend_from_slice(&stream_message(1, b""));
    }
    talk.say(&Frames::new().select_lane(1).reliable(pos(1), &stream));
    assert_eq!(talk.received(), vec![b""; 500]);
    assert!(talk.is_last_acknowledged());
    talk.peer.set_next_message(LANE, message(501));
    talk.assert_still_works();
}

#[test]
fn class_19_more_segments_than_a_packet_may_have_are_not_taken() {
    let mut config = Config::new();
    config.set_max_segments_per_packet(100).unwrap();
    let mut talk = talk_with(config, Script::default());
    talk.say(&empty_messages(1, 100));
    assert_eq!(talk.received().len(), 100);
    assert!(talk.is_last_acknowledged());
    talk.say(&empty_messages(101, 101));
    assert_eq!(talk.received().len(), 100, "those before the limit");
    assert_eq!(talk.drops(DropReason::TooManySegments), 1);
    assert!(!talk.is_last_acknowledged());
    talk.peer.set_next_message(LANE, message(1000));
    talk.assert_still_works();
}

#[test]
fn class_19_an_application_that_does_not_read_is_not_drowned() {
    let mut talk = talk_in_clear();
    talk.stage.reads = false;
    talk.say(&empty_messages(1, 500));
    talk.say(&empty_messages(501, 500));
    let before = held_bytes();
    for n in 0..10_000 {
        talk.say(&empty_messages(1001 + n * 500, 500));
        talk.peer.take_heard();
    }
    let grown = held_bytes() - before;
    assert!(grown < 128 * 1024, "{grown} bytes");
    let connection = talk.stage.connection(talk.id).unwrap();
    assert_eq!(connection.queued_messages(), limits::RECV_BUFFER_MESSAGES);
    assert_eq!(talk.drops(DropReason::ReceiveBufferFull), 10_000 * 500);
    assert!(!talk.is_last_acknowledged());
    // It reads again, and all goes on.
    talk.stage.reads = true;
    talk.advance(Span::from_secs(1));
    let _ = talk.stage.with(talk.id, |_, _| ());
    assert_eq!(talk.received().len(), limits::RECV_BUFFER_MESSAGES);
    talk.peer.set_next_message(LANE, message(5_002_000));
    let datagram = talk.peer.send_unreliable(LANE, b"again");
    talk.deliver(&datagram);
    talk.advance(Span::from_millis(2));
    assert_eq!(talk.received(), [b"again"]);
}

#[test]
fn class_19_empty_reliable_messages_wait_for_their_reader_in_bounded_memory() {
    let mut talk = talk_in_clear();
    talk.stage.reads = false;
    let stream: Vec<u8> = (0..600).flat_map(|_| stream_message(1, b"")).collect();
    let before = held_bytes();
    let mut at = 1;
    let mut taken = 0_u64;
    for _ in 0..2_000 {
        let refused = talk.drops(DropReason::ReceiveBufferFull);
        talk.say(&Frames::new().reliable(pos(at), &stream));
        talk.peer.take_heard();
        if talk.drops(DropReason::ReceiveBufferFull) == refused {
            at += stream.len() as u64;
            taken += 600;
        }
    }
    let grown = held_bytes() - before;
    assert!(grown < 2 * limits::RECV_BUFFER as isize, "{grown} bytes");
    assert!(talk.drops(DropReason::ReceiveBufferFull) > 0);
    talk.stage.reads = true;
    let _ = talk.stage.with(talk.id, |_, _| ());
    assert_eq!(
        talk.received().len() as u64,
        taken,
        "all that was acknowledged"
    );
}
