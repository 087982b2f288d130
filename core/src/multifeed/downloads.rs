//! Downloads of cleared or damaged blocks, and how far each has come.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;

use crate::id::{ConnectionId, FeedId, RequestId};
use crate::time::{Duration, Instant};

/// One download.
#[derive(Debug)]
pub(super) struct Download {
    request: RequestId,
    blocks: Range<u64>,
    /// All blocks before this one are held.
    next: u64,
    /// How many blocks are checked together: fewer after a check found a damaged one.
    span: usize,
    /// The run that is requested from peers, if one is.
    run: Range<u64>,
    state: State,
    /// Peers that were asked for the run and did not give it.
    tried: BTreeSet<ConnectionId>,
    /// Peers that gave blocks that do not verify.
    distrusted: BTreeSet<ConnectionId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The next blocks are to be checked.
    Ready,
    /// The next blocks are being checked.
    Checking,
    /// The run is to be requested, and no peer is left that could give it.
    Waiting,
    /// The run is requested from a peer, since a moment.
    Requested(ConnectionId, Instant),
    /// The peer's blocks are verified and being stored.
    Restoring,
}

impl Download {
    pub(super) fn new(request: RequestId, blocks: Range<u64>, span: usize) -> Self {
        Self {
            request,
            next: blocks.start,
            blocks,
            span,
            run: 0..0,
            state: State::Ready,
            tried: BTreeSet::new(),
            distrusted: BTreeSet::new(),
        }
    }

    pub(super) fn request(&self) -> RequestId {
        self.request
    }

    pub(super) fn blocks(&self) -> Range<u64> {
        self.blocks.clone()
    }

    /// The blocks that are not known to be held.
    pub(super) fn remaining(&self) -> Range<u64> {
        self.next..self.blocks.end
    }

    pub(super) fn run(&self) -> &Range<u64> {
        &self.run
    }

    pub(super) fn span(&self) -> usize {
        self.span
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    pub(super) fn is_checking(&self) -> bool {
        self.state == State::Checking
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// The peer that the run is requested from.
    pub(super) fn source(&self) -> Option<ConnectionId> {
        match self.state {
            State::Requested(connection, _) => Some(connection),
            _ => None,
        }
    }

    /// Whether a peer may be asked for the run.
    pub(super) fn may_ask(&self, connection: ConnectionId) -> bool {
        !self.tried.contains(&connection) && !self.distrusted.contains(&connection)
    }

    /// The next blocks are being checked.
    pub(super) fn begin_check(&mut self) {
        debug_assert!(self.is_ready(), "only a download that is ready checks blocks");
        self.state = State::Checking;
    }

    /// The check cannot tell: it is repeated.
    pub(super) fn repeat_check(&mut self) {
        self.state = State::Ready;
    }

    /// All blocks before `next` are intact.
    pub(super) fn on_intact(&mut self, next: u64, span_max: usize) {
        (self.next, self.span) = (self.next.max(next), span_max);
        self.state = State::Ready;
    }

    /// A checked block is damaged. Returns whether fewer blocks are to be checked to find it;
    /// otherwise it is the next one.
    pub(super) fn narrow(&mut self, span_max: usize) -> bool {
        self.state = State::Ready;
        let is_several = self.span > 1;
        self.span = if is_several { self.span / 2 } else { span_max };
        is_several
    }

    /// A run is to be requested from peers.
    pub(super) fn begin_run(&mut self, run: Range<u64>) {
        debug_assert!(self.is_ready(), "a run is requested after the blocks before it");
        (self.run, self.state) = (run, State::Waiting);
        self.tried.clear();
    }

    /// The run is requested from a peer.
    pub(super) fn assign(&mut self, connection: ConnectionId, now: Instant) {
        debug_assert!(self.is_waiting(), "a run is requested from one peer");
        self.state = State::Requested(connection, now);
    }

    /// The peer that was asked does not give the run. Returns false if it was not the one.
    pub(super) fn on_source_failed(&mut self, connection: ConnectionId) -> bool {
        let is_source = self.source() == Some(connection);
        if is_source {
            self.tried.insert(connection);
            self.state = State::Waiting;
        }
        is_source
    }

    /// The peer's blocks cannot be used.
    pub(super) fn on_unverified(&mut self) {
        self.state = State::Waiting;
    }

    /// The peer's blocks are not those of the feed.
    pub(super) fn distrust(&mut self, connection: ConnectionId) {
        self.distrusted.insert(connection);
    }

    /// The peer's blocks are being stored.
    pub(super) fn begin_restore(&mut self) {
        debug_assert!(self.source().is_some(), "only requested blocks are stored");
        self.state = State::Restoring;
    }

    /// Blocks up to `end` are stored again.
    pub(super) fn on_restored(&mut self, end: u64) {
        if self.state == State::Restoring {
            (self.next, self.state) = (self.next.max(end), State::Ready);
        }
    }

    fn forget_peer(&mut self, connection: ConnectionId) {
        self.tried.remove(&connection);
        self.distrusted.remove(&connection);
    }
}

/// The downloads of each feed. Only the first of a feed is under way.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    by_feed: BTreeMap<FeedId, VecDeque<Download>>,
}

impl Downloads {
    /// Whether a feed has downloads.
    pub(super) fn contains(&self, feed: FeedId) -> bool {
        self.by_feed.contains_key(&feed)
    }

    /// How many downloads a feed has.
    pub(super) fn count(&self, feed: FeedId) -> usize {
        self.by_feed.get(&feed).map_or(0, VecDeque::len)
    }

    pub(super) fn push(&mut self, feed: FeedId, download: Download) {
        self.by_feed.entry(feed).or_default().push_back(download);
    }

    /// The download of a feed that is under way.
    pub(super) fn first(&mut self, feed: FeedId) -> Option<&mut Download> {
        self.by_feed.get_mut(&feed)?.front_mut()
    }

    pub(super) fn pop_first(&mut self, feed: FeedId) -> Option<Download> {
        self.remove_at(feed, 0)
    }

    /// Removes and returns the download of a request, with its feed.
    pub(super) fn remove(&mut self, request: RequestId) -> Option<(FeedId, Download)> {
        let (feed, place) = self.by_feed.iter().find_map(|(feed, open)| {
            let place = open.iter().position(|download| download.request == request)?;
            Some((*feed, place))
        })?;
        Some((feed, self.remove_at(feed, place)?))
    }

    fn remove_at(&mut self, feed: FeedId, place: usize) -> Option<Download> {
        let open = self.by_feed.get_mut(&feed)?;
        let download = open.remove(place);
        if open.is_empty() {
            self.by_feed.remove(&feed);
        }
        download
    }

    /// Removes and returns all downloads of a feed, in order.
    pub(super) fn take_all(&mut self, feed: FeedId) -> VecDeque<Download> {
        self.by_feed.remove(&feed).unwrap_or_default()
    }

    /// Each feed's downloads.
    pub(super) fn iter(&self) -> impl Iterator<Item = (FeedId, &VecDeque<Download>)> {
        self.by_feed.iter().map(|(feed, open)| (*feed, open))
    }

    fn firsts(&self) -> impl Iterator<Item = (FeedId, &Download)> {
        self.by_feed.iter().filter_map(|(feed, open)| Some((*feed, open.front()?)))
    }

    pub(super) fn feeds(&self) -> Vec<FeedId> {
        self.by_feed.keys().copied().collect()
    }

    /// The feeds that wait for a peer that can give blocks.
    pub(super) fn waiting(&self) -> Vec<FeedId> {
        self.firsts().filter(|(_, first)| first.is_waiting()).map(|(feed, _)| feed).collect()
    }

    /// A connection has ended. Its number is not used again.
    pub(super) fn forget_peer(&mut self, feed: FeedId, connection: ConnectionId) {
        if let Some(first) = self.first(feed) {
            first.forget_peer(connection);
        }
    }

    /// Since when the peer that was asked first has been asked.
    pub(super) fn requested_since(&self) -> Option<Instant> {
        let since = self.firsts().filter_map(|(_, first)| match first.state {
            State::Requested(_, since) => Some(since),
            _ => None,
        });
        since.min()
    }

    /// The feeds whose peer was asked `wait` ago or earlier, with that peer.
    pub(super) fn overdue(&self, now: Instant, wait: Duration) -> Vec<(FeedId, ConnectionId)> {
        let overdue = self.firsts().filter_map(|(feed, first)| match first.state {
            State::Requested(connection, since) if now >= since + wait => Some((feed, connection)),
            _ => None,
        });
        overdue.collect()
    }
}
