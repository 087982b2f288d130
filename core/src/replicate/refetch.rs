//! Blocks asked for again: what one side held once, cleared or lost, and the other still has.
//!
//! Rule: one run of a feed at a time, each way, and one range for an answer; a range that was not
//! asked for again is never taken for one that was.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::Range as Run;

use bytes::Bytes;

use super::compose::{ENTRIES_MAX, Frame};
use super::range::encode;
use super::serve::Ready;
use super::session::{Context, Session, feed_ref};
use crate::error::{CloseReason, Limit, Violation};
use crate::feed::Range;
use crate::feed::read::RangeRead;
use crate::feed::tree::LENGTH_MAX;
use crate::id::FeedId;
use crate::outbox::{BlockPurpose, ReadJob};
use crate::wire::multifeed::{Kind, RefetchEntry, Reject, put};

/// What one peer and we ask each other for again.
#[derive(Debug, Default)]
pub(super) struct Refetch {
    /// What we ask for, by feed.
    asked: BTreeMap<FeedId, Run<u64>>,
    /// Of these, what was not said yet.
    unsaid: Vec<FeedId>,
    /// Feeds of which the peer gave nothing of use.
    missed: Vec<FeedId>,
    /// What the peer asks for, by feed, and in which order.
    wanted: BTreeMap<FeedId, Run<u64>>,
    queue: VecDeque<FeedId>,
    /// Runs being read for the peer.
    reading: usize,
}

impl Refetch {
    /// Nothing is asked for, either way.
    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.wanted.is_empty() && self.reading == 0
    }

    /// The peer will not give what it was asked for.
    pub(super) fn on_unavailable(&mut self, feed: FeedId) {
        if self.asked.remove(&feed).is_some() {
            self.unsaid.retain(|unsaid| *unsaid != feed);
            self.missed.push(feed);
        }
    }
}

impl Session {
    /// Whether the peer can be asked for blocks up to `end` again.
    pub(crate) fn can_refetch(&self, feed: FeedId, end: u64) -> bool {
        // Nothing is asked for beyond our own length, and so much it holds of what it holds alike.
        // What it may have refused, it will refuse to give.
        let is_unnamed = self.edges.get(feed).is_none() && self.reconciliation.is_agreed();
        let offers = self.offers_of(feed, end).is_some_and(|offer| offer >= end);
        (offers || is_unnamed) && !self.again.asked.contains_key(&feed)
    }

    /// Asks the peer for blocks again, of a feed of which we hold `length`.
    pub(crate) fn request_refetch(&mut self, feed: FeedId, length: u64, run: Run<u64>) {
        self.record_equal_length(feed, length);
        if self.edges.get(feed).and_then(feed_ref).is_none() {
            // It has no name yet, and gets one when it is announced.
            self.changed.insert(feed);
        }
        self.again.asked.insert(feed, run);
        self.again.unsaid.push(feed);
    }

    /// Asks for them no more; what comes of them is no use.
    pub(crate) fn cancel_refetch(&mut self, feed: FeedId) {
        self.again.on_unavailable(feed);
        self.again.missed.retain(|missed| *missed != feed);
    }

    /// Feeds of which the peer did not give what it was asked for again.
    pub(crate) fn take_unavailable(&mut self) -> Vec<FeedId> {
        core::mem::take(&mut self.again.missed)
    }

    pub(super) fn write_refetches(&mut self, frame: &mut Frame<'_>) {
        let mut body = Vec::new();
        let now = self.again.unsaid.len().min(ENTRIES_MAX);
        let later = self.again.unsaid.split_off(now);
        for feed in core::mem::replace(&mut self.again.unsaid, later) {
            let name = self.edges.get(feed).and_then(feed_ref);
            match (name, self.again.asked.get(&feed)) {
                (Some(name), Some(run)) => {
                    put(&mut body, &RefetchEntry { name, start: run.start, end: run.end });
                }
                (None, Some(_)) => self.again.unsaid.push(feed),
                _ => (),
            }
        }
        if !body.is_empty() {
            self.has_requested = true;
            frame.push(Kind::Refetch, &body);
        }
    }

    /// Holds a range that was asked for again against what we know of its feed. `false`: it was
    /// not asked for again.
    pub(super) fn on_refetched_range(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        range: &Range<&[u8]>,
        bytes: u64,
    ) -> bool {
        let run = self.again.asked.get(&id);
        if !run.is_some_and(|run| run.start == range.start && range.end() <= run.end) {
            return false;
        }
        self.again.asked.remove(&id);
        let blocks = range.blocks.iter().map(|block| Bytes::copy_from_slice(block)).collect();
        let feed = context.feeds.get(id).filter(|feed| feed.is_accepted());
        let read = feed.and_then(|feed| RangeRead::of_blocks(id, feed, range.start, blocks));
        let Some((read, keys)) = read else {
            self.again.missed.push(id);
            return false;
        };
        let connection = self.connection;
        context.outbox.read(ReadJob::VerifyRefetched { connection, bytes, read }, keys);
        true
    }

    /// The peer wants blocks again.
    pub(super) fn on_refetch(
        &mut self,
        context: &mut Context<'_>,
        entry: RefetchEntry,
    ) -> Result<(), CloseReason> {
        if entry.start >= entry.end || entry.end > LENGTH_MAX {
            return Err(Violation::OutOfRange.into());
        }
        let Some(id) = self.resolve(context.feeds, entry.name)? else { return Ok(()) };
        if self.again.wanted.len() >= context.limits.serves {
            return Err(Limit::Serves.into());
        }
        if self.again.wanted.insert(id, entry.start..entry.end).is_none() {
            self.again.queue.push_back(id);
        }
        Ok(())
    }

    /// Begins to read what the peer wants again, as far as there is room.
    pub(super) fn read_refetches(&mut self, context: &mut Context<'_>) {
        let limits = context.limits;
        while !self.again.queue.is_empty() && self.serving.begin_read(limits) {
            let Some(id) = self.again.queue.pop_front() else { break };
            let run = self.again.wanted.remove(&id).unwrap_or_default();
            let is_open = self.edges.get(id).is_some_and(|edge| edge.is_open());
            let feed = context.feeds.get(id).filter(|feed| feed.is_accepted() && is_open);
            let read = feed.and_then(|feed| {
                RangeRead::begin(id, feed, run, limits.range_blocks, limits.range_bytes)
            });
            let Some((read, scan)) = read else {
                self.serving.end_read(None);
                self.reject_refetch(id);
                continue;
            };
            self.again.reading += 1;
            let purpose = BlockPurpose::ServeRefetch { connection: self.connection };
            context.outbox.scan_blocks(purpose, read, scan);
        }
    }

    /// What the peer wants again was read, or could not be.
    pub(crate) fn serve_refetch(&mut self, id: FeedId, range: Option<&Range<Bytes>>) {
        self.again.reading -= 1;
        let edge = self.edges.get(id).filter(|edge| edge.is_open());
        let (Some(name), Some(range)) = (edge.and_then(feed_ref), range) else {
            self.serving.end_read(None);
            return self.reject_refetch(id);
        };
        let body = encode(name, range);
        self.serving.end_read(Some(Ready { feed: id, end: range.end(), body }));
    }

    fn reject_refetch(&mut self, id: FeedId) {
        if let Some(name) = self.edges.get(id).and_then(feed_ref) {
            self.nos.insert((name, Reject::Gone));
        }
    }
}
