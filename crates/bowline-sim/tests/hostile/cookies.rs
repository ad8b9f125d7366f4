//! Classes 5, 9 and 10: cookies that come again, connection IDs of the attacker's choice, and packets
//! that come back to their sender.

use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::crypto::kdf::Role;
use bowline_core::end_reason::EndReason;
use bowline_core::identity::Identity;
use bowline_core::ids::{ConnectionId, LaneIndex};
use bowline_core::message::{Outgoing, SendFlags};
use bowline_core::time::Span;
use bowline_sim::scripted::{Heard, Outcome, Script, ScriptedPeer, Stage};

use crate::support::{LANE, address, talk};

/// The cookie that a client is given.
fn cookie(stage: &mut Stage, peer: &mut ScriptedPeer) -> u64 {
    let start = peer.start(stage.now());
    let (_, sent) = stage.inject(stage.peer_address, &start);
    peer.handle(stage.now(), &sent[0].bytes);
    let heard = peer.take_heard();
    let cookie = heard.iter().find_map(|heard| match heard {
        Heard::ChallengeReply(reply) => Some(reply.challenge),
        _ => None,
    });
    cookie.expect("a cookie")
}

fn dropped(outcome: Outcome) -> DropReason {
    match outcome {
        Outcome::Dropped(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn class_05_a_cookie_is_good_for_its_address_its_port_and_its_id() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(1);
    let cookie = cookie(&mut stage, &mut peer);
    let request = peer.connect_request(stage.now(), cookie);
    for from in [
        "10.0.0.9:4001",
        "10.0.0.8:4000",
        "[::ffff:10.0.0.8]:4000",
        "[::1]:4000",
    ] {
        let (outcome, sent) = stage.inject(address(from), &request);
        assert_eq!(dropped(outcome), DropReason::BadChallenge, "from {from}");
        assert!(sent.is_empty());
    }
    // Somebody else behind the same address.
    let mut other = ScriptedPeer::client(2);
    let stolen = other.connect_request(stage.now(), cookie);
    let (outcome, _) = stage.inject(stage.peer_address, &stolen);
    assert_eq!(dropped(outcome), DropReason::BadChallenge);
    // Any other bit, in the hash and in the time.
    for bit in 0..64 {
        let forged = peer.connect_request(stage.now(), cookie ^ 1 << bit);
        let (outcome, _) = stage.inject(stage.peer_address, &forged);
        let reason = dropped(outcome);
        let expected = [DropReason::BadChallenge, DropReason::StaleChallenge];
        assert!(expected.contains(&reason), "bit {bit}: {reason}");
    }
    assert_eq!(stage.endpoint.connections(), 0);
    let (outcome, _) = stage.inject(stage.peer_address, &request);
    assert!(matches!(outcome, Outcome::Incoming(_)));
}

#[test]
fn class_05_a_cookie_gets_stale() {
    for (age_ms, is_good) in [
        (2_900, true),
        (4_300, false),
        (60_000, false),
        (65_536 * 1049, false),
    ] {
        let mut stage = Stage::listening();
        let mut peer = ScriptedPeer::client(1);
        let cookie = cookie(&mut stage, &mut peer);
        stage.advance_alone(Span::from_millis(age_ms));
        let request = peer.connect_request(stage.now(), cookie);
        let (outcome, _) = stage.inject(stage.peer_address, &request);
        assert_eq!(
            matches!(outcome, Outcome::Incoming(_)),
            is_good,
            "{age_ms} ms: {outcome:?}"
        );
    }
}

#[test]
fn class_05_a_cookie_does_not_survive_the_server() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(1);
    let cookie = cookie(&mut stage, &mut peer);
    let request = peer.connect_request(stage.now(), cookie);
    // A process that begins anew draws other keys; here, one at the same time with another seed.
    let mut restarted = Stage::listening();
    let config = bowline_core::endpoint::EndpointConfig::new(peer.crypto().clone());
    let fresh =
        bowline_core::endpoint::Endpoint::new(config, [1; 32], stage.now(), stage.unix_secs());
    restarted.endpoint = fresh;
    restarted.endpoint.listen(
        bowline_core::endpoint::SocketId::new(0),
        std::sync::Arc::new(bowline_core::config::Config::new()),
    );
    let (outcome, _) = restarted.inject(stage.peer_address, &request);
    assert_eq!(dropped(outcome), DropReason::BadChallenge);
}

#[test]
fn class_05_a_request_played_again_makes_no_second_connection() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::client(1);
    let cookie = cookie(&mut stage, &mut peer);
    let request = peer.connect_request(stage.now(), cookie);
    let (outcome, sent) = stage.inject(stage.peer_address, &request);
    let Outcome::Incoming(id) = outcome else {
        panic!("{outcome:?}");
    };
    // The answer may be lost, so a client that has not spoken yet hears it again, the same.
    let (again, repeated) = stage.inject(stage.peer_address, &request);
    assert_eq!(again, Outcome::Forwarded(id));
    assert_eq!(repeated, sent);
    // Once it has spoken, silence.
    peer.handle(stage.now(), &sent[0].bytes);
    let datagram = peer.send_unreliable(LANE, b"hello");
    stage.deliver(&mut peer, &datagram);
    let (_, repeated) = stage.inject(stage.peer_address, &request);
    assert!(repeated.is_empty());
    assert_eq!(stage.drops(id, DropReason::WrongState), 1);
    assert_eq!(stage.received(id), [b"hello"]);
    // After the end it is remembered for longer than the cookie lives.
    let _ = stage.with(id, |connection, now| {
        connection.close(now, EndReason::new(1000), "", false);
    });
    for _ in 0..70 {
        let (outcome, _) = stage.inject(stage.peer_address, &request);
        assert!(!matches!(outcome, Outcome::Incoming(_)), "{outcome:?}");
        stage.advance_alone(Span::from_millis(100));
    }
    assert_eq!(stage.endpoint.connections(), 0);
}

#[test]
fn class_09_two_clients_may_choose_the_same_id() {
    let mut stage = Stage::listening();
    let script = |name: Option<&str>| Script {
        connection_id: Some(ConnectionId::new(0xABCD_1234)),
        identity: name.map_or_else(Identity::anonymous, |name| Identity::str(name).unwrap()),
        ..Script::default()
    };
    let mut peers = Vec::new();
    for (n, name) in [(1, None), (2, None), (3, Some("carl"))] {
        stage.peer_address = address(&format!("10.0.0.9:{}", 4000 + n));
        let mut peer = ScriptedPeer::new(Role::Client, n, script(name));
        let id = stage.connect(&mut peer);
        peers.push((stage.peer_address, peer, id));
    }
    for (n, (from, peer, id)) in (0u8..).zip(&mut peers) {
        stage.peer_address = *from;
        let datagram = peer.send_unreliable(LANE, &[n]);
        stage.deliver(peer, &datagram);
        assert_eq!(stage.received(*id), [[n]], "each to its own");
    }
    // The same identity with the same ID from elsewhere is refused, and told so.
    stage.peer_address = address("10.0.0.10:4000");
    let mut twin = ScriptedPeer::new(Role::Client, 9, script(Some("carl")));
    assert_eq!(stage.try_connect(&mut twin), None);
    let told = twin.take_heard().into_iter().any(
        |heard| matches!(heard, Heard::ConnectionClosed(closed) if closed.reason == EndReason::MISC_GENERIC),
    );
    assert!(told);
    let (_, _, first) = &peers[2];
    assert_eq!(stage.info(*first).state, ConnectionState::Connected);
}

#[test]
fn class_09_ids_with_an_empty_half_are_fine_and_none_at_all_is_not() {
    for id in [0x0001_0000, 0x0000_0001, u32::MAX] {
        let mut stage = Stage::listening();
        let script = Script {
            connection_id: Some(ConnectionId::new(id)),
            ..Script::default()
        };
        let mut peer = ScriptedPeer::new(Role::Client, 1, script);
        let victim = stage.connect(&mut peer);
        let datagram = peer.send_unreliable(LANE, b"x");
        stage.deliver(&mut peer, &datagram);
        assert_eq!(stage.received(victim), [b"x"]);
        stage.send(&mut peer, victim, LANE, SendFlags::RELIABLE_NO_NAGLE, b"y");
        assert_eq!(peer.take_messages().len(), 1);
    }
    let mut stage = Stage::listening();
    let script = Script {
        connection_id: Some(ConnectionId::new(0)),
        ..Script::default()
    };
    let mut peer = ScriptedPeer::new(Role::Client, 1, script);
    assert_eq!(stage.try_connect(&mut peer), None);
    assert_eq!(stage.endpoint.drops().of(DropReason::BadMessage), 1);
}

#[test]
fn class_10_everything_that_a_server_sends_comes_back_to_it() {
    let mut talk = talk();
    let mut sent = Vec::new();
    for n in 0..50u8 {
        let (id, data) = (talk.id, [n; 100]);
        sent.extend(talk.stage.with(id, |connection, now| {
            let message = Outgoing::new(LANE, SendFlags::RELIABLE_NO_NAGLE, &data[..]);
            connection.send(now, message).unwrap();
        }));
    }
    assert!(sent.len() >= 50 / 12);
    let before = talk
        .stage
        .endpoint
        .drops()
        .of(DropReason::UnknownConnection);
    let mut echoes = 0;
    for datagram in &sent {
        let (outcome, replies) = talk.stage.inject(talk.stage.peer_address, &datagram.bytes);
        assert!(!matches!(outcome, Outcome::Forwarded(_)), "{outcome:?}");
        echoes += replies.len();
    }
    assert!(echoes <= 1, "{echoes} answers, at most one in 250 ms");
    let strays = talk
        .stage
        .endpoint
        .drops()
        .of(DropReason::UnknownConnection);
    assert_eq!(strays - before, sent.len() as u64);
    for datagram in sent {
        let answers = talk.peer.handle(talk.stage.now(), &datagram.bytes);
        talk.stage.deliver_all(&mut talk.peer, answers);
    }
    talk.advance(Span::from_secs(1));
    assert_eq!(talk.peer.take_messages().len(), 50);
    talk.assert_still_works();
}

#[test]
fn class_10_the_handshake_of_a_client_comes_back_to_it() {
    let mut stage = Stage::listening();
    let from = stage.peer_address;
    let (id, first) = stage.start_dial();
    // It listens, too, so it answers its own question; the answer finds the connection that asked.
    let mut bouncing = first;
    for _ in 0..20 {
        let mut next = Vec::new();
        for datagram in std::mem::take(&mut bouncing) {
            next.extend(stage.inject(from, &datagram.bytes).1);
        }
        bouncing = next;
    }
    assert!(
        bouncing.is_empty(),
        "nothing goes round for ever: {bouncing:?}"
    );
    assert!(stage.endpoint.connections() <= 2);
    let state = stage.info(id).state;
    assert!(state != ConnectionState::Dead, "{state}");
}

#[test]
fn class_10_a_server_with_the_id_of_its_client_hears_its_own_packets_in_vain() {
    let mut stage = Stage::listening();
    let (id, first) = stage.start_dial();
    let script = Script {
        connection_id: Some(id),
        ..Script::default()
    };
    let mut peer = ScriptedPeer::new(Role::Server, 3, script);
    let mut answers = Vec::new();
    for datagram in first {
        answers.extend(peer.handle(stage.now(), &datagram.bytes));
    }
    stage.deliver_all(&mut peer, answers);
    assert_eq!(stage.info(id).state, ConnectionState::Connected);
    let sent = stage.with(id, |connection, now| {
        let flags = SendFlags::RELIABLE_NO_NAGLE;
        let message = Outgoing::new(LaneIndex::ZERO, flags, b"mine");
        connection.send(now, message).unwrap();
    });
    for datagram in &sent {
        let (outcome, _) = stage.inject(stage.peer_address, &datagram.bytes);
        assert_eq!(outcome, Outcome::Forwarded(id));
    }
    // Each direction has a key of its own.
    let refused =
        stage.drops(id, DropReason::DecryptFailed) + stage.drops(id, DropReason::DuplicatePacket);
    assert_eq!(refused, sent.len() as u64);
    assert!(stage.received(id).is_empty());
    let datagram = peer.send_unreliable(LANE, b"theirs");
    stage.deliver(&mut peer, &datagram);
    stage.advance(&mut peer, Span::from_millis(5));
    assert_eq!(stage.received(id), [b"theirs"]);
}
