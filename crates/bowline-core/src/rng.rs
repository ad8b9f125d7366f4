//! Randomness from a seed that the caller brings: the core never asks the operating system.

use core::fmt;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng};
use sha2::{Digest, Sha256};

use crate::ids::ConnectionId;

/// A cryptographic random generator (ChaCha12) grown from a 32-byte seed.
#[derive(Clone)]
pub struct Rng(ChaCha12Rng);

impl Rng {
    /// A generator that yields the same values for the same seed. The seed must be fresh entropy
    /// wherever real packets are sent, since keys are drawn from it.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// An independent generator for a part, so that what one part draws does not shift another's values.
    #[must_use]
    pub fn child(&mut self, label: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.bytes::<32>());
        hash.update(label.as_bytes());
        Self::from_seed(hash.finalize().into())
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// A random 64-bit number.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A random 32-bit number.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number below `bound`, evenly distributed to within 2^-32; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        let product = u64::from(self.u32()) * u64::from(bound);
        (product >> 32) as u32
    }

    /// A connection ID with both halves nonzero.
    pub fn connection_id(&mut self) -> ConnectionId {
        loop {
            let id = ConnectionId::new(self.u32());
            if id.is_well_formed() {
                return id;
            }
        }
    }
}

impl fmt::Debug for Rng {
    /// Shows nothing of the state: keys grow from it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rng")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_values_and_children_differ_by_label() {
        let mut a = Rng::from_seed([7; 32]);
        let mut b = Rng::from_seed([7; 32]);
        assert_eq!(a.u64(), b.u64());
        assert_ne!(a.clone().child("x").u64(), b.clone().child("y").u64());
        assert_eq!(a.child("x").u64(), b.child("x").u64());
    }

    #[test]
    fn below_stays_below() {
        let mut rng = Rng::from_seed([1; 32]);
        assert!((0..1000).all(|_| rng.below(6) < 6));
        assert_eq!(rng.below(0), 0);
    }
}
