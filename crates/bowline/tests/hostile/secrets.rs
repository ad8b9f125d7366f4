//! Class 43: what is printed of anything shows no key.

use std::fmt::Debug;

use bowline::cert::KeyPair;
use bowline::{SendFlags, Sockets};
use bowline_core::crypto::keys::{ExchangeKey, SigningKey};
use bowline_core::crypto::{rustcrypto, spy};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::support::{connect, listen, wait_message};

#[test]
fn class_43_nothing_that_can_be_printed_shows_a_key() {
    let (crypto, seen) = spy::provider();
    let seed = std::array::from_fn(|n| n as u8 ^ 0xA7);
    let key = KeyPair::new(&crypto, SigningKey::from_seed(seed));
    let builder = Sockets::builder().crypto(crypto).key(key.clone());
    seen.assert_hidden_in(&builder);
    let server = builder.clone().build().unwrap();
    let client = builder.build().unwrap();
    let listener = listen(&server);
    let (accepted, dialled) = connect(&server, &client, listener.local_addr());
    dialled
        .send(b"secret enough", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    let message = wait_message(&server, &accepted);
    let known = seen.keys();
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
        seen.assert_hidden_in(what);
    }
    // Nor does it show what was said.
    assert!(!format!("{message:?}").contains("enough"));
}

#[test]
fn class_43_keys_are_wiped_when_they_go() {
    const fn is_wiped(_: &impl ZeroizeOnDrop) -> bool {
        true
    }
    assert!(is_wiped(&SigningKey::from_seed([1; 32])));
    assert!(is_wiped(&ExchangeKey::from_bytes([1; 32])));
    // The bytes that a key pair is printed to for its file are wiped as well.
    let crypto = rustcrypto::provider();
    let pem: Zeroizing<String> = KeyPair::new(&crypto, SigningKey::from_seed([1; 32])).to_pem();
    assert!(pem.contains("PRIVATE KEY"));
}
