//! Hypercore's channels on one connection: one for each feed that both sides have.
//!
//! Rule: members of the group exchange its feeds in ranges. These channels exchange feeds of other
//! origins, and feeds of the group with peers that do not support `multifeed/1`. Pending messages
//! are state, as in a session, and are written when the socket has room.

mod answers;
mod channel;
mod fetch;
mod remote_bitfield;
mod responses;
mod sparse;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use bytes::Bytes;
use subtle::ConstantTimeEq;

use super::context::{Context, FetchAssignments};
use super::forks::CONTESTED_MAX;
use super::frame::FRAME_BYTES;
use crate::config::Limits;
use crate::crypto::hash::{Hash, keyed, namespace};
use crate::error::{CloseReason, Limit, StoreFailure};
use crate::feed::proof::ProofRead;
use crate::footprint::ConnectionFootprint;
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId, Role};
use crate::io::Event;
use crate::time::{Duration, Instant};
use crate::wire::hypercore::{ALIAS, Message, Open, PROTOCOL, Sync};
use crate::wire::mux::{Batch, MuxMessage};
use answers::Answers;
use channel::Channel;
use fetch::{Budget, is_followed};
use sparse::{GetAnswer, Gets};

/// All of hypercore's channels on one connection.
#[derive(Debug)]
pub(crate) struct HypercoreSession {
    connection: ConnectionId,
    channels: BTreeMap<FeedId, Channel>,
    /// Channels for which our open is to be sent.
    to_open: BTreeSet<FeedId>,
    /// Channels that may have messages to write.
    due: BTreeSet<FeedId>,
    /// Channels with open requests.
    fetching: BTreeSet<FeedId>,
    /// Channels without an answer, on which requests continue after a while.
    resting: BTreeSet<FeedId>,
    /// Channels whose blocks are committed once the received frames are read.
    to_commit: BTreeSet<FeedId>,
    answers: Answers,
    gets: Gets,
    /// Received bytes that are not durable.
    unstored_bytes: u64,
    /// Bytes of blocks that arrived out of order, on all channels.
    out_of_order_bytes: usize,
    /// Feeds that are not fetched from this peer any more and are to be requested from others.
    unassigned: Vec<FeedId>,
    /// Number of feeds on which the peer's history conflicts with ours.
    contested: usize,
    next_request: u64,
    is_in_sync: bool,
}

/// The capability of the side of `role` for a feed (hypercore `lib/caps.js`, `replicate`).
pub(crate) fn capability(key: &FeedKey, handshake_hash: &[u8; 64], role: Role) -> Hash {
    let index = match role {
        Role::Initiator => 1,
        Role::Responder => 2,
    };
    keyed(handshake_hash, &[&namespace("hypercore", index), &key.0])
}

/// The protocol name, if it is one of hypercore's channel.
pub(crate) fn protocol_of(name: &str) -> Option<&'static str> {
    [PROTOCOL, ALIAS].into_iter().find(|protocol| *protocol == name)
}

impl HypercoreSession {
    pub(crate) fn new(connection: ConnectionId) -> Self {
        Self {
            connection,
            channels: BTreeMap::new(),
            to_open: BTreeSet::new(),
            due: BTreeSet::new(),
            fetching: BTreeSet::new(),
            resting: BTreeSet::new(),
            to_commit: BTreeSet::new(),
            answers: Answers::default(),
            gets: Gets::default(),
            unstored_bytes: 0,
            out_of_order_bytes: 0,
            unassigned: Vec::new(),
            contested: 0,
            next_request: 1,
            is_in_sync: true,
        }
    }

    /// The feeds that are fetched from the peer.
    pub(crate) fn fetches(&self) -> impl Iterator<Item = FeedId> {
        self.fetching.iter().copied()
    }

    /// Whether a channel is open on both sides.
    pub(crate) fn is_open(&self) -> bool {
        self.channels.values().any(|channel| channel.remote().is_some())
    }

    /// The contiguous length of a feed that the peer announced.
    pub(crate) fn offers_of(&self, feed: FeedId) -> Option<u64> {
        let channel = self.channels.get(&feed).filter(|channel| !channel.is_refused())?;
        Some(channel.contiguous()).filter(|length| *length > 0)
    }

    /// The contiguous length of each feed that has a channel.
    pub(crate) fn offers(&self) -> impl Iterator<Item = (FeedId, u64)> {
        self.channels.keys().filter_map(|feed| Some((*feed, self.offers_of(*feed)?)))
    }

    /// Whether no message is pending, and neither side lacks what the other has.
    pub(crate) fn is_in_sync(&self) -> bool {
        self.is_in_sync
    }

    /// Opens a channel for a feed of another origin. Returns whether it is new.
    pub(crate) fn offer(&mut self, feed: FeedId, limits: &Limits) -> bool {
        let has_room = self.channels.len() < limits.hypercore_channels;
        let is_new = has_room && !self.channels.contains_key(&feed);
        if is_new {
            self.channels.insert(feed, Channel::new(PROTOCOL));
            self.to_open.insert(feed);
            self.is_in_sync = false;
        }
        is_new
    }

    /// The feed for which the peer opens a channel; `None`: the channel is rejected. All reasons
    /// look the same to the peer, so a peer without a feed's key cannot probe for the feed.
    // Unlike hypercore lib/replicator.js, which destroys the stream on a wrong capability.
    pub(crate) fn admit(
        &self,
        context: &mut Context<'_>,
        (discovery_key, handshake): (Option<&[u8]>, &[u8]),
        (role, handshake_hash): (Role, &[u8; 64]),
        peer: Peer,
    ) -> Result<Option<FeedId>, CloseReason> {
        let discovery_key: Option<Hash> = discovery_key.and_then(|key| key.try_into().ok());
        let id = discovery_key.and_then(|key| context.feeds.find_discovery(&key));
        let Some(id) = id else { return Ok(None) };
        let Some(feed) = context.feeds.get(id) else { return Ok(None) };
        let theirs = Open::decode(handshake)?;
        let expected = capability(&feed.key, handshake_hash, role);
        let is_in_ranges = feed.is_of_group() && peer == Peer::Member;
        let is_accepted = self.channels.get(&id).is_some_and(|channel| channel.remote().is_some());
        let is_capable: bool = theirs.capability.ct_eq(&expected).into();
        let is_free = !is_in_ranges && !is_accepted && feed.is_accepted() && !feed.is_candidate();
        Ok((is_capable && is_free).then_some(id))
    }

    /// The peer has opened its side of a channel.
    pub(crate) fn open(
        &mut self,
        feed: FeedId,
        remote: u64,
        protocol: &'static str,
        limits: &Limits,
    ) -> Result<(), Limit> {
        let is_new = !self.channels.contains_key(&feed);
        if is_new && self.channels.len() >= limits.hypercore_channels {
            return Err(Limit::Channels);
        }
        let channel = self.channels.entry(feed).or_insert_with(|| Channel::new(protocol));
        channel.set_remote(remote);
        if channel.local().is_none() {
            self.to_open.insert(feed);
        }
        self.due.insert(feed);
        self.is_in_sync = false;
        Ok(())
    }

    /// The channel was closed or rejected. Returns our channel number and the peer's.
    pub(crate) fn close(
        &mut self,
        assignments: &mut FetchAssignments,
        feed: FeedId,
    ) -> Option<(Option<u64>, Option<u64>)> {
        let channel = self.channels.remove(&feed)?;
        self.out_of_order_bytes -= channel.fetch().out_of_order_bytes();
        self.forget(assignments, feed);
        Some((channel.local(), channel.remote()))
    }

    fn forget(&mut self, assignments: &mut FetchAssignments, feed: FeedId) {
        self.release(assignments, feed);
        self.to_open.remove(&feed);
        self.due.remove(&feed);
        self.fetching.remove(&feed);
        self.resting.remove(&feed);
        self.to_commit.remove(&feed);
        self.answers.forget(feed);
        self.gets.fail_all(|of, _| of == feed);
    }

    /// The connection ends.
    pub(crate) fn close_all(&mut self, assignments: &mut FetchAssignments) {
        self.out_of_order_bytes = 0;
        for feed in core::mem::take(&mut self.channels).into_keys() {
            self.forget(assignments, feed);
        }
    }

    /// The feed is not fetched from this peer any more.
    fn release(&mut self, assignments: &mut FetchAssignments, feed: FeedId) {
        if assignments.get(&feed) == Some(&self.connection) && self.fetching.remove(&feed) {
            assignments.remove(&feed);
            self.unassigned.push(feed);
        }
    }

    /// Whether a block of a feed can be requested from the peer.
    pub(crate) fn can_get(&self, feed: FeedId, index: u64, limits: &Limits) -> bool {
        let has = |channel: &Channel| {
            let remote = channel.remote_sync().unwrap_or_default();
            let is_usable = channel.is_open() && !channel.is_refused();
            is_usable && remote.uploading && remote.length > index
        };
        self.gets.len() < limits.hypercore_fetches && self.channels.get(&feed).is_some_and(has)
    }

    /// Requests one block of a feed. [`HypercoreSession::take_answered_gets`] returns it.
    pub(crate) fn get(&mut self, request: RequestId, feed: FeedId, index: u64) {
        self.gets.push(self.next_request, request, feed, index);
        self.next_request += 1;
        self.due.insert(feed);
        self.is_in_sync = false;
    }

    /// The answers to requested blocks.
    pub(crate) fn take_answered_gets(&mut self) -> Vec<GetAnswer> {
        self.gets.take_answered()
    }

    /// Feeds that are to be requested from others now.
    pub(crate) fn take_unassigned(&mut self) -> Vec<FeedId> {
        core::mem::take(&mut self.unassigned)
    }

    /// A feed has grown, or it is not fetched from any peer. Returns whether it has a channel.
    pub(crate) fn wake(&mut self, feed: FeedId) -> bool {
        let is_here = self.channels.contains_key(&feed);
        if is_here {
            self.due.insert(feed);
            self.is_in_sync = false;
        }
        is_here
    }

    /// Handles one message of a feed's channel.
    pub(crate) fn receive(
        &mut self,
        context: &mut Context<'_>,
        feed: FeedId,
        kind: u64,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let Some(message) = Message::decode(kind, body)? else { return Ok(()) };
        let Some(channel) = self.channels.get_mut(&feed) else { return Ok(()) };
        self.is_in_sync = false;
        match message {
            Message::Sync(sync) => {
                channel.on_sync(sync);
                self.on_sync(context, feed, sync);
            }
            Message::Request(request) => {
                self.answers.push(feed, request, context.limits)?;
                self.answers.read_ahead(context, self.connection);
            }
            Message::Cancel(request) => self.answers.cancel(feed, request),
            Message::Data(data) => self.on_data(context, feed, &data)?,
            Message::NoData { request, .. } => self.on_reject(context, feed, request),
            Message::Want(_) => channel.on_want(),
            Message::Bitfield(bitfield) => channel.on_bitfield(&bitfield),
            Message::Range(news) => {
                if let Some(length) = channel.on_range(&news) {
                    let connection = self.connection;
                    context.report(feed, |key| Event::Held { connection, feed, key, length });
                }
            }
            Message::Unwant(_) | Message::Extension { .. } => (),
        }
        self.due.insert(feed);
        Ok(())
    }

    /// A length of another fork means that the author truncated the feed: it is not followed.
    fn on_sync(&mut self, context: &mut Context<'_>, id: FeedId, sync: Sync) {
        let (Some(channel), Some(feed)) = (self.channels.get_mut(&id), context.feeds.get(id))
        else {
            return;
        };
        let is_other = sync.length > 0 && !is_followed(feed, sync.fork);
        if is_other && channel.on_truncated(sync.fork) {
            let (connection, fork, length) = (self.connection, sync.fork, sync.length);
            let key = feed.key;
            context.outbox.event(Event::Truncated { connection, feed: id, key, fork, length });
        }
    }

    /// Received bytes are durable, or could not be stored.
    pub(crate) fn on_stored(&mut self, bytes: u64) {
        self.unstored_bytes = self.unstored_bytes.saturating_sub(bytes);
        // There is room for more requests.
        self.due.extend(self.fetching.iter().copied());
        self.is_in_sync = false;
    }

    /// An answer was read, or could not be read.
    pub(crate) fn answer(
        &mut self,
        context: &mut Context<'_>,
        read: ProofRead,
        values: Result<Vec<Option<Bytes>>, StoreFailure>,
    ) {
        let id = read.feed();
        let failure = self.answers.finish_read(context, read, values).err();
        self.answers.read_ahead(context, self.connection);
        self.is_in_sync = false;
        if let Some(failure) = failure {
            context.report(id, |key| Event::FeedBroken { feed: id, key: Some(key), failure });
        }
    }

    /// Adds the memory that the peer makes us hold on these channels.
    pub(crate) fn footprint(&self, session: ConnectionFootprint) -> ConnectionFootprint {
        let channels = || self.channels.values();
        ConnectionFootprint {
            stock_channels: self.channels.len(),
            stock_requests: self.answers.open(),
            stock_asks: channels().map(|channel| channel.fetch().requests()).max().unwrap_or(0),
            stock_early_bytes: channels().map(|channel| channel.fetch().out_of_order_bytes()).sum(),
            stock_ready_bytes: self.answers.ready_bytes(),
            ..session
        }
    }

    /// When the peer owes an answer for too long, or requests continue.
    pub(crate) fn deadline(&self, wait: Option<Duration>) -> Option<Instant> {
        let fetches = || self.fetching.iter().filter_map(|feed| self.channels.get(feed));
        let owed = fetches().filter_map(|channel| channel.fetch().waits_since());
        let owed = owed.chain(self.gets.waits_since()).min();
        let owed = owed.zip(wait).map(|(since, wait)| since + wait);
        let resting = self.resting.iter().filter_map(|feed| self.channels.get(feed));
        let resumes = resting.filter_map(|channel| channel.fetch().resume_at());
        owed.into_iter().chain(resumes).min()
    }

    /// Cancels requests that the peer owes for too long, and continues requests after a pause.
    /// Returns whether there may be messages to send.
    pub(crate) fn on_timeout(
        &mut self,
        assignments: &mut FetchAssignments,
        now: Instant,
        wait: Option<Duration>,
    ) -> bool {
        let is_over = |since: Instant| wait.is_some_and(|wait| now >= since + wait);
        self.gets.fail_all(|_, since| since.is_some_and(is_over));
        for id in self.fetching.clone() {
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            if channel.fetch().waits_since().is_some_and(is_over) {
                self.fetch(id, |fetch| fetch.back_off(now + wait.unwrap_or_default()));
                self.resting.insert(id);
                self.due.insert(id);
                self.release(assignments, id);
            }
        }
        for (id, channel) in &mut self.channels {
            if self.resting.contains(id) && channel.fetch_mut().wake(now) {
                self.resting.remove(id);
                self.due.insert(*id);
            }
        }
        !self.due.is_empty()
    }

    /// Fills a frame with pending messages. `number` assigns our channel numbers.
    pub(crate) fn compose(
        &mut self,
        context: &mut Context<'_>,
        (role, handshake_hash): (Role, &[u8; 64]),
        mut number: impl FnMut(FeedId) -> u64,
        batch: &mut Batch,
    ) {
        // Each open goes in its own frame: JavaScript answers a batch with a batch, which may be
        // longer than the frames that we accept before the capability is proven.
        while let Some(id) = self.to_open.pop_first() {
            let Some(feed) = context.feeds.get(id) else { continue };
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            let local_id = number(id);
            channel.set_local(local_id);
            let mut handshake = Vec::new();
            // Unlike hypercore lib/replicator.js: a seek is done with hash requests.
            let open =
                Open { seeks: false, capability: capability(&feed.key, handshake_hash, role) };
            open.encode(&mut handshake);
            let id = crate::crypto::hash::discovery_key(&feed.key.0);
            let protocol = channel.protocol();
            let id = Some(&id[..]);
            batch.push(&MuxMessage::Open { local_id, protocol, id, handshake: &handshake });
            return;
        }
        while batch.size() < FRAME_BYTES
            && let Some(id) = self.due.pop_first()
        {
            self.write_channel(context, id, batch);
        }
        while batch.size() < FRAME_BYTES
            && let Some((id, kind, body)) = self.answers.pop()
        {
            let channel = self.channels.get(&id).and_then(Channel::local);
            if let Some(channel) = channel {
                batch.push(&MuxMessage::Message { channel, kind, body: &body });
            }
        }
        self.answers.read_ahead(context, self.connection);
        self.is_in_sync = batch.is_empty() && self.are_channels_in_sync(context);
    }

    /// Writes all pending messages of a channel.
    fn write_channel(&mut self, context: &mut Context<'_>, id: FeedId, batch: &mut Batch) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let (Some(local), Some(_)) = (channel.local(), channel.remote()) else { return };
        let Some(feed) = context.feeds.get(id) else { return };
        let mut messages = Vec::new();
        channel.write(feed, &mut messages);
        if let Some(remote) = channel.remote_sync() {
            self.gets.write(id, feed, remote, context.now, &mut messages);
        }
        let source = context.assignments.get(&id).copied();
        if source.is_none_or(|source| source == self.connection) && !channel.is_refused() {
            let mut budget = Budget {
                limits: context.limits,
                bytes: (context.limits.window_bytes as u64).saturating_sub(self.unstored_bytes),
                next_id: &mut self.next_request,
                now: context.now,
            };
            let before = channel.fetch().out_of_order_bytes();
            let is_full = context.feeds.is_full(id);
            let is_fetching = channel.request(feed, is_full, &mut budget, &mut messages);
            let after = channel.fetch().out_of_order_bytes();
            self.out_of_order_bytes = self.out_of_order_bytes + after - before;
            if is_fetching {
                context.assignments.insert(id, self.connection);
                self.fetching.insert(id);
            } else {
                self.release(context.assignments, id);
            }
        }
        let mut body = Vec::new();
        for message in messages {
            body.clear();
            message.encode(&mut body);
            batch.push(&MuxMessage::Message { channel: local, kind: message.kind(), body: &body });
        }
    }

    fn are_channels_in_sync(&self, context: &Context<'_>) -> bool {
        let is_in_sync = |(id, channel): (&FeedId, &Channel)| {
            let feed = context.feeds.get(*id);
            let length = feed.map_or(0, |feed| feed.length());
            let is_over =
                feed.is_some_and(|feed| feed.is_transient()) || context.feeds.is_full(*id);
            is_over || channel.is_in_sync(length)
        };
        let is_idle = self.answers.is_idle() && self.gets.len() == 0;
        self.to_open.is_empty() && is_idle && self.channels.iter().all(is_in_sync)
    }

    /// Panics if an invariant of the channels does not hold.
    pub(crate) fn check_invariants(&self, assignments: &FetchAssignments, limits: &Limits) {
        assert!(self.channels.len() <= limits.hypercore_channels, "too many channels");
        let bytes = self.channels.values().map(|channel| channel.fetch().out_of_order_bytes());
        assert_eq!(self.out_of_order_bytes, bytes.sum::<usize>(), "counter of bytes out of order");
        let has_channel = |feed: &FeedId| self.channels.contains_key(feed);
        assert!(self.to_open.iter().all(has_channel), "a feed to open has a channel");
        let is_assigned = |feed: &FeedId| assignments.get(feed) == Some(&self.connection);
        assert!(self.fetching.iter().all(is_assigned), "a fetched feed is assigned to its peer");
        assert!(self.contested <= CONTESTED_MAX, "too many contested feeds");
        self.channels.values().for_each(|channel| channel.fetch().check_invariants());
        self.answers.check_invariants(limits);
    }
}

/// Whether the peer has shown that it is a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    Member,
    Stranger,
}

/// How long a peer without an answer is not asked.
const RESUME_WAIT: Duration = Duration::from_secs(2);
