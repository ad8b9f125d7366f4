//! A provider for tests whose keys notice when they seal twice with the same nonce.
//!
//! What was sealed is not remembered one by one: the nonces of a key count up from its base, so that the
//! last one tells whether the next one is new. That is stricter than need be, and costs a few bytes per key.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use alloc::sync::Arc;

use crate::crypto::AeadKey;
use crate::crypto::Crypto;
use crate::crypto::CryptoError;
use crate::crypto::rustcrypto;
use crate::crypto::wrapper::Wrapper;

/// The portable provider with keys that remember what they sealed with, and panic when a nonce comes
/// again with the same key. Connections that share a provider are watched together.
pub fn provider() -> Crypto {
    Arc::new(Once {
        inner: rustcrypto::provider(),
        watch: NonceWatch::new(true),
    })
}

/// Watches the nonces of a provider's keys, and counts those that came again.
///
/// Only while [`Self::watch`] is on: a copy of a connection that is played back has the same keys, and
/// seals the same packets again.
#[derive(Clone, Debug, Default)]
pub struct NonceWatch(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    panics: bool,
    is_on: AtomicBool,
    reused: AtomicU64,
    marks: Mutex<BTreeMap<[u8; 32], Arc<Mark>>>,
}

/// The last nonce that a key sealed with.
#[derive(Debug, Default)]
struct Mark(Mutex<Option<[u8; 12]>>);

impl NonceWatch {
    /// A watch that is off, with a provider of its own. Off, it remembers nothing.
    pub fn pair() -> (Self, Crypto) {
        let watch = Self::default();
        let provider = Once {
            inner: rustcrypto::provider(),
            watch: watch.clone(),
        };
        (watch, Arc::new(provider))
    }

    /// Watches from now on, or no longer.
    pub fn watch(&self, is_on: bool) {
        self.0.is_on.store(is_on, Ordering::Relaxed);
    }

    /// How many packets were sealed with a nonce that had been used with the same key, since the last
    /// call.
    pub fn take_reused(&self) -> u64 {
        self.0.reused.swap(0, Ordering::Relaxed)
    }

    fn new(panics: bool) -> Self {
        Self(Arc::new(Watched {
            panics,
            is_on: AtomicBool::new(panics),
            ..Watched::default()
        }))
    }

    /// The mark of a key, the same for all who have the key.
    fn mark(&self, key: &[u8; 32]) -> Arc<Mark> {
        Arc::clone(lock(&self.0.marks).entry(*key).or_default())
    }

    fn sealed(&self, mark: &Mark, nonce: &[u8; 12]) {
        if !self.0.is_on.load(Ordering::Relaxed) {
            return;
        }
        let mut last = lock(&mark.0);
        if last.is_none_or(|last| is_after(&last, nonce)) {
            *last = Some(*nonce);
            return;
        }
        drop(last);
        self.0.reused.fetch_add(1, Ordering::Relaxed);
        assert!(!self.0.panics, "a nonce was used twice with the same key");
    }
}

/// Whether `nonce` counts on from `last`: eight bytes of counter, which may wrap, and four that stay.
fn is_after(last: &[u8; 12], nonce: &[u8; 12]) -> bool {
    let split = |nonce: &[u8; 12]| {
        let (counter, rest) = nonce.split_first_chunk::<8>()?;
        Some((u64::from_le_bytes(*counter), rest.to_vec()))
    };
    let (Some((last, last_rest)), Some((next, rest))) = (split(last), split(nonce)) else {
        return false;
    };
    let step = next.wrapping_sub(last);
    rest == last_rest && step > 0 && step < 1 << 63
}

/// What is guarded is whole even if a test panicked with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Once {
    inner: Crypto,
    watch: NonceWatch,
}

#[derive(Debug)]
struct OnceKey {
    inner: Arc<dyn AeadKey>,
    mark: Arc<Mark>,
    watch: NonceWatch,
}

impl Wrapper for Once {
    fn inner(&self) -> &Crypto {
        &self.inner
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey> {
        Arc::new(OnceKey {
            inner: self.inner.aes_256_gcm(key),
            mark: self.watch.mark(key),
            watch: self.watch.clone(),
        })
    }
}

impl AeadKey for OnceKey {
    fn seal(&self, nonce: &[u8; 12], data: &mut [u8]) -> [u8; 16] {
        self.watch.sealed(&self.mark, nonce);
        self.inner.seal(nonce, data)
    }

    fn open(&self, nonce: &[u8; 12], data: &mut [u8]) -> Result<usize, CryptoError> {
        self.inner.open(nonce, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A nonce with this counter.
    fn nonce(counter: u64) -> [u8; 12] {
        let mut nonce = [7; 12];
        nonce[..8].copy_from_slice(&counter.to_le_bytes());
        nonce
    }

    #[test]
    #[should_panic(expected = "a nonce was used twice")]
    fn a_nonce_that_comes_again_is_noticed() {
        let key = provider().aes_256_gcm(&[1; 32]);
        key.seal(&[2; 12], &mut [3]);
        key.seal(&[2; 12], &mut [4]);
    }

    #[test]
    fn whoever_has_the_same_key_is_watched_together() {
        let (watch, crypto) = NonceWatch::pair();
        watch.watch(true);
        let (ours, theirs) = (crypto.aes_256_gcm(&[1; 32]), crypto.aes_256_gcm(&[1; 32]));
        let other = crypto.aes_256_gcm(&[2; 32]);
        for counter in [u64::MAX - 1, u64::MAX, 0, 5] {
            ours.seal(&nonce(counter), &mut [3]);
        }
        other.seal(&nonce(5), &mut [3]);
        assert_eq!(watch.take_reused(), 0);
        theirs.seal(&nonce(5), &mut [3]);
        theirs.seal(&nonce(u64::MAX), &mut [3]);
        assert_eq!((watch.take_reused(), watch.take_reused()), (2, 0));
    }

    #[test]
    fn what_is_played_back_is_not_watched() {
        let (watch, crypto) = NonceWatch::pair();
        let key = crypto.aes_256_gcm(&[1; 32]);
        watch.watch(true);
        key.seal(&nonce(5), &mut [3]);
        watch.watch(false);
        key.seal(&nonce(5), &mut [3]);
        watch.watch(true);
        key.seal(&nonce(6), &mut [3]);
        assert_eq!(watch.take_reused(), 0);
    }
}
