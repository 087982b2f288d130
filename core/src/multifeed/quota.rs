//! Feeds that have reached a limit on bytes.
//!
//! Rule: a full feed keeps and serves the blocks that it has. The application is informed once that
//! it grows no further, and so is each peer that has more.

use super::Multifeed;
use crate::id::FeedId;
use crate::io::Event;

impl Multifeed {
    /// Reports the feeds that have become full.
    pub(super) fn report_full(&mut self) {
        while let Some((feed, bytes)) = self.feeds.take_full() {
            let Some(log) = self.feeds.get(feed) else { continue };
            let (key, public_key, length) = (log.key, log.public_key, log.staged_length());
            self.outbox.event(Event::Full { feed, key, bytes });
            self.each_session(|session, context| {
                session.reject_full(context.assignments, feed, public_key, length);
            });
            self.wake_hypercore_sessions(feed);
        }
    }

    /// Lets a full feed grow again, as far as the limits allow now.
    pub(super) fn clear_full(&mut self, feed: FeedId) {
        if self.feeds.reopen_full(feed) {
            let length = self.length(feed);
            self.each_session(|session, _| session.reopen_full(feed, length));
            self.wake_hypercore_sessions(feed);
        }
    }

    /// Lets the full feeds grow again for which enough bytes are free now.
    pub(super) fn clear_full_where_room(&mut self) {
        for feed in self.feeds.fitting(&self.limits) {
            self.clear_full(feed);
        }
    }
}
