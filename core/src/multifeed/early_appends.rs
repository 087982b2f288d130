//! Appends that are durable before they may be reported.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use crate::id::{FeedId, RequestId};

/// Appends that are durable while an earlier commit of their feed is not. Commits become durable in
/// order, but their replies come in any order.
#[derive(Debug, Default)]
pub(super) struct EarlyAppends {
    /// The request and the first block, by feed and the index behind the last block.
    by_end: BTreeMap<(FeedId, u64), (RequestId, u64)>,
}

impl EarlyAppends {
    pub(super) fn insert(&mut self, feed: FeedId, blocks: Range<u64>, request: RequestId) {
        let before = self.by_end.insert((feed, blocks.end), (request, blocks.start));
        debug_assert!(before.is_none(), "two appends of a feed end at one block");
    }

    /// Removes and returns the first append of a feed that lies within its durable `length`.
    pub(super) fn pop_within(
        &mut self,
        feed: FeedId,
        length: u64,
    ) -> Option<(RequestId, Range<u64>)> {
        let (key, _) = self.by_end.range((feed, 0)..=(feed, length)).next()?;
        let key = *key;
        let (request, start) = self.by_end.remove(&key)?;
        Some((request, start..key.1))
    }

    /// Removes and returns the requests of all appends of a feed, in the order of their blocks.
    pub(super) fn take_all(&mut self, feed: FeedId) -> Vec<RequestId> {
        core::iter::from_fn(|| self.pop_within(feed, u64::MAX))
            .map(|(request, _)| request)
            .collect()
    }

    /// Each append's feed, blocks and request.
    pub(super) fn iter(&self) -> impl Iterator<Item = (FeedId, Range<u64>, RequestId)> {
        self.by_end.iter().map(|((feed, end), (request, start))| (*feed, *start..*end, *request))
    }
}
