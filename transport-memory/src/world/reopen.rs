//! Opens a second multifeed over a disk's durable contents while the first one runs, and compares
//! the two.
//!
//! Rule: this changes nothing in the world and uses its own randomness, so the trace is the same
//! with and without it.

use multifeed_core::record::state_hash;

use super::World;
use super::reopenings::Reopenings;
use crate::law::Law;
use crate::node::NodeId;

impl World {
    /// After one event in `one_in`, opens a second multifeed over the durable contents of a random
    /// node's disk. It must hold what the running multifeed reports.
    pub fn reopen_randomly(&mut self, one_in: u64) {
        self.reopenings = Some(Box::new(Reopenings::new(self.seed, one_in)));
    }

    /// The number of multifeeds opened that way.
    pub fn reopened(&self) -> u64 {
        self.reopenings.as_ref().map_or(0, |reopenings| reopenings.count())
    }

    /// Runs after each event.
    pub(super) fn maybe_reopen(&mut self) {
        let Some(reopenings) = &mut self.reopenings else { return };
        let Some(index) = reopenings.draw(self.nodes.len()) else { return };
        let (id, node) = (NodeId(index as u32), &self.nodes[index]);
        let Some(multifeed) = &node.multifeed else { return };
        let is_excused = self.laws.as_ref().is_some_and(|laws| laws.is_excused(id));
        // A failed disk may have kept commits that it reported as failed.
        if is_excused || node.disk.has_failed() {
            return;
        }
        reopenings.record();
        if state_hash(&node.reopened(self.memo.clone())) != state_hash(multifeed) {
            let what = || "a multifeed opened over its disk holds something else".to_owned();
            self.report(Law::Restart, Some(id), what);
        }
    }
}
