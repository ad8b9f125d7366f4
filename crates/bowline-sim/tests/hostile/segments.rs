//! Classes 11 to 13 and 21: pieces of messages whose offsets, sizes and contents do not fit.

use bowline_core::counters::DropReason;
use bowline_core::end_reason::EndReason;
use bowline_core::limits;
use bowline_sim::scripted::{Frames, stream_message};

use crate::memory::held_bytes;
use crate::support::{Talk, message, pos, talk, talk_in_clear};

const BROKEN: EndReason = EndReason::MISC_INTERNAL_ERROR;

#[test]
fn class_11_unreliable_offsets_beyond_any_message_are_ignored() {
    let mut talk = talk();
    let limit = limits::MAX_UNRELIABLE_RECV as u64;
    let offsets = [
        limit - 2,
        limit,
        1 << 31,
        u64::from(u32::MAX) - 3,
        u64::from(u32::MAX),
    ];
    for (n, offset) in (1..).zip(offsets) {
        for last in [false, true] {
            let frames = Frames::new().fragment(message(n), offset, last, b"xyz");
            talk.say(&frames);
        }
        assert_eq!(talk.drops(DropReason::OversizeSegment), 2 * n);
        assert!(talk.is_last_acknowledged(), "as GNS does");
    }
    assert_eq!(talk.received(), [b""; 0]);
    talk.peer
        .set_next_message(crate::support::LANE, message(100));
    talk.assert_still_works();
}

#[test]
fn class_11_the_longest_unreliable_message_is_whole_and_a_longer_one_is_none() {
    let mut talk = talk();
    let limit = limits::MAX_UNRELIABLE_RECV as u64;
    for (n, end) in [(1, limit), (2, limit + 1)] {
        let mut offset = 0;
        while offset < end {
            let len = (end - offset).min(1000);
            let last = offset + len == end;
            let data = vec![n as u8; len as usize];
            let frames = Frames::new().fragment(message(n), offset, last, &data);
            talk.say(&frames);
            offset += len;
        }
    }
    let sizes: Vec<usize> = talk.received().iter().map(Vec::len).collect();
    assert_eq!(sizes, [limit as usize]);
    assert_eq!(talk.drops(DropReason::OversizeSegment), 1);
}

#[test]
fn class_11_numbers_that_do_not_fit_their_width_end_the_connection() {
    // Unreliable message 1 at an offset of 2^32, which GNS takes for 0; stream position 0; a segment that
    // is longer than the packet; size codes that do not exist.
    let broken: [&[u8]; 6] = [
        &[0x38, 1, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 1, b'x'],
        &[0x50, 0, 0, 0, 0, 0, 0, 1, b'x'],
        &[0x50, 1, 0, 0, 0, 0, 0, 9, b'x'],
        &[0x54, 1, 0, 0, 0, 0, 0, 0xFF, b'x'],
        &[0x35, 1, 0, 0, 0, 1, b'x'],
        &[0x56, 1, 0, 0, 0, 0, 0, 1, b'x'],
    ];
    for frames in broken {
        let mut talk = talk();
        talk.say(&Frames::from(frames));
        assert_eq!(talk.drops(DropReason::BrokenFrame), 1, "{frames:?}");
        talk.assert_ended(BROKEN);
        assert_eq!(talk.received(), [b""; 0]);
    }
}

#[test]
fn class_11_reliable_bytes_beyond_the_window_are_refused_and_not_acknowledged() {
    let mut talk = talk();
    let window = limits::RECV_BUFFER as u64;
    let far = [window, 1 << 31, 1 << 32, (1 << 47) - 2];
    for (n, at) in (1..).zip(far) {
        talk.say(&Frames::new().reliable(pos(at), b"xy"));
        assert_eq!(talk.drops(DropReason::ReceiveBufferFull), n, "at {at}");
        assert!(!talk.is_last_acknowledged(), "at {at}");
    }
    // One byte earlier there is room.
    talk.say(&Frames::new().reliable(pos(window - 1), b"xy"));
    assert_eq!(talk.drops(DropReason::ReceiveBufferFull), 4);
    assert!(talk.is_last_acknowledged());
}

#[test]
fn class_12_the_first_unreliable_piece_at_an_offset_counts() {
    let mut talk = talk();
    let piece = |offset, last, data: &[u8]| Frames::new().fragment(message(1), offset, last, data);
    talk.say(&piece(0, false, b"abc"));
    // The same place with other bytes, shorter and longer ones, and as the last.
    talk.say(&piece(0, false, b"XYZ"));
    talk.say(&piece(0, false, b"X"));
    talk.say(&piece(0, false, &[b'X'; 900]));
    talk.say(&piece(3, true, b"def"));
    assert_eq!(talk.received(), [b"abcdef"]);
    talk.peer.set_next_message(crate::support::LANE, message(9));
    talk.assert_still_works();
}

#[test]
fn class_12_reliable_bytes_are_taken_once_whatever_comes_at_the_same_place() {
    let mut talk = talk();
    let truth = stream_message(1, b"abcdefgh");
    let lie = stream_message(1, b"ABCDEFGH");
    // Ahead of a hole, twice with other bytes; then what fills the hole, twice.
    talk.say(&Frames::new().reliable(pos(5), &truth[4..]));
    talk.say(&Frames::new().reliable(pos(5), &lie[4..]));
    talk.say(&Frames::new().reliable(pos(5), &lie[4..6]));
    talk.say(&Frames::new().reliable(pos(1), &truth[..4]));
    assert_eq!(talk.received(), [b"abcdefgh"]);
    for from in 0..truth.len() {
        talk.say(&Frames::new().reliable(pos(1 + from as u64), &lie[from..]));
    }
    assert_eq!(talk.received(), [b""; 0], "all of it was delivered before");
    talk.say(&Frames::new().reliable(pos(1 + truth.len() as u64), &stream_message(1, b"next")));
    assert_eq!(talk.received(), [b"next"]);
}

#[test]
fn class_13_pieces_past_the_last_one_are_no_part_of_the_message() {
    let mut talk = talk();
    let piece =
        |n, offset, last, data: &[u8]| Frames::new().fragment(message(n), offset, last, data);
    // Beyond the end, before the end is known.
    talk.say(&piece(1, 6, true, b"ghi"));
    talk.say(&piece(1, 4, true, b"ef"));
    talk.say(&piece(1, 0, false, b"abcd"));
    assert_eq!(talk.received(), [b"abcdef"]);
    // Beyond the end of what was delivered: a new beginning that never gets whole.
    talk.say(&piece(1, 6, false, b"ghi"));
    talk.say(&piece(1, 9, true, b"jkl"));
    assert_eq!(talk.received(), [b""; 0]);
    // Two ends: the first in the message counts.
    talk.say(&piece(2, 2, true, b"cd"));
    talk.say(&piece(2, 3, true, b"X"));
    talk.say(&piece(2, 0, false, b"ab"));
    assert_eq!(talk.received(), [b"abcd"]);
    // An end within what another piece covers.
    talk.say(&piece(3, 0, false, b"abcdef"));
    talk.say(&piece(3, 2, true, b"c"));
    assert_eq!(talk.received().len(), 1, "the peer contradicts itself");
    talk.peer.set_next_message(crate::support::LANE, message(9));
    talk.assert_still_works();
}

#[test]
fn class_13_unfinished_messages_take_bounded_memory() {
    let mut talk = talk_in_clear();
    let before = held_bytes();
    for n in 1..=100_000 {
        let frames = Frames::new().fragment(message(n), 1000, true, &[n as u8; 1000]);
        let datagram = talk.peer.seal(&frames);
        talk.deliver(&datagram);
        talk.peer.take_heard();
    }
    let grown = held_bytes() - before;
    assert!(grown < 256 * 1024, "{grown} bytes");
    talk.peer
        .set_next_message(crate::support::LANE, message(100_001));
    talk.assert_still_works();
}

/// Sends single bytes of lanes in reverse order, so that each is a piece of its own.
fn scatter(talk: &mut Talk, lanes: std::ops::Range<u64>, bytes: u64) {
    for lane in lanes {
        let mut at = 2 * bytes;
        while at > 2 {
            let mut frames = Frames::new();
            // The lane is selected anew for each: positions only go forward within a context.
            for _ in 0..100.min((at - 2).div_ceil(2)) {
                frames = frames.select_lane(lane).reliable(pos(at), b"x");
                at -= 2;
            }
            let datagram = talk.peer.seal(&frames);
            talk.deliver(&datagram);
            talk.peer.take_heard();
        }
    }
}

#[test]
fn class_21_single_bytes_in_reverse_order_make_the_message_in_the_end() {
    let mut talk = talk_in_clear();
    let bytes = stream_message(1, &[b'm'; 1000]);
    for (at, byte) in bytes.iter().enumerate().rev() {
        talk.say(&Frames::new().reliable(pos(at as u64 + 1), &[*byte]));
    }
    assert_eq!(talk.received(), [vec![b'm'; 1000]]);
}

#[test]
fn class_21_pieces_of_a_lane_are_bounded() {
    let mut talk = talk_in_clear();
    scatter(&mut talk, 0..1, limits::MAX_REASSEMBLY_PIECES as u64 + 1);
    assert_eq!(talk.drops(DropReason::ReceiveBufferFull), 0);
    talk.say(&Frames::new().reliable(pos(100_000), b"x"));
    assert_eq!(talk.drops(DropReason::ReceiveBufferFull), 1);
    assert!(talk.is_connected());
}

#[test]
fn class_21_single_bytes_in_all_lanes_take_bounded_memory() {
    let mut talk = talk_in_clear();
    let before = held_bytes();
    scatter(&mut talk, 0..256, limits::MAX_REASSEMBLY_PIECES as u64 + 1);
    let grown = held_bytes() - before;
    let bound = (limits::MAX_FULL_LANES as usize + 2) * limits::RECV_BUFFER;
    assert!(grown < bound as isize, "{grown} bytes");
    assert!(talk.drops(DropReason::ReceiveBufferFull) > 0);
    assert!(talk.is_connected());
    // A lane that has what comes first goes on.
    talk.say(&Frames::new().reliable(pos(1), &stream_message(1, b"x")));
    assert!(talk.is_connected());
}
