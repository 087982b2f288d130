//! Reading a run of blocks back, and proving it while at it.
//!
//! Rule: nothing leaves the store unverified, neither to the application nor to a peer. A read is
//! two store requests: the blocks, then the nodes to their left and right; folded together they
//! must give the roots that are in memory.

use alloc::vec::Vec;

use bytes::Bytes;

use super::runs::Runs;
use super::tree::{self, Fold, Node};
use super::{Feed, FeedStatus, Range, Tip, record};
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
    /// Blocks whose leaf takes their place.
    gone: Runs,
    blocks: Vec<Bytes>,
    /// Nodes that were asked for: first those left of the blocks, then those right of them up to
    /// what is held, then those up to the signed head.
    wanted: Vec<u64>,
}

impl RangeRead {
    /// Begins to read blocks from `start` on, up to `end` or the first that is gone; `None` if the
    /// first is not held.
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
        let from = record::block_key(id.0, start);
        let until = record::block_key(id.0, end);
        let read = Self { feed: id, start, tip, gone, blocks: Vec::new(), wanted: Vec::new() };
        Some((read, BlockScan { from, until, entries_max, bytes_max }))
    }

    /// Begins to hold blocks that a peer gave against the feed; gives the keys of the nodes that
    /// prove them. `None` if they are not below its length.
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

    /// Whether blocks left the feed or came back since the read began: what it found may be
    /// neither here nor there.
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

    /// The next node, from the values of its keys.
    fn node_of(
        &self,
        index: u64,
        values: &mut impl Iterator<Item = Option<Bytes>>,
    ) -> Result<Node, StoreFailure> {
        node_of(self.feed, &self.tip, &self.gone, index, values)
    }

    /// Takes the nodes; gives the blocks, verified, with their proof.
    pub(crate) fn take_nodes(
        &self,
        values: Vec<Option<Bytes>>,
    ) -> Result<Range<Bytes>, StoreFailure> {
        let mut values = values.into_iter();
        let nodes = self.wanted.iter().map(|index| self.node_of(*index, &mut values));
        let nodes: Vec<Node> = nodes.collect::<Result<_, _>>()?;
        let before = tree::cover(0, self.start).count();
        let behind = tree::cover(self.end(), self.tip.length).count();
        // A record of a session, which is somebody's file, may have nodes come before the blocks.
        let (left, right) = nodes.split_at_checked(before).ok_or(StoreFailure::Damaged)?;
        let (held, ahead) = right.split_at_checked(behind).ok_or(StoreFailure::Damaged)?;
        let mut fold = Fold::default();
        let blocks =
            (self.start..).zip(&self.blocks).map(|(index, block)| Node::leaf(index, block));
        for node in left.iter().copied().chain(blocks).chain(held.iter().copied()) {
            fold.push(node, |_| ()).map_err(|_| StoreFailure::Damaged)?;
        }
        if *fold.roots() != *self.tip.roots && !planted::is(Bug::ReadsUnverified) {
            return Err(StoreFailure::Damaged);
        }
        let is_whole = self.tip.head.length == self.tip.length;
        let right = if is_whole { held } else { ahead }.to_vec();
        let Self { start, blocks, tip, .. } = self;
        Ok(Range { start: *start, blocks: blocks.clone(), right, head: tip.head })
    }
}

/// Where a node is, as a node and as the block that gives it. A leaf of a held block is not
/// stored; of one that leaves or comes back, one of the two is, whichever commit is seen. What is
/// held is proved by its roots, so these are nowhere.
pub(super) fn keys_of(feed: FeedId, tip: &Tip, gone: &Runs, index: u64) -> [Option<StoreKey>; 2] {
    if root(tip, index).is_some() {
        return [None, None];
    }
    let is_below = index.is_multiple_of(2) && index / 2 < tip.length;
    let node = record::node_key(feed.0, index);
    let block = record::block_key(feed.0, index / 2);
    match is_below {
        false => [Some(node), None],
        true if gone.contains(index / 2) => [Some(node), Some(block)],
        true => [None, Some(block)],
    }
}

fn root(tip: &Tip, index: u64) -> Option<&Node> {
    let place = tip.roots.binary_search_by_key(&index, |root| root.index).ok()?;
    tip.roots.get(place)
}

/// The next node, from the values of [`keys_of`] it.
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
