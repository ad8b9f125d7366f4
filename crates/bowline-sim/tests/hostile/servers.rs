//! Classes 7, 8, 16, 25 and 27 from the other side: a server that does not tell the truth to who dials it.

use bowline_core::connection::ConnectionState;
use bowline_core::counters::DropReason;
use bowline_core::crypto::kdf::Role;
use bowline_core::crypto::vectors::hex;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::{ConnectionId, PacketNumber};
use bowline_core::snp::AckBlock;
use bowline_core::time::Span;
use bowline_core::wire::udp;
use bowline_sim::scripted::{Alterations, Frames, Heard, Script, ScriptedPeer, Stage};

use crate::credentials::LOW_ORDER;
use crate::support::{LANE, Talk};

const BAD_CRYPT: EndReason = EndReason::REMOTE_BAD_CRYPT;

fn server(alter: Alterations) -> ScriptedPeer {
    let script = Script {
        alter,
        ..Script::default()
    };
    ScriptedPeer::new(Role::Server, 3, script)
}

/// Dials a server that alters what it says.
fn dial(alter: Alterations) -> Talk {
    let mut stage = Stage::listening();
    let mut peer = server(alter);
    let id = stage.dial(&mut peer);
    Talk { stage, peer, id }
}

fn assert_fails(alter: Alterations, reason: EndReason, what: &str) {
    let mut talk = dial(alter);
    let info = talk.stage.info(talk.id);
    assert_eq!(info.end_reason, reason, "{what}: {}", info.end_text);
    talk.assert_ended(reason);
}

fn assert_works(alter: Alterations, what: &str) {
    let mut talk = dial(alter);
    assert!(
        talk.is_connected(),
        "{what}: {:?}",
        talk.stage.info(talk.id)
    );
    talk.assert_still_works();
}

/// The attempt goes on as if nothing had come, and ends when its time is up.
fn assert_ignored(alter: Alterations, what: &str) {
    let mut talk = dial(alter);
    assert_eq!(
        talk.stage.info(talk.id).state,
        ConnectionState::Connecting,
        "{what}"
    );
    talk.advance(Span::from_secs(11));
    assert_eq!(
        talk.stage.info(talk.id).end_reason,
        EndReason::MISC_TIMEOUT,
        "{what}"
    );
}

#[test]
fn class_08_a_server_says_the_same_version_twice_and_no_old_one() {
    let none = Alterations::default;
    for version in [0, 1, 7] {
        let alter = none().challenge_reply(move |reply| reply.protocol_version = version);
        assert_fails(alter, EndReason::MISC_GENERIC, "an old server");
    }
    for version in [Some(12), Some(14), Some(8)] {
        let alter = none().session(move |info| info.protocol_version = version);
        assert_fails(
            alter,
            EndReason::REMOTE_BAD_PROTOCOL_VERSION,
            "two versions",
        );
    }
    let lied = none().challenge_reply(|reply| reply.protocol_version = 99);
    assert_fails(
        lied,
        EndReason::REMOTE_BAD_PROTOCOL_VERSION,
        "a newer one at first",
    );
}

#[test]
fn class_08_a_server_answers_one_cipher_of_those_offered() {
    let answer = |numbers: &[i32]| {
        let numbers = numbers.to_vec();
        Alterations::default().session(move |info| info.ciphers = numbers.clone())
    };
    for numbers in [&[2, 1][..], &[1], &[1, 9]] {
        assert_fails(answer(numbers), BAD_CRYPT, &format!("{numbers:?}"));
    }
    for numbers in [&[][..], &[9], &[9, 2], &[2]] {
        assert_works(answer(numbers), &format!("{numbers:?}"));
    }
}

#[test]
fn class_07_the_keys_and_the_certificate_of_a_server_are_checked() {
    let none = Alterations::default;
    for point in LOW_ORDER {
        let alter = none().session(|info| info.key_data = Some(hex::<32>(point).to_vec()));
        assert_fails(alter, BAD_CRYPT, point);
    }
    let crypt = [
        none().session(|info| info.key_data = Some(vec![1; 31])),
        none().session(|info| info.key_type = Some(0)),
        none().signed_session(|crypt| crypt.info = None),
        none().signed_session(|crypt| crypt.signature = None),
        none().signed_session(|crypt| crypt.signature = Some(vec![0; 64])),
        none().signed_certificate(|cert| cert.cert = None),
        none().certificate(|cert| cert.key_data = Some(vec![7; 32])),
    ];
    for (n, alter) in (0..).zip(crypt) {
        assert_fails(alter, BAD_CRYPT, &format!("case {n}"));
    }
    let other_app = none().certificate(|cert| cert.app_ids = vec![7]);
    assert_fails(other_app, EndReason::REMOTE_BAD_CERT, "another app");
    let no_time = none().certificate(|cert| cert.time_expiry = Some(1));
    assert_works(no_time, "the times of what nobody signed mean nothing");
}

#[test]
fn class_09_the_id_of_a_server_has_a_low_half() {
    for id in [0, 0x0001_0000, 0xFFFF_0000] {
        let id = ConnectionId::new(id);
        let alter =
            Alterations::default().connect_ok(move |answer| answer.server_connection_id = id);
        assert_fails(alter, BAD_CRYPT, &format!("{id}"));
    }
    for id in [1, 0xFFFF, u32::MAX] {
        let script = Script {
            connection_id: Some(ConnectionId::new(id)),
            ..Script::default()
        };
        let mut stage = Stage::listening();
        let mut peer = ScriptedPeer::new(Role::Server, 3, script);
        let id = stage.dial(&mut peer);
        Talk { stage, peer, id }.assert_still_works();
    }
}

#[test]
fn class_09_answers_for_somebody_else_are_none() {
    let other = ConnectionId::new(0x7777_7777);
    let none = Alterations::default;
    assert_ignored(
        none().challenge_reply(move |reply| reply.connection_id = other),
        "cookie",
    );
    assert_ignored(
        none().connect_ok(move |answer| answer.client_connection_id = other),
        "accept",
    );
}

#[test]
fn class_05_a_second_answer_changes_nothing() {
    let mut talk = dial(Alterations::default());
    let requests: Vec<Box<udp::ConnectRequest>> = talk
        .peer
        .take_heard()
        .into_iter()
        .filter_map(|heard| match heard {
            Heard::ConnectRequest(request) => Some(request),
            _ => None,
        })
        .collect();
    assert_eq!(requests.len(), 1);
    // Another server that has seen the request answers it, too, from the same address.
    let mut impostor = ScriptedPeer::server(99);
    let answer = impostor.connect_ok(&requests[0]);
    let remote = talk.stage.info(talk.id).remote_id;
    talk.deliver(&answer);
    assert_eq!(talk.stage.info(talk.id).remote_id, remote);
    // And hands out further cookies.
    let question = udp::ChallengeRequest {
        connection_id: talk.id,
        my_timestamp: 1,
        protocol_version: 13,
    };
    let cookie = impostor.challenge_reply(&question);
    talk.deliver(&cookie);
    assert_eq!(talk.drops(DropReason::WrongState), 1);
    talk.assert_still_works();
}

#[test]
fn class_04_cookies_that_flood_a_client_draw_a_bounded_answer_each() {
    let mut stage = Stage::listening();
    let mut peer = ScriptedPeer::server(3);
    let (id, first) = stage.start_dial();
    let replies: Vec<Vec<u8>> = first
        .iter()
        .flat_map(|datagram| peer.handle(stage.now(), &datagram.bytes))
        .collect();
    for _ in 0..1000 {
        let (_, sent) = stage.inject(stage.peer_address, &replies[0]);
        // One request with the cookie, to the server that was dialled and nobody else (GNS: the same).
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].to, stage.peer_address);
        assert!(sent[0].bytes.len() <= 512);
    }
    assert_eq!(stage.info(id).state, ConnectionState::Connecting);
}

#[test]
fn class_25_the_clock_of_a_server_is_not_believed_blindly() {
    let none = Alterations::default;
    let clocks: [(Option<u64>, Option<u32>); 6] = [
        (None, None),
        (Some(0), Some(0)),
        (Some(u64::MAX), Some(0)),
        (Some(u64::MAX), Some(u32::MAX)),
        (Some(1), None),
        (None, Some(u32::MAX)),
    ];
    for (echo, delay) in clocks {
        let alter = none()
            .challenge_reply(move |reply| reply.your_timestamp = echo.unwrap_or(5))
            .connect_ok(move |answer| {
                answer.your_timestamp = echo;
                answer.delay_time_us = delay;
            });
        let mut talk = dial(alter);
        let ping = talk.stage.connection(talk.id).unwrap().ping_ms();
        assert_eq!(ping, None, "{echo:?} {delay:?}");
        talk.assert_still_works();
    }
}

#[test]
fn class_27_closes_while_dialling_count_if_they_name_the_attempt() {
    let close = |to, from| {
        let mut out = Vec::new();
        udp::ConnectionClosed {
            to,
            from,
            reason: EndReason::new(1234),
            text: "no".into(),
            rejection: None,
        }
        .encode(&mut out);
        out
    };
    let no_connection = |to, from| {
        let mut out = Vec::new();
        udp::NoConnection { to, from }.encode(&mut out);
        out
    };
    let stranger = Some(ConnectionId::new(0x0BAD_0BAD));
    let mut stage = Stage::listening();
    let (id, _) = stage.start_dial();
    let from = stage.peer_address;
    let ignored = [
        close(stranger, stranger),
        close(None, stranger),
        no_connection(stranger, None),
        no_connection(Some(id), stranger),
    ];
    for datagram in &ignored {
        let (_, sent) = stage.inject(from, datagram);
        assert!(sent.iter().all(|datagram| datagram.bytes.len() < 512));
        assert_eq!(stage.info(id).state, ConnectionState::Connecting);
    }
    stage.inject(from, &close(Some(id), stranger));
    let info = stage.info(id);
    assert_eq!(
        (info.state, info.end_reason.code()),
        (ConnectionState::ClosedByPeer, 1234)
    );

    let mut stage = Stage::listening();
    let (id, _) = stage.start_dial();
    stage.inject(stage.peer_address, &no_connection(Some(id), None));
    let reason = EndReason::MISC_PEER_SENT_NO_CONNECTION;
    assert_eq!(stage.info(id).end_reason, reason);
}

#[test]
fn class_16_a_server_that_lies_in_acks_is_treated_as_a_client_is() {
    let mut talk = dial(Alterations::default());
    let sent = talk.peer.highest_heard().get();
    let ahead = PacketNumber::new(sent + 5);
    let frames = Frames::new()
        .ack(ahead, 0, &[])
        .unreliable(crate::support::message(9), b"x");
    talk.say(&frames);
    assert_eq!(talk.drops(DropReason::AckOfUnsent), 1);
    assert!(talk.received().is_empty());
    talk.peer
        .set_next_message(LANE, crate::support::message(10));
    talk.assert_still_works();
    let block = AckBlock {
        acked: 1 << 40,
        nacked: 0,
    };
    talk.say(&Frames::new().ack(PacketNumber::new(sent), 0, &[block]));
    talk.assert_ended(EndReason::MISC_INTERNAL_ERROR);
}
