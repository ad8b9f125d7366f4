use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::counters::DropReason;
use crate::ids::LaneIndex;
use crate::ids::StreamPos;
use crate::recv::Refusal;
use crate::recv::tests::reads;

const NOW: Timestamp = Timestamp::ZERO;
const RTT: Option<Span> = Some(Span::from_millis(100));
const MIB: u64 = 1 << 20;

const fn packet(number: u64) -> PacketNumber {
    PacketNumber::new(number)
}

fn config(buffer: usize) -> Config {
    let mut config = Config::new();
    config.set_recv_buffer(buffer).unwrap();
    config.set_recv_buffer_messages(2).unwrap();
    config
}

fn receiver(buffer: usize) -> Receiver {
    let config = config(buffer);
    let mut receiver = Receiver::new(&config, packet(1));
    receiver.use_window(&config);
    receiver
}

fn tell(receiver: &mut Receiver, now: Timestamp, number: u64) -> Option<u64> {
    let told = receiver.window_to_tell();
    if let Some(bytes) = told {
        receiver.window_leaves_in(now, packet(number), bytes, RTT);
    }
    told
}

/// The peer hears of the window as it is.
fn settle(receiver: &mut Receiver, number: u64) -> Option<u64> {
    let told = tell(receiver, NOW, number);
    receiver.window_arrived(packet(number));
    assert_eq!(receiver.window_to_tell(), None);
    told
}

/// A message of 1000 bytes, which are 31 times 32 and 8, as it stands in the stream.
fn message() -> Vec<u8> {
    let mut message = vec![0x20 | 8, 31];
    message.resize(1002, 7);
    message
}

/// Feeds so many of them, beginning with message `from`.
fn feed(receiver: &mut Receiver, from: u64, count: u64) {
    for n in from..from + count {
        let pos = StreamPos::new(1 + n * 1002);
        receiver
            .reliable(NOW, LaneIndex::ZERO, pos, &message())
            .unwrap();
    }
}

#[test]
fn a_window_is_told_until_a_packet_with_it_arrived() {
    let config = config(1 << 20);
    let mut receiver = Receiver::new(&config, packet(1));
    assert_eq!(tell(&mut receiver, NOW, 2), None, "a GNS peer");
    receiver.use_window(&config);
    assert_eq!(tell(&mut receiver, NOW, 3), Some(MIB));
    receiver.window_arrived(packet(2));
    assert_eq!(tell(&mut receiver, NOW, 4), Some(MIB));
    receiver.window_arrived(packet(4));
    assert_eq!(tell(&mut receiver, NOW, 5), None);
    assert_eq!(receiver.acks.due(), None, "nothing is sent for it alone");
}

#[test]
fn limit_first_receive_window() {
    for (buffer, window) in [
        (4096, 64 << 10),
        (64 << 10, MIB),
        (4 << 20, 4 * MIB),
        (64 << 20, 64 * MIB),
    ] {
        let mut receiver = receiver(buffer);
        assert_eq!(tell(&mut receiver, NOW, 2), Some(window), "of {buffer}");
    }
}

#[test]
fn the_end_of_a_window_stays_while_the_application_does_not_read() {
    let mut receiver = receiver(1 << 20);
    settle(&mut receiver, 2);
    // The queue takes two.
    feed(&mut receiver, 0, 900);
    let told = settle(&mut receiver, 3).unwrap();
    let held = receiver.held_bytes;
    assert!(
        held + told <= MIB && held + told > MIB - STEP,
        "{held} {told}"
    );
    // What was promised is taken, and there it ends.
    feed(&mut receiver, 900, told / 1100);
    assert!(settle(&mut receiver, 4) <= Some(STEP));
    assert_eq!(receiver.acks.due(), None);
    let beyond = StreamPos::new(1 + MIB + 3000);
    let refused = receiver.reliable(NOW, LaneIndex::ZERO, beyond, &message());
    assert_eq!(refused, Err(Refusal::NotNow(DropReason::ReceiveBufferFull)));
}

#[test]
fn a_peer_hears_at_once_and_again_that_there_is_room() {
    let mut receiver = receiver(1 << 20);
    settle(&mut receiver, 2);
    feed(&mut receiver, 0, 900);
    let told = settle(&mut receiver, 3).unwrap();
    let mut read = 0;
    while receiver.acks.due().is_none() {
        assert!(reads(&mut receiver, NOW));
        read += 1;
    }
    assert!((200..400).contains(&read), "a packet for {read} messages");
    assert!(receiver.asks_about_window());
    let mut now = NOW;
    let mut gaps = Vec::new();
    for number in 4..20 {
        let due = receiver.acks.due();
        let Some(at) = due.filter(|_| receiver.asks_about_window()) else {
            break;
        };
        gaps.push(at.since(now).as_millis());
        now = at;
        receiver.acks.on_reported(now, packet(1));
        assert!(tell(&mut receiver, now, number).unwrap() >= told + MIB / 4);
    }
    assert_eq!(gaps, [0, 200, 400, 800, 1600, 3200, 6400]);
    while reads(&mut receiver, now) {}
    assert_eq!(settle(&mut receiver, 30), Some(MIB));
    assert!(!receiver.asks_about_window());
}

#[test]
fn that_there_is_room_again_is_repeated_whatever_older_packet_arrives_meanwhile() {
    let mut receiver = receiver(1 << 20);
    settle(&mut receiver, 2);
    feed(&mut receiver, 0, 900);
    let full = tell(&mut receiver, NOW, 3).unwrap();
    while receiver.acks.due().is_none() {
        assert!(reads(&mut receiver, NOW));
    }
    // That it was full is known before the packet leaves that says that there is room.
    receiver.window_arrived(packet(3));
    assert!(tell(&mut receiver, NOW, 4).unwrap() > full);
    receiver.acks.on_reported(NOW, packet(1));
    tell(&mut receiver, NOW, 5);
    assert!(receiver.asks_about_window());
    assert!(receiver.acks.due().is_some(), "it goes again");
    receiver.window_arrived(packet(5));
    assert!(!receiver.asks_about_window());
}

#[test]
fn a_window_that_the_peer_knows_already_is_not_asked_about() {
    let mut receiver = receiver(1 << 20);
    settle(&mut receiver, 2);
    feed(&mut receiver, 0, 900);
    let full = settle(&mut receiver, 3).unwrap();
    let mut read = 0;
    while receiver.acks.due().is_none() {
        assert!(reads(&mut receiver, NOW));
        read += 1;
    }
    // Before that is told as much has come as was read.
    feed(&mut receiver, 900, read);
    assert_eq!(receiver.window_bytes(), full);
    assert!(!receiver.asks_about_window());
}

#[test]
fn limit_a_window_grows_with_its_use_as_far_as_the_endpoint_lends() {
    let mut receiver = receiver(1 << 20);
    settle(&mut receiver, 2);
    receiver.measure_window(NOW, 200_000, RTT);
    assert_eq!(receiver.window_wish(), None, "it has room enough");
    receiver.measure_window(NOW, 400_000, RTT);
    assert_eq!(receiver.window_wish(), Some(3 * MIB));
    receiver.on_window_lent(3 * MIB);
    assert_eq!(settle(&mut receiver, 3), Some(4 * MIB));
    // Half of what it wants.
    receiver.measure_window(NOW, 2_000_000, RTT);
    assert_eq!(receiver.window_wish(), Some(15 * MIB));
    receiver.on_window_lent(7 * MIB);
    assert_eq!(settle(&mut receiver, 4), Some(8 * MIB));
    receiver.measure_window(NOW, usize::MAX / 2, RTT);
    assert_eq!(
        receiver.window_wish(),
        Some(29 * MIB),
        "no more in any case"
    );
    receiver.on_window_lent(28 * MIB);
    assert_eq!(settle(&mut receiver, 5), Some(limits::MAX_RECEIVE_WINDOW));
    receiver.measure_window(NOW, 1000, RTT);
    assert_eq!(receiver.window_wish(), None);
}

#[test]
fn a_window_does_not_grow_while_the_application_does_not_read() {
    let mut receiver = receiver(1 << 20);
    feed(&mut receiver, 0, 10);
    receiver.measure_window(NOW, 1 << 20, RTT);
    assert_eq!(receiver.window_wish(), None);
    while reads(&mut receiver, NOW) {}
    receiver.measure_window(NOW, 1, RTT);
    assert!(receiver.window_wish().is_some());
}

#[test]
fn what_is_too_much_goes_back_when_the_peer_knows() {
    let mut receiver = receiver(1 << 20);
    receiver.measure_window(NOW, 2 << 20, RTT);
    assert_eq!(receiver.window_wish(), Some(7 * MIB));
    receiver.on_window_lent(7 * MIB);
    assert_eq!(settle(&mut receiver, 2), Some(8 * MIB));
    for season in 1..=2 {
        let now = NOW + Span::from_micros(season * limits::WINDOW_SEASON.as_micros());
        receiver.measure_window(now, 100_000, RTT);
        receiver.measure_window(now + Span::from_secs(1), 100_000, RTT);
    }
    assert_eq!(receiver.window_wish(), None, "the peer was promised it");
    assert_eq!(receiver.limits.window_bytes, 8 * MIB);
    assert_eq!(settle(&mut receiver, 3), Some(MIB));
    assert_eq!(receiver.window_wish(), Some(0));
    assert_eq!(receiver.limits.window_bytes, MIB);
    assert_eq!(receiver.window_wish(), None, "told once");
    // It may grow again.
    let later = NOW + Span::from_secs(9);
    receiver.measure_window(later, 2 << 20, RTT);
    assert_eq!(receiver.window_wish(), Some(7 * MIB));
}

#[test]
fn limit_memory_of_the_largest_window() {
    let mut receiver = receiver(1 << 20);
    let bound = receiver.heap_bound();
    assert!(bound < 48 << 20, "{bound}");
    receiver.measure_window(NOW, usize::MAX / 2, RTT);
    receiver.window_wish();
    receiver.on_window_lent(28 * MIB);
    assert_eq!(receiver.heap_bound(), bound);
    // Pieces of all sizes with holes between them, as far as they are taken.
    for size in [1000, 100, 1] {
        let mut pos = 10;
        while pos < 33 * MIB {
            let data = &[7; 1000][..size];
            let lane = LaneIndex::new((size % 7) as u8);
            let _ = receiver.reliable(NOW, lane, StreamPos::new(pos), data);
            pos += size as u64 + 1;
        }
    }
    let held = receiver.heap_bytes();
    assert!(held <= bound && held > 29 << 20, "{held} of {bound}");
}

#[test]
fn settings_change_the_bounds_of_a_window() {
    let mut receiver = receiver(1 << 20);
    receiver.measure_window(NOW, 2 << 20, RTT);
    receiver.window_wish();
    receiver.on_window_lent(7 * MIB);
    let mut config = config(2 << 20);
    config.set_recv_window_max(1 << 20).unwrap();
    receiver.configure(&config);
    assert_eq!(
        settle(&mut receiver, 2),
        Some(2 * MIB),
        "the buffer is larger"
    );
    assert_eq!(receiver.limits.window_bytes, 9 * MIB, "promised");
    assert_eq!(receiver.window_wish(), Some(0));
    assert_eq!(receiver.limits.window_bytes, 2 * MIB);
}
