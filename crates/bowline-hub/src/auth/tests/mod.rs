//! Tokens and tickets against issuers and services that work, lie, hang and die.

mod hook;
mod keys;
mod signer;
mod token;
mod web;

use std::time::Duration;

use bowline_core::hub::Method;
use bowline_core::hub::Role;
use bowline_core::ids::AppId;
use bowline_core::ids::ConnectionId;
use jsonwebtoken::Algorithm;
use jsonwebtoken::EncodingKey;
use serde_json::Value;
use serde_json::json;

use self::signer::AUDIENCE;
use self::signer::ISSUER;
use self::signer::Signer;
use self::signer::claims;
use self::signer::jwks;
use self::signer::unix_secs;
use super::*;
use crate::namespace::Namespace;

const APP: AppId = AppId::new(480);

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
