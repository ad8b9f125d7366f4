//! Cryptography that protects nothing and costs next to nothing.
//!
//! A fuzzer is not to break ciphers, and every microsecond in one is an input not tried. What matters
//! to the protocol holds here too: an altered packet does not open, both ends agree on a secret, a
//! signature is over its message. But anybody can sign for anybody ([`signature`]), so that a target
//! can put signatures over what it made up and gets past the checks.
//!
//! Keys refuse to seal twice with the same nonce: no connection may ever do so.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bowline_core::crypto::{AeadKey, Crypto, CryptoError, CryptoProvider, Ed25519Key, X25519Key};
use zeroize::Zeroizing;

/// The provider of one run.
#[derive(Clone, Debug, Default)]
pub struct QuickCrypto(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Each key and nonce that something was sealed with.
    sealed: Mutex<BTreeSet<(u64, [u8; 12])>>,
    /// Sealing is not noted.
    forging: AtomicBool,
}

impl QuickCrypto {
    /// A provider whose keys have sealed nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The provider as the core takes it.
    pub fn provider(&self) -> Crypto {
        Arc::new(self.clone())
    }

    /// Lets a target seal packets of its own, with nonces that the connection will use too.
    pub fn forge<T>(&self, seal: impl FnOnce() -> T) -> T {
        self.0.forging.store(true, Ordering::Relaxed);
        let result = seal();
        self.0.forging.store(false, Ordering::Relaxed);
        result
    }
}

/// The signature that holds for this key and message. No private key is needed.
pub fn signature(public: &[u8; 32], message: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    for (part, chunk) in (0..).zip(out.chunks_exact_mut(8)) {
        let hash = Hash::new(part).with(public).with(message);
        chunk.copy_from_slice(&hash.finish().to_le_bytes());
    }
    out
}

impl CryptoProvider for QuickCrypto {
    fn name(&self) -> &'static str {
        "quick"
    }

    fn x25519_key(&self, private: &[u8; 32]) -> Arc<dyn X25519Key> {
        Arc::new(QuickPair(spread(Hash::new(1).with(private))))
    }

    fn ed25519_key(&self, seed: &[u8; 32]) -> Arc<dyn Ed25519Key> {
        Arc::new(QuickPair(spread(Hash::new(2).with(seed))))
    }

    fn ed25519_verify(
        &self,
        public: &[u8; 32],
        message: &[u8],
        given: &[u8; 64],
    ) -> Result<(), CryptoError> {
        let right = signature(public, message);
        if differ(&right, given) {
            return Err(CryptoError);
        }
        Ok(())
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey> {
        Arc::new(QuickKey {
            key: Hash::new(3).with(key).finish(),
            shared: Arc::clone(&self.0),
        })
    }
}

/// A public half, which says it all.
#[derive(Debug)]
struct QuickPair([u8; 32]);

impl X25519Key for QuickPair {
    fn public(&self) -> [u8; 32] {
        self.0
    }

    fn agree(&self, peer_public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        if *peer_public == [0; 32] {
            // Stands for the points of low order.
            return Err(CryptoError);
        }
        let both = |at: usize| self.0[at] ^ peer_public[at];
        Ok(Zeroizing::new(std::array::from_fn(both)))
    }
}

impl Ed25519Key for QuickPair {
    fn public(&self) -> [u8; 32] {
        self.0
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        signature(&self.0, message)
    }
}

#[derive(Debug)]
struct QuickKey {
    key: u64,
    shared: Arc<Shared>,
}

impl QuickKey {
    fn tag(&self, nonce: &[u8; 12], data: &[u8]) -> [u8; 16] {
        let hash = Hash::new(self.key).with(nonce).with(data);
        let mut tag = [0; 16];
        tag[..8].copy_from_slice(&hash.finish().to_le_bytes());
        tag
    }

    /// A stand-in for encryption: what is not opened does not look like frames.
    fn scramble(&self, data: &mut [u8]) {
        let mask = self.key.to_le_bytes();
        for (byte, mask) in data.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
    }
}

impl AeadKey for QuickKey {
    fn seal(&self, nonce: &[u8; 12], data: &mut [u8]) -> [u8; 16] {
        if !self.shared.forging.load(Ordering::Relaxed) {
            let mut sealed = self.shared.sealed.lock().expect("the first panic ends all");
            let fresh = sealed.insert((self.key, *nonce));
            assert!(fresh, "a nonce was used twice with the same key");
        }
        let tag = self.tag(nonce, data);
        self.scramble(data);
        tag
    }

    fn open(&self, nonce: &[u8; 12], data: &mut [u8]) -> Result<usize, CryptoError> {
        let len = data.len().checked_sub(16).ok_or(CryptoError)?;
        let (sealed, given) = data.split_at_mut(len);
        self.scramble(sealed);
        if differ(&self.tag(nonce, sealed), given) {
            // As a cipher does: nothing of what did not open is handed out.
            sealed.fill(0);
            return Err(CryptoError);
        }
        Ok(len)
    }
}

/// Compares so that the fuzzer, which learns from comparisons, cannot learn the right value.
fn differ(right: &[u8], given: &[u8]) -> bool {
    let mut difference = u8::from(right.len() != given.len());
    for (right, given) in right.iter().zip(given) {
        difference |= right ^ given;
    }
    difference != 0
}

fn spread(hash: Hash) -> [u8; 32] {
    let mut out = [0; 32];
    for (part, chunk) in (0..).zip(out.chunks_exact_mut(8)) {
        chunk.copy_from_slice(&hash.with(&[part]).finish().to_le_bytes());
    }
    out
}

/// A multiplicative hash in the manner of FxHash: quick, and enough to notice what was altered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    #[must_use]
    pub(crate) fn with(mut self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last));
        self.mix(bytes.len() as u64);
        self
    }

    pub(crate) const fn finish(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        mixed ^ (mixed >> 32)
    }

    const fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
}
