//! How feeds grow within the byte quota.
//!
//! Rule: every change of a feed's staged length goes through this file. A feed counts the bytes
//! that were accepted from its first block on, in flight to the disk or durable. Clearing blocks
//! does not lower the count, because the signed length stays.

use alloc::vec::Vec;

use super::Feeds;
use crate::config::{BLOCK_BYTES_BESIDE, Limits};
use crate::crypto::SignatureMemo;
use crate::error::{StoreFailure, Violation};
use crate::feed::{Feed, Range, Staging, Tip, tree};
use crate::id::FeedId;

impl Feed {
    /// Bytes that the feed counts against the quota.
    pub(crate) fn bytes_counted(&self) -> u64 {
        self.tip().map_or(0, bytes_of)
    }

    /// Bytes that the feed would count with these blocks appended.
    pub(crate) fn bytes_with(&self, blocks: &[&[u8]]) -> u64 {
        let blocks = blocks.iter().map(|block| block.len() as u64 + BLOCK_BYTES_BESIDE);
        blocks.fold(self.bytes_counted(), u64::saturating_add)
    }
}

fn bytes_of(tip: &Tip) -> u64 {
    let beside = tip.length.saturating_mul(BLOCK_BYTES_BESIDE);
    tree::byte_length(&tip.roots).unwrap_or(0).saturating_add(beside)
}

impl Feeds {
    /// Bytes that all feeds count against the quota.
    pub(crate) fn bytes_counted(&self) -> u64 {
        self.quota.bytes()
    }

    /// Whether one more feed fits. A feed without room for its first block is not even listed.
    pub(crate) fn has_room(&self, limits: &Limits) -> bool {
        self.len() < limits.feeds && self.quota.has_room(0, BLOCK_BYTES_BESIDE, limits)
    }

    /// Whether a feed accepts no more blocks from peers because of its bytes.
    pub(crate) fn is_full(&self, feed: FeedId) -> bool {
        self.quota.is_full(feed)
    }

    /// Verifies a peer's range and stages it if there is room. `None`: the range brings nothing
    /// that follows on the held blocks, or the feed is full.
    pub(crate) fn accept(
        &mut self,
        id: FeedId,
        range: &Range<&[u8]>,
        limits: &Limits,
        memo: Option<&SignatureMemo>,
    ) -> Result<Option<Staging>, Violation> {
        if self.is_full(id) {
            return Ok(None);
        }
        let Some(feed) = self.get_mut(id) else { return Ok(None) };
        let Some(verified) = feed.verify(id, range, memo)? else { return Ok(None) };
        let (before, wanted) = (feed.bytes_counted(), bytes_of(&verified.tip));
        // Our own blocks passed the quota when we appended them. Rejecting them on their way back
        // would lose them.
        if !feed.is_writable() && !self.quota.has_room(before, wanted, limits) {
            self.quota.set_full(id, wanted);
            return Ok(None);
        }
        Ok(self.counted(id, |feed| feed.stage_verified(id, verified)))
    }

    /// Signs and stages blocks of our own; see [`Feed::append`].
    pub(crate) fn append(
        &mut self,
        id: FeedId,
        blocks: &[&[u8]],
        memo: Option<&SignatureMemo>,
    ) -> Option<Staging> {
        self.counted(id, |feed| feed.append(id, blocks, memo)).flatten()
    }

    /// A commit of a feed failed; see [`Feed::fail`].
    pub(crate) fn fail(&mut self, id: FeedId, failure: StoreFailure) {
        self.counted(id, |feed| feed.fail(failure));
    }

    /// Changes a feed's staged length and updates the quota.
    fn counted<T>(&mut self, id: FeedId, change: impl FnOnce(&mut Feed) -> T) -> Option<T> {
        let feed = self.get_mut(id)?;
        let before = feed.bytes_counted();
        let done = change(feed);
        let after = feed.bytes_counted();
        self.quota.grow(before, after);
        Some(done)
    }

    /// The next full feed that the application has not been told about, with the bytes that it
    /// would have had.
    pub(crate) fn take_full(&mut self) -> Option<(FeedId, u64)> {
        self.quota.take_unreported()
    }

    /// Returns whether the feed was full, and makes it accept blocks again.
    pub(crate) fn reopen_full(&mut self, feed: FeedId) -> bool {
        self.quota.reopen(feed)
    }

    /// Full feeds for which there is room now.
    pub(crate) fn fitting(&self, limits: &Limits) -> Vec<FeedId> {
        let counted = |feed| self.get(feed).map_or(0, Feed::bytes_counted);
        let fits =
            |(feed, wanted): &(FeedId, u64)| self.quota.has_room(counted(*feed), *wanted, limits);
        self.quota.full().filter(fits).map(|(feed, _)| feed).collect()
    }
}
