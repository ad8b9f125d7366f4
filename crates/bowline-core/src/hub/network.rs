//! What the operator of a hub tells all clients about the network, signed.
//!
//! The hub hands it out, and it may come by other ways as well, such as HTTP or a file: what counts is the signature, by a
//! key that the client has been given together with the hub's ([`NetworkConfig::verify`]). Its revision only grows; a client
//! keeps to the highest that it has seen, so that nobody can hand it an old one in which a key is not revoked yet.
//!
//! A client that was given no such key has the hub's own pin, and its connection to that hub: whatever comes by it is
//! what the operator's machine says. It takes a configuration by the key that comes with it
//! ([`NetworkConfig::verify_by_its_own_key`]), which finds what was damaged or signed wrongly, and nothing else. Who names a key is
//! stricter: then not even the hub can name other authorities, unless it has that key.
//!
//! # What a client does with it
//!
//! ```text
//! hub ── Welcome (revision 7), Config ──▶ HubClient: signature? newer than what is known?
//!                                           │ HubEvent::Network, or HubEvent::NetworkRefused
//!                                           ▼
//!                                         Endpoint::set_network: authorities, revoked keys, STUN servers
//! ```
//!
//! * A welcome says which revision follows. If that is news, the client keeps the certificate that came with the welcome until
//!   the configuration is there, for five seconds at most: with the certificate, calls begin that wait for it, and they shall know whom to trust.
//! * Authorities are trusted beside those that the application trusts, and revoked keys distrusted beside those that it
//!   has revoked. Nothing that the application has set is changed: each configuration stands in the place of the one before.
//! * STUN servers serve connections whose settings say nothing of any, not even that there are none.
//! * What is refused changes nothing: what was taken before goes on, and so does the session.
//! * The revision is kept for as long as the interface signs in to the same hub with the same keys. It is not kept on
//!   disk: a process that is new takes what its hub says first.

use alloc::string::String;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use prost::Message as _;

use crate::cert::authority::KeyId;
use crate::cert::keypair::PublicKey;
use crate::crypto::Crypto;
use crate::crypto::keys::SigningKey;
use crate::hub::SignedBody;
use crate::hub::limits::MAX_HUB_CONFIG;
use crate::hub::limits::MAX_NETWORK_AUTHORITIES;
use crate::hub::limits::MAX_NETWORK_REVOKED;
use crate::hub::limits::MAX_NETWORK_SERVERS;
use crate::stun::uri::ServerUri;
use crate::stun::uri::Service;
use crate::wire::pb;

/// What clients are told about the network.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NetworkConfig {
    /// Which one it is. It only grows.
    pub revision: u64,
    /// When it was signed, in seconds since 1970.
    pub issued_unix_secs: u64,
    /// The STUN servers to ask.
    pub stun: Vec<ServerUri>,
    /// The keys of the authorities that sign certificates of peers: the one in use, and those before and after it.
    pub authorities: Vec<PublicKey>,
    /// Keys that nobody trusts any more.
    pub revoked: Vec<KeyId>,
}

/// Why a configuration is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkConfigError {
    /// The key is none of those that are trusted.
    #[error("the network's configuration is signed by key {}, which is not trusted", .0.get())]
    UnknownKey(KeyId),
    /// The signature is not by that key, or not of these bytes.
    #[error("the signature of the network's configuration does not hold")]
    BadSignature,
    /// It makes no sense, though it may be signed.
    #[error("{0} in the network's configuration is malformed")]
    Malformed(&'static str),
    /// More of something than there may be.
    #[error("the network's configuration has too many {0}")]
    TooMany(&'static str),
    /// No key is expected, and none came with it.
    #[error("the network's configuration comes without its key, and no other is known")]
    NoKey,
    /// A newer one is known.
    #[error(
        "revision {revision} of the network's configuration is older than {known}, which is known"
    )]
    Older {
        /// Which it is.
        revision: u64,
        /// The highest that is known.
        known: u64,
    },
}

/// So that what is signed here is taken for nothing else.
const CONTEXT: &[u8] = b"bowline network 1\0";

impl NetworkConfig {
    /// Its bytes, signed.
    ///
    /// # Errors
    /// If there is more of something than clients take.
    pub fn sign(
        &self,
        crypto: &Crypto,
        key: &SigningKey,
    ) -> Result<SignedBody, NetworkConfigError> {
        let body = self.to_pb().encode_to_vec();
        // Whoever signs finds out, not whoever is to take it.
        Self::parse(&body)?;
        let public = key.public(crypto);
        Ok(SignedBody {
            signature: key.sign(crypto, &statement(&body)).to_vec(),
            key_id: Some(KeyId::of(&public).get()),
            key: Some(public.to_vec()),
            body,
        })
    }

    /// What is signed by one of these keys.
    ///
    /// # Errors
    /// If it is signed by none of them, or makes no sense.
    pub fn verify(
        signed: &SignedBody,
        crypto: &Crypto,
        trusted: &[PublicKey],
    ) -> Result<Self, NetworkConfigError> {
        if signed.body.len() > MAX_HUB_CONFIG {
            return Err(NetworkConfigError::TooMany("bytes"));
        }
        let no_id = NetworkConfigError::Malformed("the ID of the key");
        let id = KeyId::new(signed.key_id.ok_or(no_id)?);
        let signature = signed.signature.as_slice().try_into();
        let signature = signature.map_err(|_| NetworkConfigError::Malformed("the signature"))?;
        let mut named = trusted.iter().filter(|key| key.id() == id).peekable();
        if named.peek().is_none() {
            return Err(NetworkConfigError::UnknownKey(id));
        }
        let statement = statement(&signed.body);
        let holds = |key: &PublicKey| {
            let verified = crypto.ed25519_verify(key.as_bytes(), &statement, signature);
            verified.is_ok()
        };
        if !named.any(holds) {
            return Err(NetworkConfigError::BadSignature);
        }
        Self::parse(&signed.body)
    }

    /// What is signed by the key that comes with it. That says nothing of whose key it is: who sent it must be known.
    ///
    /// # Errors
    /// If there is no key, if it did not sign this, or if it makes no sense.
    pub fn verify_by_its_own_key(
        signed: &SignedBody,
        crypto: &Crypto,
    ) -> Result<Self, NetworkConfigError> {
        let bytes = signed.key.as_deref().ok_or(NetworkConfigError::NoKey)?;
        let key = bytes
            .try_into()
            .ok()
            .and_then(|key| PublicKey::new(key).ok());
        let key = key.ok_or(NetworkConfigError::Malformed("the key"))?;
        Self::verify(signed, crypto, &[key])
    }

    fn parse(body: &[u8]) -> Result<Self, NetworkConfigError> {
        use NetworkConfigError::Malformed;
        use NetworkConfigError::TooMany;

        if body.len() > MAX_HUB_CONFIG {
            return Err(TooMany("bytes"));
        }
        let message = pb::HubNetwork::decode(body).map_err(|_| Malformed("everything"))?;
        for (len, limit, what) in [
            (message.stun.len(), MAX_NETWORK_SERVERS, "servers"),
            (
                message.authorities.len(),
                MAX_NETWORK_AUTHORITIES,
                "authorities",
            ),
            (message.revoked.len(), MAX_NETWORK_REVOKED, "revoked keys"),
        ] {
            if len > limit {
                return Err(TooMany(what));
            }
        }
        let server = |bytes: &Vec<u8>| {
            let text = core::str::from_utf8(bytes).ok()?;
            ServerUri::parse(Service::Stun, text).ok()
        };
        let key = |bytes: &Vec<u8>| PublicKey::new(bytes.as_slice().try_into().ok()?).ok();
        let stun: Option<Vec<_>> = message.stun.iter().map(server).collect();
        let authorities: Option<Vec<_>> = message.authorities.iter().map(key).collect();
        Ok(Self {
            revision: message.revision.ok_or(Malformed("the revision"))?,
            issued_unix_secs: message.issued.unwrap_or(0),
            stun: stun.ok_or(Malformed("a server"))?,
            authorities: authorities.ok_or(Malformed("an authority"))?,
            revoked: message.revoked.into_iter().map(KeyId::new).collect(),
        })
    }

    fn to_pb(&self) -> pb::HubNetwork {
        let texts = self.stun.iter().map(|server| server.to_string());
        let keys = self.authorities.iter().map(|key| key.as_bytes().to_vec());
        pb::HubNetwork {
            revision: Some(self.revision),
            issued: Some(self.issued_unix_secs),
            stun: texts.map(String::into_bytes).collect(),
            authorities: keys.collect(),
            revoked: self.revoked.iter().map(|id| id.get()).collect(),
        }
    }
}

fn statement(body: &[u8]) -> Vec<u8> {
    [CONTEXT, body].concat()
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;
    use crate::crypto::rustcrypto::provider;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32])
    }

    fn public(seed: u8) -> PublicKey {
        PublicKey::new(key(seed).public(&provider())).unwrap()
    }

    fn config() -> NetworkConfig {
        let server = |text| ServerUri::parse(Service::Stun, text).unwrap();
        NetworkConfig {
            revision: 7,
            issued_unix_secs: 1_790_000_000,
            stun: vec![server("stun:hub.example.com"), server("192.0.2.1:99")],
            authorities: vec![public(2), public(3)],
            revoked: vec![KeyId::new(u64::MAX), KeyId::new(4)],
        }
    }

    #[test]
    fn what_was_signed_is_taken_by_whoever_trusts_the_key() {
        let signed = config().sign(&provider(), &key(1)).unwrap();
        let taken = NetworkConfig::verify(&signed, &provider(), &[public(9), public(1)]);
        assert_eq!(taken, Ok(config()));
        let foreign = NetworkConfig::verify(&signed, &provider(), &[public(9)]);
        let id = KeyId::of(&key(1).public(&provider()));
        assert_eq!(foreign, Err(NetworkConfigError::UnknownKey(id)));
    }

    #[test]
    fn what_was_changed_is_not_taken() {
        let signed = config().sign(&provider(), &key(1)).unwrap();
        let trusted = [public(1)];
        for index in 0..signed.body.len() {
            let mut forged = signed.clone();
            forged.body[index] ^= 1;
            let taken = NetworkConfig::verify(&forged, &provider(), &trusted);
            assert_eq!(taken, Err(NetworkConfigError::BadSignature), "{index}");
        }
        // A signature of the same key over the bytes alone is one of something else.
        let mut other = signed;
        other.signature = key(1).sign(&provider(), &other.body).to_vec();
        let taken = NetworkConfig::verify(&other, &provider(), &trusted);
        assert_eq!(taken, Err(NetworkConfigError::BadSignature));
    }

    #[test]
    fn by_its_own_key_it_is_taken_if_that_signed_it() {
        let signed = config().sign(&provider(), &key(1)).unwrap();
        let taken = |signed: &SignedBody| NetworkConfig::verify_by_its_own_key(signed, &provider());
        assert_eq!(taken(&signed), Ok(config()));
        let without = SignedBody {
            key: None,
            ..signed.clone()
        };
        assert_eq!(taken(&without), Err(NetworkConfigError::NoKey));
        let by_another = SignedBody {
            key: Some(public(2).as_bytes().to_vec()),
            ..signed.clone()
        };
        let id = KeyId::of(&key(1).public(&provider()));
        assert_eq!(taken(&by_another), Err(NetworkConfigError::UnknownKey(id)));
        let mut damaged = signed;
        damaged.body.push(0);
        assert_eq!(taken(&damaged), Err(NetworkConfigError::BadSignature));
    }

    #[test]
    fn limit_lists_of_a_network_config() {
        let most = NetworkConfig {
            authorities: vec![public(1); MAX_NETWORK_AUTHORITIES],
            stun: vec![config().stun[0].clone(); MAX_NETWORK_SERVERS],
            revoked: vec![KeyId::new(1); MAX_NETWORK_REVOKED],
            ..config()
        };
        let signed = most.sign(&provider(), &key(1)).unwrap();
        let taken = NetworkConfig::verify(&signed, &provider(), &[public(1)]);
        assert_eq!(taken, Ok(most.clone()));
        let more = |change: fn(&mut NetworkConfig)| {
            let mut more = most.clone();
            change(&mut more);
            more.sign(&provider(), &key(1)).unwrap_err()
        };
        let refused = [
            more(|config| config.authorities.push(public(1))),
            more(|config| config.stun.push(config.stun[0].clone())),
            more(|config| config.revoked.push(KeyId::new(1))),
        ];
        let expected = ["authorities", "servers", "revoked keys"];
        assert_eq!(refused, expected.map(NetworkConfigError::TooMany));
    }

    proptest::proptest! {
        #[test]
        fn bytes_are_taken_or_refused(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            if let Ok(config) = NetworkConfig::parse(&body) {
                let again = NetworkConfig::parse(&config.to_pb().encode_to_vec());
                proptest::prop_assert_eq!(again, Ok(config));
            }
        }
    }
}
