//! Trust that the network adds, and takes away.

use std::vec;

use super::*;
use crate::crypto::keys::SigningKey;
use crate::crypto::rustcrypto::provider;
use crate::endpoint::EndpointConfig;
use crate::hub::limits::MAX_NETWORK_AUTHORITIES;
use crate::hub::limits::MAX_NETWORK_REVOKED;
use crate::limits::MAX_CA_CERTS;
use crate::limits::MAX_REVOKED_KEYS;

const START: Timestamp = Timestamp::from_micros(1_000_000);

fn key(n: u8) -> PublicKey {
    PublicKey::new(SigningKey::from_seed([n; 32]).public(&provider())).unwrap()
}

fn trusting(keys: &[PublicKey]) -> CertStore {
    let mut store = CertStore::new();
    for key in keys {
        store.add_root(&provider(), *key).unwrap();
    }
    store
}

/// Trusts key 1 by hand.
fn endpoint() -> Endpoint {
    let mut config = EndpointConfig::new(provider());
    config.trusted = trusting(&[key(1)]);
    Endpoint::new(config, [1; 32], START, 1_700_000_000)
}

fn network(authorities: &[u8], revoked: &[u8]) -> NetworkConfig {
    NetworkConfig {
        authorities: authorities.iter().map(|n| key(*n)).collect(),
        revoked: revoked.iter().map(|n| key(*n).id()).collect(),
        ..NetworkConfig::default()
    }
}

/// Which of the first keys new connections trust.
fn trusted(endpoint: &Endpoint) -> Vec<u8> {
    let store = &endpoint.host.store;
    (1..10)
        .filter(|n| store.scope(key(*n).id()).is_some())
        .collect()
}

#[test]
fn the_network_adds_to_what_is_trusted_by_hand_and_the_last_word_counts() {
    let mut endpoint = endpoint();
    endpoint.set_network(START, Some(&network(&[2, 3], &[])));
    assert_eq!(trusted(&endpoint), [1, 2, 3]);
    endpoint.set_network(START, Some(&network(&[3, 4], &[])));
    assert_eq!(trusted(&endpoint), [1, 3, 4]);
    endpoint.set_network(START, None);
    assert_eq!(trusted(&endpoint), [1]);
}

#[test]
fn what_the_network_revokes_is_trusted_by_nobody() {
    let mut endpoint = endpoint();
    endpoint.set_network(START, Some(&network(&[2, 3], &[1, 2])));
    assert_eq!(trusted(&endpoint), [3]);
    endpoint.set_trust(trusting(&[key(1), key(5)]));
    assert_eq!(trusted(&endpoint), [3, 5], "by hand it is no other");
}

#[test]
fn what_is_set_by_hand_stays_whatever_the_network_says() {
    let mut endpoint = endpoint();
    endpoint.set_network(START, Some(&network(&[2], &[])));
    endpoint.set_trust(trusting(&[key(5)]));
    assert_eq!(trusted(&endpoint), [2, 5]);
    endpoint.revoke(key(2).id()).unwrap();
    assert_eq!(trusted(&endpoint), [5]);
    // What an application copies and sets again has nothing of the network in it.
    assert!(endpoint.trust().scope(key(2).id()).is_none());
    endpoint.set_network(START, Some(&network(&[2, 3], &[])));
    assert_eq!(trusted(&endpoint), [3, 5]);
    endpoint.set_network(START, None);
    assert_eq!(trusted(&endpoint), [5]);
}

#[test]
fn limit_trust_of_the_network_has_bounds_of_its_own() {
    let mut endpoint = endpoint();
    let numbers = 1..=u8::try_from(MAX_CA_CERTS).unwrap();
    let by_hand: Vec<_> = numbers.map(key).collect();
    let mut store = trusting(&by_hand);
    for n in 0..MAX_REVOKED_KEYS as u64 {
        store.revoke(&provider(), KeyId::new(n)).unwrap();
    }
    endpoint.set_trust(store);
    let first = 100_u8;
    let most = NetworkConfig {
        authorities: (first..).take(MAX_NETWORK_AUTHORITIES).map(key).collect(),
        revoked: vec![by_hand[0].id(); MAX_NETWORK_REVOKED],
        ..NetworkConfig::default()
    };
    endpoint.set_network(START, Some(&most));
    let store = &endpoint.host.store;
    assert!(store.scope(by_hand[0].id()).is_none());
    for key in by_hand.iter().skip(1).chain(&most.authorities) {
        assert!(store.scope(key.id()).is_some());
    }
}
