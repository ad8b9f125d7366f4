use super::*;

const NOW: Timestamp = Timestamp::ZERO;

fn receiver() -> Receiver {
    let mut config = Config::new();
    config.set_recv_buffer(64 * 1024).unwrap();
    config.set_recv_max_message(64 * 1024).unwrap();
    Receiver::new(&config, PacketNumber::new(1))
}

/// The application reads a message, if there is one.
pub(super) fn reads(receiver: &mut Receiver, now: Timestamp) -> bool {
    receiver.pop().is_some() && receiver.let_in(now).is_ok()
}

#[test]
fn limit_all_lanes_together_hold_no_more_than_a_few_windows() {
    let mut receiver = receiver();
    let limit = 64 * 1024 * limits::MAX_FULL_LANES;
    let piece = 1000 + limits::REASSEMBLY_PIECE_COST as u64;
    let mut taken = 0;
    for lane in 0..=u8::MAX {
        for n in 0..100 {
            // Overlapping pieces beyond a hole at the start.
            let pos = StreamPos::new(10 + n);
            let lane = LaneIndex::new(lane);
            if receiver.reliable(NOW, lane, pos, &[0; 1000]).is_ok() {
                taken += piece;
            }
        }
    }
    assert!((limit - piece..limit + piece).contains(&taken), "{taken}");
}

/// Pieces in the last lane, in the one before it, and so on: each of them the first lane that holds anything.
#[test]
fn limit_lanes_that_fill_up_backwards_hold_no_more_together() {
    let mut receiver = receiver();
    for lane in (0..=u8::MAX).rev() {
        let lane = LaneIndex::new(lane);
        for n in 0..60 {
            let pos = StreamPos::new(10 + 1000 * n);
            let _ = receiver.reliable(NOW, lane, pos, &[0; 1000]);
        }
    }
    let limit = 64 * 1024 * limits::MAX_FULL_LANES;
    assert!(
        receiver.held_bytes <= limit + 1000,
        "{}",
        receiver.held_bytes
    );
    assert!(receiver.heap_bytes() <= receiver.heap_bound());
}

/// A message that is not whole in each lane, the last one first.
#[test]
fn limit_messages_that_grow_backwards_hold_no_more_together() {
    let mut receiver = receiver();
    let mut stream = alloc::vec![0x20];
    crate::wire::varint::encode(&mut stream, (64 * 1024) >> 5);
    stream.resize(stream.len() + 60_000, 7);
    for lane in (0..=u8::MAX).rev() {
        let mut pos = StreamPos::FIRST;
        for data in stream.chunks(1000) {
            let _ = receiver.reliable(NOW, LaneIndex::new(lane), pos, data);
            pos = pos.advance(data.len() as u64);
        }
    }
    let limit = 64 * 1024 * (limits::MAX_FULL_LANES + 2);
    assert!(receiver.held_bytes <= limit, "{}", receiver.held_bytes);
    assert!(receiver.heap_bytes() <= receiver.heap_bound());
}

#[test]
fn limit_single_bytes_in_all_lanes_count_with_what_they_take() {
    let mut receiver = receiver();
    let mut taken = 0;
    for lane in 0..=u8::MAX {
        for n in 0..100 {
            let pos = StreamPos::new(10 + 2 * n);
            let result = receiver.reliable(NOW, LaneIndex::new(lane), pos, b"x");
            taken += usize::from(result.is_ok());
        }
    }
    let limit = 64 * 1024 * limits::MAX_FULL_LANES as usize;
    let most = limit / (1 + limits::REASSEMBLY_PIECE_COST) + 1;
    assert!((most - 1..=most).contains(&taken), "{taken} of {most}");
}

#[test]
fn full_lanes_are_let_go_one_after_the_other() {
    let mut receiver = receiver();
    // A message of 1100 bytes per lane, which lacks its first byte.
    let mut stream = alloc::vec![0x20 | 12];
    crate::wire::varint::encode(&mut stream, 1100 >> 5);
    stream.resize(stream.len() + 1100, 7);
    for lane in 0..=u8::MAX {
        for from in 1..100 {
            let pos = StreamPos::new(1 + from as u64);
            let data = &stream[from..];
            let _ = receiver.reliable(NOW, LaneIndex::new(lane), pos, data);
        }
    }
    // The sender repeats what was refused.
    let mut left: Vec<u8> = (0..=u8::MAX).collect();
    let mut rounds = 0;
    while !left.is_empty() && rounds < 256 {
        left.retain(|lane| {
            let lane = LaneIndex::new(*lane);
            receiver
                .reliable(NOW, lane, StreamPos::FIRST, &stream)
                .is_err()
        });
        while reads(&mut receiver, NOW) {}
        rounds += 1;
    }
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn limit_unreliable_message_in_one_segment() {
    let mut config = Config::new();
    config.set_recv_max_message(100).unwrap();
    let mut receiver = Receiver::new(&config, PacketNumber::new(1));
    let mut take = |number, len| {
        let number = MessageNumber::new(number);
        receiver.unreliable(NOW, LaneIndex::ZERO, number, 0, true, &[7; 200][..len])
    };
    assert_eq!(take(1, 100), Ok(()));
    assert_eq!(take(2, 101), Err(Refusal::Fatal("message too large")));
}
