//! Requests for blocks that were cleared or lost, in both directions.
//!
//! Rule: a range that was not re-requested is never handled as the answer to a refetch.

use alloc::vec::Vec;
use core::ops::Range as Run;

use bytes::Bytes;

use super::Session;
use crate::error::{CloseReason, Violation};
use crate::feed::Range;
use crate::feed::read::RangeRead;
use crate::feed::tree::LENGTH_MAX;
use crate::id::FeedId;
use crate::outbox::{BlockPurpose, ReadJob};
use crate::replicate::context::Context;
use crate::replicate::frame::{ENTRIES_MAX, Frame};
use crate::replicate::peer_feed::PeerFeed;
use crate::replicate::range::encode;
use crate::replicate::uploads::Ready;
use crate::wire::multifeed::{Kind, RefetchEntry, Reject, put};

impl Session {
    /// Whether blocks up to `end` can be re-requested from the peer.
    pub(crate) fn can_refetch(&self, feed: FeedId, end: u64) -> bool {
        // We only ask below our own length, and a peer with an agreed set holds at least that much.
        // If it had refused the feed, it answers with a reject.
        let is_unnamed = !self.peer_feeds.contains(feed) && self.reconciliation.is_agreed();
        let is_offered = self.offers_of(feed, end).is_some_and(|offer| offer >= end);
        (is_offered || is_unnamed) && !self.refetch.is_requested(feed)
    }

    /// Re-requests blocks of a feed that has `length` blocks here.
    pub(crate) fn request_refetch(&mut self, feed: FeedId, length: u64, run: Run<u64>) {
        self.record_equal_length(feed, length);
        if self.peer_feeds.feed_ref(feed).is_none() {
            // It gets an alias when it is announced.
            self.announcements.announce(feed);
        }
        self.refetch.request(feed, run);
    }

    /// Cancels a refetch; its answer is dropped.
    pub(crate) fn cancel_refetch(&mut self, feed: FeedId) {
        self.refetch.cancel(feed);
    }

    /// Feeds whose re-requested blocks the peer did not send.
    pub(crate) fn take_unavailable(&mut self) -> Vec<FeedId> {
        self.refetch.take_unavailable()
    }

    pub(super) fn write_refetches(&mut self, frame: &mut Frame<'_>) {
        let mut body = Vec::new();
        for feed in self.refetch.take_unsent(ENTRIES_MAX) {
            match (self.peer_feeds.feed_ref(feed), self.refetch.requested_run(feed)) {
                (Some(name), Some(run)) => {
                    put(&mut body, &RefetchEntry { name, start: run.start, end: run.end });
                }
                (None, Some(_)) => self.refetch.send_later(feed),
                _ => (),
            }
        }
        if !body.is_empty() {
            self.downloads.set_has_requested();
            frame.push(Kind::Refetch, &body);
        }
    }

    /// Begins to verify a range that was re-requested. `false`: it was not.
    pub(super) fn on_refetched_range(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        range: &Range<&[u8]>,
        bytes: u64,
    ) -> bool {
        if !self.refetch.finish(id, &(range.start..range.end())) {
            return false;
        }
        let blocks = range.blocks.iter().map(|block| Bytes::copy_from_slice(block)).collect();
        let feed = context.feeds.get(id).filter(|feed| feed.is_accepted());
        let read = feed.and_then(|feed| RangeRead::of_blocks(id, feed, range.start, blocks));
        let Some((read, keys)) = read else {
            self.refetch.on_useless(id);
            return false;
        };
        let connection = self.connection;
        context.outbox.read(ReadJob::VerifyRefetched { connection, bytes, read }, keys);
        true
    }

    /// The peer re-requests blocks.
    pub(super) fn on_refetch(
        &mut self,
        context: &mut Context<'_>,
        entry: RefetchEntry,
    ) -> Result<(), CloseReason> {
        if entry.start >= entry.end || entry.end > LENGTH_MAX {
            return Err(Violation::OutOfRange.into());
        }
        let Some(id) = self.resolve(context.feeds, entry.name)? else { return Ok(()) };
        self.refetch.want(id, entry.start..entry.end, context.limits.serves)?;
        Ok(())
    }

    /// Begins to read the blocks that the peer re-requests, as far as there is room.
    pub(super) fn read_refetches(&mut self, context: &mut Context<'_>) {
        let limits = context.limits;
        while self.refetch.has_wanted() && self.uploads.begin_refetch(limits) {
            let Some((id, run)) = self.refetch.pop_wanted() else { break };
            let is_open = self.peer_feeds.get(id).is_some_and(PeerFeed::is_open);
            let feed = context.feeds.get(id).filter(|feed| feed.is_accepted() && is_open);
            let read = feed.and_then(|feed| {
                let blocks_max = self.peer_limits.range_blocks(limits);
                RangeRead::begin(id, feed, run, blocks_max, limits.range_bytes)
            });
            let Some((read, scan)) = read else {
                self.uploads.end_refetch(None);
                self.reject_refetch(id);
                continue;
            };
            self.refetch.begin_read();
            let purpose = BlockPurpose::ServeRefetch { connection: self.connection };
            context.outbox.scan_blocks(purpose, read, scan);
        }
    }

    /// The blocks that the peer re-requests were read, or could not be read.
    pub(crate) fn serve_refetch(&mut self, id: FeedId, range: Option<&Range<Bytes>>) {
        self.refetch.end_read();
        let peer_feed = self.peer_feeds.get(id).filter(|peer_feed| peer_feed.is_open());
        let accepted =
            |range: &&Range<Bytes>| self.peer_limits.find_too_large(&range.blocks).is_none();
        let range = range.filter(accepted);
        let (Some(feed_ref), Some(range)) = (peer_feed.and_then(PeerFeed::feed_ref), range) else {
            self.uploads.end_refetch(None);
            return self.reject_refetch(id);
        };
        let body = encode(feed_ref, range);
        self.uploads.end_refetch(Some(Ready::new(id, range.end(), body)));
    }

    fn reject_refetch(&mut self, id: FeedId) {
        if let Some(feed_ref) = self.peer_feeds.feed_ref(id) {
            self.announcements.reject(feed_ref, Reject::Gone);
        }
    }
}
