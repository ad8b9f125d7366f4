use alloc::vec::Vec;

use super::*;
use crate::config::Config;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::message::SendFlags;
use crate::send::PacketBuilder;

const RTT: Span = Span::from_millis(40);

/// As much as a sender knows after it has learned of `lost` in 100 packets for a while.
fn armour(lost: u32) -> Armour {
    let mut armour = Armour::new(true);
    for n in 0..2000 {
        armour.on_settled(n % 100 >= lost);
    }
    armour
}

/// A sender on a path with a round trip of 40 ms that loses 5 %.
fn sender() -> Sender {
    let mut sender = Sender::new(Timestamp::ZERO, &Config::new(), PacketNumber::new(2));
    sender.on_handshake_rtt(RTT);
    sender.armour = armour(5);
    sender
}

fn at(ms: u64) -> Timestamp {
    Timestamp::ZERO + Span::from_millis(ms)
}

/// Queues a message that waits for nothing.
fn submit(sender: &mut Sender, now: Timestamp, len: usize) {
    let data = alloc::vec![7; len];
    let payload = Payload::Borrowed(&data);
    let flags = SendFlags::RELIABLE_NO_NAGLE;
    let message = Outgoing::new(LaneIndex::ZERO, flags, payload);
    sender.submit(now, message).unwrap();
}

/// Sends one packet with all that wants to go; returns the ranges in it.
fn packet(sender: &mut Sender, now: Timestamp) -> Vec<(u64, u64)> {
    let mut out = Vec::new();
    let number = sender.next_number();
    let mut builder = PacketBuilder::new(&mut out, number, 1200);
    if sender.wants_to_send(now, 1200) {
        builder.messages(sender);
    }
    builder.copies(now, sender);
    let built = builder.finish();
    assert_eq!(built.has_data, built.ranges > 0);
    let ranges = sender.in_flight.last_ranges(built.ranges);
    let ranges = ranges
        .map(|sent| (sent.range.start.get(), sent.range.end.get()))
        .collect();
    sender.on_packet_sent(now, out.len() + 40, built.ranges, false);
    ranges
}

fn range(from: u64, to: u64) -> SentRange {
    SentRange {
        lane: LaneIndex::ZERO,
        range: StreamPos::new(from)..StreamPos::new(to),
    }
}

#[test]
fn the_number_of_copies_follows_the_loss() {
    let copies = |lost| armour(lost).copies();
    assert_eq!(copies(0), 1);
    assert_eq!(copies(1), 2);
    assert_eq!(copies(5), 3);
    assert_eq!(copies(10), 4);
    assert_eq!(copies(20), 5);
    assert_eq!(copies(25), MAX_COPIES);
    assert_eq!(copies(90), MAX_COPIES);
}

#[test]
fn the_first_losses_count_at_once() {
    let mut armour = Armour::new(true);
    for n in 0..20 {
        armour.on_settled(n % 5 != 4);
    }
    // Four of 28.
    assert!((4..=5).contains(&armour.copies()), "{}", armour.copies());
    armour.on_undone();
    assert_eq!(armour.copies(), 4);
    for _ in 0..2000 {
        armour.on_settled(true);
    }
    assert_eq!(armour.copies(), 1);
}

#[test]
fn loss_is_forgotten_to_the_last_bit() {
    let mut armour = armour(100);
    assert_eq!(armour.loss, MAX_LOSS);
    let mut packets = 0;
    while armour.is_on() {
        armour.on_settled(true);
        packets += 1;
    }
    assert!(packets < 900, "{packets} packets after an outage");
    for _ in 0..10_000 {
        armour.on_settled(true);
    }
    assert_eq!(armour.loss, 0);
}

#[test]
fn nothing_rides_without_loss_or_when_it_is_off() {
    for (lost, is_enabled) in [(0, true), (5, false)] {
        let mut sender = sender();
        sender.armour = armour(lost);
        sender.armour.set_enabled(is_enabled);
        for ms in [0, 10, 20] {
            submit(&mut sender, at(ms), 100);
            assert_eq!(packet(&mut sender, at(ms)).len(), 1);
        }
        assert_eq!(sender.rides_alone_at(), None);
        assert_eq!(sender.armour_stats(), ArmourStats::default());
    }
}

#[test]
fn a_segment_rides_in_the_next_packets_until_it_has_its_copies() {
    let mut sender = sender();
    submit(&mut sender, at(0), 98);
    assert_eq!(packet(&mut sender, at(0)), [(1, 101)]);
    submit(&mut sender, at(9), 98);
    assert_eq!(packet(&mut sender, at(9)), [(101, 201), (1, 101)]);
    // An ack, say, that goes anyway.
    assert_eq!(packet(&mut sender, at(18)), [(1, 101), (101, 201)]);
    assert_eq!(packet(&mut sender, at(27)), [(101, 201)]);
    assert_eq!(packet(&mut sender, at(36)), []);
    let stats = sender.armour_stats();
    assert_eq!((stats.segments, stats.bytes), (4, 400));
}

#[test]
fn packets_of_one_burst_do_not_carry_the_same() {
    let mut sender = sender();
    submit(&mut sender, at(0), 98);
    packet(&mut sender, at(0));
    assert_eq!(packet(&mut sender, at(0)), []);
    assert_eq!(packet(&mut sender, at(2)), [], "RTT/16 is not over");
    assert_eq!(packet(&mut sender, at(3)), [(1, 101)]);
}

#[test]
fn a_packet_for_copies_alone_is_due_a_quarter_of_a_round_trip_later() {
    let mut sender = sender();
    assert_eq!(sender.rides_alone_at(), None);
    submit(&mut sender, at(0), 98);
    packet(&mut sender, at(0));
    for ms in [10, 20] {
        assert_eq!(sender.rides_alone_at(), Some(at(ms)));
        assert_eq!(packet(&mut sender, at(ms)), [(1, 101)]);
    }
    assert_eq!(sender.rides_alone_at(), None, "all copies are sent");
}

#[test]
fn copies_are_in_nobodys_way() {
    let armoured = || {
        let mut sender = sender();
        submit(&mut sender, at(0), 98);
        packet(&mut sender, at(0));
        assert!(sender.has_room_to_ride(at(10)));
        sender
    };
    let mut busy = armoured();
    submit(&mut busy, at(10), 5000);
    assert!(!busy.has_room_to_ride(at(10)), "data waits");
    let mut losing = armoured();
    losing.lanes.for_use(false)[0].on_lost(StreamPos::new(1)..StreamPos::new(51));
    assert!(!losing.has_room_to_ride(at(10)), "lost data waits");
    let mut full = armoured();
    while full.in_flight.bytes() + 2 * 1300 <= full.controller.window_bytes() {
        full.on_packet_sent(at(1), 1300, 0, false);
    }
    assert!(!full.has_room_to_ride(at(20)), "the window is full");
    let mut paced = armoured();
    for _ in 0..3 {
        paced.pacer.charge(1300);
    }
    assert!(!paced.has_room_to_ride(at(1)), "the pacer waits");
}

#[test]
fn large_segments_and_full_lanes_have_no_armour() {
    let mut sender = sender();
    submit(&mut sender, at(0), limits::ARMOURED_SEGMENT as usize);
    packet(&mut sender, at(0));
    assert!(!sender.armour.has_segments());
    let mut armour = armour(5);
    let unacked = limits::ARMOURED_LANE_BYTES;
    armour.on_sent(at(0), PacketNumber::new(2), &range(1, 10), unacked + 1);
    assert!(!armour.has_segments());
    armour.on_sent(at(0), PacketNumber::new(2), &range(1, 10), unacked);
    assert_eq!(armour.segments().count(), 1);
}

#[test]
fn limit_armoured_segments() {
    let mut armour = armour(5);
    for n in 0..1000 {
        armour.on_sent(at(0), PacketNumber::new(2), &range(n, n + 1), 100);
    }
    assert_eq!(armour.segments().count(), limits::ARMOURED_SEGMENTS);
    assert!(armour.heap_bytes() <= Armour::HEAP_BOUND);
}

#[test]
fn limit_armoured_packets_and_copies_in_each() {
    let mut sender = sender();
    let (number, now) = (sender.next_number(), at(0));
    for n in 0..limits::ARMOURED_PER_PACKET as u64 + 1 {
        submit(&mut sender, now, 2);
        let mut out = Vec::new();
        let mut builder = PacketBuilder::new(&mut out, number, 1200);
        builder.messages(&mut sender);
        let ranges = builder.finish().ranges;
        sender.on_packet_sent(now, 50, ranges, false);
        assert_eq!(sender.armour.segments().count() as u64, n + 1);
    }
    let ranges = packet(&mut sender, at(10));
    assert_eq!(ranges.len(), limits::ARMOURED_PER_PACKET);
    while sender.in_flight.len() < limits::ARMOURED_PACKETS {
        assert!(sender.has_room_to_ride(at(20)));
        sender.on_packet_sent(at(10), 0, 0, false);
        sender.pacer = crate::rate::pacer::Pacer::new(at(10));
    }
    assert!(!sender.has_room_to_ride(at(20)));
}

#[test]
fn a_loss_is_not_answered_while_a_copy_is_under_way() {
    let mut armour = armour(5);
    let sent = range(1, 101);
    for number in [2, 3, 5] {
        armour.on_sent(at(number), PacketNumber::new(number), &sent, 100);
    }
    assert_eq!(armour.on_lost(PacketNumber::new(2), &sent), None);
    assert_eq!(armour.on_lost(PacketNumber::new(3), &sent), None);
    let newest = armour.on_lost(PacketNumber::new(5), &sent);
    assert_eq!(newest, Some(sent.range.clone()));
    assert!(!armour.has_segments(), "it goes again as new data does");
    let forgotten = armour.on_lost(PacketNumber::new(3), &sent);
    assert_eq!(forgotten, Some(sent.range));
}

#[test]
fn of_a_lost_packet_only_what_rides_elsewhere_is_spared() {
    let mut armour = armour(5);
    let (number, tail) = (PacketNumber::new(7), range(80, 101));
    armour.on_sent(at(0), number, &tail, 100);
    let lost = armour.on_lost(PacketNumber::new(6), &range(1, 101));
    assert_eq!(lost, Some(StreamPos::new(1)..StreamPos::new(80)));
}

#[test]
fn an_ack_of_any_copy_ends_it_and_of_a_part_spares_that_part() {
    let mut sender = sender();
    submit(&mut sender, at(0), 98);
    packet(&mut sender, at(0));
    sender.lanes.for_use(false)[0].on_acked(StreamPos::new(1)..StreamPos::new(31));
    sender.armour.forget_acked(&sender.lanes);
    assert_eq!(packet(&mut sender, at(10)), [(31, 101)]);
    sender.lanes.for_use(false)[0].on_acked(StreamPos::new(31)..StreamPos::new(101));
    sender.armour.forget_acked(&sender.lanes);
    assert!(!sender.armour.has_segments());
    assert_eq!(sender.rides_alone_at(), None);
}

#[test]
fn what_timed_out_goes_again_although_copies_are_under_way() {
    let mut sender = sender();
    submit(&mut sender, at(0), 98);
    packet(&mut sender, at(0));
    packet(&mut sender, at(10));
    let timeout = sender.retransmit_at().unwrap();
    sender.on_retransmit_timeout(timeout);
    assert_eq!(sender.pending(None).reliable, 100);
    assert_eq!(sender.rides_alone_at(), None);
    assert_eq!(packet(&mut sender, timeout), [(1, 101)]);
    assert!(sender.rides_alone_at().is_some(), "with armour of its own");
}

#[test]
fn what_fits_no_packet_is_given_up() {
    let mut sender = sender();
    submit(&mut sender, at(0), 400);
    packet(&mut sender, at(0));
    let mut out = Vec::new();
    let mut builder = PacketBuilder::new(&mut out, sender.next_number(), 300);
    builder.copies(at(10), &mut sender);
    assert_eq!(builder.finish().ranges, 0);
    assert_eq!(
        sender.rides_alone_at(),
        None,
        "else it would be due for ever"
    );
}
