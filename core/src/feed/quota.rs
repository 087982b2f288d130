//! The byte quota: what all feeds count against it, and which feeds have reached it.
//!
//! Rule: numbers only. `feed/set/growth.rs` decides what a feed counts and reports each change.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::config::Limits;
use crate::id::FeedId;

/// The bytes counted against [`Limits::feed_bytes`] and [`Limits::group_bytes`].
#[derive(Debug, Default)]
pub(super) struct Quota {
    /// Bytes of all feeds.
    bytes: u64,
    /// Feeds that accept no more blocks from peers, with the bytes that they would have had.
    full: BTreeMap<FeedId, u64>,
    /// Full feeds that the application has not been told about.
    unreported: Vec<FeedId>,
}

impl Quota {
    /// Bytes of all feeds.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Replaces the bytes of one feed. Saturates, because a damaged store can hold any number.
    pub(super) fn grow(&mut self, before: u64, after: u64) {
        self.bytes = self.bytes.saturating_sub(before).saturating_add(after);
    }

    /// Removes a feed that counted `bytes`.
    pub(super) fn leave(&mut self, feed: FeedId, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.full.remove(&feed);
    }

    /// Whether a feed may grow from `before` bytes to `after`.
    pub(super) fn has_room(&self, before: u64, after: u64, limits: &Limits) -> bool {
        let all = self.bytes.saturating_sub(before).saturating_add(after);
        after <= limits.feed_bytes && all <= limits.group_bytes
    }

    /// Whether a feed accepts no more blocks because of its bytes.
    pub(super) fn is_full(&self, feed: FeedId) -> bool {
        self.full.contains_key(&feed)
    }

    /// Marks a feed full; it would have had `wanted` bytes.
    pub(super) fn set_full(&mut self, feed: FeedId, wanted: u64) {
        self.full.insert(feed, wanted);
        self.unreported.push(feed);
    }

    /// Returns whether the feed was full, and makes it accept blocks again.
    pub(super) fn reopen(&mut self, feed: FeedId) -> bool {
        self.full.remove(&feed).is_some()
    }

    /// The full feeds, with the bytes that they would have had.
    pub(super) fn full(&self) -> impl Iterator<Item = (FeedId, u64)> {
        self.full.iter().map(|(feed, wanted)| (*feed, *wanted))
    }

    /// The next full feed that the application has not been told about.
    pub(super) fn take_unreported(&mut self) -> Option<(FeedId, u64)> {
        while let Some(feed) = self.unreported.pop() {
            if let Some(bytes) = self.full.get(&feed) {
                return Some((feed, *bytes));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
