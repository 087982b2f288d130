//! Offers of the peer become candidates, or are declined.

use super::Session;
use crate::crypto::sign::PublicKey;
use crate::feed::manifest;
use crate::id::{FeedId, FeedKey};
use crate::io::Event;
use crate::policy::KeyRuling;
use crate::replicate::aliases::{Credit, FeedAlias};
use crate::replicate::context::Context;
use crate::replicate::offers::Offer;
use crate::wire::multifeed::{FeedRef, HeadEntry, Reject};
use crate::wire::reconcile::Entry;

impl Session {
    /// Remembers an offer that we decline, if there is room.
    pub(super) fn remember_offer(
        &mut self,
        context: &mut Context<'_>,
        alias: FeedAlias,
        offer: Offer,
        admission: KeyRuling,
    ) {
        let has_room = self.offers.decline(alias, offer, context.limits.remembered_offers);
        if !has_room || admission != KeyRuling::Refused {
            // We may take it later.
            self.checkpoint.set_diverged();
        }
        if has_room && admission == KeyRuling::Undecided {
            let Offer { key, public_key, length } = offer;
            let connection = self.connection;
            context.outbox.event(Event::Offered { connection, key, public_key, length });
        }
    }

    /// Declines an offer that a reconciliation brought.
    pub(super) fn decline_queued_offer(
        &mut self,
        context: &mut Context<'_>,
        alias: FeedAlias,
        entry: &Entry,
        admission: KeyRuling,
    ) {
        let public_key = entry.public_key();
        let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
        self.announcements.reject(FeedRef::Receiver(alias.get()), Reject::Declined);
        let offer = Offer { key, public_key, length: entry.head.length };
        self.remember_offer(context, alias, offer, admission);
    }

    /// The author of a feed that this peer offers and that we declined.
    pub(crate) fn author_of(&self, key: &FeedKey) -> Option<PublicKey> {
        self.offers.author_of(key)
    }

    /// A feed that we declined exists now. After a second reconciliation the feed may have two
    /// aliases, and the peer may use either.
    pub(crate) fn admit(&mut self, feed: FeedId, key: &FeedKey) {
        for (number, offer) in self.offers.take_declined(key) {
            let alias = self.aliases.admit(number, feed);
            self.peer_feeds.update(feed, 0, |peer_feed| {
                peer_feed.set_remote_alias(alias);
                peer_feed.raise_remote_length(offer.length);
            });
            self.downloads.queue(feed);
            self.offers.reopen(feed);
        }
    }

    /// The peer announces a feed that we declined when it was named. If we take it now, it is
    /// queued to become a candidate.
    pub(super) fn on_declined_head(&mut self, context: &Context<'_>, entry: &HeadEntry) {
        let FeedRef::Sender(number) = entry.name else { return };
        self.offers.raise_declined(number, entry.length);
        let Some(offer) = self.offers.declined(number) else { return };
        if context.policy.admit(&offer.key) != KeyRuling::Accepted {
            return;
        }
        if let Some(id) = context.feeds.find(&offer.key) {
            // Another peer brought it meanwhile.
            return self.admit(id, &offer.key);
        }
        let has_room = self.offers.can_queue() && context.feeds.has_room(context.limits);
        if let Some(alias) = self.aliases.remote_alias(number).filter(|_| has_room) {
            self.offers.requeue(alias, entry.fork);
        }
    }

    /// Makes candidates of queued offers, as many at a time as the credit allows.
    pub(super) fn open_queued_offers(&mut self, context: &mut Context<'_>) {
        while self.aliases.has_queued_offer_credit()
            && let Some((alias, entry)) = self.offers.pop_queued()
        {
            let public_key = entry.public_key();
            let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
            let has_room = context.feeds.has_room(context.limits);
            let admission = context.policy.admit(&key);
            let id = match context.feeds.find(&key) {
                Some(id) => id,
                None if has_room && admission == KeyRuling::Accepted => {
                    context.feeds.insert(key, public_key)
                }
                None => {
                    self.decline_queued_offer(context, alias, &entry, admission);
                    continue;
                }
            };
            self.aliases.admit(alias.get(), id);
            if let Some(feed) = context.feeds.get_mut(id) {
                feed.set_origin(manifest::Origin::Group, public_key);
            }
            let feed = context.feeds.get(id);
            let length = feed.map_or(0, |feed| feed.length());
            let is_refused = feed.is_some_and(|feed| !feed.is_accepted());
            let is_candidate = length == 0 && !is_refused;
            self.reconciliation.on_remotely_named(id);
            if is_candidate {
                self.aliases.use_queued_offer_credit();
            }
            self.peer_feeds.update(id, length, |peer_feed| {
                peer_feed.set_credit(is_candidate.then_some(Credit::QueuedOffer));
                peer_feed.set_remote_alias(Some(alias));
                if is_refused {
                    peer_feed.refuse();
                }
            });
            if is_refused {
                self.announcements.reject(FeedRef::Receiver(alias.get()), Reject::Declined);
            }
            // The length was checked when the offer was queued.
            let _ = self.on_length(context, id, entry.head.length, entry.head.fork);
        }
    }
}
