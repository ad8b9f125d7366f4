//! Randomness from a seed that the caller brings: the core never asks the operating system.

use alloc::boxed::Box;
use core::fmt;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng};
use sha2::{Digest, Sha256};

use crate::ids::ConnectionId;

/// A cryptographic random generator (ChaCha12) grown from a 32-byte seed.
///
/// One that is needed seldom can [`rest`](Self::rest): it keeps the seed and how much was drawn, and goes on where it
/// was.
#[derive(Clone)]
pub struct Rng {
    seed: [u8; 32],
    /// How many 32-bit words were drawn, when it rested last.
    drawn: u64,
    /// With values that were made in advance; none while it rests.
    generator: Option<Box<ChaCha12Rng>>,
}

impl Rng {
    /// The most that [`Self::heap_bytes`] can come to.
    pub(crate) const HEAP_BOUND: usize = size_of::<ChaCha12Rng>();

    /// A generator that yields the same values for the same seed. The seed must be fresh entropy
    /// wherever real packets are sent, since keys are drawn from it.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            seed,
            drawn: 0,
            generator: None,
        }
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
        self.awake().fill_bytes(&mut out);
        out
    }

    /// A random 64-bit number.
    pub fn u64(&mut self) -> u64 {
        self.awake().next_u64()
    }

    /// A random 32-bit number.
    pub fn u32(&mut self) -> u32 {
        self.awake().next_u32()
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

    /// Gives back the memory of values made in advance. What is drawn next is the same as without.
    pub fn rest(&mut self) {
        if let Some(generator) = self.generator.take() {
            // It ends at 2^68, after longer than any generator lives.
            self.drawn = u64::try_from(generator.get_word_pos()).unwrap_or(u64::MAX);
        }
    }

    /// Heap in bytes.
    pub(crate) const fn heap_bytes(&self) -> usize {
        match self.generator {
            Some(_) => Self::HEAP_BOUND,
            None => 0,
        }
    }

    fn awake(&mut self) -> &mut ChaCha12Rng {
        let (seed, drawn) = (self.seed, self.drawn);
        self.generator.get_or_insert_with(|| {
            let mut generator = ChaCha12Rng::from_seed(seed);
            generator.set_word_pos(drawn.into());
            Box::new(generator)
        })
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
    fn rest_changes_nothing_but_the_memory() {
        let (mut a, mut b) = (Rng::from_seed([7; 32]), Rng::from_seed([7; 32]));
        for round in 0..200 {
            assert_eq!(a.bytes::<5>(), b.bytes::<5>(), "round {round}");
            assert_eq!(a.u64(), b.u64(), "round {round}");
            assert_eq!(a.u32(), b.u32(), "round {round}");
            assert_eq!(a.heap_bytes(), Rng::HEAP_BOUND);
            a.rest();
            assert_eq!(a.heap_bytes(), 0);
        }
        assert!(size_of::<Rng>() <= 48);
    }

    #[test]
    fn below_stays_below() {
        let mut rng = Rng::from_seed([1; 32]);
        assert!((0..1000).all(|_| rng.below(6) < 6));
        assert_eq!(rng.below(0), 0);
    }
}
