//! The state machine: routes inputs down and outputs up.
//!
//! Rule: this file owns no protocol. What a feed is stands in `feed`, what a connection is in
//! `peer`, what is said about feeds in `replicate`.

mod clear;
mod download;
mod footprint;
mod fork;
mod get;
mod hypercore;
mod open;
mod policy;
mod quota;
mod recording;
mod remove;
mod stored;
mod view;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::BytesMut;

use crate::config::{Config, Limits, Timing};
use crate::crypto::SignatureMemo;
use crate::crypto::sign::KeyPair;
use crate::error::{CloseReason, Misuse};
use crate::feed::read::RangeRead;
use crate::feed::set::Feeds;
use crate::feed::{Feed as Log, FeedStatus, manifest};
use crate::group::Group;
use crate::id::{ConnectionId, FeedId, RequestId, Role};
use crate::io::{Event, Input, Mode, Output, Secure};
use crate::outbox::{Job, Outbox};
use crate::peer::connection::{Connection, Due};
use crate::policy::Policy;
use crate::reconcile::sets::Sets;
use crate::record::Step;
use crate::replicate::{Context, FetchAssignments};
use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::multifeed::PUSHES;

use download::Downloads;
use get::Get;
use remove::Removal;

pub use footprint::{ConnectionFootprint, Footprint};
pub use view::{Feed, Peer, SyncStatus};

/// Longest name of a writer, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// A set of feeds and its peers, as a state machine.
///
/// Whoever drives it turns a loop, in any runtime:
///
/// 1. Give it what happened: [`handle`](Self::handle) with an [`Input`], or a call of the
///    application such as [`append`](Self::append).
/// 2. Drain [`poll`](Self::poll), and do what the outputs say: hand store requests to the store
///    in their order, show events to the application, close connections.
/// 3. For a connection that has something to send, and whenever its socket has room again, pull
///    bytes with [`poll_transmit`](Self::poll_transmit); then drain `poll` again.
/// 4. Sleep until something happens, or until [`deadline`](Self::deadline): then
///    [`Input::Timeout`].
///
/// Polling more or less often changes when things happen, never what comes of them. Time never
/// goes back: an earlier `now` counts as the latest one.
#[derive(Debug)]
pub struct Multifeed {
    group: Group,
    limits: Limits,
    timing: Timing,
    memo: Option<SignatureMemo>,
    identity: KeyPair,
    chance: Rng,
    state: State,
    now: Instant,
    feeds: Feeds,
    sets: Sets,
    sources: FetchAssignments,
    connections: BTreeMap<ConnectionId, Connection>,
    outbox: Outbox,
    /// Requests of the application that are not answered yet.
    open_requests: usize,
    next_request: u64,
    /// Appends that are durable while an earlier one of their feed is not reported yet, by feed
    /// and end.
    early: BTreeMap<(FeedId, u64), (RequestId, u64)>,
    policy: Policy,
    /// Feeds that are being removed.
    leaving: BTreeMap<FeedId, Removal>,
    downloads: Downloads,
    gets: BTreeMap<RequestId, Get>,
    /// What crossed the border since it was last taken, if it is recorded at all.
    record: Option<Vec<u8>>,
}

/// Whether the store was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Opening,
    Ready,
    Failed,
}

impl Multifeed {
    /// Opens a multifeed: it reads its store first, and is of use after
    /// [`Event::Ready`](crate::Event::Ready).
    pub fn open(config: Config) -> Self {
        let Config { group, seed, identity, memo, limits, timing, take } = config;
        let limits = limits.fitting();
        let mut chance = Rng::new(seed);
        let fresh = chance.array();
        let identity = identity.unwrap_or_else(|| KeyPair::from_seed(&fresh));
        let mut multifeed = Self {
            group,
            limits,
            timing,
            memo,
            identity,
            chance,
            state: State::Opening,
            now: Instant::ZERO,
            feeds: Feeds::default(),
            sets: Sets::default(),
            sources: FetchAssignments::new(),
            connections: BTreeMap::new(),
            outbox: Outbox::default(),
            open_requests: 0,
            next_request: 0,
            early: BTreeMap::new(),
            policy: Policy::new(take),
            leaving: BTreeMap::new(),
            downloads: Downloads::default(),
            gets: BTreeMap::new(),
            record: None,
        };
        multifeed.read_meta();
        multifeed
    }

    /// Takes an input. It never fails: the world can be late, never wrong.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.record_step(|| Step::of(now, &input));
        self.now = self.now.max(now);
        match input {
            Input::Connected { connection, role, secure, mode } => {
                self.on_connected(connection, role, secure, mode);
            }
            Input::Received { connection, bytes } => self.received(connection, bytes),
            Input::Disconnected { connection } => {
                self.forget_session(connection);
                self.connections.remove(&connection);
            }
            Input::Stored(reply) => self.stored(reply),
            Input::Timeout => self.on_timeout(),
        }
    }

    /// The next output; `None`: nothing left to do until the next input.
    pub fn poll(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    /// Pulls up to `limit` bytes that a connection has to send to the end of `buf`, and returns
    /// how many; fewer: nothing more until the next [`Output::Transmit`]. Bytes are made when they
    /// are pulled, so a slow socket costs no memory.
    pub fn poll_transmit(
        &mut self,
        connection: ConnectionId,
        buf: &mut BytesMut,
        limit: usize,
    ) -> usize {
        self.record_step(|| Step::Transmit { connection: connection.0, limit: limit as u64 });
        let (peer, mut context) = self.split(connection);
        let Some(peer) = peer else { return 0 };
        let moved = peer.transmit(&mut context, buf, limit);
        if peer.is_finished() {
            self.close(connection, CloseReason::Synced);
        }
        self.after_session_progress(connection);
        moved
    }

    /// When to call [`handle`](Self::handle) with [`Input::Timeout`]; `None`: never, as it stands.
    pub fn deadline(&self) -> Option<Instant> {
        let peers = self.connections.values().filter_map(|peer| peer.deadline(&self.timing));
        peers.chain(self.download_deadline()).min()
    }

    /// Opens our own feed of a local name, or makes it. Names are never told to peers.
    ///
    /// # Errors
    ///
    /// [`Misuse::NameTaken`] or [`Misuse::KeyPairTaken`] if the store knows one of the two with
    /// another partner; [`Misuse::FeedBroken`] if the store does not know the feed and has a
    /// damaged record, which may be the feed's; [`Misuse::FeedRemoved`] and
    /// [`Misuse::FeedBehind`] if the feed was removed and is not accepted again, or not held again
    /// as far as it was signed; [`Misuse::BadName`], [`Misuse::TooManyFeeds`],
    /// [`Misuse::NotReady`].
    pub fn writer(&mut self, name: &str, key_pair: KeyPair) -> Result<FeedId, Misuse> {
        self.record_step(|| Step::Writer { name: name.into(), seed: *key_pair.seed() });
        self.check_ready()?;
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(Misuse::BadName);
        }
        let public_key = key_pair.public_key();
        let key = manifest::feed_key(self.group.feed_namespace(), &public_key);
        let known = self.feeds.find(&key);
        let named = self.feeds.find_name(name);
        if named.is_some_and(|id| Some(id) != known) {
            return Err(Misuse::NameTaken);
        }
        self.check_tombstone(&key, known)?;
        if known.is_none() && (self.feeds.has_damaged() || self.policy.has_damaged()) {
            // It may be this very feed, and begun anew it would sign its first blocks twice.
            return Err(Misuse::FeedBroken);
        }
        if known.is_none() && self.feeds.len() >= self.limits.feeds {
            return Err(Misuse::TooManyFeeds);
        }
        let id = known.unwrap_or_else(|| self.feeds.insert(key, public_key));
        let feed = self.feeds.get_mut(id).ok_or(Misuse::UnknownFeed)?;
        if feed.name().is_some_and(|other| other != name) {
            return Err(Misuse::KeyPairTaken);
        }
        if self.policy.is_refused(&key) {
            feed.status = FeedStatus::Refused;
        }
        self.feeds.set_writer(id, name, key_pair);
        self.reopen_full(id);
        Ok(id)
    }

    /// Appends blocks to a feed of our own, all or none. Answered by
    /// [`Event::Appended`](crate::Event::Appended) once they are durable; no peer hears of them
    /// before.
    ///
    /// # Errors
    ///
    /// Whatever of [`Misuse`] its name says; nothing was appended then.
    pub fn append(&mut self, feed: FeedId, blocks: &[&[u8]]) -> Result<RequestId, Misuse> {
        self.record_step(|| Step::append(feed, blocks));
        self.check_ready()?;
        let limits = &self.limits;
        if blocks.is_empty() {
            return Err(Misuse::EmptyAppend);
        }
        if blocks.iter().any(|block| block.len() > limits.block_bytes) {
            return Err(Misuse::BlockTooLarge);
        }
        if blocks.iter().map(|block| block.len()).sum::<usize>() > limits.append_bytes {
            return Err(Misuse::AppendTooLarge);
        }
        self.check_requests()?;
        let log = self.feeds.get(feed).filter(|log| log.status != FeedStatus::Removing);
        let log = log.ok_or(Misuse::UnknownFeed)?;
        if log.broken().is_some() {
            return Err(Misuse::FeedBroken);
        }
        if log.is_forked() {
            return Err(Misuse::FeedForked);
        }
        if log.is_writable() && log.signed_length() > log.staged_length() {
            // Signed before the store was lost: the next index has its block already.
            return Err(Misuse::FeedBehind);
        }
        if log.is_writable() && log.bytes_with(blocks) > limits.feed_bytes {
            return Err(Misuse::FeedFull);
        }
        let staging = self.feeds.append(feed, blocks, self.memo.as_ref());
        let staging = staging.ok_or(Misuse::NotWritable)?;
        let log = self.feeds.get(feed).ok_or(Misuse::UnknownFeed)?;
        let note = self.sets.known.note((feed, log), staging.start, limits.known_changes);
        let request = self.request();
        let (start, end) = (staging.start, staging.end);
        let writes = staging.writes.into_iter().chain(note).collect();
        self.outbox.commit(Job::Append { request, feed, start, end }, writes);
        Ok(request)
    }

    /// Reads the blocks `start..end` of a feed back, verified. Answered by
    /// [`Event::Blocks`](crate::Event::Blocks) with the first of them, as many as
    /// [`Limits::read_bytes`] allows and up to the first that was cleared; by
    /// [`Event::Missing`](crate::Event::Missing) if the first was.
    ///
    /// # Errors
    ///
    /// [`Misuse::OutOfRange`] if not all of them are held durably or none is asked for;
    /// [`Misuse::UnknownFeed`], [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn read(&mut self, feed: FeedId, start: u64, end: u64) -> Result<RequestId, Misuse> {
        self.record_step(|| Step::Read { feed: feed.0, start, end });
        self.check_run(feed, &(start..end))?;
        let request = self.request();
        self.begin_read(request, feed, start, end);
        Ok(request)
    }

    fn begin_read(&mut self, request: RequestId, feed: FeedId, start: u64, end: u64) {
        let (entries, bytes) = (self.limits.range_blocks, self.limits.read_bytes);
        let log = self.feeds.get(feed);
        let read = log.and_then(|log| RangeRead::begin(feed, log, start..end, entries, bytes));
        match read {
            Some((read, scan)) => {
                self.outbox.scan_blocks(Job::Read { request, end, read }, scan);
            }
            None => {
                let end = log.map_or(end, |log| log.cleared().boundary(start, end));
                self.answered(Event::Missing { request, feed, start, end });
            }
        }
    }

    /// The feed of a request about a run of its blocks, if one may be made: it holds them, but for
    /// those that were cleared.
    fn check_run(&self, feed: FeedId, run: &Range<u64>) -> Result<&Log, Misuse> {
        self.check_ready()?;
        self.check_requests()?;
        let log = self.feeds.get(feed).filter(|log| log.status != FeedStatus::Removing);
        let log = log.ok_or(Misuse::UnknownFeed)?;
        match run.start < run.end && run.end <= log.length() {
            true => Ok(log),
            false => Err(Misuse::OutOfRange),
        }
    }

    /// The same, if the blocks may be changed.
    fn check_change(&self, feed: FeedId, run: &Range<u64>) -> Result<&Log, Misuse> {
        let log = self.check_run(feed, run)?;
        if log.broken().is_some() { Err(Misuse::FeedBroken) } else { Ok(log) }
    }

    /// A request of the application is over.
    fn answered(&mut self, answer: Event) {
        self.open_requests -= 1;
        self.outbox.event(answer);
    }

    /// Closes a connection. What it was sent already still goes out.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        self.record_step(|| Step::Disconnect { connection: connection.0 });
        self.close(connection, CloseReason::Requested);
    }

    fn check_ready(&self) -> Result<(), Misuse> {
        if self.state == State::Ready { Ok(()) } else { Err(Misuse::NotReady) }
    }

    fn check_requests(&self) -> Result<(), Misuse> {
        match self.open_requests < self.limits.requests {
            true => Ok(()),
            false => Err(Misuse::TooManyRequests),
        }
    }

    fn request(&mut self) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.open_requests += 1;
        request
    }

    fn on_connected(&mut self, id: ConnectionId, role: Role, secure: Secure, mode: Mode) {
        if self.state != State::Ready || self.connections.contains_key(&id) {
            // Without its feeds read there is nothing to say to a peer yet.
            let reason = CloseReason::NotReady;
            return self.outbox.push(Output::Disconnect { connection: id, reason });
        }
        let chance = self.chance.child();
        let (features, now) = (self.features(), self.now);
        let ways = (role, secure, mode, features);
        let peer = Connection::new(id, ways, &self.identity, chance, now);
        self.connections.insert(id, peer);
        // A stream that is secret already has its first event ready.
        self.received(id, &[]);
    }

    /// What a peer is told that we can do. Only who is alone with us may push: what is on its way
    /// from others already would be in vain.
    fn features(&self) -> u64 {
        let is_alone = self.connections.values().all(Connection::is_closed);
        if self.policy.admits_all() && is_alone { PUSHES } else { 0 }
    }

    fn received(&mut self, id: ConnectionId, bytes: &[u8]) {
        let (peer, mut context) = self.split(id);
        let Some(peer) = peer else { return };
        match peer.receive(&mut context, bytes) {
            Ok(()) => self.settle(id),
            Err(reason) => self.close(id, reason),
        }
        self.continue_downloads();
        self.send_gets();
    }

    /// After anything that may have changed what a connection has to say.
    fn settle(&mut self, id: ConnectionId) {
        let (peer, mut context) = self.split(id);
        if let Some(session) = peer.and_then(Connection::session_mut) {
            session.read_ahead(&mut context);
        }
        self.after_session_progress(id);
        self.take_full();
        self.wake(id);
    }

    /// After anything that a session did: what it gave up is asked of others, and what it reached
    /// is said.
    fn after_session_progress(&mut self, id: ConnectionId) {
        let Some(peer) = self.connections.get_mut(&id) else { return };
        let freed = peer.hypercore_mut().take_unassigned();
        if !freed.is_empty() {
            self.reassign_fetches(freed);
            return self.after_session_progress(id);
        }
        self.take_got(id);
        let (peer, context) = self.split(id);
        let Some(peer) = peer else { return };
        let Some(session) = peer.session_mut() else { return };
        let freed = session.take_unassigned();
        let missed = session.take_unavailable();
        if session.take_became_synced() {
            context.outbox.event(Event::Synced { connection: id });
        }
        self.reassign_fetches(freed);
        for feed in missed {
            self.missed(feed, id);
        }
    }

    fn wake(&mut self, id: ConnectionId) {
        if self.connections.get_mut(&id).is_some_and(Connection::wake) {
            self.outbox.push(Output::Transmit { connection: id });
        }
    }

    /// Feeds that a peer will not bring are asked of the others that offer them.
    fn reassign_fetches(&mut self, freed: Vec<FeedId>) {
        for feed in freed {
            self.wake_hypercore_sessions(feed);
            let staged_length = self.feeds.get(feed).map_or(0, |feed| feed.staged_length());
            let offers = self.connections.iter().filter_map(|(id, peer)| {
                Some((peer.session()?.source_cost(feed, staged_length)?, *id))
            });
            let offers: Vec<_> = offers.collect();
            // Of all that offer it, those that failed least: two that never answer would otherwise
            // hand it to each other, and to nobody else.
            let least = offers.iter().map(|offer| offer.0).min();
            for (_, id) in offers.into_iter().filter(|offer| Some(offer.0) == least) {
                let peer = self.connections.get_mut(&id);
                if let Some(session) = peer.and_then(Connection::session_mut) {
                    session.assign(feed);
                }
                self.wake(id);
            }
        }
    }

    /// Closes a connection from our side.
    fn close(&mut self, id: ConnectionId, reason: CloseReason) {
        if self.connections.get(&id).is_some_and(|peer| !peer.is_closed()) {
            self.forget_session(id);
            self.outbox.push(Output::Disconnect { connection: id, reason });
        }
    }

    /// A peer is gone: what it owed is asked of others, and feeds that only it had named are
    /// forgotten.
    fn forget_session(&mut self, id: ConnectionId) {
        let Some(peer) = self.connections.get_mut(&id) else { return };
        let session = peer.close(&mut self.sources);
        let freed = peer.hypercore_mut().take_unassigned();
        self.reassign_fetches(freed);
        self.on_get_source_lost(id);
        let Some(mut session) = session else { return };
        session.release_all(&mut self.sources);
        session.leave(&mut self.sets);
        for feed in session.feeds() {
            let is_candidate = self.feeds.get(feed).is_some_and(|feed| feed.is_candidate());
            let mut others = self.connections.values().filter_map(Connection::session);
            if is_candidate && !others.any(|other| other.knows(feed)) {
                self.feeds.forget(feed);
            }
        }
        self.reassign_fetches(session.take_unassigned());
        self.on_download_source_lost(id);
    }

    fn on_timeout(&mut self) {
        let ids: Vec<_> = self.connections.keys().copied().collect();
        for id in ids {
            let timing = self.timing.clone();
            let (peer, mut context) = self.split(id);
            let Some(peer) = peer else { continue };
            let due = peer.due(&mut context, &timing);
            self.reassign_overdue(id);
            match due {
                Due::Nothing => self.after_session_progress(id),
                Due::Send => self.settle(id),
                Due::Close(deadline) => self.close(id, CloseReason::Deadline(deadline)),
            }
        }
        self.reassign_downloads();
        self.send_gets();
    }

    /// What a peer has owed for too long, though it sent something else, is asked of others.
    fn reassign_overdue(&mut self, id: ConnectionId) {
        let Some(wait) = self.timing.request else { return };
        let session = self.connections.get(&id).and_then(Connection::session);
        let overdue = session.map(|session| session.overdue(self.now - wait)).unwrap_or_default();
        for feed in overdue {
            let held = self.feeds.get(feed);
            let [length, staged] =
                held.map_or([0; 2], |held| [held.length(), held.staged_length()]);
            let mut others = self.connections.iter().filter(|(other, _)| **other != id);
            let others = others.any(|(_, other)| {
                let offer = other.session().and_then(|session| session.offers_of(feed, length));
                offer.is_some_and(|offer| offer > staged)
            });
            let (peer, context) = self.split(id);
            if let Some(session) = peer.and_then(Connection::session_mut) {
                session.reassign(context.sources, feed, others, context.now);
            }
        }
    }

    /// One connection, and everything else that its session works on.
    fn split(&mut self, id: ConnectionId) -> (Option<&mut Connection>, Context<'_>) {
        let Self { group, limits, memo, feeds, sets, sources, policy, outbox, .. } = self;
        let connections = &mut self.connections;
        let (memo, now) = (memo.as_ref(), self.now);
        let context = Context { group, limits, memo, feeds, sets, sources, policy, outbox, now };
        (connections.get_mut(&id), context)
    }
}

#[cfg(test)]
mod tests;
