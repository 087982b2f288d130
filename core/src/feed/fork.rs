//! Forks: two signed histories of one feed, and the proof that both exist.
//!
//! Rule: anybody who knows the group and the author's public key can verify a proof, and no proof
//! exists for an author who signed one block per index. A node's size is bound by its own hash and
//! by the tree hash, but not by its parent's hash, so two heads contradict each other only where
//! hashes differ.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use super::tree::{self, Fold, LENGTH_MAX, Node};
use super::{Feed, FeedStatus, ForkEvidence, ForkState, Head, Tip};
use crate::crypto::SignatureMemo;
use crate::crypto::hash::{Hash, blake2b};
use crate::error::Violation;
use crate::wire::fork::{ForkBranch, ForkProof, SignedHead, SignedHeadFields};

/// The two histories of a feed that its author signed, as far as their proof shows them.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Fork {
    /// Blocks among which is the first one that differs: one block if the proof shows it exactly.
    /// Both histories have the same blocks before `start`, and another block before `end`.
    pub diverges: Range<u64>,
    /// The heads of both histories, the shorter one first. One of them may be longer than what is
    /// held here, or neither may be of the history that is held.
    pub heads: [Head; 2],
}

impl Fork {
    /// What a verified proof shows.
    fn of(proof: &ForkProof) -> Self {
        let ForkProof { signed_head, head, nodes } = proof;
        let SignedHeadFields { length: shorter, signature, .. } = signed_head.header;
        let longer = Head { length: head.length, fork: 0, signature: head.signature };
        let heads = [Head { length: shorter, fork: 0, signature }, longer];
        let after = tree::cover(shorter, head.length).count();
        // The nodes are those behind the common ones.
        let pairs = tree::cover(0, shorter).zip(&signed_head.roots);
        let common = (signed_head.roots.len() + after).saturating_sub(nodes.len());
        let mut pairs = pairs.skip(common).zip(nodes);
        let differing = pairs.find(|((_, (_, ours)), (_, theirs))| ours != theirs);
        let diverges = differing.map_or(0..shorter, |((index, _), _)| tree::blocks(index));
        Self { diverges, heads }
    }
}

impl Feed {
    /// What the durable fork proof shows, unless only its digest is kept.
    pub(crate) fn fork_shown(&self) -> Option<Fork> {
        let proof = ForkProof::decode(self.fork_proof()?).ok()?;
        Some(Fork::of(&proof))
    }

    /// Whether a durable proof showed that the author signed two histories. The feed is frozen
    /// then.
    pub(crate) fn is_forked(&self) -> bool {
        self.durable_evidence().is_some()
    }

    /// The durable fork proof, encoded, unless only its digest is kept.
    pub(crate) fn fork_proof(&self) -> Option<&Bytes> {
        match self.durable_evidence()? {
            ForkEvidence::Proof(proof) => Some(proof),
            ForkEvidence::Digest(_) => None,
        }
    }

    fn durable_evidence(&self) -> Option<&ForkEvidence> {
        let fork = self.activity.as_ref()?.fork.as_ref();
        fork.filter(|fork| fork.is_durable).map(|fork| &fork.evidence)
    }

    /// Keeps only a digest of the durable proof, and returns it. The feed stays frozen.
    pub(super) fn drop_proof(&mut self) -> Option<Hash> {
        let fork = self.activity.as_mut()?.fork.as_mut().filter(|fork| fork.is_durable)?;
        let ForkEvidence::Proof(proof) = &fork.evidence else { return None };
        let digest = blake2b(&[b"multifeed/1 fork", proof]);
        fork.evidence = ForkEvidence::Digest(digest);
        Some(digest)
    }

    /// The number of durable blocks that are exchanged with peers: of a forked feed those before
    /// which both histories are the same.
    pub(crate) fn shared_length(&self) -> u64 {
        let fork = self.activity.as_ref().and_then(|activity| activity.fork.as_ref());
        let shared = fork.filter(|fork| fork.is_durable).map(|fork| fork.shared);
        self.length().min(shared.unwrap_or(u64::MAX))
    }

    /// Whether the feed is forked, and a peer that holds nothing of it is given a part.
    pub(crate) fn has_shared_prefix(&self) -> bool {
        let is_exchanged = self.status == FeedStatus::Accepted && self.is_of_group();
        is_exchanged && self.is_forked() && self.shared_length() > 0
    }

    /// Whether the feed is forked, and a peer with `length` blocks may hold a part of what both
    /// histories share.
    pub(crate) fn shares_up_to(&self, length: u64) -> bool {
        self.has_shared_prefix() && length <= self.shared_length()
    }

    /// Whether a fork proof is durable or in flight, so that no other is needed.
    pub(crate) fn has_fork(&self) -> bool {
        self.activity.as_ref().is_some_and(|activity| activity.fork.is_some())
    }

    /// Sets a verified proof that is in flight to the store, or what was loaded from it. Of a
    /// digest nothing is known to be shared.
    pub(super) fn set_fork(&mut self, evidence: ForkEvidence, is_durable: bool) {
        let shown = match &evidence {
            ForkEvidence::Proof(proof) => ForkProof::decode(proof).ok(),
            ForkEvidence::Digest(_) => None,
        };
        let shared = shown.map_or(0, |proof| Fork::of(&proof).diverges.start);
        self.activity().fork = Some(ForkState { evidence, is_durable, shared });
    }

    /// Marks the proof durable.
    pub(crate) fn on_fork_committed(&mut self) {
        let fork = self.activity.as_mut().and_then(|activity| activity.fork.as_mut());
        if let Some(fork) = fork {
            fork.is_durable = true;
        }
    }

    /// The durable head, for comparison with another history; `None` if not all signed blocks are
    /// held.
    pub(crate) fn signed_head(&self) -> Option<SignedHead> {
        let Tip { length, roots, head } = self.durable()?;
        if *length != head.length {
            return None;
        }
        let header = SignedHeadFields {
            public_key: self.public_key,
            length: *length,
            signature: head.signature,
            // At most one root per bit of the length.
            roots: roots.len() as u8,
        };
        Some(SignedHead {
            header,
            roots: roots.iter().map(|root| (root.size, root.hash)).collect(),
        })
    }

    /// Verifies a peer's signed head and returns its roots.
    pub(crate) fn check_signed_head(
        &self,
        signed_head: &SignedHead,
        memo: Option<&SignatureMemo>,
    ) -> Result<Vec<Node>, Violation> {
        let SignedHeadFields { length, signature, .. } = signed_head.header;
        if length == 0 || length > LENGTH_MAX {
            return Err(Violation::OutOfRange);
        }
        let roots = at(tree::cover(0, length), &signed_head.roots).ok_or(Violation::BadProof)?;
        if !tree::are_roots(&roots, length) {
            return Err(Violation::BadProof);
        }
        let head = Head { length, fork: 0, signature };
        if self.is_signed(&tree::tree_hash(&roots), &head, memo) {
            Ok(roots)
        } else {
            Err(Violation::BadSignature)
        }
    }

    /// Verifies a fork proof of this feed.
    pub(crate) fn check_fork(
        &self,
        forked: &ForkProof,
        memo: Option<&SignatureMemo>,
    ) -> Result<(), Violation> {
        let ForkProof { signed_head, head: ForkBranch { length, signature, .. }, nodes } = forked;
        let shorter = signed_head.header.length;
        if *length < shorter || *length > LENGTH_MAX {
            return Err(Violation::OutOfRange);
        }
        let roots = self.check_signed_head(signed_head, memo)?;
        let cover = || tree::cover(0, shorter).chain(tree::cover(shorter, *length));
        let common = cover().count().checked_sub(nodes.len()).ok_or(Violation::BadProof)?;
        let (same, ours) = roots.split_at_checked(common).ok_or(Violation::BadProof)?;
        let theirs = at(cover().skip(common), nodes).ok_or(Violation::BadProof)?;
        if ours.iter().zip(&theirs).all(|(ours, theirs)| ours.hash == theirs.hash) {
            return Err(Violation::BadProof);
        }
        let mut fold = Fold::default();
        for node in same.iter().chain(&theirs) {
            fold.push(*node, |_| ())?;
        }
        if !tree::are_roots(fold.roots(), *length) {
            return Err(Violation::BadProof);
        }
        let head = Head { length: *length, fork: 0, signature: *signature };
        if self.is_signed(&tree::tree_hash(fold.roots()), &head, memo) {
            Ok(())
        } else {
            Err(Violation::BadSignature)
        }
    }
}

/// Builds a proof from a peer's shorter head and the nodes that cover our blocks: `before` up to
/// the peer's length and `after` for the rest.
pub(crate) fn prove(
    signed_head: SignedHead,
    head: &Head,
    before: &[Node],
    after: &[Node],
) -> ForkProof {
    let pair = |node: &Node| (node.size, node.hash);
    let common = signed_head.roots.iter().zip(before).take_while(|(a, b)| **a == pair(b)).count();
    let nodes: Vec<_> = before.iter().skip(common).chain(after).map(pair).collect();
    // At most three nodes per bit of the length.
    let count = nodes.len() as u8;
    let head = ForkBranch { length: head.length, signature: head.signature, nodes: count };
    ForkProof { signed_head, head, nodes }
}

/// Nodes at these indices, if there are just as many.
fn at(indices: impl Iterator<Item = u64>, nodes: &[(u64, Hash)]) -> Option<Vec<Node>> {
    let mut nodes = nodes.iter();
    let mut found = Vec::with_capacity(nodes.len());
    for index in indices {
        let (size, hash) = nodes.next()?;
        found.push(Node { index, size: *size, hash: *hash });
    }
    nodes.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests;
