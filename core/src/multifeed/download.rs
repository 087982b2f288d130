//! Downloads of blocks that were cleared or are damaged.
//!
//! Rule: blocks of a peer are verified against the roots in memory before they are stored, so no
//! peer can change what is held. A peer whose blocks do not verify is not asked again.

use core::ops::Range;

use super::Multifeed;
use super::downloads::Download;
use crate::error::{Misuse, StoreFailure};
use crate::feed::read::RangeRead;
use crate::feed::{self, FeedStatus};
use crate::id::{ConnectionId, FeedId, FeedSelector, RequestId};
use crate::io::Event;
use crate::outbox::{BlockPurpose, CommitJob};
use crate::replicate::Session;
use crate::step::Step;
use crate::time::Instant;

/// Two blocks under one node: their proof needs no other block.
const PAIR: u64 = 2;

impl Multifeed {
    /// Requests blocks of a feed from peers again that were cleared, or that are damaged on the
    /// disk. [`Event::Restored`](crate::Event::Restored) reports each restored run; the request is
    /// answered by [`Event::Downloaded`](crate::Event::Downloaded) when every block can be read. If
    /// no connected peer can give them, it waits for one that can. It ends with the process, and
    /// [`cancel`](Self::cancel) cancels it.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] if a block is not below the feed's durable length or the range is
    /// empty; [`Misuse::FeedRemoved`] if the feed is refused; [`Misuse::Downloading`] if too
    /// many downloads of the feed are open; [`Misuse::UnknownFeed`], [`Misuse::FeedBroken`],
    /// [`Misuse::FeedForked`], [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn download(
        &mut self,
        feed: impl Into<FeedSelector>,
        blocks: Range<u64>,
    ) -> Result<RequestId, Misuse> {
        let feed = self.resolve(feed)?;
        self.record_step(|| {
            let Range { start, end } = blocks;
            Step::Download { feed: feed.into(), start, end }
        });
        let log = self.check_change(feed, &blocks)?;
        if log.is_forked() {
            return Err(Misuse::FeedForked);
        }
        if log.status != FeedStatus::Accepted {
            return Err(Misuse::FeedRemoved);
        }
        if self.downloads.count(feed) >= self.limits.downloads {
            return Err(Misuse::Downloading);
        }
        let request = self.requests.begin();
        self.downloads.push(feed, Download::new(request, blocks, self.limits.range_blocks));
        self.advance_download(feed);
        Ok(request)
    }

    /// Cancels a [`download`](Self::download) or a [`get`](Self::get). Answered at once by
    /// [`Event::Canceled`](crate::Event::Canceled).
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownRequest`] if no such request is open.
    pub fn cancel(&mut self, request: RequestId) -> Result<(), Misuse> {
        self.record_step(|| Step::Cancel { request: request.0 });
        if self.cancel_get(request) {
            return Ok(());
        }
        let (feed, download) = self.downloads.remove(request).ok_or(Misuse::UnknownRequest)?;
        self.cancel_refetch(feed, &download);
        self.answer_request(Event::Canceled { request });
        self.advance_download(feed);
        Ok(())
    }

    /// Cancels the downloads of a feed that is being removed or has forked.
    pub(super) fn cancel_downloads(&mut self, feed: FeedId) {
        for download in self.downloads.take_all(feed) {
            self.cancel_refetch(feed, &download);
            self.answer_request(Event::Canceled { request: download.request() });
        }
    }

    /// Fails the downloads of a feed under which the store failed.
    pub(super) fn fail_downloads(&mut self, feed: FeedId, failure: StoreFailure) {
        for download in self.downloads.take_all(feed) {
            self.cancel_refetch(feed, &download);
            self.fail_request(download.request(), failure);
        }
    }

    fn cancel_refetch(&mut self, feed: FeedId, download: &Download) {
        if let Some(session) = download.source().and_then(|source| self.session(source)) {
            session.cancel_refetch(feed);
        }
    }

    /// Does the next step of the first download of a feed.
    fn advance_download(&mut self, feed: FeedId) {
        loop {
            let Some(log) = self.feeds.get(feed) else { return };
            // A run that a canceled download restored may not be durable yet.
            let is_restoring = log.is_restoring();
            let Some(first) = self.downloads.first(feed) else { return };
            if !first.is_ready() || is_restoring {
                return;
            }
            if !first.remaining().is_empty() {
                break;
            }
            let (request, Range { start, end }) = (first.request(), first.blocks());
            self.downloads.pop_first(feed);
            self.answer(request, feed, |key| Event::Downloaded { request, feed, key, start, end });
        }
        self.check_blocks(feed);
    }

    /// Requests the next blocks if they are cleared; otherwise reads them, to see whether they are
    /// damaged.
    fn check_blocks(&mut self, feed: FeedId) {
        let Some(log) = self.feeds.get(feed) else { return };
        let Some(first) = self.downloads.first(feed) else { return };
        let Range { start, end } = first.remaining();
        if log.is_cleared(start) {
            let most = end.min(start.saturating_add(self.limits.range_blocks as u64));
            let run = start..log.cleared().boundary(start, most);
            return self.request_run(feed, run);
        }
        let bytes = self.limits.read_bytes;
        let read = RangeRead::begin(feed, log, start..end, first.span(), bytes);
        if let Some((read, scan)) = read {
            first.begin_check();
            self.outbox.scan_blocks(BlockPurpose::Check, read, scan);
        }
    }

    /// Blocks were read, to see whether they are damaged.
    pub(super) fn on_blocks_checked(
        &mut self,
        read: &RangeRead,
        range: Result<feed::Range<bytes::Bytes>, StoreFailure>,
    ) {
        let feed = read.feed();
        let is_outdated = self.is_outdated(read);
        let span_max = self.limits.range_blocks;
        let length = self.length(feed);
        let first = self.downloads.first(feed);
        let Some(first) = first.filter(|first| first.is_checking()) else { return };
        match range {
            Ok(range) => first.on_intact(range.end(), span_max),
            Err(_) if is_outdated => first.repeat_check(),
            Err(_) if first.narrow(span_max) => (),
            Err(_) => {
                let next = first.remaining().start;
                let start = next - next % PAIR;
                return self.request_run(feed, start..length.min(start + PAIR));
            }
        }
        self.advance_download(feed);
    }

    fn request_run(&mut self, feed: FeedId, run: Range<u64>) {
        let Some(first) = self.downloads.first(feed) else { return };
        first.begin_run(run);
        self.request_from_next(feed);
    }

    /// Requests the run from the next peer that may have it.
    fn request_from_next(&mut self, feed: FeedId) {
        let (now, length) = (self.now, self.length(feed));
        let first = self.downloads.first(feed).filter(|first| first.is_waiting());
        let Some(first) = first else { return };
        let run = first.run().clone();
        let mut peers = self.connections.iter().filter(|(id, _)| first.may_ask(**id));
        let can_give = |session: &Session| session.can_refetch(feed, run.end);
        let found = peers.find(|(_, peer)| peer.session().is_some_and(can_give));
        let Some(id) = found.map(|(id, _)| *id) else { return };
        first.assign(id, now);
        if let Some(session) = self.session(id) {
            session.request_refetch(feed, length, run);
        }
        self.wake(id);
    }

    /// A peer does not give the run that it was asked for: the next peer is asked.
    pub(super) fn on_unavailable(&mut self, feed: FeedId, connection: ConnectionId) {
        let first = self.downloads.first(feed);
        if first.is_some_and(|first| first.on_source_failed(connection)) {
            self.request_from_next(feed);
        }
    }

    /// A peer sent something: it may now have a run that a download waits for.
    pub(super) fn continue_downloads(&mut self) {
        self.downloads.waiting().into_iter().for_each(|feed| self.request_from_next(feed));
    }

    /// A connection has ended, and with it the requests that it had.
    pub(super) fn on_download_source_lost(&mut self, connection: ConnectionId) {
        for feed in self.downloads.feeds() {
            self.on_unavailable(feed, connection);
            self.downloads.forget_peer(feed, connection);
        }
    }

    /// When the first overdue peer is to be replaced.
    pub(super) fn download_deadline(&self) -> Option<Instant> {
        let wait = self.timing.request?;
        self.downloads.requested_since().map(|since| since + wait)
    }

    /// Replaces the peers that did not answer in time.
    pub(super) fn reassign_downloads(&mut self) {
        let Some(wait) = self.timing.request else { return };
        for (feed, connection) in self.downloads.overdue(self.now, wait) {
            if let Some(session) = self.session(connection) {
                session.cancel_refetch(feed);
            }
            self.on_unavailable(feed, connection);
        }
    }

    /// The nodes were read against which a peer's blocks are verified. The blocks use `bytes` of
    /// the peer's window.
    pub(super) fn on_refetched(
        &mut self,
        connection: ConnectionId,
        bytes: u64,
        read: &RangeRead,
        range: Result<feed::Range<bytes::Bytes>, StoreFailure>,
    ) {
        let feed = read.feed();
        let is_outdated = self.is_outdated(read);
        let first = self.downloads.first(feed);
        // It may have been canceled, or requested from another peer.
        let first = first.filter(|first| {
            first.source() == Some(connection) && first.run().start == read.start()
        });
        let log = self.feeds.get_mut(feed).filter(|log| log.is_accepted() && !log.is_restoring());
        match (range, first, log) {
            (Ok(range), Some(first), Some(log)) => {
                first.begin_restore();
                let blocks = range.start..range.end();
                let writes = log.restore(feed, range.start, &range.blocks);
                let job = CommitJob::Restore { connection, bytes, feed, blocks };
                return self.outbox.commit(job, writes);
            }
            (Err(_), Some(first), _) => {
                if !is_outdated {
                    first.distrust(connection);
                }
                first.on_unverified();
                self.request_from_next(feed);
            }
            _ => self.on_unavailable(feed, connection),
        }
        self.return_window(connection, bytes);
    }

    /// Blocks that a peer refetches were read, or could not be: the peer gets them or a reject.
    pub(super) fn on_refetch_read(
        &mut self,
        connection: ConnectionId,
        read: &RangeRead,
        range: Result<feed::Range<bytes::Bytes>, StoreFailure>,
    ) {
        let feed = read.feed();
        if let Some(session) = self.session(connection) {
            session.serve_refetch(feed, range.as_ref().ok());
            self.after_change(connection);
        }
        if let Err(failure) = range
            && !self.is_outdated(read)
        {
            self.report_broken(feed, failure);
        }
    }

    /// Restored blocks are durable.
    pub(super) fn on_restored(&mut self, feed: FeedId, blocks: Range<u64>) {
        let Some(log) = self.feeds.get_mut(feed) else { return };
        log.on_restored();
        if log.status == FeedStatus::Removing {
            return;
        }
        let (key, Range { start, end }) = (log.key, blocks);
        self.outbox.event(Event::Restored { feed, key, start, end });
        self.wake_hypercore_sessions(feed);
        if let Some(first) = self.downloads.first(feed) {
            first.on_restored(end);
        }
        self.advance_download(feed);
    }
}
