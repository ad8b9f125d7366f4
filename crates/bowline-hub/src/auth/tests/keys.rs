//! Keys that are served, rotated, garbage, and not to be had.

use super::web::Manner;
use super::web::Web;
use super::web::nowhere;
use super::*;
use crate::auth::fault::Refused;
use crate::auth::jwks::KeySet;
use crate::auth::jwks::KeySetError;
use crate::auth::keys::Times;
use crate::limits::MAX_JWKS_KEYS;
use crate::limits::MAX_JWKS_LEN;

const NEVER: Duration = Duration::from_secs(3600);

fn times() -> Times {
    Times {
        max_age: NEVER,
        retry: Duration::ZERO,
        unknown: NEVER,
        max_stale: NEVER,
    }
}

fn issuer(source: KeySource, times: Times) -> Issuer {
    Issuer::with_times(settings(source), times).unwrap()
}

fn at(web: &Web, times: Times) -> Issuer {
    issuer(KeySource::Url(web.endpoint(), Trust::System), times)
}

fn check(issuer: &Issuer, signer: &Signer) -> Result<(), Fault> {
    let token = signer.sign(&claims());
    let good = issuer.check(&Peek::at(&token).unwrap(), APP);
    good.map(|_| ()).map_err(|refused: Refused| refused.fault)
}

fn counters(issuer: &Issuer) -> (u64, u64) {
    let mut counters = AuthCounters::default();
    issuer.keys().add_to(&mut counters);
    (counters.keys_fetched, counters.keys_failed)
}

#[test]
fn keys_are_fetched_once_and_kept() {
    let signer = Signer::ed25519("one");
    let web = Web::new(Manner::Say(jwks(&[&signer])));
    let issuer = at(&web, times());
    for _ in 0..5 {
        assert_eq!(check(&issuer, &signer), Ok(()));
    }
    assert_eq!((web.connections(), counters(&issuer)), (1, (1, 0)));
    let request = String::from_utf8(web.requests().remove(0)).unwrap();
    assert!(
        request.starts_with("GET /path?key=1 HTTP/1.1\r\n"),
        "{request}"
    );
}

#[test]
fn a_new_key_is_fetched_when_it_is_first_seen() {
    let (old, new) = (Signer::ed25519("old"), Signer::ed25519("new"));
    let web = Web::new(Manner::Say(jwks(&[&old])));
    let issuer = at(&web, times());
    assert_eq!(check(&issuer, &old), Ok(()));
    web.set(Manner::Say(jwks(&[&old, &new])));
    assert_eq!(check(&issuer, &new), Ok(()));
    assert_eq!(check(&issuer, &old), Ok(()));
    web.set(Manner::Say(jwks(&[&new])));
    assert_eq!(
        check(&issuer, &old),
        Ok(()),
        "until the keys are fetched again"
    );
    assert_eq!(web.connections(), 2);
}

#[test]
fn limit_fetches_for_unknown_keys() {
    let (ours, other) = (Signer::ed25519("ours"), Signer::ed25519("other"));
    let web = Web::new(Manner::Say(jwks(&[&ours])));
    let issuer = at(&web, times());
    for _ in 0..20 {
        assert_eq!(check(&issuer, &other), Err(Fault::TokenKey));
    }
    assert_eq!(check(&issuer, &ours), Ok(()));
    assert_eq!(web.connections(), 2);
}

#[test]
fn a_key_that_the_issuer_took_back_ends_with_the_age_of_the_keys() {
    let (old, new) = (Signer::ed25519("old"), Signer::ed25519("new"));
    let web = Web::new(Manner::Say(jwks(&[&old])));
    let max_age = Duration::from_millis(50);
    let issuer = at(&web, Times { max_age, ..times() });
    assert_eq!(check(&issuer, &old), Ok(()));
    web.set(Manner::Say(jwks(&[&new])));
    std::thread::sleep(max_age);
    assert_eq!(check(&issuer, &old), Err(Fault::TokenKey));
}

#[test]
fn keys_stay_good_while_the_issuer_is_dead_but_not_for_ever() {
    let signer = Signer::ed25519("one");
    let web = Web::new(Manner::Say(jwks(&[&signer])));
    let short = Duration::from_millis(1);
    let max_stale = Duration::from_millis(800);
    let issuer = at(
        &web,
        Times {
            max_age: short,
            max_stale,
            ..times()
        },
    );
    let began = Instant::now();
    assert_eq!(check(&issuer, &signer), Ok(()));
    for manner in [
        Manner::Status("500 Internal Server Error"),
        Manner::Status("302 Found\r\nLocation: http://127.0.0.1:1/"),
        Manner::Say("<html>".to_owned()),
        Manner::Say(json!({"keys": []}).to_string()),
        Manner::Close,
        Manner::Flood,
        Manner::Raw(b"SSH-2.0-hello\r\n".to_vec()),
        Manner::Raw([&b"HTTP/1.1 200 OK\r\nX: "[..], &[b'x'; 100_000]].concat()),
    ] {
        web.set(manner.clone());
        std::thread::sleep(2 * short);
        let checked = check(&issuer, &signer);
        if began.elapsed() < max_stale {
            assert_eq!(checked, Ok(()), "{manner:?}");
        }
    }
    let (fetched, failed) = counters(&issuer);
    assert_eq!(fetched, 1);
    assert!(failed >= 8, "{failed}");
    std::thread::sleep(max_stale.saturating_sub(began.elapsed()));
    assert_eq!(check(&issuer, &signer), Err(Fault::KeysUnavailable));
    web.set(Manner::Say(jwks(&[&signer])));
    assert_eq!(check(&issuer, &signer), Ok(()));
}

#[test]
fn without_keys_clients_are_told_to_come_again() {
    let signer = Signer::ed25519("one");
    let source = KeySource::Url(nowhere(), Trust::System);
    let issuer = issuer(
        source,
        Times {
            retry: NEVER,
            ..times()
        },
    );
    for _ in 0..3 {
        assert_eq!(check(&issuer, &signer), Err(Fault::KeysUnavailable));
    }
    assert_eq!(counters(&issuer), (0, 1), "tried again before its time");
    assert!(Fault::KeysUnavailable.refusal().may_pass());
}

#[test]
fn one_fetches_and_the_others_wait_or_go_on() {
    let signer = Signer::ed25519("one");
    let web = Web::new(Manner::Say(jwks(&[&signer])));
    let issuer = at(&web, times());
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| check(&issuer, &signer)))
            .collect();
        for one in all {
            assert_eq!(one.join().unwrap(), Ok(()));
        }
    });
    assert_eq!(web.connections(), 1);
}

#[test]
fn keys_of_a_file_are_read_again() {
    let (old, new) = (Signer::ed25519("old"), Signer::ed25519("new"));
    let name = format!("bowline-hub-jwks-{}.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, jwks(&[&old])).unwrap();
    let issuer = issuer(KeySource::File(path.clone()), times());
    assert_eq!(check(&issuer, &old), Ok(()));
    std::fs::write(&path, jwks(&[&new])).unwrap();
    assert_eq!(check(&issuer, &new), Ok(()));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(check(&issuer, &new), Ok(()));
}

#[test]
fn limit_bytes_of_a_set_of_keys() {
    let signer = Signer::ed25519("one");
    let set = jwks(&[&signer]);
    for (length, expected) in [
        (MAX_JWKS_LEN as usize, Ok(())),
        (MAX_JWKS_LEN as usize + 1, Err(Fault::KeysUnavailable)),
    ] {
        let padded = set.clone() + &" ".repeat(length - set.len());
        let web = Web::new(Manner::Say(padded.clone()));
        assert_eq!(check(&at(&web, times()), &signer), expected);
        let path =
            std::env::temp_dir().join(format!("bowline-hub-jwks-{length}-{}", std::process::id()));
        std::fs::write(&path, &padded).unwrap();
        let of_file = issuer(KeySource::File(path.clone()), times());
        assert_eq!(check(&of_file, &signer), expected);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn limit_keys_of_a_set() {
    let jwk = Signer::ed25519("one").jwk();
    let set = |count: usize| json!({"keys": vec![jwk.clone(); count]}).to_string();
    let parse = |count| KeySet::parse(set(count).as_bytes()).map(|keys| keys.len());
    assert_eq!(parse(MAX_JWKS_KEYS), Ok(MAX_JWKS_KEYS));
    assert_eq!(parse(MAX_JWKS_KEYS + 1), Err(KeySetError::TooMany));
}

#[test]
fn keys_that_do_not_verify_are_left_out() {
    let good = Signer::ed25519("one").jwk();
    let change = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        jwk
    };
    for bad in [
        change("use", json!("enc")),
        change("key_ops", json!(["sign"])),
        change("kty", json!("oct")),
        change("crv", json!("Ed448")),
        change("alg", json!("HS512+")),
        change("kid", json!(5)),
        json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "one"}),
        json!(null),
        json!([]),
    ] {
        let only = json!({"keys": [bad]}).to_string();
        let error = KeySet::parse(only.as_bytes()).unwrap_err();
        assert_eq!(error, KeySetError::NoneOfUse, "{bad}");
        let both = json!({"keys": [bad, good]}).to_string();
        let keys = KeySet::parse(both.as_bytes()).unwrap();
        assert!(keys.find(Some("one"), Algorithm::EdDSA).is_ok());
        assert_eq!(keys.len(), 1);
    }
    for text in ["", "{}", "[]", "{\"keys\": 1}", "null"] {
        assert_eq!(
            KeySet::parse(text.as_bytes()).unwrap_err(),
            KeySetError::NoSet
        );
    }
}
