//! The state that all sessions share.

use alloc::collections::BTreeMap;

use crate::config::Limits;
use crate::crypto::SignatureMemo;
use crate::feed::set::Feeds;
use crate::group::Group;
use crate::id::{ConnectionId, FeedId};
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
