//! The Merkle tree over a feed's blocks, as hypercore lays it out (`lib/merkle-tree.js`).
//!
//! Rule: pure arithmetic over nodes. Block `i` is the leaf with index `2 * i`; a parent lies
//! between its children; the roots of a feed are the largest complete subtrees, left to right.

use alloc::vec::Vec;

use crate::crypto::hash::{self, Hash};
use crate::error::Violation;

pub(crate) use crate::wire::hypercore::Node;

/// Maximum number of blocks of a feed. Node indices then stay far below 2^53, the largest integer
/// that JavaScript represents exactly.
pub(crate) const LENGTH_MAX: u64 = 1 << 40;

/// Maximum bytes of a feed: the largest integer that JavaScript represents exactly.
pub(crate) const BYTE_LENGTH_MAX: u64 = (1 << 53) - 1;

impl Node {
    /// The leaf of a block.
    pub(crate) fn leaf(block: u64, data: &[u8]) -> Self {
        Self { index: block * 2, size: data.len() as u64, hash: hash::leaf(data) }
    }
}

/// Indices of the largest complete subtrees that together cover the blocks `start..end`, left to
/// right. `cover(0, length)` are the roots of a feed of that length.
///
/// At most two indices per bit of `end`.
pub(crate) fn cover(start: u64, end: u64) -> impl Iterator<Item = u64> {
    debug_assert!(end <= LENGTH_MAX);
    let mut at = start;
    core::iter::from_fn(move || {
        let left = end.checked_sub(at).filter(|left| *left > 0)?;
        // The largest power of two that fits, and at which `at` is aligned.
        let depth = left.ilog2().min(at.trailing_zeros());
        let index = (at << 1) + (1 << depth) - 1;
        at += 1 << depth;
        Some(index)
    })
}

/// The number of blocks below a node.
pub(crate) fn span(index: u64) -> u64 {
    1 << depth(index)
}

/// Levels below a node: 0 for a leaf.
pub(crate) fn depth(index: u64) -> u32 {
    index.trailing_ones()
}

/// The blocks below a node.
pub(crate) fn blocks(index: u64) -> core::ops::Range<u64> {
    let span = span(index);
    let start = (index + 1 - span) / 2;
    start..start + span
}

/// The siblings on the path from a node upwards, while the parent ends at or before `length`.
pub(crate) fn siblings(index: u64, length: u64) -> impl Iterator<Item = u64> {
    let mut at = index;
    core::iter::from_fn(move || {
        let parent = parent(at);
        if blocks(parent).end > length {
            return None;
        }
        // The parent's index is the mean of its children's.
        let sibling = 2 * parent - at;
        at = parent;
        Some(sibling)
    })
}

/// The node above a node.
pub(crate) fn parent(index: u64) -> u64 {
    if is_left_child(index) { index + span(index) } else { index - span(index) }
}

/// The parent of two siblings; `None` if their bytes exceed [`BYTE_LENGTH_MAX`].
pub(crate) fn join(left: &Node, right: &Node) -> Option<Node> {
    let size = left.size.checked_add(right.size).filter(|size| *size <= BYTE_LENGTH_MAX)?;
    let hash = hash::parent(size, &left.hash, &right.hash);
    Some(Node { index: parent(left.index), size, hash })
}

/// Folds nodes from left to right: adjacent siblings are replaced by their parent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fold {
    nodes: Vec<Node>,
}

impl Fold {
    /// A fold that starts with these roots.
    pub(crate) fn of(roots: &[Node]) -> Self {
        Self { nodes: roots.to_vec() }
    }

    /// Adds the next node to the right, and passes each new parent to `made`.
    pub(crate) fn push(
        &mut self,
        node: Node,
        mut made: impl FnMut(&Node),
    ) -> Result<(), Violation> {
        let mut node = node;
        while let Some(left) = self.nodes.last() {
            if left.index.checked_add(2 * span(left.index)) != Some(node.index)
                || span(left.index) != span(node.index)
                || !is_left_child(left.index)
            {
                break;
            }
            node = join(left, &node).ok_or(Violation::BadProof)?;
            made(&node);
            self.nodes.pop();
        }
        self.nodes.push(node);
        Ok(())
    }

    /// The nodes that remain, left to right.
    pub(crate) fn roots(&self) -> &[Node] {
        &self.nodes
    }

    /// The nodes that remain, without a copy.
    pub(crate) fn into_roots(self) -> Vec<Node> {
        self.nodes
    }
}

/// Whether a node is its parent's left child, shown by the bit above its subtree.
fn is_left_child(index: u64) -> bool {
    index & (span(index) << 1) == 0
}

/// Whether these nodes are the roots of a feed of `length` blocks with at most [`BYTE_LENGTH_MAX`]
/// bytes.
pub(crate) fn are_roots(nodes: &[Node], length: u64) -> bool {
    nodes.iter().map(|node| node.index).eq(cover(0, length))
        && byte_length(nodes).is_some_and(|bytes| bytes <= BYTE_LENGTH_MAX)
}

/// Sum of the bytes below these nodes; `None` on overflow.
pub(crate) fn byte_length(nodes: &[Node]) -> Option<u64> {
    nodes.iter().try_fold(0u64, |sum, node| sum.checked_add(node.size))
}

/// The tree hash that a head's signature covers.
pub(crate) fn tree_hash(roots: &[Node]) -> Hash {
    hash::tree(roots.iter().map(|root| (root.hash, root.index, root.size)))
}

#[cfg(test)]
mod tests;
