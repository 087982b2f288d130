//! What a ruling of the application changes between us and one peer, and what the peer rejects.
//!
//! Rule: after *declined*, only a head or a want tells the other side that the feed is exchanged
//! again. *Declined* is sent first, even if the feed is taken again by then: the peer has to know
//! that its requests and ranges were dropped.

use super::{Session, length_of};
use crate::crypto::sign::PublicKey;
use crate::error::CloseReason;
use crate::feed::manifest;
use crate::id::FeedId;
use crate::io::{Event, Refusal};
use crate::policy::KeyRuling;
use crate::replicate::aliases::Credit;
use crate::replicate::context::{Context, FetchAssignments};
use crate::replicate::offers::Offer;
use crate::replicate::peer_feed::PeerFeed;
use crate::wire::multifeed::{FeedRef, Reject, RejectEntry};

impl Session {
    /// Neither takes nor gives a feed any more, and tells the peer.
    pub(crate) fn refuse(
        &mut self,
        assignments: &mut FetchAssignments,
        feed: FeedId,
        public_key: PublicKey,
        length: u64,
    ) {
        self.announcements.cancel(feed);
        self.offers.cancel_reopen(feed);
        self.uploads.stop(feed);
        self.refetch.on_unavailable(feed);
        self.record_equal_length(feed, length);
        let Some(peer_feed) = self.peer_feeds.get(feed) else { return };
        // It has no alias if both sides held the same blocks.
        let feed_ref = peer_feed.feed_ref().unwrap_or(FeedRef::New(public_key));
        self.peer_feeds.update(feed, length, |peer_feed| {
            peer_feed.refuse();
            peer_feed.stop_push();
        });
        self.downloads.release(assignments, feed);
        self.return_credit(feed, length);
        self.announcements.reject(feed_ref, Reject::Declined);
    }

    /// Rejects a feed that we do not take, if the peer was not told so.
    pub(super) fn refuse_unannounced(&mut self, feed: FeedId, length: u64, is_accepted: bool) {
        if is_accepted || self.peer_feeds.get(feed).is_some_and(PeerFeed::is_refused_by_us) {
            return;
        }
        let feed_ref = self.peer_feeds.update(feed, length, |peer_feed| {
            peer_feed.refuse();
            peer_feed.feed_ref()
        });
        if let Some(feed_ref) = feed_ref {
            self.announcements.reject(feed_ref, Reject::Declined);
        }
    }

    /// A commit of a feed failed: it takes nothing more.
    pub(crate) fn freeze(&mut self, assignments: &mut FetchAssignments, feed: FeedId, length: u64) {
        if self.knows(feed) {
            self.peer_feeds.update(feed, length, PeerFeed::set_remote_unavailable);
            self.downloads.release(assignments, feed);
            self.return_credit(feed, length);
        }
    }

    /// There is no room for more than `length` blocks of a feed: declines it to a peer that has
    /// more. A peer that has fewer still gets ours.
    pub(crate) fn reject_full(
        &mut self,
        assignments: &mut FetchAssignments,
        feed: FeedId,
        public_key: PublicKey,
        length: u64,
    ) {
        let peer_feed = self.peer_feeds.get(feed);
        if peer_feed.is_some_and(|peer_feed| peer_feed.remote_length() > length) {
            // There may be room later.
            self.checkpoint.set_diverged();
            self.refuse(assignments, feed, public_key, length);
        }
    }

    /// There is room for more of a feed again.
    pub(crate) fn reopen_full(&mut self, feed: FeedId, length: u64) {
        if self.peer_feeds.get(feed).is_some_and(PeerFeed::is_refused_by_us) {
            self.accept(feed, length);
        }
    }

    /// Takes and gives a feed again.
    pub(crate) fn accept(&mut self, feed: FeedId, length: u64) {
        if self.knows(feed) {
            self.peer_feeds.update(feed, length, |peer_feed| peer_feed.accept(length));
            self.downloads.queue(feed);
            self.offers.reopen(feed);
        }
        if length > 0 {
            // It was not in our sets when they were reconciled, nor later. Before that, the peer
            // may hold the blocks that were in them.
            if !self.knows(feed) && self.reconciliation.may_announce() {
                self.peer_feeds.update(feed, length, |_| ());
            }
            self.announcements.announce(feed);
        }
    }

    /// The peer refers to a feed that it had declined. It holds `remote_length` blocks now, and we
    /// announce what it missed.
    pub(super) fn reopen(&mut self, feed: FeedId, remote_length: u64, length: u64) {
        if !self.peer_feeds.get(feed).is_some_and(PeerFeed::is_refused_by_peer) {
            return;
        }
        let is_open = self.peer_feeds.update(feed, length, |peer_feed| {
            peer_feed.reopen(remote_length);
            peer_feed.is_open()
        });
        if length > 0 && is_open {
            self.announcements.announce(feed);
        }
    }

    /// The peer rejects something about a feed.
    pub(super) fn on_reject(
        &mut self,
        context: &mut Context<'_>,
        entry: RejectEntry,
    ) -> Result<(), CloseReason> {
        let found = match entry.name {
            FeedRef::New(public_key) => self.on_new_declined(context, public_key)?,
            feed_ref => self.resolve(context.feeds, feed_ref)?,
        };
        let Some(id) = found else {
            self.on_offer_rejected(&entry);
            return Ok(());
        };
        let length = length_of(context.feeds, id);
        let peer_feed = self.peer_feeds.get(id);
        let has_nothing = peer_feed.is_none_or(|peer_feed| peer_feed.remote_length() == 0);
        if entry.reject == Reject::Unavailable && has_nothing {
            // We asked in case it has something.
            return Ok(());
        }
        self.peer_feeds.update(id, length, |peer_feed| peer_feed.on_reject(entry.reject));
        let refusal = match entry.reject {
            Reject::Duplicate => return Ok(()),
            Reject::Gone => {
                self.refetch.on_unavailable(id);
                return Ok(());
            }
            Reject::Declined => {
                self.refetch.on_unavailable(id);
                self.uploads.stop(id);
                Refusal::Declined
            }
            Reject::Unavailable => Refusal::Unavailable,
        };
        self.downloads.release(context.assignments, id);
        self.return_credit(id, length);
        self.announcements.cancel(id);
        let connection = self.connection;
        context.report(id, |key| Event::Refused { connection, feed: id, key, refusal });
        Ok(())
    }

    /// The peer rejects a feed of its own that we have not taken: it offers nothing of it until it
    /// announces it again.
    fn on_offer_rejected(&mut self, entry: &RejectEntry) {
        if let (FeedRef::Sender(number), Reject::Declined | Reject::Unavailable) =
            (entry.name, entry.reject)
            && self.offers.retract(number)
        {
            self.checkpoint.set_diverged();
        }
    }

    /// The peer names a feed for the first time to decline it: it held what we hold.
    fn on_new_declined(
        &mut self,
        context: &mut Context<'_>,
        public_key: PublicKey,
    ) -> Result<Option<FeedId>, CloseReason> {
        self.aliases.use_remote_credit()?;
        self.aliases.return_credit(Credit::Alias);
        let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
        let known = context.feeds.find(&key);
        let alias = self.aliases.assign_remote(known)?;
        let Some(id) = known else {
            // The peer may offer it later.
            let offer = Offer { key, public_key, length: 0 };
            let has_room = self.offers.decline(alias, offer, context.limits.remembered_offers);
            if !has_room || context.policy.admit(&key) != KeyRuling::Accepted {
                self.announcements.reject(FeedRef::Receiver(alias.get()), Reject::Declined);
            }
            return Ok(None);
        };
        let feed = context.feeds.get(id);
        let length = feed.map_or(0, |feed| feed.length());
        let is_refused = feed.is_some_and(|feed| !feed.is_accepted());
        if !is_refused {
            self.record_equal_length(id, length);
        }
        self.peer_feeds.update(id, length, |peer_feed| {
            peer_feed.set_remote_alias(Some(alias));
            if is_refused {
                peer_feed.refuse();
            }
        });
        if is_refused {
            self.announcements.reject(FeedRef::Receiver(alias.get()), Reject::Declined);
        }
        Ok(known)
    }
}
