//! The operator's service: it answers, refuses, lies, hangs and dies.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::web::Manner;
use super::web::Web;
use super::web::nowhere;
use super::*;
use crate::limits::HOOK_FAILURES;
use crate::limits::MAX_HOOK_ANSWER;
use crate::limits::MAX_HOOK_WORDS;
use crate::limits::MIN_HOOK_SECRET_LEN;

const SECRET: &[u8] = b"a secret of some length";
const TIMEOUT: Duration = Duration::from_millis(300);

fn hook_settings(endpoint: Endpoint) -> HookSettings {
    HookSettings {
        endpoint,
        secret: Zeroizing::new(SECRET.to_vec()),
        timeout: TIMEOUT,
        trust: Trust::System,
        identities: space("steamid:"),
    }
}

fn auth(endpoint: Endpoint) -> Auth {
    Auth::new(Vec::new(), Some(hook_settings(endpoint))).unwrap()
}

fn ask(auth: &Auth) -> Verdict {
    auth.check(&question(Method::Hook, b"\x14\x00ticket"))
}

fn say(answer: &Value) -> Manner {
    Manner::Say(answer.to_string())
}

#[test]
fn the_service_is_asked_with_a_signature_and_names_the_identity() {
    let answer = json!({"identity": "steamid:76561197960287930", "expires": 1_900_000_000});
    let web = Web::new(say(&answer));
    let auth = auth(web.endpoint());
    let mut check = question(Method::Hook, b"\x14\x00ticket");
    check.wanted_identity = Some("steamid:76561197960287930".parse().unwrap());
    let good = Verdict::Good {
        identity: "steamid:76561197960287930".parse().unwrap(),
        expiry_unix_secs: Some(1_900_000_000),
    };
    assert_eq!(auth.check(&check), good);
    assert_eq!(auth.counters().hook_accepted, 1);

    let request = String::from_utf8(web.requests().remove(0)).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /path?key=1 HTTP/1.1\r\n"), "{head}");
    let question: Value = serde_json::from_str(body).unwrap();
    let expected = json!({
        "version": 1,
        "app": 480,
        "role": "user",
        "wanted_identity": "steamid:76561197960287930",
        "credential": STANDARD.encode(b"\x14\x00ticket"),
    });
    assert_eq!(question, expected);

    let lower = head.to_lowercase();
    let signature = lower
        .lines()
        .find_map(|line| line.strip_prefix("bowline-signature: "));
    let (at, mac) = signature.unwrap().split_once(",v1=").unwrap();
    let at = at.strip_prefix("t=").unwrap();
    assert!(at.parse::<u64>().unwrap().abs_diff(unix_secs()) < 60);
    let expected = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    let expected = expected.chain_update(format!("{at}.{body}")).finalize();
    let hex: String = expected
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(mac, hex);
}

#[test]
fn a_refusal_of_the_service_reaches_the_client_in_its_words() {
    let web = Web::new(say(&json!({"refused": "the game is not\r\n owned"})));
    let auth = auth(web.endpoint());
    let expected = Verdict::Bad(Refusal::Credential, "the game is not owned".to_owned());
    for _ in 0..2 * HOOK_FAILURES {
        assert_eq!(ask(&auth), expected);
    }
    assert!(!auth.counters().hook_closed);
    web.set(say(&json!({"refused": ""})));
    let words = Fault::HookRefused.words().to_owned();
    assert_eq!(ask(&auth), Verdict::Bad(Refusal::Credential, words));
}

#[cfg(feature = "program")]
#[test]
fn regression_the_operator_is_told_what_is_wrong_with_the_service() {
    let cases = [
        (Manner::Status("401 Unauthorized"), "the answer is 401"),
        (Manner::Status("302 Found"), "the answer is 302"),
        (Manner::Say("<html>".into()), "expected {\"identity\""),
        (
            say(&json!({"identity": "steamid:76561197960287930", "expires": "tomorrow"})),
            "tomorrow",
        ),
        (say(&json!({"identity": "anna"})), "expected {\"identity\""),
        (say(&json!({})), "expected {\"identity\""),
        (
            say(&json!({"identity": "str:anna"})),
            "str:anna is not among steamid:",
        ),
        (say(&json!({"identity": "ip:192.0.2.1"})), "an address"),
    ];
    for (manner, words) in cases {
        let web = Web::new(manner);
        let auth = auth(web.endpoint());
        let log = crate::program::told_by(|| {
            let told = ask(&auth);
            assert!(matches!(told, Verdict::Bad(..)), "{told:?}");
            assert!(!format!("{told:?}").contains(words), "for the log only");
            ask(&auth);
        });
        let lines: Vec<_> = log.lines().collect();
        assert_eq!(lines.len(), 1, "one a second: {log}");
        let line: Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(line["level"], "WARN");
        assert!(line["error"].as_str().unwrap().contains(words), "{line}");
        assert!(!log.contains("192.0.2.1"), "{log}");
    }
}

#[cfg(feature = "program")]
#[test]
fn regression_a_service_that_is_asked_no_more_is_told_of_with_the_cause() {
    let auth = auth(nowhere());
    let log = crate::program::told_by(|| {
        (0..HOOK_FAILURES).for_each(|_| drop(ask(&auth)));
    });
    let closed = log.lines().find(|line| line.contains("not asked")).unwrap();
    let closed: Value = serde_json::from_str(closed).unwrap();
    let error = closed["error"].as_str().unwrap();
    assert!(error.starts_with("no connection"), "{closed}");
}

#[test]
fn limit_words_of_the_service() {
    let web = Web::new(say(&json!({"refused": "ü".repeat(MAX_HOOK_WORDS + 1)})));
    let expected = "ü".repeat(MAX_HOOK_WORDS);
    assert_eq!(
        ask(&auth(web.endpoint())),
        Verdict::Bad(Refusal::Credential, expected)
    );
}

#[test]
fn lies_of_the_service_are_not_believed() {
    let web = Web::new(Manner::Close);
    let cases = [
        (Fault::HookIdentity, say(&json!({"identity": "str:anna"}))),
        (
            Fault::HookIdentity,
            say(&json!({"identity": "str:bowline-hub"})),
        ),
        (Fault::HookAnswer, say(&json!({"identity": "steamid:no"}))),
        (
            Fault::HookAnswer,
            say(&json!({"identity": "steamid:1", "refused": "no"})),
        ),
        (Fault::HookAnswer, say(&json!({"identity": 5}))),
        (Fault::HookAnswer, say(&json!({"expires": 5}))),
        (
            Fault::HookAnswer,
            say(&json!({"identity": "steamid:76561197960287930", "expires": -1})),
        ),
        (Fault::HookAnswer, say(&json!({}))),
        (Fault::HookAnswer, say(&json!([]))),
        (Fault::HookAnswer, Manner::Say("<html>".to_owned())),
        (Fault::HookAnswer, Manner::Say(String::new())),
        (
            Fault::HookAnswer,
            Manner::Say(" ".repeat(MAX_HOOK_ANSWER as usize + 1)),
        ),
        (Fault::HookAnswer, Manner::Flood),
        (
            Fault::HookAnswer,
            Manner::Raw(b"SSH-2.0-hello\r\n\r\n".to_vec()),
        ),
        (
            Fault::HookStatus,
            Manner::Status("302 Found\r\nLocation: http://127.0.0.1:1/"),
        ),
        (
            Fault::HookStatus,
            Manner::Status("307 Temporary\r\nLocation: http://127.0.0.1:1/"),
        ),
        (Fault::HookStatus, Manner::Status("204 No Content")),
        (Fault::HookStatus, Manner::Status("401 Unauthorized")),
        (
            Fault::HookStatus,
            Manner::Status("500 Internal Server Error"),
        ),
    ];
    let auth = auth(web.endpoint());
    for (expected, manner) in cases {
        web.set(manner.clone());
        let Verdict::Bad(refusal, text) = ask(&auth) else {
            panic!("believed: {manner:?}");
        };
        assert_eq!(
            (refusal, text.as_str()),
            (expected.refusal(), expected.words()),
            "{manner:?}"
        );
    }
    assert!(!auth.counters().hook_closed, "who answers is not dead");
}

#[test]
fn limit_bytes_of_an_answer() {
    let answer = json!({"identity": "steamid:76561197960287930"}).to_string();
    let width = MAX_HOOK_ANSWER as usize;
    let web = Web::new(Manner::Say(format!("{answer:<width$}")));
    let auth = auth(web.endpoint());
    assert!(matches!(ask(&auth), Verdict::Good { .. }));
    web.set(Manner::Say(format!("{answer:<0$}", width + 1)));
    assert!(matches!(ask(&auth), Verdict::Bad(Refusal::Unavailable, _)));
}

#[test]
fn a_service_that_hangs_is_given_up_and_then_left_alone() {
    for manner in [Manner::Hang, Manner::Trickle] {
        let web = Web::new(manner.clone());
        let auth = auth(web.endpoint());
        for _ in 0..HOOK_FAILURES {
            let began = Instant::now();
            let words = Fault::HookTimeout.words().to_owned();
            assert_eq!(
                ask(&auth),
                Verdict::Bad(Refusal::Unavailable, words),
                "{manner:?}"
            );
            assert!(began.elapsed() < 10 * TIMEOUT, "{:?}", began.elapsed());
        }
        // On a stalled machine the pause may be over before it is asked; the next one is longer.
        let is_left_alone = |_: &u32| {
            let before = web.connections();
            let words = Fault::HookClosed.words().to_owned();
            let is_closed = ask(&auth) == Verdict::Bad(Refusal::Unavailable, words);
            is_closed && web.connections() == before
        };
        assert!((0..5).find(is_left_alone).is_some(), "{manner:?}");
        assert!(auth.counters().hook_closed);
    }
}

#[test]
fn a_service_that_comes_back_is_asked_again() {
    let auth = auth(nowhere());
    for _ in 0..HOOK_FAILURES {
        let words = Fault::HookUnreachable.words().to_owned();
        assert_eq!(ask(&auth), Verdict::Bad(Refusal::Unavailable, words));
    }
    assert!(auth.counters().hook_closed);

    let web = Web::new(Manner::Hang);
    let auth = Auth::new(Vec::new(), Some(hook_settings(web.endpoint()))).unwrap();
    for _ in 0..HOOK_FAILURES {
        ask(&auth);
    }
    web.set(say(&json!({"identity": "steamid:76561197960287930"})));
    let began = Instant::now();
    while !matches!(ask(&auth), Verdict::Good { .. }) {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!auth.counters().hook_closed);
}

#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    let mut settings = hook_settings(nowhere());
    settings.secret = Zeroizing::new(vec![b'x'; MIN_HOOK_SECRET_LEN - 1]);
    let error = Auth::new(Vec::new(), Some(settings)).unwrap_err();
    assert!(matches!(error, AuthError::ShortSecret(_)), "{error}");
    let shown = format!("{:?}", hook_settings(nowhere()));
    assert!(!shown.contains("secret"), "{shown}");
}
