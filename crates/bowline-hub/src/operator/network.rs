//! What clients are told about the network, with a revision that grows with each change, over restarts too, and
//! over the loss of the store as long as the clock goes on: it is the time of the change, or one more than the last.

use bowline::Crypto;
use bowline::cert::KeyPair;
use bowline::cert::PublicKey;
use bowline_core::cert::authority::KeyId;
use bowline_core::hub::FromHub;
use bowline_core::hub::NetworkConfig;
use bowline_core::hub::SignedBody;
use bowline_core::hub::limits::MAX_NETWORK_REVOKED;
use bowline_core::stun::uri::ServerUri;

use crate::keys::HubKeys;
use crate::operator::OperatorError;
use crate::operator::OwnKey;
use crate::store::Bucket;
use crate::store::Key;
use crate::store::Store;

/// Says what clients are told about the network, and signs it.
#[derive(Debug)]
pub struct Publisher {
    stun: Vec<ServerUri>,
    /// Those of the settings.
    revoked: Vec<KeyId>,
    /// The one that signs first.
    authorities: Vec<PublicKey>,
    /// What clients know the hub by.
    identity: PublicKey,
    config: KeyPair,
    crypto: Crypto,
}

impl Publisher {
    /// What the settings name, and the keys of the hub.
    pub fn new(stun: &[ServerUri], revoked: &[KeyId], keys: &HubKeys, crypto: &Crypto) -> Self {
        let authorities = std::iter::once(&keys.authority).chain(&keys.other_authorities);
        Self {
            stun: stun.to_vec(),
            revoked: revoked.to_vec(),
            authorities: authorities.map(KeyPair::public).collect(),
            identity: keys.identity.public(),
            config: keys.config.clone(),
            crypto: crypto.clone(),
        }
    }

    /// Which of the hub's own keys that is, if it is one without which nobody trusts it.
    pub(super) fn own_key(&self, id: KeyId) -> Option<OwnKey> {
        let is_authority = self.authorities.first().is_some_and(|key| key.id() == id);
        let (is_identity, is_config) = (self.identity.id() == id, self.config.id() == id);
        match (is_authority, is_identity, is_config) {
            (true, _, _) => Some(OwnKey::Authority),
            (_, true, _) => Some(OwnKey::Identity),
            (_, _, true) => Some(OwnKey::Config),
            _ => None,
        }
    }

    /// Whether the settings revoke a key.
    pub(super) fn revokes(&self, id: KeyId) -> bool {
        self.revoked.contains(&id)
    }

    /// These and those of the settings, each once.
    pub(super) fn with_settings(&self, revoked: &[KeyId]) -> Vec<KeyId> {
        let mut all = [&self.revoked[..], revoked].concat();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether the hub can tell of all these beside those of the settings. They may be lengthened while it does not run.
    pub(super) fn check_room(&self, revoked: &[KeyId]) -> Result<(), OperatorError> {
        let settings = self.with_settings(&[]).len();
        let others = self.with_settings(revoked).len() - settings;
        match settings + others > MAX_NETWORK_REVOKED {
            true => Err(OperatorError::TooManyToStart { settings, others }),
            false => Ok(()),
        }
    }

    /// Its revision, and its bytes, signed. What was told before is told again if it is still so. `revoked` are keys beside those
    /// of the settings.
    pub(super) fn sign(
        &self,
        revoked: &[KeyId],
        store: &dyn Store,
        now_unix_secs: u64,
    ) -> Result<(u64, SignedBody), OperatorError> {
        let mut wanted = NetworkConfig {
            stun: self.stun.clone(),
            authorities: self.authorities.clone(),
            revoked: self.with_settings(revoked),
            ..NetworkConfig::default()
        };
        if wanted.revoked.len() > MAX_NETWORK_REVOKED {
            return Err(OperatorError::TooManyRevoked);
        }
        let key = Key::new(Bucket::Config, &["network"]).expect("the name is short");
        let stored = store.get(&key)?;
        let before = stored.and_then(|entry| match FromHub::parse(&entry.value) {
            Ok(FromHub::Config { revision, body }) => Some((revision, body)),
            _ => None,
        });
        if let Some((revision, Some(body))) = &before
            && let Ok(told) = NetworkConfig::verify(body, &self.crypto, &[self.config.public()])
            && is_same(&told, &wanted)
        {
            return Ok((*revision, body.clone()));
        }
        // Clients keep the highest revision: that of a store which was lost must not be higher than the first one after it.
        let next = before.map_or(0, |(revision, _)| revision).saturating_add(1);
        wanted.revision = next.max(now_unix_secs);
        wanted.issued_unix_secs = now_unix_secs;
        let body = wanted.sign(&self.crypto, self.config.private())?;
        let message = FromHub::Config {
            revision: wanted.revision,
            body: Some(body.clone()),
        };
        store.put(&key, &message.encode(), None)?;
        Ok((wanted.revision, body))
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
        let told = |settings: &[KeyId], revoked: &[KeyId], keys: &HubKeys, now| {
            let publisher = Publisher::new(&[], settings, keys, &crypto);
            let (revision, body) = publisher.sign(revoked, &store, now).unwrap();
            let taken = NetworkConfig::verify(&body, &crypto, &[keys.config.public()]).unwrap();
            assert_eq!(taken.revision, revision);
            taken
        };
        let first = told(&[], &[], &keys, 100);
        assert_eq!((first.revision, first.issued_unix_secs), (100, 100));
        assert_eq!(first.authorities, [keys.authority.public()]);
        assert_eq!(told(&[], &[], &keys, 200), first, "nothing has changed");
        let [one, other] = [KeyId::new(7), KeyId::new(8)];
        assert_eq!(told(&[other], &[], &keys, 100).revision, 101);
        let both = told(&[other], &[one], &keys, 100);
        assert_eq!((both.revision, both.revoked), (102, vec![one, other]));
        // Whoever revokes it: it is the same for clients.
        assert_eq!(told(&[other], &[one, other], &keys, 100).revision, 102);
        let next = HubKeys::generate(&crypto).unwrap();
        keys.other_authorities.push(next.authority.clone());
        let both = told(&[other], &[one], &keys, 400);
        assert_eq!((both.revision, both.authorities.len()), (400, 2));
        // By another key it is signed anew, with a revision that grows all the same.
        keys.config = next.config;
        assert_eq!(told(&[other], &[one], &keys, 50).revision, 401);
    }

    #[test]
    fn regression_the_revision_grows_when_the_store_was_lost() {
        let crypto = bowline::cert::default_crypto();
        let keys = HubKeys::generate(&crypto).unwrap();
        let publisher = Publisher::new(&[], &[], &keys, &crypto);
        let first = |now| {
            let store = LocalStore::in_memory(Arc::new(SystemClock::new()));
            publisher.sign(&[], &store, now).unwrap().0
        };
        assert!(first(1_800_000_000) < first(1_800_000_060));
        assert_eq!(first(0), 1, "a clock that is not set");
    }

    #[test]
    fn limit_keys_that_are_revoked() {
        let crypto = bowline::cert::default_crypto();
        let keys = HubKeys::generate(&crypto).unwrap();
        let store = LocalStore::in_memory(Arc::new(SystemClock::new()));
        let settings = [KeyId::new(1)];
        let publisher = Publisher::new(&[], &settings, &keys, &crypto);
        let most = MAX_NETWORK_REVOKED as u64;
        let mut kept: Vec<KeyId> = (1..=most).map(KeyId::new).collect();
        publisher.sign(&kept, &store, 1).unwrap();
        kept.push(KeyId::new(most + 1));
        let error = publisher.sign(&kept, &store, 1);
        assert_eq!(error, Err(OperatorError::TooManyRevoked));
    }
}
