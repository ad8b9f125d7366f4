//! A provider for tests whose keys refuse to seal twice with the same nonce.

use std::collections::BTreeSet;
use std::sync::Mutex;

use alloc::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto::AeadKey;
use crate::crypto::Crypto;
use crate::crypto::CryptoError;
use crate::crypto::CryptoProvider;
use crate::crypto::rustcrypto;

/// The portable provider with keys that remember what they sealed with, and panic when a nonce comes
/// again with the same key. Connections that share a provider are watched together.
pub fn provider() -> Crypto {
    Arc::new(Once {
        inner: rustcrypto::provider(),
        sealed: Arc::default(),
    })
}

type Sealed = Arc<Mutex<BTreeSet<([u8; 32], [u8; 12])>>>;

#[derive(Debug)]
struct Once {
    inner: Crypto,
    sealed: Sealed,
}

#[derive(Debug)]
struct OnceKey {
    inner: Arc<dyn AeadKey>,
    key: [u8; 32],
    sealed: Sealed,
}

impl CryptoProvider for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn x25519_public(&self, private: &[u8; 32]) -> [u8; 32] {
        self.inner.x25519_public(private)
    }

    fn x25519(
        &self,
        private: &[u8; 32],
        peer_public: &[u8; 32],
    ) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        self.inner.x25519(private, peer_public)
    }

    fn ed25519_public(&self, seed: &[u8; 32]) -> [u8; 32] {
        self.inner.ed25519_public(seed)
    }

    fn ed25519_sign(&self, seed: &[u8; 32], message: &[u8]) -> [u8; 64] {
        self.inner.ed25519_sign(seed, message)
    }

    fn ed25519_verify(
        &self,
        public: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), CryptoError> {
        self.inner.ed25519_verify(public, message, signature)
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey> {
        Arc::new(OnceKey {
            inner: self.inner.aes_256_gcm(key),
            key: *key,
            sealed: Arc::clone(&self.sealed),
        })
    }
}

impl AeadKey for OnceKey {
    fn seal(&self, nonce: &[u8; 12], data: &mut [u8]) -> [u8; 16] {
        let mut sealed = self.sealed.lock().expect("no test panics with it");
        let fresh = sealed.insert((self.key, *nonce));
        assert!(fresh, "a nonce was used twice with the same key");
        self.inner.seal(nonce, data)
    }

    fn open(&self, nonce: &[u8; 12], data: &mut [u8]) -> Result<usize, CryptoError> {
        self.inner.open(nonce, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a nonce was used twice")]
    fn a_nonce_that_comes_again_is_noticed() {
        let key = provider().aes_256_gcm(&[1; 32]);
        key.seal(&[2; 12], &mut [3]);
        key.seal(&[2; 12], &mut [4]);
    }
}
