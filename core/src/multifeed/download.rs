//! Blocks that were cleared or damaged, and are to be held again.
//!
//! Rule: what a peer gives again is held against the roots that are in memory before it is stored,
//! so no peer can change what was held; one whose blocks do not fit is not asked any more.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;

use super::Multifeed;
use crate::error::{Misuse, StoreFailure};
use crate::feed::FeedStatus;
use crate::feed::read::RangeRead;
use crate::id::{ConnectionId, FeedId, RequestId};
use crate::io::{Answer, Event};
use crate::outbox::Job;
use crate::record::Step;
use crate::time::Instant;

/// Downloads of each feed, the first of which is under way.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    by_feed: BTreeMap<FeedId, VecDeque<Download>>,
}

impl Downloads {
    /// Whether blocks of a feed are to be downloaded.
    pub(super) fn is_busy(&self, feed: FeedId) -> bool {
        self.by_feed.contains_key(&feed)
    }

    fn first(&mut self, feed: FeedId) -> Option<&mut Download> {
        self.by_feed.get_mut(&feed)?.front_mut()
    }
}

/// One download.
#[derive(Debug)]
struct Download {
    request: RequestId,
    start: u64,
    end: u64,
    /// All before this is here.
    at: u64,
    /// How many blocks are looked at together: fewer where one of them is damaged.
    span: usize,
    /// The run that is asked for, if one is.
    run: Range<u64>,
    state: State,
    /// Who was asked for the run and gave nothing of use.
    tried: BTreeSet<ConnectionId>,
    /// Who gave blocks that do not fit.
    distrusted: BTreeSet<ConnectionId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The next blocks have not been looked at.
    Begun,
    /// They are being looked at.
    Checking,
    /// Nobody is left who could be asked.
    Waiting,
    /// A peer was asked, at a time.
    FetchState(ConnectionId, Instant),
    /// What it gave is being verified and stored.
    Filling,
}

/// Two blocks under one node: their proof needs no other block.
const PAIR: u64 = 2;

impl Multifeed {
    /// Asks peers again for blocks of a feed that were cleared, or that are damaged on the disk.
    /// Each run that is here again is told by [`Event::Restored`](crate::Event::Restored); the
    /// request is answered by [`Event::Downloaded`](crate::Event::Downloaded) when every block can
    /// be read. As long as no connected peer can give them, it waits for one that can; it does not
    /// outlive the process, and [`cancel`](Self::cancel) takes it back.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] if not all of the blocks are below the feed's durable length or none
    /// is named; [`Misuse::FeedRemoved`] if the feed is refused; [`Misuse::Downloading`] if too
    /// many downloads of the feed are open; [`Misuse::UnknownFeed`], [`Misuse::FeedBroken`],
    /// [`Misuse::FeedForked`], [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn download(&mut self, feed: FeedId, blocks: Range<u64>) -> Result<RequestId, Misuse> {
        let Range { start, end } = blocks;
        self.record_step(|| Step::Download { feed: feed.0, start, end });
        let log = self.check_change(feed, &blocks)?;
        if log.is_forked() {
            return Err(Misuse::FeedForked);
        }
        if log.status != FeedStatus::Accepted {
            return Err(Misuse::FeedRemoved);
        }
        let open = self.downloads.by_feed.get(&feed).map_or(0, VecDeque::len);
        if open >= self.limits.downloads {
            return Err(Misuse::Downloading);
        }
        let request = self.request();
        let download = Download {
            request,
            start,
            end,
            at: start,
            span: self.limits.range_blocks,
            run: 0..0,
            state: State::Begun,
            tried: BTreeSet::new(),
            distrusted: BTreeSet::new(),
        };
        self.downloads.by_feed.entry(feed).or_default().push_back(download);
        self.advance_download(feed);
        Ok(request)
    }

    /// Takes a [`download`](Self::download) or a [`get`](Self::get) back. Answered by
    /// [`Event::Canceled`](crate::Event::Canceled), at once.
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownRequest`] if no such request is open.
    pub fn cancel(&mut self, request: RequestId) -> Result<(), Misuse> {
        self.record_step(|| Step::Cancel { request: request.0 });
        if self.cancel_get(request) {
            return Ok(());
        }
        let find = |(feed, open): (&FeedId, &VecDeque<Download>)| {
            let place = open.iter().position(|download| download.request == request)?;
            Some((*feed, place))
        };
        let found = self.downloads.by_feed.iter().find_map(find);
        let (feed, place) = found.ok_or(Misuse::UnknownRequest)?;
        let open = self.downloads.by_feed.get_mut(&feed).ok_or(Misuse::UnknownRequest)?;
        let download = open.remove(place).ok_or(Misuse::UnknownRequest)?;
        let is_over = open.is_empty();
        if is_over {
            self.downloads.by_feed.remove(&feed);
        }
        self.cancel_refetch(feed, &download);
        self.answered(Event::Canceled { request });
        self.advance_download(feed);
        Ok(())
    }

    /// A feed leaves: nothing of it is downloaded any more.
    pub(super) fn cancel_downloads(&mut self, feed: FeedId) {
        for download in self.downloads.by_feed.remove(&feed).unwrap_or_default() {
            self.cancel_refetch(feed, &download);
            self.answered(Event::Canceled { request: download.request });
        }
    }

    /// The store failed under a feed.
    pub(super) fn fail_downloads(&mut self, feed: FeedId, failure: StoreFailure) {
        for download in self.downloads.by_feed.remove(&feed).unwrap_or_default() {
            self.cancel_refetch(feed, &download);
            self.fail_request(download.request, failure);
        }
    }

    fn cancel_refetch(&mut self, feed: FeedId, download: &Download) {
        if let State::FetchState(connection, _) = download.state
            && let Some(session) = self.session(connection)
        {
            session.cancel_refetch(feed);
        }
    }

    /// Does the next thing for the first download of a feed.
    fn advance_download(&mut self, feed: FeedId) {
        loop {
            let Some(log) = self.feeds.get(feed) else { return };
            // A run that another download brought is not durable yet.
            let is_restoring = log.is_restoring();
            let Some(first) = self.downloads.by_feed.get_mut(&feed).and_then(VecDeque::front_mut)
            else {
                return;
            };
            if first.state != State::Begun || is_restoring {
                return;
            }
            if first.at < first.end {
                break;
            }
            let (request, start, end) = (first.request, first.start, first.end);
            self.finish_download(feed);
            self.answered(Event::Downloaded { request, feed, start, end });
        }
        self.check_blocks(feed);
    }

    fn finish_download(&mut self, feed: FeedId) {
        let Some(open) = self.downloads.by_feed.get_mut(&feed) else { return };
        open.pop_front();
        if open.is_empty() {
            self.downloads.by_feed.remove(&feed);
        }
    }

    /// Blocks that are gone are asked for; others are read, to see whether they are damaged.
    fn check_blocks(&mut self, feed: FeedId) {
        let Some(log) = self.feeds.get(feed) else { return };
        let Some(first) = self.downloads.first(feed) else { return };
        if log.is_cleared(first.at) {
            let most = first.end.min(first.at.saturating_add(self.limits.range_blocks as u64));
            let run = first.at..log.cleared().boundary(first.at, most);
            return self.request_run(feed, run);
        }
        let bytes = self.limits.read_bytes;
        let read = RangeRead::begin(feed, log, first.at..first.end, first.span, bytes);
        if let Some((read, scan)) = read {
            first.state = State::Checking;
            self.outbox.scan_blocks(Job::Check { read }, scan);
        }
    }

    /// Blocks were read, to see whether they are damaged.
    pub(super) fn on_blocks_checked(&mut self, mut read: RangeRead, answer: Answer) {
        let feed = read.feed();
        let range = match answer {
            Answer::Entries(entries) => match read.take_blocks(entries) {
                Ok(keys) => return self.outbox.read(Job::Check { read }, keys),
                Err(failure) => Err(failure),
            },
            Answer::Values(values) => read.take_nodes(values),
            Answer::Failed(failure) => return self.fail_downloads(feed, failure),
            Answer::Durable => return,
        };
        let is_outdated = self.is_outdated(&read);
        let span_max = self.limits.range_blocks;
        let length = self.length(feed);
        let first = self.downloads.first(feed);
        let Some(first) = first.filter(|first| first.state == State::Checking) else { return };
        first.state = State::Begun;
        match range {
            Ok(range) => (first.at, first.span) = (first.at.max(range.end()), span_max),
            Err(_) if is_outdated => (),
            Err(_) if first.span > 1 => first.span /= 2,
            Err(_) => {
                let start = first.at - first.at % PAIR;
                first.span = span_max;
                return self.request_run(feed, start..length.min(start + PAIR));
            }
        }
        self.advance_download(feed);
    }

    fn request_run(&mut self, feed: FeedId, run: Range<u64>) {
        let Some(first) = self.downloads.first(feed) else { return };
        (first.run, first.state) = (run, State::Waiting);
        first.tried.clear();
        self.request_from_next(feed);
    }

    /// Asks the next peer that may have the run.
    fn request_from_next(&mut self, feed: FeedId) {
        let (now, length) = (self.now, self.length(feed));
        let first = self.downloads.first(feed).filter(|first| first.state == State::Waiting);
        let Some(first) = first else { return };
        let run = first.run.clone();
        let is_left = |id| !first.tried.contains(id) && !first.distrusted.contains(id);
        let mut peers = self.connections.iter().filter(|(id, _)| is_left(id));
        let can_give = |session: &crate::replicate::Session| session.can_refetch(feed, run.end);
        let found = peers.find(|(_, peer)| peer.session().is_some_and(can_give));
        let Some(id) = found.map(|(id, _)| *id) else { return };
        first.state = State::FetchState(id, now);
        if let Some(session) = self.session(id) {
            session.request_refetch(feed, length, run);
        }
        self.wake(id);
    }

    /// A peer gave nothing of use: another one is asked.
    pub(super) fn missed(&mut self, feed: FeedId, connection: ConnectionId) {
        let Some(first) = self.downloads.first(feed) else { return };
        if matches!(first.state, State::FetchState(asked, _) if asked == connection) {
            first.tried.insert(connection);
            first.state = State::Waiting;
            self.request_from_next(feed);
        }
    }

    /// Something came of a peer: it may have what is waited for.
    pub(super) fn continue_downloads(&mut self) {
        let is_waiting = |open: &VecDeque<Download>| {
            open.front().is_some_and(|first| first.state == State::Waiting)
        };
        let waiting = self.downloads.by_feed.iter().filter(|(_, open)| is_waiting(open));
        let waiting: Vec<FeedId> = waiting.map(|(feed, _)| *feed).collect();
        waiting.into_iter().for_each(|feed| self.request_from_next(feed));
    }

    /// A connection is gone, and with it what it was asked for.
    pub(super) fn on_download_source_lost(&mut self, connection: ConnectionId) {
        let feeds: Vec<FeedId> = self.downloads.by_feed.keys().copied().collect();
        for feed in feeds {
            self.missed(feed, connection);
            if let Some(first) = self.downloads.first(feed) {
                first.tried.remove(&connection);
                first.distrusted.remove(&connection);
            }
        }
    }

    /// When the first peer that was asked has had its time.
    pub(super) fn download_deadline(&self) -> Option<Instant> {
        let wait = self.timing.request?;
        let firsts = self.downloads.by_feed.values().filter_map(VecDeque::front);
        let since = firsts.filter_map(|first| match first.state {
            State::FetchState(_, since) => Some(since),
            _ => None,
        });
        since.min().map(|since| since + wait)
    }

    /// Peers that were asked for too long are asked no more.
    pub(super) fn reassign_downloads(&mut self) {
        let Some(wait) = self.timing.request else { return };
        let firsts = self.downloads.by_feed.iter();
        let firsts = firsts.filter_map(|(feed, open)| Some((*feed, open.front()?.state)));
        let asked = firsts.filter_map(|(feed, state)| match state {
            State::FetchState(connection, since) if self.now >= since + wait => {
                Some((feed, connection))
            }
            _ => None,
        });
        for (feed, connection) in asked.collect::<Vec<_>>() {
            if let Some(session) = self.session(connection) {
                session.cancel_refetch(feed);
            }
            self.missed(feed, connection);
        }
    }

    /// The nodes were read that prove what a peer gave again.
    pub(super) fn fill(
        &mut self,
        connection: ConnectionId,
        bytes: u64,
        read: RangeRead,
        answer: Answer,
    ) {
        let feed = read.feed();
        let range = match answer {
            Answer::Values(values) => read.take_nodes(values),
            Answer::Failed(failure) => Err(failure),
            Answer::Entries(_) | Answer::Durable => return,
        };
        let is_outdated = self.is_outdated(&read);
        let first = self.downloads.first(feed);
        // It may have been taken back, or asked of another.
        let first = first.filter(|first| {
            matches!(first.state, State::FetchState(asked, _) if asked == connection)
                && first.run.start == read.start()
        });
        let log = self.feeds.get_mut(feed).filter(|log| log.is_accepted() && !log.is_restoring());
        match (range, first, log) {
            (Ok(range), Some(first), Some(log)) => {
                first.state = State::Filling;
                let (start, end) = (range.start, range.end());
                let writes = log.restore(feed, start, &range.blocks);
                let job = Job::Restore { connection, bytes, feed, start, end };
                return self.outbox.commit(job, writes);
            }
            (Err(_), Some(first), _) => {
                if !is_outdated {
                    first.distrusted.insert(connection);
                }
                first.state = State::Waiting;
                self.request_from_next(feed);
            }
            _ => self.missed(feed, connection),
        }
        self.free_window(connection, bytes);
    }

    /// Blocks that a peer wants again were read: then their nodes, then they are sent.
    pub(super) fn serve_refetch(
        &mut self,
        connection: ConnectionId,
        mut read: RangeRead,
        answer: Answer,
    ) {
        let feed = read.feed();
        let range = match answer {
            Answer::Entries(entries) => match read.take_blocks(entries) {
                Ok(keys) => {
                    return self.outbox.read(Job::ServeRefetch { connection, read }, keys);
                }
                Err(failure) => Err(failure),
            },
            Answer::Values(values) => read.take_nodes(values),
            Answer::Failed(failure) => Err(failure),
            Answer::Durable => return,
        };
        if let Some(session) = self.session(connection) {
            session.serve_refetch(feed, range.as_ref().ok());
            self.settle(connection);
        }
        if let Err(failure) = range
            && !self.is_outdated(&read)
        {
            self.outbox.event(Event::FeedBroken { feed, failure });
        }
    }

    /// Blocks are back.
    pub(super) fn filled(&mut self, feed: FeedId, start: u64, end: u64) {
        let Some(log) = self.feeds.get_mut(feed) else { return };
        log.on_restored();
        if log.status == FeedStatus::Removing {
            return;
        }
        self.outbox.event(Event::Restored { feed, start, end });
        self.wake_hypercore_sessions(feed);
        if let Some(first) = self.downloads.first(feed)
            && first.state == State::Filling
        {
            (first.at, first.state) = (first.at.max(end), State::Begun);
        }
        self.advance_download(feed);
    }
}
