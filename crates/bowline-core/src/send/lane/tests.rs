use super::*;

const WINDOW: u64 = 1 << 20;

fn lane_with(messages: &[(&[u8], bool)]) -> SendLane {
    let mut lane = SendLane::new(LaneConfig::default());
    for (bytes, reliable) in messages {
        submit(&mut lane, bytes, *reliable);
    }
    lane
}

fn submit(lane: &mut SendLane, bytes: &[u8], reliable: bool) -> MessageNumber {
    let payload = Payload::Borrowed(bytes);
    if reliable {
        return lane.submit_reliable(payload);
    }
    lane.submit_unreliable(payload, Timestamp::NEVER, None)
}

fn pos(range: Range<u64>) -> Range<StreamPos> {
    StreamPos::new(range.start)..StreamPos::new(range.end)
}

#[test]
fn stream_headers_match_captured_ones() {
    let mut out = [0; MAX_STREAM_HEADER];
    assert_eq!(stream_header(&mut out, 2, 9), [0x49, 0x02]);
    assert_eq!(stream_header(&mut out, 1, 5000), [0x28, 0x9C, 0x01]);
    assert_eq!(stream_header(&mut out, 1, 0), [0x00]);
    assert_eq!(stream_header(&mut out, 300, 31), [0x5F, 0xAC, 0x02]);
}

#[test]
fn what_is_lost_goes_again_and_what_is_acked_does_not() {
    let mut lane = lane_with(&[(&[1; 99], true)]);
    assert_eq!(lane.take_new(101), pos(1..102));
    lane.on_acked(pos(50..60));
    lane.on_lost(pos(1..102));
    assert_eq!(lane.lost_bytes(), 91);
    assert_eq!(lane.take_lost(1000, u64::MAX), Some(pos(1..50)));
    assert_eq!(lane.take_lost(20, u64::MAX), Some(pos(60..80)));
    lane.on_acked(pos(80..102));
    assert_eq!(lane.lost_bytes(), 0);
    assert!(lane.is_idle() && !lane.is_drained());
    lane.on_acked(pos(1..50));
    lane.on_acked(pos(60..80));
    assert!(lane.is_drained());
}

#[test]
fn limit_a_long_message_counts_against_the_window_until_all_of_it_is_acked() {
    let (short, long) = (&[1; 1_000][..], &[2; 100_000][..]);
    let mut lane = lane_with(&[(short, true), (long, true), (long, true)]);
    let long_start = 1 + 1_002;
    let long_end = long_start + 100_003;
    let window = 150_000;
    lane.take_new(lane.stream_room(window, 15));
    assert_eq!(lane.unsent(), StreamPos::new(1 + window));
    lane.on_acked(pos(1..500));
    assert_eq!(
        lane.stream_room(window, 15),
        499,
        "short ones fit the slack"
    );
    lane.on_acked(pos(500..90_000));
    let room = lane.stream_room(window, 15);
    assert_eq!(room, long_start - 1, "GNS keeps all of the long one");
    lane.on_acked(pos(90_000..long_end));
    assert_eq!(lane.stream_room(window, 15), long_end - 1);
    lane.on_acked(pos(long_end..150_001));
    let room = lane.stream_room(window, 15);
    assert_eq!(room, long_end - 1, "so it does with the next");
}

#[test]
fn limit_stream_window_and_holes_stop_new_bytes_only() {
    let mut lane = lane_with(&[(&[1; 2000], true)]);
    assert_eq!(lane.stream_room(100, 15), 100);
    lane.take_new(100);
    assert!(!lane.has_sendable(100, 15));
    lane.on_acked(pos(40..50));
    assert!(!lane.has_sendable(WINDOW, 1), "one hole is one too many");
    lane.on_lost(pos(1..40));
    assert!(lane.has_sendable(WINDOW, 1), "what is lost always may go");
}

#[test]
fn unreliable_and_reliable_keep_their_order() {
    let mut lane = lane_with(&[(b"aa", true), (b"bb", true), (b"u", false), (b"cc", true)]);
    assert!(matches!(lane.head(), Some(Run::Reliable { end, .. }) if end.get() == 7));
    lane.take_new(6);
    let Some(Run::Unreliable(message)) = lane.head() else {
        panic!("the unreliable message is next");
    };
    assert_eq!((message.number.get(), message.len), (3, 1));
    lane.took_unreliable(1, true);
    assert!(matches!(lane.head(), Some(Run::Reliable { .. })));
}

#[test]
fn an_empty_message_survives_that_the_bytes_of_others_are_gathered_anew() {
    let mut lane = lane_with(&[(b"", false)]);
    let mut replace = |len: usize| {
        let bytes = alloc::vec![7; len];
        lane.submit_unreliable(Payload::Borrowed(&bytes), Timestamp::NEVER, Some(1));
    };
    // With nothing in use all bytes are let go, and the place of the empty message with them.
    for len in [100, 0, 10_000, 9_999, 1] {
        replace(len);
    }
    lane.took_unreliable(0, true);
    let Some(Run::Unreliable(message)) = lane.head() else {
        panic!("the message with the key is next");
    };
    let mut bytes = alloc::vec::Vec::new();
    lane.copy_unreliable(message.at, message.len, |part| {
        bytes.extend_from_slice(part)
    });
    assert_eq!(bytes, [7]);
}
