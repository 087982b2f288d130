//! Set reconciliation: both sides find out which feeds and lengths differ.
//!
//! Rule: this module decides which feeds differ and when both sides know it. It knows no
//! connections.
//!
//! The usual path is [`sets`] → [`view`] → [`session`]. It builds on [`token`] → [`mapping`] →
//! [`sketch`] → [`decoder`] with [`estimate`]; [`root`] verifies equality, and [`changes`] undoes
//! changes made during a session. [`known`] holds the checkpoints with known peers. A [`Listing`]
//! is the fallback: every feed once in slot order, in pages.

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

/// The state of listing our feeds to one peer.
///
/// Feeds that change after they were listed are announced as changes; later ones are listed with
/// their current length.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    next: u32,
    done: bool,
}

impl Listing {
    /// The next feed to list. Returns the same feed until [`Listing::advance`].
    pub(crate) fn peek(&mut self, feeds: &Feeds) -> Option<FeedId> {
        let next = feeds.iter_from(self.next).find(|(_, feed)| feed.is_offered());
        self.next = next.map_or(feeds.end(), |(feed, _)| feed.slot);
        next.map(|(feed, _)| feed)
    }

    /// Advances past the feed that [`Listing::peek`] returned.
    pub(crate) fn advance(&mut self) {
        self.next += 1;
    }

    /// Ends the listing after the `Listed` message was sent.
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
