use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::config::Config;

const LANE: LaneIndex = LaneIndex::ZERO;
const NOW: Timestamp = Timestamp::ZERO;
const LIMITS: ReceiveLimits = ReceiveLimits {
    window_bytes: 1 << 20,
    all_lanes_bytes: 1 << 30,
    max_message_bytes: 512 * 1024,
    max_pieces: 64,
};

fn queue(messages: usize) -> ReceiveQueue {
    let mut config = Config::new();
    config.set_recv_buffer_messages(messages).unwrap();
    ReceiveQueue::new(&config)
}

/// The stream of messages numbered from 1.
fn stream(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        if message.len() < 32 {
            out.push(message.len() as u8);
        } else {
            out.push(0x20 | (message.len() & 0x1F) as u8);
            crate::wire::varint::encode(&mut out, (message.len() >> 5) as u64);
        }
        out.extend_from_slice(message);
    }
    out
}

fn drain(queue: &mut ReceiveQueue) -> Vec<Vec<u8>> {
    core::iter::from_fn(|| queue.pop())
        .map(|message| message.to_vec())
        .collect()
}

fn feed(
    receiver: &mut ReliableReceiver,
    queue: &mut ReceiveQueue,
    bytes: &[u8],
    range: core::ops::Range<usize>,
) -> Result<(), ReliableError> {
    let pos = StreamPos::new(1 + range.start as u64);
    receiver.receive(NOW, LANE, pos, &bytes[range], queue)
}

#[test]
fn headers_are_noted_to_the_byte_however_they_are_cut() {
    let bytes = stream(&[vec![1; 5], vec![], vec![2; 40], vec![3; 5000]]);
    // Of one byte, one, two, and three.
    let expected = [1..2, 7..10, 50..53];
    for cut in [1, 2, 3, 7, bytes.len()] {
        let mut receiver = ReliableReceiver::new(LIMITS);
        receiver.watch_headers();
        let mut queue = queue(100);
        for start in (0..bytes.len()).step_by(cut) {
            let range = start..(start + cut).min(bytes.len());
            feed(&mut receiver, &mut queue, &bytes, range).unwrap();
        }
        let headers = receiver.headers();
        assert!(headers.iter().eq(&expected), "cut every {cut}: {headers:?}");
    }
}

#[test]
fn of_a_broken_header_only_what_was_looked_at_is_noted() {
    let mut receiver = ReliableReceiver::new(LIMITS);
    receiver.watch_headers();
    let bytes = [0x01, 7, 0x80, 9, 9, 9];
    let fed = feed(&mut receiver, &mut queue(100), &bytes, 0..6);
    assert!(matches!(fed, Err(ReliableError::Fatal(_))));
    assert!(receiver.headers().iter().eq(&[1..2, 3..4]));
}

#[test]
fn a_copy_counts_the_memory_of_a_message_like_the_original() {
    let bytes = stream(&[vec![7; 300_000]]);
    let mut receiver = ReliableReceiver::new(LIMITS);
    let mut queue = queue(100);
    for end in [100, 50_000, 100_000, 250_000] {
        feed(&mut receiver, &mut queue, &bytes, 0..end).unwrap();
        assert_eq!(receiver.clone().held_bytes(), receiver.held_bytes());
    }
}

#[test]
fn messages_survive_any_cutting() {
    let messages = vec![
        vec![1; 5],
        vec![],
        vec![2; 40],
        vec![3; 5000],
        vec![],
        vec![4],
    ];
    let bytes = stream(&messages);
    for cut in [1, 2, 3, 7, 100, 1137, bytes.len()] {
        let mut receiver = ReliableReceiver::new(LIMITS);
        let mut queue = queue(100);
        for start in (0..bytes.len()).step_by(cut) {
            let range = start..(start + cut).min(bytes.len());
            feed(&mut receiver, &mut queue, &bytes, range).unwrap();
        }
        assert_eq!(drain(&mut queue), messages, "cut every {cut} bytes");
    }
}

/// Reads until nothing waits for room any more.
fn read_all(receiver: &mut ReliableReceiver, queue: &mut ReceiveQueue) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    while queue.len() > 0 {
        seen.extend(drain(queue));
        receiver.resume(NOW, LANE, queue).unwrap();
    }
    seen
}

#[test]
fn a_full_queue_stalls_without_losing_anything() {
    let messages: Vec<Vec<u8>> = (0..10u8).map(|n| vec![n; 50]).collect();
    let bytes = stream(&messages);
    let mut receiver = ReliableReceiver::new(LIMITS);
    let mut queue = queue(2);
    feed(&mut receiver, &mut queue, &bytes, 0..bytes.len()).unwrap();
    assert!(receiver.is_stalled());
    let seen = read_all(&mut receiver, &mut queue);
    assert_eq!(seen, messages);
    assert_eq!(receiver.held_bytes(), 0);
}

#[test]
fn limit_window_and_pieces_refuse() {
    let mut receiver = ReliableReceiver::new(LIMITS);
    let mut queue = queue(10);
    let far = StreamPos::new(1 + (1 << 20));
    let refused = receiver.receive(NOW, LANE, far, b"x", &mut queue);
    assert_eq!(refused, Err(ReliableError::Refused));
    for n in 0..64 {
        let pos = StreamPos::new(10 + n * 2);
        receiver.receive(NOW, LANE, pos, b"x", &mut queue).unwrap();
    }
    let refused = receiver.receive(NOW, LANE, StreamPos::new(500), b"x", &mut queue);
    assert_eq!(refused, Err(ReliableError::Refused));
}

#[test]
fn what_is_left_of_a_piece_does_not_displace_a_longer_one() {
    let messages: Vec<Vec<u8>> = (0..5u8).map(|n| vec![n; 10]).collect();
    let bytes = stream(&messages);
    let mut receiver = ReliableReceiver::new(LIMITS);
    let mut queue = queue(2);
    // The queue fills up at byte 33, inside one piece and where the next one begins.
    feed(&mut receiver, &mut queue, &bytes, 11..40).unwrap();
    feed(&mut receiver, &mut queue, &bytes, 33..55).unwrap();
    feed(&mut receiver, &mut queue, &bytes, 0..11).unwrap();
    let seen = read_all(&mut receiver, &mut queue);
    assert_eq!(seen, messages);
    assert_eq!(receiver.held_bytes(), 0);
}

#[test]
fn limit_overlapping_pieces_count_in_full() {
    let mut receiver = ReliableReceiver::new(LIMITS);
    let mut queue = queue(10);
    for n in 0..64 {
        let pos = StreamPos::new(10 + n);
        receiver
            .receive(NOW, LANE, pos, &[0; 1000], &mut queue)
            .unwrap();
    }
    let pieces = 64 * (1000 + limits::REASSEMBLY_PIECE_COST as u64);
    assert_eq!(receiver.held_bytes(), pieces);
}

/// One byte after the other, while nobody reads.
#[test]
fn limit_small_segments_that_wait_are_joined() {
    let messages: Vec<Vec<u8>> = (0..=255u8).map(|n| vec![n; 100]).collect();
    let bytes = stream(&messages);
    let mut receiver = ReliableReceiver::new(LIMITS);
    let mut queue = queue(2);
    for at in 0..bytes.len() {
        feed(&mut receiver, &mut queue, &bytes, at..at + 1).unwrap();
    }
    let most = bytes.len() / limits::JOINED_PIECE + 1;
    assert!((2..=most).contains(&receiver.pieces.len()));
    let seen = read_all(&mut receiver, &mut queue);
    assert_eq!(seen, messages);
    assert_eq!(receiver.held_bytes(), 0);
}

#[test]
fn broken_headers_are_fatal() {
    let over_size = {
        let mut out = vec![0x20];
        crate::wire::varint::encode(&mut out, (600 * 1024) >> 5);
        out
    };
    let zero_step = vec![0x40, 0x00];
    let far_step = {
        let mut out = vec![0x40];
        crate::wire::varint::encode(&mut out, 10_001);
        out
    };
    let over_long = [vec![0x40], vec![0xFF; 11]].concat();
    for bytes in [vec![0x80], over_size, zero_step, far_step, over_long] {
        let mut receiver = ReliableReceiver::new(LIMITS);
        let result = feed(&mut receiver, &mut queue(10), &bytes, 0..bytes.len());
        assert!(matches!(result, Err(ReliableError::Fatal(_))), "{bytes:x?}");
    }
}

#[test]
fn a_header_alone_claims_little_memory() {
    let mut receiver = ReliableReceiver::new(LIMITS);
    let mut header = vec![0x20];
    crate::wire::varint::encode(&mut header, (512 * 1024) >> 5);
    feed(&mut receiver, &mut queue(10), &header, 0..header.len()).unwrap();
    let Parsing::Body { data, .. } = &receiver.parsing else {
        panic!("a body is expected");
    };
    assert!(data.capacity() <= 64 * 1024);
}

proptest! {
    #[test]
    fn any_order_with_overlaps_yields_the_messages(
        sizes in prop::collection::vec(0usize..300, 1..30),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 1usize..200), 1..60),
    ) {
        let messages: Vec<Vec<u8>> =
            sizes.iter().enumerate().map(|(n, size)| vec![n as u8; *size]).collect();
        let bytes = stream(&messages);
        let limits = ReceiveLimits { max_pieces: 1000, ..LIMITS };
        let mut receiver = ReliableReceiver::new(limits);
        let mut queue = queue(1000);
        for (at, len) in cuts {
            let start = at.index(bytes.len());
            let range = start..(start + len).min(bytes.len());
            feed(&mut receiver, &mut queue, &bytes, range).unwrap();
        }
        feed(&mut receiver, &mut queue, &bytes, 0..bytes.len()).unwrap();
        prop_assert_eq!(drain(&mut queue), messages);
    }

    #[test]
    fn arbitrary_streams_never_panic(
        segments in prop::collection::vec((1u64..3000, prop::collection::vec(any::<u8>(), 0..100)), 0..40),
    ) {
        let mut receiver = ReliableReceiver::new(LIMITS);
        let mut queue = queue(3);
        for (pos, bytes) in segments {
            if receiver.receive(NOW, LANE, StreamPos::new(pos), &bytes, &mut queue).is_err() {
                break;
            }
            if queue.len() == 3 {
                queue.pop();
                let _ = receiver.resume(NOW, LANE, &mut queue);
            }
        }
    }
}
