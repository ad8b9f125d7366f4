//! Providers for tests around another provider, which watch or count what passes through them.
//!
//! A [`Wrapper`] names what is inside and writes down only what it does differently; all else is
//! forwarded.

use alloc::sync::Arc;
use core::fmt::Debug;

use crate::crypto::AeadKey;
use crate::crypto::Crypto;
use crate::crypto::CryptoError;
use crate::crypto::CryptoProvider;
use crate::crypto::Ed25519Key;
use crate::crypto::X25519Key;

/// A provider that hands on to another one what it does not override. The methods are those of
/// [`CryptoProvider`], which every wrapper is.
pub trait Wrapper: Debug + Send + Sync {
    /// The provider inside.
    fn inner(&self) -> &Crypto;

    /// See [`CryptoProvider::x25519_key`].
    fn x25519_key(&self, private: &[u8; 32]) -> Arc<dyn X25519Key> {
        self.inner().x25519_key(private)
    }

    /// See [`CryptoProvider::ed25519_key`].
    fn ed25519_key(&self, seed: &[u8; 32]) -> Arc<dyn Ed25519Key> {
        self.inner().ed25519_key(seed)
    }

    /// See [`CryptoProvider::ed25519_verify`].
    ///
    /// # Errors
    /// As there.
    fn ed25519_verify(
        &self,
        public: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), CryptoError> {
        self.inner().ed25519_verify(public, message, signature)
    }

    /// See [`CryptoProvider::aes_256_gcm`].
    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey> {
        self.inner().aes_256_gcm(key)
    }
}

impl<W: Wrapper> CryptoProvider for W {
    fn name(&self) -> &'static str {
        self.inner().name()
    }

    fn x25519_key(&self, private: &[u8; 32]) -> Arc<dyn X25519Key> {
        Wrapper::x25519_key(self, private)
    }

    fn ed25519_key(&self, seed: &[u8; 32]) -> Arc<dyn Ed25519Key> {
        Wrapper::ed25519_key(self, seed)
    }

    fn ed25519_verify(
        &self,
        public: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), CryptoError> {
        Wrapper::ed25519_verify(self, public, message, signature)
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey> {
        Wrapper::aes_256_gcm(self, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rustcrypto;
    use crate::crypto::vectors;

    #[derive(Debug)]
    struct Plain(Crypto);

    impl Wrapper for Plain {
        fn inner(&self) -> &Crypto {
            &self.0
        }
    }

    #[test]
    fn what_is_not_overridden_is_what_the_inner_provider_does() {
        vectors::check_provider(&Plain(rustcrypto::provider()));
    }
}
