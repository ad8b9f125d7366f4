//! Every bound of the table.

use alloc::format;

use super::*;
use crate::limits::MAX_SESSION_CHANNELS;
use crate::limits::MAX_SESSION_REQUESTS;
use crate::limits::MAX_SESSIONS;
use crate::messages::limits::MAX_RELIABLE_PACKET;
use crate::messages::limits::MAX_UNREAD;
use crate::messages::limits::MAX_UNREAD_LEFT;
use crate::messages::limits::MAX_UNREAD_PACKET_BYTES;
use crate::messages::limits::MAX_UNREAD_TIMES;

fn link(index: usize) -> ConnectionId {
    ConnectionId::new(u32::try_from(index).unwrap() + 0x1_0001)
}

#[test]
fn limit_sessions() {
    let mut table = table();
    for index in 0..MAX_SESSIONS {
        let name = peer(&format!("{index}"));
        assert_eq!(table.plan_send(START, &name, false), Ok(SendPlan::Connect));
        table.began(START, &name, link(index));
    }
    let one_more = table.plan_send(START, &anna(), false);
    assert_eq!(one_more, Err(PlanError::TooMany));
    let asked = table.asked(START, &anna(), LINK);
    assert_eq!(asked, Err(AskError::TooMany));
    table.close(&peer("17")).unwrap();
    assert!(table.plan_send(START, &anna(), false).is_ok());
}

#[test]
fn limit_session_requests() {
    let mut table = table();
    for index in 0..MAX_SESSION_REQUESTS {
        let name = peer(&format!("{index}"));
        table.asked(START, &name, link(index)).unwrap();
    }
    let asked = table.asked(START, &anna(), link(MAX_SESSION_REQUESTS));
    assert_eq!(asked, Err(AskError::TooMany));
    // Each way to be asked no more makes room for one.
    table.accept(START, &peer("0")).unwrap();
    table.close(&peer("1")).unwrap();
    table.ended(START, link(2), false, 0);
    table.released(link(3));
    assert!(table.plan_send(START, &peer("4"), false).is_ok());
    for index in 0..5 {
        let name = peer(&format!("again {index}"));
        let id = link(MAX_SESSION_REQUESTS + index);
        assert_eq!(table.asked(START, &name, id), Ok(()));
    }
    let asked = table.asked(START, &anna(), LINK);
    assert_eq!(asked, Err(AskError::TooMany));
}

/// The endpoint knows of a request before the table does, so that one may be told between plan and beginning.
#[test]
fn regression_a_request_that_is_overtaken_by_a_connection_is_not_counted_for_ever() {
    let mut table = table();
    for _ in 0..=MAX_SESSION_REQUESTS {
        let plan = table.plan_send(START, &anna(), false);
        assert_eq!(plan, Ok(SendPlan::Connect));
        table.asked(START, &anna(), LINK).unwrap();
        table.began(START, &anna(), LINK);
        table.close(&anna()).unwrap();
    }
    assert_eq!(table.asked(START, &anna(), OTHER_LINK), Ok(()));
}

#[test]
fn limit_session_channels() {
    let mut table = connected();
    let channels = i32::try_from(MAX_SESSION_CHANNELS).unwrap();
    for channel in 0..=channels {
        let delivered = table.deliver(START, LINK, on_channel(channel, b"x"));
        assert_eq!(delivered, Ok(()));
    }
    assert_eq!(
        table.close_channel(&anna(), 0),
        Ok(ClosedChannel::Only { resume: None }),
        "all have something to read"
    );
    for channel in 1..=channels {
        assert_eq!(body(table.receive(channel)), Some(b"x".to_vec()));
    }
    for channel in 0..1000 {
        let delivered = table.deliver(START, LINK, on_channel(5000 + channel, b"x"));
        assert_eq!(delivered, Ok(()));
        assert!(table.receive(5000 + channel).is_some());
    }
    let open = (0..6000).filter(|channel| table.is_open(&anna(), *channel));
    assert_eq!(open.count(), MAX_SESSION_CHANNELS);
}

#[test]
fn limit_session_room() {
    let mut config = Config::new();
    config.set_recv_buffer_messages(10).unwrap();
    let mut table = connected();
    let mut taken = 0;
    while table.wants(LINK, &config) {
        table.deliver(START, LINK, on_channel(1, b"x")).unwrap();
        taken += 1;
    }
    assert_eq!(taken, 10);
    let mut resumed = 0;
    for left in (0..10).rev() {
        let read = table.receive(1).unwrap();
        resumed += usize::from(read.resume == Some(LINK));
        assert_eq!(resumed, usize::from(left <= 5), "{left} left");
    }
    assert!(table.wants(LINK, &config));
}

/// What a connection holds at its end goes nowhere else.
#[test]
fn regression_what_waits_in_a_connection_that_ends_has_room() {
    let mut config = Config::new();
    config.set_recv_buffer_messages(10).unwrap();
    let mut table = connected();
    while table.wants(LINK, &config) {
        table.deliver(START, LINK, on_channel(1, b"x")).unwrap();
    }
    while table.wants_at_end(LINK, &config) {
        table.deliver(START, LINK, on_channel(1, b"y")).unwrap();
    }
    table.left_behind(3);
    assert_eq!(table.drops().of(DropReason::ReceiveBufferFull), 3);
    table.ended(START, LINK, true, 7);
    assert_eq!(table.unread(), 20);
    // The next connection of the peer finds none.
    table.asked(START, &anna(), OTHER_LINK).unwrap();
    table.connected(START, OTHER_LINK);
    assert!(!table.wants(OTHER_LINK, &config));
    assert!(!table.wants_at_end(OTHER_LINK, &config));
}

/// Connects another peer.
fn connect_next(table: &mut Table, index: usize) -> ConnectionId {
    let id = link(index);
    table.asked(START, &peer(&format!("{index}")), id).unwrap();
    table.connected(START, id);
    id
}

fn bytes_unread(table: &Table) -> usize {
    table.inbox.unread().bytes
}

/// Delivers what a connection may, and tells how much that was.
fn fill(table: &mut Table, id: ConnectionId, message: &Message) -> usize {
    let mut taken = 0;
    while table.wants(id, &Config::new()) {
        // Shared by all, so that the test takes no such memory.
        table.deliver(START, id, message.clone()).unwrap();
        taken += 1;
    }
    taken
}

#[test]
fn limit_unread_of_all_peers() {
    let packet = on_channel(1, &vec![0; MAX_RELIABLE_PACKET]);
    let most = MAX_UNREAD_TIMES * MAX_UNREAD.bytes;
    let mut table = legacy();
    let mut taken = 0;
    for peers in 1..=1000 {
        let id = connect_next(&mut table, peers);
        taken = fill(&mut table, id, &packet);
        assert!(taken >= 1, "nobody is shut out");
        while peers % 2 == 0 && table.wants_at_end(id, &Config::new()) {
            table.deliver(START, id, packet.clone()).unwrap();
        }
        assert!(bytes_unread(&table) < most + peers * MAX_RELIABLE_PACKET);
    }
    assert!(bytes_unread(&table) > most);
    assert_eq!(taken, 1);
}

/// Twice as many as would fill all by what each may have alone.
#[test]
fn regression_who_hoards_leaves_an_equal_share_to_others() {
    let packet = on_channel(1, &vec![0; MAX_RELIABLE_PACKET]);
    let hoarders = 2 * MAX_UNREAD.bytes / MAX_UNREAD_PACKET_BYTES;
    let mut table = legacy();
    for index in 0..hoarders {
        let id = connect_next(&mut table, index);
        assert!(fill(&mut table, id, &packet) > 1);
    }
    let id = connect_next(&mut table, hoarders);
    let taken = fill(&mut table, id, &on_channel(2, b"x"));
    assert_eq!(taken, MAX_UNREAD.messages / (hoarders + 1));
    // Who is read has room again, though it is still tight.
    let mut resumed = 0;
    while let Some(read) = table.receive(2) {
        resumed += usize::from(read.resume == Some(id));
    }
    assert_eq!(resumed, 1);
    assert!(table.wants(id, &Config::new()));
}

/// Something waits in the connection behind what nobody reads.
#[test]
fn regression_who_is_held_up_by_others_goes_on_when_they_are_read() {
    let all = Room {
        messages: 100,
        bytes: 1 << 20,
    };
    let ways_to_read: [fn(&mut Table); 3] = [
        |table| {
            for _ in 0..75 {
                assert!(table.receive(0).is_some());
                assert_eq!(table.relieved(), []);
            }
            assert!(table.receive(0).is_some());
            assert_eq!(table.relieved(), [link(0), link(1)]);
        },
        |table| {
            table.close(&peer("0")).unwrap();
            assert_eq!(table.relieved(), [link(1)]);
        },
        |table| {
            table.handle_timeout(START + SESSION_IDLE);
            table.idle_answer(START + SESSION_IDLE, link(0), true);
            assert_eq!(table.relieved(), [link(1)]);
        },
    ];
    for read in ways_to_read {
        let mut table = Sessions::new(Profile {
            all,
            ..Profile::MESSAGES
        });
        let ids = [0, 1, 2, 3].map(|index| connect_next(&mut table, index));
        for (id, channel, expected) in [(ids[0], 0, 100), (ids[1], 1, 25)] {
            let taken = fill(&mut table, id, &on_channel(channel, b"x"));
            assert_eq!(taken, expected);
        }
        assert_eq!(table.relieved(), []);
        read(&mut table);
        assert_eq!(table.relieved(), [], "once is enough");
        assert!(table.wants(ids[1], &Config::new()));
    }
}

#[test]
fn limit_unread_of_peers_that_have_left() {
    for (size, most) in [
        (
            MAX_RELIABLE_PACKET,
            MAX_UNREAD_LEFT.bytes / MAX_RELIABLE_PACKET,
        ),
        (1, MAX_UNREAD_LEFT.messages),
    ] {
        let packet = on_channel(1, &vec![0; size]);
        let config = Config::new();
        let mut table = legacy();
        let (mut sent, mut now) = (0, START);
        for index in 0..40 {
            let id = connect_next(&mut table, index);
            let mut last = 0;
            while table.wants(id, &config) {
                now += Span::from_micros(1);
                table.deliver(now, id, packet.clone()).unwrap();
                last += 1;
            }
            sent += last;
            assert!(table.ended(now, id, index % 2 == 0, 7));
            assert!(table.unread() < most + last, "{index} peers");
        }
        let lost = table.drops().of(DropReason::ReceiveBufferFull);
        assert_eq!(usize::try_from(lost).unwrap() + table.unread(), sent);
        // The oldest are gone. What failed is known to have.
        assert_eq!(table.standing(&peer("0")), None);
        assert_eq!(table.standing(&peer("1")), Some(Standing::Failed(&7)));
        let last = core::iter::from_fn(|| table.receive(1)).last().unwrap();
        assert_eq!(*last.message.peer, peer("39"));
        assert_eq!(bytes_unread(&table), 0);
    }
}

/// More than may be left of all, by the settings of its connection.
#[test]
fn regression_who_leaves_much_loses_nothing() {
    let packet = on_channel(1, &vec![0; MAX_RELIABLE_PACKET]);
    let mut config = Config::new();
    config.set_recv_buffer(2 * MAX_UNREAD_LEFT.bytes).unwrap();
    let mut table = table();
    // The last one has nothing to leave.
    for (index, size) in [(0, 40), (1, 40), (2, 100), (3, 0)] {
        let id = connect_next(&mut table, index);
        for _ in 0..size {
            assert!(table.wants(id, &config));
            table.deliver(START, id, packet.clone()).unwrap();
        }
        table.ended(START, id, true, 7);
        let lost = table.drops().of(DropReason::ReceiveBufferFull);
        assert_eq!(lost, if index < 2 { 0 } else { 80 });
    }
    assert_eq!(table.unread(), 100);
}

/// Who reads neither has what waits behind them fetched by closing one.
#[test]
fn regression_closing_a_small_channel_makes_room_as_well() {
    let mut config = Config::new();
    config.set_recv_buffer_messages(10).unwrap();
    let mut table = connected();
    for channel in [1, 1, 1, 1, 1, 1, 1, 2, 2, 2] {
        assert!(table.wants(LINK, &config));
        table
            .deliver(START, LINK, on_channel(channel, b"x"))
            .unwrap();
    }
    assert!(!table.wants(LINK, &config));
    let resume = Some(LINK);
    let closed = table.close_channel(&anna(), 2);
    assert_eq!(closed, Ok(ClosedChannel::Only { resume }));
    assert!(table.wants(LINK, &config));
}

#[test]
fn limit_session_room_in_bytes() {
    let mut config = Config::new();
    config.set_recv_buffer(4096).unwrap();
    let mut table = connected();
    let mut taken = 0;
    while table.wants(LINK, &config) {
        table
            .deliver(START, LINK, on_channel(1, &[7; 1000]))
            .unwrap();
        taken += 1;
    }
    assert_eq!(taken, 5, "one that is larger than what is left may come in");
    let last = ClosedChannel::Session(Some(LINK));
    assert_eq!(table.close_channel(&anna(), 1), Ok(last));
    assert_eq!(table.unread(), 0);
}
