//! When to open a second multifeed, and how often that happened.

use multifeed_core::crypto::hash::blake2b;
use multifeed_core::rng::Rng;

/// A schedule with its own randomness, so that it does not change the world's trace.
#[derive(Debug)]
pub(super) struct Reopenings {
    rng: Rng,
    one_in: u64,
    count: u64,
}

impl Reopenings {
    /// A reopening after one event in `one_in`, on average.
    pub(super) fn new(seed: u64, one_in: u64) -> Self {
        let rng = Rng::new(blake2b(&[b"reopen", &seed.to_le_bytes()]));
        Self { rng, one_in, count: 0 }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Counts a comparison that was made.
    pub(super) fn record(&mut self) {
        self.count += 1;
    }

    /// The node to reopen after this event, if any.
    pub(super) fn draw(&mut self, nodes: usize) -> Option<usize> {
        if nodes == 0 || self.rng.below(self.one_in) > 0 {
            return None;
        }
        Some(self.rng.below(nodes as u64) as usize)
    }
}
