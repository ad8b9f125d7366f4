//! SipHash-2-4: a keyed hash of short strings, made for what strangers choose.
//!
//! Cookies are made with it, and it spreads addresses over tables, so that nobody who lacks the key can
//! forge the one or fill a place of the other. It costs some 20 ns, where HMAC costs a microsecond; that is
//! the difference between a flood of bad cookies that is felt and one that is not.
//! J.-P. Aumasson, D. J. Bernstein: SipHash, a fast short-input PRF (2012).

use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;

use crate::rng::Rng;

/// A key of 128 bits.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct SipKey([u64; 2]);

impl core::fmt::Debug for SipKey {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SipKey")
    }
}

impl SipKey {
    pub(crate) fn generate(rng: &mut Rng) -> Self {
        Self([rng.u64(), rng.u64()])
    }

    /// A key that was drawn elsewhere.
    pub(crate) const fn from_words(words: [u64; 2]) -> Self {
        Self(words)
    }

    /// The hash of `data`.
    pub(crate) fn hash(&self, data: &[u8]) -> u64 {
        let Self([k0, k1]) = *self;
        // "somepseudorandomlygeneratedbytes", so that equal halves of a key do not cancel out.
        let mut state = State([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ]);
        let (words, rest) = data.as_chunks::<8>();
        for word in words {
            state.absorb(u64::from_le_bytes(*word));
        }
        // What is left, with the length in the top byte.
        let [length, ..] = data.len().to_le_bytes();
        let last = rest
            .iter()
            .rev()
            .fold(0, |last, byte| last << 8 | u64::from(*byte));
        state.absorb(u64::from(length) << 56 | last);
        state.finish()
    }
}

struct State([u64; 4]);

impl State {
    fn absorb(&mut self, word: u64) {
        let Self([_, _, _, d]) = self;
        *d ^= word;
        self.rounds(2);
        let Self([a, ..]) = self;
        *a ^= word;
    }

    fn finish(mut self) -> u64 {
        let Self([_, _, c, _]) = &mut self;
        *c ^= 0xFF;
        self.rounds(4);
        self.0.iter().fold(0, |hash, word| hash ^ word)
    }

    fn rounds(&mut self, count: u32) {
        let Self([mut a, mut b, mut c, mut d]) = *self;
        for _ in 0..count {
            a = a.wrapping_add(b);
            c = c.wrapping_add(d);
            b = b.rotate_left(13) ^ a;
            d = d.rotate_left(16) ^ c;
            a = a.rotate_left(32).wrapping_add(d);
            c = c.wrapping_add(b);
            b = b.rotate_left(17) ^ c;
            d = d.rotate_left(21) ^ a;
            c = c.rotate_left(32);
        }
        *self = Self([a, b, c, d]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation: the key 00 01 .. 0f, messages 00 01 02 .. of these lengths.
    const VECTORS: [(u8, u64); 5] = [
        (0, 0x726f_db47_dd0e_0e31),
        (1, 0x74f8_39c5_93dc_67fd),
        (7, 0xab02_00f5_8b01_d137),
        (8, 0x93f5_f579_9a93_2462),
        (15, 0xa129_ca61_49be_45e5),
    ];

    #[test]
    fn hashes_are_those_of_the_reference() {
        let key = SipKey([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        for (length, expected) in VECTORS {
            let data: alloc::vec::Vec<u8> = (0..length).collect();
            assert_eq!(key.hash(&data), expected, "{length} bytes");
        }
    }

    #[test]
    fn every_bit_of_key_and_data_counts() {
        let data = [0x5A; 24];
        let key = SipKey([1, 2]);
        let hash = key.hash(&data);
        for bit in 0..64 {
            assert_ne!(SipKey([1 ^ 1 << bit, 2]).hash(&data), hash);
            assert_ne!(SipKey([1, 2 ^ 1 << bit]).hash(&data), hash);
        }
        for bit in 0..24 * 8 {
            let mut other = data;
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(key.hash(&other), hash);
        }
    }
}
