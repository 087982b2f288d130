//! Ranges of the peer, and ranges for the peer.
//!
//! Rule: a range is verified completely before any of it is staged, and uses the receive window
//! until it is durable.

use bytes::Bytes;

use super::{Session, length_of};
use crate::error::{CloseReason, Violation};
use crate::feed::read::RangeRead;
use crate::feed::{Feed, Range};
use crate::id::FeedId;
use crate::io::{Event, Refusal};
use crate::outbox::{BlockPurpose, CommitJob};
use crate::replicate::context::Context;
use crate::replicate::peer_feed::PeerFeed;
use crate::replicate::push::UNREQUESTED_RANGE_BYTES_MAX;
use crate::replicate::range::{self, TooLarge};
use crate::replicate::uploads::Ready;
use crate::wire::multifeed::{FeedRef, Reject};

/// What became of a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Disposition {
    /// It is on its way to the store and uses the receive window.
    Staged,
    Dropped,
}

impl Session {
    pub(super) fn on_range(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let bytes = body.len() as u64;
        self.downloads.use_window(bytes)?;
        let (feed_ref, range) = range::decode(body, context.limits)?;
        let feed = self.feed_of_range(context, feed_ref)?;
        self.downloads.on_range(context.now);
        let disposition = match (feed, range) {
            (Some(feed), Ok(range)) => self.store_range(context, feed, feed_ref, &range, bytes)?,
            (Some(feed), Err(TooLarge)) => {
                self.on_too_large(context, feed, feed_ref);
                Disposition::Dropped
            }
            (None, _) => Disposition::Dropped,
        };
        if disposition == Disposition::Dropped {
            self.downloads.return_window(bytes);
        }
        Ok(())
    }

    /// The feed of a range. The range may be pushed while its feed is still a queued offer.
    fn feed_of_range(
        &mut self,
        context: &mut Context<'_>,
        feed_ref: FeedRef,
    ) -> Result<Option<FeedId>, Violation> {
        let found = self.resolve(context.feeds, feed_ref)?;
        if found.is_some() || !self.is_queued(feed_ref) {
            return Ok(found);
        }
        self.open_queued_offers(context);
        if self.is_queued(feed_ref) {
            // There are too many candidates, and the feed is requested in its turn.
            self.announcements.reject(feed_ref.turned(), Reject::Duplicate);
        }
        self.resolve(context.feeds, feed_ref)
    }

    fn is_queued(&self, feed_ref: FeedRef) -> bool {
        matches!(feed_ref, FeedRef::Sender(number) if self.offers.is_queued(number))
    }

    fn store_range(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        feed_ref: FeedRef,
        range: &Range<&[u8]>,
        bytes: u64,
    ) -> Result<Disposition, CloseReason> {
        if self.on_refetched_range(context, id, range, bytes) {
            return Ok(Disposition::Staged);
        }
        let feed = context.feeds.get(id).filter(|feed| feed.is_accepted());
        let Some(feed) = feed else {
            // We may take the feed again before the peer learns that we did not.
            self.announcements.reject(feed_ref.turned(), Reject::Duplicate);
            return Ok(Disposition::Dropped);
        };
        let is_duplicate = range.end() <= feed.staged_length();
        let (length, staged_length) = (feed.length(), feed.staged_length());
        let staging = match context.feeds.accept(id, range, context.limits, context.memo) {
            Err(Violation::BadSignature) if staged_length > 0 => {
                self.contest(context, id, feed_ref, length)?;
                return Ok(Disposition::Dropped);
            }
            result => result?,
        };
        let Some(feed) = context.feeds.get(id) else { return Ok(Disposition::Dropped) };
        let (length, staged_length) = (feed.length(), feed.staged_length());
        let is_offered = self.peer_feeds.update(id, length, |peer_feed| {
            peer_feed.raise_remote_length(range.end());
            peer_feed.offers(staged_length)
        });
        let mut disposition = Disposition::Dropped;
        if let Some(staging) = staging {
            let (connection, end) = (self.connection, staging.end);
            let changes_max = context.limits.known_changes;
            let note = context.sets.known.note((id, feed), staging.start, changes_max);
            let writes = staging.writes.into_iter().chain(note).collect();
            context.outbox.commit(CommitJob::Extend { connection, feed: id, end, bytes }, writes);
            self.downloads.on_useful_range();
            disposition = Disposition::Staged;
        }
        let was_requested = self.downloads.continue_request(
            context.assignments,
            id,
            staged_length,
            is_offered,
            context.now,
        );
        if !was_requested && is_duplicate {
            self.announcements.reject(feed_ref.turned(), Reject::Duplicate);
        }
        Ok(disposition)
    }

    /// A range has a block, or a number of blocks, that we do not accept. The peer's version does
    /// not know what we accept: the feed ends here for this peer, and the other feeds go on.
    fn on_too_large(&mut self, context: &mut Context<'_>, id: FeedId, feed_ref: FeedRef) {
        let length = length_of(context.feeds, id);
        self.checkpoint.set_diverged();
        self.peer_feeds.update(id, length, PeerFeed::set_remote_too_large);
        self.downloads.release(context.assignments, id);
        self.return_credit(id, length);
        let reject =
            if self.peer_limits.are_stated() { Reject::TooLarge } else { Reject::Declined };
        self.announcements.reject(feed_ref.turned(), reject);
        self.report_too_large(context, id);
    }

    /// Tells the peer and the application that the next block of a feed is too large for the peer.
    fn withhold_too_large(&mut self, context: &mut Context<'_>, feed: FeedId) {
        self.withhold_as(feed, length_of(context.feeds, feed), Reject::TooLarge);
        self.report_too_large(context, feed);
    }

    fn report_too_large(&self, context: &mut Context<'_>, feed: FeedId) {
        let (connection, refusal) = (self.connection, Refusal::BlockTooLarge);
        context.report(feed, |key| Event::Refused { connection, feed, key, refusal });
    }

    /// A range contradicts our blocks. Either the peer forged it, or the author signed two
    /// histories and the peer received the other one: the range alone does not show which. The feed
    /// keeps our history and is not exchanged with this peer any more. Only a peer that contests
    /// many feeds is disconnected.
    fn contest(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        feed_ref: FeedRef,
        length: u64,
    ) -> Result<(), CloseReason> {
        self.forks.on_contested()?;
        self.peer_feeds.update(id, length, PeerFeed::contest);
        self.downloads.release(context.assignments, id);
        self.announcements.reject(feed_ref.turned(), Reject::Declined);
        self.forks.send_head(id);
        let connection = self.connection;
        context.report(id, |key| Event::Contested { connection, feed: id, key });
        Ok(())
    }

    /// Pushes what follows on the `start` blocks of a feed that the peer holds, if there is
    /// anything.
    pub(super) fn push(&mut self, context: &Context<'_>, feed: FeedId, start: u64) {
        let log = context.feeds.get(feed);
        let log = log.filter(|log| log.is_accepted() && log.broken().is_none());
        let is_lacking = log.is_some_and(|log| start < log.length() && !log.is_cleared(start));
        let is_open = self.peer_feeds.get(feed).is_some_and(PeerFeed::accepts_push);
        let is_allowed = self.uploads.has_push_credit() && !self.reconciliation.is_over();
        if is_lacking && is_open && is_allowed {
            self.uploads.push(feed, start);
        }
    }

    /// Begins to read ranges for the peer, as far as there is room.
    pub(crate) fn read_ahead(&mut self, context: &mut Context<'_>) {
        while let Some((id, start)) = self.uploads.next_read(context.limits) {
            let limits = context.limits;
            let is_given = |feed: &&Feed| feed.is_accepted() || feed.has_shared_prefix();
            let feed = context.feeds.get(id).filter(is_given);
            let bytes_max = self.uploads.read_bytes(id, limits.range_bytes);
            let feed = feed.filter(|_| bytes_max > 0);
            let read = feed.and_then(|feed| {
                let blocks = start..self.peer_limits.end_of(id, start, feed.shared_length());
                let blocks_max = self.peer_limits.range_blocks(limits);
                RangeRead::begin(id, feed, blocks, blocks_max, bytes_max)
            });
            let Some((read, scan)) = read else {
                let is_push = self.uploads.is_push(id);
                self.uploads.fail_read(id);
                if feed.is_some() && self.peer_limits.is_too_large(id, start) {
                    // What the peer did not want is not refused: the peer may still want it.
                    if !is_push {
                        self.withhold_too_large(context, id);
                    }
                    continue;
                }
                if let Some(feed) = feed.filter(|feed| feed.is_cleared(start)) {
                    self.withhold(id, feed.shared_length());
                }
                continue;
            };
            let connection = self.connection;
            context.outbox.scan_blocks(BlockPurpose::Serve { connection }, read, scan);
        }
        self.read_refetches(context);
    }

    /// The feed changed during the read: reads the range again.
    pub(crate) fn retry_serve(&mut self, id: FeedId) {
        self.uploads.retry_read(id);
    }

    /// A range was read for the peer.
    pub(crate) fn serve_range(&mut self, id: FeedId, range: &Range<Bytes>, length: u64) {
        let peer_feed = self.peer_feeds.get(id).filter(|peer_feed| peer_feed.is_open());
        let Some(feed_ref) = peer_feed.and_then(PeerFeed::feed_ref) else {
            if peer_feed.is_some() {
                // Its aliases became invalid meanwhile: it is announced with a new one.
                self.announce_instead(id, length);
            }
            return self.uploads.fail_read(id);
        };
        if let Some(found) = self.peer_limits.find_too_large(&range.blocks) {
            // The range is read again up to this block.
            self.peer_limits.set_too_large(id, range.start + found);
            return self.uploads.retry_read(id);
        }
        let is_wanted = peer_feed.is_some_and(PeerFeed::is_wanted);
        let body = range::encode(feed_ref, range);
        let is_push = self.uploads.is_push(id);
        if is_push {
            let block_bytes: usize = range.blocks.iter().map(Bytes::len).sum();
            if !self.uploads.use_push_credit(block_bytes as u64, body.len() as u64) {
                return self.uploads.fail_read(id);
            }
        }
        if !is_wanted && body.len() > UNREQUESTED_RANGE_BYTES_MAX {
            // The peer makes room for a range of this length when it wants it.
            self.announce_instead(id, length);
            return self.uploads.fail_read(id);
        }
        // The range is on its way: the next blocks of the feed follow on it.
        self.peer_feeds.update(id, length, |peer_feed| {
            if is_push {
                peer_feed.on_range_pushed(range.end());
            } else {
                peer_feed.on_range_sent(range.end());
            }
        });
        self.uploads.finish_read(range.start, Ready::new(id, range.end(), body), length);
    }

    /// Announces a feed whose range cannot be sent.
    fn announce_instead(&mut self, feed: FeedId, length: u64) {
        self.peer_feeds.update(feed, length, PeerFeed::stop_appends);
        self.announcements.announce(feed);
    }

    /// A range could not be read for the peer.
    pub(crate) fn fail_serve(&mut self, id: FeedId, length: u64) {
        self.uploads.fail_read(id);
        self.withhold(id, length);
    }
}
