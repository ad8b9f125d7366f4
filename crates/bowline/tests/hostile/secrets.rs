//! Class 43: what is printed, logged or recorded of anything shows no key.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use bowline::cert::KeyPair;
use bowline::{Crypto, SendFlags, Sockets};
use bowline_core::crypto::keys::{ExchangeKey, SigningKey};
use bowline_core::crypto::{AeadKey, CryptoError, CryptoProvider, rustcrypto};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::support::{connect, listen, wait_message};

/// The portable provider, which writes down every secret that it is given or makes.
#[derive(Debug)]
struct Spy {
    inner: Crypto,
    secrets: Arc<Mutex<Vec<[u8; 32]>>>,
}

impl Spy {
    fn note(&self, secret: &[u8; 32]) {
        self.secrets.lock().unwrap().push(*secret);
    }
}

impl CryptoProvider for Spy {
    fn name(&self) -> &'static str {
        "spy"
    }
    fn x25519_public(&self, private: &[u8; 32]) -> [u8; 32] {
        self.note(private);
        self.inner.x25519_public(private)
    }
    fn x25519(
        &self,
        private: &[u8; 32],
        public: &[u8; 32],
    ) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let shared = self.inner.x25519(private, public)?;
        self.note(&shared);
        Ok(shared)
    }
    fn ed25519_public(&self, seed: &[u8; 32]) -> [u8; 32] {
        self.note(seed);
        self.inner.ed25519_public(seed)
    }
    fn ed25519_sign(&self, seed: &[u8; 32], text: &[u8]) -> [u8; 64] {
        self.note(seed);
        self.inner.ed25519_sign(seed, text)
    }
    fn ed25519_verify(
        &self,
        public: &[u8; 32],
        text: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), CryptoError> {
        self.inner.ed25519_verify(public, text, signature)
    }
    fn aes_256_gcm(&self, key: &[u8; 32]) -> Arc<dyn AeadKey> {
        self.note(key);
        self.inner.aes_256_gcm(key)
    }
}

/// Whether `text` shows four bytes in a row of the secret, in any way that bytes are printed.
fn shows(text: &str, secret: &[u8]) -> bool {
    let joined = |part: &[u8], separator: &str, print: fn(&u8) -> String| {
        part.iter().map(print).collect::<Vec<_>>().join(separator)
    };
    // Line breaks of the long form stand between numbers, too.
    let flat: String = text.split_whitespace().collect();
    secret.windows(4).any(|part| {
        let decimal = joined(part, ",", u8::to_string);
        let hex = joined(part, "", |byte| format!("{byte:02x}"));
        let hex_list = joined(part, ",", |byte| format!("{byte:x}"));
        let prefixed = joined(part, ",", |byte| format!("0x{byte:02x}"));
        let lower = flat.to_lowercase();
        [decimal, hex, hex_list, prefixed]
            .iter()
            .any(|form| lower.contains(form))
    })
}

fn assert_hides(what: &dyn Debug, secrets: &[[u8; 32]]) {
    for text in [format!("{what:?}"), format!("{what:#?}")] {
        for secret in secrets {
            assert!(!shows(&text, secret), "a key is in {text}");
        }
    }
}

#[test]
fn the_search_for_keys_finds_them() {
    let secret: [u8; 32] = std::array::from_fn(|n| n as u8 * 7 + 1);
    let print: [&dyn Fn() -> String; 4] = [
        &|| format!("{secret:?}"),
        &|| format!("{secret:#?}"),
        &|| format!("{secret:02x?}"),
        &|| secret.iter().map(|byte| format!("{byte:02X}")).collect(),
    ];
    for text in print {
        assert!(shows(&text(), &secret));
    }
    assert!(!shows("SigningKey", &secret));
}

#[test]
fn class_43_nothing_that_can_be_printed_shows_a_key() {
    let secrets = Arc::<Mutex<Vec<[u8; 32]>>>::default();
    let crypto: Crypto = Arc::new(Spy {
        inner: rustcrypto::provider(),
        secrets: Arc::clone(&secrets),
    });
    let seed = std::array::from_fn(|n| n as u8 ^ 0xA7);
    let key = KeyPair::new(&crypto, SigningKey::from_seed(seed));
    let builder = Sockets::builder()
        .crypto(Arc::clone(&crypto))
        .key(key.clone());
    assert_hides(&builder, &[seed]);
    let server = builder.clone().build().unwrap();
    let client = builder.build().unwrap();
    let listener = listen(&server);
    let (accepted, dialled) = connect(&server, &client, listener.local_addr());
    dialled
        .send(b"secret enough", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    let message = wait_message(&server, &accepted);
    let known = secrets.lock().unwrap().clone();
    // The key of the certificate, exchange keys and what comes of them, and the keys of the packets.
    assert!(known.contains(&seed) && known.len() >= 8, "{}", known.len());
    let group = server.poll_group();
    let all: [&dyn Debug; 14] = [
        &key,
        key.private(),
        &ExchangeKey::from_bytes(seed),
        &server,
        &client,
        &listener,
        &accepted,
        &dialled,
        &group,
        &message,
        &accepted.info(),
        &accepted.status(),
        &accepted.detailed_status(),
        &server.next_event(),
    ];
    for what in all {
        assert_hides(what, &known);
    }
    // Nor does it show what was said.
    assert!(!format!("{message:?}").contains("enough"));
    assert!(!shows(&format!("{message:?}"), b"secret enough"));
}

#[test]
fn class_43_keys_are_wiped_when_they_go() {
    const fn is_wiped<T: ZeroizeOnDrop>() -> bool {
        true
    }
    assert!(is_wiped::<SigningKey>() && is_wiped::<ExchangeKey>());
    // The bytes that a key pair is printed to for its file are wiped as well.
    let crypto = rustcrypto::provider();
    let pem: Zeroizing<String> = KeyPair::new(&crypto, SigningKey::from_seed([1; 32])).to_pem();
    assert!(pem.contains("PRIVATE KEY"));
}
