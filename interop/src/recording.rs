//! Sessions with the original, written down with their keys as test data for the core.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bowline_core::crypto::wrapper::Wrapper;
use bowline_core::crypto::{Crypto, CryptoError, X25519Key, rustcrypto};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::bare_core::BareCore;
use crate::pair::Side;
use crate::traffic::{Planned, payload};

/// What our end of one session sees.
#[derive(Clone, Debug)]
pub struct Recording {
    start: Instant,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Our X25519 private key, and what came of it with the peer's public key.
    exchange: Option<([u8; 32], [u8; 32])>,
    /// Whether we sent it, when, and its bytes.
    datagrams: Vec<(bool, u128, Vec<u8>)>,
}

impl Recording {
    /// Starts our side and records it.
    pub fn start(identity: Option<&str>) -> (Self, Side) {
        let recording = Self {
            start: Instant::now(),
            seen: Arc::default(),
        };
        let crypto = SpyingCrypto {
            inner: rustcrypto::provider(),
            seen: recording.seen.clone(),
        };
        let mut core = BareCore::with_crypto(identity, Arc::new(crypto));
        let tap = recording.clone();
        core.set_tap(Box::new(move |sent, bytes| {
            let at_us = tap.start.elapsed().as_micros();
            lock(&tap.seen)
                .datagrams
                .push((sent, at_us, bytes.to_vec()));
        }));
        (recording, Side::of(Box::new(core)))
    }

    /// The session as JSON: the key exchange, the messages of both ends, every datagram.
    pub fn to_json(&self, we_dialled: bool, up: &[Planned], down: &[Planned]) -> Value {
        let seen = lock(&self.seen);
        let name = |is_client: bool| if is_client { "client" } else { "server" };
        let datagrams: Vec<Value> = seen
            .datagrams
            .iter()
            .map(|(sent, at_us, bytes)| {
                json!({ "from": name(*sent == we_dialled), "at_us": at_us, "hex": hex(bytes) })
            })
            .collect();
        let messages: Vec<Value> = [(true, up), (false, down)]
            .into_iter()
            .flat_map(|(from_client, plan)| {
                plan.iter()
                    .map(move |planned| message(name(from_client), planned))
            })
            .collect();
        // Without encryption there is no exchange of keys.
        let (private, shared) = seen.exchange.unwrap_or_default();
        json!({
            "original": "GameNetworkingSockets 1.6.0",
            "we_are": name(we_dialled),
            "our_exchange_private": hex(&private),
            "shared_secret": hex(&shared),
            "messages": messages,
            "datagrams": datagrams,
        })
    }
}

/// Contents by a hash: they are long, and need only be recognised.
fn message(from: &str, planned: &Planned) -> Value {
    let sum = payload(planned.id, planned.size)
        .iter()
        .fold(0_u32, |sum, &byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
    json!({
        "from": from,
        "lane": planned.lane,
        "reliable": planned.reliable,
        "size": planned.size,
        "sum31": sum,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A provider that notes the key exchange, so that a recorded session can be decrypted later.
#[derive(Debug)]
struct SpyingCrypto {
    inner: Crypto,
    seen: Arc<Mutex<Seen>>,
}

impl Wrapper for SpyingCrypto {
    fn inner(&self) -> &Crypto {
        &self.inner
    }

    fn x25519_key(&self, private: &[u8; 32]) -> Arc<dyn X25519Key> {
        Arc::new(SpyingKey {
            private: *private,
            inner: self.inner.x25519_key(private),
            seen: Arc::clone(&self.seen),
        })
    }
}

#[derive(Debug)]
struct SpyingKey {
    private: [u8; 32],
    inner: Arc<dyn X25519Key>,
    seen: Arc<Mutex<Seen>>,
}

impl X25519Key for SpyingKey {
    fn public(&self) -> [u8; 32] {
        self.inner.public()
    }

    fn agree(&self, peer_public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let shared = self.inner.agree(peer_public)?;
        lock(&self.seen).exchange = Some((self.private, *shared));
        Ok(shared)
    }
}
