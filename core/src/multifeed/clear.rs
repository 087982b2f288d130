//! Blocks that the application does not want to hold any more.
//!
//! Rule: a block leaves the store only after its leaf was made from it, verified, and in the same
//! commit; so the feed goes on, and its proofs too.

use core::ops::Range;

use super::Multifeed;
use crate::error::Misuse;
use crate::feed::FeedStatus;
use crate::feed::read::RangeRead;
use crate::id::{FeedId, RequestId};
use crate::io::{Answer, Event};
use crate::outbox::{Clear, Job};
use crate::record::Step;

impl Multifeed {
    /// Deletes blocks of a feed, and keeps what proves the others. They cannot be read any more,
    /// nor given to peers. Answered by [`Event::Cleared`](crate::Event::Cleared); blocks that were
    /// cleared before stay so. The feed goes on growing, and may be our own.
    ///
    /// A block that is damaged cannot be cleared: the request fails, and what went before it is
    /// cleared.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] if not all of the blocks are below the feed's durable length or none
    /// is named; [`Misuse::TooManyRuns`]; [`Misuse::Downloading`] if blocks of the feed are being
    /// downloaded; [`Misuse::UnknownFeed`], [`Misuse::FeedBroken`], [`Misuse::TooManyRequests`],
    /// [`Misuse::NotReady`].
    pub fn clear(&mut self, feed: FeedId, blocks: Range<u64>) -> Result<RequestId, Misuse> {
        let Range { start, end } = blocks;
        self.record_step(|| Step::Clear { feed: feed.0, start, end });
        let log = self.check_change(feed, &blocks)?;
        if log.is_restoring() || self.downloads.is_busy(feed) {
            return Err(Misuse::Downloading);
        }
        if log.runs_with(&blocks) > self.limits.cleared_runs {
            return Err(Misuse::TooManyRuns);
        }
        let request = self.request();
        self.continue_clear(Clear { request, feed, start, end, at: start });
        Ok(request)
    }

    /// Reads the next blocks that are to leave; all that lie before are gone durably.
    pub(super) fn continue_clear(&mut self, mut clear: Clear) {
        let Clear { request, feed, start, end, .. } = clear;
        let log = self.feeds.get(feed).filter(|log| log.status != FeedStatus::Removing);
        let Some(log) = log else { return self.answered(Event::Canceled { request }) };
        if let Some(failure) = log.broken() {
            return self.fail_request(request, failure);
        }
        if log.is_cleared(clear.at) {
            clear.at = log.cleared().boundary(clear.at, end);
        }
        let (entries, bytes) = (self.limits.range_blocks, self.limits.read_bytes);
        match RangeRead::begin(feed, log, clear.at..end, entries, bytes) {
            Some((read, scan)) => self.outbox.scan_blocks(Job::ClearRead { clear, read }, scan),
            None => self.answered(Event::Cleared { request, feed, start, end }),
        }
    }

    /// Blocks that are to leave were read: then their nodes, then they leave.
    pub(super) fn on_clear_read(&mut self, clear: Clear, mut read: RangeRead, answer: Answer) {
        let range = match answer {
            Answer::Entries(entries) => match read.take_blocks(entries) {
                Ok(keys) => return self.outbox.read(Job::ClearRead { clear, read }, keys),
                Err(failure) => Err(failure),
            },
            Answer::Values(values) => read.take_nodes(values),
            Answer::Failed(failure) => Err(failure),
            Answer::Durable => return,
        };
        if self.is_outdated(&read) && range.is_err() {
            return self.continue_clear(clear);
        }
        let range = match range {
            Ok(range) => range,
            Err(failure) => return self.fail_request(clear.request, failure),
        };
        let log = self.feeds.get_mut(clear.feed).filter(|log| log.status != FeedStatus::Removing);
        let Some(log) = log else {
            return self.answered(Event::Canceled { request: clear.request });
        };
        let writes = log.clear(clear.feed, range.start, &range.blocks);
        let clear = Clear { at: range.end(), ..clear };
        self.outbox.commit(Job::Clear { clear }, writes);
        self.wake_hypercore_sessions(clear.feed);
    }
}
