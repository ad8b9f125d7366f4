//! What clients are told about the network, with a revision that grows with each change, over restarts too, and
//! over the loss of the store as long as the clock goes on: it is the time of the change, or one more than the last.

use bowline::Crypto;
use bowline_core::hub::FromHub;
use bowline_core::hub::NetworkConfig;
use bowline_core::hub::SignedBody;

use crate::config::Network;
use crate::keys::HubKeys;
use crate::program::error::Error;
use crate::store::Bucket;
use crate::store::Key;
use crate::store::Store;

/// Its revision, and its bytes, signed. What was told before is told again if it is still so.
pub(super) fn sign(
    network: &Network,
    keys: &HubKeys,
    crypto: &Crypto,
    store: &dyn Store,
    now_unix_secs: u64,
) -> Result<(u64, SignedBody), Error> {
    let key = Key::new(Bucket::Config, &["network"]).expect("the name is short");
    let stored = store.get(&key)?;
    let before = stored.and_then(|entry| match FromHub::parse(&entry.value) {
        Ok(FromHub::Config { revision, body }) => Some((revision, body)),
        _ => None,
    });
    let mut wanted = wanted(network, keys);
    if let Some((revision, Some(body))) = &before
        && let Ok(told) = NetworkConfig::verify(body, crypto, &[keys.config.public()])
        && is_same(&told, &wanted)
    {
        return Ok((*revision, body.clone()));
    }
    // Clients keep the highest revision: that of a store which was lost must not be higher than the first one after it.
    let next = before.map_or(0, |(revision, _)| revision).saturating_add(1);
    wanted.revision = next.max(now_unix_secs);
    wanted.issued_unix_secs = now_unix_secs;
    let body = wanted.sign(crypto, keys.config.private())?;
    let message = FromHub::Config {
        revision: wanted.revision,
        body: Some(body.clone()),
    };
    store.put(&key, &message.encode(), None)?;
    Ok((wanted.revision, body))
}

fn wanted(network: &Network, keys: &HubKeys) -> NetworkConfig {
    let authorities = std::iter::once(&keys.authority).chain(&keys.other_authorities);
    NetworkConfig {
        stun: network.stun.clone(),
        authorities: authorities.map(|key| key.public()).collect(),
        revoked: network.revoked.clone(),
        ..NetworkConfig::default()
    }
}

/// But for revision and time.
fn is_same(told: &NetworkConfig, wanted: &NetworkConfig) -> bool {
    let wanted = NetworkConfig {
        revision: told.revision,
        issued_unix_secs: told.issued_unix_secs,
        ..wanted.clone()
    };
    *told == wanted
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::LocalStore;
    use crate::store::SystemClock;

    #[test]
    fn the_revision_grows_with_each_change_and_only_then() {
        let crypto = bowline::cert::default_crypto();
        let store = LocalStore::in_memory(Arc::new(SystemClock::new()));
        let mut keys = HubKeys::generate(&crypto).unwrap();
        let mut network = Network::default();
        let told = |network: &Network, keys: &HubKeys, now| {
            let (revision, body) = sign(network, keys, &crypto, &store, now).unwrap();
            let taken = NetworkConfig::verify(&body, &crypto, &[keys.config.public()]).unwrap();
            assert_eq!(taken.revision, revision);
            taken
        };
        let first = told(&network, &keys, 100);
        assert_eq!((first.revision, first.issued_unix_secs), (100, 100));
        assert_eq!(first.authorities, [keys.authority.public()]);
        assert_eq!(told(&network, &keys, 200), first, "nothing has changed");
        network.revoked = vec![keys.authority.id()];
        assert_eq!(told(&network, &keys, 100).revision, 101);
        let next = HubKeys::generate(&crypto).unwrap();
        keys.other_authorities.push(next.authority.clone());
        let both = told(&network, &keys, 400);
        assert_eq!((both.revision, both.authorities.len()), (400, 2));
        // By another key it is signed anew, with a revision that grows all the same.
        keys.config = next.config;
        assert_eq!(told(&network, &keys, 50).revision, 401);
    }

    #[test]
    fn regression_the_revision_grows_when_the_store_was_lost() {
        let crypto = bowline::cert::default_crypto();
        let keys = HubKeys::generate(&crypto).unwrap();
        let network = Network::default();
        let first = |now| {
            let store = LocalStore::in_memory(Arc::new(SystemClock::new()));
            sign(&network, &keys, &crypto, &store, now).unwrap().0
        };
        assert!(first(1_800_000_000) < first(1_800_000_060));
        assert_eq!(first(0), 1, "a clock that is not set");
    }
}
