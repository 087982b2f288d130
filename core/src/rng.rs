//! Seeded randomness.
//!
//! Rule: every random byte of the core comes from an [`Rng`], and every `Rng` is derived from the
//! application's seed. The same seed yields the same bytes on any machine.

use alloc::boxed::Box;
use core::{fmt, hint::black_box};

use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, RngCore, SeedableRng};

/// A seeded source of randomness, fit for keys: the ChaCha20 keystream of its seed.
///
/// The bytes are those of libsodium's `crypto_stream_chacha20` with an all-zero nonce, in order of
/// the calls, until the first [`child`](Self::child). It cannot be cloned: two parts of a program
/// that draw the same bytes would share their ephemeral keys.
///
/// The state stays at one place of the heap, is replaced after each child and wiped at the end, so
/// memory that is read later does not reveal the keys of earlier connections.
pub struct Rng(Box<ChaCha20Rng>);

impl Rng {
    /// Starts the sequence of `seed`. Outside tests a seed must never be used twice.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(Box::new(ChaCha20Rng::from_seed(seed)))
    }

    /// Creates a child generator, seeded with the next 32 bytes, so that the draws of one
    /// connection do not depend on those of another.
    ///
    /// The 32 bytes after them are the new seed of this generator ("fast key erasure", Bernstein
    /// 2017), so its state does not reveal the seeds of earlier children.
    pub fn child(&mut self) -> Self {
        let child = Self::new(self.array());
        let next = self.array();
        // Overwrites the keystream that was computed in advance, too.
        *self.0 = ChaCha20Rng::from_seed(next);
        child
    }

    /// Fills `into` with the next bytes.
    pub fn fill(&mut self, into: &mut [u8]) {
        self.0.fill_bytes(into);
    }

    /// Draws the next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// Draws a uniform `u64`.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Draws a number in `0..bound`, each equally likely; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Lemire, "Fast Random Integer Generation in an Interval" (2019), algorithm 5: the high
        // half of a 128-bit product, and a redraw for the low halves that would favour some.
        let unfair = bound.wrapping_neg().checked_rem(bound).unwrap_or(0);
        loop {
            let product = u128::from(self.u64()) * u128::from(bound);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }
}

impl Drop for Rng {
    fn drop(&mut self) {
        *self.0 = ChaCha20Rng::from_seed([0; 32]);
        // Otherwise a compiler may omit the write.
        black_box(&self.0);
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The state determines every key that will be drawn.
        f.write_str("Rng(..)")
    }
}

impl RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill_bytes(dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Rng {}

#[cfg(test)]
mod tests;
