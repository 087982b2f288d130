//! Checks that nodes that report to be in sync are.
//!
//! Rule: each end lists what it held when the connection was dialled. A node that reports *synced*
//! before the other end holds that has reported it too early. Later appends may be in flight.

use std::collections::BTreeMap;

use multifeed_core::PublicKey;

use super::{Law, Laws};
use crate::link::LinkId;
use crate::node::NodeId;

impl Laws {
    /// A connection is being dialled.
    pub(crate) fn dialled(&mut self, link: LinkId, nodes: [NodeId; 2]) {
        let held = nodes.map(|node| self.lengths(node));
        self.dials.held.insert(link, held);
    }

    /// A node cannot exchange a feed, so it may be in sync without it.
    pub(crate) fn exempt(&mut self, node: NodeId, author: Option<PublicKey>) {
        self.dials.exempt.insert((node, author));
    }

    /// A node restarts, which ends its exemptions.
    pub(super) fn forget_exemptions(&mut self, node: NodeId) {
        self.dials.exempt.retain(|(of, _)| *of != node);
    }

    /// A node reports to be in sync over a link. The two need not share what one of them refuses or
    /// has partly cleared (`is_kept_back`).
    pub(crate) fn synced(
        &mut self,
        link: LinkId,
        node: NodeId,
        nodes: [NodeId; 2],
        is_kept_back: impl Fn(&PublicKey) -> bool,
    ) {
        let Some(then) = self.dials.held.get(&link) else { return };
        if nodes.iter().any(|node| self.is_excused(*node)) {
            return;
        }
        let now = nodes.map(|node| self.lengths(node));
        let is_troubled = |author: &PublicKey| {
            let is_of = |node: &NodeId| {
                let exempt = &self.dials.exempt;
                [None, Some(*author)].iter().any(|of| exempt.contains(&(*node, *of)))
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
