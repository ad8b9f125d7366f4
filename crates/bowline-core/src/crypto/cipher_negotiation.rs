//! Which cipher a connection uses: the server's preference among what the client offers.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::limits::AEAD_TAG;
use crate::wire::pb::session_crypt_info::Cipher as WireCipher;

/// A cipher that both ends of GNS know.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum Cipher {
    /// No encryption, but the full handshake. Number 1.
    Null,
    /// AES-256-GCM with a tag of 16 bytes. Number 2.
    Aes256Gcm,
}

/// Whether a connection is encrypted: the values of GNS's setting `Unencrypted`, in its order.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub enum EncryptionPolicy {
    /// 0: encrypted or not at all.
    #[default]
    Required,
    /// 1: encrypted unless the peer will not.
    Preferred,
    /// 2: plain unless the peer will not.
    Avoided,
    /// 3: plain or not at all.
    Off,
}

/// The server's choice: the first cipher of `policy` that the client offers too, if there is one.
pub fn choose(policy: EncryptionPolicy, offered: &[Cipher]) -> Option<Cipher> {
    policy
        .offer()
        .iter()
        .copied()
        .find(|cipher| offered.contains(cipher))
}

/// The client's check of what the server answered: exactly one cipher, and one that `policy` offers.
pub fn check_answer(policy: EncryptionPolicy, answered: &[Cipher]) -> Option<Cipher> {
    match answered {
        [cipher] if policy.offer().contains(cipher) => Some(*cipher),
        _ => None,
    }
}

/// The ciphers of a received list. Numbers that the schema does not have do not exist for a proto2
/// parser, and a list that is empty *then* means AES (wire.md 0.2 and 0.3).
///
/// DIFFERS: the schema's number 0, which names no cipher, counts for GNS as a second answer of a
/// server and is passed over here. It never sends one.
pub fn from_wire(numbers: &[i32]) -> Vec<Cipher> {
    let mut known = numbers
        .iter()
        .filter_map(|number| WireCipher::try_from(*number).ok())
        .peekable();
    if known.peek().is_none() {
        return Vec::from([Cipher::Aes256Gcm]);
    }
    known
        .filter_map(|cipher| match cipher {
            WireCipher::Invalid => None,
            WireCipher::Null => Some(Cipher::Null),
            WireCipher::Aes256Gcm => Some(Cipher::Aes256Gcm),
        })
        .collect()
}

impl Cipher {
    /// The number on the wire.
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Null => WireCipher::Null as i32,
            Self::Aes256Gcm => WireCipher::Aes256Gcm as i32,
        }
    }

    /// How many bytes a payload is longer than its plaintext.
    pub const fn overhead(self) -> usize {
        match self {
            Self::Null => 0,
            Self::Aes256Gcm => AEAD_TAG,
        }
    }
}

impl EncryptionPolicy {
    /// The policy of a value of `Unencrypted`; `None` if there is no such value.
    pub const fn from_config(value: i32) -> Option<Self> {
        match value {
            0 => Some(Self::Required),
            1 => Some(Self::Preferred),
            2 => Some(Self::Avoided),
            3 => Some(Self::Off),
            _ => None,
        }
    }

    /// What this side takes, the best first (wire.md 3.4).
    pub const fn offer(self) -> &'static [Cipher] {
        match self {
            Self::Required => &[Cipher::Aes256Gcm],
            Self::Preferred => &[Cipher::Aes256Gcm, Cipher::Null],
            Self::Avoided => &[Cipher::Null, Cipher::Aes256Gcm],
            Self::Off => &[Cipher::Null],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_preference_wins() {
        use EncryptionPolicy::{Avoided, Off, Preferred, Required};
        let both = [Cipher::Null, Cipher::Aes256Gcm];
        assert_eq!(choose(Preferred, &both), Some(Cipher::Aes256Gcm));
        assert_eq!(choose(Avoided, &both), Some(Cipher::Null));
        assert_eq!(choose(Required, &[Cipher::Null]), None);
        assert_eq!(choose(Off, &[Cipher::Aes256Gcm]), None);
        assert_eq!(choose(Required, &[]), None);
    }

    #[test]
    fn unknown_numbers_do_not_exist_and_nothing_means_aes() {
        assert_eq!(from_wire(&[]), [Cipher::Aes256Gcm]);
        assert_eq!(from_wire(&[9]), [Cipher::Aes256Gcm]);
        assert_eq!(from_wire(&[9, 2]), [Cipher::Aes256Gcm]);
        assert_eq!(from_wire(&[1, 9]), [Cipher::Null]);
        assert_eq!(from_wire(&[0]), []);
    }

    #[test]
    fn client_takes_exactly_one_answer_that_it_offered() {
        let check = |policy, numbers: &[i32]| check_answer(policy, &from_wire(numbers));
        for aes in [&[][..], &[2], &[9], &[9, 2]] {
            assert_eq!(
                check(EncryptionPolicy::Required, aes),
                Some(Cipher::Aes256Gcm)
            );
        }
        for refused in [&[2, 1][..], &[1], &[1, 9], &[2, 2], &[0]] {
            assert_eq!(check(EncryptionPolicy::Required, refused), None);
        }
        assert_eq!(check(EncryptionPolicy::Preferred, &[1]), Some(Cipher::Null));
    }

    #[test]
    fn numbers_match_the_wire() {
        assert_eq!(
            (Cipher::Null.to_wire(), Cipher::Aes256Gcm.to_wire()),
            (1, 2)
        );
        assert_eq!(
            EncryptionPolicy::from_config(2),
            Some(EncryptionPolicy::Avoided)
        );
        assert_eq!(EncryptionPolicy::from_config(4), None);
    }
}
