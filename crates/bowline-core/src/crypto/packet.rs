//! Sealing and opening the payload of data packets.
//!
//! No additional data is authenticated, so header and statistics of a packet are bound to it only
//! through the packet number in the nonce (wire.md 2.1 and 3.5).
//!
//! What a cipher expands a key to is twenty times as large as the key, and most connections of a large
//! server are silent most of the time. So a key is expanded for each packet at first, and stays so from
//! its `EXPANDED_FROM`th packet on, until it rests (`PacketKey::rest`).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::cipher_negotiation::Cipher;
use crate::crypto::{AeadKey, Crypto, CryptoError};
use crate::ids::PacketNumber;
use crate::limits::MAX_PLAINTEXT_RECV;

/// The keys of both directions of a connection.
#[derive(Clone, Debug)]
pub struct SessionKeys {
    /// For packets that we send.
    pub send: PacketKey,
    /// For packets that we receive.
    pub recv: PacketKey,
}

/// The key of one direction and one epoch.
#[derive(Clone)]
pub struct PacketKey {
    protection: Protection,
    /// Packets since the key was made, or rested; not counted on once it stays expanded.
    uses: u8,
    /// What the packet number is added to. Not secret, but nobody needs to see it.
    base_nonce: [u8; 12],
    epoch: KeyEpoch,
}

/// How often the keys of a connection were replaced. GNS never does, so its keys stay in epoch 0.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct KeyEpoch(u8);

#[derive(Clone)]
enum Protection {
    None,
    Aes256Gcm {
        expansion: Expansion,
        key: Zeroizing<[u8; 32]>,
    },
}

#[derive(Clone)]
enum Expansion {
    /// Made anew for each packet.
    PerPacket(Crypto),
    /// Kept.
    Kept(Arc<dyn AeadKey>),
}

impl PacketKey {
    /// An AES-256-GCM key.
    pub fn aes_256_gcm(
        crypto: &Crypto,
        key: &[u8; 32],
        base_nonce: [u8; 12],
        epoch: KeyEpoch,
    ) -> Self {
        Self {
            protection: Protection::Aes256Gcm {
                expansion: Expansion::PerPacket(Arc::clone(crypto)),
                key: Zeroizing::new(*key),
            },
            uses: 0,
            base_nonce,
            epoch,
        }
    }

    /// No protection at all: the cipher NULL.
    pub const fn null(epoch: KeyEpoch) -> Self {
        Self {
            protection: Protection::None,
            uses: 0,
            base_nonce: [0; 12],
            epoch,
        }
    }

    /// How many bytes a payload is longer than its plaintext.
    pub const fn overhead(&self) -> usize {
        self.cipher().overhead()
    }

    /// The cipher that this key is for.
    pub const fn cipher(&self) -> Cipher {
        match self.protection {
            Protection::None => Cipher::Null,
            Protection::Aes256Gcm { .. } => Cipher::Aes256Gcm,
        }
    }

    /// The epoch that this key is for.
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// What the key is made of: key and base nonce; `None` if it protects nothing.
    pub(crate) fn secrets(&self) -> Option<(&[u8; 32], [u8; 12])> {
        match &self.protection {
            Protection::None => None,
            Protection::Aes256Gcm { key, .. } => Some((key, self.base_nonce)),
        }
    }

    /// Notes that a packet is about to be sealed or opened: a key that is used often stays expanded.
    #[inline]
    pub(crate) fn note_use(&mut self) {
        if let Protection::Aes256Gcm { expansion, key } = &mut self.protection
            && let Expansion::PerPacket(crypto) = expansion
        {
            self.uses += 1;
            if self.uses >= EXPANDED_FROM {
                *expansion = Expansion::Kept(crypto.aes_256_gcm(key));
            }
        }
    }

    /// Gives back the memory of the expanded key, until it is used often again.
    pub(crate) fn rest(&mut self, crypto: &Crypto) {
        self.uses = 0;
        if let Protection::Aes256Gcm { expansion, .. } = &mut self.protection {
            *expansion = Expansion::PerPacket(Arc::clone(crypto));
        }
    }

    /// Whether the key stays expanded between packets.
    pub(crate) const fn is_expanded(&self) -> bool {
        match &self.protection {
            Protection::None => false,
            Protection::Aes256Gcm { expansion, .. } => matches!(expansion, Expansion::Kept(_)),
        }
    }

    /// Encrypts `buf[plaintext_start..]` in place and appends the tag. The caller never seals two
    /// packets with the same number.
    ///
    /// # Panics
    /// If `plaintext_start` lies beyond the end of `buf`.
    pub fn seal(&self, number: PacketNumber, buf: &mut Vec<u8>, plaintext_start: usize) {
        let (_, plaintext) = buf.split_at_mut(plaintext_start);
        match &self.protection {
            Protection::None => {}
            Protection::Aes256Gcm { expansion, key } => {
                let nonce = self.nonce(number);
                let tag = match expansion {
                    Expansion::PerPacket(crypto) => crypto.aes_256_gcm(key).seal(&nonce, plaintext),
                    Expansion::Kept(cipher) => cipher.seal(&nonce, plaintext),
                };
                buf.extend_from_slice(&tag);
            }
        }
    }

    /// Decrypts `payload` in place and returns the plaintext at its start.
    ///
    /// # Errors
    /// If the payload was not sealed with this key and number, or its plaintext is longer than
    /// [`MAX_PLAINTEXT_RECV`] (GNS does not decrypt those either, wire.md 2.5; its bound is smaller).
    pub fn open<'a>(
        &self,
        number: PacketNumber,
        payload: &'a mut [u8],
    ) -> Result<&'a mut [u8], CryptoError> {
        if payload.len() > MAX_PLAINTEXT_RECV.saturating_add(self.overhead()) {
            return Err(CryptoError);
        }
        match &self.protection {
            Protection::None => Ok(payload),
            Protection::Aes256Gcm { expansion, key } => {
                let nonce = self.nonce(number);
                let length = match expansion {
                    Expansion::PerPacket(crypto) => {
                        crypto.aes_256_gcm(key).open(&nonce, payload)?
                    }
                    Expansion::Kept(cipher) => cipher.open(&nonce, payload)?,
                };
                payload.get_mut(..length).ok_or(CryptoError)
            }
        }
    }

    /// The low 8 bytes of the base nonce, as a little-endian number, plus the full packet number
    /// modulo 2^64; the last 4 bytes stay (wire.md 3.5).
    fn nonce(&self, number: PacketNumber) -> [u8; 12] {
        let mut nonce = self.base_nonce;
        if let Some(counter) = nonce.first_chunk_mut::<8>() {
            *counter = u64::from_le_bytes(*counter)
                .wrapping_add(number.get())
                .to_le_bytes();
        }
        nonce
    }
}

impl KeyEpoch {
    /// The epoch of the handshake's keys.
    pub const FIRST: Self = Self(0);

    /// Wraps an epoch.
    pub const fn new(value: u8) -> Self {
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The epoch after this one. After the last number comes the first again: only neighbours are told
    /// apart.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// What the header of a packet says of the epoch: whether its number is odd.
    pub const fn phase(self) -> bool {
        self.0 & 1 == 1
    }
}

/// Sealing or opening so many packets without a rest between them is more than a handshake and the
/// keepalives of a connection that nobody uses.
const EXPANDED_FROM: u8 = 8;

impl fmt::Debug for PacketKey {
    /// Shows which key it is, nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketKey")
            .field("cipher", &self.cipher())
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;
    use crate::crypto::rustcrypto::provider;

    fn key(base_nonce: [u8; 12]) -> PacketKey {
        PacketKey::aes_256_gcm(&provider(), &[9; 32], base_nonce, KeyEpoch::FIRST)
    }

    #[test]
    fn nonce_adds_the_whole_packet_number_and_wraps_within_eight_bytes() {
        let mut base = [0xFF; 12];
        assert_eq!(
            key(base).nonce(PacketNumber::new(2)),
            [1, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
        );
        base[..8].copy_from_slice(&[0; 8]);
        assert_eq!(
            key(base).nonce(PacketNumber::new(0x0123_4567_89AB_CDEF))[..8],
            [0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01]
        );
    }

    #[test]
    fn limit_max_plaintext_recv() {
        let number = PacketNumber::new(5);
        for key in [key([0; 12]), PacketKey::null(KeyEpoch::FIRST)] {
            let mut fits = vec![7; MAX_PLAINTEXT_RECV];
            key.seal(number, &mut fits, 0);
            assert_eq!(
                key.open(number, &mut fits).unwrap().len(),
                MAX_PLAINTEXT_RECV
            );
            let mut too_long = vec![7; MAX_PLAINTEXT_RECV + 1];
            key.seal(number, &mut too_long, 0);
            assert_eq!(key.open(number, &mut too_long), Err(CryptoError));
        }
    }

    #[test]
    fn empty_plaintext_is_a_packet_too() {
        let key = key([3; 12]);
        let mut packet = vec![1, 2, 3];
        key.seal(PacketNumber::new(1), &mut packet, 3);
        assert_eq!(packet.len(), 3 + key.overhead());
        let opened = key.open(PacketNumber::new(1), &mut packet[3..]).unwrap();
        assert!(opened.is_empty());
    }

    #[test]
    fn a_key_stays_expanded_while_it_is_used_often() {
        let (mut sealing, mut opening) = (key([5; 12]), key([5; 12]));
        for number in 0..20 {
            if number == 12 {
                sealing.rest(&provider());
            }
            let mut packet = vec![7; 100];
            sealing.note_use();
            sealing.seal(PacketNumber::new(number), &mut packet, 0);
            opening.note_use();
            let opened = opening.open(PacketNumber::new(number), &mut packet);
            assert_eq!(opened, Ok(&mut [7; 100][..]));
            let expanded = (sealing.is_expanded(), opening.is_expanded());
            let often = |since: u64| number + 1 - since >= u64::from(EXPANDED_FROM);
            let since = if number < 12 { 0 } else { 12 };
            assert_eq!(expanded, (often(since), often(0)));
        }
    }

    #[test]
    fn null_cipher_leaves_the_bytes_alone() {
        let key = PacketKey::null(KeyEpoch::new(1));
        let mut packet = vec![1, 2, 3];
        key.seal(PacketNumber::new(1), &mut packet, 1);
        assert_eq!(packet, [1, 2, 3]);
        assert_eq!(
            key.open(PacketNumber::new(9), &mut packet[1..]),
            Ok(&mut [2, 3][..])
        );
        assert_eq!(
            (key.overhead(), key.cipher(), key.epoch().get()),
            (0, Cipher::Null, 1)
        );
    }

    proptest! {
        #[test]
        fn opens_what_was_sealed_and_nothing_else(
            plaintext in proptest::collection::vec(any::<u8>(), 0..1300),
            head in 0_usize..8,
            base in any::<[u8; 12]>(),
            number in any::<u64>(),
            flip in any::<proptest::sample::Index>(),
            mask in 1..=u8::MAX,
        ) {
            let key = key(base);
            let number = PacketNumber::new(number);
            let mut packet = vec![0xAA; head];
            packet.extend_from_slice(&plaintext);
            key.seal(number, &mut packet, head);
            prop_assert_eq!(packet.len(), head + plaintext.len() + key.overhead());
            prop_assert!(packet[..head].iter().all(|byte| *byte == 0xAA));

            let mut broken = packet[head..].to_vec();
            let at = flip.index(broken.len());
            broken[at] ^= mask;
            prop_assert_eq!(key.open(number, &mut broken), Err(CryptoError));
            let mut other_number = packet[head..].to_vec();
            prop_assert_eq!(key.open(number.next(), &mut other_number), Err(CryptoError));

            prop_assert_eq!(&*key.open(number, &mut packet[head..]).unwrap(), &plaintext[..]);
        }

        #[test]
        fn arbitrary_payloads_never_open(
            mut payload in proptest::collection::vec(any::<u8>(), 0..1400),
            number in any::<u64>(),
        ) {
            prop_assert_eq!(key([0; 12]).open(PacketNumber::new(number), &mut payload), Err(CryptoError));
        }
    }
}
