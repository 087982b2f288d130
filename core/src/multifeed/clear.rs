//! Clears blocks that the application does not want to hold any more.
//!
//! Rule: a block leaves the store only in the commit that stores its leaf, which is made from the
//! verified block. So the feed can grow afterwards, and its other blocks can be proved.

use core::ops::Range;

use bytes::Bytes;

use super::Multifeed;
use crate::error::{Misuse, StoreFailure};
use crate::feed::read::RangeRead;
use crate::feed::{self, FeedStatus};
use crate::id::{FeedSelector, RequestId};
use crate::io::Event;
use crate::outbox::{BlockPurpose, Clear, CommitJob};
use crate::step::Step;

impl Multifeed {
    /// Deletes blocks of a feed and keeps what proves the others. The blocks can then neither be
    /// read nor given to peers. Answered by [`Event::Cleared`](crate::Event::Cleared); blocks that
    /// are cleared already stay cleared. The feed can still grow, and may be our own.
    ///
    /// A damaged block cannot be cleared: the request fails, and the blocks before it are cleared.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] if a block is not below the feed's durable length or the range is
    /// empty; [`Misuse::TooManyRuns`]; [`Misuse::Downloading`] if blocks of the feed are being
    /// downloaded; [`Misuse::UnknownFeed`], [`Misuse::FeedBroken`], [`Misuse::TooManyRequests`],
    /// [`Misuse::NotReady`].
    pub fn clear(
        &mut self,
        feed: impl Into<FeedSelector>,
        blocks: Range<u64>,
    ) -> Result<RequestId, Misuse> {
        let feed = self.resolve(feed)?;
        self.record_step(|| {
            let Range { start, end } = blocks;
            Step::Clear { feed: feed.into(), start, end }
        });
        let log = self.check_change(feed, &blocks)?;
        if log.is_restoring() || self.downloads.contains(feed) {
            return Err(Misuse::Downloading);
        }
        if log.runs_with(&blocks) > self.limits.cleared_runs {
            return Err(Misuse::TooManyRuns);
        }
        let request = self.requests.begin();
        let next = blocks.start;
        self.continue_clear(Clear { request, feed, blocks, next });
        Ok(request)
    }

    /// Reads the next blocks to clear. The blocks before them are cleared durably.
    pub(super) fn continue_clear(&mut self, mut clear: Clear) {
        let (request, feed) = (clear.request, clear.feed);
        let Range { start, end } = clear.blocks;
        let log = self.feeds.get(feed).filter(|log| log.status != FeedStatus::Removing);
        let Some(log) = log else { return self.answer_request(Event::Canceled { request }) };
        if let Some(failure) = log.broken() {
            return self.fail_request(request, failure);
        }
        if log.is_cleared(clear.next) {
            clear.next = log.cleared().boundary(clear.next, end);
        }
        let (entries, bytes) = (self.limits.range_blocks, self.limits.read_bytes);
        match RangeRead::begin(feed, log, clear.next..end, entries, bytes) {
            Some((read, scan)) => self.outbox.scan_blocks(BlockPurpose::Clear(clear), read, scan),
            None => {
                let key = log.key;
                self.answer_request(Event::Cleared { request, feed, key, start, end });
            }
        }
    }

    /// Blocks to clear were read, or could not be.
    pub(super) fn on_clear_read(
        &mut self,
        clear: Clear,
        read: &RangeRead,
        range: Result<feed::Range<Bytes>, StoreFailure>,
    ) {
        if self.is_outdated(read) && range.is_err() {
            return self.continue_clear(clear);
        }
        let range = match range {
            Ok(range) => range,
            Err(failure) => return self.fail_request(clear.request, failure),
        };
        let feed = clear.feed;
        let log = self.feeds.get_mut(feed).filter(|log| log.status != FeedStatus::Removing);
        let Some(log) = log else {
            return self.answer_request(Event::Canceled { request: clear.request });
        };
        let writes = log.clear(feed, range.start, &range.blocks);
        let clear = Clear { next: range.end(), ..clear };
        self.outbox.commit(CommitJob::Clear(clear), writes);
        self.wake_hypercore_sessions(feed);
    }
}
