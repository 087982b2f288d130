//! Hypercore's channels on one connection: one for each feed that both sides have.
//!
//! Rule: members of the group exchange its feeds in ranges; here go the feeds of other origins,
//! and those of the group with peers that do not speak `multifeed/1`. What is to be said is state,
//! as in a session, and becomes messages when the socket has room.

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
use fetch::Room;
use sparse::{GetAnswer, Gets};

/// A frame is filled up to here; see `compose`.
const FRAME_BYTES: usize = 60 * 1024;

/// Feeds that one peer may contest; see `range`.
const CONTESTED_MAX: usize = 64;

/// All of hypercore's channels on one connection.
#[derive(Debug)]
pub(crate) struct HypercoreSession {
    connection: ConnectionId,
    channels: BTreeMap<FeedId, Channel>,
    /// Channels that we still have to open, or to answer with our own open.
    to_open: BTreeSet<FeedId>,
    /// Channels that may have something to say.
    due: BTreeSet<FeedId>,
    /// Channels that have requests open.
    fetching: BTreeSet<FeedId>,
    /// Channels that had no answer for us, and are asked again after a while.
    resting: BTreeSet<FeedId>,
    /// Channels whose blocks are to be committed once the frames that are here are read.
    touched: BTreeSet<FeedId>,
    answers: Answers,
    gets: Gets,
    /// Bytes that came and are not durable.
    unstored: u64,
    /// Bytes of blocks that came before those in front of them, of all channels.
    early_bytes: usize,
    /// Feeds that this peer is not asked for any more.
    freed: Vec<FeedId>,
    contested: usize,
    next_id: u64,
    is_even: bool,
}

/// The capability of the side of `role` for a feed (hypercore `lib/caps.js`, `replicate`).
pub(crate) fn capability(key: &FeedKey, handshake_hash: &[u8; 64], role: Role) -> Hash {
    let index = match role {
        Role::Initiator => 1,
        Role::Responder => 2,
    };
    keyed(handshake_hash, &[&namespace("hypercore", index), &key.0])
}

/// Whether a protocol is that of hypercore's channel, and under which name.
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
            touched: BTreeSet::new(),
            answers: Answers::default(),
            gets: Gets::default(),
            unstored: 0,
            early_bytes: 0,
            freed: Vec::new(),
            contested: 0,
            next_id: 1,
            is_even: true,
        }
    }

    /// The feeds that are fetched from the peer.
    pub(crate) fn fetches(&self) -> impl Iterator<Item = FeedId> {
        self.fetching.iter().copied()
    }

    /// Whether a channel is open on both sides.
    pub(crate) fn is_open(&self) -> bool {
        self.channels.values().any(|channel| channel.remote.is_some())
    }

    /// How much of a feed the peer holds from the first block on, as it says.
    pub(crate) fn offers_of(&self, feed: FeedId) -> Option<u64> {
        let channel = self.channels.get(&feed).filter(|channel| !channel.is_refused)?;
        Some(channel.holds.contiguous()).filter(|length| *length > 0)
    }

    /// The same of each feed that has a channel.
    pub(crate) fn offers(&self) -> impl Iterator<Item = (FeedId, u64)> {
        self.channels.keys().filter_map(|feed| Some((*feed, self.offers_of(*feed)?)))
    }

    /// Nothing is left to say, and neither side lacks what the other has.
    pub(crate) fn is_even(&self) -> bool {
        self.is_even
    }

    /// Opens a channel for a feed of another origin. Returns whether it is new.
    pub(crate) fn offer(&mut self, feed: FeedId, limits: &Limits) -> bool {
        let has_room = self.channels.len() < limits.hypercore_channels;
        let is_new = has_room && !self.channels.contains_key(&feed);
        if is_new {
            self.channels.insert(feed, Channel::new(PROTOCOL));
            self.to_open.insert(feed);
            self.is_even = false;
        }
        is_new
    }

    /// The feed for which the peer opens a channel; `None`: it is rejected, whatever the reason,
    /// so that who does not know a feed's key cannot ask for what is here.
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
        let is_accepted = self.channels.get(&id).is_some_and(|channel| channel.remote.is_some());
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
        channel.remote = Some(remote);
        if channel.local.is_none() {
            self.to_open.insert(feed);
        }
        self.due.insert(feed);
        self.is_even = false;
        Ok(())
    }

    /// The channel is gone: closed, or never taken. Returns our number of it, and the peer's.
    pub(crate) fn close(
        &mut self,
        sources: &mut FetchAssignments,
        feed: FeedId,
    ) -> Option<(Option<u64>, Option<u64>)> {
        let channel = self.channels.remove(&feed)?;
        self.early_bytes -= channel.fetch.early_bytes();
        self.forget(sources, feed);
        Some((channel.local, channel.remote))
    }

    fn forget(&mut self, sources: &mut FetchAssignments, feed: FeedId) {
        self.release(sources, feed);
        self.to_open.remove(&feed);
        self.due.remove(&feed);
        self.fetching.remove(&feed);
        self.resting.remove(&feed);
        self.touched.remove(&feed);
        self.answers.forget(feed);
        self.gets.fail_all(|of, _| of == feed);
    }

    /// The connection ends.
    pub(crate) fn close_all(&mut self, sources: &mut FetchAssignments) {
        self.early_bytes = 0;
        for feed in core::mem::take(&mut self.channels).into_keys() {
            self.forget(sources, feed);
        }
    }

    /// The peer is asked for a feed no more.
    fn release(&mut self, sources: &mut FetchAssignments, feed: FeedId) {
        if sources.get(&feed) == Some(&self.connection) && self.fetching.remove(&feed) {
            sources.remove(&feed);
            self.freed.push(feed);
        }
    }

    /// Whether the peer can be asked for a block of a feed, as far as it said.
    pub(crate) fn can_get(&self, feed: FeedId, index: u64, limits: &Limits) -> bool {
        let has = |channel: &Channel| {
            let theirs = channel.theirs.unwrap_or_default();
            let is_open = channel.local.is_some() && channel.remote.is_some();
            is_open && !channel.is_refused && theirs.uploading && theirs.length > index
        };
        self.gets.len() < limits.hypercore_fetches && self.channels.get(&feed).is_some_and(has)
    }

    /// Asks for one block of a feed, which comes with [`HypercoreSession::take_got`].
    pub(crate) fn get(&mut self, request: RequestId, feed: FeedId, index: u64) {
        self.gets.push(self.next_id, request, feed, index);
        self.next_id += 1;
        self.due.insert(feed);
        self.is_even = false;
    }

    /// Blocks that came, and those that will not.
    pub(crate) fn take_got(&mut self) -> Vec<GetAnswer> {
        self.gets.take_got()
    }

    /// Feeds that others are to be asked for now.
    pub(crate) fn take_unassigned(&mut self) -> Vec<FeedId> {
        core::mem::take(&mut self.freed)
    }

    /// Something about a feed has changed: it has grown, or nobody is asked for it.
    pub(crate) fn touch(&mut self, feed: FeedId) -> bool {
        let is_here = self.channels.contains_key(&feed);
        if is_here {
            self.due.insert(feed);
            self.is_even = false;
        }
        is_here
    }

    /// Takes one message of a feed's channel.
    pub(crate) fn receive(
        &mut self,
        context: &mut Context<'_>,
        feed: FeedId,
        (kind, body): (u64, &[u8]),
    ) -> Result<(), CloseReason> {
        let Some(message) = Message::decode(kind, body)? else { return Ok(()) };
        let Some(channel) = self.channels.get_mut(&feed) else { return Ok(()) };
        self.is_even = false;
        match message {
            Message::Sync(sync) => {
                channel.theirs = Some(sync);
                self.on_sync(context, feed, sync);
            }
            Message::Request(request) => {
                self.answers.push(feed, request, context.limits)?;
                self.answers.read_ahead(context, self.connection);
            }
            Message::Cancel(request) => self.answers.cancel(feed, request),
            Message::Data(data) => self.on_data(context, feed, &data)?,
            Message::NoData { request, .. } => self.on_reject(context, feed, request),
            Message::Want(_) => channel.wants_range = true,
            Message::Bitfield(bitfield) => channel.holds.on_bitfield(&bitfield),
            Message::Range(news) => {
                channel.holds.on_range(&news);
                let (connection, length) = (self.connection, channel.holds.contiguous());
                if !news.drop && channel.told_of < length {
                    channel.told_of = length;
                    context.outbox.event(Event::Held { connection, feed, length });
                }
            }
            Message::Unwant(_) | Message::Extension { .. } => (),
        }
        self.due.insert(feed);
        Ok(())
    }

    /// A length of another fork is the author's truncation, or a copy's: it is not followed.
    fn on_sync(&mut self, context: &mut Context<'_>, id: FeedId, sync: Sync) {
        let (Some(channel), Some(feed)) = (self.channels.get_mut(&id), context.feeds.get(id))
        else {
            return;
        };
        let is_other = sync.length > 0 && !channel::is_followed(feed, sync.fork);
        if is_other && channel.truncated != Some(sync.fork) {
            channel.truncated = Some(sync.fork);
            let (connection, fork, length) = (self.connection, sync.fork, sync.length);
            context.outbox.event(Event::Truncated { connection, feed: id, fork, length });
        }
    }

    /// What came of this peer is durable, or never will be.
    pub(crate) fn stored(&mut self, bytes: u64) {
        self.unstored = self.unstored.saturating_sub(bytes);
        // There is room to ask for more.
        self.due.extend(self.fetching.iter().copied());
        self.is_even = false;
    }

    /// An answer was read.
    pub(crate) fn answer(
        &mut self,
        context: &mut Context<'_>,
        read: ProofRead,
        values: Result<Vec<Option<Bytes>>, StoreFailure>,
    ) {
        let id = read.feed();
        let failure = self.answers.finish_read(context, read, values).err();
        self.answers.read_ahead(context, self.connection);
        self.is_even = false;
        if let Some(failure) = failure {
            context.outbox.event(Event::FeedBroken { feed: id, failure });
        }
    }

    /// What the peer makes us hold on these channels, beside what its session does.
    pub(crate) fn footprint(&self, session: ConnectionFootprint) -> ConnectionFootprint {
        let channels = || self.channels.values();
        ConnectionFootprint {
            stock_channels: self.channels.len(),
            stock_requests: self.answers.open(),
            stock_asks: channels().map(|channel| channel.fetch.asks()).max().unwrap_or(0),
            stock_early_bytes: channels().map(|channel| channel.fetch.early_bytes()).sum(),
            stock_ready_bytes: self.answers.ready_bytes(),
            ..session
        }
    }

    /// When the peer will have owed an answer for too long, or is to be asked again.
    pub(crate) fn deadline(&self, wait: Option<Duration>) -> Option<Instant> {
        let fetches = || self.fetching.iter().filter_map(|feed| self.channels.get(feed));
        let owed = fetches().filter_map(|channel| channel.fetch.waits_since());
        let owed = owed.chain(self.gets.waits_since()).min();
        let owed = owed.zip(wait).map(|(since, wait)| since + wait);
        let resting = self.resting.iter().filter_map(|feed| self.channels.get(feed));
        let resumes = resting.filter_map(|channel| channel.fetch.resume());
        owed.into_iter().chain(resumes).min()
    }

    /// Gives up what the peer has owed for too long, and wakes what waited. Returns whether there
    /// may be something to send.
    pub(crate) fn time_out(
        &mut self,
        sources: &mut FetchAssignments,
        now: Instant,
        wait: Option<Duration>,
    ) -> bool {
        let is_over = |since: Instant| wait.is_some_and(|wait| now >= since + wait);
        self.gets.fail_all(|_, since| since.is_some_and(is_over));
        for id in self.fetching.clone() {
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            if channel.fetch.waits_since().is_some_and(is_over) {
                self.fetch(id, |fetch| fetch.give_up(now + wait.unwrap_or_default()));
                self.resting.insert(id);
                self.due.insert(id);
                self.release(sources, id);
            }
        }
        for (id, channel) in &mut self.channels {
            if self.resting.contains(id) && channel.fetch.wake(now) {
                self.resting.remove(id);
                self.due.insert(*id);
            }
        }
        !self.due.is_empty()
    }

    /// Fills a frame with what is to be said. `number` gives a channel of ours its number.
    pub(crate) fn compose(
        &mut self,
        context: &mut Context<'_>,
        (role, handshake_hash): (Role, &[u8; 64]),
        mut number: impl FnMut(FeedId) -> u64,
        batch: &mut Batch,
    ) {
        // Each in a frame of its own: JavaScript answers a batch with a batch, which could be
        // longer than what is taken of a peer that has shown nothing yet.
        while let Some(id) = self.to_open.pop_first() {
            let Some(feed) = context.feeds.get(id) else { continue };
            let Some(channel) = self.channels.get_mut(&id) else { continue };
            let local_id = number(id);
            channel.local = Some(local_id);
            let mut handshake = Vec::new();
            // Unlike hypercore lib/replicator.js: who seeks narrows the place down by hashes.
            let open =
                Open { seeks: false, capability: capability(&feed.key, handshake_hash, role) };
            open.encode(&mut handshake);
            let id = crate::crypto::hash::discovery_key(&feed.key.0);
            let protocol = channel.protocol;
            let id = Some(&id[..]);
            batch.push(&MuxMessage::Open { local_id, protocol, id, handshake: &handshake });
            return;
        }
        while batch.size() < FRAME_BYTES
            && let Some(id) = self.due.pop_first()
        {
            self.speak(context, id, batch);
        }
        while batch.size() < FRAME_BYTES
            && let Some((id, kind, body)) = self.answers.pop()
        {
            let channel = self.channels.get(&id).and_then(|channel| channel.local);
            if let Some(channel) = channel {
                batch.push(&MuxMessage::Message { channel, kind, body: &body });
            }
        }
        self.answers.read_ahead(context, self.connection);
        self.is_even = batch.is_empty() && self.are_channels_in_sync(context);
    }

    /// Says all that a channel has to say.
    fn speak(&mut self, context: &mut Context<'_>, id: FeedId, batch: &mut Batch) {
        let Some(channel) = self.channels.get_mut(&id) else { return };
        let (Some(local), Some(_)) = (channel.local, channel.remote) else { return };
        let Some(feed) = context.feeds.get(id) else { return };
        let mut messages = Vec::new();
        channel.speak(feed, &mut messages);
        if let Some(theirs) = channel.theirs {
            self.gets.speak((id, feed), theirs, context.now, &mut messages);
        }
        let source = context.sources.get(&id).copied();
        if source.is_none_or(|source| source == self.connection) && !channel.is_refused {
            let mut room = Room {
                limits: context.limits,
                bytes: (context.limits.window_bytes as u64).saturating_sub(self.unstored),
                next_id: &mut self.next_id,
                now: context.now,
            };
            let fetch = &mut channel.fetch;
            let early_bytes = fetch.early_bytes();
            let theirs = channel.theirs.filter(|_| !context.feeds.is_full(id));
            let is_asking = fetch.ask(feed, theirs, &channel.holds, &mut room, &mut messages);
            self.early_bytes = self.early_bytes + fetch.early_bytes() - early_bytes;
            if is_asking {
                context.sources.insert(id, self.connection);
                self.fetching.insert(id);
            } else {
                self.release(context.sources, id);
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
        let is_even = |(id, channel): (&FeedId, &Channel)| {
            let feed = context.feeds.get(*id);
            let length = feed.map_or(0, |feed| feed.length());
            let is_over =
                feed.is_some_and(|feed| feed.is_transient()) || context.feeds.is_full(*id);
            is_over || channel.is_even(length)
        };
        let is_idle = self.answers.is_idle() && self.gets.len() == 0;
        self.to_open.is_empty() && is_idle && self.channels.iter().all(is_even)
    }
}

/// Whether the peer has shown that it is a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    Member,
    Stranger,
}

/// How long a peer that had no answer is left alone.
const RESUME_WAIT: Duration = Duration::from_secs(2);
