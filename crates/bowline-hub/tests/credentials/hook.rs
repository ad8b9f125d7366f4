//! Tickets that the operator's own service is asked about.

use std::time::Instant;

use bowline::Availability;
use bowline::hub::HubLogin;
use bowline_hub::auth::Fault;
use bowline_hub::limits::HOOK_FAILURES;
use serde_json::Value;
use serde_json::json;

use super::HOOK_TIMEOUT;
use super::Manner;
use super::Place;
use super::Signer;
use super::put_off;
use super::signer::claims;
use super::signer::unix_secs;
use super::stood;
use super::turned_away;
use super::until;
use super::world::eventually;
use super::world::id;

const ANNA: &str = "steamid:76561197960287930";

fn say(answer: &Value) -> Manner {
    Manner::Say(answer.to_string())
}

fn ticket() -> HubLogin {
    HubLogin::hook(b"\x14\x00a ticket".as_slice())
}

#[test]
fn the_service_names_the_player() {
    let place = Place::new(&[]);
    place.service.set(say(&json!({"identity": ANNA})));
    let anna = place.enter(ticket());
    assert_eq!(anna.identity(), id(ANNA));
    assert_eq!(place.auth.counters().hook_accepted, 1);
    place.check_bystander();
}

#[test]
fn a_refusal_of_the_service_is_told_in_its_words() {
    let place = Place::new(&[]);
    let refused = json!({"refused": "the game is not owned"});
    place.service.set(say(&refused));
    let text = place.refused(ticket());
    assert_eq!(text, "the credential is not valid: the game is not owned");
    assert_eq!(place.service.connections(), 1);
    place.check_bystander();
}

#[test]
fn lies_of_the_service_let_nobody_in() {
    let place = Place::new(&[]);
    // Identities that are not the service's to give, and one whose time is over: nothing to try again.
    for (answer, words) in [
        (
            json!({"identity": "str:dev-ben"}),
            Fault::HookIdentity.words(),
        ),
        (
            json!({"identity": "str:acme-anna"}),
            Fault::HookIdentity.words(),
        ),
        (
            json!({"identity": "str:bowline-hub"}),
            Fault::HookIdentity.words(),
        ),
        (
            json!({"identity": ANNA, "expires": unix_secs() - 1}),
            "the credential has expired",
        ),
    ] {
        place.service.set(say(&answer));
        let text = place.refused(ticket());
        assert!(text.ends_with(words), "{answer}: {text}");
    }
    // Somebody else than the player says it is.
    place.service.set(say(&json!({"identity": ANNA})));
    let config = place.world.config(ticket());
    let other = config.identity(id("steamid:76561197960287931"));
    let text = turned_away(&place.begin_with(other));
    assert!(text.contains("for another identity"), "{text}");
    place.check_bystander();
    let standing = place.world.hub.as_ref().unwrap().handle().standing();
    assert_eq!(standing.unwrap().sessions, 1);
}

#[test]
fn a_service_that_fails_is_asked_again_and_lets_in_once_it_works() {
    let place = Place::new(&[]);
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{\"identity\": \"steam".to_vec();
    let cases = [
        (say(&json!({})), Fault::HookAnswer),
        (
            say(&json!({"identity": ANNA, "refused": "no"})),
            Fault::HookAnswer,
        ),
        (Manner::Say("<html>".to_owned()), Fault::HookAnswer),
        (Manner::Flood, Fault::HookAnswer),
        (
            Manner::Status("500 Internal Server Error"),
            Fault::HookStatus,
        ),
        (Manner::Close, Fault::HookUnreachable),
        (Manner::Raw(cut), Fault::HookUnreachable),
        (Manner::Hang, Fault::HookTimeout),
    ];
    let mut waiting = Vec::new();
    for (manner, fault) in cases {
        place.service.set(manner.clone());
        let sockets = place.begin(ticket());
        let text = put_off(&sockets);
        assert!(text.ends_with(fault.words()), "{manner:?}: {text}");
        assert!(text.starts_with(&fault.refusal().to_string()), "{text}");
        // Others come in as ever.
        drop(place.world.signed_in("str:dev-carl"));
        waiting.push(sockets);
        // Two of them would be one player.
        if waiting.len() > 1 {
            waiting.remove(0).sign_out();
        }
    }
    place.service.set(say(&json!({"identity": ANNA})));
    let anna = waiting.pop().unwrap();
    until(&anna, Availability::Current);
    assert_eq!(anna.identity(), id(ANNA));
    place.check_bystander();
}

#[test]
fn while_the_service_hangs_others_sign_in_at_once() {
    let signer = Signer::ed25519("one");
    let place = Place::new(&[&signer]);
    // Keys are there already.
    let token = || HubLogin::jwt(String::from_utf8(signer.sign(&claims())).unwrap());
    drop(place.enter(token()));
    let crowd: Vec<_> = (0..30).map(|_| place.begin(ticket())).collect();
    let began = Instant::now();
    drop(place.enter(token()));
    drop(place.world.signed_in("str:dev-carl"));
    let took = began.elapsed();
    for sockets in &crowd {
        let text = put_off(sockets);
        assert!(text.contains("the sign-in service"), "{text}");
    }
    assert!(took < HOOK_TIMEOUT * 10, "{took:?}");
    assert!(place.auth.counters().hook_closed);
    assert!(place.count(Fault::HookTimeout) >= u64::from(HOOK_FAILURES));
    assert!(place.count(Fault::HookClosed) > 0);
    place.check_bystander();
}

#[test]
fn a_session_ends_with_what_the_service_gave_it_for() {
    let place = Place::new(&[]);
    let expires = unix_secs() + 3;
    place
        .service
        .set(say(&json!({"identity": ANNA, "expires": expires})));
    let anna = place.enter(ticket());
    assert_eq!(stood(&anna).last(), Some(&Availability::Current));
    place
        .service
        .set(say(&json!({"refused": "the subscription is over"})));
    until(&anna, Availability::Failed);
    assert!(unix_secs() >= expires);
    let text = anna.hub_status().unwrap().text;
    assert!(text.ends_with("the subscription is over"), "{text}");
    // Asked when it came and when its time was over.
    assert_eq!(place.service.connections(), 2);
    place.check_bystander();
}

#[test]
fn who_came_without_an_end_is_not_asked_about_again() {
    let mut place = Place::new(&[]);
    place.service.set(say(&json!({"identity": ANNA})));
    let anna = place.enter(ticket());
    let session = anna.hub_status().unwrap().session;
    // The service is down when the hub starts anew.
    place.service.set(Manner::Close);
    place.world.kill();
    place.world.start();
    eventually("back", || {
        let status = anna.hub_status().unwrap();
        status.availability.is_current() && status.session != session
    });
    assert_eq!(place.service.connections(), 1);
    assert_eq!(anna.identity(), id(ANNA));
}
