//! Reads a run of blocks from the store and verifies it.
//!
//! Rule: no block leaves the store unverified, neither to the application nor to a peer. A read is
//! two store requests: the blocks, then the nodes to their left and right. Folded together they
//! must give the roots that are in memory.

use alloc::vec::Vec;

use bytes::Bytes;

use super::runs::Runs;
use super::tree::{self, Fold, Node};
use super::{Feed, FeedStatus, Range, Tip, record};
use crate::error::StoreFailure;
use crate::id::FeedId;
use crate::io::StoreKey;

/// The store scan that loads the blocks of a read.
#[derive(Debug)]
pub(crate) struct BlockScan {
    pub(crate) from: StoreKey,
    pub(crate) until: StoreKey,
    pub(crate) entries_max: usize,
    pub(crate) bytes_max: usize,
}

/// A read in progress, relative to the feed's state when it began.
#[derive(Debug)]
pub(crate) struct RangeRead {
    feed: FeedId,
    start: u64,
    tip: Tip,
    /// Cleared blocks, whose leaf is stored in their place.
    gone: Runs,
    blocks: Vec<Bytes>,
    /// Requested nodes: first those left of the blocks, then those right of them up to the held
    /// length, then those up to the signed head.
    wanted: Vec<u64>,
}

impl RangeRead {
    /// Starts reading `blocks`, up to the first cleared block. `None` if the first block is not
    /// held.
    pub(crate) fn begin(
        id: FeedId,
        feed: &Feed,
        blocks: core::ops::Range<u64>,
        entries_max: usize,
        bytes_max: usize,
    ) -> Option<(Self, BlockScan)> {
        let tip = feed.durable()?.clone();
        let (start, end) = (blocks.start, blocks.end.min(tip.length));
        if start >= end || feed.is_cleared(start) {
            return None;
        }
        let gone = feed.cleared();
        let end = gone.boundary(start, end);
        let from = record::block_key(id.slot, start);
        let until = record::block_key(id.slot, end);
        let read = Self { feed: id, start, tip, gone, blocks: Vec::new(), wanted: Vec::new() };
        Some((read, BlockScan { from, until, entries_max, bytes_max }))
    }

    /// Starts verifying blocks that a peer sent for indices below the feed's length. Returns the
    /// keys of the nodes that prove them; `None` if the blocks are not below the length.
    pub(crate) fn of_blocks(
        id: FeedId,
        feed: &Feed,
        start: u64,
        blocks: Vec<Bytes>,
    ) -> Option<(Self, Vec<StoreKey>)> {
        let tip = feed.durable()?.clone();
        let mut read =
            Self { feed: id, start, tip, gone: feed.cleared(), blocks, wanted: Vec::new() };
        if read.blocks.is_empty() || read.end() > read.tip.length {
            return None;
        }
        let keys = read.want_nodes();
        Some((read, keys))
    }

    /// Whether blocks were cleared or restored since the read began, so that its result may mix two
    /// states.
    pub(crate) fn is_outdated(&self, feed: &Feed) -> bool {
        feed.status == FeedStatus::Removing || feed.cleared() != self.gone
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn feed(&self) -> FeedId {
        self.feed
    }

    fn end(&self) -> u64 {
        self.start + self.blocks.len() as u64
    }

    /// Stores the scanned blocks and returns the keys of the nodes that prove them.
    pub(crate) fn take_blocks(
        &mut self,
        entries: Vec<(StoreKey, Bytes)>,
    ) -> Result<Vec<StoreKey>, StoreFailure> {
        let expected =
            (self.start..self.tip.length).map(|index| record::block_key(self.feed.slot, index));
        if entries.is_empty() || !expected.zip(&entries).all(|(key, entry)| key == entry.0) {
            return Err(StoreFailure::Damaged);
        }
        self.blocks = entries.into_iter().map(|(_, block)| block).collect();
        Ok(self.want_nodes())
    }

    fn want_nodes(&mut self) -> Vec<StoreKey> {
        let (end, tip) = (self.end(), &self.tip);
        self.wanted = tree::cover(0, self.start).chain(tree::cover(end, tip.length)).collect();
        if tip.head.length != tip.length {
            self.wanted.extend(tree::cover(end, tip.head.length));
        }
        self.wanted.iter().flat_map(|index| self.keys_of(*index)).flatten().collect()
    }

    fn keys_of(&self, index: u64) -> [Option<StoreKey>; 2] {
        keys_of(self.feed, &self.tip, &self.gone, index)
    }

    /// Decodes the next node from the values of its keys.
    fn node_of(
        &self,
        index: u64,
        values: &mut impl Iterator<Item = Option<Bytes>>,
    ) -> Result<Node, StoreFailure> {
        node_of(self.feed, &self.tip, &self.gone, index, values)
    }

    /// Verifies the blocks with the loaded nodes and returns them with their proof.
    pub(crate) fn take_nodes(
        &self,
        values: Vec<Option<Bytes>>,
    ) -> Result<Range<Bytes>, StoreFailure> {
        let mut values = values.into_iter();
        let nodes = self.wanted.iter().map(|index| self.node_of(*index, &mut values));
        let nodes: Vec<Node> = nodes.collect::<Result<_, _>>()?;
        let before = tree::cover(0, self.start).count();
        let behind = tree::cover(self.end(), self.tip.length).count();
        // A recorded session is an untrusted file, in which nodes may come before the blocks.
        let (left, right) = nodes.split_at_checked(before).ok_or(StoreFailure::Damaged)?;
        let (held, ahead) = right.split_at_checked(behind).ok_or(StoreFailure::Damaged)?;
        let mut fold = Fold::default();
        let blocks =
            (self.start..).zip(&self.blocks).map(|(index, block)| Node::leaf(index, block));
        for node in left.iter().copied().chain(blocks).chain(held.iter().copied()) {
            fold.push(node, |_| ()).map_err(|_| StoreFailure::Damaged)?;
        }
        if *fold.roots() != *self.tip.roots {
            return Err(StoreFailure::Damaged);
        }
        let is_whole = self.tip.head.length == self.tip.length;
        let right = if is_whole { held } else { ahead }.to_vec();
        let Self { start, blocks, tip, .. } = self;
        Ok(Range { start: *start, blocks: blocks.clone(), right, head: tip.head })
    }
}

/// The keys under which a node may be stored: as a node, and as the block that it is the leaf of.
/// Leaves of held blocks are not stored. While a block is cleared or restored, exactly one of both
/// keys exists. Roots are in memory and have no key.
pub(super) fn keys_of(feed: FeedId, tip: &Tip, gone: &Runs, index: u64) -> [Option<StoreKey>; 2] {
    if root(tip, index).is_some() {
        return [None, None];
    }
    let is_below = index.is_multiple_of(2) && index / 2 < tip.length;
    let node = record::node_key(feed.slot, index);
    let block = record::block_key(feed.slot, index / 2);
    if !is_below {
        [Some(node), None]
    } else if gone.contains(index / 2) {
        [Some(node), Some(block)]
    } else {
        [None, Some(block)]
    }
}

fn root(tip: &Tip, index: u64) -> Option<&Node> {
    let place = tip.roots.binary_search_by_key(&index, |root| root.index).ok()?;
    tip.roots.get(place)
}

/// Decodes the next node from the values of its [`keys_of`].
pub(super) fn node_of(
    feed: FeedId,
    tip: &Tip,
    gone: &Runs,
    index: u64,
    values: &mut impl Iterator<Item = Option<Bytes>>,
) -> Result<Node, StoreFailure> {
    if let Some(root) = root(tip, index) {
        return Ok(*root);
    }
    let [node, block] =
        keys_of(feed, tip, gone, index).map(|key| key.and_then(|_| values.next()?));
    match (node, block) {
        (Some(node), _) => record::decode_node(index, &node),
        (None, Some(block)) => Ok(Node::leaf(index / 2, &block)),
        (None, None) => Err(StoreFailure::Damaged),
    }
}
