//! Private keys that wipe themselves and never show in a log.

use alloc::sync::Arc;
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::crypto::{Crypto, CryptoError, Ed25519Key, X25519Key};
use crate::rng::Rng;

/// An Ed25519 private key: the key of a certificate, or of an authority.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// A fresh key.
    pub fn generate(rng: &mut Rng) -> Self {
        Self(rng.bytes())
    }

    /// The key of a 32-byte seed (RFC 8032 calls the seed the private key).
    pub const fn from_seed(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// The 32-byte seed, for storing the key.
    pub const fn seed(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public key that belongs to it.
    pub fn public(&self, crypto: &Crypto) -> [u8; 32] {
        self.ready(crypto).public()
    }

    /// The signature over `message`.
    pub fn sign(&self, crypto: &Crypto, message: &[u8]) -> [u8; 64] {
        self.ready(crypto).sign(message)
    }

    /// The key ready for more than one use: most of what a use costs is to get ready.
    pub fn ready(&self, crypto: &Crypto) -> Arc<dyn Ed25519Key> {
        crypto.ed25519_key(&self.0)
    }
}

/// An X25519 private key, used for one connection.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ExchangeKey([u8; 32]);

impl ExchangeKey {
    /// A fresh key.
    pub fn generate(rng: &mut Rng) -> Self {
        Self(rng.bytes())
    }

    /// The key of 32 bytes, which need not be clamped.
    pub const fn from_bytes(private: [u8; 32]) -> Self {
        Self(private)
    }

    /// The public key that belongs to it.
    pub fn public(&self, crypto: &Crypto) -> [u8; 32] {
        self.ready(crypto).public()
    }

    /// The secret shared with the owner of `peer_public`.
    ///
    /// # Errors
    /// If `peer_public` is a point of low order.
    pub fn agree(
        &self,
        crypto: &Crypto,
        peer_public: &[u8; 32],
    ) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        self.ready(crypto).agree(peer_public)
    }

    /// The key ready for more than one use.
    pub fn ready(&self, crypto: &Crypto) -> Arc<dyn X25519Key> {
        crypto.x25519_key(&self.0)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl fmt::Debug for ExchangeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExchangeKey")
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::crypto::rustcrypto::provider;

    #[test]
    fn debug_output_shows_no_key() {
        assert_eq!(
            format!("{:?}", SigningKey::from_seed([7; 32])),
            "SigningKey"
        );
        assert_eq!(
            format!("{:?}", ExchangeKey::from_bytes([7; 32])),
            "ExchangeKey"
        );
    }

    #[test]
    fn generated_keys_agree_with_each_other() {
        let crypto = provider();
        let mut rng = Rng::from_seed([1; 32]);
        let a = ExchangeKey::generate(&mut rng);
        let b = ExchangeKey::generate(&mut rng);
        let from_a = a.agree(&crypto, &b.public(&crypto)).unwrap();
        let from_b = b.agree(&crypto, &a.public(&crypto)).unwrap();
        assert_eq!(from_a, from_b);
        assert_eq!(a.agree(&crypto, &[0; 32]), Err(CryptoError));
    }
}
