//! Two sets: what a peer has to be told so that both sides know who holds what.
//!
//! Rule: this room decides which feeds are announced and when it has said enough; it knows
//! neither messages nor the peer. For now it is the plain form: every feed is listed once, in the
//! order of its slots, a page at a time.
//!
//! The files beside this one are the algebra of the form that costs nothing where nothing is new:
//! [`token`] → [`mapping`] → [`sketch`] → [`decoder`] with [`estimate`], [`root`] to be sure,
//! [`changes`] to need none of it, [`rice`] to write sets down.
#![cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "no session speaks the algebra yet")
)]

mod changes;
mod decoder;
mod estimate;
mod mapping;
mod rice;
mod root;
mod session;
mod sketch;
#[cfg(test)]
mod testing;
mod token;

use crate::feed::set::Feeds;
use crate::id::FeedId;

/// How far one side has listed its feeds to one peer.
///
/// Feeds that change behind the place that was reached are announced as changes; those before it
/// are met with the length that they have then.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    next: u32,
    done: bool,
}

impl Listing {
    /// The next feed to announce, if any is left. Asking again gives the same until
    /// [`Listing::advance`].
    pub(crate) fn peek(&mut self, feeds: &Feeds) -> Option<FeedId> {
        let next = feeds.iter_from(self.next).find(|(_, feed)| feed.is_offered());
        self.next = next.map_or(feeds.end(), |(feed, _)| feed.0);
        next.map(|(feed, _)| feed)
    }

    /// The feed that [`Listing::peek`] gave was announced.
    pub(crate) fn advance(&mut self) {
        self.next += 1;
    }

    /// Everything was announced, and the peer was told so.
    pub(crate) fn finish(&mut self) {
        self.done = true;
    }

    /// Whether [`Listing::finish`] was called.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests;
