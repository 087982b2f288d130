//! Proofs for requests on a hypercore channel, read from the store (hypercore `lib/merkle-tree.js`,
//! `generateProof`).
//!
//! Rule: as in `read`, no data leaves the store unverified. The request and the feed's length
//! determine the nodes of a proof. They are read together with the path to the roots, and the proof
//! is sent only if that path leads to the signed roots.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;

use super::runs::Runs;
use super::tree::{self, Fold, Node};
use super::{Feed, FeedStatus, Head, Tip, read, record};
use crate::error::StoreFailure;
use crate::id::FeedId;
use crate::io::StoreKey;
use crate::wire::hypercore::{Request, Span};

/// The indices of the nodes of a proof.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Plan {
    /// The requested node: the leaf of a block, or any node.
    target: Option<u64>,
    /// Siblings on the path from the target upwards.
    path: Vec<u64>,
    /// Nodes that cover the blocks of the requested upgrade, except for the subtree at the end of
    /// the path.
    upgrade: Vec<u64>,
    /// Nodes that cover the blocks after the upgrade.
    additional: Vec<u64>,
}

impl Plan {
    /// Plans the answer to a request. `None`: the request is invalid for a feed of this length.
    fn of(request: &Request, length: u64) -> Option<Self> {
        let block = request.block.map(|at| (at.index.checked_mul(2), at.nodes));
        let target = block.or(request.hash.map(|at| (Some(at.index), at.nodes)));
        let target = match target {
            Some((index, nodes)) => {
                let index = index.filter(|index| tree::blocks(*index).end <= length)?;
                Some((index, nodes))
            }
            None => None,
        };
        let mut plan = Self { target: target.map(|(index, _)| index), ..Self::default() };
        let span = match request.upgrade {
            Some(span) => Some(run_of(span, length)?),
            None => None,
        };
        if let Some(span) = &span {
            plan.upgrade = tree::cover(span.start, span.end).collect();
            plan.additional = tree::cover(span.end, length).collect();
        }
        let Some((index, levels)) = target else { return Some(plan) };
        let below = tree::blocks(index);
        if span.is_some_and(|span| below.end > span.start) {
            let place = plan.upgrade.iter().position(|top| {
                let top = tree::blocks(*top);
                top.start <= below.start && below.end <= top.end
            })?;
            let levels = tree::depth(plan.upgrade.remove(place)) - tree::depth(index);
            plan.path = tree::siblings(index, length).take(levels as usize).collect();
        } else {
            let levels = usize::try_from(levels).ok()?;
            plan.path = tree::siblings(index, length).take(levels).collect();
            if plan.path.len() != levels {
                return None;
            }
        }
        Some(plan)
    }
}

fn run_of(span: Span, length: u64) -> Option<core::ops::Range<u64>> {
    let end = span.start.checked_add(span.length)?;
    (span.length > 0 && end <= length).then_some(span.start..end)
}

/// A verified proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Proof {
    /// The requested block.
    pub(crate) value: Option<Bytes>,
    /// The requested node, unless it is a block, followed by the siblings on its path.
    pub(crate) path: Vec<Node>,
    /// Nodes that cover the requester's blocks, if it requested an upgrade.
    pub(crate) before: Vec<Node>,
    /// Nodes that cover the requested upgrade.
    pub(crate) upgrade: Vec<Node>,
    /// Nodes that cover the blocks after the upgrade.
    pub(crate) additional: Vec<Node>,
    /// The signed head.
    pub(crate) head: Head,
}

/// A proof being read, relative to the feed's state when the read began.
#[derive(Debug)]
pub(crate) struct ProofRead {
    feed: FeedId,
    tip: Tip,
    /// Cleared blocks, whose leaf is stored in their place.
    gone: Runs,
    request: Request,
    plan: Plan,
    /// Nodes to read, except for the leaf of the requested block.
    wanted: Vec<u64>,
}

impl ProofRead {
    /// Starts reading a proof. `None`: the requested data is not held, or the request is invalid.
    pub(crate) fn begin(
        id: FeedId,
        feed: &Feed,
        request: &Request,
    ) -> Option<(Self, Vec<StoreKey>)> {
        let tip = feed.durable()?.clone();
        let plan = Plan::of(request, tip.head.length)?;
        if plan.target.is_some_and(|index| tree::blocks(index).end > tip.length)
            || request.block.is_some_and(|at| feed.is_cleared(at.index))
        {
            return None;
        }
        let hash = plan.target.filter(|_| request.block.is_none());
        let mut wanted: Vec<u64> = hash.into_iter().collect();
        wanted.extend(plan.target.iter().flat_map(|at| tree::siblings(*at, tip.head.length)));
        if let Some(span) = request.upgrade {
            wanted.extend(tree::cover(0, span.start).chain(plan.upgrade_cover(span)));
            wanted.extend(&plan.additional);
        }
        // The roots of the signed head, if fewer blocks are held.
        wanted.extend(tree::cover(tip.length, tip.head.length));
        wanted.sort_unstable();
        wanted.dedup();
        let block = request.block.map(|at| record::block_key(id.slot, at.index));
        let read = Self { feed: id, tip, gone: feed.cleared(), request: *request, plan, wanted };
        let nodes = read.wanted.iter();
        let nodes = nodes.flat_map(|index| read::keys_of(id, &read.tip, &read.gone, *index));
        let keys = block.into_iter().chain(nodes.flatten()).collect();
        Some((read, keys))
    }

    /// Whether blocks were cleared or restored since the read began, so that its result may mix two
    /// states.
    pub(crate) fn is_outdated(&self, feed: &Feed) -> bool {
        feed.status == FeedStatus::Removing || feed.cleared() != self.gone
    }

    pub(crate) fn feed(&self) -> FeedId {
        self.feed
    }

    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// Verifies the loaded nodes and returns the proof. `feed` must be the feed of
    /// [`ProofRead::begin`].
    pub(crate) fn take_nodes(
        self,
        feed: &Feed,
        values: Vec<Option<Bytes>>,
    ) -> Result<Proof, StoreFailure> {
        let Self { feed: id, tip, gone, request, plan, wanted } = self;
        let mut values = values.into_iter();
        let mut nodes = BTreeMap::new();
        let mut value = None;
        if let Some(at) = request.block {
            let block = values.next().flatten().ok_or(StoreFailure::Damaged)?;
            nodes.insert(2 * at.index, Node::leaf(at.index, &block));
            value = Some(block);
        }
        for index in &wanted {
            let node = read::node_of(id, &tip, &gone, *index, &mut values)?;
            // The leaf of the requested block may also be a root or part of the upgrade.
            nodes.entry(*index).or_insert(node);
        }
        let roots = roots(feed, &tip, &nodes)?;
        check_path(&plan, &tip, &nodes, &roots)?;
        if let Some(span) = request.upgrade {
            check_upgrade(&plan, span, &nodes, &roots)?;
        }
        let all = |indices: &[u64]| -> Vec<Node> {
            indices.iter().filter_map(|index| nodes.get(index).copied()).collect()
        };
        let path = match (plan.target, request.block) {
            (Some(target), None) => [&[target], &plan.path[..]].concat(),
            _ => plan.path.clone(),
        };
        let start = request.upgrade.map_or(0, |span| span.start);
        let before = all(&tree::cover(0, start).collect::<Vec<_>>());
        let (path, upgrade, additional) = (all(&path), all(&plan.upgrade), all(&plan.additional));
        Ok(Proof { value, path, before, upgrade, additional, head: tip.head })
    }
}

impl Plan {
    /// Nodes that cover the blocks of an upgrade, including the subtree of the path.
    fn upgrade_cover(&self, span: Span) -> impl Iterator<Item = u64> {
        tree::cover(span.start, span.start + span.length)
    }
}

/// The roots of the signed head. If fewer blocks are held than signed, the roots are folded from
/// the held roots and the nodes that cover the rest, and verified with the signature.
fn roots(feed: &Feed, tip: &Tip, nodes: &BTreeMap<u64, Node>) -> Result<Vec<Node>, StoreFailure> {
    if tip.length == tip.head.length {
        return Ok(tip.roots.to_vec());
    }
    let mut fold = Fold::of(&tip.roots);
    for index in tree::cover(tip.length, tip.head.length) {
        let node = nodes.get(&index).ok_or(StoreFailure::Damaged)?;
        fold.push(*node, |_| ()).map_err(|_| StoreFailure::Damaged)?;
    }
    let roots = fold.into_roots();
    if feed.is_signed(&tree::tree_hash(&roots), &tip.head, None) {
        Ok(roots)
    } else {
        Err(StoreFailure::Damaged)
    }
}

/// Checks that the path from the target ends at a root.
fn check_path(
    plan: &Plan,
    tip: &Tip,
    nodes: &BTreeMap<u64, Node>,
    roots: &[Node],
) -> Result<(), StoreFailure> {
    let Some(target) = plan.target else { return Ok(()) };
    let mut node = *nodes.get(&target).ok_or(StoreFailure::Damaged)?;
    for sibling in tree::siblings(target, tip.head.length) {
        let sibling = nodes.get(&sibling).ok_or(StoreFailure::Damaged)?;
        let (left, right) =
            if sibling.index < node.index { (sibling, &node) } else { (&node, sibling) };
        node = tree::join(left, right).ok_or(StoreFailure::Damaged)?;
    }
    if roots.contains(&node) { Ok(()) } else { Err(StoreFailure::Damaged) }
}

/// Checks that the upgrade's nodes and the requester's nodes fold to the roots.
fn check_upgrade(
    plan: &Plan,
    span: Span,
    nodes: &BTreeMap<u64, Node>,
    roots: &[Node],
) -> Result<(), StoreFailure> {
    let before = tree::cover(0, span.start);
    let mut fold = Fold::default();
    for index in before.chain(plan.upgrade_cover(span)).chain(plan.additional.iter().copied()) {
        let node = nodes.get(&index).ok_or(StoreFailure::Damaged)?;
        fold.push(*node, |_| ()).map_err(|_| StoreFailure::Damaged)?;
    }
    if fold.roots() == roots { Ok(()) } else { Err(StoreFailure::Damaged) }
}

#[cfg(test)]
mod tests;
