//! Which feeds get one of hypercore's channels on a connection.
//!
//! Rule: the channels that the peer opened and those that we offer have a bound each. Feeds are
//! offered one after another, as the socket takes the opens and as channels become free, so no call
//! iterates over all feeds.

use alloc::collections::btree_map::Entry;

use super::channel::Channel;
use super::{HypercoreSession, Offering};
use crate::config::Limits;
use crate::id::FeedId;
use crate::replicate::context::Context;
use crate::wire::hypercore::PROTOCOL;

impl HypercoreSession {
    /// The adopted feeds may be offered from now on.
    pub(crate) fn begin_offering(&mut self) {
        self.offering = Offering::After(None);
        self.is_in_sync = false;
    }

    /// Offers a feed of another origin. Returns whether there is something to send.
    pub(crate) fn offer(&mut self, feed: FeedId, limits: &Limits) -> bool {
        if limits.hypercore_channels == 0 || self.channels.contains_key(&feed) {
            return false;
        }
        self.is_in_sync = false;
        let can_offer = self.can_offer(limits);
        if can_offer {
            self.channels.insert(feed, Channel::new(PROTOCOL));
            self.to_open.insert(feed);
        } else {
            // It is offered once there is room.
            self.offering = Offering::After(None);
        }
        can_offer
    }

    /// Whether the peer may open another channel.
    pub(crate) fn has_room(&self, limits: &Limits) -> bool {
        self.opened < limits.hypercore_channels
    }

    /// The peer has opened a channel for which there is no room. Returns whether to report that.
    pub(crate) fn note_excess(&mut self, feed: FeedId, limits: &Limits) -> bool {
        self.excess.len() < limits.hypercore_channels && self.excess.insert(feed)
    }

    /// Whether another feed may be offered: those that the peer opened count, too.
    fn can_offer(&self, limits: &Limits) -> bool {
        self.channels.len() < limits.hypercore_channels
    }

    /// The next feed to offer, if there is one and there is room for it.
    pub(super) fn next_offer(&mut self, context: &mut Context<'_>) -> Option<FeedId> {
        loop {
            let Offering::After(last) = self.offering else { return None };
            if !self.can_offer(context.limits) {
                return None;
            }
            let Some(feed) = context.feeds.next_adopted(last) else {
                self.offering = Offering::Ended;
                return None;
            };
            self.offering = Offering::After(Some(feed));
            if let Entry::Vacant(place) = self.channels.entry(feed) {
                place.insert(Channel::new(PROTOCOL));
                return Some(feed);
            }
        }
    }

    /// Whether a feed waits to be offered for which there is room.
    pub(super) fn has_offers(&self, limits: &Limits) -> bool {
        self.offering != Offering::Ended && self.can_offer(limits)
    }

    /// Whether the peer has become in sync since this was last taken.
    pub(crate) fn take_became_synced(&mut self) -> bool {
        core::mem::take(&mut self.became_synced)
    }
}
