//! Signals between members.

use bowline_core::hub::NackReason;
use bowline_core::wire::pb;
use prost::Message as _;

use super::*;
use crate::limits::MAX_PAIRS;
use crate::limits::PAIR_BYTES_BURST;
use crate::limits::PAIR_BYTES_PER_SEC;
use crate::limits::PAIR_SIGNAL_BURST;
use crate::limits::RECEIVED_BYTES_BURST;
use crate::limits::RECEIVED_BYTES_PER_SEC;
use crate::limits::REQUEST_BURST;
use crate::limits::SIGNAL_BURST;

fn payload(from: Option<&str>, to: Option<&str>) -> pb::Rendezvous {
    pb::Rendezvous {
        from_identity: from.map(|from| from.into()),
        to_identity: to.map(|to| to.into()),
        from_connection_id: Some(7),
        ..pb::Rendezvous::default()
    }
}

fn signal(to: &str, payload: &pb::Rendezvous) -> ToHub {
    ToHub::Signal(HubSignal {
        number: 5,
        peer: to.into(),
        payload: payload.encode_to_vec(),
    })
}

fn pair() -> Desk {
    let mut desk = Desk::new(dev());
    desk.member(1, "str:dev-anna");
    desk.member(2, "str:dev-ben");
    desk
}

fn nack(desk: &mut Desk) -> Option<NackReason> {
    match desk.got(1).pop() {
        Some(FromHub::Nack { number: 5, reason }) => reason,
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signal_reaches_who_it_is_for_with_the_name_of_the_sender() {
    let mut desk = pair();
    let sent = payload(Some("str:dev-anna"), Some("str:dev-ben"));
    desk.say(1, &signal("str:dev-ben", &sent));
    let expected = FromHub::Signal(HubSignal {
        number: 0,
        peer: "str:dev-anna".into(),
        payload: sent.encode_to_vec(),
    });
    assert_eq!(desk.got(2), [expected]);
    assert_eq!(desk.got(1), []);
    assert_eq!(desk.hub.counters().signals_carried, 1);
}

#[test]
fn whether_somebody_is_there_is_not_told() {
    let mut desk = pair();
    for to in ["str:dev-ben", "str:dev-nobody"] {
        let sent = payload(Some("str:dev-anna"), Some(to));
        for _ in 0..2 * PAIR_SIGNAL_BURST {
            desk.say(1, &signal(to, &sent));
        }
        let got = desk.got(1);
        assert_eq!(got.len(), PAIR_SIGNAL_BURST as usize, "{to}");
        desk.now += Span::from_secs(60);
    }
    assert_eq!(
        desk.hub.counters().signals_to_nobody,
        u64::from(PAIR_SIGNAL_BURST)
    );
}

#[test]
fn nobody_speaks_for_others() {
    let mut desk = pair();
    let cases = [
        (
            payload(Some("str:dev-eve"), None),
            Some(NackReason::NotYours),
        ),
        (payload(Some("nonsense"), None), Some(NackReason::NotYours)),
        (
            payload(Some("str:dev-anna"), Some("str:dev-eve")),
            Some(NackReason::Malformed),
        ),
        (payload(Some("str:dev-anna"), None), None),
    ];
    for (sent, expected) in cases {
        desk.say(1, &signal("str:dev-ben", &sent));
        assert_eq!(nack(&mut desk), expected);
    }
    desk.say(
        1,
        &signal("no identity", &payload(Some("str:dev-anna"), None)),
    );
    assert_eq!(nack(&mut desk), Some(NackReason::Malformed));
    let garbage = HubSignal {
        number: 5,
        peer: "str:dev-ben".into(),
        payload: vec![0xff; 30],
    };
    desk.say(1, &ToHub::Signal(garbage));
    assert_eq!(nack(&mut desk), Some(NackReason::Malformed));
    assert_eq!(desk.got(2).len(), 1);
}

#[test]
fn a_rejection_that_names_no_sender_gets_one() {
    let mut desk = pair();
    desk.say(
        1,
        &signal("str:dev-ben", &payload(None, Some("str:dev-ben"))),
    );
    let got = desk.got(2);
    let [FromHub::Signal(signal)] = &got[..] else {
        panic!("{got:?}");
    };
    let carried = pb::Rendezvous::decode(&*signal.payload).unwrap();
    let expected = payload(Some("str:dev-anna"), Some("str:dev-ben"));
    assert_eq!(carried, expected);
}

#[test]
fn limit_size_of_a_signal() {
    let mut desk = pair();
    let mut sent = payload(Some("str:dev-anna"), None);
    sent.sdr_routes = Some(vec![0; desk.hub.policy.max_signal]);
    desk.say(1, &signal("str:dev-ben", &sent));
    assert_eq!(nack(&mut desk), Some(NackReason::TooLarge));
    assert_eq!(desk.got(2), []);
}

#[test]
fn limit_signals_of_a_session_and_to_a_peer() {
    let mut desk = pair();
    for number in 0..1000 {
        let to = format!("str:dev-{}", number % 10);
        desk.say(1, &signal(&to, &payload(Some("str:dev-anna"), None)));
    }
    let nacks = desk.got(1);
    assert_eq!(nacks.len(), 1000 - SIGNAL_BURST as usize);
    desk.now += Span::from_secs(60);
    let mut sent = payload(Some("str:dev-anna"), None);
    sent.sdr_routes = Some(vec![0; 10_000]);
    for number in 0..100 {
        let to = format!("str:dev-{number}");
        desk.say(1, &signal(&to, &sent));
    }
    // 128 KiB at once.
    assert_eq!(desk.got(1).len(), 100 - 13);
    // Nobody else is affected.
    desk.say(
        2,
        &signal("str:dev-anna", &payload(Some("str:dev-ben"), None)),
    );
    assert_eq!(desk.got(2), []);
}

#[test]
fn limit_peers_that_are_counted_apart() {
    let mut desk = pair();
    for number in 0..3 * MAX_PAIRS {
        desk.now += Span::from_secs(1);
        let to = format!("str:dev-{number}");
        desk.say(1, &signal(&to, &payload(Some("str:dev-anna"), None)));
    }
    assert_eq!(desk.got(1), []);
}

#[test]
fn limit_requests_that_reach_one_identity() {
    let mut desk = Desk::new(dev());
    desk.member(1, "str:dev-anna");
    for number in 0..200 {
        let from = format!("str:dev-stranger-{number}");
        desk.member(1000 + number, &from);
        let mut request = payload(Some(&from), Some("str:dev-anna"));
        request.connect_request = Some(pb::RendezvousRequest::default());
        desk.say(1000 + number, &signal("str:dev-anna", &request));
        assert_eq!(desk.got(1000 + number), [], "nothing is told");
    }
    assert_eq!(desk.got(1).len(), REQUEST_BURST as usize);
    assert_eq!(
        desk.hub.counters().requests_dropped,
        200 - u64::from(REQUEST_BURST)
    );
}

#[test]
fn regression_limit_bytes_that_reach_one_identity_from_many() {
    let mut desk = Desk::new(dev());
    desk.member(1, "str:dev-anna");
    let flood = |desk: &mut Desk, first: u32| {
        for number in first..first + 20 {
            let from = format!("str:dev-stranger-{number}");
            desk.member(number, &from);
            let mut sent = payload(Some(&from), Some("str:dev-anna"));
            sent.sdr_routes = Some(vec![0; 10_000]);
            for _ in 0..3 {
                desk.say(number, &signal("str:dev-anna", &sent));
            }
            assert_eq!(desk.got(number), [], "nothing is told");
        }
        let is_large = |message: &FromHub| message.encode().len() > 10_000;
        desk.got(1).into_iter().filter(is_large).count()
    };
    let most = RECEIVED_BYTES_BURST as usize / 10_000;
    let first = flood(&mut desk, 1000);
    assert!((most - 1..=most).contains(&first), "{first}");
    assert_eq!(desk.hub.counters().signals_dropped, 60 - first as u64);
    // By then there is room again.
    desk.now += Span::from_secs(1);
    let more = RECEIVED_BYTES_PER_SEC as usize / 10_000;
    let second = flood(&mut desk, 2000);
    assert!((more..=more + 1).contains(&second), "{second}");
    // Who is not flooded gets what is for it.
    desk.member(2, "str:dev-ben");
    desk.say(
        1,
        &signal("str:dev-ben", &payload(Some("str:dev-anna"), None)),
    );
    assert_eq!(desk.got(2).len(), 1);
}

fn large(from: &str, to: &str, bytes: usize) -> ToHub {
    let mut sent = payload(Some(from), Some(to));
    sent.sdr_routes = Some(vec![0; bytes]);
    signal(to, &sent)
}

#[test]
fn regression_limit_bytes_to_one_peer() {
    let mut desk = pair();
    let send = |desk: &mut Desk, to: &str| {
        for _ in 0..20 {
            desk.say(1, &large("str:dev-anna", to, 4000));
        }
        20 - desk.got(1).len()
    };
    let most = PAIR_BYTES_BURST as usize / 4000;
    // The same whether somebody is there or not.
    for to in ["str:dev-ben", "str:dev-nobody"] {
        let first = send(&mut desk, to);
        assert!((most - 1..=most).contains(&first), "{to}: {first}");
        desk.now += Span::from_secs(2);
        let second = send(&mut desk, to);
        let more = 2 * PAIR_BYTES_PER_SEC as usize / 4000;
        assert!((more..=more + 1).contains(&second), "{to}: {second}");
    }
    // One who sends little elsewhere between has no more.
    for number in 0..2 * MAX_PAIRS {
        let to = format!("str:dev-{number}");
        desk.say(1, &signal(&to, &payload(Some("str:dev-anna"), None)));
        desk.now += Span::from_millis(10);
    }
    desk.got(1);
    assert!(send(&mut desk, "str:dev-nobody") <= 1);
}

#[test]
fn regression_a_few_who_send_much_keep_nobody_from_being_heard() {
    let mut desk = pair();
    for number in 0..3 {
        desk.member(1000 + number, &format!("str:dev-evil-{number}"));
    }
    let ask = |desk: &mut Desk| {
        desk.got(2);
        desk.say(1, &large("str:dev-anna", "str:dev-ben", 1500));
        desk.got(2).len()
    };
    let mut heard = 0;
    for _ in 0..100 {
        for number in (0..3).flat_map(|number| [number; 3]) {
            let from = format!("str:dev-evil-{number}");
            desk.say(1000 + number, &large(&from, "str:dev-ben", 8000));
        }
        heard += ask(&mut desk);
        desk.now += Span::from_millis(250);
    }
    assert_eq!(heard, 100);
}

#[test]
fn regression_strangers_keep_nobody_from_answers() {
    let mut desk = pair();
    let flood = |desk: &mut Desk| {
        for number in 1000..1020 {
            let from = format!("str:dev-evil-{number}");
            // Some that are small enough for what is left, too.
            for bytes in [10_000, 10_000, 3000, 1000, 1000] {
                desk.say(number, &large(&from, "str:dev-ben", bytes));
            }
        }
        desk.got(2);
    };
    for number in 1000..1020 {
        desk.member(number, &format!("str:dev-evil-{number}"));
    }
    let answer = large("str:dev-anna", "str:dev-ben", 2000);
    flood(&mut desk);
    desk.say(1, &answer);
    assert_eq!(desk.got(2), [], "one stranger among many");
    let asked = payload(Some("str:dev-ben"), Some("str:dev-anna"));
    desk.say(2, &signal("str:dev-anna", &asked));
    for _ in 0..10 {
        flood(&mut desk);
        desk.say(1, &answer);
        assert_eq!(desk.got(2).len(), 1);
        desk.now += Span::from_millis(500);
    }
    // Not for ever.
    desk.now += crate::limits::ACQUAINTED;
    flood(&mut desk);
    desk.say(1, &answer);
    assert_eq!(desk.got(2), []);
}

#[test]
fn strangers_have_no_signals_carried() {
    let mut desk = pair();
    desk.connect(9);
    desk.say(
        9,
        &signal("str:dev-ben", &payload(Some("str:dev-anna"), None)),
    );
    assert_eq!(desk.refusal(9), Refusal::Malformed);
    assert_eq!(desk.got(2), []);
}
