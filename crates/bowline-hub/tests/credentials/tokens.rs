//! Tokens of an identity provider.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bowline::Availability;
use bowline::hub::HubLogin;
use bowline_core::hub::limits::MAX_HUB_CREDENTIAL;
use bowline_hub::auth::Fault;
use bowline_hub::limits::MAX_TOKEN_LEN;
use bowline_hub::limits::TOKEN_LEEWAY_SECS;
use serde_json::Value;
use serde_json::json;

use super::Manner;
use super::Place;
use super::Signer;
use super::jwks;
use super::put_off;
use super::signer::claims;
use super::signer::unix_secs;
use super::stood;
use super::turned_away;
use super::until;
use super::world::id;

fn login(signer: &Signer, claims: &Value) -> HubLogin {
    HubLogin::jwt(String::from_utf8(signer.sign(claims)).unwrap())
}

/// The claims with one of them different.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

/// A token with this header, and the signature of another.
fn raw(header: &Value, signature: &[u8]) -> HubLogin {
    let parts = [
        header.to_string().as_bytes(),
        claims().to_string().as_bytes(),
        signature,
    ]
    .map(|part| URL_SAFE_NO_PAD.encode(part));
    HubLogin::jwt(parts.join("."))
}

#[test]
fn a_good_token_gives_its_identity_and_a_certificate() {
    for signer in [
        Signer::ed25519("one"),
        Signer::p256("one"),
        Signer::rsa("one"),
    ] {
        let place = Place::new(&[&signer]);
        let anna = place.enter(login(&signer, &claims()));
        assert_eq!(anna.identity(), id("str:acme-anna"));
        // It is told only with a certificate.
        assert!(anna.authentication().availability.is_current());
        assert_eq!(place.auth.counters().tokens_accepted, 1);
        place.check_bystander();
    }
}

#[test]
fn the_end_of_a_token_is_that_of_the_certificate_which_the_client_knows() {
    let signer = Signer::ed25519("one");
    let place = Place::new(&[&signer]);
    let end = unix_secs() + 1000;
    let anna = place.enter(login(&signer, &with("exp", json!(end))));
    let status = anna.hub_status().unwrap();
    let leeway = TOKEN_LEEWAY_SECS;
    assert_eq!(status.certificate_expiry_unix_secs, Some(end + leeway));
}

#[test]
fn a_token_that_is_not_good_is_refused_in_words_and_disturbs_nobody() {
    let signer = Signer::ed25519("one");
    let place = Place::new(&[&signer]);
    let now = unix_secs();
    let foreign = with("iss", json!("https://elsewhere.example/"));
    let cases = [
        (
            Fault::TokenExpired,
            login(&signer, &with("exp", json!(now - 61))),
        ),
        (Fault::TokenIssuer, login(&signer, &foreign)),
        (
            Fault::TokenAudience,
            login(&signer, &with("aud", json!("other-game"))),
        ),
        (Fault::TokenApp, login(&signer, &with("app", json!(570)))),
        (
            Fault::TokenKey,
            login(&Signer::ed25519("nobody's"), &claims()),
        ),
        (
            Fault::TokenSignature,
            login(&Signer::ed25519("one"), &claims()),
        ),
        (
            Fault::TokenAlgorithm,
            login(&Signer::p256("one"), &claims()),
        ),
        (
            Fault::TokenAlgorithm,
            raw(&json!({"alg": "none", "kid": "one"}), b""),
        ),
        (
            Fault::TokenSignature,
            raw(&json!({"alg": "EdDSA", "kid": "one"}), &[0; 64]),
        ),
        (
            Fault::TokenIdentity,
            login(&signer, &with("sub", json!("x".repeat(40)))),
        ),
        (Fault::TokenMalformed, HubLogin::jwt("")),
        (Fault::TokenMalformed, HubLogin::jwt("not.a.token")),
        (
            Fault::TokenTooLong,
            HubLogin::jwt("x".repeat(MAX_TOKEN_LEN + 1)),
        ),
    ];
    for (fault, login) in cases {
        let before = place.count(fault);
        let text = place.refused(login);
        let words = match fault {
            // More precisely.
            Fault::TokenIdentity => "the claims give no identity",
            fault => fault.words(),
        };
        let reason = fault.refusal();
        assert!(text.starts_with(&format!("{reason}: {words}")), "{text}");
        assert_eq!(place.count(fault), before + 1, "{text}");
    }
    place.check_bystander();
    // None of it is in the way of a good one.
    place.enter(login(&signer, &claims()));
    assert_eq!(place.provider.connections(), 2, "one for the unknown key");
}

#[test]
fn who_has_a_token_of_the_future_is_to_come_again() {
    let signer = Signer::ed25519("one");
    let place = Place::new(&[&signer]);
    let later = with("nbf", json!(unix_secs() + 120));
    let text = put_off(&place.begin(login(&signer, &later)));
    assert!(text.contains(Fault::TokenNotYet.words()), "{text}");
    assert_eq!(place.count(Fault::TokenNotYet), 1);
}

#[test]
fn regression_a_credential_that_fits_into_no_message_is_refused_at_once() {
    let place = Place::new(&[]);
    for length in [MAX_HUB_CREDENTIAL + 1, 200_000, 2_000_000] {
        for login in [
            HubLogin::jwt("x".repeat(length)),
            HubLogin::hook(vec![b'x'; length]),
        ] {
            let sockets = place.begin(login);
            until(&sockets, Availability::Failed);
            // It does not even begin.
            let steps = [Availability::Waiting, Availability::Failed];
            assert_eq!(stood(&sockets), steps);
            let text = sockets.hub_status().unwrap().text;
            assert!(text.contains("longer than 16384 bytes"), "{text}");
        }
    }
    let standing = place.world.hub.as_ref().unwrap().handle().standing();
    assert_eq!(standing.unwrap().connections, 1);
    place.check_bystander();
}

#[test]
fn who_wants_to_be_somebody_else_than_the_token_says_is_refused() {
    let signer = Signer::ed25519("one");
    let place = Place::new(&[&signer]);
    let good = || place.world.config(login(&signer, &claims()));
    for wanted in ["str:acme-ben", "str:dev-ben", "steamid:76561197960287930"] {
        let text = turned_away(&place.begin_with(good().identity(id(wanted))));
        assert!(text.contains("for another identity"), "{text}");
        // The same by the identity of the interface.
        let sockets = place.world.builder().identity(id(wanted)).build().unwrap();
        sockets.sign_in(good());
        let text = turned_away(&sockets);
        assert!(text.contains("for another identity"), "{text}");
        assert_eq!(sockets.identity(), id(wanted));
    }
    let named = place.begin_with(good().identity(id("str:acme-anna")));
    until(&named, Availability::Current);
    assert_eq!(named.identity(), id("str:acme-anna"));
    place.check_bystander();
}

#[test]
fn another_token_signs_in_who_was_refused() {
    let signer = Signer::ed25519("one");
    let place = Place::new(&[&signer]);
    let expired = with("exp", json!(unix_secs() - 3600));
    let anna = place.begin(login(&signer, &expired));
    turned_away(&anna);
    anna.sign_in(place.world.config(login(&signer, &claims())));
    until(&anna, Availability::Current);
    assert_eq!(anna.identity(), id("str:acme-anna"));
    place.check_bystander();
}

#[test]
fn without_the_providers_keys_players_wait_and_come_in_once_they_are_there() {
    let signer = Signer::ed25519("one");
    let place = Place::new(&[&signer]);
    place.provider.set(Manner::Close);
    let anna = place.begin(login(&signer, &claims()));
    let text = put_off(&anna);
    assert!(text.contains("cannot be fetched at the moment"), "{text}");
    assert_eq!(place.auth.counters().keys_failed, 1);
    // Who signs in by other means does not wait for that.
    drop(place.world.signed_in("str:dev-carl"));
    place.provider.set(Manner::Say(jwks(&[&signer])));
    until(&anna, Availability::Current);
    assert_eq!(anna.identity(), id("str:acme-anna"));
    // Keys that are there are good without the provider.
    place.provider.set(Manner::Hang);
    let asked = place.provider.connections();
    place.enter(login(&signer, &with("sub", json!("dora"))));
    assert_eq!(place.provider.connections(), asked);
    place.check_bystander();
}

#[test]
fn regression_keys_are_fetched_before_anybody_has_a_token() {
    let signer = Signer::ed25519("one");
    let place = Place::new(&[&signer]);
    place.auth.fetch_keys();
    assert_eq!(place.auth.counters().keys_fetched, 1);
    place.enter(login(&signer, &claims()));
    assert_eq!(place.provider.connections(), 1, "they are there");
}

#[test]
fn a_new_key_is_fetched_and_the_old_one_is_out() {
    let (old, new) = (Signer::ed25519("old"), Signer::p256("new"));
    let place = Place::new(&[&old]);
    let anna = place.enter(login(&old, &claims()));
    place.provider.set(Manner::Say(jwks(&[&new])));
    let ben = place.enter(login(&new, &with("sub", json!("ben"))));
    assert_eq!(ben.identity(), id("str:acme-ben"));
    let text = place.refused(login(&old, &with("sub", json!("carl"))));
    assert!(text.contains(Fault::TokenKey.words()), "{text}");
    assert_eq!(place.auth.counters().keys_fetched, 2);
    // Who is in stays.
    assert_eq!(stood(&anna).last(), Some(&Availability::Current));
    assert!(anna.authentication().availability.is_current());
    place.check_bystander();
}
