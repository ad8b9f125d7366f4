//! Class 21: what a connection says it holds, held against the allocator. Whoever bounds what connections
//! say bounds nothing if they hold more.

use bowline_core::limits;
use bowline_core::message::SendFlags;
use bowline_sim::scripted::{Frames, stream_message};

use crate::memory::held_bytes;
use crate::support::{LANE, Talk, message, pos, talk_in_clear};

/// How often each thing is done, with about a kilobyte each time.
const TIMES: u64 = 3_000;
/// What is told too low, and what a thread keeps, at most: a small part of a megabyte or more.
const SLACK: isize = 64 * 1024;

#[test]
fn class_21_pieces_of_a_stream_are_counted_and_given_back() {
    assert_accounts(|talk| {
        let mut at = 1;
        for n in 0..TIMES {
            let bytes = stream_message(1, &[n as u8; 1_500]);
            let (head, tail) = bytes.split_at(600);
            talk.say(&Frames::new().reliable(pos(at + head.len() as u64), tail));
            talk.say(&Frames::new().reliable(pos(at), head));
            at += bytes.len() as u64;
            assert_eq!(talk.received().len(), 1);
            talk.peer.take_heard();
        }
    });
}

#[test]
fn class_21_pieces_that_wait_are_counted() {
    assert_accounts(|talk| {
        for n in 0..limits::MAX_REASSEMBLY_PIECES as u64 {
            talk.say(&Frames::new().reliable(pos(3 + n * 1_000), &[1; 900]));
        }
    });
}

#[test]
fn class_21_pieces_of_unreliable_messages_are_counted_and_given_back() {
    assert_accounts(|talk| {
        for n in 1..=TIMES {
            talk.say(&Frames::new().fragment(message(n), 0, false, &[2; 1_000]));
            talk.say(&Frames::new().fragment(message(n), 1_000, true, &[2; 500]));
            assert_eq!(talk.received().len(), 1);
            talk.peer.take_heard();
        }
        for n in 1..=TIMES {
            // Never whole: the oldest make room.
            talk.say(&Frames::new().fragment(message(TIMES + n), 0, false, &[3; 1_000]));
        }
    });
}

#[test]
fn class_21_what_waits_to_be_sent_or_acknowledged_is_counted() {
    assert_accounts(|talk| {
        for n in 0..limits::SEND_BUFFER / 1_000 / 2 {
            let flags = [SendFlags::RELIABLE, SendFlags::UNRELIABLE][n % 2];
            talk.stage
                .send(&mut talk.peer, talk.id, LANE, flags, &[4; 1_000]);
        }
    });
}

/// After `happens`, a connection holds no more than it says, and all of it is gone with it.
fn assert_accounts(happens: impl FnOnce(&mut Talk)) {
    // What lives as long as the thread is there from now on.
    let besides = beyond_what_is_said(talk_in_clear());
    let before = held_bytes();
    let mut talk = talk_in_clear();
    happens(&mut talk);
    assert!(talk.is_connected());
    talk.received();
    let beyond = beyond_what_is_said(talk);
    assert!(
        beyond - besides < SLACK,
        "{beyond} bytes more than it said, {besides} of them besides"
    );
    let left = held_bytes() - before;
    assert!(left < SLACK, "{left} bytes are still held");
}

/// What comes free with an endpoint beyond the bytes that its one connection says it holds.
fn beyond_what_is_said(talk: Talk) -> isize {
    let connection = talk.stage.connection(talk.id);
    let said = connection.map_or(0, |connection| connection.memory_bytes());
    let held = held_bytes();
    let Talk { stage, peer, .. } = talk;
    drop(stage);
    let freed = held - held_bytes();
    drop(peer);
    freed - said as isize
}
