//! Pending messages to the peer about feeds: changed heads and rejects.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::id::FeedId;
use crate::wire::multifeed::{FeedRef, Reject};

/// Pending heads and rejects.
#[derive(Debug)]
pub(crate) struct Announcements {
    /// Feeds whose head is to be announced.
    changed: BTreeSet<FeedId>,
    /// Rejects, by the reference to use.
    rejects: BTreeSet<(FeedRef, Reject)>,
}

impl Announcements {
    pub(crate) fn new(changed: BTreeSet<FeedId>) -> Self {
        Self { changed, rejects: BTreeSet::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.rejects.is_empty()
    }

    pub(crate) fn changed_len(&self) -> usize {
        self.changed.len()
    }

    pub(crate) fn rejects_len(&self) -> usize {
        self.rejects.len()
    }

    /// The head of a feed is to be announced.
    pub(crate) fn announce(&mut self, feed: FeedId) {
        self.changed.insert(feed);
    }

    /// Puts heads back that could not be announced.
    pub(crate) fn announce_later(&mut self, feeds: Vec<FeedId>) {
        self.changed.extend(feeds);
    }

    pub(crate) fn cancel(&mut self, feed: FeedId) {
        self.changed.remove(&feed);
    }

    pub(crate) fn retain_changed(&mut self, is_kept: impl FnMut(&FeedId) -> bool) {
        self.changed.retain(is_kept);
    }

    pub(crate) fn pop_changed(&mut self) -> Option<FeedId> {
        self.changed.pop_first()
    }

    pub(crate) fn reject(&mut self, feed_ref: FeedRef, reject: Reject) {
        self.rejects.insert((feed_ref, reject));
    }

    /// The next reject. Those with an alias come last in the order of the set and are written
    /// first: a reject that needs a new alias may have to wait for credit.
    pub(crate) fn pop_reject(&mut self) -> Option<(FeedRef, Reject)> {
        self.rejects.pop_last()
    }

    /// Puts rejects back that need an alias.
    pub(crate) fn reject_later(&mut self, rejects: Vec<(FeedRef, Reject)>) {
        self.rejects.extend(rejects);
    }

    /// Whether all rejects of feeds with an alias are written.
    pub(crate) fn has_written_rejects(&self) -> bool {
        self.rejects.last().is_none_or(|(feed_ref, _)| matches!(feed_ref, FeedRef::New(_)))
    }
}
