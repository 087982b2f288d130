//! The state machine that connects all parts: it routes inputs down and outputs up.
//!
//! Rule: this file owns no protocol. `feed` defines a feed, `peer` a connection, and `replicate`
//! what peers exchange about feeds.

mod append;
mod clear;
mod connections;
mod download;
mod downloads;
mod early_appends;
mod footprint;
mod fork;
mod get;
mod gets;
mod hypercore;
mod invariants;
mod open;
mod policy;
mod quota;
mod read;
mod recording;
mod removals;
mod remove;
mod requests;
mod stored;
mod view;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use zeroize::Zeroizing;

use crate::config::{Config, Limits, Timing};
use crate::crypto::SignatureMemo;
use crate::crypto::hash::keyed;
use crate::crypto::sign::KeyPair;
use crate::error::{CloseReason, Misuse, StoreFailure};
use crate::feed::Feed as Log;
use crate::feed::set::Feeds;
use crate::group::Group;
use crate::id::{ConnectionId, FeedId, FeedKey, FeedSelector, RequestId};
use crate::io::{Answer, Event, Input, Output, StoreId};
use crate::outbox::Outbox;
use crate::peer::connection::Connection;
use crate::policy::Policy;
use crate::reconcile::sets::Sets;
use crate::replicate::{Context, FetchAssignments};
use crate::rng::Rng;
use crate::step::Step;
use crate::time::Instant;

use downloads::Downloads;
use early_appends::EarlyAppends;
use gets::Gets;
use removals::Removals;
use requests::Requests;

pub use view::{Feed, Peer, SyncStatus};

/// A set of feeds and its peers, as a state machine.
///
/// The driver runs a loop, in any runtime:
///
/// 1. Call [`handle`](Self::handle) with an [`Input`], or a method of the application such as
///    [`append`](Self::append).
/// 2. Drain [`poll`](Self::poll) and carry out the outputs: pass store requests to the store in
///    order, events to the application, and close connections.
/// 3. For a connection that has bytes to send, and whenever its socket becomes writable, pull
///    bytes with [`poll_transmit`](Self::poll_transmit); then drain `poll` again.
/// 4. Sleep until something happens or until [`deadline`](Self::deadline), which calls for
///    [`Input::Timeout`].
///
/// How often the driver polls changes when things happen, not what happens. Time never goes back:
/// an earlier `now` counts as the latest one.
#[derive(Debug)]
pub struct Multifeed {
    group: Group,
    limits: Limits,
    timing: Timing,
    memo: Option<SignatureMemo>,
    identity: KeyPair,
    /// The key pair towards stock peers: a new one each time that the multifeed is opened, because
    /// everybody can connect as one.
    stock_identity: KeyPair,
    rng: Rng,
    state: State,
    now: Instant,
    feeds: Feeds,
    sets: Sets,
    policy: Policy,
    assignments: FetchAssignments,
    connections: BTreeMap<ConnectionId, Connection>,
    outbox: Outbox,
    requests: Requests,
    early_appends: EarlyAppends,
    removals: Removals,
    downloads: Downloads,
    gets: Gets,
    /// The steps since they were last taken, if they are recorded.
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
    /// Opens a multifeed. It reads its store first; calls succeed after
    /// [`Event::Ready`](crate::Event::Ready).
    pub fn open(config: Config) -> Self {
        let Config { group, seed, identity, memo, limits, timing, admission } = config;
        let limits = limits.consistent();
        let mut rng = Rng::new(seed.bytes());
        // Drawn even if it is not used: what follows must not depend on it.
        let identity_seed = rng.array();
        let stock_seed = Zeroizing::new(keyed(&identity_seed, &[b"multifeed/1 stock peers"]));
        let stock_identity = KeyPair::from_seed(&stock_seed);
        let identity = identity.unwrap_or_else(|| KeyPair::from_seed(&identity_seed));
        let has_stock = limits.hypercore_channels > 0;
        let feeds = if has_stock { Feeds::with_discovery_keys() } else { Feeds::default() };
        let mut multifeed = Self {
            group,
            limits,
            timing,
            memo,
            identity,
            stock_identity,
            rng,
            state: State::Opening,
            now: Instant::ZERO,
            feeds,
            sets: Sets::default(),
            policy: Policy::new(admission),
            assignments: FetchAssignments::new(),
            connections: BTreeMap::new(),
            outbox: Outbox::default(),
            requests: Requests::default(),
            early_appends: EarlyAppends::default(),
            removals: Removals::default(),
            downloads: Downloads::default(),
            gets: Gets::default(),
            record: None,
        };
        multifeed.read_meta();
        multifeed
    }

    /// Handles an input. It cannot fail: no input that arrives late or twice is an error.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.record_step(|| Step::of(now, &input));
        self.now = self.now.max(now);
        match input {
            Input::Connected { connection, role, secure, mode } => {
                self.on_connected(connection, role, secure, mode);
            }
            Input::Received { connection, bytes } => self.on_received(connection, bytes),
            Input::Disconnected { connection } => {
                self.forget_session(connection);
                self.connections.remove(&connection);
            }
            Input::Stored(reply) => self.on_store_reply(reply),
            Input::Timeout => self.on_timeout(),
        }
    }

    /// The next output; `None`: there is none until the next input.
    pub fn poll(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    /// Appends up to `limit` bytes that a connection has to send to `buf` and returns their number.
    /// If it is less than `limit`, there are no more until the next [`Output::Transmit`]. Bytes are
    /// produced when they are pulled, so a slow socket uses no memory.
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

    /// When to call [`handle`](Self::handle) with [`Input::Timeout`]; `None`: not before the next
    /// input.
    pub fn deadline(&self) -> Option<Instant> {
        let peers = self.connections.values().filter_map(|peer| peer.deadline(&self.timing));
        peers.chain(self.download_deadline()).min()
    }

    /// Closes a connection. Bytes that it has to send already are still sent, unless its handshake
    /// is not complete: then nothing more is sent.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        self.record_step(|| Step::Disconnect { connection: connection.0 });
        if let Some(peer) = self.connections.get_mut(&connection) {
            peer.withhold_handshake();
        }
        self.close(connection, CloseReason::Requested);
    }

    /// Answers a request of the application.
    fn answer_request(&mut self, answer: Event) {
        self.requests.end();
        self.outbox.event(answer);
    }

    /// Answers a request about a feed; the answer is made from the feed's key. A feed that was
    /// forgotten meanwhile is one that was removed.
    fn answer(&mut self, request: RequestId, feed: FeedId, answer: impl FnOnce(FeedKey) -> Event) {
        let key = self.feeds.get(feed).map(|log| log.key);
        self.answer_request(key.map_or(Event::Canceled { request }, answer));
    }

    /// Answers a request for blocks.
    fn answer_blocks(&mut self, request: RequestId, feed: FeedId, start: u64, blocks: Vec<Bytes>) {
        self.answer(request, feed, |key| Event::Blocks { request, feed, key, start, blocks });
    }

    /// Reports that the store failed for a feed.
    fn report_broken(&mut self, feed: FeedId, failure: StoreFailure) {
        let key = self.feeds.get(feed).map(|log| log.key);
        self.outbox.event(Event::FeedBroken { feed, key, failure });
    }

    fn check_ready(&self) -> Result<(), Misuse> {
        if self.state == State::Ready { Ok(()) } else { Err(Misuse::NotReady) }
    }

    /// The id of the feed that a call concerns.
    fn resolve(&self, feed: impl Into<FeedSelector>) -> Result<FeedId, Misuse> {
        self.check_ready()?;
        let is_shown = |id: &FeedId| self.feeds.get(*id).is_some_and(Log::is_shown);
        self.select(feed.into()).filter(is_shown).ok_or(Misuse::UnknownFeed)
    }

    /// The id of a feed; that of a removed feed may be of no use.
    fn select(&self, feed: FeedSelector) -> Option<FeedId> {
        match feed {
            FeedSelector::Id(id) => Some(id),
            FeedSelector::Key(key) => self.feeds.find(&key),
        }
    }

    /// The key of the feed that a call concerns, which may be one that is not here.
    fn resolve_key(&self, feed: impl Into<FeedSelector>) -> Result<FeedKey, Misuse> {
        match feed.into() {
            FeedSelector::Id(id) => {
                let id = self.resolve(id)?;
                self.feeds.get(id).map(|log| log.key).ok_or(Misuse::UnknownFeed)
            }
            FeedSelector::Key(key) => Ok(key),
        }
    }

    fn check_requests(&self) -> Result<(), Misuse> {
        self.requests.check(self.limits.requests)
    }

    /// A recorded failure of the store as the answer to the request of this id.
    pub(crate) fn failed_answer(&self, id: StoreId, failure: StoreFailure) -> Answer {
        self.outbox.failed_answer(id, failure)
    }

    /// One connection, and everything outside it that its session uses.
    fn split(&mut self, id: ConnectionId) -> (Option<&mut Connection>, Context<'_>) {
        let Self { group, limits, memo, feeds, sets, assignments, policy, outbox, .. } = self;
        let connections = &mut self.connections;
        let (memo, now) = (memo.as_ref(), self.now);
        let context =
            Context { group, limits, memo, feeds, sets, assignments, policy, outbox, now };
        (connections.get_mut(&id), context)
    }
}

#[cfg(test)]
mod tests;
