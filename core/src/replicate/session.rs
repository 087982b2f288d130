//! One peer × the group, once both have shown that they are members.
//!
//! Rule: what is to be said is state, not a queue: [`Session::compose`](super::compose) turns it
//! into messages when the socket has room, so that nothing grows while a peer does not read.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Range as Run;

use super::aliases::{Aliases, FeedAlias};
use super::fork::Forks;
use super::peer_feed::{Credit, PeerFeed, PeerFeeds};
use super::policy::Offer;
use super::push;
use super::reconcile::{Reconciliation, check_length};
use super::refetch::Refetch;
use super::serve::Serving;
use super::sync_checkpoint::SyncCheckpoint;
use crate::config::Limits;
use crate::crypto::SignatureMemo;
use crate::crypto::sign::PublicKey;
use crate::error::{CloseReason, Limit, Violation};
use crate::feed::checkpoint::PeerTag;
use crate::feed::manifest::{self, Origin};
use crate::feed::set::Feeds;
use crate::group::Group;
use crate::id::{ConnectionId, FeedId};
use crate::io::Event;
use crate::multifeed::ConnectionFootprint;
use crate::outbox::Outbox;
use crate::policy::{KeyRuling, Policy};
use crate::reconcile::sets::Sets;
use crate::time::Instant;
use crate::wire::multifeed::{self as message, FeedRef, HeadEntry, Hello, Kind, Reject, WantEntry};
use crate::wire::reconcile::Entry;

/// Which connection a feed is being fetched from.
pub(crate) type FetchAssignments = BTreeMap<FeedId, ConnectionId>;

/// What a session works on besides itself.
pub(crate) struct Context<'a> {
    pub(crate) group: &'a Group,
    pub(crate) limits: &'a Limits,
    pub(crate) memo: Option<&'a SignatureMemo>,
    pub(crate) feeds: &'a mut Feeds,
    pub(crate) sets: &'a mut Sets,
    pub(crate) sources: &'a mut FetchAssignments,
    pub(crate) policy: &'a Policy,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) now: Instant,
}

/// What was asked of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FetchState {
    /// Up to where: what the peer offered then.
    pub(super) target: u64,
    /// When it was asked, or last sent some of it.
    pub(super) since: Instant,
}

/// One peer × the group.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) connection: ConnectionId,
    pub(super) names: Aliases,
    pub(super) edges: PeerFeeds,
    pub(super) serving: Serving,
    pub(super) reconciliation: Reconciliation,
    pub(super) settling: SyncCheckpoint,
    /// Feeds that a reconciliation brought and that wait to be made candidates, by the peer's
    /// numbers.
    pub(super) heard: BTreeMap<u32, (FeedAlias, Entry)>,
    /// How many of them may still be.
    pub(super) queued_offer_credit: u32,
    /// Those that the peer says no to, until it speaks of them again.
    pub(super) retracted_offers: BTreeMap<u32, (FeedAlias, Entry)>,
    /// Feeds to announce because something about them changed.
    pub(super) changed: BTreeSet<FeedId>,
    /// Feeds to say no to, by the name to use.
    pub(super) nos: BTreeSet<(FeedRef, Reject)>,
    /// Feeds that the peer offers and that are not taken, by the number that it gave them.
    pub(super) offered: BTreeMap<u32, Offer>,
    /// Blocks that one of us asks the other for again.
    pub(super) again: Refetch,
    /// Feeds of which the peer offers more than we have, in turn.
    pub(super) backlog: BTreeSet<FeedId>,
    /// Feeds that the peer was told are declined, and that are taken again though nothing of them
    /// is here that could be announced.
    pub(super) reopened: BTreeSet<FeedId>,
    /// Feeds that the peer owes us blocks of.
    pub(super) asked: BTreeMap<FeedId, FetchState>,
    /// Blocks were asked of the peer once: from then on they may come, also unasked.
    pub(super) has_requested: bool,
    /// Feeds whose source this peer is no more: they are to be asked of others.
    pub(super) freed: Vec<FeedId>,
    /// The peer did not send what it owed in time: it is asked again then, or once it sends.
    pub(super) resume: Option<Instant>,
    /// How often the peer has owed blocks for too long since it last sent some of use.
    pub(super) stalls: u32,
    /// Feeds of which the peer has another history than we.
    pub(super) contested: usize,
    /// Feeds of two histories, and what is to be said of them.
    pub(super) forking: Forks,
    /// When the peer last made us wait less.
    pub(super) progress: Instant,
    /// Names and bytes: what we may still send, what the peer may still send, and what it has to
    /// be granted anew.
    pub(super) alias_credit: u32,
    pub(super) remote_alias_credit: u32,
    pub(super) alias_credit_to_grant: u32,
    pub(super) window: u64,
    pub(super) remote_window: u64,
    pub(super) window_to_grant: u64,
    /// Bytes of ranges that the peer may be sent before it asks.
    pub(super) push_credit: u64,
    was_synced: bool,
}

impl Session {
    /// Begins, with what the peer's hello grants us and ours granted it.
    pub(crate) fn new(
        (connection, peer): (ConnectionId, PeerTag),
        reconciliation: Reconciliation,
        theirs: &Hello,
        context: &Context<'_>,
    ) -> Self {
        let (limits, now) = (context.limits, context.now);
        let changed = reconciliation.changed_since_claimed(context);
        Self {
            connection,
            names: Aliases::default(),
            edges: PeerFeeds::default(),
            serving: Serving::default(),
            reconciliation,
            settling: SyncCheckpoint::new(peer),
            heard: BTreeMap::new(),
            queued_offer_credit: limits.aliases,
            retracted_offers: BTreeMap::new(),
            changed,
            nos: BTreeSet::new(),
            offered: BTreeMap::new(),
            again: Refetch::default(),
            backlog: BTreeSet::new(),
            reopened: BTreeSet::new(),
            asked: BTreeMap::new(),
            has_requested: false,
            freed: Vec::new(),
            resume: None,
            stalls: 0,
            contested: 0,
            forking: Forks::default(),
            progress: now,
            alias_credit: theirs.aliases,
            remote_alias_credit: limits.aliases,
            alias_credit_to_grant: 0,
            window: theirs.window,
            remote_window: limits.window_bytes as u64,
            window_to_grant: 0,
            push_credit: push::granted(theirs, limits.push_bytes),
            was_synced: false,
        }
    }

    /// Takes one message of the peer.
    pub(crate) fn receive(
        &mut self,
        context: &mut Context<'_>,
        kind: Kind,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        match kind {
            Kind::Heads => {
                for entry in message::entries(body) {
                    self.on_head(context, entry?)?;
                }
            }
            Kind::Listed => self.reconciliation.listed(),
            Kind::Wants => {
                for entry in message::entries(body) {
                    self.on_want(context, entry?)?;
                }
            }
            Kind::Refetch => {
                for entry in message::entries(body) {
                    self.on_refetch(context, entry?)?;
                }
            }
            Kind::Range => self.on_range(context, body)?,
            Kind::Rejects => {
                for entry in message::entries(body) {
                    self.on_reject(context, entry?)?;
                }
            }
            Kind::AliasCredit => {
                let names: u32 = message::decode(body)?;
                self.alias_credit =
                    self.alias_credit.checked_add(names).ok_or(Violation::OutOfRange)?;
            }
            Kind::WindowCredit => {
                let bytes: u64 = message::decode(body)?;
                self.window = self.window.checked_add(bytes).ok_or(Violation::OutOfRange)?;
            }
            Kind::Claim => self.on_claim(context, body)?,
            Kind::SignedHead => self.on_signed_head(context, body)?,
            Kind::ForkProof => self.on_fork_proof(context, body)?,
            Kind::Checkpoint => self.on_checkpoint(message::decode(body)?),
            kind => self.on_reconcile_message(context, kind, body)?,
        }
        Ok(())
    }

    fn on_head(&mut self, context: &mut Context<'_>, entry: HeadEntry) -> Result<(), CloseReason> {
        check_length(entry.length)?;
        if self.retake_retracted(&entry) {
            return Ok(());
        }
        let feed = match entry.name {
            FeedRef::New(public_key) => self.on_new_feed(context, public_key, entry.length)?,
            name => self.resolve(context.feeds, name)?,
        };
        match feed {
            Some(feed) => self.on_length(context, feed, entry.length, entry.fork),
            None => {
                self.note_offer(&entry);
                self.update_queued_offer(context, &entry);
                Ok(())
            }
        }
    }

    /// The peer holds so much of a feed, as it says.
    pub(super) fn on_length(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        theirs: u64,
        fork: u64,
    ) -> Result<(), CloseReason> {
        check_length(theirs)?;
        let Some(feed) = context.feeds.get(id) else { return Ok(()) };
        if fork != 0 {
            self.settling.set_diverged();
            // Unlike hypercore lib/replicator.js, a truncation by the author is not followed.
            if let Some(name) = self.edges.get(id).and_then(feed_ref) {
                self.nos.insert((name, Reject::Declined));
            }
            self.return_credit(id, feed.length());
            return Ok(());
        }
        let (length, is_broken) = (feed.length(), feed.broken().is_some());
        let (is_accepted, staged_length) = (feed.is_accepted(), feed.staged_length());
        self.reopen(id, 0, length);
        let is_contested = self.edges.get(id).is_some_and(|edge| edge.is_contested);
        let (public_key, is_full) = (feed.public_key, context.feeds.is_full(id));
        let wanted = staged_length < theirs && is_accepted && !is_broken && !is_contested;
        self.refuse_unannounced(id, length, is_accepted);
        let is_news = self.edges.update(id, length, |edge| {
            let is_news = theirs > edge.theirs;
            if is_news {
                edge.theirs = theirs;
                edge.lost = is_broken;
            }
            // The peer got from others what we had not sent yet: it needs no pushes from us.
            edge.pushes_appends &= theirs <= edge.sent;
            is_news
        });
        if wanted && is_full {
            self.fill(context.sources, id, public_key, staged_length);
        } else if wanted && !self.asked.contains_key(&id) {
            self.backlog.insert(id);
        }
        self.notify_fork(context.feeds, id);
        self.serving.skip(id, theirs);
        self.push(context, id, theirs);
        if length > 0 && is_news && is_accepted {
            let connection = self.connection;
            context.outbox.event(Event::Held { connection, feed: id, length: theirs });
        }
        Ok(())
    }

    /// The peer names a feed for the first time. `None`: it is declined.
    fn on_new_feed(
        &mut self,
        context: &mut Context<'_>,
        public_key: PublicKey,
        offered: u64,
    ) -> Result<Option<FeedId>, CloseReason> {
        self.remote_alias_credit = self.remote_alias_credit.checked_sub(1).ok_or(Limit::Aliases)?;
        let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
        let known = context.feeds.find(&key);
        let has_room = context.feeds.has_room(context.limits);
        let admission = context.policy.admit(&key);
        let feed = match known {
            None if has_room && admission == KeyRuling::Accepted => {
                Some(context.feeds.insert(key, public_key))
            }
            known => known,
        };
        if let Some(feed) = feed.and_then(|id| context.feeds.get_mut(id)) {
            // It may have been adopted by its key, before anybody knew that it is of the group.
            feed.set_origin(Origin::Group, public_key);
        }
        let number = self.names.take(feed, 2 * context.limits.feeds)?;
        let Some(id) = feed else {
            self.alias_credit_to_grant += 1;
            self.nos.insert((FeedRef::Receiver(number.get()), Reject::Declined));
            let offer = Offer { key, public_key, length: offered };
            self.remember_offer(context, number, offer, admission);
            return Ok(None);
        };
        let feed = context.feeds.get(id);
        let length = feed.map_or(0, |feed| feed.length());
        let is_refused = feed.is_some_and(|feed| !feed.is_accepted());
        self.alias_credit_to_grant += u32::from(length > 0 || is_refused);
        let is_named = self.edges.update(id, length, |edge| {
            edge.credit = (length == 0 && !is_refused).then_some(Credit::Alias);
            edge.refused |= is_refused;
            edge.yours.replace(number).is_some()
        });
        if is_refused {
            self.nos.insert((FeedRef::Receiver(number.get()), Reject::Declined));
        }
        match is_named && !self.may_rename() {
            true => Err(Violation::BadName.into()),
            false => Ok(Some(id)),
        }
    }

    fn on_want(&mut self, context: &mut Context<'_>, entry: WantEntry) -> Result<(), CloseReason> {
        let found = self.resolve(context.feeds, entry.name)?;
        let taken = |id| Some((id, context.feeds.get(id).filter(|feed| feed.is_accepted())?));
        let Some((id, feed)) = found.and_then(taken) else {
            // It was told so; but what is refused on both sides is heard there by nobody.
            let name = found.and_then(|id| self.edges.get(id)).and_then(feed_ref);
            self.nos.insert((name.unwrap_or(entry.name.turned()), Reject::Declined));
            return Ok(());
        };
        let length = feed.length();
        self.reopen(id, entry.start, length);
        if length == 0 || feed.broken().is_some() || feed.is_cleared(entry.start) {
            self.withhold(id, length);
            return Ok(());
        }
        let start = self.start_of(id, entry.start, length);
        self.edges.update(id, length, |edge| {
            (edge.pushes_appends, edge.is_withheld) = (true, false);
            edge.sent = start.min(length);
        });
        if start < length {
            self.serving.want(id, start, context.limits)?;
        }
        Ok(())
    }

    /// Tells the peer that we cannot give what we announced.
    pub(super) fn withhold(&mut self, feed: FeedId, length: u64) {
        // It may lack what it was never told of, and must not believe that we agree on it.
        self.settling.set_diverged();
        let name = self.edges.update(feed, length, |edge| {
            edge.is_withheld = true;
            edge.pushes_appends = false;
            feed_ref(edge)
        });
        if let Some(name) = name {
            self.nos.insert((name, Reject::Unavailable));
        }
    }

    /// The peer will not send a feed that we asked of it.
    pub(super) fn give_up(&mut self, sources: &mut FetchAssignments, feed: FeedId) {
        self.backlog.remove(&feed);
        if self.asked.remove(&feed).is_some() {
            sources.remove(&feed);
            self.freed.push(feed);
        }
    }

    /// A feed that the peer named is settled: it may name another.
    pub(super) fn return_credit(&mut self, feed: FeedId, length: u64) {
        let grant = self.edges.update(feed, length, |edge| edge.credit.take());
        match grant {
            Some(Credit::Alias) => self.alias_credit_to_grant += 1,
            Some(Credit::QueuedOffer) => self.queued_offer_credit += 1,
            None => (),
        }
    }

    /// A feed has grown by a run of blocks, durably: whoever lacks it is sent it or told of it.
    pub(crate) fn grown(&mut self, feed: FeedId, run: Run<u64>, limits: &Limits) {
        self.record_equal_length(feed, run.start);
        let push_from = match self.edges.get(feed) {
            Some(edge) if edge.is_contested || edge.refused => {
                self.edges.update(feed, run.end, |_| ());
                return;
            }
            None => None,
            Some(edge) => {
                let has = edge.theirs.max(edge.sent);
                let is_next = edge.pushes_appends && run.contains(&has);
                is_next.then_some(has)
            }
        };
        if self.edges.get(feed).is_some() {
            // What the peer could not give may be behind us now, and the rest it has.
            let is_new = self.edges.update(feed, run.end, |edge| {
                core::mem::take(&mut edge.lost) && edge.theirs > run.end
            });
            if is_new {
                self.backlog.insert(feed);
            }
            self.return_credit(feed, run.end);
        }
        let is_pushed = match push_from {
            Some(_) if self.serving.is_serving(feed) => true,
            Some(from) => self.serving.want(feed, from, limits).is_ok(),
            None => false,
        };
        if !is_pushed {
            self.changed.insert(feed);
        }
    }

    /// How reluctantly this peer is asked for a feed, the least first; `None` if it does not offer
    /// more than we have.
    pub(crate) fn source_cost(&self, feed: FeedId, staged_length: u64) -> Option<u32> {
        let offers = self.edges.get(feed).is_some_and(|edge| edge.offers(staged_length));
        offers.then_some(self.stalls)
    }

    /// Another source of a feed is gone: this peer is asked.
    pub(crate) fn assign(&mut self, feed: FeedId) {
        self.backlog.insert(feed);
    }

    /// Feeds that the peer owes us, and that others are to be asked for now.
    pub(crate) fn take_unassigned(&mut self) -> Vec<FeedId> {
        core::mem::take(&mut self.freed)
    }

    /// The peer has sent nothing at all of what it owes since `before`.
    pub(crate) fn is_silent_since(&self, before: Instant) -> bool {
        !self.asked.is_empty() && self.progress <= before
    }

    /// Takes back everything that was asked of this peer.
    pub(crate) fn release_all(&mut self, sources: &mut FetchAssignments) {
        for feed in core::mem::take(&mut self.asked).into_keys() {
            sources.remove(&feed);
            self.freed.push(feed);
        }
    }

    /// The peer owes blocks and has sent none for too long. What it owes is asked of others; it
    /// is asked again at `resume`, or as soon as it sends something.
    pub(crate) fn stall(&mut self, sources: &mut FetchAssignments, resume: Instant) {
        self.resume = Some(resume);
        self.stalls = self.stalls.saturating_add(1);
        self.backlog.extend(self.asked.keys());
        self.release_all(sources);
    }

    /// Feeds of which the peer has sent nothing since `before`. It may have sent others: one that
    /// drips must not keep from us what others would give.
    pub(crate) fn overdue(&self, before: Instant) -> Vec<FeedId> {
        let overdue = self.asked.iter().filter(|(_, asked)| asked.since <= before);
        overdue.map(|(feed, _)| *feed).collect()
    }

    /// Asks others for a feed that the peer owes, if there are others; or waits on.
    pub(crate) fn reassign(
        &mut self,
        sources: &mut FetchAssignments,
        feed: FeedId,
        others: bool,
        now: Instant,
    ) {
        if others {
            self.stalls = self.stalls.saturating_add(1);
            self.give_up(sources, feed);
        } else if let Some(asked) = self.asked.get_mut(&feed) {
            asked.since = now;
        }
    }

    /// When the peer is to be asked again, if it is not asked for now.
    pub(crate) fn resume(&self) -> Option<Instant> {
        self.resume
    }

    /// The time to ask again has come.
    pub(crate) fn ask_again(&mut self) {
        self.resume = None;
    }

    /// The peer owes us blocks, or blocks of some feed, since then.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        let oldest = self.asked.values().map(|asked| asked.since).min()?;
        Some(oldest.min(self.progress))
    }

    /// Whether the peer was ever asked for blocks, which may make a long frame.
    pub(crate) fn has_requested(&self) -> bool {
        self.has_requested
    }

    /// Nothing is left to say, and neither side lacks what the other offers.
    pub(crate) fn is_synced(&self) -> bool {
        self.reconciliation.is_over()
            && self.heard.is_empty()
            && self.edges.are_in_sync()
            && self.changed.is_empty()
            && self.nos.is_empty()
            && self.reopened.is_empty()
            && self.serving.is_idle()
            && self.again.is_idle()
            && self.forking.is_idle()
    }

    /// Whether the peers have come to be in sync since the last call.
    pub(crate) fn take_became_synced(&mut self) -> bool {
        let is_synced = self.is_synced();
        let was_synced = core::mem::replace(&mut self.was_synced, is_synced);
        is_synced && !was_synced
    }

    /// What this peer offers of each feed that it named or was told of.
    pub(crate) fn offers(&self) -> impl Iterator<Item = (FeedId, u64)> {
        let open = self.edges.iter().filter(|(_, edge)| !edge.lost && !edge.refused);
        open.map(|(feed, edge)| (feed, edge.theirs))
    }

    /// How much of a feed, of which we offer `length` blocks, the peer offers.
    pub(crate) fn offers_of(&self, feed: FeedId, length: u64) -> Option<u64> {
        match self.edges.get(feed) {
            Some(edge) => (!edge.lost && edge.is_open()).then_some(edge.theirs),
            // What neither side named since they agreed, both hold alike.
            None => (self.reconciliation.sets_equal() && length > 0).then_some(length),
        }
    }

    /// Of a feed that neither side has named since they agreed, the peer holds as much as we:
    /// remembers so, before we hold another length.
    pub(super) fn record_equal_length(&mut self, feed: FeedId, length: u64) {
        if self.reconciliation.sets_equal() && self.edges.get(feed).is_none() {
            self.edges.update(feed, length, |edge| edge.theirs = length);
        }
    }

    /// Since when the peer has not gone on to reconcile.
    pub(crate) fn reconciles_since(&self) -> Option<Instant> {
        self.reconciliation.waits_since()
    }

    /// Gives back what all sessions share, for when the connection ends.
    pub(crate) fn leave(&mut self, sets: &mut Sets) {
        self.reconciliation.leave(sets);
    }

    /// Whether the feed was named on this connection.
    pub(crate) fn knows(&self, feed: FeedId) -> bool {
        self.edges.get(feed).is_some()
    }

    /// What the peer makes us hold for the exchange of feeds.
    pub(crate) fn footprint(&self) -> ConnectionFootprint {
        let Self { changed, backlog, reopened, nos, forking, .. } = self;
        let unsaid = [changed.len(), backlog.len(), reopened.len(), nos.len(), forking.len()];
        ConnectionFootprint {
            wants: self.asked.len(),
            names: self.edges.iter().filter(|(_, edge)| edge.credit.is_some()).count(),
            heard: self.heard.len() + self.retracted_offers.len(),
            part_bytes: self.reconciliation.part_bytes(),
            edges: self.edges.iter().count(),
            unsaid: unsaid.into_iter().max().unwrap_or(0),
            ..self.serving.footprint()
        }
    }

    /// Every feed of this peer, for when the connection ends.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = FeedId> {
        self.edges.iter().map(|(feed, _)| feed)
    }
}

/// How we name a feed to the peer, if either side has given it a number.
pub(super) fn feed_ref(edge: &PeerFeed) -> Option<FeedRef> {
    let mine = edge.mine.map(|number| FeedRef::Sender(number.get()));
    mine.or(edge.yours.map(|number| FeedRef::Receiver(number.get())))
}
