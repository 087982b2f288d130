//! Reading a run of blocks back, and proving it while at it.
//!
//! Rule: nothing leaves the store unverified, neither to the application nor to a peer. A read is
//! two store requests: the blocks, then the nodes to their left and right; folded together they
//! must give the roots that are in memory.

use alloc::vec::Vec;

use bytes::Bytes;

use super::tree::{self, Fold, Node};
use super::{Feed, Range, Tip, record};
use crate::error::StoreFailure;
use crate::id::FeedId;
use crate::io::StoreKey;
use crate::planted::{self, Bug};

/// What to scan for the blocks.
#[derive(Debug)]
pub(crate) struct BlockScan {
    pub(crate) from: StoreKey,
    pub(crate) until: StoreKey,
    pub(crate) entries_max: usize,
    pub(crate) bytes_max: usize,
}

/// A read under way, against the feed as it was when it began.
#[derive(Debug)]
pub(crate) struct RangeRead {
    feed: FeedId,
    start: u64,
    tip: Tip,
    blocks: Vec<Bytes>,
    /// Nodes that were asked for: first those left of the blocks, then those right of them up to
    /// what is held, then those up to the signed head.
    wanted: Vec<u64>,
}

impl RangeRead {
    /// Begins to read blocks from `start` on, up to `end`; `None` if the first is not held.
    pub(crate) fn begin(
        id: FeedId,
        feed: &Feed,
        blocks: core::ops::Range<u64>,
        entries_max: usize,
        bytes_max: usize,
    ) -> Option<(Self, BlockScan)> {
        let tip = feed.durable()?.clone();
        let (start, end) = (blocks.start, blocks.end.min(tip.length));
        if start >= end {
            return None;
        }
        let from = record::block_key(id.0, start);
        let until = record::block_key(id.0, end);
        let read = Self { feed: id, start, tip, blocks: Vec::new(), wanted: Vec::new() };
        Some((read, BlockScan { from, until, entries_max, bytes_max }))
    }

    pub(crate) fn feed(&self) -> FeedId {
        self.feed
    }

    fn end(&self) -> u64 {
        self.start + self.blocks.len() as u64
    }

    /// Takes the blocks; gives the keys of the nodes that prove them.
    pub(crate) fn take_blocks(
        &mut self,
        entries: Vec<(StoreKey, Bytes)>,
    ) -> Result<Vec<StoreKey>, StoreFailure> {
        let expected =
            (self.start..self.tip.length).map(|index| record::block_key(self.feed.0, index));
        if entries.is_empty() || !expected.zip(&entries).all(|(key, entry)| key == entry.0) {
            return Err(StoreFailure::Damaged);
        }
        self.blocks = entries.into_iter().map(|(_, block)| block).collect();
        let (end, tip) = (self.end(), &self.tip);
        self.wanted = tree::cover(0, self.start).chain(tree::cover(end, tip.length)).collect();
        if tip.head.length != tip.length {
            self.wanted.extend(tree::cover(end, tip.head.length));
        }
        Ok(self.wanted.iter().map(|index| self.key_of(*index)).collect())
    }

    fn key_of(&self, index: u64) -> StoreKey {
        key_of(self.feed, self.tip.length, index)
    }

    fn node_of(&self, index: u64, value: Option<Bytes>) -> Result<Node, StoreFailure> {
        node_of(self.tip.length, index, value)
    }

    /// Takes the nodes; gives the blocks, verified, with their proof.
    pub(crate) fn take_nodes(
        self,
        values: Vec<Option<Bytes>>,
    ) -> Result<Range<Bytes>, StoreFailure> {
        if values.len() != self.wanted.len() {
            return Err(StoreFailure::Damaged);
        }
        let nodes = self.wanted.iter().zip(values);
        let nodes: Vec<Node> =
            nodes.map(|(index, value)| self.node_of(*index, value)).collect::<Result<_, _>>()?;
        let (left, right) = nodes.split_at(tree::cover(0, self.start).count());
        let (held, ahead) = right.split_at(tree::cover(self.end(), self.tip.length).count());
        let mut fold = Fold::default();
        let blocks =
            (self.start..).zip(&self.blocks).map(|(index, block)| Node::leaf(index, block));
        for node in left.iter().copied().chain(blocks).chain(held.iter().copied()) {
            fold.push(node, |_| ()).map_err(|_| StoreFailure::Damaged)?;
        }
        if fold.roots() != self.tip.roots && !planted::is(Bug::ReadsUnverified) {
            return Err(StoreFailure::Damaged);
        }
        let is_whole = self.tip.head.length == self.tip.length;
        let right = if is_whole { held } else { ahead }.to_vec();
        let Self { start, blocks, tip, .. } = self;
        Ok(Range { start, blocks, right, head: tip.head })
    }
}

/// A leaf of a held block is not stored: the block gives it.
fn is_block(held: u64, index: u64) -> bool {
    index.is_multiple_of(2) && index / 2 < held
}

/// Where a node lies of a feed of which `held` blocks are held.
pub(super) fn key_of(feed: FeedId, held: u64, index: u64) -> StoreKey {
    match is_block(held, index) {
        true => record::block_key(feed.0, index / 2),
        false => record::node_key(feed.0, index),
    }
}

/// The node in what [`key_of`] names.
pub(super) fn node_of(held: u64, index: u64, value: Option<Bytes>) -> Result<Node, StoreFailure> {
    let value = value.ok_or(StoreFailure::Damaged)?;
    match is_block(held, index) {
        true => Ok(Node::leaf(index / 2, &value)),
        false => record::decode_node(index, &value),
    }
}
