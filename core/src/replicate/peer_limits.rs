//! What the peer accepts, as it said behind its hello, and what we cannot give it therefore.
//!
//! Rule: a block that the peer does not accept is never sent to it. Its feed ends there for this
//! peer; the connection and the other feeds go on.

use alloc::collections::BTreeMap;

use bytes::Bytes;

use crate::config::Limits;
use crate::id::FeedId;
use crate::wire::multifeed::Accepts;

/// What one peer accepts. Peers of earlier versions do not say, and are taken to accept all.
#[derive(Debug, Default)]
pub(crate) struct PeerLimits {
    accepts: Option<Accepts>,
    /// For each feed of ours with a block that is too large for the peer, the first such block.
    too_large: BTreeMap<FeedId, u64>,
}

impl PeerLimits {
    pub(crate) fn new(accepts: Option<Accepts>) -> Self {
        Self { accepts, too_large: BTreeMap::new() }
    }

    /// Our statement to a peer, and how many forked feeds we have.
    pub(crate) fn of(limits: &Limits, forked: u64) -> Accepts {
        Accepts {
            block_bytes: limits.block_bytes as u64,
            range_blocks: limits.range_blocks as u64,
            wants: limits.serves as u64,
            forked,
        }
    }

    /// The number of the peer's forked feeds, if it said one.
    pub(crate) fn forked(&self) -> Option<u64> {
        self.accepts.map(|accepts| accepts.forked)
    }

    /// Whether the peer knows [`Reject::TooLarge`](crate::wire::multifeed::Reject::TooLarge).
    pub(crate) fn are_stated(&self) -> bool {
        self.accepts.is_some()
    }

    /// Most blocks in a range for the peer; at least 1.
    pub(crate) fn range_blocks(&self, limits: &Limits) -> usize {
        self.bounded(limits.range_blocks, |accepts| accepts.range_blocks)
    }

    /// Most feeds that are requested from the peer at once; at least 1.
    pub(crate) fn wants(&self, limits: &Limits) -> usize {
        self.bounded(limits.wants, |accepts| accepts.wants)
    }

    fn bounded(&self, ours: usize, theirs: impl FnOnce(&Accepts) -> u64) -> usize {
        let theirs = self.accepts.as_ref().map(theirs);
        let theirs = theirs.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
        ours.min(theirs.max(1))
    }

    /// The index of the first of these blocks that the peer does not accept.
    pub(crate) fn find_too_large(&self, blocks: &[Bytes]) -> Option<u64> {
        let bytes_max = self.accepts.as_ref()?.block_bytes;
        let found = blocks.iter().position(|block| block.len() as u64 > bytes_max)?;
        Some(found as u64)
    }

    /// A feed has a block that the peer does not accept.
    pub(crate) fn set_too_large(&mut self, feed: FeedId, index: u64) {
        let first = self.too_large.entry(feed).or_insert(index);
        *first = index.min(*first);
    }

    /// Whether a block of a feed is known to be too large for the peer.
    pub(crate) fn is_too_large(&self, feed: FeedId, index: u64) -> bool {
        self.too_large.get(&feed) == Some(&index)
    }

    /// Where a range for the peer must end that starts at `start`, below `end`.
    pub(crate) fn end_of(&self, feed: FeedId, start: u64, end: u64) -> u64 {
        let first = self.too_large.get(&feed).filter(|first| **first >= start);
        first.map_or(end, |first| end.min(*first))
    }

    /// The feed was removed.
    pub(crate) fn forget(&mut self, feed: FeedId) {
        self.too_large.remove(&feed);
    }

    /// Panics if more feeds are noted than either side has named.
    pub(crate) fn check_invariants(&self, feeds: usize) {
        assert!(self.too_large.len() <= feeds, "a feed is too large that nobody has named");
    }
}
