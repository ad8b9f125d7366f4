//! What is left of sessions that are over, and of clients that never begin one.

use super::*;
use crate::limits::ALLOWANCE_KEPT;
use crate::limits::MAX_STRANGERS_OF_NETWORK;
use crate::limits::SIGN_IN_BURST;

fn back(welcome: Welcome) -> Hello {
    Hello {
        credential: welcome.resume,
        ..hello(Method::Resume, None)
    }
}

#[test]
fn regression_a_kicked_client_does_not_come_back_by_its_note() {
    let mut desk = Desk::new(dev());
    let note = back(desk.member(1, "str:dev-anna"));
    assert_eq!(desk.hub.kick(APP, &identity("str:dev-anna")).sessions, 1);
    desk.drain();
    desk.hello(2, note);
    assert_eq!(desk.refusal(2), Refusal::Credential);
    // By its credential it may: only blocking keeps it out for good.
    desk.now += Span::from_secs(1);
    let later = back(desk.member(3, "str:dev-anna"));
    desk.hub.on_disconnected(client(3));
    desk.hello(4, later);
    desk.welcome(4);
}

#[test]
fn regression_who_was_replaced_does_not_come_back_when_the_other_is_gone() {
    let mut desk = Desk::new(dev());
    let first = back(desk.member(1, "str:dev-anna"));
    desk.now += Span::from_millis(1);
    let second = back(desk.member(2, "str:dev-anna"));
    assert_eq!(desk.goodbye(1), Some(Goodbye::Superseded));
    desk.hub.on_disconnected(client(2));
    desk.hello(3, first.clone());
    assert_eq!(desk.refusal(3), Refusal::Credential);
    // Who replaced it may, as often as it likes.
    for number in 4..7 {
        desk.hello(number, second.clone());
        desk.welcome(number);
    }
    desk.hub.on_disconnected(client(6));
    desk.hello(7, first);
    assert_eq!(desk.refusal(7), Refusal::Credential);
}

#[test]
fn regression_a_note_of_the_future_is_not_taken() {
    let mut later = Desk::new(dev());
    later.hub.set_unix_time(later.now, UNIX_US + 301_000_000);
    let note = back(later.member(1, "str:dev-anna"));
    let mut desk = Desk::new(dev());
    desk.hello(1, note.clone());
    assert_eq!(desk.refusal(1), Refusal::Credential);
    // The clocks of hubs may be apart a little.
    desk.hub.set_unix_time(desk.now, UNIX_US + 1_000_000);
    desk.hello(2, note);
    desk.welcome(2);
}

#[test]
fn regression_who_has_no_name_keeps_the_one_of_the_hub_while_the_clock_of_that_is_behind() {
    let policy = || Policy {
        anonymous: true,
        ..Policy::default()
    };
    let mut before = Desk::new(policy());
    before.hello(1, hello(Method::Anonymous, None));
    let welcome = before.welcome(1);
    let name = welcome.identity.clone();
    let note = back(welcome);
    let mut desk = Desk::new(policy());
    desk.hub.set_unix_time(desk.now, UNIX_US - 3600 * 1_000_000);
    desk.hello(1, note.clone());
    let refusal = desk.refusal(1);
    assert!(refusal.may_pass(), "{refusal:?}");
    desk.hub.set_unix_time(desk.now, UNIX_US);
    desk.hello(2, note);
    assert_eq!(desk.welcome(2).identity, name);
}

#[test]
fn regression_who_signs_in_anew_has_used_up_what_it_had() {
    let mut desk = Desk::new(dev());
    let nacks = |desk: &mut Desk, number| {
        for _ in 0..200 {
            let signal = HubSignal {
                number: 5,
                peer: "str:dev-ben".into(),
                payload: Vec::new(),
            };
            desk.say(number, &ToHub::Signal(signal));
        }
        let got = desk.got(number);
        let limited = Some(bowline_core::hub::NackReason::RateLimited);
        let is_limited = |message: &&FromHub| matches!(message, FromHub::Nack { reason, .. } if *reason == limited);
        got.iter().filter(is_limited).count()
    };
    desk.member(1, "str:dev-anna");
    assert!(nacks(&mut desk, 1) > 0);
    desk.hub.on_disconnected(client(1));
    desk.member(2, "str:dev-anna");
    assert_eq!(nacks(&mut desk, 2), 200);
    desk.hub.on_disconnected(client(2));
    desk.now += ALLOWANCE_KEPT;
    desk.member(3, "str:dev-anna");
    assert!(nacks(&mut desk, 3) < 200);
}

#[test]
fn limit_strangers_of_a_network() {
    let mut desk = Desk::new(dev());
    let from = |last: u32| SocketAddr::from(([203, 0, 113, last as u8], 5000));
    let most = MAX_STRANGERS_OF_NETWORK as u32;
    for number in 0..most {
        desk.hub
            .on_connected(desk.now, client(number), from(number));
    }
    desk.hub.on_connected(desk.now, client(most), from(9));
    desk.drain();
    assert_eq!(desk.refusal(most), Refusal::Busy);
    // Who signs in or goes makes room, once.
    desk.say(0, &ToHub::Hello(hello(Method::Dev, Some("str:dev-anna"))));
    desk.welcome(0);
    desk.hub.on_disconnected(client(0));
    desk.hub.on_disconnected(client(1));
    for number in 0..3 {
        let number = most + 1 + number;
        desk.hub.on_connected(desk.now, client(number), from(9));
    }
    desk.drain();
    assert_eq!(desk.got(most + 1), []);
    assert_eq!(desk.got(most + 2), []);
    assert_eq!(desk.refusal(most + 3), Refusal::Busy);
    desk.member(90_000, "str:dev-ben");
}

#[test]
fn this_machine_is_no_network() {
    let mut desk = Desk::new(dev());
    let most = (MAX_STRANGERS_OF_NETWORK as u32).max(SIGN_IN_BURST);
    for number in 0..2 * most {
        let from = SocketAddr::from(([127, 0, 0, 1], 5000));
        desk.hub.on_connected(desk.now, client(number), from);
    }
    desk.drain();
    for number in 0..2 * most {
        let name = format!("str:dev-{number}");
        desk.say(number, &ToHub::Hello(hello(Method::Dev, Some(&name))));
        desk.welcome(number);
    }
}

#[test]
fn regression_turns_of_reading_and_not_reading_take_no_room() {
    let mut desk = Desk::new(dev());
    desk.member(1, "str:dev-anna");
    desk.run_for(HELLO_TIMEOUT);
    for _ in 0..1000 {
        desk.now += Span::from_millis(1);
        desk.hub.on_dropped(desk.now, client(1), b"a signal");
        desk.hub.on_writable(client(1));
    }
    let next = desk.hub.poll_timeout().unwrap();
    assert!(next > desk.now + SLOW_CLIENT, "nothing waits but the note");
    desk.hub.on_dropped(desk.now, client(1), b"a signal");
    desk.hub.on_disconnected(client(1));
    assert_eq!(desk.hub.poll_timeout(), None);
}

#[test]
fn regression_the_hub_follows_the_clock_when_it_is_set() {
    let (mut desk, _) = Desk::with_token_for_a_minute();
    desk.hub.set_unix_time(desk.now, UNIX_US + 61_000_000);
    desk.run_for(Span::from_secs(1));
    assert_eq!(desk.goodbye(1), Some(Goodbye::Expired));
    let (mut back, _) = Desk::with_token_for_a_minute();
    back.hub.set_unix_time(back.now, UNIX_US - 3_600_000_000);
    back.run_for(Span::from_secs(1800));
    assert_eq!(back.goodbye(1), None);
}

#[test]
fn a_hub_that_stops_says_so_and_lets_nobody_in() {
    let mut desk = Desk::new(dev());
    let note = back(desk.member(1, "str:dev-anna"));
    desk.connect(2);
    desk.hub.drain();
    desk.drain();
    assert_eq!(desk.goodbye(1), Some(Goodbye::Draining));
    desk.say(2, &ToHub::Hello(hello(Method::Dev, Some("str:dev-ben"))));
    assert_eq!(desk.refusal(2), Refusal::Busy);
    assert_eq!(desk.hub.sessions(), 0);
    // The note is for the one that comes after.
    let mut next = Desk::new(dev());
    next.hello(1, note);
    next.welcome(1);
}

#[test]
fn regression_a_hub_that_stops_lets_nobody_in_who_is_being_checked() {
    let mut desk = Desk::new(Policy {
        hook: space(&["steamid:"]),
        shared_keys: vec![shared("main", "str:shared-")],
        ..Policy::default()
    });
    desk.hello(1, hello(Method::Hook, None));
    let keyed = Hello {
        credential: b"main".to_vec(),
        ..hello(Method::SharedKey, Some("str:shared-anna"))
    };
    let nonce = challenge(&mut desk, 2, &keyed);
    desk.hub.drain();
    let verdict = Verdict::Good {
        identity: identity("steamid:76561197960287930"),
        expiry_unix_secs: None,
    };
    desk.hub.on_verdict(desk.now, client(1), verdict);
    let statement = keyed.statement(key(HUB_SEED).public().as_bytes(), &nonce);
    desk.say(2, &ToHub::Proof(mac(b"a key of the game", &statement)));
    desk.drain();
    for number in [1, 2] {
        assert_eq!(desk.refusal(number), Refusal::Busy);
    }
    assert_eq!(desk.hub.sessions(), 0);
}
