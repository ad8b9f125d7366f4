//! What proves that a message is from somebody who knows a password, and what tells it from data by chance.

use alloc::boxed::Box;
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::stun::HEADER_LEN;

/// The length of MESSAGE-INTEGRITY with its header.
pub(super) const SHA1_ATTRIBUTE_LEN: usize = 24;
/// The XOR of a fingerprint (RFC 8489, section 14.7).
const FINGERPRINT_MASK: u32 = 0x5354_554E;

/// What messages are authenticated with. Wipes itself when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct IntegrityKey(Zeroizing<Box<[u8]>>);

impl IntegrityKey {
    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.len()
    }

    /// That of a password which both sides know for this session, as in ICE (RFC 8489, section 9.1).
    pub fn short_term(password: &str) -> Self {
        Self(Zeroizing::new(Box::from(password.as_bytes())))
    }

    /// That of an account on a server, as in TURN, made with MD5 (RFC 8489, section 9.2.2): the one that every
    /// server knows. Names and passwords are taken as they are, without the normalisation of RFC 8265.
    pub fn long_term(user: &str, realm: &[u8], password: &str) -> Self {
        let mut hash = Md5::new();
        for part in [user.as_bytes(), b":", realm, b":", password.as_bytes()] {
            hash.update(part);
        }
        Self(Zeroizing::new(Box::from(&hash.finalize()[..])))
    }

    /// HMAC-SHA1 over a message that ends before its MESSAGE-INTEGRITY.
    pub(super) fn sha1(&self, message: &[u8]) -> [u8; 20] {
        self.mac::<Hmac<Sha1>>(message, SHA1_ATTRIBUTE_LEN)
            .finalize()
            .into_bytes()
            .into()
    }

    /// Whether a MESSAGE-INTEGRITY holds for the message before it. Takes the same time whatever is wrong.
    pub(super) fn verify_sha1(&self, message: &[u8], tag: &[u8; 20]) -> bool {
        let mac = self.mac::<Hmac<Sha1>>(message, SHA1_ATTRIBUTE_LEN);
        mac.verify_slice(tag).is_ok()
    }

    /// Whether a MESSAGE-INTEGRITY-SHA256, of which the sender may have cut off some, holds for the message before
    /// it. Takes the same time whatever is wrong.
    pub(super) fn verify_sha256(&self, message: &[u8], tag: &[u8]) -> bool {
        let mac = self.mac::<Hmac<Sha256>>(message, 4 + tag.len());
        mac.verify_truncated_left(tag).is_ok()
    }

    /// Fed with the message as it was when the attribute of `attribute_len` bytes was its last.
    fn mac<M: Mac + KeyInit>(&self, message: &[u8], attribute_len: usize) -> M {
        let mut mac =
            <M as KeyInit>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        let body = message.len() + attribute_len - HEADER_LEN.min(message.len());
        let (kind, rest) = message.split_at_checked(2).unwrap_or_default();
        mac.update(kind);
        mac.update(&(body as u16).to_be_bytes());
        mac.update(rest.get(2..).unwrap_or_default());
        mac
    }
}

impl fmt::Debug for IntegrityKey {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntegrityKey")
    }
}

/// The value of FINGERPRINT for a message that ends before it, and whose length counts it already.
pub(super) fn fingerprint(message: &[u8]) -> u32 {
    crc32(message) ^ FINGERPRINT_MASK
}

/// The CRC of ITU V.42, Ethernet and zip.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        let index = (crc as u8 ^ byte) as usize;
        crc >> 8 ^ CRC_TABLE.get(index).copied().unwrap_or(0)
    });
    !crc
}

const CRC_TABLE: [u32; 256] = crc_table();

#[allow(clippy::indexing_slicing)] // Runs in the compiler, which would refuse an index out of bounds.
const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn the_key_of_an_account_is_that_of_the_rfc() {
        // RFC 8489, section 9.2.2: user "user", realm "realm", password "pass".
        let key = IntegrityKey::long_term("user", b"realm", "pass");
        let expected = crate::crypto::vectors::hex_vec("8493fbc53ba582fb4c044c456bdc40eb");
        assert_eq!(key.0[..], expected[..]);
        assert_eq!(std::format!("{key:?}"), "IntegrityKey");
    }
}
