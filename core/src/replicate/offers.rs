//! Feeds that the peer offers and that are not candidates yet, or not any more.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::aliases::FeedAlias;
use crate::crypto::sign::PublicKey;
use crate::id::{FeedId, FeedKey};
use crate::reconcile::session::DIFFERENCE_MAX;
use crate::wire::reconcile::{Entry, HeadOf};

/// Queued offers: all that two sessions can bring. Each takes 60 bytes.
const QUEUED_MAX: usize = 2 * DIFFERENCE_MAX as usize;

/// A feed that a peer offers and that we declined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Offer {
    pub(crate) key: FeedKey,
    pub(crate) public_key: PublicKey,
    pub(crate) length: u64,
}

/// The offers of one peer, by the peer's alias.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    /// Feeds that a reconciliation brought and that wait to become candidates.
    queued: BTreeMap<u32, (FeedAlias, Entry)>,
    /// Queued offers that the peer rejected, until it announces them again.
    retracted: BTreeMap<u32, (FeedAlias, Entry)>,
    /// Offers that we declined.
    declined: BTreeMap<u32, Offer>,
    /// Declined feeds that we accept again and for which we have nothing to announce.
    reopened: BTreeSet<FeedId>,
}

impl Offers {
    /// Queued and retracted offers.
    pub(crate) fn queued_len(&self) -> usize {
        self.queued.len() + self.retracted.len()
    }

    pub(crate) fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    pub(crate) fn can_queue(&self) -> bool {
        self.queued_len() < QUEUED_MAX
    }

    pub(crate) fn queue(&mut self, alias: FeedAlias, entry: Entry) {
        self.queued.insert(alias.get(), (alias, entry));
    }

    pub(crate) fn is_queued(&self, number: u32) -> bool {
        self.queued.contains_key(&number)
    }

    pub(crate) fn pop_queued(&mut self) -> Option<(FeedAlias, Entry)> {
        self.queued.pop_first().map(|(_, queued)| queued)
    }

    /// Forgets queued and retracted offers, because their aliases are not valid any more.
    pub(crate) fn clear_queued(&mut self) {
        self.queued.clear();
        self.retracted.clear();
    }

    /// The peer announces a queued or retracted offer. Returns whether it is one.
    pub(crate) fn update_queued(&mut self, number: u32, length: u64) -> bool {
        if let Some(retracted) = self.retracted.remove(&number) {
            self.queued.insert(number, retracted);
        }
        let Some((_, queued)) = self.queued.get_mut(&number) else { return false };
        queued.head.length = queued.head.length.max(length);
        true
    }

    /// The peer offers nothing of a feed until it announces it again. Returns whether the offer was
    /// queued.
    pub(crate) fn retract(&mut self, number: u32) -> bool {
        if let Some(key) = self.declined.get(&number).map(|offer| offer.key) {
            // The feed may have two aliases.
            let offers = self.declined.values_mut().filter(|offer| offer.key == key);
            offers.for_each(|offer| offer.length = 0);
        }
        let Some(queued) = self.queued.remove(&number) else { return false };
        self.retracted.insert(number, queued);
        true
    }

    /// Remembers an offer that we decline. Returns whether there was room for it.
    pub(crate) fn decline(&mut self, alias: FeedAlias, offer: Offer, max: usize) -> bool {
        let has_room = self.declined.len() < max;
        if has_room {
            self.declined.insert(alias.get(), offer);
        }
        has_room
    }

    /// A declined offer.
    pub(crate) fn declined(&self, number: u32) -> Option<Offer> {
        self.declined.get(&number).copied()
    }

    /// A declined feed has grown at the peer.
    pub(crate) fn raise_declined(&mut self, number: u32, length: u64) {
        if let Some(offer) = self.declined.get_mut(&number) {
            offer.length = offer.length.max(length);
        }
    }

    /// Queues an offer that was declined.
    pub(crate) fn requeue(&mut self, alias: FeedAlias, fork: u64) {
        let Some(offer) = self.declined.remove(&alias.get()) else { return };
        let head = HeadOf { length: offer.length, fork };
        self.queue(alias, Entry { key: offer.public_key.0, head });
    }

    /// Removes the declined offers of a feed. It has two if the peer assigned it two aliases.
    pub(crate) fn take_declined(&mut self, key: &FeedKey) -> Vec<(u32, Offer)> {
        self.declined.extract_if(.., |_, offer| offer.key == *key).collect()
    }

    /// The author of a declined feed.
    pub(crate) fn author_of(&self, key: &FeedKey) -> Option<PublicKey> {
        let mut offers = self.declined.values();
        offers.find(|offer| offer.key == *key).map(|offer| offer.public_key)
    }

    /// We take a feed again that we declined.
    pub(crate) fn reopen(&mut self, feed: FeedId) {
        self.reopened.insert(feed);
    }

    pub(crate) fn cancel_reopen(&mut self, feed: FeedId) {
        self.reopened.remove(&feed);
    }

    pub(crate) fn pop_reopened(&mut self) -> Option<FeedId> {
        self.reopened.pop_first()
    }

    pub(crate) fn reopened_len(&self) -> usize {
        self.reopened.len()
    }

    /// Panics if an offer is in two states or a queue exceeds its bound.
    pub(crate) fn check_invariants(&self, declined_max: usize) {
        let is_once = |number: &u32| {
            !self.retracted.contains_key(number) && !self.declined.contains_key(number)
        };
        assert!(
            self.queued.keys().all(is_once),
            "a queued offer is neither retracted nor declined"
        );
        assert!(self.queued_len() <= QUEUED_MAX, "too many queued offers");
        assert!(self.declined.len() <= declined_max, "too many declined offers");
        let is_own = |(number, (alias, _)): (&u32, &(FeedAlias, Entry))| alias.get() == *number;
        assert!(self.queued.iter().all(is_own), "a queued offer has the alias of its place");
    }
}
