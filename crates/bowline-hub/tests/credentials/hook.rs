//! Tickets that the operator's own service is asked about.

use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use bowline::Availability;
use bowline::hub::HubLogin;
use bowline_hub::auth::Endpoint;
use bowline_hub::auth::Fault;
use bowline_hub::keys::HubKeys;
use bowline_hub::limits::HOOK_FAILURES;
use serde_json::Value;
use serde_json::json;
use zeroize::Zeroizing;

use super::HOOK_TIMEOUT;
use super::Manner;
use super::Place;
use super::SECRET;
use super::SHORT_TIMEOUT;
use super::Signer;
use super::Web;
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
    ];
    // Side by side: the hub has each come again after some seconds only.
    std::thread::scope(|scope| {
        for (manner, fault) in cases {
            scope.spawn(move || lets_in_once_it_works(&Place::new(&[]), manner, fault));
        }
    });
}

#[test]
fn a_service_that_hangs_is_asked_again_and_lets_in_once_it_works() {
    let place = Place::with_timeout(&[], SHORT_TIMEOUT);
    lets_in_once_it_works(&place, Manner::Hang, Fault::HookTimeout);
}

/// The service has failed nobody yet: after some failures it is not asked for a while, and the fault is another.
fn lets_in_once_it_works(place: &Place, manner: Manner, fault: Fault) {
    place.service.set(manner.clone());
    let anna = place.begin(ticket());
    let text = put_off(&anna);
    assert!(text.ends_with(fault.words()), "{manner:?}: {text}");
    assert!(text.starts_with(&fault.refusal().to_string()), "{text}");
    // Others come in as ever.
    drop(place.world.signed_in("str:dev-carl"));
    place.service.set(say(&json!({"identity": ANNA})));
    until(&anna, Availability::Current);
    assert_eq!(anna.identity(), id(ANNA));
    place.check_bystander();
}

#[test]
fn while_the_service_hangs_others_sign_in_at_once() {
    let signer = Signer::ed25519("one");
    let place = Place::with_timeout(&[&signer], SHORT_TIMEOUT);
    // Keys are there already.
    let token = || HubLogin::jwt(String::from_utf8(signer.sign(&claims())).unwrap());
    drop(place.enter(token()));
    let crowd: Vec<_> = (0..30).map(|_| place.begin(ticket())).collect();
    let began = Instant::now();
    drop(place.enter(token()));
    drop(place.world.signed_in("str:dev-carl"));
    // Not after one another.
    assert!(began.elapsed() < Duration::from_secs(10));
    for sockets in &crowd {
        let text = put_off(sockets);
        assert!(text.contains("the sign-in service"), "{text}");
    }
    assert!(place.auth.counters().hook_closed);
    assert!(place.count(Fault::HookTimeout) >= u64::from(HOOK_FAILURES));
    assert!(place.count(Fault::HookClosed) > 0);
    place.check_bystander();
}

#[test]
fn a_session_ends_with_what_the_service_gave_it_for() {
    let place = Place::new(&[]);
    let expires = unix_secs() + 8;
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

#[test]
fn who_was_refused_may_ask_again_when_it_wants() {
    let place = Place::new(&[]);
    place
        .service
        .set(say(&json!({"refused": "the account is new"})));
    let anna = place.begin(ticket());
    turned_away(&anna);
    place.service.set(say(&json!({"identity": ANNA})));
    std::thread::sleep(SHORT_TIMEOUT);
    assert_eq!(stood(&anna), []);
    anna.init_authentication();
    until(&anna, Availability::Current);
    assert_eq!(anna.identity(), id(ANNA));
}

#[test]
fn a_credential_is_asked_for_again_once_the_key_of_resumptions_is_gone() {
    let mut place = Place::new(&[]);
    place.service.set(say(&json!({"identity": ANNA})));
    let anna = place.enter(ticket());
    let mut restart = |change: &dyn Fn(&mut HubKeys)| {
        let session = anna.hub_status().unwrap().session;
        place.world.kill();
        change(&mut place.world.keys);
        place.world.start();
        eventually("back", || {
            let status = anna.hub_status().unwrap();
            status.availability.is_current() && status.session != session
        });
        place.service.connections()
    };
    // Another key signs, and the one before is still known.
    let asked = restart(&|keys| {
        let before = std::mem::replace(&mut keys.resumption, Zeroizing::new([7; 32]));
        keys.other_resumptions.push(before);
    });
    assert_eq!(asked, 1);
    assert_eq!(restart(&|keys| keys.other_resumptions.clear()), 1);
    // As after a leak: nothing of before is taken.
    let asked = restart(&|keys| keys.resumption = Zeroizing::new([8; 32]));
    assert_eq!(asked, 2);
}

/// The backend of the operator's guide, asked by a hub. It asks what it takes for Steam.
#[test]
fn the_backend_of_the_guide_lets_in_who_has_a_ticket() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/hub.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let mut blocks = guide.split("```python\n").skip(1);
    let code = blocks.find_map(|block| {
        let (code, _) = block.split_once("```").unwrap();
        code.contains("class Hook").then_some(code)
    });
    let code = code.unwrap();
    let steam = Web::new(Manner::Close);
    let port = free_port();
    let here = steam.endpoint().to_string();
    let code = code
        .replace(
            "https://partner.steam-api.com/ISteamUserAuth/AuthenticateUserTicket/v1/",
            &here,
        )
        .replace("8080", &port.to_string());
    assert!(code.contains(&here) && code.contains(&port.to_string()));
    let backend = Command::new("python3")
        .args(["-c", &code])
        .env("HOOK_SECRET", SECRET)
        .env("STEAM_KEY", "a key")
        .stderr(Stdio::null())
        .spawn();
    let Ok(backend) = backend else {
        eprintln!("without python3 the backend of the guide is not tried");
        return;
    };
    let _backend = Backend(backend);
    eventually("the backend listens", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let url = format!("http://127.0.0.1:{port}/check");
    let place = Place::with_service(&[], Endpoint::new(&url, false).unwrap(), HOOK_TIMEOUT);
    let told = |params: &Value| say(&json!({"response": {"params": params}}));
    let mut params = json!({
        "result": "OK",
        "steamid": "76561197960287930",
        "ownersteamid": "76561197960287930",
        "vacbanned": false,
        "publisherbanned": false,
    });
    steam.set(told(&params));
    let anna = place.enter(ticket());
    assert_eq!(anna.identity(), id(ANNA));
    let asked = String::from_utf8(steam.requests().remove(0)).unwrap();
    let ticket_in_hex = "140061207469636b6574";
    let query = format!("?key=a+key&appid=480&ticket={ticket_in_hex}&identity=bowline");
    assert!(asked.contains(&query), "{asked}");
    params["publisherbanned"] = json!(true);
    steam.set(told(&params));
    let text = place.refused(ticket());
    assert!(text.ends_with("Steam says no"), "{text}");
    // Steam says so of a ticket that is none.
    let error = json!({"errorcode": 101, "errordesc": "Invalid ticket"});
    steam.set(say(&json!({"response": {"error": error}})));
    let text = place.refused(ticket());
    assert!(text.ends_with("Steam says no"), "{text}");
    // Without Steam nobody can be told apart: it is tried again.
    steam.set(Manner::Close);
    put_off(&place.begin(ticket()));
    place.check_bystander();
}

/// A process that ends with the test.
struct Backend(Child);

impl Drop for Backend {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
