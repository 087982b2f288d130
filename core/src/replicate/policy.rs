//! What a ruling of the application changes between us and one peer.
//!
//! Rule: a peer that was told *declined* is told that the feed is exchanged again by a head or a
//! want, and by nothing else; so is each of us. *Declined* is said first, also where the feed is
//! taken again by then: the peer has to know that what it asked for, or sent, came to nothing.

use alloc::vec::Vec;

use super::names::Number;
use super::session::{Context, Session, Sources, name_of};
use crate::crypto::sign::PublicKey;
use crate::error::{Limit, Reason};
use crate::feed::manifest;
use crate::id::{FeedId, FeedKey};
use crate::io::{Event, Refusal};
use crate::policy::Admission;
use crate::wire::multifeed::{HeadEntry, Name, No, NoEntry};

/// A feed that a peer offers and that is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    pub(super) key: FeedKey,
    pub(super) public_key: PublicKey,
    pub(super) length: u64,
}

impl Session {
    /// Remembers what a peer offers though it is not taken, as long as there is room.
    pub(super) fn keep_offer(
        &mut self,
        context: &mut Context<'_>,
        number: Number,
        offer: Offer,
        admission: Admission,
    ) {
        let is_full = self.offered.len() >= context.limits.offered;
        if is_full || admission != Admission::Refused {
            self.settling.differ();
        }
        if is_full {
            return;
        }
        self.offered.insert(number.get(), offer);
        if admission == Admission::Asked {
            let Offer { key, public_key, length } = offer;
            let connection = self.connection;
            context.outbox.event(Event::Offered { connection, key, public_key, length });
        }
    }

    /// A feed that is not taken has grown there.
    pub(super) fn note_offer(&mut self, entry: &HeadEntry) {
        if let Name::Mine(number) = entry.name
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
            self.recalled.insert(feed);
        }
    }

    /// Neither takes nor gives a feed any more, and says so.
    pub(crate) fn refuse(
        &mut self,
        sources: &mut Sources,
        feed: FeedId,
        (public_key, length): (PublicKey, u64),
    ) {
        self.changed.remove(&feed);
        self.recalled.remove(&feed);
        self.serving.stop(feed);
        self.again.miss(feed);
        self.remember_alike(feed, length);
        let Some(edge) = self.edges.get(feed) else { return };
        // Both held it alike, so neither has named it.
        let name = name_of(edge).unwrap_or(Name::New(public_key));
        self.edges.update(feed, length, |edge| {
            (edge.refused, edge.eager, edge.pushed) = (true, false, false);
        });
        self.give_up(sources, feed);
        self.return_name(feed, length);
        self.nos.insert((name, No::Declined));
    }

    /// The peer speaks of a feed that is not taken, and has not been told so.
    pub(super) fn refuse_unheard(&mut self, feed: FeedId, length: u64, is_taken: bool) {
        if is_taken || self.edges.get(feed).is_some_and(|edge| edge.refused) {
            return;
        }
        let name = self.edges.update(feed, length, |edge| {
            edge.refused = true;
            name_of(edge)
        });
        if let Some(name) = name {
            self.nos.insert((name, No::Declined));
        }
    }

    /// The store failed under a feed: nothing more of it is taken.
    pub(crate) fn freeze(&mut self, sources: &mut Sources, feed: FeedId, length: u64) {
        if self.knows(feed) {
            self.edges.update(feed, length, |edge| edge.lost = true);
            self.give_up(sources, feed);
            self.return_name(feed, length);
        }
    }

    /// There is no room for more of a feed, of which we hold `length`: a peer that has more is told
    /// that it is declined. Those that have less are given what is here.
    pub(crate) fn fill(
        &mut self,
        sources: &mut Sources,
        feed: FeedId,
        public_key: PublicKey,
        length: u64,
    ) {
        if self.edges.get(feed).is_some_and(|edge| edge.theirs > length) {
            // There may be room one day.
            self.settling.differ();
            self.refuse(sources, feed, (public_key, length));
        }
    }

    /// There is room for more of a feed again.
    pub(crate) fn unfill(&mut self, feed: FeedId, length: u64) {
        if self.edges.get(feed).is_some_and(|edge| edge.refused) {
            self.accept(feed, length);
        }
    }

    /// Takes and gives a feed again.
    pub(crate) fn accept(&mut self, feed: FeedId, length: u64) {
        if self.knows(feed) {
            self.edges.update(feed, length, |edge| {
                (edge.refused, edge.lost, edge.withheld) = (false, false, false);
                edge.sent = edge.sent.min(length);
            });
            self.backlog.insert(feed);
            self.recalled.insert(feed);
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
    pub(super) fn take_no(
        &mut self,
        context: &mut Context<'_>,
        entry: NoEntry,
    ) -> Result<(), Reason> {
        let found = match entry.name {
            Name::New(public_key) => self.take_declined(context, public_key)?,
            name => self.resolve(context.feeds, name)?,
        };
        let Some(id) = found else {
            self.withdraw(&entry);
            return Ok(());
        };
        let length = context.feeds.get(id).map_or(0, |feed| feed.length());
        let has_nothing = self.edges.get(id).is_none_or(|edge| edge.theirs == 0);
        if entry.no == No::Unavailable && has_nothing {
            // It was asked in case it has something.
            return Ok(());
        }
        self.edges.update(id, length, |edge| {
            // It was not kept, so no want of it crosses it.
            edge.pushed &= matches!(entry.no, No::Gone | No::Unavailable);
            match entry.no {
                No::Declined => (edge.declined, edge.eager) = (true, false),
                No::Unavailable => edge.lost = true,
                No::Duplicate => edge.eager = false,
                No::Gone => (),
            }
        });
        let refusal = match entry.no {
            No::Duplicate => return Ok(()),
            No::Gone => {
                self.again.miss(id);
                return Ok(());
            }
            No::Declined => {
                self.again.miss(id);
                self.serving.stop(id);
                self.give_up(context.sources, id);
                self.return_name(id, length);
                Refusal::Declined
            }
            No::Unavailable => {
                self.give_up(context.sources, id);
                self.return_name(id, length);
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
    fn withdraw(&mut self, entry: &NoEntry) {
        let (Name::Mine(number), No::Declined | No::Unavailable) = (entry.name, entry.no) else {
            return;
        };
        if let Some(key) = self.offered.get(&number).map(|offer| offer.key) {
            // It may have been named twice.
            let offers = self.offered.values_mut().filter(|offer| offer.key == key);
            offers.for_each(|offer| offer.length = 0);
        }
        if let Some(heard) = self.heard.remove(&number) {
            self.settling.differ();
            self.withdrawn.insert(number, heard);
        }
    }

    /// The peer names a feed for the first time to say no to it: it had what we have.
    fn take_declined(
        &mut self,
        context: &mut Context<'_>,
        public_key: PublicKey,
    ) -> Result<Option<FeedId>, Reason> {
        self.names_open = self.names_open.checked_sub(1).ok_or(Limit::Names)?;
        self.names_owed += 1;
        let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
        let known = context.feeds.find(&key);
        let number = self.names.take(known, 2 * context.limits.feeds)?;
        if known.is_none() {
            let has_room = self.offered.len() < context.limits.offered;
            if has_room {
                // It may offer it one day.
                self.offered.insert(number.get(), Offer { key, public_key, length: 0 });
            }
            if !has_room || context.policy.admit(&key) != Admission::Taken {
                self.nos.insert((Name::Yours(number.get()), No::Declined));
            }
        }
        if let Some(id) = known {
            let feed = context.feeds.get(id);
            let length = feed.map_or(0, |feed| feed.length());
            let is_refused = feed.is_some_and(|feed| !feed.is_taken());
            if !is_refused {
                self.remember_alike(id, length);
            }
            self.edges.update(id, length, |edge| {
                edge.yours = Some(number);
                edge.refused |= is_refused;
            });
            if is_refused {
                self.nos.insert((Name::Yours(number.get()), No::Declined));
            }
        }
        Ok(known)
    }
}
