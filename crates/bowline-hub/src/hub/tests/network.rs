//! What clients are told about the network.

use bowline_core::hub::NetworkConfig;
use bowline_core::hub::SignedBody;

use super::*;
use crate::limits::ANNOUNCE_PAUSE;
use crate::limits::ANNOUNCE_ROUND;
use crate::limits::ANNOUNCE_ROUND_BYTES;

fn signed(revision: u64) -> SignedBody {
    revoking(revision, Vec::new())
}

fn revoking(revision: u64, revoked: Vec<KeyId>) -> SignedBody {
    let config = NetworkConfig {
        revision,
        revoked,
        ..NetworkConfig::default()
    };
    config
        .sign(&rustcrypto::provider(), key(5).private())
        .unwrap()
}

fn revisions(desk: &mut Desk, number: u32) -> Vec<u64> {
    let trusted = [key(5).public()];
    let told = desk.got(number).into_iter().filter_map(|message| {
        let FromHub::Config { revision, body } = message else {
            return None;
        };
        let config = NetworkConfig::verify(&body.unwrap(), &rustcrypto::provider(), &trusted);
        assert_eq!(config.unwrap().revision, revision);
        Some(revision)
    });
    told.collect()
}

#[test]
fn clients_are_told_about_the_network_with_their_welcome_and_when_it_changes() {
    let mut desk = Desk::new(dev());
    assert_eq!(desk.member(1, "str:dev-anna").config_revision, 0);
    assert!(revisions(&mut desk, 1).is_empty());
    desk.hub.announce(3, signed(3));
    desk.drain();
    assert_eq!(revisions(&mut desk, 1), [3]);
    desk.hello(2, hello(Method::Dev, Some("str:dev-ben")));
    let got = desk.got[&client(2)].clone();
    assert!(matches!(&got[0], FromHub::Welcome(welcome) if welcome.config_revision == 3));
    assert_eq!(revisions(&mut desk, 2), [3]);
    desk.connect(3);
    desk.hub.announce(4, signed(4));
    desk.drain();
    assert_eq!(revisions(&mut desk, 1), [4]);
    assert_eq!(revisions(&mut desk, 2), [4]);
    assert_eq!(desk.got(3), [], "a stranger is told nothing");
}

#[test]
fn regression_what_finds_no_room_is_told_when_there_is_room_again() {
    let mut desk = Desk::new(dev());
    desk.member(1, "str:dev-anna");
    desk.hub.announce(1, signed(1));
    let Some(Output::Send { bytes, .. }) = desk.hub.poll_output() else {
        panic!("nothing is told");
    };
    desk.hub.on_dropped(desk.now, client(1), &bytes);
    // What is told of by then is what matters.
    desk.hub.announce(2, signed(2));
    let Some(Output::Send { bytes, .. }) = desk.hub.poll_output() else {
        panic!("nothing is told");
    };
    desk.hub.on_dropped(desk.now, client(1), &bytes);
    desk.run_for(Span::from_secs(1));
    assert!(revisions(&mut desk, 1).is_empty());
    desk.hub.on_writable(client(1));
    desk.run_for(Span::from_secs(1));
    assert_eq!(revisions(&mut desk, 1), [2]);
    // Once, and not because something else was dropped.
    desk.hub.on_dropped(desk.now, client(1), b"a signal");
    desk.hub.on_writable(client(1));
    desk.run_for(Span::from_secs(1));
    assert!(revisions(&mut desk, 1).is_empty());
}

#[test]
fn limit_clients_that_are_told_at_once() {
    let mut desk = Desk::new(dev());
    let most = ANNOUNCE_ROUND as u32;
    let all = 2 * most + 1;
    for number in 0..all {
        desk.member(number, &format!("str:dev-{number}"));
    }
    let told = |desk: &mut Desk| {
        desk.drain();
        let told = (0..all).map(|number| revisions(desk, number));
        told.collect::<Vec<_>>()
    };
    let count = |told: &[Vec<u64>]| told.iter().filter(|told| !told.is_empty()).count();
    desk.hub.announce(1, signed(1));
    assert_eq!(count(&told(&mut desk)), ANNOUNCE_ROUND);
    // Those who wait are next, whatever is told by then, and those before them come after them.
    desk.hub.announce(2, signed(2));
    assert_eq!(count(&told(&mut desk)), 0);
    desk.hub.on_disconnected(client(all - 1));
    for expected in [most as usize, most as usize] {
        desk.run_for(ANNOUNCE_PAUSE);
        let told = told(&mut desk);
        assert!(told.iter().flatten().all(|revision| *revision == 2));
        assert_eq!(count(&told), expected);
    }
    desk.run_for(ANNOUNCE_PAUSE);
    assert_eq!(count(&told(&mut desk)), 0, "all have been told");
    // And so many bytes. It takes something that comes in for the hub to know what time it is.
    desk.connect(all);
    desk.hub
        .announce(3, revoking(3, (0..4000).map(KeyId::new).collect()));
    let bytes: usize = std::iter::from_fn(|| desk.hub.poll_output())
        .map(|output| match output {
            Output::Send { bytes, .. } => bytes.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert!(
        bytes <= ANNOUNCE_ROUND_BYTES && bytes > ANNOUNCE_ROUND_BYTES / 2,
        "{bytes}"
    );
}

#[test]
fn regression_what_is_told_already_is_not_told_again() {
    let mut desk = Desk::new(dev());
    desk.member(1, "str:dev-anna");
    for _ in 0..2 {
        desk.hub.announce(1, signed(1));
        desk.drain();
    }
    assert_eq!(revisions(&mut desk, 1), [1]);
}

#[test]
fn regression_a_revoked_key_gets_no_certificate() {
    let mut desk = Desk::new(dev());
    let request = CertificateRequest::new(key(6).public()).to_bytes();
    let asking = Hello {
        certificate_request: Some(request.clone()),
        ..hello(Method::Dev, Some("str:dev-anna"))
    };
    desk.hello(1, asking.clone());
    assert!(desk.welcome(1).certificate.is_some());
    desk.hub
        .announce(1, revoking(1, vec![key(6).public().id()]));
    desk.drain();
    desk.say(1, &ToHub::Certificate(request));
    assert_eq!(desk.goodbye(1), Some(Goodbye::Malformed));
    desk.hello(2, asking.clone());
    assert_eq!(desk.refusal(2), Refusal::Certificate);
    let other = CertificateRequest::new(key(7).public()).to_bytes();
    let with_another_key = Hello {
        certificate_request: Some(other),
        ..asking.clone()
    };
    desk.hello(3, with_another_key);
    desk.drain();
    let got = desk.got(3);
    assert!(matches!(&got[0], FromHub::Welcome(welcome) if welcome.certificate.is_some()));
    // It may be taken back.
    desk.hub.announce(2, signed(2));
    desk.drain();
    desk.now += Span::from_secs(1);
    desk.hello(4, asking);
    let got = desk.got(4);
    assert!(matches!(&got[0], FromHub::Welcome(welcome) if welcome.certificate.is_some()));
}

/// A hub with a game server that has this key.
fn with_game_server(seed: u8) -> Desk {
    let server = GameServerKey {
        key: key(seed).public(),
        identity: identity("str:server-1"),
        apps: vec![APP],
        pops: Vec::new(),
    };
    Desk::new(Policy {
        game_servers: vec![server],
        ..dev()
    })
}

/// Has somebody prove that it is the game server.
fn prove(desk: &mut Desk, number: u32, seed: u8) {
    let hello = Hello {
        role: Role::GameServer,
        ..hello(Method::GameServerKey, Some("str:server-1"))
    };
    let nonce = challenge(desk, number, &hello);
    let statement = hello.statement(key(HUB_SEED).public().as_bytes(), &nonce);
    let signer = rustcrypto::provider().ed25519_key(&[seed; 32]);
    desk.say(number, &ToHub::Proof(signer.sign(&statement).to_vec()));
}

#[test]
fn regression_a_revoked_key_of_a_game_server_signs_nobody_in() {
    let mut desk = with_game_server(9);
    prove(&mut desk, 1, 9);
    let back = Hello {
        role: Role::GameServer,
        credential: desk.welcome(1).resume,
        ..hello(Method::Resume, None)
    };
    desk.hello(2, back.clone());
    desk.welcome(2);
    desk.member(3, "str:dev-anna");
    let key_id = key(9).public().id();
    desk.hub.announce(1, revoking(1, vec![key_id]));
    desk.drain();
    assert_eq!(desk.goodbye(2), Some(Goodbye::Kicked));
    assert_eq!(desk.goodbye(3), None);
    prove(&mut desk, 4, 9);
    assert_eq!(desk.refusal(4), Refusal::Credential);
    desk.hello(5, back.clone());
    assert_eq!(desk.refusal(5), Refusal::Credential);
    // Who has not the key is told nothing of it.
    prove(&mut desk, 6, 8);
    let got = desk.got(6);
    assert!(
        matches!(got.last(), Some(FromHub::Refused(refused)) if !refused.text.contains("revoked"))
    );
    // Taken back, it is as before.
    desk.hub.announce(2, signed(2));
    prove(&mut desk, 7, 9);
    desk.got(7);
    assert_eq!(desk.hub.sessions(), 2);
    // By the server's next key a note that is of the last one is worth nothing, and the other way round.
    let mut next = with_game_server(8);
    next.hello(1, back.clone());
    assert_eq!(next.refusal(1), Refusal::Credential);
    next.hub.announce(1, revoking(1, vec![key_id]));
    prove(&mut next, 2, 8);
    assert_eq!(next.hub.sessions(), 1, "another key");
}
