//! Reads of the application.

use core::ops::Range;

use super::Multifeed;
use crate::error::Misuse;
use crate::feed::Feed;
use crate::feed::read::RangeRead;
use crate::id::{FeedId, FeedSelector, RequestId};
use crate::io::Event;
use crate::outbox::BlockPurpose;
use crate::step::Step;

impl Multifeed {
    /// Reads the blocks `start..end` of a feed and verifies them. Answered by
    /// [`Event::Blocks`](crate::Event::Blocks) with the first of them, as many as
    /// [`Limits::read_bytes`](crate::Limits::read_bytes) allows and up to the first cleared one; by
    /// [`Event::Missing`](crate::Event::Missing) if the first is cleared.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] if a block is not held durably or the range is empty;
    /// [`Misuse::UnknownFeed`], [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn read(
        &mut self,
        feed: impl Into<FeedSelector>,
        start: u64,
        end: u64,
    ) -> Result<RequestId, Misuse> {
        let feed = self.resolve(feed)?;
        self.record_step(|| Step::Read { feed: feed.into(), start, end });
        self.check_run(feed, &(start..end))?;
        let request = self.requests.begin();
        self.begin_read(request, feed, start..end);
        Ok(request)
    }

    /// Reads blocks for an open request.
    pub(super) fn begin_read(&mut self, request: RequestId, feed: FeedId, blocks: Range<u64>) {
        let Range { start, end } = blocks;
        let (entries, bytes) = (self.limits.range_blocks, self.limits.read_bytes);
        let log = self.feeds.get(feed);
        let read = log.and_then(|log| RangeRead::begin(feed, log, start..end, entries, bytes));
        match read {
            Some((read, scan)) => {
                self.outbox.scan_blocks(BlockPurpose::Answer { request, end }, read, scan);
            }
            None => {
                let end = log.map_or(end, |log| log.cleared().boundary(start, end));
                self.answer(request, feed, |key| Event::Missing { request, feed, key, start, end });
            }
        }
    }

    /// The feed of a request about a run of blocks, if the request may be made: the run is not
    /// empty, and the feed holds its blocks or has cleared them.
    fn check_run(&self, feed: FeedId, run: &Range<u64>) -> Result<&Feed, Misuse> {
        self.check_requests()?;
        let log = self.feeds.get(feed).ok_or(Misuse::UnknownFeed)?;
        let is_held = run.start < run.end && run.end <= log.length();
        if is_held { Ok(log) } else { Err(Misuse::OutOfRange) }
    }

    /// The same for a request that changes the blocks.
    pub(super) fn check_change(&self, feed: FeedId, run: &Range<u64>) -> Result<&Feed, Misuse> {
        let log = self.check_run(feed, run)?;
        if log.broken().is_some() { Err(Misuse::FeedBroken) } else { Ok(log) }
    }
}
