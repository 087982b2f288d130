//! What a ruling of the application changes between us and one peer.
//!
//! Rule: a peer that was told *declined* is told that the feed is exchanged again by a head or a
//! want, and by nothing else; so is each of us. *Declined* is said first, also where the feed is
//! taken again by then: the peer has to know that what it asked for, or sent, came to nothing.

use alloc::vec::Vec;

use super::aliases::FeedAlias;
use super::session::{Context, FetchAssignments, Session, feed_ref};
use crate::crypto::sign::PublicKey;
use crate::error::{CloseReason, Limit};
use crate::feed::manifest;
use crate::id::{FeedId, FeedKey};
use crate::io::{Event, Refusal};
use crate::policy::KeyRuling;
use crate::wire::multifeed::{FeedRef, HeadEntry, Reject, RejectEntry};

/// A feed that a peer offers and that is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    pub(super) key: FeedKey,
    pub(super) public_key: PublicKey,
    pub(super) length: u64,
}

impl Session {
    /// Remembers what a peer offers though it is not taken, as long as there is room.
    pub(super) fn remember_offer(
        &mut self,
        context: &mut Context<'_>,
        number: FeedAlias,
        offer: Offer,
        admission: KeyRuling,
    ) {
        let is_full = self.offered.len() >= context.limits.remembered_offers;
        if is_full || admission != KeyRuling::Refused {
            self.settling.set_diverged();
        }
        if is_full {
            return;
        }
        self.offered.insert(number.get(), offer);
        if admission == KeyRuling::Undecided {
            let Offer { key, public_key, length } = offer;
            let connection = self.connection;
            context.outbox.event(Event::Offered { connection, key, public_key, length });
        }
    }

    /// A feed that is not taken has grown there.
    pub(super) fn note_offer(&mut self, entry: &HeadEntry) {
        if let FeedRef::Sender(number) = entry.name
            && let Some(offer) = self.offered.get_mut(&number)
        {
            offer.length = offer.length.max(entry.length);
        }
    }

    /// The author of a feed that this peer offers and that was not taken.
    pub(crate) fn author_of(&self, key: &FeedKey) -> Option<PublicKey> {
        let mut offers = self.offered.values();
        offers.find(|offer| offer.key == *key).map(|offer| offer.public_key)
    }

    /// A feed that was not taken when the peer offered it is here now. Where sets were reconciled
    /// a second time, it may have been named twice, and either number may come.
    pub(crate) fn admit(&mut self, feed: FeedId, key: &FeedKey) {
        let offers = self.offered.extract_if(.., |_, offer| offer.key == *key);
        let offers: Vec<(u32, Offer)> = offers.collect();
        for (number, offer) in offers {
            let number = self.names.admit(number, feed);
            self.edges.update(feed, 0, |edge| {
                edge.yours = number;
                edge.theirs = edge.theirs.max(offer.length);
            });
            self.backlog.insert(feed);
            self.reopened.insert(feed);
        }
    }

    /// Neither takes nor gives a feed any more, and says so.
    pub(crate) fn refuse(
        &mut self,
        sources: &mut FetchAssignments,
        feed: FeedId,
        (public_key, length): (PublicKey, u64),
    ) {
        self.changed.remove(&feed);
        self.reopened.remove(&feed);
        self.serving.stop(feed);
        self.again.on_unavailable(feed);
        self.record_equal_length(feed, length);
        let Some(edge) = self.edges.get(feed) else { return };
        // Both held it alike, so neither has named it.
        let name = feed_ref(edge).unwrap_or(FeedRef::New(public_key));
        self.edges.update(feed, length, |edge| {
            (edge.refused, edge.pushes_appends, edge.pushed) = (true, false, false);
        });
        self.give_up(sources, feed);
        self.return_credit(feed, length);
        self.nos.insert((name, Reject::Declined));
    }

    /// The peer speaks of a feed that is not taken, and has not been told so.
    pub(super) fn refuse_unannounced(&mut self, feed: FeedId, length: u64, is_accepted: bool) {
        if is_accepted || self.edges.get(feed).is_some_and(|edge| edge.refused) {
            return;
        }
        let name = self.edges.update(feed, length, |edge| {
            edge.refused = true;
            feed_ref(edge)
        });
        if let Some(name) = name {
            self.nos.insert((name, Reject::Declined));
        }
    }

    /// The store failed under a feed: nothing more of it is taken.
    pub(crate) fn freeze(&mut self, sources: &mut FetchAssignments, feed: FeedId, length: u64) {
        if self.knows(feed) {
            self.edges.update(feed, length, |edge| edge.lost = true);
            self.give_up(sources, feed);
            self.return_credit(feed, length);
        }
    }

    /// There is no room for more of a feed, of which we hold `length`: a peer that has more is told
    /// that it is declined. Those that have less are given what is here.
    pub(crate) fn fill(
        &mut self,
        sources: &mut FetchAssignments,
        feed: FeedId,
        public_key: PublicKey,
        length: u64,
    ) {
        if self.edges.get(feed).is_some_and(|edge| edge.theirs > length) {
            // There may be room one day.
            self.settling.set_diverged();
            self.refuse(sources, feed, (public_key, length));
        }
    }

    /// There is room for more of a feed again.
    pub(crate) fn reopen_full(&mut self, feed: FeedId, length: u64) {
        if self.edges.get(feed).is_some_and(|edge| edge.refused) {
            self.accept(feed, length);
        }
    }

    /// Takes and gives a feed again.
    pub(crate) fn accept(&mut self, feed: FeedId, length: u64) {
        if self.knows(feed) {
            self.edges.update(feed, length, |edge| {
                (edge.refused, edge.lost, edge.is_withheld) = (false, false, false);
                edge.sent = edge.sent.min(length);
            });
            self.backlog.insert(feed);
            self.reopened.insert(feed);
        }
        if length > 0 {
            // It was in our sets neither when they were reconciled nor since. Before they are, the
            // peer may hold it as it was in them.
            if !self.knows(feed) && self.reconciliation.is_settled() {
                self.edges.update(feed, length, |_| ());
            }
            self.changed.insert(feed);
        }
    }

    /// The peer speaks of a feed that it had declined: it holds this much of it now, and is told
    /// what it missed.
    pub(super) fn reopen(&mut self, feed: FeedId, theirs: u64, length: u64) {
        if !self.edges.get(feed).is_some_and(|edge| edge.declined) {
            return;
        }
        let is_open = self.edges.update(feed, length, |edge| {
            (edge.declined, edge.theirs) = (false, theirs);
            edge.sent = edge.sent.min(theirs);
            edge.is_open()
        });
        if length > 0 && is_open {
            self.changed.insert(feed);
        }
    }

    /// The peer says no to something about a feed.
    pub(super) fn on_reject(
        &mut self,
        context: &mut Context<'_>,
        entry: RejectEntry,
    ) -> Result<(), CloseReason> {
        let found = match entry.name {
            FeedRef::New(public_key) => self.on_declined(context, public_key)?,
            name => self.resolve(context.feeds, name)?,
        };
        let Some(id) = found else {
            self.retract_offer(&entry);
            return Ok(());
        };
        let length = context.feeds.get(id).map_or(0, |feed| feed.length());
        let has_nothing = self.edges.get(id).is_none_or(|edge| edge.theirs == 0);
        if entry.reject == Reject::Unavailable && has_nothing {
            // It was asked in case it has something.
            return Ok(());
        }
        self.edges.update(id, length, |edge| {
            // It was not kept, so no want of it crosses it.
            edge.pushed &= matches!(entry.reject, Reject::Gone | Reject::Unavailable);
            match entry.reject {
                Reject::Declined => (edge.declined, edge.pushes_appends) = (true, false),
                Reject::Unavailable => edge.lost = true,
                Reject::Duplicate => edge.pushes_appends = false,
                Reject::Gone => (),
            }
        });
        let refusal = match entry.reject {
            Reject::Duplicate => return Ok(()),
            Reject::Gone => {
                self.again.on_unavailable(id);
                return Ok(());
            }
            Reject::Declined => {
                self.again.on_unavailable(id);
                self.serving.stop(id);
                self.give_up(context.sources, id);
                self.return_credit(id, length);
                Refusal::Declined
            }
            Reject::Unavailable => {
                self.give_up(context.sources, id);
                self.return_credit(id, length);
                Refusal::Unavailable
            }
        };
        self.changed.remove(&id);
        let connection = self.connection;
        context.outbox.event(Event::Refused { connection, feed: id, refusal });
        Ok(())
    }

    /// The peer says no to a feed of its own that we have not taken: it offers nothing of it, until
    /// it speaks of it again.
    fn retract_offer(&mut self, entry: &RejectEntry) {
        let (FeedRef::Sender(number), Reject::Declined | Reject::Unavailable) =
            (entry.name, entry.reject)
        else {
            return;
        };
        if let Some(key) = self.offered.get(&number).map(|offer| offer.key) {
            // It may have been named twice.
            let offers = self.offered.values_mut().filter(|offer| offer.key == key);
            offers.for_each(|offer| offer.length = 0);
        }
        if let Some(heard) = self.heard.remove(&number) {
            self.settling.set_diverged();
            self.retracted_offers.insert(number, heard);
        }
    }

    /// The peer names a feed for the first time to say no to it: it had what we have.
    fn on_declined(
        &mut self,
        context: &mut Context<'_>,
        public_key: PublicKey,
    ) -> Result<Option<FeedId>, CloseReason> {
        self.remote_alias_credit = self.remote_alias_credit.checked_sub(1).ok_or(Limit::Aliases)?;
        self.alias_credit_to_grant += 1;
        let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
        let known = context.feeds.find(&key);
        let number = self.names.take(known, 2 * context.limits.feeds)?;
        if known.is_none() {
            let has_room = self.offered.len() < context.limits.remembered_offers;
            if has_room {
                // It may offer it one day.
                self.offered.insert(number.get(), Offer { key, public_key, length: 0 });
            }
            if !has_room || context.policy.admit(&key) != KeyRuling::Accepted {
                self.nos.insert((FeedRef::Receiver(number.get()), Reject::Declined));
            }
        }
        if let Some(id) = known {
            let feed = context.feeds.get(id);
            let length = feed.map_or(0, |feed| feed.length());
            let is_refused = feed.is_some_and(|feed| !feed.is_accepted());
            if !is_refused {
                self.record_equal_length(id, length);
            }
            self.edges.update(id, length, |edge| {
                edge.yours = Some(number);
                edge.refused |= is_refused;
            });
            if is_refused {
                self.nos.insert((FeedRef::Receiver(number.get()), Reject::Declined));
            }
        }
        Ok(known)
    }
}
