//! The one door for randomness: a generator that starts from 32 bytes of the caller's.
//!
//! Every index, channel, cookie secret and ephemeral key comes from here. In the programs the seed
//! is the operating system's; in a simulation it is the world's, so that a run repeats to the bit.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A cryptographic generator: BLAKE3 in its extendable-output mode, keyed with the seed.
///
/// It ratchets: each request hashes a counter under the current key, and the first 32 bytes of the
/// output become the next key, so a copy of the state does not tell what was drawn before.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Random {
    key: [u8; 32],
}

impl Random {
    /// A generator that yields the same bytes for the same seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { key: blake3::derive_key("p2pchat 1 random generator", &seed) }
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        let mut stream = blake3::Hasher::new_keyed(&self.key).finalize_xof();
        stream.fill(&mut self.key);
        stream.fill(out);
    }

    /// A random array, most often a seed or a nonce.
    #[must_use]
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// A uniform 32-bit number.
    #[must_use]
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    /// A uniform 64-bit number.
    #[must_use]
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// A number below `bound`, which must not be zero. The bias is below 2^-32 for small bounds.
    #[must_use]
    pub fn below(&mut self, bound: u32) -> u32 {
        let wide = u128::from(self.u64()) * u128::from(bound.max(1));
        u32::try_from(wide >> 64).unwrap_or(0)
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_streams_and_different_seeds_do_not() {
        let draw = |seed| Random::from_seed([seed; 32]).array::<40>();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn below_stays_below_its_bound() {
        let mut random = Random::from_seed([3; 32]);
        assert!((0..1000).map(|_| random.below(7)).all(|n| n < 7));
        assert_eq!(random.below(1), 0);
    }
}
