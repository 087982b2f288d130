//! Whether two that say they are in sync are.
//!
//! Rule: what both ends held when a connection was dialled is what each of them lists, so who
//! says *synced* before the other holds it has said it too early. What was appended since may be
//! on its way.

use std::collections::{BTreeMap, BTreeSet};

use multifeed_core::PublicKey;

use super::{Law, Laws};
use crate::link::LinkId;
use crate::node::NodeId;

/// What each end held when the latest connection of a link was dialled.
#[derive(Debug, Default)]
pub(super) struct Meetings {
    held: BTreeMap<LinkId, [BTreeMap<PublicKey, u64>; 2]>,
    /// Feeds that a node could not give or take, as its events said; `None`: one that it shows to
    /// nobody, because not even the first block was stored.
    troubled: BTreeSet<(NodeId, Option<PublicKey>)>,
}

impl Laws {
    /// A connection is being made.
    pub(crate) fn dialled(&mut self, link: LinkId, nodes: [NodeId; 2]) {
        let held = nodes.map(|node| self.lengths(node));
        self.meetings.held.insert(link, held);
    }

    /// A node has trouble with a feed: it is in sync without it.
    pub(crate) fn troubled(&mut self, node: NodeId, author: Option<PublicKey>) {
        self.meetings.troubled.insert((node, author));
    }

    /// A node starts anew, and its troubles are over.
    pub(super) fn forget_troubles(&mut self, node: NodeId) {
        self.meetings.troubled.retain(|(of, _)| *of != node);
    }

    /// A node says that it is in sync over a link. What one of the two refuses or has cleared in
    /// part, `is_kept_back`, they need not share.
    pub(crate) fn synced(
        &mut self,
        link: LinkId,
        node: NodeId,
        nodes: [NodeId; 2],
        is_kept_back: impl Fn(&PublicKey) -> bool,
    ) {
        let Some(then) = self.meetings.held.get(&link) else { return };
        if nodes.iter().any(|node| self.is_excused(*node)) {
            return;
        }
        let now = nodes.map(|node| self.lengths(node));
        let is_troubled = |author: &PublicKey| {
            let is_of = |node: &NodeId| {
                let troubled = &self.meetings.troubled;
                [None, Some(*author)].iter().any(|of| troubled.contains(&(*node, *of)))
            };
            nodes.iter().any(is_of)
        };
        let is_left_out = |author: &PublicKey| is_troubled(author) || is_kept_back(author);
        let offered = then.iter().flatten().filter(|(author, _)| !is_left_out(author));
        let lacks = |(author, length): &(&PublicKey, &u64)| {
            now.iter().any(|held| held.get(*author).copied().unwrap_or(0) < **length)
        };
        let lacking = offered.clone().find(lacks).map(|(author, length)| (*author, *length));
        if let Some((author, length)) = lacking {
            let [a, b] = now.map(|held| held.get(&author).copied().unwrap_or(0));
            let what = format!("link {}: {author:?}: {a} and {b} of {length} blocks", link.0);
            self.report(Law::Synced, Some(node), what);
        }
    }

    fn lengths(&self, node: NodeId) -> BTreeMap<PublicKey, u64> {
        self.nodes.get(&node).map(|seen| seen.lengths.clone()).unwrap_or_default()
    }
}
