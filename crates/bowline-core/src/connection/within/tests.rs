use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::*;
use crate::connection::replay;
use crate::crypto::rustcrypto;
use crate::end_reason::EndReason;
use crate::endpoint::Called;
use crate::endpoint::Caller;
use crate::endpoint::Endpoint;
use crate::endpoint::EndpointConfig;
use crate::error::SendError;
use crate::event::ToEndpoint;
use crate::ids::LaneIndex;
use crate::ids::VirtualPort;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::message::SendFlags;
use crate::time::Span;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

/// Anna's end and Ben's, who has not decided.
fn ends(annas: Config, bens: Config) -> [Connection; 2] {
    let port = VirtualPort::from(7);
    let endpoint = |name, seed| {
        let mut settings = EndpointConfig::new(rustcrypto::provider());
        settings.identity = Identity::str(name).unwrap();
        Endpoint::new(settings, [seed; 32], NOW, 0)
    };
    let (mut anna, mut ben) = (endpoint("anna", 1), endpoint("ben", 2));
    let (annas, bens) = (Arc::new(annas), Arc::new(bens));
    ben.listen_p2p(port, Arc::clone(&bens)).unwrap();
    let name = ben.identity().clone();
    let called = anna.connect_within(NOW, &name, port, Arc::clone(&annas), &bens);
    let Ok(Called::New(asking)) = called else {
        panic!("{called:?}");
    };
    let caller = Caller {
        identity: anna.identity().clone(),
        id: asking.id(),
        port,
        config: annas,
    };
    let asked = ben.admit_within(NOW, port, &caller).unwrap();
    [*asking, *asked]
}

fn send(connection: &mut Connection, text: &'static [u8]) -> Result<(), SendError> {
    let payload = Payload::Borrowed(text);
    let flags = SendFlags::RELIABLE_NO_NAGLE;
    let message = Outgoing::new(LaneIndex::ZERO, flags, payload);
    connection.send(NOW, message).map(drop)
}

fn hand_over(from: &mut Connection, to: &mut Connection) {
    while let Some(item) = from.poll_piped() {
        to.handle_piped(NOW, item);
    }
}

fn received(connection: &mut Connection) -> Vec<Vec<u8>> {
    let messages = core::iter::from_fn(|| connection.receive(NOW));
    messages.map(|message| message.to_vec()).collect()
}

fn told(connection: &mut Connection) -> Vec<ConnectionState> {
    let events = core::iter::from_fn(|| connection.poll_event());
    let states = events.filter_map(|event| match event {
        Event::StateChanged { new, .. } => Some(new),
        Event::Writable => None,
    });
    states.collect()
}

#[test]
fn what_was_sent_before_the_answer_arrives_after_it_in_order() {
    let [mut anna, mut ben] = ends(Config::new(), Config::new());
    assert!(ben.awaits_decision() && !anna.awaits_decision());
    send(&mut anna, b"a1").unwrap();
    send(&mut ben, b"b1").unwrap();
    hand_over(&mut anna, &mut ben);
    hand_over(&mut ben, &mut anna);
    assert_eq!(received(&mut ben), Vec::<Vec<u8>>::new());
    assert_eq!(anna.state(), ConnectionState::Connecting);
    ben.accept(NOW).unwrap();
    assert_eq!(ben.state(), ConnectionState::Connected);
    send(&mut ben, b"b2").unwrap();
    hand_over(&mut ben, &mut anna);
    hand_over(&mut anna, &mut ben);
    assert_eq!(received(&mut anna), [b"b1", b"b2"]);
    assert_eq!(received(&mut ben), [b"a1"]);
    let begun = [ConnectionState::Connecting, ConnectionState::Connected];
    for end in [&mut anna, &mut ben] {
        assert_eq!(told(end), begun);
        assert_eq!(end.drops().total(), 0);
        assert!(end.info().authenticated && end.is_pipe());
        assert_eq!(end.info().origin, Origin::InProcess);
    }
    assert_eq!(anna.remote_id(), Some(ben.id()));
    assert_eq!(ben.remote_id(), Some(anna.id()));
    assert_eq!(ben.accept(NOW), Err(AcceptError::WrongState(ben.state())));
    assert_eq!(anna.accept(NOW), Err(AcceptError::WrongState(anna.state())));
}

#[test]
fn a_refusal_tells_the_other_end_why() {
    let [mut anna, mut ben] = ends(Config::new(), Config::new());
    send(&mut anna, b"lost").unwrap();
    ben.close(NOW, EndReason::from_app(1234), "no thanks", false);
    assert_eq!(ben.state(), ConnectionState::Dead);
    hand_over(&mut ben, &mut anna);
    assert_eq!(anna.state(), ConnectionState::ClosedByPeer);
    assert_eq!(anna.info().end_reason.code(), 1234);
    assert_eq!(anna.info().end_text, "no thanks");
    let said = core::iter::from_fn(|| anna.poll_endpoint()).collect::<Vec<_>>();
    assert!(said.contains(&ToEndpoint::Over), "{said:?}");
}

#[test]
fn either_end_gives_up_in_time_and_tells_the_other() {
    for who in 0..2 {
        let mut ends = ends(Config::new(), Config::new());
        let (deadline, _) = ends[who].poll_timeout().unwrap();
        assert_eq!(deadline, NOW + Config::new().timeout_initial());
        send(&mut ends[who], b"never").unwrap();
        ends[who].handle_timeout(deadline);
        let [first, other] = &mut ends;
        let (late, other) = match who {
            0 => (first, other),
            _ => (other, first),
        };
        assert_eq!(late.state(), ConnectionState::ProblemDetectedLocally);
        assert_eq!(late.info().end_reason, EndReason::MISC_TIMEOUT);
        assert_eq!(late.poll_timeout(), None);
        hand_over(late, other);
        assert_eq!(other.state(), ConnectionState::ClosedByPeer);
        assert_eq!(other.info().end_reason, EndReason::MISC_TIMEOUT);
    }
}

#[test]
fn no_deadline_is_left_once_they_talk() {
    let [mut anna, mut ben] = ends(Config::new(), Config::new());
    ben.accept(NOW).unwrap();
    hand_over(&mut ben, &mut anna);
    assert_eq!((anna.poll_timeout(), ben.poll_timeout()), (None, None));
    anna.handle_timeout(NOW + Span::from_secs(60));
    assert_eq!(anna.state(), ConnectionState::Connected);
}

#[test]
fn limit_what_waits_for_the_answer() {
    let mut small = Config::new();
    small.set_send_buffer(4096).unwrap();
    let [mut anna, mut ben] = ends(small, Config::new());
    let mut count = 0;
    while send(&mut anna, &[7; 512]).is_ok() {
        count += 1;
    }
    assert_eq!(count, 8);
    let hasty = Outgoing::new(
        LaneIndex::ZERO,
        SendFlags::UNRELIABLE_NO_DELAY,
        Payload::Borrowed(b"now"),
    );
    assert_eq!(anna.send(NOW, hasty), Err(SendError::NotNow));
    let capacity = anna.send_capacity(NOW, LaneIndex::ZERO).unwrap();
    assert_eq!(capacity.at_once_bytes, 0);
    ben.accept(NOW).unwrap();
    hand_over(&mut ben, &mut anna);
    hand_over(&mut anna, &mut ben);
    assert_eq!(received(&mut ben).len(), 8);
    assert!(core::iter::from_fn(|| anna.poll_event()).any(|event| event == Event::Writable));
}

#[test]
fn each_end_keeps_to_what_the_other_one_receives() {
    let mut few = Config::new();
    few.set_recv_buffer_messages(2).unwrap();
    few.set_recv_max_message(1000).unwrap();
    let [mut anna, mut ben] = ends(few, Config::new());
    assert_eq!(ben.max_message_bytes(), 1000);
    assert!(anna.max_message_bytes() > 1000);
    ben.accept(NOW).unwrap();
    hand_over(&mut ben, &mut anna);
    for text in [b"1", b"2", b"3"] {
        send(&mut ben, text).unwrap();
        send(&mut anna, text).unwrap();
    }
    hand_over(&mut ben, &mut anna);
    hand_over(&mut anna, &mut ben);
    assert_eq!(anna.queued_messages(), 2);
    assert_eq!(ben.queued_messages(), 3);
    assert_eq!(received(&mut anna).len(), 2);
    hand_over(&mut anna, &mut ben);
    hand_over(&mut ben, &mut anna);
    assert_eq!(received(&mut anna), [b"3"]);
}

#[test]
fn a_second_answer_changes_nothing() {
    let [mut anna, mut ben] = ends(Config::new(), Config::new());
    ben.accept(NOW).unwrap();
    let accepted = ben.poll_piped().unwrap();
    for _ in 0..2 {
        anna.handle_piped(NOW, accepted.clone());
    }
    assert_eq!(anna.drops().of(DropReason::WrongState), 1);
    ben.handle_piped(NOW, accepted);
    assert_eq!(ben.drops().of(DropReason::WrongState), 1);
    assert_eq!(ben.remote_id(), Some(anna.id()));
}

#[test]
fn its_story_says_where_the_peer_is() {
    let [anna, ben] = ends(Config::new(), Config::new());
    for end in [anna, ben] {
        let story = end.story();
        let [Entry { at: NOW, what }] = &story[..] else {
            panic!("{story:?}");
        };
        let text = alloc::format!("{what}");
        assert_eq!(text, "the peer is in this process: connected in memory");
        let detail: String = end.detailed_status(NOW);
        assert!(detail.contains("in this process"), "{detail}");
    }
}

#[test]
fn a_recorded_end_plays_back_to_the_same_state() {
    let [mut anna, mut ben] = ends(Config::new(), Config::new());
    let before = anna.record(1 << 20);
    send(&mut anna, b"early").unwrap();
    ben.accept(NOW).unwrap();
    send(&mut ben, b"hello").unwrap();
    hand_over(&mut ben, &mut anna);
    let inputs = anna.take_recording().unwrap().into_inputs();
    let text = serde_json::to_string(&inputs).unwrap();
    let inputs = serde_json::from_str(&text).unwrap();
    let again = replay(before, inputs, |_, _| panic!("a pipe sends no packets"));
    assert_eq!(again.detailed_status(NOW), anna.detailed_status(NOW));
    assert_eq!(again.remote_id(), Some(ben.id()));
}
