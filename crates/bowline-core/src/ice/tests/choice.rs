//! Which pair is chosen, who chooses, and what happens when it is no more.

use std::string::ToString;

use super::*;

const NEAR: [&str; 2] = ["192.168.1.2:1000", "192.168.1.3:2000"];
const FAR: [&str; 2] = ["203.0.113.2:1001", "203.0.113.3:2001"];

/// Each with a socket in a network that they share, and one in the world.
fn with_two_ways() -> Duo {
    let mut duo = Duo::on_a_lan();
    for (side, far) in duo.sides.iter_mut().zip(FAR) {
        side.add(START, host(2, far));
    }
    duo
}

fn pair(ends: [&str; 2]) -> Option<(SocketAddr, SocketAddr)> {
    Some((address(ends[0]), address(ends[1])))
}

fn is_near(packet: &Packet) -> bool {
    packet.from.ip().to_string().starts_with("192.168.1.")
        && packet.to.ip().to_string().starts_with("192.168.1.")
}

fn is_choice(packet: &Packet) -> bool {
    Message::parse(&packet.bytes).unwrap().use_candidate()
}

#[test]
fn a_better_way_that_answers_later_replaces_the_first() {
    let mut duo = with_two_ways();
    duo.is_lost = |packet, _| is_near(packet) && packet.at < START + Span::from_millis(300);
    duo.introduce();
    duo.run_for(Span::from_millis(200));
    assert_eq!(duo.agreed(), pair(FAR));
    duo.run_for(Span::from_secs(2));
    assert_eq!(duo.agreed(), pair(NEAR));
    for side in &duo.sides {
        let is_selected = |what: &What| matches!(what, What::Selected { .. });
        assert_eq!(side.count(is_selected), 2);
    }
}

#[test]
fn regression_a_way_that_is_preferred_now_replaces_the_one_that_was() {
    for changing in [0, 1] {
        let mut duo = Duo::on_a_lan();
        let now = START;
        let second = host(3, ["192.168.1.2:1003", "192.168.1.3:2003"][changing]);
        duo.sides[changing].add(now, second);
        duo.introduce();
        duo.run_for(Span::from_secs(1));
        assert_eq!(duo.agreed(), pair(NEAR));
        // The order of the interfaces has changed.
        let preferred = LocalCandidate {
            preference: 65_535,
            ..second
        };
        let now = duo.now;
        duo.sides[changing].add(now, preferred);
        duo.sides[changing].add(now, preferred);
        duo.signal(1 - changing);
        duo.run_for(Span::from_secs(1));
        let mut ends = NEAR.map(address);
        ends[changing] = second.address;
        assert_eq!(duo.agreed(), Some((ends[0], ends[1])));
        let told = &duo.sides[changing].candidates;
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(duo.sides[changing].agent.summary().local.host_private, 2);
    }
}

#[test]
fn a_choice_that_was_lost_is_made_again() {
    let mut duo = with_two_ways();
    // What the controlling side says about its choice of the better way is lost for a while, answers included.
    duo.is_lost = |packet, _| {
        is_near(packet) && is_choice(packet) && packet.at < START + Span::from_millis(1_500)
    };
    duo.introduce();
    duo.run_for(Span::from_secs(10));
    assert_eq!(duo.agreed(), pair(NEAR));
}

#[test]
fn the_controlled_side_follows_the_latest_choice_even_a_worse_one() {
    let mut duo = with_two_ways();
    duo.introduce();
    duo.run_for(Span::from_millis(500));
    assert_eq!(duo.agreed(), pair(NEAR));
    let choice = duo.request(1, |builder| {
        builder.ice_controlling(0x0002_0002).use_candidate();
    });
    let (now, local) = (duo.now, LocalId::new(2));
    let agent = &mut duo.sides[0].agent;
    agent
        .handle_stun(now, local, address(FAR[1]), &choice)
        .unwrap();
    duo.drain();
    assert_eq!(duo.sides[0].selected, Some((local, address(FAR[1]))));
    // The same packet, late: nothing new.
    duo.run_for(Span::from_secs(7));
    assert_eq!(duo.agreed(), pair(NEAR), "the next consent check says so");
    let (now, agent) = (duo.now, &mut duo.sides[0].agent);
    agent
        .handle_stun(now, local, address(FAR[1]), &choice)
        .unwrap();
    duo.drain();
    assert_eq!(duo.agreed(), pair(NEAR));
}

/// A question for consent repeats the choice. One that was under way while another pair was chosen took it back, until
/// the next question.
#[test]
fn regression_a_late_question_for_consent_does_not_take_the_choice_back() {
    let mut duo = with_two_ways();
    duo.is_lost = |packet, _| is_near(packet) && packet.at < START + Span::from_millis(300);
    duo.introduce();
    duo.run_for(Span::from_millis(200));
    assert_eq!(duo.agreed(), pair(FAR));
    let late = duo.request(1, |builder| {
        builder.ice_controlling(0x0002_0002).use_candidate();
    });
    duo.run_for(Span::from_millis(400));
    assert_eq!(duo.agreed(), pair(NEAR));
    for (pause, ends) in [(0, NEAR), (500, NEAR), (600, FAR)] {
        // The last time it comes after so long that it must be meant.
        duo.run_for(Span::from_millis(pause));
        let (now, local) = (duo.now, LocalId::new(2));
        let agent = &mut duo.sides[0].agent;
        agent
            .handle_stun(now, local, address(FAR[1]), &late)
            .unwrap();
        duo.drain();
        let selected = duo.sides[0].selected.map(|(_, remote)| remote);
        assert_eq!(selected, Some(address(ends[1])));
    }
}

#[test]
fn two_that_both_choose_settle_it_by_the_larger_number() {
    for both in [true, false] {
        let mut duo = Duo::new([config(0x0001_0001, both), config(0x0002_0002, both)]);
        duo.sides[0].add(START, host(1, NEAR[0]));
        duo.sides[1].add(START, host(1, NEAR[1]));
        duo.introduce();
        duo.run_for(Span::from_millis(500));
        assert_eq!(duo.agreed(), pair(NEAR), "both {both}");
        assert!(!duo.sides[0].agent.is_controlling());
        assert!(duo.sides[1].agent.is_controlling());
        let took_role = |what: &What| matches!(what, What::RoleTaken { .. });
        assert_eq!(
            duo.sides[0].count(took_role) + duo.sides[1].count(took_role),
            1
        );
    }
}

#[test]
fn a_peer_that_does_not_change_its_role_is_answered_in_the_end() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    let conflict = duo.request(0, |builder| {
        builder.ice_controlling(1);
    });
    duo.run_for(Span::from_secs(1));
    let local = LocalId::new(1);
    let mut classes = Vec::new();
    for _ in 0..4 {
        let (now, from) = (duo.now, address(NEAR[0]));
        let side = &mut duo.sides[1];
        side.agent.handle_stun(now, local, from, &conflict).unwrap();
        let answers = side.drain(now);
        classes.extend(answers.iter().map(|packet| {
            let answer = Message::parse(&packet.bytes).unwrap();
            (answer.class(), answer.error_code().map(|error| error.code))
        }));
    }
    let refused = (Class::Error, Some(487));
    let answered = (Class::Success, None);
    assert_eq!(classes, [refused, refused, answered, answered]);
    assert!(duo.sides[1].agent.is_controlling());
}

#[test]
fn a_peer_that_falls_silent_is_left_after_thirty_seconds_and_found_again() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    duo.run_for(Span::from_secs(1));
    duo.is_lost = |packet, _| {
        let age = packet.at.since(START);
        age > Span::from_secs(1) && age < Span::from_secs(100)
    };
    duo.run_for(Span::from_secs(25));
    assert!(duo.agreed().is_some());
    duo.run_for(Span::from_secs(10));
    assert_eq!((duo.sides[0].selected, duo.sides[1].selected), (None, None));
    let before = duo.sent.len();
    duo.run_for(Span::from_secs(60));
    let sent = duo.sent.len() - before;
    assert!(sent < 60, "{sent} packets in a minute of silence");
    duo.run_for(Span::from_secs(60));
    assert!(duo.agreed().is_some());
}

#[test]
fn data_along_the_way_is_consent_and_from_elsewhere_is_not() {
    let mut duo = with_two_ways();
    duo.introduce();
    duo.run_for(Span::from_secs(1));
    duo.is_lost = |packet, _| packet.at > START + Span::from_secs(1);
    let peer = address(NEAR[1]);
    for _ in 0..100 {
        duo.run_for(Span::from_secs(1));
        duo.sides[0]
            .agent
            .on_data_received(duo.now, LocalId::new(1), peer);
        let stranger = address("198.51.100.1:7");
        duo.sides[1]
            .agent
            .on_data_received(duo.now, LocalId::new(1), stranger);
    }
    assert!(duo.sides[0].selected.is_some());
    assert_eq!(duo.sides[1].selected, None);
    assert!(duo.sides[0].agent.knows(LocalId::new(1), peer));
    assert!(
        !duo.sides[0]
            .agent
            .knows(LocalId::new(2), address("198.51.100.1:7"))
    );
}

#[test]
fn a_question_that_is_lost_is_asked_again_soon_and_others_are_rare() {
    let mut duo = with_two_ways();
    duo.introduce();
    duo.run_for(Span::from_secs(30));
    let before = duo.sent.len();
    duo.run_for(Span::from_secs(150));
    let sent = duo.sent.len() - before;
    // Each side asks every 12 to 18 seconds, and each question has an answer.
    assert!((28..=54).contains(&sent), "{sent} packets");
    // Of a loss of 28 seconds both recover: a question in them is repeated until it is answered.
    duo.is_lost = |packet, _| {
        (START + Span::from_secs(180)..START + Span::from_secs(208)).contains(&packet.at)
    };
    duo.run_for(Span::from_secs(60));
    assert!(duo.agreed().is_some());
    let way = pair(NEAR);
    assert_eq!(duo.agreed(), way);
}

#[test]
fn a_way_in_doubt_is_given_up_soon() {
    let mut duo = with_two_ways();
    duo.introduce();
    duo.run_for(Span::from_secs(2));
    assert_eq!(duo.agreed(), pair(NEAR));
    // The doubt was wrong.
    assert!(duo.sides[1].agent.doubt(duo.now));
    assert!(!duo.sides[1].agent.doubt(duo.now), "it is in doubt already");
    duo.run_for(Span::from_secs(20));
    assert_eq!(duo.agreed(), pair(NEAR));
    duo.is_lost = |packet, _| is_near(packet) && packet.at > START + Span::from_secs(22);
    assert!(duo.sides[1].agent.doubt(duo.now));
    duo.run_for(Span::from_secs(4));
    assert_eq!(duo.agreed(), pair(FAR));
}

#[test]
fn an_interface_that_goes_takes_its_pairs_along_and_the_other_side_follows() {
    for gone in [0, 1] {
        let mut duo = with_two_ways();
        duo.introduce();
        duo.run_for(Span::from_secs(3));
        assert_eq!(duo.agreed(), pair(NEAR));
        let side = &mut duo.sides[gone];
        side.agent.remove_local(duo.now, LocalId::new(1));
        side.sockets.remove(&LocalId::new(1));
        duo.run_for(Span::from_millis(200));
        let side = &duo.sides[gone];
        assert_eq!(side.selected.map(|(local, _)| local), Some(LocalId::new(2)));
        // Data along the new way tells the other side that the old one may be no more.
        for _ in 0..50 {
            duo.run_for(Span::from_millis(100));
            let data = pair(FAR).unwrap();
            let from = if gone == 0 { data.0 } else { data.1 };
            let local = LocalId::new(2);
            duo.sides[1 - gone]
                .agent
                .on_data_received(duo.now, local, from);
        }
        assert_eq!(duo.agreed(), pair(FAR), "side {gone} lost an interface");
    }
}

#[test]
fn an_interface_that_comes_is_told_tried_and_used_if_it_is_better() {
    let mut duo = Duo::new([config(0x0001_0001, false), config(0x0002_0002, true)]);
    for (side, far) in duo.sides.iter_mut().zip(FAR) {
        side.add(START, host(2, far));
    }
    duo.introduce();
    duo.run_for(Span::from_secs(1));
    assert_eq!(duo.agreed(), pair(FAR));
    let now = duo.now;
    for (side, near) in duo.sides.iter_mut().zip(NEAR) {
        side.add(now, host(1, near));
    }
    duo.introduce();
    duo.run_for(Span::from_secs(1));
    assert_eq!(duo.agreed(), pair(NEAR));
}

#[test]
fn with_relays_alone_no_socket_of_the_host_exists() {
    let mut relayed = host(7, "203.0.113.77:5000");
    relayed.kind = CandidateKind::Relayed;
    let mut duo = Duo::on_a_lan();
    let mut hidden = config(0x0005_0005, true);
    hidden.mask = CandidateTypes::RELAY;
    duo.sides[1] = Side::new(hidden);
    duo.sides[0].add(START, host(2, FAR[0]));
    duo.sides[1].add(START, host(1, NEAR[1]));
    duo.sides[1].add(START, relayed);
    duo.introduce();
    duo.run_for(Span::from_secs(40));
    let relay = address("203.0.113.77:5000");
    assert_eq!(duo.agreed(), Some((address(FAR[0]), relay)));
    let hidden = &duo.sides[1];
    assert!(
        duo.sent
            .iter()
            .all(|packet| packet.from != address(NEAR[1]))
    );
    assert_eq!(hidden.candidates.len(), 1);
    let mut said: Vec<String> = hidden.candidates.clone();
    said.extend(hidden.events.iter().map(|event| std::format!("{event:?}")));
    said.extend(
        hidden
            .agent
            .story()
            .entries()
            .map(|entry| entry.to_string()),
    );
    said.push(std::format!(
        "{:?} {:?}",
        hidden.agent,
        hidden.agent.summary()
    ));
    for text in &said {
        assert!(!text.contains("192.168.1.3"), "{text}");
    }
    let is_permit = |event: &IceEvent| {
        matches!(event, IceEvent::Permit { local, remote }
            if *local == LocalId::new(7) && *remote == address(FAR[0]))
    };
    assert!(hidden.events.iter().any(is_permit));
    // The check of a peer that guessed the address is not answered either.
    let request = duo.request(0, |builder| {
        builder.ice_controlled(1);
    });
    let (now, from) = (duo.now, address(NEAR[0]));
    let taken = duo.sides[1]
        .agent
        .handle_stun(now, LocalId::new(1), from, &request);
    assert_eq!(taken, Err(DropReason::UnknownSource));
    assert_eq!(duo.sides[1].drain(now).len(), 0);
}

#[test]
fn an_address_that_comes_after_the_choice_is_checked_though_it_is_no_better() {
    let mut duo = Duo::on_a_lan();
    duo.introduce();
    duo.run_for(Span::from_secs(1));
    let later = "candidate:1 0 udp 1 192.168.1.77 7 typ relay";
    duo.sides[1].agent.add_remote(duo.now, later).unwrap();
    let before = duo.sent.len();
    duo.run_for(Span::from_secs(1));
    let to = address("192.168.1.77:7");
    assert!(duo.sent[before..].iter().any(|packet| packet.to == to));
    assert_eq!(duo.agreed(), pair(NEAR));
}
