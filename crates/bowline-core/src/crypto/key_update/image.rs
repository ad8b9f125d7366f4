//! The keys of a connection as they stand in a recording: with what they are made of, or without.

use serde::Deserialize;
use serde::Serialize;
use zeroize::Zeroize;
use zeroize::Zeroizing;

use crate::crypto::Crypto;
use crate::crypto::key_update::ConnectionKeys;
use crate::crypto::key_update::KeyUpdate;
use crate::crypto::key_update::UpdateSecrets;
use crate::crypto::packet::KeyEpoch;
use crate::crypto::packet::PacketKey;
use crate::ids::PacketNumber;
use crate::time::Timestamp;

/// All of a connection's keys.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct KeysImage {
    send: KeyImage,
    recv: KeyImage,
    update: Option<UpdateImage>,
}

/// A key. What was left out is zero.
#[derive(Clone, Deserialize, Serialize)]
struct KeyImage {
    /// Key and base nonce; `None` if nothing is encrypted.
    secrets: Option<([u8; 32], [u8; 12])>,
    epoch: KeyEpoch,
}

/// How keys are replaced. The next key is left out: it follows from the secrets.
#[derive(Clone, Deserialize, Serialize)]
struct UpdateImage {
    send: [u8; 32],
    recv: [u8; 32],
    first_sent: PacketNumber,
    sealed_bytes: u64,
    since: Timestamp,
    confirmed: bool,
    first_received: PacketNumber,
    old: Option<(KeyImage, Timestamp)>,
}

impl KeysImage {
    /// The keys as they are.
    pub(crate) fn of(keys: &ConnectionKeys) -> Self {
        Self {
            send: KeyImage::of(&keys.send),
            recv: KeyImage::of(&keys.recv),
            update: keys.update.as_deref().map(UpdateImage::of),
        }
    }

    /// Overwrites all that is secret with zeros.
    pub(crate) fn hide(&mut self) {
        self.send.hide();
        self.recv.hide();
        if let Some(update) = &mut self.update {
            update.send.zeroize();
            update.recv.zeroize();
            if let Some((key, _)) = &mut update.old {
                key.hide();
            }
        }
    }

    /// The keys again, with ciphers of `crypto`.
    pub(crate) fn restore(&self, crypto: &Crypto) -> ConnectionKeys {
        ConnectionKeys {
            send: self.send.restore(crypto),
            recv: self.recv.restore(crypto),
            update: self
                .update
                .as_ref()
                .map(|update| update.restore(crypto).into()),
        }
    }
}

impl KeyImage {
    fn of(key: &PacketKey) -> Self {
        Self {
            secrets: key.secrets().map(|(key, nonce)| (*key, nonce)),
            epoch: key.epoch(),
        }
    }

    fn hide(&mut self) {
        if let Some((key, nonce)) = &mut self.secrets {
            key.zeroize();
            nonce.zeroize();
        }
    }

    fn restore(&self, crypto: &Crypto) -> PacketKey {
        match &self.secrets {
            None => PacketKey::null(self.epoch),
            Some((key, nonce)) => PacketKey::aes_256_gcm(crypto, key, *nonce, self.epoch),
        }
    }
}

impl UpdateImage {
    fn of(update: &KeyUpdate) -> Self {
        Self {
            send: *update.secrets.send,
            recv: *update.secrets.recv,
            first_sent: update.first_sent,
            sealed_bytes: update.sealed_bytes,
            since: update.since,
            confirmed: update.confirmed,
            first_received: update.first_received,
            old: update.old.as_ref().map(|old| (KeyImage::of(&old.0), old.1)),
        }
    }

    fn restore(&self, crypto: &Crypto) -> KeyUpdate {
        KeyUpdate {
            secrets: UpdateSecrets {
                send: Zeroizing::new(self.send),
                recv: Zeroizing::new(self.recv),
            },
            first_sent: self.first_sent,
            sealed_bytes: self.sealed_bytes,
            since: self.since,
            confirmed: self.confirmed,
            first_received: self.first_received,
            old: self
                .old
                .as_ref()
                .map(|(key, until)| (key.restore(crypto), *until).into()),
            next: None,
        }
    }
}

impl Drop for KeysImage {
    fn drop(&mut self) {
        self.hide();
    }
}
