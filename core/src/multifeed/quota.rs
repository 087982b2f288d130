//! Feeds that have come to a bound of bytes.
//!
//! Rule: what is held of them stays and is given; that no more is taken, the application is told
//! once, and each peer that has more.

use super::Multifeed;
use crate::id::FeedId;
use crate::io::Event;

impl Multifeed {
    /// Tells of feeds that have come to a bound.
    pub(super) fn take_full(&mut self) {
        while let Some((feed, bytes)) = self.feeds.take_full() {
            let Some(log) = self.feeds.get(feed) else { continue };
            let (key, public_key, length) = (log.key, log.public_key, log.staged_length());
            self.outbox.event(Event::Full { feed, key, bytes });
            self.each_session(|session, context| {
                session.reject_full(context.sources, feed, public_key, length);
            });
            self.wake_hypercore_sessions(feed);
        }
    }

    /// Takes a feed further that was full, as far as there is room by now.
    pub(super) fn reopen_full(&mut self, feed: FeedId) {
        if self.feeds.reopen_full(feed) {
            let length = self.length(feed);
            self.each_session(|session, _| session.reopen_full(feed, length));
            self.wake_hypercore_sessions(feed);
        }
    }

    /// Bytes were given back: feeds for which they suffice are taken further.
    pub(super) fn clear_full_where_room(&mut self) {
        for feed in self.feeds.fitting(&self.limits) {
            self.reopen_full(feed);
        }
    }
}
