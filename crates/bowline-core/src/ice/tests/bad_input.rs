//! What is refused, why, and that nothing comes of it.

use super::*;

/// Refused for that reason, without an answer or any change.
fn refuses(duo: &mut Duo, to: usize, from: &str, bytes: &[u8], reason: DropReason) {
    duo.drain();
    let before = duo.sides[to].agent.summary();
    let story = duo.sides[to].agent.story().entries().count();
    let selected = duo.sides[to].selected;
    let now = duo.now;
    let side = &mut duo.sides[to];
    let taken = side
        .agent
        .handle_stun(now, LocalId::new(1), address(from), bytes);
    assert_eq!(taken, Err(reason));
    assert_eq!(side.drain(now).len(), 0, "{reason} was answered");
    assert_eq!(side.agent.summary(), before, "{reason} changed something");
    assert_eq!(side.agent.story().entries().count(), story);
    assert_eq!(side.selected, selected);
}

const PEER: &str = "192.168.1.3:2000";

fn connected() -> Duo {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    duo.run_for(Span::from_millis(100));
    assert!(duo.agreed().is_some());
    duo
}

#[test]
fn a_check_without_the_password_is_not_answered() {
    let mut duo = connected();
    let mut good = duo.request(1, |_| {});
    let mut bytes = Vec::new();
    let id = TransactionId::from_bytes([8; 12]);
    let user = std::format!(
        "{}:{}",
        duo.sides[0].agent.ufrag(),
        duo.sides[1].agent.ufrag()
    );
    Builder::new(&mut bytes, Class::Request, Method::Binding, id)
        .username(&user)
        .fingerprint();
    refuses(&mut duo, 0, PEER, &bytes, DropReason::BadIntegrity);
    bytes.clear();
    Builder::new(&mut bytes, Class::Request, Method::Binding, id)
        .username(&user)
        .integrity(&IntegrityKey::short_term("guess"))
        .fingerprint();
    refuses(&mut duo, 0, PEER, &bytes, DropReason::BadIntegrity);
    *good.last_mut().unwrap() ^= 1;
    refuses(&mut duo, 0, PEER, &good, DropReason::BadFingerprint);
}

#[test]
fn a_check_for_somebody_else_is_not_answered() {
    let mut duo = connected();
    let key = IntegrityKey::short_term(&duo.sides[0].password);
    let (ours, theirs) = (duo.sides[0].agent.ufrag(), duo.sides[1].agent.ufrag());
    let users = [
        std::format!("{theirs}:{ours}"),
        std::format!("{ours}:AAAAA"),
        ours.clone(),
        std::format!("{ours}x:{theirs}"),
        String::new(),
    ];
    for user in users {
        let mut bytes = Vec::new();
        let id = TransactionId::from_bytes([7; 12]);
        Builder::new(&mut bytes, Class::Request, Method::Binding, id)
            .username(&user)
            .integrity(&key)
            .fingerprint();
        refuses(&mut duo, 0, PEER, &bytes, DropReason::WrongIceUser);
    }
}

#[test]
fn answers_that_nobody_asked_for_are_not_taken() {
    let mut duo = connected();
    let key = IntegrityKey::short_term(&duo.sides[1].password);
    for class in [Class::Success, Class::Error] {
        let mut bytes = Vec::new();
        let id = TransactionId::from_bytes([6; 12]);
        Builder::new(&mut bytes, class, Method::Binding, id)
            .integrity(&key)
            .fingerprint();
        refuses(&mut duo, 0, PEER, &bytes, DropReason::UnknownTransaction);
    }
    let mut bytes = Vec::new();
    let id = TransactionId::from_bytes([6; 12]);
    Builder::new(&mut bytes, Class::Request, Method::Allocate, id).fingerprint();
    refuses(&mut duo, 0, PEER, &bytes, DropReason::UnexpectedStun);
    refuses(&mut duo, 0, PEER, b"no STUN", DropReason::BadStun);
}

#[test]
fn an_answer_from_elsewhere_or_without_the_password_is_not_taken() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    let is_request =
        |packet: &&Packet| packet.from.port() == 1000 && Message::parse(&packet.bytes).is_ok();
    let asked = duo.sent.iter().find(is_request).unwrap().clone();
    let id = Message::parse(&asked.bytes).unwrap().transaction_id();
    assert_eq!(id.asker(), 0x0001_0001);
    let answer = |password: &str| {
        let mut bytes = Vec::new();
        Builder::new(&mut bytes, Class::Success, Method::Binding, id)
            .xor_mapped_address(asked.from)
            .integrity(&IntegrityKey::short_term(password))
            .fingerprint();
        bytes
    };
    let right = answer(&duo.sides[1].password);
    let wrong = answer("guess");
    refuses(&mut duo, 0, PEER, &wrong, DropReason::BadIntegrity);
    let elsewhere = "192.168.1.4:2000";
    refuses(&mut duo, 0, elsewhere, &right, DropReason::UnknownSource);
    let now = duo.now;
    let agent = &mut duo.sides[0].agent;
    agent
        .handle_stun(now, LocalId::new(1), address(PEER), &right)
        .unwrap();
    assert_eq!(agent.summary().checks_answered, 1);
}

#[test]
fn a_check_with_attributes_that_must_be_understood_is_refused_by_their_names() {
    let mut duo = connected();
    let request = duo.request(1, |builder| {
        builder.attribute(0x7ABC, &[0; 1000]).ice_controlling(2);
    });
    let now = duo.now;
    let side = &mut duo.sides[0];
    let taken = side
        .agent
        .handle_stun(now, LocalId::new(1), address(PEER), &request);
    assert_eq!(taken, Ok(()));
    let answers = side.drain(now);
    let [answer] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert!(answer.bytes.len() < request.len());
    let answer = Message::parse(&answer.bytes).unwrap();
    assert_eq!(answer.class(), Class::Error);
    assert_eq!(answer.error_code().unwrap().code, 420);
}

#[test]
fn candidates_that_cannot_be_are_refused_by_name() {
    let mut duo = Duo::on_a_lan();
    let line = |at: &str| std::format!("candidate:1 0 udp 1 {at} typ host");
    let now = duo.now;
    let agent = &mut duo.sides[0].agent;
    for (at, reason) in [
        ("127.0.0.1 5", DropReason::RefusedCandidate),
        ("::1 5", DropReason::RefusedCandidate),
        ("0.0.0.0 5", DropReason::RefusedCandidate),
        ("255.255.255.255 5", DropReason::RefusedCandidate),
        ("224.0.0.1 5", DropReason::RefusedCandidate),
        ("192.168.1.9 0", DropReason::RefusedCandidate),
        ("abc.local 5", DropReason::MdnsCandidate),
        ("example.com 5", DropReason::BadCandidate),
    ] {
        assert_eq!(agent.add_remote(now, &line(at)), Err(reason), "{at}");
    }
    let refused = duo.sides[0].count(|what| matches!(what, What::RemoteRefused(_)));
    assert_eq!(refused, 8);
    assert_eq!(duo.sides[0].agent.summary().pairs, 0);
}

#[test]
fn loopback_finds_loopback_whoever_is_first() {
    let mut duo = Duo::new([config(0x0001_0001, false), config(0x0002_0002, true)]);
    duo.sides[0].add(START, host(1, "127.0.0.1:1000"));
    // The candidate is there before any end of ours.
    duo.drain();
    let candidate = duo.sides[0].candidates[0].clone();
    duo.sides[1].agent.add_remote(START, &candidate).unwrap();
    duo.sides[1].add(START, host(1, "127.0.0.1:2000"));
    duo.introduce();
    duo.run_for(Span::from_millis(100));
    assert!(duo.agreed().is_some());
}

#[test]
fn a_pair_that_is_refused_is_given_up_for_now() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    let asked = duo.sent[0].clone();
    let id = Message::parse(&asked.bytes).unwrap().transaction_id();
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Error, Method::Binding, id)
        .error_code(400, "")
        .integrity(&IntegrityKey::short_term(&duo.sides[1].password))
        .fingerprint();
    let now = duo.now;
    let side = &mut duo.sides[0];
    side.agent
        .handle_stun(now, LocalId::new(1), asked.to, &bytes)
        .unwrap();
    assert_eq!(side.count(|what| matches!(what, What::Failed(_))), 1);
}

#[test]
fn no_answer_not_even_an_error_goes_to_where_nobody_can_be() {
    let mut duo = connected();
    let requests = [
        duo.request(1, |builder| {
            builder.ice_controlling(1);
        }),
        duo.request(1, |builder| {
            builder.ice_controlled(1);
        }),
        duo.request(1, |builder| {
            builder.attribute(0x7ABC, &[]);
        }),
    ];
    for request in requests {
        for from in ["192.168.1.3:0", "127.0.0.1:5", "224.0.0.1:5"] {
            refuses(&mut duo, 0, from, &request, DropReason::RefusedCandidate);
        }
    }
}
