//! The table of sessions, with connections that exist in name only.

mod legacy;
mod limits;
mod model;

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::*;
use crate::config::Config;
use crate::counters::DropReason;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::limits::SESSION_IDLE;
use crate::limits::SESSION_IDLE_RETRY;
use crate::limits::SESSION_REQUEST_REPEAT;
use crate::message::Message;
use crate::time::Span;

/// What is known of a connection that broke: a number.
type Table = Sessions<u32>;

const START: Timestamp = Timestamp::from_micros(1_000_000);
const LINK: ConnectionId = ConnectionId::new(0x1_0001);
const OTHER_LINK: ConnectionId = ConnectionId::new(0x2_0002);

fn table() -> Table {
    Sessions::new(Profile::MESSAGES)
}

fn legacy() -> Table {
    Sessions::new(Profile::LEGACY)
}

fn peer(name: &str) -> Identity {
    Identity::str(name).unwrap()
}

fn anna() -> Identity {
    peer("anna")
}

fn message(bytes: &[u8]) -> Message {
    Message {
        data: Bytes::copy_from_slice(bytes),
        number: MessageNumber::new(1),
        received_at: START,
        lane: LaneIndex::ZERO,
        reliable: true,
    }
}

fn on_channel(channel: i32, body: &[u8]) -> Message {
    let mut bytes = header(channel).to_vec();
    bytes.extend_from_slice(body);
    message(&bytes)
}

/// A session of ours that stands.
fn connected() -> Table {
    connect(table())
}

fn connect(mut table: Table) -> Table {
    let plan = table.plan_send(START, &anna(), false);
    assert_eq!(plan, Ok(SendPlan::Connect));
    table.began(START, &anna(), LINK);
    table.connected(START, LINK);
    table
}

fn events(table: &mut Table) -> Vec<SessionEvent<u32>> {
    core::iter::from_fn(|| table.poll_event()).collect()
}

fn requests(table: &mut Table) -> Vec<SessionRequest> {
    core::iter::from_fn(|| table.poll_request()).collect()
}

fn requested() -> SessionEvent<u32> {
    SessionEvent::Requested(Arc::new(anna()))
}

fn body(read: Option<Read>) -> Option<Vec<u8>> {
    read.map(|read| read.message.message.to_vec())
}

#[test]
fn the_first_message_begins_a_session_and_the_next_use_it() {
    let mut table = connected();
    let plan = table.plan_send(START, &anna(), false);
    assert_eq!(plan, Ok(SendPlan::Over(LINK)));
    assert_eq!(table.standing(&anna()), Some(Standing::Over(LINK)));
    assert_eq!(table.standing(&peer("ben")), None);
    assert_eq!(events(&mut table), []);
}

#[test]
fn a_request_is_told_and_answered_by_accepting() {
    let mut table = table();
    table.asked(START, &anna(), LINK).unwrap();
    assert_eq!(events(&mut table), [requested()]);
    assert_eq!(table.accept(START, &anna()), Ok(Some(LINK)));
    assert_eq!(table.accept(START, &anna()), Ok(None), "it is active");
    assert_eq!(table.accept(START, &peer("ben")), Err(NoSession));
    assert_eq!(
        table.asked(START, &anna(), OTHER_LINK),
        Err(AskError::Connected)
    );
}

#[test]
fn a_request_that_is_answered_before_it_is_told_of_is_not_told() {
    let mut table = table();
    assert_eq!(
        table.plan_send(START, &anna(), false),
        Ok(SendPlan::Connect)
    );
    table.began(START, &anna(), LINK);
    assert_eq!(table.asked(START, &anna(), LINK), Ok(()));
    assert_eq!(events(&mut table), []);
}

#[test]
fn a_request_is_answered_by_sending() {
    let mut table = table();
    table.asked(START, &anna(), LINK).unwrap();
    let plan = table.plan_send(START, &anna(), false);
    assert_eq!(plan, Ok(SendPlan::Accept(LINK)));
    let plan = table.plan_send(START, &anna(), false);
    assert_eq!(plan, Ok(SendPlan::Over(LINK)));
}

#[test]
fn a_request_that_waits_is_told_again() {
    let mut table = table();
    table.asked(START, &anna(), LINK).unwrap();
    assert_eq!(events(&mut table), [requested()]);
    let again = START + SESSION_REQUEST_REPEAT;
    assert_eq!(table.poll_timeout(), Some(again));
    table.handle_timeout(again - Span::from_micros(1));
    assert_eq!(events(&mut table), []);
    for round in 0..3 {
        table.handle_timeout(again + SESSION_REQUEST_REPEAT * round);
        assert_eq!(events(&mut table), [requested()]);
    }
}

/// What asks is told when nobody wants it: by silence.
#[test]
fn regression_a_request_is_never_idle() {
    let mut table = table();
    table.set_idle(START, Span::from_millis(1));
    table.asked(START, &anna(), LINK).unwrap();
    assert_eq!(events(&mut table), [requested()]);
    let mut now = START;
    for round in 1..4 {
        let end = START + SESSION_REQUEST_REPEAT * round;
        while now < end {
            now += Span::from_millis(500);
            table.handle_timeout(now);
            table.idle_answer(now, LINK, true);
            assert_eq!(requests(&mut table), []);
        }
        assert_eq!(events(&mut table), [requested()]);
    }
    assert_eq!(table.accept(now, &anna()), Ok(Some(LINK)));
}

#[test]
fn a_request_that_is_given_up_leaves_nothing_and_may_come_again() {
    let mut table = table();
    for link in [LINK, OTHER_LINK] {
        table.asked(START, &anna(), link).unwrap();
        assert_eq!(events(&mut table), [requested()]);
        let wanted = table.ended(START, link, false, 7);
        assert!(!wanted);
        assert_eq!(events(&mut table), [], "nobody has wanted it");
        assert!(table.is_empty());
    }
}

#[test]
fn channels_keep_the_order_of_arrival_across_peers() {
    let mut table = connected();
    table.asked(START, &peer("ben"), OTHER_LINK).unwrap();
    table.connected(START, OTHER_LINK);
    for (link, channel, body) in [
        (LINK, 1, b"a"),
        (OTHER_LINK, 1, b"b"),
        (LINK, 2, b"c"),
        (LINK, 1, b"d"),
    ] {
        let delivered = table.deliver(START, link, on_channel(channel, body));
        assert_eq!(delivered, Ok(()));
    }
    assert_eq!(table.unread(), 4);
    let first = table.receive(1).unwrap().message;
    assert_eq!((&*first.message, first.channel), (&b"a"[..], 1));
    assert_eq!(*first.peer, anna());
    assert_eq!(body(table.receive(1)), Some(b"b".to_vec()));
    assert_eq!(body(table.receive(1)), Some(b"d".to_vec()));
    assert_eq!(body(table.receive(1)), None);
    assert_eq!(body(table.receive(2)), Some(b"c".to_vec()));
    assert_eq!(table.unread(), 0);
}

#[test]
fn what_has_no_header_is_counted() {
    let mut table = connected();
    for bytes in [&b""[..], b"\x01\0\0\0", b"\0\0\0\0\0body"] {
        let delivered = table.deliver(START, LINK, message(bytes));
        assert_eq!(delivered, Err(DropReason::BadSessionHeader));
    }
    assert_eq!(table.drops().of(DropReason::BadSessionHeader), 3);
    assert_eq!(table.unread(), 0);
}

#[test]
fn a_broken_session_says_so_until_it_is_restarted() {
    let mut table = connected();
    assert!(table.ended(START, LINK, false, 7));
    assert_eq!(events(&mut table), [SessionEvent::Failed(7)]);
    assert_eq!(table.standing(&anna()), Some(Standing::Failed(&7)));
    let plan = table.plan_send(START, &anna(), false);
    assert_eq!(plan, Err(PlanError::Broken));
    assert_eq!(table.accept(START, &anna()), Err(NoSession));
    let plan = table.plan_send(START, &anna(), true);
    assert_eq!(plan, Ok(SendPlan::Connect));
    table.began(START, &anna(), OTHER_LINK);
    assert_eq!(table.standing(&anna()), Some(Standing::Over(OTHER_LINK)));
}

#[test]
fn closing_a_broken_session_lets_it_begin_anew() {
    let mut table = connected();
    table.ended(START, LINK, false, 7);
    assert_eq!(table.close(&anna()), Ok(None));
    let plan = table.plan_send(START, &anna(), false);
    assert_eq!(plan, Ok(SendPlan::Connect));
    assert_eq!(table.close(&anna()), Err(NoSession));
}

#[test]
fn an_end_that_nobody_misses_is_not_told() {
    let mut table = connected();
    table.ended(START, LINK, true, 7);
    assert_eq!(events(&mut table), []);
    assert_eq!(table.standing(&anna()), Some(Standing::Unconnected));
    let plan = table.plan_send(START, &anna(), false);
    assert_eq!(plan, Ok(SendPlan::Connect));
}

#[test]
fn a_connection_that_never_stood_has_failed_however_quiet() {
    let mut table = table();
    assert!(table.plan_send(START, &anna(), false).is_ok());
    table.began(START, &anna(), LINK);
    table.ended(START, LINK, true, 7);
    assert_eq!(events(&mut table), [SessionEvent::Failed(7)]);
}

#[test]
fn a_request_takes_the_place_of_what_broke() {
    let mut table = connected();
    table.ended(START, LINK, false, 7);
    events(&mut table);
    table.asked(START, &anna(), OTHER_LINK).unwrap();
    assert_eq!(events(&mut table), [requested()]);
    assert_eq!(table.accept(START, &anna()), Ok(Some(OTHER_LINK)));
}

#[test]
fn what_is_told_of_a_broken_session_goes_when_it_was_not_used() {
    let mut table = connected();
    table.ended(START, LINK, false, 7);
    table.handle_timeout(START + SESSION_IDLE);
    assert!(table.is_empty());
    assert_eq!(table.poll_timeout(), None);
}

#[test]
fn an_unused_session_ends_unless_something_is_under_way() {
    let mut table = connected();
    let mut now = START + SESSION_IDLE;
    assert_eq!(table.poll_timeout(), Some(now));
    table.handle_timeout(now);
    assert_eq!(requests(&mut table), [SessionRequest::CheckIdle(LINK)]);
    table.idle_answer(now, LINK, false);
    assert_eq!(requests(&mut table), []);
    now += SESSION_IDLE_RETRY;
    assert_eq!(table.poll_timeout(), Some(now));
    table.handle_timeout(now);
    assert_eq!(requests(&mut table), [SessionRequest::CheckIdle(LINK)]);
    table.idle_answer(now, LINK, true);
    let idled = Profile::MESSAGES.idled;
    assert_eq!(idled.reason.code(), 1002);
    assert_eq!(requests(&mut table), [SessionRequest::Close(LINK, idled)]);
    assert!(table.is_empty());
    assert_eq!(events(&mut table), [], "no callback tells of it");
}

#[test]
fn sending_and_receiving_and_accepting_keep_a_session() {
    let almost = SESSION_IDLE.saturating_sub(Span::from_micros(1));
    let uses: [fn(&mut Table, Timestamp); 3] = [
        |table, now| assert!(table.plan_send(now, &anna(), false).is_ok()),
        |table, now| assert_eq!(table.accept(now, &anna()), Ok(None)),
        |table, now| table.deliver(now, LINK, on_channel(0, b"")).unwrap(),
    ];
    for make_use in uses {
        let mut table = connected();
        make_use(&mut table, START + almost);
        table.handle_timeout(START + SESSION_IDLE);
        assert_eq!(requests(&mut table), []);
        table.handle_timeout(START + SESSION_IDLE + almost);
        let asked = requests(&mut table);
        assert_eq!(asked, [SessionRequest::CheckIdle(LINK)]);
    }
}

#[test]
fn a_use_while_the_connection_is_asked_keeps_the_session() {
    let mut table = connected();
    let now = START + SESSION_IDLE;
    table.handle_timeout(now);
    assert!(table.plan_send(now, &anna(), false).is_ok());
    table.idle_answer(now, LINK, true);
    assert_eq!(table.standing(&anna()), Some(Standing::Over(LINK)));
}

#[test]
fn another_idle_time_counts_for_sessions_that_are_there() {
    let mut table = connected();
    let idle = Span::from_secs(1);
    table.set_idle(START, idle);
    assert_eq!(table.poll_timeout(), Some(START));
    table.handle_timeout(START);
    assert_eq!(requests(&mut table), []);
    assert_eq!(table.poll_timeout(), Some(START + idle));
}

#[test]
fn closing_a_session_drops_what_is_unread() {
    let mut table = connected();
    table.asked(START, &peer("ben"), OTHER_LINK).unwrap();
    table.connected(START, OTHER_LINK);
    for link in [LINK, OTHER_LINK] {
        table.deliver(START, link, on_channel(1, b"x")).unwrap();
    }
    assert_eq!(table.close(&anna()), Ok(Some(LINK)));
    assert_eq!(table.unread(), 1);
    assert_eq!(*table.receive(1).unwrap().message.peer, peer("ben"));
    let late = table.deliver(START, LINK, on_channel(1, b"late"));
    assert_eq!(late, Err(DropReason::UnknownConnection));
}

#[test]
fn a_channel_is_open_once_something_came_and_the_last_one_closes_the_session() {
    let mut table = connected();
    assert_eq!(table.close_channel(&anna(), 1), Err(NoSession));
    for channel in [1, 2, 2] {
        let delivered = table.deliver(START, LINK, on_channel(channel, b"x"));
        assert_eq!(delivered, Ok(()));
    }
    assert_eq!(table.close_channel(&anna(), 3), Err(NoSession));
    let only = ClosedChannel::Only { resume: None };
    assert_eq!(table.close_channel(&anna(), 2), Ok(only));
    assert_eq!(table.close_channel(&anna(), 2), Err(NoSession));
    assert_eq!(table.unread(), 1);
    assert_eq!(body(table.receive(2)), None);
    assert_eq!(body(table.receive(1)), Some(b"x".to_vec()));
    let last = ClosedChannel::Session(Some(LINK));
    assert_eq!(table.close_channel(&anna(), 1), Ok(last));
    assert!(table.is_empty());
    assert_eq!(table.close_channel(&anna(), 1), Err(NoSession));
}

#[test]
fn what_came_before_the_end_may_be_read_after() {
    for quiet in [true, false] {
        let mut table = connected();
        table.deliver(START, LINK, on_channel(1, b"last")).unwrap();
        table.ended(START, LINK, quiet, 7);
        assert_eq!(body(table.receive(1)), Some(b"last".to_vec()));
    }
}

#[test]
fn a_connection_that_is_closed_past_the_session_takes_it_along() {
    let mut table = connected();
    table.released(LINK);
    assert!(table.is_empty());
    assert_eq!(events(&mut table), []);
    let mut table = connected();
    table.deliver(START, LINK, on_channel(1, b"x")).unwrap();
    table.released(LINK);
    assert_eq!(table.standing(&anna()), Some(Standing::Unconnected));
    assert_eq!(body(table.receive(1)), Some(b"x".to_vec()));
}

#[test]
fn regression_room_is_told_once_until_it_is_heard() {
    let mut table = connected();
    for _ in 0..3 {
        assert_eq!(table.writable(LINK), Some(Arc::new(anna())));
        assert_eq!(table.writable(LINK), None);
        // What was told stands for the next connection, too.
        table.ended(START, LINK, true, 7);
        table.began(START, &anna(), LINK);
        assert_eq!(table.writable(LINK), None);
        table.heard_writable(&anna());
    }
    assert_eq!(table.writable(OTHER_LINK), None, "it is nobody's");
    table.heard_writable(&peer("ben"));
}

#[test]
fn nothing_is_left_after_all_was_forgotten() {
    let mut table = connected();
    table.set_idle(START, Span::from_secs(7));
    table.deliver(START, LINK, on_channel(1, b"x")).unwrap();
    table.asked(START, &peer("ben"), OTHER_LINK).unwrap();
    table.ended(START, LINK, false, 7);
    table.clear();
    assert!(table.is_empty());
    assert_eq!((table.unread(), table.poll_timeout()), (0, None));
    assert_eq!(events(&mut table), []);
    assert!(table.peer_of(OTHER_LINK).is_none());
    let plan = table.plan_send(START, &anna(), false);
    assert_eq!(plan, Ok(SendPlan::Connect));
    assert_eq!(table.profile().idle, Span::from_secs(7));
}

#[test]
fn a_connection_of_nobody_changes_nothing() {
    let mut table = table();
    table.connected(START, LINK);
    table.accepted(START, LINK);
    table.ended(START, LINK, false, 7);
    table.released(LINK);
    table.idle_answer(START, LINK, true);
    assert!(!table.wants(LINK, &Config::new()));
    assert_eq!(events(&mut table), vec![]);
    assert_eq!(requests(&mut table), vec![]);
}
