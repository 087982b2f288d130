//! The layout of a multifeed in its store.
//!
//! Rule: only this file knows the store's keys and values. A key is a kind, a feed's slot and an
//! index, big-endian, so that a run of blocks is a run of keys. Values that no Merkle tree covers
//! end in a checksum.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::manifest::{self, Origin};
use super::runs::Runs;
use super::tree::{self, Node};
use super::{Head, Tip};
use crate::crypto::hash::{self, Hash};
use crate::crypto::sign::{PublicKey, Signature};
use crate::error::StoreFailure;
use crate::feed::checkpoint::{Checkpoint, PeerTag};
use crate::group::Group;
use crate::id::{FeedId, FeedKey};
use crate::io::StoreKey;
use crate::wire::fork::ForkProof;

/// Version of the layout. Version 2 adds feeds of other origins.
const VERSION: u32 = 2;

/// The version of a store that holds only feeds of the group.
const VERSION_OF_GROUPS: u32 = 1;

/// The first byte of a key.
const META: u8 = 0;
const FEED: u8 = 1;
const NODE: u8 = 2;
const BLOCK: u8 = 3;
const RULING: u8 = 4;
const KNOWN: u8 = 5;
const CHANGE: u8 = 6;
const FORK: u8 = 7;

/// Positions at or above this are damaged values.
const POSITION_MAX: u64 = 1 << 53;

/// Bytes of the checksum at the end of a value: 64 bits of BLAKE2b detect accidental damage.
const CHECKSUM_BYTES: usize = 8;

fn key(kind: u8, slot: u32, index: u64) -> StoreKey {
    let mut bytes = [0; 13];
    bytes[0] = kind;
    bytes[1..5].copy_from_slice(&slot.to_be_bytes());
    bytes[5..].copy_from_slice(&index.to_be_bytes());
    StoreKey(bytes)
}

/// Key of the value that names the group.
pub(crate) fn meta_key() -> StoreKey {
    key(META, 0, 0)
}

/// Key of the record of the feed in `slot`. The records of all feeds are one run of keys.
pub(crate) fn feed_key(slot: u32) -> StoreKey {
    key(FEED, slot, 0)
}

/// The first key after the records of all feeds.
pub(crate) fn feeds_end() -> StoreKey {
    key(NODE, 0, 0)
}

/// Key of a tree node. Leaves of held blocks are not stored, because the block is.
pub(crate) fn node_key(slot: u32, index: u64) -> StoreKey {
    key(NODE, slot, index)
}

/// Key of a block.
pub(crate) fn block_key(slot: u32, index: u64) -> StoreKey {
    key(BLOCK, slot, index)
}

/// Key of the ruling in `place`. All rulings are one run of keys.
pub(crate) fn ruling_key(place: u32) -> StoreKey {
    key(RULING, place, 0)
}

/// The first key after all rulings.
pub(crate) fn rulings_end() -> StoreKey {
    key(RULING + 1, 0, 0)
}

/// Key of the checkpoint in `place`. All checkpoints are one run of keys, followed by the change
/// log.
pub(crate) fn known_key(place: u32) -> StoreKey {
    key(KNOWN, place, 0)
}

/// Key of the entry in `place` of the change log, which is a ring.
pub(crate) fn change_key(place: u32) -> StoreKey {
    key(CHANGE, place, 0)
}

/// The first key after all checkpoints and the change log.
pub(crate) fn changes_end() -> StoreKey {
    key(CHANGE + 1, 0, 0)
}

/// Key of the fork proof of the feed in `slot`. All fork proofs are one run of keys.
pub(crate) fn fork_key(slot: u32) -> StoreKey {
    key(FORK, slot, 0)
}

/// The first key after all fork proofs.
pub(crate) fn forks_end() -> StoreKey {
    key(FORK + 1, 0, 0)
}

/// The key that follows `key`.
pub(crate) fn behind(key: &StoreKey) -> StoreKey {
    let mut number = [0; 16];
    number[3..].copy_from_slice(&key.0);
    let [_, _, _, next @ ..] = u128::from_be_bytes(number).wrapping_add(1).to_be_bytes();
    StoreKey(next)
}

/// The key ranges of a feed's data besides its record: blocks, nodes and the fork proof. Each is a
/// pair of first key and end.
pub(crate) fn parts_of(slot: u32) -> [[StoreKey; 2]; 3] {
    // No index reaches `u64::MAX`, see `tree::LENGTH_MAX`.
    [BLOCK, NODE, FORK].map(|kind| [key(kind, slot, 0), key(kind, slot, u64::MAX)])
}

/// The slot in a key, or the place of a ruling, checkpoint or change.
pub(crate) fn slot_of(key: &StoreKey) -> u32 {
    let [_, a, b, c, d, ..] = key.0;
    u32::from_be_bytes([a, b, c, d])
}

/// Encodes a tree node as size and hash. The key has its index.
pub(crate) fn encode_node(node: &Node) -> Bytes {
    let mut bytes = [0; 40];
    bytes[..8].copy_from_slice(&node.size.to_le_bytes());
    bytes[8..].copy_from_slice(&node.hash);
    Bytes::copy_from_slice(&bytes)
}

/// Decodes a tree node. It is verified by the tree.
pub(crate) fn decode_node(index: u64, value: &[u8]) -> Result<Node, StoreFailure> {
    let (size, hash) = value.split_first_chunk().ok_or(StoreFailure::Damaged)?;
    let hash: Hash = hash.try_into().map_err(|_| StoreFailure::Damaged)?;
    Ok(Node { index, size: u64::from_le_bytes(*size), hash })
}

#[derive(Serialize, Deserialize)]
struct Meta {
    version: u32,
    discovery_key: [u8; 32],
}

/// Encodes the value that binds a store to its group.
pub(crate) fn encode_meta(group: &Group) -> Bytes {
    seal(&Meta { version: VERSION_OF_GROUPS, discovery_key: *group.discovery_key() })
}

/// Encodes the same value for a store that also holds feeds of other origins.
pub(crate) fn encode_meta_adopting(group: &Group) -> Bytes {
    seal(&Meta { version: VERSION, discovery_key: *group.discovery_key() })
}

/// Checks that a store belongs to `group` and that its version is known.
pub(crate) fn check_meta(value: &[u8], group: &Group) -> Result<(), StoreFailure> {
    let meta: Meta = unseal(value)?;
    if meta.version > VERSION {
        return Err(StoreFailure::TooNew);
    }
    if meta.discovery_key != *group.discovery_key() {
        return Err(StoreFailure::WrongGroup);
    }
    Ok(())
}

/// The stored state of a feed, besides nodes and blocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) public_key: PublicKey,
    pub(crate) name: Option<String>,
    /// Has length 0 only for an adopted feed without blocks.
    pub(crate) tip: Tip,
    /// Cleared blocks below the tip's length.
    pub(crate) cleared: Runs,
    pub(crate) origin: Origin,
}

impl Record {
    /// Derives the feed's key from its author's key.
    pub(crate) fn key(&self, group: &Group) -> FeedKey {
        match self.origin {
            Origin::Group => manifest::feed_key(group.feed_namespace(), &self.public_key),
            Origin::Namespace(namespace) => manifest::feed_key(&namespace, &self.public_key),
            Origin::Compat => FeedKey(self.public_key.0),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct RawRecord<'a> {
    public_key: [u8; 32],
    name: Option<&'a str>,
    length: u64,
    head_length: u64,
    fork: u64,
    signature: Signature,
    roots: Vec<(u64, Hash)>,
}

/// Encodes a feed's record. Cleared runs follow the fixed part if there are any, or if an origin
/// other than the group follows them.
pub(crate) fn encode_record(
    public_key: &PublicKey,
    name: Option<&str>,
    tip: &Tip,
    cleared: &Runs,
    origin: Origin,
) -> Bytes {
    let raw = RawRecord {
        public_key: public_key.0,
        name,
        length: tip.length,
        head_length: tip.head.length,
        fork: tip.head.fork,
        signature: tip.head.signature,
        roots: tip.roots.iter().map(|root| (root.size, root.hash)).collect(),
    };
    match (cleared.is_empty(), origin) {
        (true, Origin::Group) => seal(&raw),
        (false, Origin::Group) => seal(&(raw, cleared.as_slice())),
        (_, origin) => seal(&(raw, cleared.as_slice(), origin)),
    }
}

/// Decodes a feed's record.
pub(crate) fn decode_record(value: &[u8]) -> Result<Record, StoreFailure> {
    let damaged = |_| StoreFailure::Damaged;
    let (raw, rest): (RawRecord<'_>, _) =
        postcard::take_from_bytes(body(value)?).map_err(damaged)?;
    if raw.length > raw.head_length || raw.head_length > tree::LENGTH_MAX {
        return Err(StoreFailure::Damaged);
    }
    let (cleared, rest) = match rest {
        [] => (Vec::new(), rest),
        rest => postcard::take_from_bytes(rest).map_err(damaged)?,
    };
    let origin = match rest {
        [] => Origin::Group,
        rest => postcard::from_bytes(rest).map_err(damaged)?,
    };
    let cleared = Runs::of(cleared, raw.length).ok_or(StoreFailure::Damaged)?;
    let indices = tree::cover(0, raw.length);
    let roots: Box<[Node]> = indices
        .zip(&raw.roots)
        .map(|(index, (size, hash))| Node { index, size: *size, hash: *hash })
        .collect();
    if roots.len() != raw.roots.len() || !tree::are_roots(&roots, raw.length) {
        return Err(StoreFailure::Damaged);
    }
    let head = Head { length: raw.head_length, fork: raw.fork, signature: raw.signature };
    let (public_key, name) = (PublicKey(raw.public_key), raw.name.map(String::from));
    let tip = Tip { length: raw.length, roots, head };
    Ok(Record { public_key, name, tip, cleared, origin })
}

/// The application's decision about a feed, whether or not the feed has blocks here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ruling {
    pub(crate) decision: Decision,
    /// Signed length of the feed when it was removed; 0 if it was never removed.
    pub(crate) signed: u64,
    /// The slot whose data is being deleted.
    pub(crate) leaving: Option<u32>,
}

/// Whether the application wants a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decision {
    Accepted,
    Refused,
    /// Refused, and its data is deleted.
    Removed,
}

/// Decisions by their number in a ruling.
const DECISIONS: [Decision; 3] = [Decision::Accepted, Decision::Refused, Decision::Removed];

#[derive(Serialize, Deserialize)]
struct RawRuling {
    key: FeedKey,
    decision: u8,
    signed: u64,
    leaving: Option<u32>,
}

/// Encodes a ruling.
pub(crate) fn encode_ruling(key: &FeedKey, ruling: &Ruling) -> Bytes {
    let Ruling { decision, signed, leaving } = *ruling;
    seal(&RawRuling { key: *key, decision: decision as u8, signed, leaving })
}

/// Decodes a ruling.
pub(crate) fn decode_ruling(value: &[u8]) -> Result<(FeedKey, Ruling), StoreFailure> {
    let RawRuling { key, decision, signed, leaving } = unseal(value)?;
    let decision = DECISIONS.get(usize::from(decision)).ok_or(StoreFailure::Damaged)?;
    Ok((key, Ruling { decision: *decision, signed, leaving }))
}

/// An entry of the change log: a feed that changed after some checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    /// Number of changes that were logged before.
    pub(crate) position: u64,
    pub(crate) feed: FeedId,
    /// The feed's length before the change; 0 if it was not in the set.
    pub(crate) before: u64,
}

/// Encodes a change.
pub(crate) fn encode_change(change: &Change) -> Bytes {
    seal(&(change.position, change.feed.slot, change.before))
}

/// A stored checkpoint or change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KnownEntry {
    Checkpoint(PeerTag, Checkpoint),
    Change(Change),
}

/// Encodes a checkpoint: 64 bytes.
pub(crate) fn encode_checkpoint(peer: &PeerTag, checkpoint: &Checkpoint) -> Bytes {
    seal(&(peer, checkpoint.ours, checkpoint.theirs, checkpoint.position.to_le_bytes()))
}

/// Decodes a checkpoint or a change.
pub(crate) fn decode_known(key: &StoreKey, value: &[u8]) -> Result<KnownEntry, StoreFailure> {
    let (entry, position) = match key.0[0] {
        KNOWN => {
            let (peer, ours, theirs, position) = unseal(value)?;
            let checkpoint = Checkpoint { ours, theirs, position: u64::from_le_bytes(position) };
            (KnownEntry::Checkpoint(peer, checkpoint), checkpoint.position)
        }
        _ => {
            let (position, slot, before) = unseal(value)?;
            (KnownEntry::Change(Change { position, feed: FeedId::first(slot), before }), position)
        }
    };
    if position < POSITION_MAX { Ok(entry) } else { Err(StoreFailure::Damaged) }
}

/// A fork proof or its digest, as stored.
pub(crate) enum ForkRecord {
    Proof(Box<ForkProof>),
    Digest(Hash),
}

/// Encodes a fork proof, the body of its message, or the digest of one, and a checksum.
pub(crate) fn encode_fork(proof: &[u8]) -> Bytes {
    [proof, &checksum(proof)].concat().into()
}

/// Decodes a fork proof or a digest, which is shorter than any proof. The caller verifies a proof.
pub(crate) fn decode_fork(value: &[u8]) -> Result<ForkRecord, StoreFailure> {
    let body = body(value)?;
    if let Ok(digest) = body.try_into() {
        return Ok(ForkRecord::Digest(digest));
    }
    let proof = ForkProof::decode(body).map_err(|_| StoreFailure::Damaged)?;
    Ok(ForkRecord::Proof(Box::new(proof)))
}

fn seal(value: &impl Serialize) -> Bytes {
    // Postcard into a growing vector fails only for sequences of unknown length. Ours are known.
    let mut bytes = postcard::to_allocvec(value).expect("every length is known");
    bytes.extend_from_slice(&checksum(&bytes));
    // A memory store keeps this allocation, so drop the vector's spare capacity.
    bytes.into_boxed_slice().into()
}

fn unseal<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Result<T, StoreFailure> {
    postcard::from_bytes(body(value)?).map_err(|_| StoreFailure::Damaged)
}

/// The value without its checksum, if the checksum matches.
fn body(value: &[u8]) -> Result<&[u8], StoreFailure> {
    let (body, sum) = value.split_last_chunk::<CHECKSUM_BYTES>().ok_or(StoreFailure::Damaged)?;
    if checksum(body) != *sum {
        return Err(StoreFailure::Damaged);
    }
    Ok(body)
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let [a, b, c, d, e, f, g, h, ..] = hash::blake2b(&[b"multifeed/1 record", body]);
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests;
