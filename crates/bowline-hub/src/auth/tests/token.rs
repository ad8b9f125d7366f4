//! Tokens that are good, and all the ways in which they are not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::web::Manner;
use super::web::Web;
use super::*;
use crate::limits::MAX_TOKEN_LEN;
use crate::limits::TOKEN_LEEWAY_SECS;

/// A hub's checks, with an issuer that has these keys.
fn auth(signers: &[&Signer]) -> Auth {
    auth_with(signers, |settings| settings)
}

fn auth_with(signers: &[&Signer], change: impl Fn(TokenSettings) -> TokenSettings) -> Auth {
    let web = Web::new(Manner::Say(jwks(signers)));
    let source = KeySource::Url(web.endpoint(), Trust::System);
    Auth::new(vec![change(settings(source))], None).unwrap()
}

fn check(auth: &Auth, token: &[u8]) -> Verdict {
    auth.check(&question(Method::Jwt, token))
}

/// Which fault the only token that was checked has.
fn fault(auth: &Auth, token: &[u8]) -> (Fault, String) {
    let before = auth.counters();
    let Verdict::Bad(refusal, text) = check(auth, token) else {
        panic!("the token is accepted");
    };
    let after = auth.counters();
    let mut faults = before.faults().zip(after.faults());
    let (_, (fault, _)) = faults.find(|(before, after)| before != after).unwrap();
    assert_eq!(refusal, fault.refusal());
    (fault, text)
}

/// The claims with one of them different.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn raw(header: &str, claims: &str, signature: &[u8]) -> Vec<u8> {
    let parts = [header.as_bytes(), claims.as_bytes(), signature];
    parts
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".")
        .into_bytes()
}

#[test]
fn a_good_token_gives_the_identity_of_its_claims() {
    for signer in [
        Signer::ed25519("one"),
        Signer::p256("one"),
        Signer::rsa("one"),
    ] {
        let auth = auth(&[&signer]);
        let claims = claims();
        let verdict = check(&auth, &signer.sign(&claims));
        let good = Verdict::Good {
            identity: "str:acme-anna".parse().unwrap(),
            expiry_unix_secs: Some(claims["exp"].as_u64().unwrap() + TOKEN_LEEWAY_SECS),
        };
        assert_eq!(verdict, good, "{:?}", signer.algorithm);
        assert_eq!(auth.counters().tokens_accepted, 1);
    }
}

#[cfg(feature = "program")]
#[test]
fn regression_the_operator_is_told_which_issuer_and_audience_a_token_names() {
    let signer = Signer::ed25519("one");
    let slash = |text: &str| match text.strip_suffix('/') {
        Some(without) => without.to_owned(),
        None => format!("{text}/"),
    };
    for (claim, found, expected) in [
        ("iss", json!(slash(ISSUER)), ISSUER),
        ("aud", json!(slash(AUDIENCE)), AUDIENCE),
        ("aud", json!(["a", slash(AUDIENCE)]), AUDIENCE),
    ] {
        let auth = auth(&[&signer]);
        let token = signer.sign(&with(claim, found.clone()));
        let log = crate::program::told_by(|| {
            for _ in 0..3 {
                let (fault, text) = fault(&auth, &token);
                assert_eq!(text, fault.words(), "for the log only");
            }
        });
        let lines: Vec<_> = log.lines().collect();
        assert_eq!(lines.len(), 1, "one a second: {log}");
        let line: Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(
            (&line["level"], &line["claim"]),
            (&json!("INFO"), &json!(claim))
        );
        assert_eq!(line["expected"], expected);
        let told = line["found"].as_str().unwrap();
        let whole = found
            .as_str()
            .map_or_else(|| found.to_string(), str::to_owned);
        assert!(told.contains(&whole), "{line}");
    }
}

#[test]
fn regression_who_is_early_by_the_clock_of_the_hub_may_come_again() {
    assert!(Fault::TokenNotYet.refusal().may_pass());
    // This does not get better by waiting.
    assert!(!Fault::TokenExpired.refusal().may_pass());
}

#[test]
fn claims_that_do_not_fit_are_refused_with_their_reason() {
    let signer = Signer::ed25519("one");
    let auth = auth(&[&signer]);
    let now = unix_secs();
    let cases: &[(Fault, Value)] = &[
        (Fault::TokenExpired, with("exp", json!(now - 61))),
        (Fault::TokenNotYet, with("nbf", json!(now + 120))),
        (
            Fault::TokenIssuer,
            with("iss", json!("https://evil.example/")),
        ),
        (Fault::TokenIssuer, with("iss", json!(null))),
        (Fault::TokenMalformed, with("iss", json!([ISSUER]))),
        (Fault::TokenAudience, with("aud", json!("other-game"))),
        (Fault::TokenAudience, with("aud", json!(["a", "b"]))),
        (Fault::TokenClaims, with("aud", json!(null))),
        (Fault::TokenClaims, with("exp", json!(null))),
        (Fault::TokenClaims, with("exp", json!("tomorrow"))),
        (Fault::TokenClaims, with("nbf", json!("today"))),
        (Fault::TokenApp, with("app", json!(570))),
        (Fault::TokenApp, with("app", json!([570, "571"]))),
        (Fault::TokenApp, with("app", json!("0480"))),
        (Fault::TokenApp, with("app", json!(true))),
        (Fault::TokenIdentity, with("sub", json!("x".repeat(40)))),
        (Fault::TokenMalformed, with("sub", json!({"a": 1}))),
    ];
    for (expected, claims) in cases {
        let (fault, text) = fault(&auth, &signer.sign(claims));
        assert_eq!(fault, *expected, "{claims}");
        assert!(text.len() > 10, "{text}");
    }
    let mut no_app = claims();
    no_app.as_object_mut().unwrap().remove("app");
    let (reason, text) = fault(&auth, &signer.sign(&no_app));
    assert_eq!(reason, Fault::TokenClaims);
    assert!(text.contains("no claim app"), "{text}");
}

#[test]
fn claims_that_fit_in_other_ways_are_taken() {
    let signer = Signer::ed25519("one");
    let auth = auth(&[&signer]);
    let now = unix_secs();
    for claims in [
        with("exp", json!(now - 30)),
        with("nbf", json!(now + 30)),
        with("exp", json!(now as f64 + 100.5)),
        with("aud", json!(["other", AUDIENCE])),
        with("app", json!("480")),
        with("app", json!([570, 480])),
    ] {
        let verdict = check(&auth, &signer.sign(&claims));
        assert!(
            matches!(verdict, Verdict::Good { .. }),
            "{claims}: {verdict:?}"
        );
    }
}

#[test]
fn without_a_claim_for_apps_a_token_is_for_all() {
    let signer = Signer::ed25519("one");
    let auth = auth_with(&[&signer], |settings| TokenSettings {
        app_claim: None,
        ..settings
    });
    let token = signer.sign(&with("app", json!(570)));
    assert!(matches!(check(&auth, &token), Verdict::Good { .. }));
}

#[test]
fn an_issuer_gives_identities_of_its_own_only() {
    let signer = Signer::ed25519("one");
    let auth = auth_with(&[&signer], |settings| TokenSettings {
        template: Template::new("{sub}").unwrap(),
        ..settings
    });
    let token = signer.sign(&with("sub", json!("str:acme-ben")));
    assert!(matches!(check(&auth, &token), Verdict::Good { .. }));
    for other in ["steamid:76561197960287930", "str:ben", "str:bowline-hub"] {
        let token = signer.sign(&with("sub", json!(other)));
        assert_eq!(fault(&auth, &token).0, Fault::TokenIdentity, "{other}");
    }
}

#[test]
fn a_token_without_a_signature_is_none() {
    let auth = auth(&[&Signer::ed25519("one")]);
    let claims = claims().to_string();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": alg, "kid": "one"}).to_string();
        let (fault, _) = fault(&auth, &raw(&header, &claims, b""));
        assert_eq!(fault, Fault::TokenAlgorithm, "{alg}");
    }
    let header = json!({"alg": "EdDSA", "kid": "one"}).to_string();
    for signature in [&b""[..], &[0; 64], &[0; 63], &[0; 4000]] {
        let (fault, _) = fault(&auth, &raw(&header, &claims, signature));
        assert_eq!(fault, Fault::TokenSignature);
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let signer = Signer::rsa("one");
    let auth = auth(&[&signer]);
    let public = signer.jwk();
    for secret in [
        public.to_string(),
        public["n"].as_str().unwrap().to_owned(),
        jwks(&[&signer]),
    ] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let key = EncodingKey::from_secret(secret.as_bytes());
            let token = Signer::new("one", algorithm, key).sign(&claims());
            assert_eq!(fault(&auth, &token).0, Fault::TokenAlgorithm);
        }
    }
}

#[test]
fn a_key_goes_with_its_own_algorithms_only() {
    let (rsa, p256) = (Signer::rsa("one"), Signer::p256("one"));
    let rsa_only = auth(&[&rsa]);
    assert_eq!(
        fault(&rsa_only, &p256.sign(&claims())).0,
        Fault::TokenAlgorithm
    );
    // The JWK says RS256.
    let mut pss = rsa;
    pss.algorithm = Algorithm::PS256;
    assert_eq!(
        fault(&rsa_only, &pss.sign(&claims())).0,
        Fault::TokenAlgorithm
    );
}

#[test]
fn another_key_of_the_same_name_does_not_do() {
    let (ours, theirs) = (Signer::ed25519("one"), Signer::ed25519("one"));
    let auth = auth(&[&ours]);
    assert_eq!(
        fault(&auth, &theirs.sign(&claims())).0,
        Fault::TokenSignature
    );
}

#[test]
fn a_token_that_was_changed_is_refused() {
    let signer = Signer::p256("one");
    let auth = auth(&[&signer]);
    let token = String::from_utf8(signer.sign(&claims())).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let other = with("sub", json!("ben"));
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    let changed = [parts[0], &other, parts[2]].join(".");
    assert_eq!(fault(&auth, changed.as_bytes()).0, Fault::TokenSignature);
}

#[test]
fn the_only_key_needs_no_name_and_two_do() {
    let (mut one, two) = (Signer::ed25519("one"), Signer::ed25519("two"));
    one.kid = None;
    let token = one.sign(&claims());
    assert!(matches!(
        check(&auth(&[&one]), &token),
        Verdict::Good { .. }
    ));
    assert_eq!(fault(&auth(&[&one, &two]), &token).0, Fault::TokenKey);
    let named = auth(&[&two]);
    assert_eq!(
        fault(&named, &Signer::ed25519("three").sign(&claims())).0,
        Fault::TokenKey
    );
}

#[test]
fn critical_headers_are_not_understood() {
    let auth = auth(&[&Signer::ed25519("one")]);
    let header = json!({"alg": "EdDSA", "kid": "one", "crit": ["b64"], "b64": false});
    let token = raw(&header.to_string(), &claims().to_string(), &[0; 64]);
    assert_eq!(fault(&auth, &token).0, Fault::TokenCritical);
}

#[test]
fn what_is_no_token_is_told() {
    let auth = auth(&[&Signer::ed25519("one")]);
    let header = json!({"alg": "EdDSA", "kid": "one"}).to_string();
    for token in [
        &b""[..],
        b".",
        b"..",
        b"...",
        b"hello",
        b"\xff\xfe\xfd",
        b"e30.e30.e30",
        b"e30=.e30=.e30=",
        "\u{fffd}.\u{fffd}.\u{fffd}".as_bytes(),
        &raw("[1]", "{}", b""),
        &raw(&header, "[]", b""),
        &raw(&header, "null", b""),
        &raw(&header, "\"iss\"", b""),
        &raw(&header, &"[".repeat(4000), b""),
        &raw(&format!("{header}x"), &claims().to_string(), b""),
    ] {
        let (fault, _) = fault(&auth, token);
        assert_eq!(
            fault,
            Fault::TokenMalformed,
            "{}",
            String::from_utf8_lossy(token)
        );
    }
}

#[test]
fn limit_length_of_a_token() {
    let signer = Signer::ed25519("one");
    let auth = auth(&[&signer]);
    let (mut low, mut high) = (0, MAX_TOKEN_LEN);
    let of = |pad: usize| signer.sign(&with("pad", json!("x".repeat(pad))));
    while low < high {
        let middle = (low + high).div_ceil(2);
        match of(middle).len() <= MAX_TOKEN_LEN {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    assert!(matches!(check(&auth, &of(low)), Verdict::Good { .. }));
    assert_eq!(fault(&auth, &of(low + 1)).0, Fault::TokenTooLong);
    let words = Fault::TokenTooLong.words();
    assert!(words.contains(&MAX_TOKEN_LEN.to_string()), "{words}");
}

#[test]
fn the_first_of_two_claims_of_a_name_does_not_decide_alone() {
    let signer = Signer::ed25519("one");
    let auth = auth(&[&signer]);
    let now = unix_secs();
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"anna","app":480,"exp":{},"exp":{}}}"#,
        now + 3600,
        now - 3600
    );
    // Sealed as it is: a value of serde_json has each name once.
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"one"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &signer.key, Algorithm::EdDSA);
    let token = format!("{message}.{}", signature.unwrap());
    assert!(matches!(check(&auth, token.as_bytes()), Verdict::Bad(..)));
}

proptest::proptest! {
    #[test]
    fn nothing_that_is_made_up_is_accepted(
        header in "\\PC{0,40}",
        claims in "\\PC{0,40}",
        signature in proptest::collection::vec(proptest::num::u8::ANY, 0..80),
        noise in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
    ) {
        let file = KeySource::File("no such file".into());
        let auth = Auth::new(vec![settings(file)], None).unwrap();
        let ours = format!(r#"{{"iss":"{ISSUER}","sub":"{claims}"}}"#);
        let alg = r#"{"alg":"EdDSA"}"#;
        for token in [noise, raw(&header, &claims, &signature), raw(alg, &ours, &signature)] {
            proptest::prop_assert!(matches!(check(&auth, &token), Verdict::Bad(..)));
        }
    }
}
