//! Indices of the flat tree, as hypercore lays it out.
//!
//! Rule: arithmetic only. Block `i` is the leaf with index `2 * i`. Lengths are below 2^40, so no
//! index overflows.

/// Most blocks of a core: more than any disk holds, and far below what a u64 could index.
pub(crate) const LENGTH_MAX: u64 = 1 << 40;

/// Levels below a node: 0 for a leaf.
pub(crate) fn depth(index: u64) -> u32 {
    index.trailing_ones()
}

/// The node above a node, and the other node below that one.
pub(crate) fn parent_and_sibling(index: u64) -> (u64, u64) {
    let span = 1 << depth(index);
    let parent = if index & (span << 1) == 0 { index + span } else { index - span };
    (parent, 2 * parent - index)
}

/// The siblings on the path from a leaf upwards, for this many levels.
pub(crate) fn siblings(leaf: u64, levels: u32) -> impl Iterator<Item = u64> {
    let mut at = leaf;
    (0..levels).map(move |_| {
        let (parent, sibling) = parent_and_sibling(at);
        at = parent;
        sibling
    })
}

/// The largest complete subtrees that cover the blocks `start..end`, left to right.
pub(crate) fn cover(start: u64, end: u64) -> impl Iterator<Item = u64> {
    let mut at = start;
    std::iter::from_fn(move || {
        let left = end.checked_sub(at).filter(|left| *left > 0)?;
        let depth = left.ilog2().min(at.trailing_zeros());
        let index = 2 * at + (1 << depth) - 1;
        at += 1 << depth;
        Some(index)
    })
}

/// Whether a block lies below a node.
pub(crate) fn contains(node: u64, block: u64) -> bool {
    let blocks = 1 << depth(node);
    let first = (node + 1 - blocks) / 2;
    (first..first + blocks).contains(&block)
}

#[cfg(test)]
mod tests;
