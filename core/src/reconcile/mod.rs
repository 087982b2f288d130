//! Two sets: what a peer has to be told so that both sides know who holds what.
//!
//! Rule: this room decides which feeds differ and when enough was said; it knows no connection.
//!
//! [`sets`] → [`view`] → [`session`] is the way that costs nothing where nothing is new, out of
//! the algebra of [`token`] → [`mapping`] → [`sketch`] → [`decoder`] with [`estimate`], [`root`]
//! to be sure, [`changes`] to take back what came since, [`rice`] to write sets down. Peers that
//! have met before need less: [`known`] says what has changed since. A [`Listing`]
//! is the last resort: every feed once, in the order of its slots, a page at a time.

pub(crate) mod changes;
pub(crate) mod decoder;
mod estimate;
pub(crate) mod index;
pub(crate) mod known;
mod mapping;
pub(crate) mod root;
pub(crate) mod session;
pub(crate) mod sets;
pub(crate) mod sketch;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod token;
pub(crate) mod view;

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
