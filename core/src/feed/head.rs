//! How far a feed is held, what its author signed, and what a peer sends to extend it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::tree::Node;
use crate::crypto::sign::Signature;
use crate::io::Write;

/// A length that the author signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Number of blocks.
    pub length: u64,
    /// Number of truncations before this head.
    pub fork: u64,
    /// Signature of [`manifest::signable`](super::manifest::signable).
    pub signature: Signature,
}

/// The end of the held blocks and the proof of their tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tip {
    /// Number of held blocks; 1 to the head's length.
    pub(crate) length: u64,
    /// Roots of the Merkle tree over the held blocks.
    pub(crate) roots: Box<[Node]>,
    /// The signed head that proves them.
    pub(crate) head: Head,
}

/// Consecutive blocks with the proof that links them to a signed head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Range<B> {
    /// Index of the first block.
    pub(crate) start: u64,
    /// At least one.
    pub(crate) blocks: Vec<B>,
    /// Nodes that cover the blocks from the run's end to the head's length, left to right.
    pub(crate) right: Vec<Node>,
    /// The signed head.
    pub(crate) head: Head,
}

impl<B> Range<B> {
    /// The index behind the last block.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.blocks.len() as u64
    }
}

/// A commit of the blocks `start..end` with their tree nodes and the feed's record.
#[derive(Debug)]
pub(crate) struct Staging {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) writes: Vec<Write>,
}
