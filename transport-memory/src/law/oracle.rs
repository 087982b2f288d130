//! What each author has signed.

use std::collections::BTreeMap;

use multifeed_core::crypto::hash::{Hash, leaf};
use multifeed_core::{PublicKey, Signature};

/// The blocks and heads of every honest author.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    blocks: BTreeMap<PublicKey, Vec<Hash>>,
    /// Published signatures, by length and fork.
    heads: BTreeMap<(PublicKey, u64, u64), Signature>,
}

impl Oracle {
    pub(crate) fn add(&mut self, author: PublicKey) {
        self.blocks.entry(author).or_default();
    }

    pub(crate) fn knows(&self, author: &PublicKey) -> bool {
        self.blocks.contains_key(author)
    }

    pub(crate) fn append(&mut self, author: PublicKey, blocks: &[&[u8]]) {
        let signed = self.blocks.entry(author).or_default();
        signed.extend(blocks.iter().map(|block| leaf(block)));
    }

    /// The author's disk kept only this length: the next blocks it signs replace the rest, which no
    /// other node may have seen.
    pub(crate) fn truncate(&mut self, author: &PublicKey, length: u64) {
        if let Some(signed) = self.blocks.get_mut(author) {
            signed.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        }
    }

    pub(crate) fn length(&self, author: &PublicKey) -> u64 {
        self.blocks.get(author).map_or(0, |signed| signed.len() as u64)
    }

    pub(crate) fn authors(&self) -> usize {
        self.blocks.len()
    }

    pub(crate) fn total(&self) -> u64 {
        self.blocks.values().map(|signed| signed.len() as u64).sum()
    }

    pub(crate) fn is_signed(&self, author: &PublicKey, index: u64, block: &[u8]) -> bool {
        let signed = self.blocks.get(author).zip(usize::try_from(index).ok());
        signed.and_then(|(signed, index)| signed.get(index)) == Some(&leaf(block))
    }

    /// Another node holds this head. `false` if some node held a different one.
    pub(crate) fn meet(
        &mut self,
        author: &PublicKey,
        length: u64,
        fork: u64,
        signature: Signature,
    ) -> bool {
        *self.heads.entry((*author, length, fork)).or_insert(signature) == signature
    }
}
