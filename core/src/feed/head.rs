//! How far a feed is held, what its author signed, and what a peer sends to extend it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::tree::Node;
use crate::crypto::sign::Signature;
use crate::io::Write;

/// A length of a feed that its author signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Blocks from the first on.
    pub length: u64,
    /// Number of truncations before.
    pub fork: u64,
    /// Over [`manifest::signable`].
    pub signature: Signature,
}

/// How far a feed is held, and what proves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tip {
    /// Blocks held, from the first on; at least one, at most the head's length.
    pub(crate) length: u64,
    /// Roots of the tree over the held blocks.
    pub(crate) roots: Box<[Node]>,
    /// The signed head that proves them.
    pub(crate) head: Head,
}

/// A run of whole blocks with the proof that ties it to a signed head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Range<B> {
    /// Index of the first block.
    pub(crate) start: u64,
    /// At least one.
    pub(crate) blocks: Vec<B>,
    /// Nodes that cover the blocks from the run's end to the head's length, left to right.
    pub(crate) right: Vec<Node>,
    /// The head that the run is proved by.
    pub(crate) head: Head,
}

impl<B> Range<B> {
    /// The index behind the last block.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.blocks.len() as u64
    }
}

/// A commit to be made: blocks `start..end` of a feed, with their nodes and the feed's record.
#[derive(Debug)]
pub(crate) struct Staging {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) writes: Vec<Write>,
}
