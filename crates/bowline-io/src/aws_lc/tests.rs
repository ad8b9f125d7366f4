use bowline_core::crypto::rustcrypto;
use bowline_core::crypto::vectors::check_provider;
use bowline_core::rng::Rng;
use proptest::prelude::*;

use super::*;

/// RFC 8032 7.1, test 2.
const SEED: [u8; 32] = [
    0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f,
    0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb,
];

#[test]
fn small_order_keys_and_points_are_refused() {
    let provider = provider();
    for encoding in SMALL_ORDER {
        for sign in [0, 0x80] {
            let mut point = encoding;
            point[31] |= sign;
            assert!(has_small_order(&point));
            // With a key of order 1 and s = 0, R = identity satisfies the equation for any message.
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&y_coordinate(1, 0, 0));
            assert!(provider.ed25519_verify(&point, b"any", &signature).is_err());
            let public = provider.ed25519_key(&SEED).public();
            signature[..32].copy_from_slice(&point);
            assert!(
                provider
                    .ed25519_verify(&public, b"any", &signature)
                    .is_err()
            );
        }
    }
    assert!(!has_small_order(&provider.ed25519_key(&SEED).public()));
}

#[test]
fn the_identity_key_would_pass_without_our_check() {
    let identity = y_coordinate(1, 0, 0);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&identity);
    assert!(ED25519.verify_sig(&identity, b"any", &signature).is_ok());
}

#[test]
fn all_zero_exchange_results_are_refused() {
    let provider = provider();
    for point in SMALL_ORDER {
        // The u coordinates of small order are others than the y ones, but 0 and 1 are among both.
        if point[1..31].iter().all(|&byte| byte == 0) {
            assert!(provider.x25519_key(&[7; 32]).agree(&point).is_err());
        }
    }
    let public = provider.x25519_key(&[9; 32]).public();
    assert!(provider.x25519_key(&[7; 32]).agree(&public).is_ok());
}

#[test]
fn short_and_changed_ciphertexts_do_not_open() {
    let key = provider().aes_256_gcm(&[3; 32]);
    for length in 0..16 {
        assert!(key.open(&[1; 12], &mut vec![0; length]).is_err());
    }
    let mut packet = b"hello".to_vec();
    let tag = key.seal(&[1; 12], &mut packet);
    packet.extend_from_slice(&tag);
    for i in 0..packet.len() {
        let mut changed = packet.clone();
        changed[i] ^= 1;
        assert!(key.open(&[1; 12], &mut changed).is_err());
    }
    assert_eq!(key.open(&[1; 12], &mut packet).unwrap(), 5);
    assert_eq!(&packet[..5], b"hello");
}

#[test]
fn debug_output_shows_no_key() {
    let key = provider().aes_256_gcm(&[0x41; 32]);
    assert_eq!(format!("{key:?}"), "AesKey");
}

#[test]
fn this_provider_passes_the_shared_vectors() {
    check_provider(&*provider());
}

/// The order of the group, little-endian: a signature with s + L instead of s is the same to a check
/// that does not look at the range.
const L: [u8; 32] = {
    let mut order = [0; 32];
    let low = 0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed_u128.to_le_bytes();
    let mut i = 0;
    while i < low.len() {
        order[i] = low[i];
        i += 1;
    }
    order[31] = 0x10;
    order
};

/// Adds `L` to the scalar of a signature.
fn unreduced(mut signature: [u8; 64]) -> [u8; 64] {
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    signature
}

/// What both providers say to a signature; panics if they differ.
fn verdict(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let ours = provider().ed25519_verify(public, message, signature);
    let portable = rustcrypto::provider().ed25519_verify(public, message, signature);
    assert_eq!(ours, portable, "{public:02x?} {signature:02x?}");
    ours.is_ok()
}

#[test]
fn small_order_points_get_the_verdict_of_the_portable_provider() {
    let mut rng = Rng::from_seed([1; 32]);
    let public = provider().ed25519_key(&SEED).public();
    let signature = provider().ed25519_key(&SEED).sign(b"message");
    for mut point in SMALL_ORDER {
        for sign in [0, 0x80] {
            point[31] = (point[31] & 0x7f) | sign;
            // The key, the commitment and both, with several messages as the challenge decides
            // whether a small-order key passes a check that lets it.
            for _ in 0..16 {
                let message = rng.bytes::<8>();
                let mut forged = [0; 64];
                forged[..32].copy_from_slice(&point);
                assert!(!verdict(&point, &message, &forged));
                assert!(!verdict(&public, &message, &forged));
                assert!(!verdict(&point, &message, &signature));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_providers_make_the_same_keys_and_signatures(
        seed: [u8; 32],
        other: [u8; 32],
        message: Vec<u8>,
    ) {
        let (ours, portable) = (provider(), rustcrypto::provider());
        let public = ours.ed25519_key(&seed).public();
        prop_assert_eq!(public, portable.ed25519_key(&seed).public());
        let signature = ours.ed25519_key(&seed).sign(&message);
        prop_assert_eq!(signature, portable.ed25519_key(&seed).sign(&message));
        prop_assert!(verdict(&public, &message, &signature));
        prop_assert!(!verdict(&public, &message, &unreduced(signature)));

        prop_assert_eq!(ours.x25519_key(&seed).public(), portable.x25519_key(&seed).public());
        // Any 32 bytes are a public key, the top bit being ignored.
        prop_assert_eq!(ours.x25519_key(&seed).agree(&other), portable.x25519_key(&seed).agree(&other));
    }

    #[test]
    fn both_providers_refuse_the_same_changed_signatures(
        seed: [u8; 32],
        at in 0_usize..96,
        flip in 1_u8..,
    ) {
        let mut public = provider().ed25519_key(&seed).public();
        let mut signature = provider().ed25519_key(&seed).sign(b"message");
        match at.checked_sub(64) {
            Some(at) => public[at] ^= flip,
            None => signature[at] ^= flip,
        }
        prop_assert!(!verdict(&public, b"message", &signature));
    }

    #[test]
    fn both_providers_give_the_same_verdict_on_arbitrary_bytes(
        public: [u8; 32],
        point: [u8; 32],
        scalar: [u8; 32],
    ) {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&point);
        signature[32..].copy_from_slice(&scalar);
        prop_assert!(!verdict(&public, b"message", &signature));
    }

    #[test]
    fn packets_of_one_provider_open_with_the_other(
        key: [u8; 32],
        nonce: [u8; 12],
        plaintext: Vec<u8>,
    ) {
        let keys = [provider().aes_256_gcm(&key), rustcrypto::provider().aes_256_gcm(&key)];
        let sealed = keys.each_ref().map(|key| {
            let mut packet = plaintext.clone();
            let tag = key.seal(&nonce, &mut packet);
            packet.extend_from_slice(&tag);
            packet
        });
        prop_assert_eq!(&sealed[0], &sealed[1]);
        for key in &keys {
            let mut packet = sealed[0].clone();
            let length = key.open(&nonce, &mut packet).unwrap();
            prop_assert_eq!(&packet[..length], plaintext.as_slice());
        }
    }
}
