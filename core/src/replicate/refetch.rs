//! Blocks being re-requested, in either direction: one side cleared or lost them, and the other
//! still has them.
//!
//! Rule: one run of a feed at a time in each direction, answered by one range.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Limit;
use crate::id::FeedId;

/// The refetches between one peer and us.
#[derive(Debug, Default)]
pub(crate) struct Refetch {
    /// The run that we request of each feed.
    requested: BTreeMap<FeedId, Range<u64>>,
    /// Requested feeds whose request was not written yet.
    unsent: Vec<FeedId>,
    /// Feeds for which the peer sent nothing useful.
    unavailable: Vec<FeedId>,
    /// The run that the peer wants of each feed.
    wanted: BTreeMap<FeedId, Range<u64>>,
    /// Wanted feeds in the order of the peer's requests.
    queue: VecDeque<FeedId>,
    /// Runs being read for the peer.
    reading: usize,
}

impl Refetch {
    /// Whether nothing is requested in either direction.
    pub(crate) fn is_idle(&self) -> bool {
        self.requested.is_empty() && self.wanted.is_empty() && self.reading == 0
    }

    pub(crate) fn is_requested(&self, feed: FeedId) -> bool {
        self.requested.contains_key(&feed)
    }

    pub(crate) fn requested_run(&self, feed: FeedId) -> Option<&Range<u64>> {
        self.requested.get(&feed)
    }

    pub(crate) fn request(&mut self, feed: FeedId, run: Range<u64>) {
        self.requested.insert(feed, run);
        self.unsent.push(feed);
    }

    /// Cancels a request.
    pub(crate) fn cancel(&mut self, feed: FeedId) {
        self.on_unavailable(feed);
        self.unavailable.retain(|unavailable| *unavailable != feed);
    }

    /// The peer will not give what was requested.
    pub(crate) fn on_unavailable(&mut self, feed: FeedId) {
        if self.requested.remove(&feed).is_some() {
            self.unsent.retain(|unsent| *unsent != feed);
            self.unavailable.push(feed);
        }
    }

    /// What the peer gave cannot be used.
    pub(crate) fn on_useless(&mut self, feed: FeedId) {
        self.unavailable.push(feed);
    }

    /// Ends the request of a feed if a range of `blocks` answers it. Returns whether it does.
    pub(crate) fn finish(&mut self, feed: FeedId, blocks: &Range<u64>) -> bool {
        let run = self.requested.get(&feed);
        let is_answer = run.is_some_and(|run| run.start == blocks.start && blocks.end <= run.end);
        if is_answer {
            self.requested.remove(&feed);
        }
        is_answer
    }

    /// Feeds whose requested blocks the peer did not send.
    pub(crate) fn take_unavailable(&mut self) -> Vec<FeedId> {
        core::mem::take(&mut self.unavailable)
    }

    /// Up to `max` feeds whose request is to be written.
    pub(crate) fn take_unsent(&mut self, max: usize) -> Vec<FeedId> {
        let later = self.unsent.split_off(self.unsent.len().min(max));
        core::mem::replace(&mut self.unsent, later)
    }

    /// Puts a feed back whose request could not be written.
    pub(crate) fn send_later(&mut self, feed: FeedId) {
        self.unsent.push(feed);
    }

    /// The peer requests a run of a feed.
    pub(crate) fn want(&mut self, feed: FeedId, run: Range<u64>, max: usize) -> Result<(), Limit> {
        if self.wanted.len() >= max {
            return Err(Limit::Serves);
        }
        if self.wanted.insert(feed, run).is_none() {
            self.queue.push_back(feed);
        }
        Ok(())
    }

    pub(crate) fn has_wanted(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The next run that the peer wants.
    pub(crate) fn pop_wanted(&mut self) -> Option<(FeedId, Range<u64>)> {
        let feed = self.queue.pop_front()?;
        Some((feed, self.wanted.remove(&feed).unwrap_or_default()))
    }

    pub(crate) fn begin_read(&mut self) {
        self.reading += 1;
    }

    pub(crate) fn end_read(&mut self) {
        debug_assert!(self.reading > 0, "a read was begun");
        self.reading -= 1;
    }

    /// Panics if the queues disagree with the runs.
    pub(crate) fn check_invariants(&self, wanted_max: usize, reads_max: usize) {
        let is_wanted = |feed: &FeedId| self.wanted.contains_key(feed);
        assert!(self.queue.iter().all(is_wanted), "a queued feed is wanted");
        assert_eq!(self.queue.len(), self.wanted.len(), "a wanted feed is queued once");
        assert!(self.wanted.len() <= wanted_max, "too many refetches are wanted");
        assert!(self.reading <= reads_max, "too many refetches are read");
        assert!(
            self.requested.values().all(|run| run.start < run.end),
            "a requested run has blocks"
        );
    }
}
