//! Multifeeds opened over what is durable, while the one that runs goes on.
//!
//! Rule: it changes nothing in the world, and draws from a chance of its own, so the trace is the
//! same with it and without.

use multifeed_core::crypto::hash::blake2b;
use multifeed_core::record::state_hash;
use multifeed_core::rng::Rng;

use super::World;
use crate::law::Law;
use crate::node::NodeId;

/// When to look, and how often that was.
#[derive(Debug)]
pub(super) struct Reopenings {
    chance: Rng,
    one_in: u64,
    count: u64,
}

impl World {
    /// After one event of so many, by chance, drops nothing and opens a second multifeed over
    /// what is durable on some node's disk: it has to hold what the first one says it holds.
    pub fn reopen_now_and_then(&mut self, one_in: u64) {
        let chance = Rng::new(blake2b(&[b"reopen", &self.seed.to_le_bytes()]));
        self.reopenings = Some(Box::new(Reopenings { chance, one_in, count: 0 }));
    }

    /// How often that was done.
    pub fn reopened(&self) -> u64 {
        self.reopenings.as_ref().map_or(0, |reopenings| reopenings.count)
    }

    /// After an event.
    pub(super) fn reopen_by_chance(&mut self) {
        let Some(Reopenings { chance, one_in, count }) = self.reopenings.as_deref_mut() else {
            return;
        };
        if self.nodes.is_empty() || chance.below(*one_in) > 0 {
            return;
        }
        let node = NodeId(chance.below(self.nodes.len() as u64) as u32);
        let place = &self.nodes[node.index()];
        let Some(multifeed) = &place.multifeed else { return };
        let is_excused = self.laws.as_ref().is_some_and(|laws| laws.is_excused(node));
        // A disk that failed has kept what it said it had not.
        if is_excused || place.disk.has_failed() {
            return;
        }
        *count += 1;
        if state_hash(&place.reopened(self.memo.clone())) != state_hash(multifeed) {
            let what = || "opened anew, it would hold something else".to_owned();
            self.report(Law::Restart, Some(node), what);
        }
    }
}
