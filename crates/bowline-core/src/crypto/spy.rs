//! A provider for tests that writes down every secret that passes through it, to look for them where none
//! may be: in logs, in debug output, in recordings.

use std::format;
use std::string::String;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::vec::Vec;

use alloc::sync::Arc;
use core::fmt;

use zeroize::Zeroizing;

use crate::crypto::AeadKey;
use crate::crypto::Crypto;
use crate::crypto::CryptoError;
use crate::crypto::Ed25519Key;
use crate::crypto::X25519Key;
use crate::crypto::rustcrypto;
use crate::crypto::wrapper::Wrapper;

/// What passed through a [`provider`]. Clones share it.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Secrets>>);

#[derive(Default)]
struct Secrets {
    keys: Vec<[u8; 32]>,
    nonces: Vec<[u8; 12]>,
}

/// The portable provider, and where it writes down what it sees.
pub fn provider() -> (Crypto, Seen) {
    let seen = Seen::default();
    let spy = Spy {
        inner: rustcrypto::provider(),
        seen: seen.clone(),
    };
    (Arc::new(spy), seen)
}

impl Seen {
    /// Private keys, shared secrets and keys of packets, in the order in which they came.
    pub fn keys(&self) -> Vec<[u8; 32]> {
        self.lock().keys.clone()
    }

    /// The nonces that packets were sealed with.
    pub fn nonces(&self) -> Vec<[u8; 12]> {
        self.lock().nonces.clone()
    }

    /// Adds a secret that does not come by here, such as the seed of an endpoint.
    pub fn add_key(&self, key: [u8; 32]) {
        self.lock().keys.push(key);
    }

    /// Whether `text` shows a part of a key, in any of the ways in which bytes are printed.
    pub fn is_in(&self, text: &str) -> bool {
        let text = flatten(text);
        self.keys().iter().any(|key| shows(&text, key))
    }

    /// Holds the debug output of something, in both forms, against all keys.
    ///
    /// # Panics
    /// If it shows one.
    pub fn assert_hidden_in(&self, what: &dyn fmt::Debug) {
        for text in [format!("{what:?}"), format!("{what:#?}")] {
            assert!(!self.is_in(&text), "a key is in {text}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Secrets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Seen {
    /// Shows how much was seen, and nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.lock().keys.len())
    }
}

/// Line breaks of the long form stand between numbers, too.
fn flatten(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_lowercase()
}

/// Whether four bytes in a row are there: as decimal numbers, or as hex in a list or in one piece.
fn shows(flat: &str, secret: &[u8]) -> bool {
    let list = |part: &[u8], separator: &str, print: fn(&u8) -> String| {
        let printed: Vec<String> = part.iter().map(print).collect();
        printed.join(separator)
    };
    secret.windows(4).any(|part| {
        let forms = [
            list(part, ",", |byte| format!("{byte}")),
            list(part, ",", |byte| format!("{byte:x}")),
            list(part, ",", |byte| format!("0x{byte:02x}")),
            list(part, "", |byte| format!("{byte:02x}")),
        ];
        forms.iter().any(|form| flat.contains(form.as_str()))
    })
}

#[derive(Debug)]
struct Spy {
    inner: Crypto,
    seen: Seen,
}

#[derive(Debug)]
struct SpyKey {
    inner: Arc<dyn AeadKey>,
    seen: Seen,
}

#[derive(Debug)]
struct SpyAgreement {
    inner: Arc<dyn X25519Key>,
    seen: Seen,
}

impl Wrapper for Spy {
    fn inner(&self) -> &Crypto {
        &self.inner
    }

    fn x25519_key(&self, private: &[u8; 32]) -> Arc<dyn X25519Key> {
        self.seen.add_key(*private);
        Arc::new(SpyAgreement {
            inner: self.inner.x25519_key(private),
            seen: self.seen.clone(),
        })
    }

    fn ed25519_key(&self, seed: &[u8; 32]) -> Arc<dyn Ed25519Key> {
        self.seen.add_key(*seed);
        self.inner.ed25519_key(seed)
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey> {
        self.seen.add_key(*key);
        Arc::new(SpyKey {
            inner: self.inner.aes_256_gcm(key),
            seen: self.seen.clone(),
        })
    }
}

impl X25519Key for SpyAgreement {
    fn public(&self) -> [u8; 32] {
        self.inner.public()
    }

    fn agree(&self, peer_public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let shared = self.inner.agree(peer_public)?;
        self.seen.add_key(*shared);
        Ok(shared)
    }
}

impl AeadKey for SpyKey {
    fn seal(&self, nonce: &[u8; 12], data: &mut [u8]) -> [u8; 16] {
        self.seen.lock().nonces.push(*nonce);
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
    fn keys_are_found_in_every_form_that_bytes_are_printed_in() {
        let (crypto, seen) = provider();
        let secret: [u8; 32] = core::array::from_fn(|n| (n as u8).wrapping_mul(7) + 1);
        crypto.aes_256_gcm(&secret);
        assert_eq!(seen.keys(), [secret]);
        let in_one: String = secret.iter().map(|byte| format!("{byte:02X}")).collect();
        let part = format!("{:?}", &secret[11..15]);
        for text in [
            format!("{secret:?}"),
            format!("{secret:#?}"),
            format!("{secret:02x?}"),
            format!("{secret:#04x?}"),
            in_one,
            part,
        ] {
            assert!(seen.is_in(&text), "{text}");
        }
        assert!(!seen.is_in("SigningKey 1, 8, 15"));
        seen.assert_hidden_in(&seen);
    }
}
