//! Blocks that leave a feed and come back, while the feed goes on.
//!
//! Rule: a block leaves only with its leaf put in its place, and comes back only under the roots
//! that are in memory; so whatever is missing, every proof can still be made.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use super::runs::Runs;
use super::tree::Node;
use super::{Feed, put_node, record};
use crate::id::FeedId;
use crate::io::Write;
use crate::planted::{self, Bug};

impl Feed {
    /// The blocks that cannot be read, durable or not.
    pub(crate) fn cleared(&self) -> Runs {
        let Some(activity) = self.activity.as_deref() else { return Runs::NONE };
        let mut gone = activity.cleared.clone();
        if let Some(restoring) = &activity.restoring {
            gone.insert(restoring);
        }
        gone
    }

    /// Whether a block below the length cannot be read.
    pub(crate) fn is_cleared(&self, index: u64) -> bool {
        self.activity.as_deref().is_some_and(|activity| {
            let is_restoring = activity.restoring.as_ref().is_some_and(|run| run.contains(&index));
            is_restoring || activity.cleared.contains(index)
        })
    }

    /// Blocks that cannot be read.
    pub(crate) fn blocks_cleared(&self) -> u64 {
        self.activity.as_deref().map_or(0, |activity| activity.cleared.blocks())
    }

    /// Whether blocks are under way back into the store.
    pub(crate) fn is_restoring(&self) -> bool {
        self.activity.as_deref().is_some_and(|activity| activity.restoring.is_some())
    }

    /// How many runs there would be if these blocks were cleared too.
    pub(crate) fn runs_with(&self, blocks: &Range<u64>) -> usize {
        let mut runs = self.cleared();
        runs.insert(blocks);
        runs.len()
    }

    /// Stages that blocks leave: they count as gone from here on.
    pub(crate) fn clear(&mut self, feed: FeedId, start: u64, blocks: &[Bytes]) -> Vec<Write> {
        let mut writes = Vec::with_capacity(2 * blocks.len() + 1);
        for (index, block) in (start..).zip(blocks) {
            if !planted::is(Bug::ClearsWithoutLeaf) {
                writes.push(put_node(feed, &Node::leaf(index, block)));
            }
            writes.push(Write::Delete(record::block_key(feed.0, index)));
        }
        self.activity().cleared.insert(&(start..start + blocks.len() as u64));
        self.push_record(feed, &mut writes);
        writes
    }

    /// Stages that verified blocks come back: they can be read once this is durable. One run at a
    /// time.
    pub(crate) fn restore(&mut self, feed: FeedId, start: u64, blocks: &[Bytes]) -> Vec<Write> {
        let mut writes = Vec::with_capacity(2 * blocks.len() + 1);
        for (index, block) in (start..).zip(blocks) {
            writes.push(Write::Put(record::block_key(feed.0, index), block.clone()));
            writes.push(Write::Delete(record::node_key(feed.0, 2 * index)));
        }
        let run = start..start + blocks.len() as u64;
        let activity = self.activity();
        activity.cleared.remove(&run);
        activity.restoring = Some(run);
        self.push_record(feed, &mut writes);
        writes
    }

    /// The blocks that came back are durable, or will never be.
    pub(crate) fn on_restored(&mut self) {
        if let Some(activity) = &mut self.activity {
            activity.restoring = None;
            if activity.is_over() {
                self.activity = None;
            }
        }
    }

    fn push_record(&self, feed: FeedId, writes: &mut Vec<Write>) {
        // The commits before this one are durable before it, so the latest tip is true then.
        if let Some(tip) = self.tip() {
            writes.push(self.record(feed, tip));
        }
    }
}
