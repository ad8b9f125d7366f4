//! What packets of the legacy API have that messages have not.

use super::*;
use crate::messages::limits::MAX_RELIABLE_PACKET;
use crate::messages::limits::MAX_UNREAD_PACKET_BYTES;
use crate::messages::limits::MAX_UNREAD_PACKETS;
use crate::messages::limits::PACKETS_IDLE;

fn piece(channel: i32, body: &[u8]) -> Message {
    let mut bytes = piece_header(channel).to_vec();
    bytes.extend_from_slice(body);
    message(&bytes)
}

#[test]
fn what_failed_begins_anew_by_itself() {
    let mut table = connect(legacy());
    table.ended(START, LINK, false, 7);
    assert_eq!(events(&mut table), [SessionEvent::Failed(7)]);
    assert_eq!(table.standing(&anna()), Some(Standing::Failed(&7)));
    let plan = table.plan_send(START, &anna(), false);
    assert_eq!(plan, Ok(SendPlan::Connect));
    table.began(START, &anna(), OTHER_LINK);
    assert_eq!(table.standing(&anna()), Some(Standing::Over(OTHER_LINK)));
}

#[test]
fn sending_opens_a_channel_and_the_last_one_closes_the_session() {
    let mut table = connect(legacy());
    for channel in [4, 5] {
        table.sent(&anna(), channel);
        assert!(table.is_open(&anna(), channel));
    }
    table.deliver(START, LINK, on_channel(5, b"x")).unwrap();
    let only = ClosedChannel::Only { resume: None };
    assert_eq!(table.close_channel(&anna(), 5), Ok(only));
    assert_eq!(table.close_channel(&anna(), 5), Err(NoSession));
    assert_eq!(body(table.receive(5)), None);
    let last = ClosedChannel::Session(Some(LINK));
    assert_eq!(table.close_channel(&anna(), 4), Ok(last));
    assert!(table.is_empty());
    table.sent(&anna(), 4);
    assert!(table.is_empty(), "nothing is left of it");
}

#[test]
fn sending_messages_opens_none() {
    let mut table = connected();
    table.sent(&anna(), 4);
    assert!(!table.is_open(&anna(), 4));
}

#[test]
fn the_next_packet_tells_its_size() {
    let mut table = connect(legacy());
    assert_eq!(table.next_len(3), None);
    for body in [&b"abc"[..], b"", b"de"] {
        table.deliver(START, LINK, on_channel(3, body)).unwrap();
    }
    for len in [3, 0, 2] {
        assert_eq!(table.next_len(3), Some(len));
        assert_eq!(body(table.receive(3)).map(|body| body.len()), Some(len));
    }
    assert_eq!(table.next_len(3), None);
}

#[test]
fn a_packet_may_come_in_pieces() {
    let mut table = connect(legacy());
    table.deliver(START, LINK, piece(3, b"abc")).unwrap();
    assert_eq!(table.unread(), 0);
    table.deliver(START, LINK, on_channel(3, b"def")).unwrap();
    assert_eq!(body(table.receive(3)), Some(b"abcdef".to_vec()));
    // For messages that flag says nothing.
    let mut table = connected();
    table.deliver(START, LINK, piece(3, b"abc")).unwrap();
    assert_eq!(body(table.receive(3)), Some(b"abc".to_vec()));
}

#[test]
fn what_was_begun_on_a_connection_does_not_go_on_on_the_next() {
    let mut table = connect(legacy());
    table.deliver(START, LINK, piece(3, b"abc")).unwrap();
    table.ended(START, LINK, true, 7);
    assert!(table.plan_send(START, &anna(), false).is_ok());
    table.began(START, &anna(), OTHER_LINK);
    let delivered = table.deliver(START, OTHER_LINK, on_channel(3, b"def"));
    assert_eq!(delivered, Ok(()));
    assert_eq!(body(table.receive(3)), Some(b"def".to_vec()));
}

#[test]
fn limit_packet_in_pieces() {
    let mut table = connect(legacy());
    let half = vec![7; MAX_RELIABLE_PACKET / 2];
    for round in 0..3 {
        let last = if round == 2 { &b"x"[..] } else { b"" };
        table.deliver(START, LINK, piece(3, &half)).unwrap();
        table.deliver(START, LINK, piece(3, &half)).unwrap();
        let whole = table.deliver(START, LINK, on_channel(3, last));
        assert_eq!(whole.is_ok(), round < 2);
    }
    assert_eq!(table.drops().of(DropReason::BadSessionHeader), 1);
    assert_eq!(table.unread(), 2);
}

#[test]
fn limit_unread_packets() {
    // The settings of the connection do not count.
    let mut config = Config::new();
    config.set_recv_buffer_messages(10).unwrap();
    for (size, room) in [
        (1, MAX_UNREAD_PACKETS),
        (
            MAX_RELIABLE_PACKET,
            MAX_UNREAD_PACKET_BYTES / MAX_RELIABLE_PACKET,
        ),
    ] {
        let mut table = connect(legacy());
        let packet = on_channel(1, &vec![0; size]);
        let mut taken = 0;
        while table.wants(LINK, &config) {
            table.deliver(START, LINK, packet.clone()).unwrap();
            taken += 1;
        }
        assert_eq!(taken, room);
        let resumed = core::iter::from_fn(|| table.receive(1)).filter(|read| read.resume.is_some());
        assert_eq!(resumed.count(), 1);
        assert!(table.wants(LINK, &config));
    }
}

#[test]
fn a_session_rests_for_a_quarter_of_an_hour() {
    let almost = PACKETS_IDLE.saturating_sub(Span::from_micros(1));
    let uses: [fn(&mut Table, Timestamp); 2] = [
        |table, now| assert!(table.plan_send(now, &anna(), false).is_ok()),
        |table, now| table.deliver(now, LINK, on_channel(0, b"")).unwrap(),
    ];
    for make_use in uses {
        let mut table = connect(legacy());
        make_use(&mut table, START + almost);
        table.handle_timeout(START + PACKETS_IDLE);
        assert_eq!(requests(&mut table), []);
        table.handle_timeout(START + PACKETS_IDLE + almost);
        let asked = requests(&mut table);
        assert_eq!(asked, [SessionRequest::CheckIdle(LINK)]);
    }
}

#[test]
fn regression_closing_a_channel_makes_room_for_what_waits() {
    let mut config = Config::new();
    config.set_recv_buffer_messages(10).unwrap();
    let mut table = connected();
    table.deliver(START, LINK, on_channel(2, b"kept")).unwrap();
    while table.wants(LINK, &config) {
        table.deliver(START, LINK, on_channel(1, b"x")).unwrap();
    }
    let resume = Some(LINK);
    let closed = table.close_channel(&anna(), 1);
    assert_eq!(closed, Ok(ClosedChannel::Only { resume }));
    assert!(table.wants(LINK, &config));
}
