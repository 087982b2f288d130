//! What both ends of a link held when it was dialled.

use std::collections::{BTreeMap, BTreeSet};

use multifeed_core::PublicKey;

use crate::link::LinkId;
use crate::node::NodeId;

/// The state at the latest dial of each link.
#[derive(Debug, Default)]
pub(super) struct Dials {
    /// The length of each feed at each end.
    pub(super) held: BTreeMap<LinkId, [BTreeMap<PublicKey, u64>; 2]>,
    /// Feeds that a node could not send or receive, according to its events. `None` stands for a
    /// feed that it offers to no peer because not even the first block was stored.
    pub(super) exempt: BTreeSet<(NodeId, Option<PublicKey>)>,
}
