//! The state that all sessions share.

use alloc::collections::BTreeMap;

use crate::config::Limits;
use crate::crypto::SignatureMemo;
use crate::feed::set::Feeds;
use crate::group::Group;
use crate::id::{ConnectionId, FeedId, FeedKey};
use crate::io::Event;
use crate::outbox::Outbox;
use crate::policy::Policy;
use crate::reconcile::sets::Sets;
use crate::time::Instant;

/// The connection from which each feed is being fetched.
pub(crate) type FetchAssignments = BTreeMap<FeedId, ConnectionId>;

/// Everything that a session uses and does not own.
pub(crate) struct Context<'a> {
    pub(crate) group: &'a Group,
    pub(crate) limits: &'a Limits,
    pub(crate) memo: Option<&'a SignatureMemo>,
    pub(crate) feeds: &'a mut Feeds,
    pub(crate) sets: &'a mut Sets,
    pub(crate) assignments: &'a mut FetchAssignments,
    pub(crate) policy: &'a Policy,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) now: Instant,
}

impl Context<'_> {
    /// Reports an event about a feed, which is made from the feed's key.
    pub(crate) fn report(&mut self, feed: FeedId, event: impl FnOnce(FeedKey) -> Event) {
        if let Some(log) = self.feeds.get(feed) {
            self.outbox.event(event(log.key));
        }
    }
}
