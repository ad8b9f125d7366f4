//! Cryptography as a value: a [`CryptoProvider`] chosen at run time does the ciphers, and everything
//! that the protocol derives from them lives in the modules beside it.
//!
//! [`rustcrypto`] is the portable provider; the one on aws-lc lives in `bowline-io`, because it needs
//! a C compiler. `vectors` holds both to the same verdicts.

pub mod cipher_negotiation;
pub mod kdf;
pub mod key_update;
pub mod keys;
#[cfg(any(test, feature = "test-support"))]
pub mod once;
pub mod packet;
pub mod replay;
pub mod rustcrypto;
pub(crate) mod siphash;
#[cfg(any(test, feature = "test-support"))]
pub mod spy;
pub(crate) mod stand_in;
#[cfg(any(test, feature = "test-support"))]
pub mod vectors;
#[cfg(any(test, feature = "test-support"))]
pub mod wrapper;

use alloc::sync::Arc;
use core::fmt::Debug;

use zeroize::Zeroizing;

/// A provider, shared by everything that needs one.
pub type Crypto = Arc<dyn CryptoProvider>;

/// The primitives that the protocol needs. GNS uses exactly these (wire.md 3.1).
pub trait CryptoProvider: Debug + Send + Sync {
    /// What to call it in logs and diagnostics.
    fn name(&self) -> &'static str;

    /// The X25519 key of 32 bytes, which need not be clamped, with its public half.
    fn x25519_key(&self, private: &[u8; 32]) -> Arc<dyn X25519Key>;

    /// The Ed25519 key of a 32-byte seed, with its public half.
    fn ed25519_key(&self, seed: &[u8; 32]) -> Arc<dyn Ed25519Key>;

    /// Verifies strictly: malleable signatures and low-order keys are refused by every provider alike.
    ///
    /// # Errors
    /// If the signature does not hold.
    fn ed25519_verify(
        &self,
        public: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), CryptoError>;

    /// An AES-256-GCM key, ready for many packets.
    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey>;
}

/// A key for agreeing on a secret. Its public half is computed once, whatever is done with it then.
pub trait X25519Key: Debug + Send + Sync {
    /// The public half.
    fn public(&self) -> [u8; 32];

    /// The secret shared with the owner of `peer_public`.
    ///
    /// # Errors
    /// If the result is all zero, as it is for low-order points.
    fn agree(&self, peer_public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, CryptoError>;
}

/// A key for signing. Its public half is computed once, whatever is done with it then.
pub trait Ed25519Key: Debug + Send + Sync {
    /// The public half.
    fn public(&self) -> [u8; 32];

    /// The signature over `message`.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// A key for sealing and opening packets in place, without additional data.
pub trait AeadKey: Debug + Send + Sync {
    /// Encrypts `data` in place and returns the tag.
    fn seal(&self, nonce: &[u8; 12], data: &mut [u8]) -> [u8; 16];

    /// Decrypts `data` (ciphertext, then tag) in place and returns the length of the plaintext at its start.
    ///
    /// # Errors
    /// If the tag does not match or there is none.
    fn open(&self, nonce: &[u8; 12], data: &mut [u8]) -> Result<usize, CryptoError>;
}

/// A cryptographic check failed. Says no more, so that nobody learns why.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("cryptographic check failed")]
pub struct CryptoError;
