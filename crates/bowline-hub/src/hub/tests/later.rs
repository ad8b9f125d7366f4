//! What credentials and resumptions are worth elsewhere, and later.

use super::*;
use crate::limits::MAX_CHECKS;
use crate::limits::MAX_TOLD;
use crate::limits::RESUME_LIFETIME_SECS;
use crate::limits::RESUME_RENEWAL;
use crate::limits::RESUME_RENEWAL_SPREAD_SECS;

#[test]
fn regression_a_key_is_for_its_game_and_its_hub() {
    let policy = Policy {
        shared_keys: vec![shared("main", "str:shared-")],
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    let good = Hello {
        credential: b"main".to_vec(),
        ..hello(Method::SharedKey, Some("str:shared-anna"))
    };
    let elsewhere = Hello {
        app: AppId::new(570),
        ..good.clone()
    };
    let nonce = challenge(&mut desk, 1, &elsewhere);
    let hub_key = key(HUB_SEED).public();
    let statement = elsewhere.statement(hub_key.as_bytes(), &nonce);
    desk.say(1, &ToHub::Proof(mac(b"a key of the game", &statement)));
    assert_eq!(desk.refusal(1), Refusal::Credential);
    // What a client has said to another hub, which passes it on; and with another request than the one it was for.
    let nonce = challenge(&mut desk, 2, &good);
    let statement = good.statement(&[1; 32], &nonce);
    desk.say(2, &ToHub::Proof(mac(b"a key of the game", &statement)));
    assert_eq!(desk.refusal(2), Refusal::Credential);
    let request = CertificateRequest::new(key(5).public()).to_bytes();
    let asking = Hello {
        certificate_request: Some(request),
        ..good.clone()
    };
    let nonce = challenge(&mut desk, 3, &asking);
    let statement = good.statement(hub_key.as_bytes(), &nonce);
    desk.say(3, &ToHub::Proof(mac(b"a key of the game", &statement)));
    assert_eq!(desk.refusal(3), Refusal::Credential);
}

#[test]
fn regression_a_key_that_was_withdrawn_does_not_live_on_in_resumptions() {
    let with = |names: &[&str]| Policy {
        shared_keys: names
            .iter()
            .map(|name| shared(name, &format!("str:{name}-")))
            .collect(),
        ..Policy::default()
    };
    let mut desk = Desk::new(with(&["one", "two"]));
    let one = Hello {
        credential: b"one".to_vec(),
        ..hello(Method::SharedKey, Some("str:one-anna"))
    };
    let nonce = challenge(&mut desk, 1, &one);
    let statement = one.statement(key(HUB_SEED).public().as_bytes(), &nonce);
    desk.say(1, &ToHub::Proof(mac(b"a key of the game", &statement)));
    let back = Hello {
        credential: desk.welcome(1).resume,
        ..hello(Method::Resume, None)
    };
    let mut later = Desk::new(with(&["two"]));
    later.hello(1, back.clone());
    assert_eq!(later.refusal(1), Refusal::Method);
    let mut same = Desk::new(with(&["one"]));
    same.hello(1, back);
    same.welcome(1);
}

#[test]
fn regression_a_session_ends_with_its_credential() {
    let (mut desk, _) = Desk::with_token_for_a_minute();
    desk.run_for(Span::from_secs(59));
    assert_eq!(desk.goodbye(1), None);
    desk.run_for(Span::from_secs(2));
    assert_eq!(desk.goodbye(1), Some(Goodbye::Expired));
    assert_eq!(desk.hub.poll_timeout(), None);
}

#[test]
fn regression_checks_that_are_answered_take_no_room() {
    let policy = Policy {
        jwt: space(&["str:id-"]),
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    for number in 0..2 * MAX_CHECKS as u32 {
        desk.hello(number, hello(Method::Jwt, None));
        let verdict = Verdict::Bad(Refusal::Credential, String::new());
        desk.hub.on_verdict(desk.now, client(number), verdict);
        desk.drain();
        assert_eq!(desk.refusal(number), Refusal::Credential);
        desk.closed.clear();
    }
}

#[test]
fn regression_a_proof_before_the_verdict_takes_no_room() {
    let policy = Policy {
        jwt: space(&["str:id-"]),
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    for number in 0..=MAX_CHECKS as u32 {
        desk.hello(number, hello(Method::Jwt, None));
        desk.say(number, &ToHub::Proof(vec![1; 32]));
        assert_eq!(desk.refusal(number), Refusal::Malformed);
        desk.closed.clear();
    }
    let last = 2 * MAX_CHECKS as u32;
    desk.hello(last, hello(Method::Jwt, None));
    let verdict = Verdict::Good {
        identity: identity("str:id-anna"),
        expiry_unix_secs: None,
    };
    desk.hub.on_verdict(desk.now, client(last), verdict);
    desk.drain();
    desk.welcome(last);
}

#[test]
fn regression_game_servers_are_told_apart_by_all_of_their_names() {
    let server = |name: &str, apps: &[u32]| GameServerKey {
        key: key(9).public(),
        identity: identity(name),
        apps: apps.iter().copied().map(AppId::new).collect(),
        pops: Vec::new(),
    };
    let check = |game_servers: Vec<GameServerKey>| {
        let policy = Policy {
            game_servers,
            ..dev()
        };
        policy.check().is_ok()
    };
    let one = server("str:server-1", &[480]);
    assert!(check(vec![one.clone(), server("str:server-10", &[480])]));
    assert!(check(vec![one.clone(), server("str:server-1", &[570])]));
    assert!(!check(vec![
        one.clone(),
        server("str:server-1", &[570, 480])
    ]));
    assert!(!check(vec![one, server("str:server-1", &[])]));
    assert!(!check(vec![server("str:dev-server", &[])]));
}

#[test]
fn overlapping_namespaces_keep_a_hub_from_starting() {
    let policy = Policy {
        jwt: space(&["str:dev-id-"]),
        ..dev()
    };
    let crypto = rustcrypto::provider();
    let keys = Keys {
        authority: Authority::new(&crypto, SigningKey::from_seed([1; 32])),
        identity: key(HUB_SEED).public(),
        resumption: Zeroizing::new([2; 32]),
        other_resumptions: Vec::new(),
    };
    let rng = Rng::from_seed([3; 32]);
    let error = Hub::new(START, UNIX_US, policy, crypto, keys, rng).unwrap_err();
    assert!(error.to_string().contains("overlap"));
}

#[test]
fn regression_a_session_without_an_end_gets_none_by_coming_back() {
    let policy = Policy {
        anonymous: true,
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    desk.hello(1, hello(Method::Anonymous, None));
    let first = desk.welcome(1);
    let back = |resume: Vec<u8>| Hello {
        credential: resume,
        ..hello(Method::Resume, None)
    };
    desk.hub.on_disconnected(client(1));
    desk.hello(2, back(first.resume));
    let second = desk.welcome(2);
    assert_eq!(second.identity, first.identity);
    // It lasts for days, and then the connection is lost.
    desk.run_for(Span::from_secs(3 * RESUME_LIFETIME_SECS));
    let got = desk.got(2);
    assert!(
        got.iter()
            .all(|message| matches!(message, FromHub::Resume(_)))
    );
    let Some(FromHub::Resume(latest)) = got.last() else {
        panic!("no note came");
    };
    let apart = RESUME_RENEWAL + Span::from_secs(RESUME_RENEWAL_SPREAD_SECS);
    assert!(got.len() as u64 >= 3 * RESUME_LIFETIME_SECS * 1_000_000 / apart.as_micros());
    desk.hub.on_disconnected(client(2));
    assert_eq!(desk.hub.poll_timeout(), None);
    desk.hello(3, back(second.resume));
    assert_eq!(desk.refusal(3), Refusal::Expired);
    desk.hello(4, back(latest.0.clone()));
    assert_eq!(desk.welcome(4).identity, first.identity);
}

#[test]
fn who_comes_back_is_signed_in_no_longer_than_its_credential_holds() {
    let (mut desk, welcome) = Desk::with_token_for_a_minute();
    let note = Hello {
        credential: welcome.resume,
        ..hello(Method::Resume, None)
    };
    desk.hello(2, note.clone());
    desk.welcome(2);
    desk.run_for(Span::from_secs(61));
    assert_eq!(desk.goodbye(2), Some(Goodbye::Expired));
    desk.hello(3, note);
    assert_eq!(desk.refusal(3), Refusal::Expired);
}

#[test]
fn regression_the_operator_hears_which_key_is_not_there_and_the_client_does_not() {
    let server = GameServerKey {
        key: key(9).public(),
        identity: identity("str:server-1"),
        apps: vec![APP],
        pops: Vec::new(),
    };
    let mut desk = Desk::new(Policy {
        shared_keys: vec![shared("main", "str:shared-")],
        game_servers: vec![server],
        ..Policy::default()
    });
    let by_key = |name: &str, app| Hello {
        app,
        credential: name.into(),
        ..hello(Method::SharedKey, Some("str:shared-anna"))
    };
    let long = "x".repeat(1000);
    let (long_told, other) = ("x".repeat(MAX_TOLD), AppId::new(999));
    for (number, (hello, missing)) in (1..).zip([
        (by_key("main", APP), None),
        (
            by_key("main", other),
            Some("there is no shared key \"main\" for app 999".to_owned()),
        ),
        (
            by_key("mian\n", APP),
            Some("there is no shared key \"mian\\n\" for app 480".to_owned()),
        ),
        (
            by_key(&long, APP),
            Some(format!("there is no shared key {long_told:?} for app 480")),
        ),
        (
            Hello {
                role: Role::GameServer,
                ..hello(Method::GameServerKey, Some("str:server-2"))
            },
            Some("there is no game server str:server-2 for app 480".to_owned()),
        ),
    ]) {
        let _ = challenge(&mut desk, number, &hello);
        desk.say(number, &ToHub::Proof(vec![0; 64]));
        let got = desk.got(number);
        let Some(FromHub::Refused(refused)) = got.last() else {
            panic!("{got:?}");
        };
        assert_eq!(refused.text, "the proof is not right");
        let told = match missing {
            Some(missing) => format!("the proof is not right: {missing}"),
            None => refused.text.clone(),
        };
        let expected = Notice::Refused {
            reason: Refusal::Credential,
            text: told,
        };
        assert_eq!(desk.notices.last(), Some(&expected));
    }
}
