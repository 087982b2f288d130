//! The exchange of the group's feeds with one peer, once both have shown that they are members.
//!
//! Rule: pending messages are state, not a queue. [`Session::compose`] turns them into messages
//! when the socket has room, so nothing grows while a peer does not read.
//!
//! Each field is a part that keeps its own rules. Files below this one connect the parts and change
//! none of their fields.

mod checkpoint;
mod compose;
mod fork;
mod heads;
mod offers;
mod policy;
mod range;
mod reconcile;
mod refetch;

use alloc::vec::Vec;

use super::aliases::Aliases;
use super::announcements::Announcements;
use super::context::{Context, FetchAssignments};
use super::downloads::Downloads;
use super::forked_prefixes::ForkedPrefixes;
use super::forks::Forks;
use super::offers::Offers;
use super::peer_feed::PeerFeeds;
use super::peer_limits::PeerLimits;
use super::push;
use super::reconcile::Reconciliation;
use super::refetch::Refetch;
use super::sync_checkpoint::SyncCheckpoint;
use super::uploads::Uploads;
use crate::config::Limits;
use crate::error::CloseReason;
use crate::feed::checkpoint::PeerTag;
use crate::feed::set::Feeds;
use crate::footprint::ConnectionFootprint;
use crate::id::{ConnectionId, FeedId};
use crate::reconcile::sets::Sets;
use crate::time::Instant;
use crate::wire::multifeed::{self as message, Hello, Kind};

/// The exchange with one peer.
#[derive(Debug)]
pub(crate) struct Session {
    connection: ConnectionId,
    aliases: Aliases,
    peer_feeds: PeerFeeds,
    offers: Offers,
    announcements: Announcements,
    downloads: Downloads,
    uploads: Uploads,
    refetch: Refetch,
    forks: Forks,
    peer_limits: PeerLimits,
    checkpoint: SyncCheckpoint,
    reconciliation: Reconciliation,
}

/// What the peer said when the session began.
#[derive(Debug)]
pub(crate) struct PeerHello<'a> {
    pub(crate) hello: &'a Hello,
    pub(crate) limits: PeerLimits,
    pub(crate) forked_prefixes: ForkedPrefixes,
}

impl Session {
    /// Starts with the credits that the peer's hello grants, and what the peer accepts.
    pub(crate) fn new(
        connection: ConnectionId,
        peer: PeerTag,
        reconciliation: Reconciliation,
        said: PeerHello<'_>,
        context: &Context<'_>,
    ) -> Self {
        let PeerHello { hello, limits: peer_limits, forked_prefixes } = said;
        let limits = context.limits;
        let push_credit = push::granted(hello, limits.push_bytes);
        Self {
            connection,
            aliases: Aliases::new(hello.aliases, limits),
            peer_feeds: PeerFeeds::default(),
            offers: Offers::default(),
            announcements: Announcements::new(reconciliation.changed_since_claimed(context)),
            downloads: Downloads::new(connection, limits, context.now),
            uploads: Uploads::new(hello.window, push_credit),
            refetch: Refetch::default(),
            forks: Forks::new(forked_prefixes),
            peer_limits,
            checkpoint: SyncCheckpoint::new(peer),
            reconciliation,
        }
    }

    /// Handles one message of the peer.
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
            Kind::Listed => self.reconciliation.on_listed(),
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
            Kind::AliasCredit => self.aliases.add_credit(message::decode(body)?)?,
            Kind::WindowCredit => self.uploads.add_window(message::decode(body)?)?,
            Kind::Claim => self.on_claim(context, body)?,
            Kind::SignedHead => self.on_signed_head(context, body)?,
            Kind::ForkProof => self.on_fork_proof(context, body)?,
            Kind::ForkedFeeds => self.on_forked_feeds(context, body)?,
            Kind::ForkedWanted => self.on_forked_wanted(context, body)?,
            Kind::Checkpoint => self.checkpoint.on_received(message::decode(body)?),
            kind => self.on_reconcile_message(context, kind, body)?,
        }
        Ok(())
    }

    /// A feed uses no credit any more, because it has blocks or will get none: the peer may name
    /// another one.
    fn return_credit(&mut self, feed: FeedId, length: u64) {
        let credit = self.peer_feeds.update(feed, length, |peer_feed| peer_feed.take_credit());
        if let Some(credit) = credit {
            self.aliases.return_credit(credit);
        }
    }

    /// If neither side has named a feed since they agreed, the peer holds what we hold. Records
    /// that before our length changes.
    fn record_equal_length(&mut self, feed: FeedId, length: u64) {
        if self.reconciliation.sets_equal() && !self.peer_feeds.contains(feed) {
            self.peer_feeds.update(feed, length, |peer_feed| peer_feed.set_remote_length(length));
        }
    }

    /// The cost of fetching a feed from this peer; `None` if it does not offer more than we have.
    pub(crate) fn source_cost(&self, feed: FeedId, staged_length: u64) -> Option<u32> {
        let peer_feed = self.peer_feeds.get(feed);
        let is_offered = peer_feed.is_some_and(|peer_feed| peer_feed.offers(staged_length));
        is_offered.then_some(self.downloads.stalls())
    }

    /// Fetches a feed from this peer, because it is not fetched from another any more.
    pub(crate) fn assign(&mut self, feed: FeedId) {
        self.downloads.queue(feed);
    }

    /// Feeds that the peer owes and that are to be requested from others now.
    pub(crate) fn take_unassigned(&mut self) -> Vec<FeedId> {
        self.downloads.take_unassigned()
    }

    /// Whether the peer owes blocks and has sent no range since `before`.
    pub(crate) fn is_silent_since(&self, before: Instant) -> bool {
        self.downloads.is_silent_since(before)
    }

    /// Cancels all requests to this peer.
    pub(crate) fn release_all(&mut self, assignments: &mut FetchAssignments) {
        self.downloads.release_all(assignments);
    }

    /// The peer owes blocks and sent none for too long: see [`Downloads::stall`].
    pub(crate) fn stall(&mut self, assignments: &mut FetchAssignments, resume_at: Instant) {
        self.downloads.stall(assignments, resume_at);
    }

    /// Feeds without data from the peer since `before`. It may have sent other feeds, but a slow
    /// peer must not delay downloads that other peers can serve.
    pub(crate) fn overdue(&self, before: Instant) -> Vec<FeedId> {
        self.downloads.overdue(before)
    }

    /// Releases an overdue feed, if other peers can give it; otherwise waits longer.
    pub(crate) fn reassign(
        &mut self,
        assignments: &mut FetchAssignments,
        feed: FeedId,
        has_others: bool,
        now: Instant,
    ) {
        if has_others {
            self.downloads.fail_request(assignments, feed);
        } else {
            self.downloads.extend_request(feed, now);
        }
    }

    /// When a peer that stalled is asked again.
    pub(crate) fn resume_at(&self) -> Option<Instant> {
        self.downloads.resume_at()
    }

    /// Asks a peer again that stalled.
    pub(crate) fn resume(&mut self) {
        self.downloads.resume();
    }

    /// Since when the peer owes blocks.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        self.downloads.waits_since()
    }

    /// Whether blocks were ever requested from the peer, so that long frames may come.
    pub(crate) fn has_requested(&self) -> bool {
        self.downloads.has_requested()
    }

    /// The bytes of a range are durable or dropped, so the peer may send as many again.
    pub(crate) fn return_window(&mut self, bytes: u64) {
        self.downloads.return_window(bytes);
    }

    /// Whether no message is pending, and neither side lacks what the other offers.
    pub(crate) fn is_synced(&self) -> bool {
        self.reconciliation.is_over()
            && !self.offers.has_queued()
            && self.peer_feeds.are_in_sync()
            && self.announcements.is_empty()
            && self.offers.reopened_len() == 0
            && self.uploads.is_idle()
            && self.refetch.is_idle()
            && self.forks.is_idle()
    }

    /// Whether the peers have come to be in sync since the last call.
    pub(crate) fn take_became_synced(&mut self) -> bool {
        let is_synced = self.is_synced();
        self.checkpoint.take_became_synced(is_synced)
    }

    /// The length that this peer offers of each feed that either side named, including blocks that
    /// it could not give or that we could not store: we still lack them.
    pub(crate) fn offers(&self) -> impl Iterator<Item = (FeedId, u64)> {
        let offered = self.peer_feeds.iter().filter(|(_, peer_feed)| !peer_feed.is_refused_by_us());
        offered.map(|(feed, peer_feed)| (feed, peer_feed.remote_length()))
    }

    /// The feeds whose history at the peer contradicts ours.
    pub(crate) fn contested(&self) -> impl Iterator<Item = FeedId> {
        let contested = self.peer_feeds.iter().filter(|(_, peer_feed)| peer_feed.is_contested());
        contested.map(|(feed, _)| feed)
    }

    /// The peer's offered length of a feed, while we offer `length` blocks.
    pub(crate) fn offers_of(&self, feed: FeedId, length: u64) -> Option<u64> {
        match self.peer_feeds.get(feed) {
            Some(peer_feed) => {
                let is_offered = peer_feed.is_remote_available() && peer_feed.is_open();
                is_offered.then_some(peer_feed.remote_length())
            }
            // Neither side has named it since they agreed, so both hold the same blocks.
            None => (self.reconciliation.sets_equal() && length > 0).then_some(length),
        }
    }

    /// Since when we wait for the peer's next message of the reconciliation.
    pub(crate) fn reconciles_since(&self) -> Option<Instant> {
        self.reconciliation.waits_since()
    }

    /// When the peer last continued a message of the reconciliation that is incomplete.
    pub(crate) fn partial_since(&self) -> Option<Instant> {
        self.reconciliation.partial_since()
    }

    /// Returns what all sessions share, when the connection ends.
    pub(crate) fn release_shared(&mut self, sets: &mut Sets) {
        self.reconciliation.release(sets);
    }

    /// Whether either side has named the feed on this connection.
    pub(crate) fn knows(&self, feed: FeedId) -> bool {
        self.peer_feeds.contains(feed)
    }

    /// Every feed that either side has named on this connection.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = FeedId> {
        self.peer_feeds.iter().map(|(feed, _)| feed)
    }

    /// The memory that the peer makes us hold for the exchange of feeds.
    pub(crate) fn footprint(&self) -> ConnectionFootprint {
        let unsent = [
            self.announcements.changed_len(),
            self.announcements.rejects_len(),
            self.downloads.backlog_len(),
            self.offers.reopened_len(),
            self.forks.len(),
        ];
        let peer_feeds = self.peer_feeds.iter();
        ConnectionFootprint {
            wants: self.downloads.requested_len(),
            aliases: peer_feeds.filter(|(_, peer_feed)| peer_feed.uses_credit()).count(),
            queued_offers: self.offers.queued_len(),
            part_bytes: self.reconciliation.part_bytes(),
            peer_feeds: self.peer_feeds.len(),
            unsent: unsent.into_iter().max().unwrap_or(0),
            ..self.uploads.footprint()
        }
    }

    /// Panics if an invariant of the session does not hold.
    pub(crate) fn check_invariants(
        &self,
        limits: &Limits,
        assignments: &FetchAssignments,
        sets: &Sets,
    ) {
        self.aliases.check_invariants(|credit| self.peer_feeds.count_credit(credit));
        self.peer_feeds.check_invariants();
        self.offers.check_invariants(limits.remembered_offers);
        self.downloads.check_invariants(assignments);
        self.uploads.check_invariants(limits);
        self.refetch.check_invariants(limits.serves, limits.reads);
        self.forks.check_invariants();
        self.peer_limits.check_invariants(self.peer_feeds.len());
        self.checkpoint.check_invariants();
        self.reconciliation.check_invariants(sets, limits.reconcile_bytes);
    }
}

/// The durable length of a feed that is exchanged with peers.
fn length_of(feeds: &Feeds, feed: FeedId) -> u64 {
    feeds.get(feed).map_or(0, |feed| feed.shared_length())
}
