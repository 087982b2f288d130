//! The messages about forks ⇄ values.
//!
//! Rule: as in [`multifeed`](super::multifeed). A list is preceded by its count in one byte,
//! because other data follows.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::codec::Malformed;
use super::multifeed::{put, take};
use crate::crypto::hash::Hash;
use crate::crypto::sign::{PublicKey, Signature};

/// A head with the roots that it signs. A peer sends it after it received a range that conflicts
/// with its own history of the feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedHead {
    /// The fixed part.
    pub header: SignedHeadFields,
    /// Sizes in bytes and hashes of the roots; their indices follow from the length.
    pub roots: Vec<(u64, Hash)>,
}

/// The fixed part of a [`SignedHead`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedHeadFields {
    /// The author.
    pub public_key: PublicKey,
    /// Length of the head.
    pub length: u64,
    /// Its signature.
    pub signature: Signature,
    /// How many roots follow.
    pub roots: u8,
}

impl SignedHead {
    /// Decodes a signed head.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Self::read(&mut &body[..])
    }

    fn read(rest: &mut &[u8]) -> Result<Self, Malformed> {
        let header: SignedHeadFields = take(rest)?;
        Ok(Self { header, roots: read_nodes(rest, header.roots)? })
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        put(&mut body, &self.header);
        self.roots.iter().for_each(|node| put(&mut body, node));
        body
    }
}

/// Two heads of one feed that contradict each other: a fork proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForkProof {
    /// The shorter one.
    pub signed_head: SignedHead,
    /// The fixed part of the longer one.
    pub head: ForkBranch,
    /// Sizes and hashes of the nodes that cover the longer head's blocks: first up to the shorter
    /// head's length, without the leading nodes that both have in common, then the rest.
    pub nodes: Vec<(u64, Hash)>,
}

/// The fixed part of the longer head in a [`ForkProof`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForkBranch {
    /// Its length.
    pub length: u64,
    /// Its signature.
    pub signature: Signature,
    /// How many nodes follow.
    pub nodes: u8,
}

impl ForkProof {
    /// Decodes a fork proof.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let rest = &mut &body[..];
        let signed_head = SignedHead::read(rest)?;
        let head: ForkBranch = take(rest)?;
        Ok(Self { signed_head, head, nodes: read_nodes(rest, head.nodes)? })
    }

    /// Encodes it.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = self.signed_head.encode();
        put(&mut body, &self.head);
        self.nodes.iter().for_each(|node| put(&mut body, node));
        body
    }
}

fn read_nodes(rest: &mut &[u8], count: u8) -> Result<Vec<(u64, Hash)>, Malformed> {
    (0..count).map(|_| take(rest)).collect()
}
