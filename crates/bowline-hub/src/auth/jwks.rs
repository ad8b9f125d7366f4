//! The keys of an issuer (RFC 7517).
//!
//! A key is taken for what it is: RSA for RS and PS, P-256 for ES256, P-384 for ES384, Ed25519 for EdDSA, and only for
//! the one algorithm that it names if it names one. Shared secrets are never keys here, nor are keys for encryption.

use std::str::FromStr as _;
use std::sync::Arc;

use jsonwebtoken::Algorithm;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

use crate::auth::Fault;
use crate::limits::MAX_JWKS_KEYS;

/// Keys by their names.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Arc<Key>>,
}

/// A key that verifies.
pub(super) struct Key {
    name: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

/// Why bytes are no set of keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("expected a JWKS, {{\"keys\": [...]}}")]
    NoSet,
    #[error("there are more than {MAX_JWKS_KEYS} keys")]
    TooMany,
    #[error("none of the keys can verify a token")]
    NoneOfUse,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

/// What RSA keys are for.
const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

impl KeySet {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let set: Jwks = serde_json::from_slice(bytes).map_err(|_| KeySetError::NoSet)?;
        if set.keys.len() > MAX_JWKS_KEYS {
            return Err(KeySetError::TooMany);
        }
        let keys: Vec<_> = set.keys.into_iter().filter_map(Key::parse).collect();
        match keys.is_empty() {
            true => Err(KeySetError::NoneOfUse),
            false => Ok(Self { keys }),
        }
    }

    /// The key of that name, if it goes with that algorithm. Without a name, the only one that does.
    pub(super) fn find(&self, name: Option<&str>, algorithm: Algorithm) -> Result<Arc<Key>, Fault> {
        let named = self
            .keys
            .iter()
            .filter(|key| name.is_none() || key.name.as_deref() == name);
        let mut is_known = false;
        let mut fitting = named
            .inspect(|_| is_known = true)
            .filter(|key| key.algorithms.contains(&algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(Arc::clone(key)),
            (Some(key), Some(_)) if name.is_some() => Ok(Arc::clone(key)),
            (Some(_), Some(_)) => Err(Fault::TokenKey),
            (None, _) if is_known => Err(Fault::TokenAlgorithm),
            (None, _) => Err(Fault::TokenKey),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

impl Key {
    /// `None` for what is no key that verifies.
    fn parse(value: Value) -> Option<Arc<Self>> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if jwk.usage.is_some_and(|usage| usage != "sig")
            || jwk
                .key_ops
                .is_some_and(|all| !all.iter().any(|one| one == "verify"))
        {
            return None;
        }
        let (algorithms, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => (RSA, DecodingKey::from_rsa_components(&jwk.n, &jwk.e)),
            ("EC", Some("P-256")) => (
                &[Algorithm::ES256][..],
                DecodingKey::from_ec_components(&jwk.x, &jwk.y),
            ),
            ("EC", Some("P-384")) => (
                &[Algorithm::ES384][..],
                DecodingKey::from_ec_components(&jwk.x, &jwk.y),
            ),
            ("OKP", Some("Ed25519")) => (
                &[Algorithm::EdDSA][..],
                DecodingKey::from_ed_components(&jwk.x),
            ),
            _ => return None,
        };
        let only = match jwk.alg.as_deref() {
            // RFC 9864's name for what RFC 8037 calls EdDSA.
            Some("Ed25519") => Some(Algorithm::EdDSA),
            Some(name) => Some(Algorithm::from_str(name).ok()?),
            None => None,
        };
        let fits = |one: &&Algorithm| only.is_none_or(|only| only == **one);
        Some(Arc::new(Self {
            name: jwk.kid,
            algorithms: algorithms.iter().filter(fits).copied().collect(),
            key: key.ok()?,
        }))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}
