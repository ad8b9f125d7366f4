//! Published and adversarial test vectors that every provider must answer alike.
//!
//! Present in tests and with the feature `test-support` only, so that the crates with other
//! providers run the same checks.

#![allow(
    clippy::indexing_slicing,
    reason = "a check that panics is what this is for"
)]

use alloc::vec;
use alloc::vec::Vec;

use crate::crypto::{CryptoError, CryptoProvider};

/// Runs all vectors against a provider.
///
/// # Panics
/// With a message that names the vector, if the provider answers differently.
pub fn check_provider(provider: &dyn CryptoProvider) {
    x25519_published(provider);
    x25519_low_order(provider);
    ed25519_published(provider);
    ed25519_malleable(provider);
    ed25519_small_order_key(provider);
    ed25519_small_order_commitment(provider);
    ed25519_mixed_order_key(provider);
    aes_gcm_published(provider);
    aes_gcm_forged(provider);
}

/// The bytes of a hexadecimal text of known length.
///
/// # Panics
/// If the text is anything else.
pub fn hex<const N: usize>(text: &str) -> [u8; N] {
    hex_vec(text)
        .try_into()
        .expect("hexadecimal text of the right length")
}

/// The bytes of a hexadecimal text; blanks are passed over.
///
/// # Panics
/// If the text is anything else.
pub fn hex_vec(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("a hexadecimal digit").to_le_bytes()[0])
        .collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    assert!(rest.is_empty(), "an even number of digits in {text}");
    pairs.iter().map(|[high, low]| high << 4 | low).collect()
}

/// RFC 7748, sections 5.2 and 6.1.
fn x25519_published(provider: &dyn CryptoProvider) {
    let vectors = [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        // The top bit of this public key is set and has to be passed over.
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
        (
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
        ),
        (
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
        ),
    ];
    for (private, public, shared) in vectors {
        let got = provider.x25519_key(&hex(private)).agree(&hex(public));
        assert_eq!(got.as_deref(), Ok(&hex(shared)), "X25519 of {private}");
    }
    assert_eq!(
        provider.x25519_key(&hex(vectors[2].0)).public(),
        hex(vectors[3].1),
        "X25519 public key"
    );
}

/// The points whose order divides 8, on the curve and its twist, in every encoding. Each yields zero.
fn x25519_low_order(provider: &dyn CryptoProvider) {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for point in points {
        let mut public: [u8; 32] = hex(point);
        for top_bit in [0, 0x80] {
            public[31] |= top_bit;
            let got = provider.x25519_key(&[0x42; 32]).agree(&public);
            assert_eq!(got, Err(CryptoError), "X25519 with low-order point {point}");
        }
    }
}

/// RFC 8032, section 7.1, tests 1 to 3.
fn ed25519_published(provider: &dyn CryptoProvider) {
    let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
             5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, public, message, signature) in vectors {
        let (seed, public, message) = (hex(seed), hex(public), hex_vec(message));
        let signature: [u8; 64] = hex(signature);
        assert_eq!(
            provider.ed25519_key(&seed).public(),
            public,
            "Ed25519 public key"
        );
        assert_eq!(
            provider.ed25519_key(&seed).sign(&message),
            signature,
            "Ed25519 signature"
        );
        let verify = |message: &[u8], signature: &[u8; 64]| {
            provider.ed25519_verify(&public, message, signature)
        };
        assert_eq!(verify(&message, &signature), Ok(()), "Ed25519 verification");
        assert_eq!(
            verify(b"another message", &signature),
            Err(CryptoError),
            "Ed25519 with another message"
        );
        for position in [0, 31, 32, 63] {
            let mut broken = signature;
            broken[position] ^= 1;
            assert_eq!(
                verify(&message, &broken),
                Err(CryptoError),
                "Ed25519 with a flipped bit in byte {position}"
            );
        }
    }
}

/// The order of the group, little-endian.
const GROUP_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// A signature stays mathematically valid when the group order is added to its second half; only a
/// check for `s` below the order notices.
fn ed25519_malleable(provider: &dyn CryptoProvider) {
    let seed = [7; 32];
    let order: [u8; 32] = hex(GROUP_ORDER);
    let public = provider.ed25519_key(&seed).public();
    let mut signature = provider.ed25519_key(&seed).sign(b"message");
    for times in 1..=8 {
        let mut carry = 0;
        for (byte, add) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(
            provider.ed25519_verify(&public, b"message", &signature),
            Err(CryptoError),
            "Ed25519 with s raised by {times} times the group order"
        );
    }
    signature[32..].fill(0xFF);
    assert_eq!(
        provider.ed25519_verify(&public, b"message", &signature),
        Err(CryptoError),
        "Ed25519 with the largest s"
    );
}

/// The 14 encodings of the 8 points of small order, canonical or not, each with a one-byte message
/// whose challenge is a multiple of the point's order: then `R = B, s = 1` satisfies the equation,
/// and only a check of the key notices.
const SMALL_ORDER: [(&str, u8); 14] = [
    (
        "0100000000000000000000000000000000000000000000000000000000000000",
        0,
    ),
    (
        "0100000000000000000000000000000000000000000000000000000000000080",
        0,
    ),
    (
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        0,
    ),
    (
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        0,
    ),
    (
        "0000000000000000000000000000000000000000000000000000000000000000",
        10,
    ),
    (
        "0000000000000000000000000000000000000000000000000000000000000080",
        6,
    ),
    (
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        13,
    ),
    (
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        2,
    ),
    (
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        28,
    ),
    (
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        2,
    ),
    (
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        0,
    ),
    (
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        0,
    ),
    (
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        2,
    ),
    (
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        1,
    ),
];

fn ed25519_small_order_key(provider: &dyn CryptoProvider) {
    let mut signature = [0; 64];
    signature[..32].fill(0x66);
    signature[0] = 0x58;
    signature[32] = 1;
    for (public, message) in SMALL_ORDER {
        assert_eq!(
            provider.ed25519_verify(&hex(public), &[message], &signature),
            Err(CryptoError),
            "Ed25519 with the small-order key {public}"
        );
    }
}

/// `R` is the neutral element, canonical or not, and `s` fits it: the owner of the key can make such
/// a signature, and strict verification refuses it.
fn ed25519_small_order_commitment(provider: &dyn CryptoProvider) {
    let public = provider.ed25519_key(&[7; 32]).public();
    let signatures = [
        "0100000000000000000000000000000000000000000000000000000000000000
         a0000a78db7a82c4c93e9993fa593de3ae8f9c2be437041e83562bebd74d4907",
        "0100000000000000000000000000000000000000000000000000000000000080
         81c2638c8dc3c0a0d7a27f117bd8482ce80a68de479c7ddf1e2f668a90893f02",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f
         503684763f6f6ee2498bc9b16e6d5d5aa502b4a737aa6a9eb1be91ecd28eb90d",
    ];
    for signature in signatures {
        assert_eq!(
            provider.ed25519_verify(&public, b"m", &hex(signature)),
            Err(CryptoError),
            "Ed25519 with the small-order commitment {signature}"
        );
    }
}

/// A key of full order with a component of order 8: verification is without cofactor, so it holds
/// exactly where the challenge is a multiple of 8.
fn ed25519_mixed_order_key(provider: &dyn CryptoProvider) {
    let public = hex("fbb3211d177bccefd763d01a88f6473e43e5cf0a0740e44ab5c64460eefd4675");
    let holds = "7767a3242dc9b58bbc68488c1265cc6cc5f26c6f3c88a5d55e901b0734dca572
                 0bcbe158ccb85d26dc98ae961c2743f1b07d429f30a142457e3ff6bd80e7c101";
    let fails = "7767a3242dc9b58bbc68488c1265cc6cc5f26c6f3c88a5d55e901b0734dca572
                 0aa1b08e47fd13e365005ba75bb63373bcf62ae291d4b5ca36a848758e210b0d";
    assert_eq!(
        provider.ed25519_verify(&public, &[8], &hex(holds)),
        Ok(()),
        "Ed25519 with a mixed-order key"
    );
    assert_eq!(
        provider.ed25519_verify(&public, &[0], &hex(fails)),
        Err(CryptoError),
        "Ed25519 with a mixed-order key, cofactored"
    );
}

/// The GCM specification of McGrew and Viega that NIST took over, test cases 13 to 15.
fn aes_gcm_published(provider: &dyn CryptoProvider) {
    let vectors = [
        (
            "0000000000000000000000000000000000000000000000000000000000000000",
            "000000000000000000000000",
            "",
            "",
            "530f8afbc74536b9a963b4f1c4cb738b",
        ),
        (
            "0000000000000000000000000000000000000000000000000000000000000000",
            "000000000000000000000000",
            "00000000000000000000000000000000",
            "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919",
        ),
        (
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
            "b094dac5d93471bdec1a502270e3cc6c",
        ),
    ];
    for (key, nonce, plaintext, ciphertext, tag) in vectors {
        let key = provider.aes_256_gcm(&hex(key));
        let (nonce, plaintext) = (hex(nonce), hex_vec(plaintext));
        let mut data = plaintext.clone();
        let sealed_tag = key.seal(&nonce, &mut data);
        assert_eq!(data, hex_vec(ciphertext), "AES-256-GCM ciphertext");
        assert_eq!(sealed_tag, hex(tag), "AES-256-GCM tag");
        data.extend_from_slice(&sealed_tag);
        assert_eq!(
            key.open(&nonce, &mut data),
            Ok(plaintext.len()),
            "AES-256-GCM opening"
        );
        assert_eq!(data[..plaintext.len()], plaintext, "AES-256-GCM plaintext");
    }
}

/// Whatever was changed, nothing opens.
fn aes_gcm_forged(provider: &dyn CryptoProvider) {
    let key = provider.aes_256_gcm(&[5; 32]);
    let nonce = [6; 12];
    let mut sealed = vec![0xAB; 1300];
    let tag = key.seal(&nonce, &mut sealed);
    sealed.extend_from_slice(&tag);
    for position in [0, 1, 1299, 1300, 1315] {
        let mut broken = sealed.clone();
        broken[position] ^= 0x80;
        assert_eq!(
            key.open(&nonce, &mut broken),
            Err(CryptoError),
            "AES-256-GCM with a flipped bit in byte {position}"
        );
    }
    for length in [0, 1, 15, 16, 1315] {
        assert_eq!(
            key.open(&nonce, &mut sealed[..length].to_vec()),
            Err(CryptoError),
            "AES-256-GCM cut to {length} bytes"
        );
    }
    assert_eq!(
        key.open(&[7; 12], &mut sealed.clone()),
        Err(CryptoError),
        "AES-256-GCM with another nonce"
    );
    assert_eq!(
        key.open(&nonce, &mut sealed),
        Ok(1300),
        "AES-256-GCM opening"
    );
    assert!(sealed[..1300].iter().all(|byte| *byte == 0xAB));
}
