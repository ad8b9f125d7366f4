//! Who is let in, and as whom.

use bowline_core::hub::limits::MAX_HUB_MESSAGE;

use super::*;
use crate::limits::MAX_CHECKS;
use crate::limits::RESUME_LIFETIME_SECS;
use crate::limits::SIGN_IN_BURST;

#[test]
fn a_developer_is_who_it_says_within_its_namespace() {
    let mut desk = Desk::new(dev());
    let welcome = desk.member(1, "str:dev-anna");
    assert_eq!(welcome.identity, identity("str:dev-anna"));
    assert_eq!(
        welcome.seen_address,
        Some("198.51.0.1:4000".parse().unwrap())
    );
    assert_eq!(welcome.unix_ms, UNIX_US / 1000);
    assert_eq!(desk.hub.sessions(), 1);
    for (number, wanted) in [
        (2, Some("str:anna")),
        (3, Some("steamid:76561197960287930")),
        (4, None),
    ] {
        desk.hello(number, hello(Method::Dev, wanted));
        assert_eq!(desk.refusal(number), Refusal::Identity);
    }
    assert_eq!(desk.hub.sessions(), 1);
}

#[test]
fn what_the_hub_does_not_serve_is_refused_with_the_reason() {
    let policy = Policy {
        apps: vec![APP],
        blocked: vec![identity("str:dev-eve")],
        ..dev()
    };
    let mut desk = Desk::new(policy);
    let good = hello(Method::Dev, Some("str:dev-anna"));
    let cases = [
        (
            Hello {
                protocol: 2,
                ..good.clone()
            },
            Refusal::Protocol,
        ),
        (
            Hello {
                app: AppId::new(7),
                ..good.clone()
            },
            Refusal::App,
        ),
        (
            Hello {
                method: Err(99),
                ..good.clone()
            },
            Refusal::Method,
        ),
        (hello(Method::Anonymous, None), Refusal::Method),
        (hello(Method::Jwt, None), Refusal::Method),
        (hello(Method::Dev, Some("str:dev-eve")), Refusal::Blocked),
        (
            Hello {
                certificate_request: Some(vec![1]),
                ..good.clone()
            },
            Refusal::Certificate,
        ),
    ];
    for (number, (hello, reason)) in (1..).zip(cases) {
        desk.hello(number, hello);
        assert_eq!(desk.refusal(number), reason);
    }
    let told = desk
        .notices
        .iter()
        .filter(|notice| matches!(notice, Notice::Refused { .. }));
    assert_eq!(told.count(), 7);
    let counted: u64 = desk.hub.counters().refusals().map(|(_, count)| count).sum();
    assert_eq!(counted, 7);
}

#[test]
fn a_shared_key_is_proven_and_not_sent() {
    let policy = Policy {
        shared_keys: vec![shared("main", "str:shared-")],
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    let hello = Hello {
        credential: b"main".to_vec(),
        ..hello(Method::SharedKey, Some("str:shared-anna"))
    };
    let nonce = challenge(&mut desk, 1, &hello);
    let proof = mac(
        b"a key of the game",
        &hello.statement(key(HUB_SEED).public().as_bytes(), &nonce),
    );
    desk.say(1, &ToHub::Proof(proof.clone()));
    assert_eq!(desk.welcome(1).identity, identity("str:shared-anna"));

    // The same proof again, another key, a key that is not there, another identity than was proven.
    let other = challenge(&mut desk, 2, &hello);
    assert_ne!(other, nonce);
    desk.say(2, &ToHub::Proof(proof));
    assert_eq!(desk.refusal(2), Refusal::Credential);
    let nonce = challenge(&mut desk, 3, &hello);
    desk.say(
        3,
        &ToHub::Proof(mac(
            b"no key",
            &hello.statement(key(HUB_SEED).public().as_bytes(), &nonce),
        )),
    );
    assert_eq!(desk.refusal(3), Refusal::Credential);
    let unnamed = Hello {
        credential: b"other".to_vec(),
        ..hello.clone()
    };
    let nonce = challenge(&mut desk, 4, &unnamed);
    desk.say(
        4,
        &ToHub::Proof(mac(
            b"a key of the game",
            &unnamed.statement(key(HUB_SEED).public().as_bytes(), &nonce),
        )),
    );
    assert_eq!(desk.refusal(4), Refusal::Credential);
    let outside = Hello {
        wanted_identity: Some(identity("str:dev-anna")),
        ..hello
    };
    let nonce = challenge(&mut desk, 5, &outside);
    desk.say(
        5,
        &ToHub::Proof(mac(
            b"a key of the game",
            &outside.statement(key(HUB_SEED).public().as_bytes(), &nonce),
        )),
    );
    assert_eq!(desk.refusal(5), Refusal::Identity);
}

#[test]
fn a_game_server_signs_in_by_its_key_and_nobody_else_as_it() {
    let server = GameServerKey {
        key: key(9).public(),
        identity: identity("str:server-1"),
        apps: vec![APP],
        pops: Vec::new(),
    };
    let policy = Policy {
        game_servers: vec![server],
        anonymous: true,
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    let hello = Hello {
        role: Role::GameServer,
        ..hello(Method::GameServerKey, Some("str:server-1"))
    };
    let sign = |seed, message: &[u8]| {
        let crypto = rustcrypto::provider();
        crypto.ed25519_key(&[seed; 32]).sign(message).to_vec()
    };
    let nonce = challenge(&mut desk, 1, &hello);
    desk.say(
        1,
        &ToHub::Proof(sign(
            9,
            &hello.statement(key(HUB_SEED).public().as_bytes(), &nonce),
        )),
    );
    assert_eq!(desk.welcome(1).identity, identity("str:server-1"));
    let nonce = challenge(&mut desk, 2, &hello);
    desk.say(
        2,
        &ToHub::Proof(sign(
            8,
            &hello.statement(key(HUB_SEED).public().as_bytes(), &nonce),
        )),
    );
    assert_eq!(desk.refusal(2), Refusal::Credential);
    // Neither does a player sign in by it, nor a server without it.
    let player = Hello {
        role: Role::User,
        ..hello.clone()
    };
    desk.hello(3, player);
    assert_eq!(desk.refusal(3), Refusal::Role);
    let nameless = Hello {
        method: Ok(Method::Anonymous),
        ..hello
    };
    desk.hello(4, nameless);
    assert_eq!(desk.refusal(4), Refusal::Role);
}

#[test]
fn who_has_no_name_gets_one_of_its_own() {
    let policy = Policy {
        anonymous: true,
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    let names: Vec<Identity> = (1..=20)
        .map(|number| {
            desk.hello(number, hello(Method::Anonymous, None));
            desk.welcome(number).identity
        })
        .collect();
    assert_eq!(desk.hub.sessions(), 20);
    assert!(
        names
            .iter()
            .all(|name| name.to_string().starts_with("gen:"))
    );
}

#[test]
fn others_are_asked_about_tokens_and_their_word_is_checked() {
    let policy = Policy {
        jwt: space(&["str:id-"]),
        hook: space(&["steamid:"]),
        blocked: vec![identity("str:id-eve")],
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    let token = Hello {
        credential: b"a token".to_vec(),
        ..hello(Method::Jwt, None)
    };
    let good = |name: &str, expiry_unix_secs| Verdict::Good {
        identity: identity(name),
        expiry_unix_secs,
    };
    let later = Some(UNIX_US / 1_000_000 + 3600);
    let bad = Verdict::Bad(Refusal::Expired, "since yesterday".into());
    let cases = [
        (good("str:id-anna", later), None),
        (
            good("steamid:76561197960287930", later),
            Some(Refusal::Identity),
        ),
        (good("str:id-anna", Some(1)), Some(Refusal::Expired)),
        (good("str:id-eve", None), Some(Refusal::Blocked)),
        (bad, Some(Refusal::Expired)),
    ];
    for (number, (verdict, refusal)) in (1..).zip(cases) {
        desk.hello(number, token.clone());
        let check = desk.checks.pop().unwrap();
        assert_eq!((check.client, check.method), (client(number), Method::Jwt));
        assert_eq!(check.credential, b"a token");
        assert!(
            !format!("{check:?}").contains("97, 32"),
            "the token is printed"
        );
        desk.hub.on_verdict(desk.now, client(number), verdict);
        desk.drain();
        match refusal {
            None => assert_eq!(desk.welcome(number).identity, identity("str:id-anna")),
            Some(reason) => assert_eq!(desk.refusal(number), reason),
        }
    }
    // It says who it is, and its token says otherwise.
    let liar = Hello {
        wanted_identity: Some(identity("str:id-ben")),
        ..token
    };
    desk.hello(9, liar);
    desk.hub
        .on_verdict(desk.now, client(9), good("str:id-anna", None));
    desk.drain();
    assert_eq!(desk.refusal(9), Refusal::Identity);
    // A verdict that nobody waits for changes nothing.
    desk.hub
        .on_verdict(desk.now, client(1), good("str:id-ben", None));
    desk.hub
        .on_verdict(desk.now, client(77), good("str:id-ben", None));
    desk.drain();
    assert_eq!(desk.hub.sessions(), 1);
}

#[test]
fn who_is_asked_and_does_not_answer_is_not_waited_for_forever() {
    let policy = Policy {
        hook: space(&["steamid:"]),
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    desk.hello(1, hello(Method::Hook, None));
    desk.run_for(Span::from_secs(9));
    assert_eq!(desk.closed, []);
    desk.run_for(Span::from_secs(1));
    assert_eq!(desk.refusal(1), Refusal::Unavailable);
}

#[test]
fn limit_credentials_that_are_being_checked() {
    let policy = Policy {
        hook: space(&["steamid:"]),
        ..Policy::default()
    };
    let mut desk = Desk::new(policy);
    for number in 0..=MAX_CHECKS as u32 {
        desk.hello(number, hello(Method::Hook, None));
    }
    assert_eq!(desk.checks.len(), MAX_CHECKS);
    assert_eq!(desk.refusal(MAX_CHECKS as u32), Refusal::Busy);
}

#[test]
fn limit_silent_clients() {
    let mut desk = Desk::new(dev());
    for number in 0..MAX_STRANGERS as u32 {
        desk.connect(number);
    }
    desk.connect(90_000);
    assert_eq!(desk.refusal(90_000), Refusal::Busy);
    desk.run_for(HELLO_TIMEOUT);
    assert_eq!(desk.closed.len(), 1 + MAX_STRANGERS);
    assert_eq!(desk.hub.poll_timeout(), None);
    desk.member(90_001, "str:dev-anna");
}

#[test]
fn limit_sign_ins_of_a_network() {
    let mut desk = Desk::new(dev());
    let from = |last: u8| SocketAddr::from(([203, 0, 113, last], 5000));
    let mut refused = 0;
    for number in 0..400 {
        desk.hub
            .on_connected(desk.now, client(number), from(number as u8));
        let name = format!("str:dev-{number}");
        desk.say(number, &ToHub::Hello(hello(Method::Dev, Some(&name))));
        refused += usize::from(matches!(desk.got(number).last(), Some(FromHub::Refused(_))));
    }
    assert_eq!(refused, 400 - SIGN_IN_BURST as usize);
    // Others are not affected.
    desk.member(1000, "str:dev-anna");
}

#[test]
fn limit_sessions() {
    let policy = Policy {
        max_sessions: 2,
        ..dev()
    };
    let mut desk = Desk::new(policy);
    desk.member(1, "str:dev-1");
    desk.member(2, "str:dev-2");
    desk.hello(3, hello(Method::Dev, Some("str:dev-3")));
    assert_eq!(desk.refusal(3), Refusal::Busy);
    // Who is here already may come again.
    desk.member(4, "str:dev-1");
    assert_eq!(desk.hub.sessions(), 2);
}

#[test]
fn the_latest_sign_in_owns_the_identity() {
    let mut desk = Desk::new(dev());
    let first = desk.member(1, "str:dev-anna");
    desk.now += Span::from_millis(1);
    let second = desk.member(2, "str:dev-anna");
    assert_eq!(desk.goodbye(1), Some(Goodbye::Superseded));
    assert_eq!(desk.closed, [client(1)]);
    assert_eq!(
        (desk.hub.sessions(), desk.hub.counters().superseded),
        (1, 1)
    );
    // The end of the first connection does not end the second session.
    desk.hub.on_disconnected(client(1));
    desk.drain();
    assert_eq!(desk.hub.sessions(), 1);
    // What the first one got is worth nothing any more; what the second one got is.
    let resume = |welcome: &Welcome| Hello {
        credential: welcome.resume.clone(),
        ..hello(Method::Resume, None)
    };
    desk.hello(3, resume(&first));
    assert_eq!(desk.refusal(3), Refusal::Credential);
    desk.hello(4, resume(&second));
    assert_eq!(desk.welcome(4).identity, identity("str:dev-anna"));
    assert_eq!(desk.goodbye(2), Some(Goodbye::Superseded));
    // Another app is another world.
    let elsewhere = Hello {
        app: AppId::new(570),
        ..hello(Method::Dev, Some("str:dev-anna"))
    };
    desk.hello(5, elsewhere);
    desk.welcome(5);
    assert_eq!(desk.hub.sessions(), 2);
}

#[test]
fn a_client_comes_back_without_signing_in_even_to_a_hub_that_has_begun_anew() {
    let mut desk = Desk::new(dev());
    let welcome = desk.member(1, "str:dev-anna");
    let back = Hello {
        credential: welcome.resume,
        ..hello(Method::Resume, None)
    };
    let mut anew = Desk::new(dev());
    anew.now += Span::from_secs(100);
    anew.hello(7, back.clone());
    assert_eq!(anew.welcome(7).identity, identity("str:dev-anna"));
    for changed in [
        Hello {
            app: AppId::new(1),
            ..back.clone()
        },
        Hello {
            role: Role::GameServer,
            ..back.clone()
        },
        Hello {
            credential: vec![1; 60],
            ..back.clone()
        },
    ] {
        anew.hello(8, changed);
        assert_eq!(anew.refusal(8), Refusal::Credential);
        anew.closed.clear();
    }
    let closed = Policy {
        anonymous: true,
        ..Policy::default()
    };
    let mut strict = Desk::new(closed);
    strict.hello(9, back.clone());
    assert_eq!(strict.refusal(9), Refusal::Method);
    anew.now += Span::from_secs(RESUME_LIFETIME_SECS);
    anew.hello(10, back);
    assert_eq!(anew.refusal(10), Refusal::Expired);
}

#[test]
fn nonsense_ends_the_connection_with_the_reason() {
    let mut desk = Desk::new(dev());
    desk.connect(1);
    desk.hub.on_message(desk.now, client(1), &[0xff; 100]);
    desk.drain();
    assert_eq!(desk.refusal(1), Refusal::Malformed);
    // Before the hello, twice, and after it.
    desk.connect(2);
    desk.say(2, &ToHub::Proof(vec![1; 32]));
    assert_eq!(desk.refusal(2), Refusal::Malformed);
    desk.connect(3);
    desk.say(3, &ToHub::Certificate(vec![1]));
    assert_eq!(desk.refusal(3), Refusal::Malformed);
    desk.member(4, "str:dev-anna");
    desk.say(4, &ToHub::Hello(hello(Method::Dev, Some("str:dev-ben"))));
    assert_eq!(desk.goodbye(4), Some(Goodbye::Malformed));
    desk.member(5, "str:dev-anna");
    desk.hub
        .on_message(desk.now, client(5), &vec![0; MAX_HUB_MESSAGE + 1]);
    desk.drain();
    assert_eq!(desk.goodbye(5), Some(Goodbye::Malformed));
    assert_eq!(desk.hub.sessions(), 0);
    // What a newer client says is passed over.
    desk.member(6, "str:dev-anna");
    desk.say(6, &ToHub::Unknown);
    assert_eq!(desk.got(6), []);
}

#[test]
fn the_operator_ends_a_session() {
    let mut desk = Desk::new(dev());
    desk.member(1, "str:dev-anna");
    assert_eq!(desk.hub.kick(APP, &identity("str:dev-anna")).sessions, 1);
    assert_eq!(desk.hub.kick(APP, &identity("str:dev-anna")).sessions, 0);
    desk.drain();
    assert_eq!(desk.goodbye(1), Some(Goodbye::Kicked));
    assert_eq!(desk.hub.sessions(), 0);
}

#[test]
fn limit_who_does_not_read_is_sent_away() {
    let mut desk = Desk::new(dev());
    desk.member(1, "str:dev-anna");
    desk.member(2, "str:dev-ben");
    for number in [1, 2] {
        desk.hub.on_dropped(desk.now, client(number), b"a signal");
    }
    desk.run_for(Span::from_secs(20));
    desk.hub.on_writable(client(2));
    desk.run_for(Span::from_secs(20));
    assert_eq!(desk.goodbye(1), Some(Goodbye::TooSlow));
    assert_eq!(desk.goodbye(2), None);
}
