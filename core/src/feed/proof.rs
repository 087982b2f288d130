//! Answers to requests of hypercore's channel, out of the store (hypercore `lib/merkle-tree.js`,
//! `generateProof`).
//!
//! Rule: as in `read`, nothing leaves the store unverified. What an answer consists of follows
//! from the request and the feed's length; it is read together with the way to the roots, and sent
//! only if that comes to what the author signed.

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

/// The nodes of an answer, by their indices.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Plan {
    /// The node that is asked for: the leaf of a block, or any.
    target: Option<u64>,
    /// Siblings on the way up from it.
    path: Vec<u64>,
    /// What covers the blocks that the asker's length is to grow by, but for the subtree that the
    /// path leads to.
    upgrade: Vec<u64>,
    /// What covers the blocks behind those.
    additional: Vec<u64>,
}

impl Plan {
    /// `None`: the request makes no sense for a feed of this length.
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

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Proof {
    /// The block that was asked for.
    pub(crate) value: Option<Bytes>,
    /// The node that was asked for, unless it was a block, then the siblings on its way up.
    pub(crate) path: Vec<Node>,
    /// What covers the blocks that the asker has, if it asked for what its length grows by.
    pub(crate) before: Vec<Node>,
    /// What the asker's length grows by, if it was asked for.
    pub(crate) upgrade: Vec<Node>,
    /// What covers the blocks behind that.
    pub(crate) additional: Vec<Node>,
    /// The signed head.
    pub(crate) head: Head,
}

/// An answer being read, against the feed as it was when that began.
#[derive(Debug)]
pub(crate) struct ProofRead {
    feed: FeedId,
    tip: Tip,
    /// Blocks whose leaf takes their place.
    gone: Runs,
    request: Request,
    plan: Plan,
    /// Nodes that are read, but for the leaf of the block that is asked for.
    wanted: Vec<u64>,
}

impl ProofRead {
    /// Begins to read an answer; `None`: what is asked for is not held, or makes no sense.
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
        // The roots of the signed head, where less than it is held.
        wanted.extend(tree::cover(tip.length, tip.head.length));
        wanted.sort_unstable();
        wanted.dedup();
        let block = request.block.map(|at| record::block_key(id.0, at.index));
        let read = Self { feed: id, tip, gone: feed.cleared(), request: *request, plan, wanted };
        let nodes = read.wanted.iter();
        let nodes = nodes.flat_map(|index| read::keys_of(id, &read.tip, &read.gone, *index));
        let keys = block.into_iter().chain(nodes.flatten()).collect();
        Some((read, keys))
    }

    /// Whether blocks left the feed or came back since the read began: what it found may be
    /// neither here nor there.
    pub(crate) fn is_outdated(&self, feed: &Feed) -> bool {
        feed.status == FeedStatus::Removing || feed.cleared() != self.gone
    }

    pub(crate) fn feed(&self) -> FeedId {
        self.feed
    }

    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// Takes the nodes; gives the answer. `feed` is the one that the read began with.
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
            // The leaf of the block that was asked for may be a root or cover an upgrade, too.
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
    /// What covers the blocks of an upgrade, the subtree of the path included.
    fn upgrade_cover(&self, span: Span) -> impl Iterator<Item = u64> {
        tree::cover(span.start, span.start + span.length)
    }
}

/// The roots of the signed head. Where less is held than is signed, they are what is held and
/// what covers the rest, and the signature says whether they are right.
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
    match feed.is_signed(&tree::tree_hash(&roots), &tip.head, None) {
        true => Ok(roots),
        false => Err(StoreFailure::Damaged),
    }
}

/// Whether the way up from what was asked for ends at a root.
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

/// Whether what an upgrade consists of comes, with what the asker has, to the roots.
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
