//! The small numbers by which two peers name feeds to each other.
//!
//! Rule: each side numbers the feeds that it names, from 0 on and for the life of the connection.

use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::error::{Limit, Violation};
use crate::id::FeedId;
use crate::wire::multifeed::FeedRef;

/// A feed's number on one connection, held so that none at all takes no more room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FeedAlias(NonZeroU32);

impl FeedAlias {
    /// Of the place in a list of numbers, which `Limits::feeds` bounds far below 2^32.
    fn of(place: usize) -> Self {
        Self(NonZeroU32::MIN.saturating_add(place as u32))
    }

    /// As it goes over the wire.
    pub(crate) fn get(self) -> u32 {
        self.0.get() - 1
    }
}

/// The numbers of one connection, both ways.
#[derive(Debug, Default)]
pub(crate) struct Aliases {
    mine: Vec<FeedId>,
    /// `None`: a feed that we declined when it was named, or that waits to be made a candidate.
    yours: Vec<Option<FeedId>>,
}

impl Aliases {
    /// Gives a feed our next number.
    pub(crate) fn give(&mut self, feed: FeedId) -> FeedAlias {
        self.mine.push(feed);
        FeedAlias::of(self.mine.len() - 1)
    }

    /// Notes the peer's next number; there are at most `names_max`.
    pub(crate) fn take(
        &mut self,
        feed: Option<FeedId>,
        names_max: usize,
    ) -> Result<FeedAlias, Limit> {
        if self.yours.len() >= names_max {
            return Err(Limit::Aliases);
        }
        self.yours.push(feed);
        Ok(FeedAlias::of(self.yours.len() - 1))
    }

    /// A feed that we declined when it was named, or that waited to be made a candidate, is here
    /// now.
    pub(crate) fn admit(&mut self, number: u32, feed: FeedId) -> Option<FeedAlias> {
        let place = number as usize;
        *self.yours.get_mut(place)? = Some(feed);
        Some(FeedAlias::of(place))
    }

    /// A number that we gave.
    pub(crate) fn given(&self, number: u32) -> Option<FeedAlias> {
        let place = number as usize;
        (place < self.mine.len()).then(|| FeedAlias::of(place))
    }

    /// A number that the peer gave.
    pub(crate) fn taken(&self, number: u32) -> Option<FeedAlias> {
        let place = number as usize;
        (place < self.yours.len()).then(|| FeedAlias::of(place))
    }

    /// The feed of a number in a peer's message; `None` if we declined it or it waits.
    pub(crate) fn resolve(&self, name: FeedRef) -> Result<Option<FeedId>, Violation> {
        let found = match name {
            FeedRef::New(_) => return Err(Violation::UnexpectedMessage),
            // The peer's words are turned around: its own numbers are yours to us.
            FeedRef::Sender(number) => self.yours.get(number as usize).copied(),
            FeedRef::Receiver(number) => self.mine.get(number as usize).copied().map(Some),
        };
        found.ok_or(Violation::UnknownReference)
    }
}
