//! How many bytes one feed may have, and all of them together.
//!
//! Rule: what counts is what was taken of a feed from its first block on, on its way to the disk or
//! durable, whether or not blocks were cleared since: a length is signed, and what is left of it is
//! not. Every change of it goes through this file.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::set::Feeds;
use super::{Feed, Range, Staging, Tip, tree};
use crate::config::{BLOCK_BYTES_BESIDE, Limits};
use crate::crypto::SignatureMemo;
use crate::error::{StoreFailure, Violation};
use crate::id::FeedId;

/// What counts against the bounds of bytes, and what has come to one.
#[derive(Debug, Default)]
pub(super) struct Quota {
    /// Bytes of all feeds.
    bytes: u64,
    /// Feeds that are taken no further, and the bytes that they would have had.
    full: BTreeMap<FeedId, u64>,
    /// Those that nobody was told of yet.
    filled: Vec<FeedId>,
}

impl Quota {
    /// A feed holds other bytes than before. Of a store that somebody made up, the sum may be any.
    pub(super) fn grow(&mut self, before: u64, after: u64) {
        self.bytes = self.bytes.saturating_sub(before).saturating_add(after);
    }

    /// A feed that held these bytes is gone.
    pub(super) fn leave(&mut self, feed: FeedId, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.full.remove(&feed);
    }

    /// Whether a feed may grow from `before` bytes to `after`.
    fn has_room(&self, before: u64, after: u64, limits: &Limits) -> bool {
        let all = self.bytes.saturating_sub(before).saturating_add(after);
        after <= limits.feed_bytes && all <= limits.group_bytes
    }
}

impl Feed {
    /// What was taken of it, as it counts.
    pub(crate) fn bytes_counted(&self) -> u64 {
        self.tip().map_or(0, bytes_of)
    }

    /// What it would be with these blocks of our own.
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
    /// Bytes of all feeds, as they count.
    pub(crate) fn bytes_counted(&self) -> u64 {
        self.quota.bytes
    }

    /// Whether one more feed may be taken: where there is no room for its first block, it is not
    /// even heard of.
    pub(crate) fn has_room(&self, limits: &Limits) -> bool {
        self.len() < limits.feeds && self.quota.has_room(0, BLOCK_BYTES_BESIDE, limits)
    }

    /// Whether a feed is taken no further because of its bytes.
    pub(crate) fn is_full(&self, feed: FeedId) -> bool {
        self.quota.full.contains_key(&feed)
    }

    /// Verifies what a peer sent of a feed, and stages it if there is room. `None`: it brings
    /// nothing that follows on what is held, or the feed is full.
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
        // What we wrote ourselves was allowed then, and is lost if it is not taken back.
        if !feed.is_writable() && !self.quota.has_room(before, wanted, limits) {
            self.quota.full.insert(id, wanted);
            self.quota.filled.push(id);
            return Ok(None);
        }
        Ok(self.counted(id, |feed| feed.take(id, verified)))
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

    /// Changes how far a feed is taken, and what it counts.
    fn counted<T>(&mut self, id: FeedId, change: impl FnOnce(&mut Feed) -> T) -> Option<T> {
        let feed = self.get_mut(id)?;
        let before = feed.bytes_counted();
        let done = change(feed);
        let after = feed.bytes_counted();
        self.quota.grow(before, after);
        Some(done)
    }

    /// Panics if the bytes counted are not those of the feeds.
    pub(super) fn check_quota(&self) {
        let bytes = self.iter().map(|(_, feed)| u128::from(feed.bytes_counted()));
        // A store that somebody made up may claim more bytes than a number holds.
        if let Ok(bytes) = u64::try_from(bytes.sum::<u128>())
            && bytes < u64::MAX / 2
        {
            assert_eq!(self.quota.bytes, bytes, "the bytes of all feeds are miscounted");
        }
        for feed in self.quota.full.keys() {
            assert!(self.get(*feed).is_some(), "a feed is full that is not here");
        }
    }

    /// The next feed that came to a bound, and the bytes that it would have.
    pub(crate) fn take_full(&mut self) -> Option<(FeedId, u64)> {
        while let Some(feed) = self.quota.filled.pop() {
            if let Some(bytes) = self.quota.full.get(&feed) {
                return Some((feed, *bytes));
            }
        }
        None
    }

    /// Takes a feed further that was full. Returns whether it was.
    pub(crate) fn reopen_full(&mut self, feed: FeedId) -> bool {
        self.quota.full.remove(&feed).is_some()
    }

    /// Feeds that were full and for which there is room now.
    pub(crate) fn fitting(&self, limits: &Limits) -> Vec<FeedId> {
        let taken = |feed| self.get(feed).map_or(0, Feed::bytes_counted);
        let full = self.quota.full.iter().map(|(feed, wanted)| (*feed, *wanted));
        let fitting =
            full.filter(|(feed, wanted)| self.quota.has_room(taken(*feed), *wanted, limits));
        fitting.map(|(feed, _)| feed).collect()
    }
}

#[cfg(test)]
mod tests;
