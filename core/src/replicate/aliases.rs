//! The small numbers by which two peers refer to feeds, and the credit for new ones.
//!
//! Rule: each side numbers the feeds that it names, from 0 on and for the life of the connection.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::config::Limits;
use crate::error::{Limit, Violation};
use crate::id::FeedId;
use crate::wire::multifeed::FeedRef;

/// Per-connection alias of a feed. `NonZeroU32`, so `Option<FeedAlias>` has the same size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FeedAlias(NonZeroU32);

impl FeedAlias {
    /// The alias at an index of the table, which `Limits::feeds` bounds far below 2^32.
    fn of(index: usize) -> Self {
        Self(NonZeroU32::MIN.saturating_add(index as u32))
    }

    /// The number on the wire.
    pub(crate) fn get(self) -> u32 {
        self.0.get() - 1
    }
}

/// The credit that a candidate uses until its first block is durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Credit {
    /// Alias credit: the peer named the feed.
    Alias,
    /// Queued-offer credit: a reconciliation brought the feed.
    QueuedOffer,
}

/// The aliases of one connection and the credits for them, in both directions.
#[derive(Debug)]
pub(crate) struct Aliases {
    local: Vec<FeedId>,
    /// `None`: a feed that we declined when it was named, or a queued offer.
    remote: Vec<Option<FeedId>>,
    remote_max: usize,
    /// Aliases that we may still assign with a head or a reject.
    credit: u32,
    /// Aliases that the peer may still assign with a head or a reject.
    remote_credit: u32,
    /// Alias credit that was returned and not granted to the peer yet.
    credit_to_grant: u32,
    /// Queued offers that may still become candidates.
    queued_offer_credit: u32,
    /// Alias credit and queued-offer credit that one peer has at most, each.
    credit_max: u32,
}

impl Aliases {
    /// Starts with the credit that the peer's hello grants and with what our limits grant.
    pub(crate) fn new(credit: u32, limits: &Limits) -> Self {
        Self {
            local: Vec::new(),
            remote: Vec::new(),
            remote_max: 2 * limits.feeds,
            credit,
            remote_credit: limits.aliases,
            credit_to_grant: 0,
            queued_offer_credit: limits.aliases,
            credit_max: limits.aliases,
        }
    }

    /// Assigns our next alias to a feed without using credit, as a reconciliation does.
    pub(crate) fn assign_local(&mut self, feed: FeedId) -> FeedAlias {
        self.local.push(feed);
        FeedAlias::of(self.local.len() - 1)
    }

    /// Assigns our next alias to a feed; `None` if the peer granted no more.
    pub(crate) fn assign_local_with_credit(&mut self, feed: FeedId) -> Option<FeedAlias> {
        self.credit = self.credit.checked_sub(1)?;
        Some(self.assign_local(feed))
    }

    /// Records the peer's next alias.
    pub(crate) fn assign_remote(&mut self, feed: Option<FeedId>) -> Result<FeedAlias, Limit> {
        if self.remote.len() >= self.remote_max {
            return Err(Limit::Aliases);
        }
        self.remote.push(feed);
        Ok(FeedAlias::of(self.remote.len() - 1))
    }

    /// Sets the feed of an alias whose feed was declined or queued until now.
    pub(crate) fn admit(&mut self, number: u32, feed: FeedId) -> Option<FeedAlias> {
        let index = number as usize;
        *self.remote.get_mut(index)? = Some(feed);
        Some(FeedAlias::of(index))
    }

    /// An alias that we assigned.
    pub(crate) fn local_alias(&self, number: u32) -> Option<FeedAlias> {
        let index = number as usize;
        (index < self.local.len()).then(|| FeedAlias::of(index))
    }

    /// An alias that the peer assigned.
    pub(crate) fn remote_alias(&self, number: u32) -> Option<FeedAlias> {
        let index = number as usize;
        (index < self.remote.len()).then(|| FeedAlias::of(index))
    }

    /// The feed of a reference in a peer's message; `None` if it was declined or is queued.
    pub(crate) fn resolve(&self, name: FeedRef) -> Result<Option<FeedId>, Violation> {
        let found = match name {
            FeedRef::New(_) => return Err(Violation::UnexpectedMessage),
            // The peer is the sender, so its own aliases are our remote ones.
            FeedRef::Sender(number) => self.remote.get(number as usize).copied(),
            FeedRef::Receiver(number) => self.local.get(number as usize).copied().map(Some),
        };
        found.ok_or(Violation::UnknownReference)
    }

    /// The peer grants more aliases.
    pub(crate) fn add_credit(&mut self, aliases: u32) -> Result<(), Violation> {
        self.credit = self.credit.checked_add(aliases).ok_or(Violation::OutOfRange)?;
        Ok(())
    }

    /// The peer uses one alias of its credit.
    pub(crate) fn use_remote_credit(&mut self) -> Result<(), Limit> {
        self.remote_credit = self.remote_credit.checked_sub(1).ok_or(Limit::Aliases)?;
        Ok(())
    }

    /// Returns a credit that a candidate used, or that a named feed does not need.
    pub(crate) fn return_credit(&mut self, credit: Credit) {
        match credit {
            Credit::Alias => self.credit_to_grant += 1,
            Credit::QueuedOffer => self.queued_offer_credit += 1,
        }
        debug_assert!(
            self.remote_credit.max(self.credit_to_grant).max(self.queued_offer_credit)
                <= self.credit_max,
            "no more credit is returned than was granted"
        );
    }

    /// Whether a queued offer may become a candidate.
    pub(crate) fn has_queued_offer_credit(&self) -> bool {
        self.queued_offer_credit > 0
    }

    /// A queued offer becomes a candidate.
    pub(crate) fn use_queued_offer_credit(&mut self) {
        debug_assert!(self.queued_offer_credit > 0, "a queued offer needs credit");
        self.queued_offer_credit -= 1;
    }

    /// Takes the returned credit to grant it again, once it is more than a quarter of the limit.
    pub(crate) fn take_credit_to_grant(&mut self) -> Option<u32> {
        if self.credit_to_grant <= self.credit_max / 4 {
            return None;
        }
        self.remote_credit = self.remote_credit.saturating_add(self.credit_to_grant);
        Some(core::mem::take(&mut self.credit_to_grant))
    }

    /// Panics if a credit exceeds what was granted. `used` counts the candidates of each credit.
    pub(crate) fn check_invariants(&self, used: impl Fn(Credit) -> usize) {
        let alias_credit = self.remote_credit as usize + self.credit_to_grant as usize;
        let queued_offer_credit = self.queued_offer_credit as usize;
        let max = self.credit_max as usize;
        assert!(alias_credit + used(Credit::Alias) <= max, "alias credit exceeds the grant");
        assert!(
            queued_offer_credit + used(Credit::QueuedOffer) <= max,
            "queued-offer credit exceeds the grant"
        );
        assert!(self.remote.len() <= self.remote_max, "too many remote aliases");
    }
}
