use super::*;

const FIRST: PacketNumber = PacketNumber::new(2);
/// What each packet carries of the stream: a message of 100 bytes with its header.
const CARRIED: u64 = 102;

const fn at(ms: u64) -> Timestamp {
    Timestamp::from_micros(ms * 1000)
}

fn send(sender: &mut Sender, now: Timestamp) {
    let payload = Payload::Borrowed(&[0; 100]);
    let message = Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE, payload);
    sender.submit(now, message).unwrap();
    assert!(sender.wants_to_send(now, 100));
    let mut out = Vec::new();
    let mut builder = PacketBuilder::new(&mut out, sender.next_number(), 1000);
    builder.messages(sender);
    let ranges = builder.finish().ranges;
    sender.on_packet_sent(now, 200, ranges, false);
}

fn ack(sender: &mut Sender, now: Timestamp, latest: u64, blocks: &[AckBlock]) -> Option<Span> {
    let (next, mut rtt) = (sender.next_number(), None);
    let latest = PacketNumber::new(latest);
    with_ack(next, latest, Some(Span::ZERO), blocks, |ack| {
        let outcome = sender.on_ack(now, PacketNumber::new(now.as_micros()), ack, |_| ());
        rtt = outcome.unwrap().rtt;
    });
    rtt
}

/// What is under way when packets begin to take another way: it fills nothing, measures nothing and counts as
/// no loss of that way, and what it carries is sent again if it is lost.
#[test]
fn packets_on_a_way_that_was_left_say_nothing_of_the_new_one() {
    let mut sender = Sender::new(at(0), &Config::new(), FIRST);
    send(&mut sender, at(0));
    assert_eq!(
        ack(&mut sender, at(200), 2, &[]),
        Some(Span::from_millis(200))
    );
    for _ in 3..=6 {
        send(&mut sender, at(200));
    }
    assert_eq!(sender.in_flight.bytes(), 4 * 200);
    sender.leave_way(at(300));
    sender.on_handshake_rtt(Span::from_millis(10));
    assert_eq!(sender.in_flight.bytes(), 0);
    assert_eq!(sender.smoothed_rtt(), Some(Span::from_millis(10)));
    // The newest of the former way arrives, and tells no round trip.
    assert_eq!(ack(&mut sender, at(400), 3, &[]), None);
    assert_eq!(sender.smoothed_rtt(), Some(Span::from_millis(10)));
    send(&mut sender, at(400));
    assert_eq!(sender.in_flight.bytes(), 200);
    // One of the two that are left is lost.
    let blocks = [AckBlock {
        acked: 1,
        nacked: 1,
    }];
    let rtt = ack(&mut sender, at(412), 7, &blocks);
    assert_eq!(rtt, Some(Span::from_millis(12)));
    assert_eq!(sender.in_flight.bytes(), 0);
    assert_eq!(sender.pending(None).reliable as u64, CARRIED);
    assert_eq!(sender.loss_stats().packets, 1);
    assert_eq!(sender.controller.usual_loss(), 0);
}

/// Packets that only ask after another way take no part in anything.
#[test]
fn a_question_about_another_way_is_not_in_flight_here() {
    let mut sender = Sender::new(at(0), &Config::new(), FIRST);
    send(&mut sender, at(0));
    sender.on_probe_sent_elsewhere(at(0), 60);
    assert_eq!(sender.in_flight.bytes(), 200);
    assert_eq!(ack(&mut sender, at(50), 3, &[]), None);
    assert_eq!(sender.smoothed_rtt(), None);
    assert!(sender.is_drained());
}
