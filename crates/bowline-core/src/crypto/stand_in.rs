//! A provider for playing recordings back that have no keys.
//!
//! Its key seals by adding a mark where the tag would be, and opens what carries that mark. So a packet
//! keeps its size, opens if it opened when it was recorded, and shows its plaintext. Never for packets
//! that go anywhere.

use alloc::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto::AeadKey;
use crate::crypto::Crypto;
use crate::crypto::CryptoError;
use crate::crypto::CryptoProvider;
use crate::crypto::Ed25519Key;
use crate::crypto::X25519Key;

/// Stands where the tag of a packet stood that opened.
pub(crate) const OPENS: [u8; 16] = *b"opened as it was";

/// The provider as a value. It agrees on no keys and verifies no signature.
pub(crate) fn provider() -> Crypto {
    Arc::new(StandIn)
}

#[derive(Debug)]
struct StandIn;

impl CryptoProvider for StandIn {
    fn name(&self) -> &'static str {
        "stand-in"
    }

    fn x25519_key(&self, _private: &[u8; 32]) -> Arc<dyn X25519Key> {
        Arc::new(Self)
    }

    fn ed25519_key(&self, _seed: &[u8; 32]) -> Arc<dyn Ed25519Key> {
        Arc::new(Self)
    }

    fn ed25519_verify(
        &self,
        _public: &[u8; 32],
        _message: &[u8],
        _signature: &[u8; 64],
    ) -> Result<(), CryptoError> {
        Err(CryptoError)
    }

    fn aes_256_gcm(&self, _key: &[u8; 32]) -> Arc<dyn AeadKey> {
        Arc::new(Self)
    }
}

impl X25519Key for StandIn {
    fn public(&self) -> [u8; 32] {
        [0; 32]
    }

    fn agree(&self, _peer_public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        Err(CryptoError)
    }
}

impl Ed25519Key for StandIn {
    fn public(&self) -> [u8; 32] {
        [0; 32]
    }

    fn sign(&self, _message: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}

impl AeadKey for StandIn {
    fn seal(&self, _nonce: &[u8; 12], _data: &mut [u8]) -> [u8; 16] {
        OPENS
    }

    fn open(&self, _nonce: &[u8; 12], data: &mut [u8]) -> Result<usize, CryptoError> {
        match data.split_last_chunk::<16>() {
            Some((plaintext, tag)) if *tag == OPENS => Ok(plaintext.len()),
            Some(_) | None => Err(CryptoError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_carries_the_mark_and_leaves_the_bytes_alone() {
        let key = provider().aes_256_gcm(&[1; 32]);
        let mut data = std::vec::Vec::from(*b"plain");
        let tag = key.seal(&[0; 12], &mut data);
        data.extend_from_slice(&tag);
        assert_eq!(key.open(&[7; 12], &mut data), Ok(5));
        assert_eq!(&data[..5], b"plain");
        data[6] ^= 1;
        assert_eq!(key.open(&[7; 12], &mut data), Err(CryptoError));
    }
}
