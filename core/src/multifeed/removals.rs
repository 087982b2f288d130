//! Feeds that are being removed.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::feed::record::{Decision, Ruling};
use crate::id::{FeedId, FeedKey, RequestId};

/// A removal under way.
#[derive(Debug)]
pub(super) struct Removal {
    /// `None`: an earlier process began it.
    request: Option<RequestId>,
    key: FeedKey,
    signed: u64,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// A request that reads or writes the feed is still open.
    Waiting,
    /// The feed's entries are being deleted.
    Deleting,
}

impl Removal {
    pub(super) fn request(&self) -> Option<RequestId> {
        self.request
    }

    pub(super) fn key(&self) -> FeedKey {
        self.key
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.stage == Stage::Waiting
    }

    /// Begins to delete entries of a feed that was signed up to `signed`.
    pub(super) fn start(&mut self, signed: u64) {
        debug_assert!(self.is_waiting(), "a removal starts once");
        self.signed = signed;
        self.stage = Stage::Deleting;
    }

    /// The tombstone, with the slot whose entries are not all deleted yet.
    pub(super) fn ruling(&self, leaving: Option<u32>) -> Ruling {
        Ruling { decision: Decision::Removed, signed: self.signed, leaving }
    }
}

/// All removals under way, by feed.
#[derive(Debug, Default)]
pub(super) struct Removals {
    by_feed: BTreeMap<FeedId, Removal>,
}

impl Removals {
    /// Adds a removal that waits until no request reads or writes the feed.
    pub(super) fn begin(&mut self, feed: FeedId, key: FeedKey, request: RequestId) {
        let removal = Removal { request: Some(request), key, signed: 0, stage: Stage::Waiting };
        self.by_feed.insert(feed, removal);
    }

    /// Adds a removal that an earlier process began.
    pub(super) fn resume(&mut self, feed: FeedId, key: FeedKey, signed: u64) {
        let removal = Removal { request: None, key, signed, stage: Stage::Deleting };
        self.by_feed.insert(feed, removal);
    }

    pub(super) fn contains(&self, feed: FeedId) -> bool {
        self.by_feed.contains_key(&feed)
    }

    pub(super) fn get(&self, feed: FeedId) -> Option<&Removal> {
        self.by_feed.get(&feed)
    }

    pub(super) fn get_mut(&mut self, feed: FeedId) -> Option<&mut Removal> {
        self.by_feed.get_mut(&feed)
    }

    pub(super) fn finish(&mut self, feed: FeedId) -> Option<Removal> {
        self.by_feed.remove(&feed)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (FeedId, &Removal)> {
        self.by_feed.iter().map(|(feed, removal)| (*feed, removal))
    }

    /// The feeds of removals that wait and for which `is_idle` holds.
    pub(super) fn ready(&self, is_idle: impl Fn(FeedId) -> bool) -> Vec<FeedId> {
        let waiting = self.iter().filter(|(_, removal)| removal.is_waiting());
        waiting.map(|(feed, _)| feed).filter(|feed| is_idle(*feed)).collect()
    }
}
