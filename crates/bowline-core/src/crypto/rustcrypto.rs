//! The portable provider: RustCrypto's AES-GCM, and X25519 and Ed25519 of the dalek project.
//!
//! Needs no C compiler and no standard library. About a third of the speed of aws-lc.

use alloc::sync::Arc;
use core::fmt;

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::crypto::{AeadKey, Crypto, CryptoError, CryptoProvider, Ed25519Key, X25519Key};

/// The portable provider as a value.
pub fn provider() -> Crypto {
    Arc::new(RustCrypto)
}

#[derive(Debug)]
struct RustCrypto;

impl CryptoProvider for RustCrypto {
    fn name(&self) -> &'static str {
        "rustcrypto"
    }

    fn x25519_key(&self, private: &[u8; 32]) -> Arc<dyn X25519Key> {
        let secret = StaticSecret::from(*private);
        let public = PublicKey::from(&secret);
        Arc::new(AgreementKey { secret, public })
    }

    fn ed25519_key(&self, seed: &[u8; 32]) -> Arc<dyn Ed25519Key> {
        Arc::new(SignatureKey(SigningKey::from_bytes(seed)))
    }

    fn ed25519_verify(
        &self,
        public: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), CryptoError> {
        VerifyingKey::from_bytes(public)
            .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
            .map_err(|_| CryptoError)
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey> {
        Arc::new(AesKey(Aes256Gcm::new(key.into())))
    }
}

/// A key that wipes itself when dropped (feature `zeroize` of its library).
struct AgreementKey {
    secret: StaticSecret,
    public: PublicKey,
}

impl X25519Key for AgreementKey {
    fn public(&self) -> [u8; 32] {
        self.public.to_bytes()
    }

    fn agree(&self, peer_public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let shared = self.secret.diffie_hellman(&PublicKey::from(*peer_public));
        if !shared.was_contributory() {
            return Err(CryptoError);
        }
        Ok(Zeroizing::new(shared.to_bytes()))
    }
}

impl fmt::Debug for AgreementKey {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgreementKey")
    }
}

/// A key that wipes itself when dropped (feature `zeroize` of its library).
struct SignatureKey(SigningKey);

impl Ed25519Key for SignatureKey {
    fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SignatureKey {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureKey")
    }
}

/// An expanded key. It wipes itself when dropped (feature `zeroize` of the cipher).
struct AesKey(Aes256Gcm);

impl AeadKey for AesKey {
    fn seal(&self, nonce: &[u8; 12], data: &mut [u8]) -> [u8; 16] {
        self.0
            .encrypt_inout_detached(nonce.into(), &[], data.into())
            .expect("GCM takes up to 64 GiB, a packet is far shorter")
            .into()
    }

    fn open(&self, nonce: &[u8; 12], data: &mut [u8]) -> Result<usize, CryptoError> {
        let (plaintext, tag) = data.split_last_chunk_mut::<16>().ok_or(CryptoError)?;
        let length = plaintext.len();
        self.0
            .decrypt_inout_detached(nonce.into(), &[], plaintext.into(), (&*tag).into())
            .map_err(|_| CryptoError)?;
        Ok(length)
    }
}

impl fmt::Debug for AesKey {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::vectors::check_provider;

    #[test]
    fn portable_provider_passes_the_shared_vectors() {
        check_provider(&*provider());
    }
}
