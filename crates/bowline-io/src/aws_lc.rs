//! The crypto provider on aws-lc: three times as fast as the portable one, and needs a C compiler.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, VerificationAlgorithm};
use bowline_core::crypto::{AeadKey, Crypto, CryptoError, CryptoProvider, Ed25519Key, X25519Key};
use zeroize::Zeroizing;

/// The provider on aws-lc as a value.
pub fn provider() -> Crypto {
    Arc::new(AwsLc)
}

#[derive(Debug)]
struct AwsLc;

impl CryptoProvider for AwsLc {
    fn name(&self) -> &'static str {
        "aws-lc"
    }

    fn x25519_key(&self, private: &[u8; 32]) -> Arc<dyn X25519Key> {
        let key = PrivateKey::from_private_key(&X25519, private);
        Arc::new(AgreementKey(
            key.expect("any 32 bytes are an X25519 private key"),
        ))
    }

    fn ed25519_key(&self, seed: &[u8; 32]) -> Arc<dyn Ed25519Key> {
        let key = Ed25519KeyPair::from_seed_unchecked(seed);
        Arc::new(SignatureKey(key.expect("any 32 bytes are an Ed25519 seed")))
    }

    /// The library checks the equation without the cofactor and that the scalar is reduced. Points of
    /// small order, which it lets pass, are refused here.
    fn ed25519_verify(
        &self,
        public: &[u8; 32],
        message: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), CryptoError> {
        let (point, _) = signature
            .split_first_chunk::<32>()
            .expect("a signature is a point and a scalar");
        if has_small_order(public) || has_small_order(point) {
            return Err(CryptoError);
        }
        ED25519
            .verify_sig(public, message, signature)
            .map_err(|_| CryptoError)
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey> {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 keys have 32 bytes");
        Arc::new(AesKey(LessSafeKey::new(key)))
    }
}

/// A key with its public half. The library wipes it when it is dropped.
struct AgreementKey(PrivateKey);

impl X25519Key for AgreementKey {
    fn public(&self) -> [u8; 32] {
        let public = self.0.compute_public_key();
        public
            .expect("every X25519 private key has a public key")
            .as_ref()
            .try_into()
            .expect("X25519 public keys have 32 bytes")
    }

    fn agree(&self, peer_public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let peer = UnparsedPublicKey::new(&X25519, peer_public);
        agreement::agree(&self.0, peer, CryptoError, |shared| {
            let shared = <[u8; 32]>::try_from(shared).map(Zeroizing::new);
            // The library refuses an all-zero result as well; here it does not depend on its version.
            shared
                .ok()
                .filter(|shared| shared.iter().fold(0, |or, byte| or | byte) != 0)
                .ok_or(CryptoError)
        })
    }
}

impl fmt::Debug for AgreementKey {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgreementKey")
    }
}

/// A key with its public half. The library wipes it when it is dropped.
struct SignatureKey(Ed25519KeyPair);

impl Ed25519Key for SignatureKey {
    fn public(&self) -> [u8; 32] {
        self.0
            .public_key()
            .as_ref()
            .try_into()
            .expect("Ed25519 public keys have 32 bytes")
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0
            .sign(message)
            .as_ref()
            .try_into()
            .expect("Ed25519 signatures have 64 bytes")
    }
}

impl fmt::Debug for SignatureKey {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureKey")
    }
}

/// An expanded key. The library wipes it when it is dropped.
struct AesKey(LessSafeKey);

impl AeadKey for AesKey {
    fn seal(&self, nonce: &[u8; 12], data: &mut [u8]) -> [u8; 16] {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::empty(), data)
            .expect("GCM takes up to 64 GiB, a packet is far shorter");
        tag.as_ref().try_into().expect("GCM tags have 16 bytes")
    }

    fn open(&self, nonce: &[u8; 12], data: &mut [u8]) -> Result<usize, CryptoError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.0
            .open_in_place(nonce, Aad::empty(), data)
            .map(|plaintext| plaintext.len())
            .map_err(|_| CryptoError)
    }
}

impl fmt::Debug for AesKey {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesKey")
    }
}

/// Whether an encoded point is in the subgroup of order 8, where a signature proves nothing.
fn has_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    // The sign of x: both signs of each y below are in the subgroup, or no points at all.
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

/// The y coordinates of the points of order 1, 2, 4 and 8, little-endian, and the encodings of 0 and 1
/// that are not reduced modulo p = 2^255 - 19.
const SMALL_ORDER: [[u8; 32]; 7] = [
    y_coordinate(0x00, 0x00, 0x00), // 0: order 4
    y_coordinate(0x01, 0x00, 0x00), // 1: order 1
    y_coordinate(0xec, 0xff, 0x7f), // p - 1: order 2
    y_coordinate(0xed, 0xff, 0x7f), // p, the same as 0
    y_coordinate(0xee, 0xff, 0x7f), // p + 1, the same as 1
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ], // order 8
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ], // order 8, p less the one above
];

/// 32 bytes with the given first, middle and last ones.
const fn y_coordinate(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut y = [middle; 32];
    y[0] = first;
    y[31] = last;
    y
}

#[cfg(test)]
mod tests;
