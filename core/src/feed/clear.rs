//! Clears blocks of a feed and restores them.
//!
//! Rule: a block is deleted only in a commit that stores its leaf, and restored only after it was
//! verified against the roots in memory. So every proof can be built whatever is cleared.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use super::runs::Runs;
use super::tree::Node;
use super::{Feed, put_node, record};
use crate::id::FeedId;
use crate::io::Write;

impl Feed {
    /// The blocks that cannot be read: cleared ones, and those being restored.
    pub(crate) fn cleared(&self) -> Runs {
        let Some(activity) = self.activity.as_deref() else { return Runs::NONE };
        let mut gone = activity.cleared.clone();
        if let Some(restoring) = &activity.restoring {
            gone.insert(restoring);
        }
        gone
    }

    /// Whether a block below the length is cleared or being restored.
    pub(crate) fn is_cleared(&self, index: u64) -> bool {
        self.activity.as_deref().is_some_and(|activity| {
            let is_restoring = activity.restoring.as_ref().is_some_and(|run| run.contains(&index));
            is_restoring || activity.cleared.contains(index)
        })
    }

    /// Number of cleared blocks.
    pub(crate) fn blocks_cleared(&self) -> u64 {
        self.activity.as_deref().map_or(0, |activity| activity.cleared.blocks())
    }

    /// Whether a commit that restores blocks is in flight.
    pub(crate) fn is_restoring(&self) -> bool {
        self.activity.as_deref().is_some_and(|activity| activity.restoring.is_some())
    }

    /// Number of cleared runs if `blocks` were cleared too.
    pub(crate) fn runs_with(&self, blocks: &Range<u64>) -> usize {
        let mut runs = self.cleared();
        runs.insert(blocks);
        runs.len()
    }

    /// Returns the writes that clear blocks. They count as cleared from now on.
    pub(crate) fn clear(&mut self, feed: FeedId, start: u64, blocks: &[Bytes]) -> Vec<Write> {
        let mut writes = Vec::with_capacity(2 * blocks.len() + 1);
        for (index, block) in (start..).zip(blocks) {
            writes.push(put_node(feed, &Node::leaf(index, block)));
            writes.push(Write::Delete(record::block_key(feed.slot, index)));
        }
        self.activity().cleared.insert(&(start..start + blocks.len() as u64));
        self.push_record(feed, &mut writes);
        writes
    }

    /// Returns the writes that restore verified blocks. They can be read once the commit is
    /// durable. Only one run may be in flight.
    pub(crate) fn restore(&mut self, feed: FeedId, start: u64, blocks: &[Bytes]) -> Vec<Write> {
        let mut writes = Vec::with_capacity(2 * blocks.len() + 1);
        for (index, block) in (start..).zip(blocks) {
            writes.push(Write::Put(record::block_key(feed.slot, index), block.clone()));
            writes.push(Write::Delete(record::node_key(feed.slot, 2 * index)));
        }
        let run = start..start + blocks.len() as u64;
        let activity = self.activity();
        activity.cleared.remove(&run);
        activity.restoring = Some(run);
        self.push_record(feed, &mut writes);
        writes
    }

    /// Ends the restoration in flight: it is durable, or it failed.
    pub(crate) fn on_restored(&mut self) {
        if let Some(activity) = &mut self.activity {
            activity.restoring = None;
            if activity.is_over() {
                self.activity = None;
            }
        }
    }

    fn push_record(&self, feed: FeedId, writes: &mut Vec<Write>) {
        // Commits become durable in order, so the latest tip is right when this one is.
        if let Some(tip) = self.tip() {
            writes.push(self.record(feed, tip));
        }
    }
}
