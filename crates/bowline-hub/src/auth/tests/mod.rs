//! Tokens and tickets against issuers and services that work, lie, hang and die.

mod hook;
mod keys;
mod token;
mod web;

use std::time::Duration;
use std::time::SystemTime;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::encoding::Pkcs8V1Der;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
use aws_lc_rs::signature::EcdsaKeyPair;
use aws_lc_rs::signature::Ed25519KeyPair;
use bowline_core::hub::Method;
use bowline_core::hub::Role;
use bowline_core::ids::AppId;
use bowline_core::ids::ConnectionId;
use jsonwebtoken::Algorithm;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::namespace::Namespace;

const ISSUER: &str = "https://idp.example/";
const AUDIENCE: &str = "our-game";
const APP: AppId = AppId::new(480);

/// Somebody who signs tokens.
struct Signer {
    kid: Option<&'static str>,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn ed25519(kid: &'static str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate().unwrap();
        let pkcs8 = pkcs8.to_pkcs8v1().unwrap();
        let key = EncodingKey::from_ed_der(pkcs8.as_ref());
        Self::new(kid, Algorithm::EdDSA, key)
    }

    fn p256(kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let key = EncodingKey::from_ec_der(pkcs8.unwrap().as_ref());
        Self::new(kid, Algorithm::ES256, key)
    }

    fn rsa(kid: &'static str) -> Self {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // What PKCS #8 wraps an RSA key of this size in is 26 bytes.
        let key = EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]);
        Self::new(kid, Algorithm::RS256, key)
    }

    fn new(kid: &'static str, algorithm: Algorithm, key: EncodingKey) -> Self {
        Self {
            kid: Some(kid),
            algorithm,
            key,
        }
    }

    fn sign(&self, claims: &Value) -> Vec<u8> {
        let mut header = jsonwebtoken::Header::new(self.algorithm);
        header.kid = self.kid.map(str::to_owned);
        jsonwebtoken::encode(&header, claims, &self.key)
            .unwrap()
            .into_bytes()
    }

    fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }
}

/// The set of keys of these.
fn jwks(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

fn unix_secs() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// What a token of Anna's says, for an hour.
fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "anna",
        "exp": unix_secs() + 3600,
        "app": 480,
    })
}

fn space(prefix: &str) -> Namespace {
    Namespace::new([prefix]).unwrap()
}

fn settings(keys: KeySource) -> TokenSettings {
    TokenSettings {
        issuer: ISSUER.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
        keys,
        app_claim: Some("app".to_owned()),
        template: Template::new("str:acme-{sub}").unwrap(),
        identities: space("str:acme-"),
    }
}

fn question(method: Method, credential: &[u8]) -> Check {
    Check {
        client: ConnectionId::new(0x0001_0001),
        method,
        credential: credential.to_vec(),
        app: APP,
        role: Role::User,
        wanted_identity: None,
    }
}

#[test]
fn what_nobody_was_named_for_is_refused() {
    let auth = Auth::new(Vec::new(), None).unwrap();
    for method in [Method::Hook, Method::Anonymous] {
        let verdict = auth.check(&question(method, b""));
        assert!(
            matches!(verdict, Verdict::Bad(Refusal::Method, _)),
            "{verdict:?}"
        );
    }
    let counted: Vec<_> = auth
        .counters()
        .faults()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(counted, [(Fault::NotConfigured, 2)]);
}

#[test]
fn labels_and_words_of_faults_are_all_different() {
    for (index, one) in Fault::ALL.iter().enumerate() {
        for other in Fault::ALL.iter().skip(index + 1) {
            assert_ne!(one.label(), other.label());
            assert_ne!(one.words(), other.words());
        }
        let is_fine = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(one.label().chars().all(is_fine), "{}", one.label());
    }
}

#[test]
fn limit_issuers() {
    let file = KeySource::File("keys.json".into());
    let many = |count: usize| {
        let one = |index| TokenSettings {
            issuer: format!("https://{index}.example/"),
            ..settings(file.clone())
        };
        Auth::new((0..count).map(one).collect(), None)
    };
    assert!(many(MAX_ISSUERS).is_ok());
    assert!(matches!(
        many(MAX_ISSUERS + 1),
        Err(AuthError::TooManyIssuers(_))
    ));
    let twice = Auth::new(vec![settings(file.clone()), settings(file)], None);
    assert!(matches!(twice, Err(AuthError::TwiceTheIssuer(_))));
}

#[test]
fn tokens_for_everybody_are_not_accepted() {
    let mut settings = settings(KeySource::File("keys.json".into()));
    settings.audiences.clear();
    let error = Auth::new(vec![settings], None).unwrap_err();
    assert!(matches!(error, AuthError::NoAudience(_)), "{error}");
}
