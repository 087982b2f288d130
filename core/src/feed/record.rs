//! How a multifeed lies in its store.
//!
//! Rule: only this file knows keys and values of the store. A key is a kind, a feed's slot and an
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

/// Version of everything in this file: 2 has feeds of other origins.
const VERSION: u32 = 2;

/// The version without them, which is what a store is until it needs more.
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

/// No count of changes comes near this.
const POSITION_MAX: u64 = 1 << 53;

/// Bytes of the checksum at the end of a value.
const CHECKSUM_BYTES: usize = 8;

fn key(kind: u8, slot: u32, index: u64) -> StoreKey {
    let mut bytes = [0; 13];
    bytes[0] = kind;
    bytes[1..5].copy_from_slice(&slot.to_be_bytes());
    bytes[5..].copy_from_slice(&index.to_be_bytes());
    StoreKey(bytes)
}

/// Where the store says whose it is.
pub(crate) fn meta_key() -> StoreKey {
    key(META, 0, 0)
}

/// Where the record of the feed in `slot` lies. Records of all feeds lie in one run.
pub(crate) fn feed_key(slot: u32) -> StoreKey {
    key(FEED, slot, 0)
}

/// The first key behind the records of all feeds.
pub(crate) fn feeds_end() -> StoreKey {
    key(NODE, 0, 0)
}

/// Where a tree node of a feed lies. Leaves of held blocks do not: their block is there.
pub(crate) fn node_key(slot: u32, index: u64) -> StoreKey {
    key(NODE, slot, index)
}

/// Where a block of a feed lies.
pub(crate) fn block_key(slot: u32, index: u64) -> StoreKey {
    key(BLOCK, slot, index)
}

/// Where the ruling in `place` lies. All rulings lie in one run.
pub(crate) fn ruling_key(place: u32) -> StoreKey {
    key(RULING, place, 0)
}

/// The first key behind all rulings.
pub(crate) fn rulings_end() -> StoreKey {
    key(RULING + 1, 0, 0)
}

/// Where the mark in `place` lies. All marks lie in one run, and the log of changes behind them.
pub(crate) fn known_key(place: u32) -> StoreKey {
    key(KNOWN, place, 0)
}

/// Where the change in `place` of the log lies: it goes round.
pub(crate) fn change_key(place: u32) -> StoreKey {
    key(CHANGE, place, 0)
}

/// The first key behind all marks and the log.
pub(crate) fn changes_end() -> StoreKey {
    key(CHANGE + 1, 0, 0)
}

/// Where the proof lies that the feed in `slot` has two histories. All of them lie in one run.
pub(crate) fn fork_key(slot: u32) -> StoreKey {
    key(FORK, slot, 0)
}

/// The first key behind all proofs of two histories.
pub(crate) fn forks_end() -> StoreKey {
    key(FORK + 1, 0, 0)
}

/// The key behind one.
pub(crate) fn behind(key: &StoreKey) -> StoreKey {
    let mut number = [0; 16];
    number[3..].copy_from_slice(&key.0);
    let [_, _, _, next @ ..] = u128::from_be_bytes(number).wrapping_add(1).to_be_bytes();
    StoreKey(next)
}

/// The keys of what a feed has besides its record, first and behind the last: blocks, nodes, and
/// the proof that it has two histories.
pub(crate) fn parts_of(slot: u32) -> [[StoreKey; 2]; 3] {
    // No index comes near the largest number.
    [BLOCK, NODE, FORK].map(|kind| [key(kind, slot, 0), key(kind, slot, u64::MAX)])
}

/// The slot, or a ruling's place, in a key.
pub(crate) fn slot_of(key: &StoreKey) -> u32 {
    let [_, a, b, c, d, ..] = key.0;
    u32::from_be_bytes([a, b, c, d])
}

/// A tree node's value: its size and its hash. The key has its index.
pub(crate) fn encode_node(node: &Node) -> Bytes {
    let mut bytes = [0; 40];
    bytes[..8].copy_from_slice(&node.size.to_le_bytes());
    bytes[8..].copy_from_slice(&node.hash);
    Bytes::copy_from_slice(&bytes)
}

/// Reads a tree node's value back. The tree itself tells whether it is right.
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

/// The value that binds a store to its group.
pub(crate) fn encode_meta(group: &Group) -> Bytes {
    seal(&Meta { version: VERSION_OF_GROUPS, discovery_key: *group.discovery_key() })
}

/// The same, for a store that holds feeds of other origins.
pub(crate) fn encode_meta_adopting(group: &Group) -> Bytes {
    seal(&Meta { version: VERSION, discovery_key: *group.discovery_key() })
}

/// Whether a store is one of ours, of this group.
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

/// What is kept of a feed besides its nodes and blocks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) public_key: PublicKey,
    pub(crate) name: Option<String>,
    /// Of length 0 only in an adopted feed's record.
    pub(crate) tip: Tip,
    /// Blocks below the tip's length that are not held any more.
    pub(crate) cleared: Runs,
    pub(crate) origin: Origin,
}

impl Record {
    /// The feed's key, which follows from its author's.
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

/// The value of a feed's record. What was cleared, and the origin, stand behind the rest, if
/// anything was, and if it is not the group.
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

/// Reads a feed's record back.
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

/// What the application ruled about a feed, whether or not anything is held of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ruling {
    pub(crate) decision: Decision,
    /// How far the feed was signed when it was removed; 0: it never was.
    pub(crate) signed: u64,
    /// The slot that is being emptied.
    pub(crate) leaving: Option<u32>,
}

/// Whether the application wants a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decision {
    Accepted,
    Refused,
    /// Refused, and nothing of it is held.
    Removed,
}

/// Stances by their number in a ruling.
const STANCES: [Decision; 3] = [Decision::Accepted, Decision::Refused, Decision::Removed];

#[derive(Serialize, Deserialize)]
struct RawRuling {
    key: FeedKey,
    decision: u8,
    signed: u64,
    leaving: Option<u32>,
}

/// The value of a ruling.
pub(crate) fn encode_ruling(key: &FeedKey, ruling: &Ruling) -> Bytes {
    let Ruling { decision, signed, leaving } = *ruling;
    seal(&RawRuling { key: *key, decision: decision as u8, signed, leaving })
}

/// Reads a ruling back.
pub(crate) fn decode_ruling(value: &[u8]) -> Result<(FeedKey, Ruling), StoreFailure> {
    let RawRuling { key, decision, signed, leaving } = unseal(value)?;
    let decision = STANCES.get(usize::from(decision)).ok_or(StoreFailure::Damaged)?;
    Ok((key, Ruling { decision: *decision, signed, leaving }))
}

/// A feed that has changed since some mark was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    /// How many changes were logged before.
    pub(crate) position: u64,
    pub(crate) feed: FeedId,
    /// How long it was; 0: it was not there.
    pub(crate) before: u64,
}

/// The value of a change.
pub(crate) fn encode_change(change: &Change) -> Bytes {
    seal(&(change.position, change.feed.0, change.before))
}

/// What lies behind the rulings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KnownEntry {
    Checkpoint(PeerTag, Checkpoint),
    Change(Change),
}

/// The value of a mark: 64 bytes.
pub(crate) fn encode_checkpoint(peer: &PeerTag, mark: &Checkpoint) -> Bytes {
    seal(&(peer, mark.ours, mark.theirs, mark.position.to_le_bytes()))
}

/// Reads a mark or a change back.
pub(crate) fn decode_known(key: &StoreKey, value: &[u8]) -> Result<KnownEntry, StoreFailure> {
    let (entry, position) = match key.0[0] {
        KNOWN => {
            let (peer, ours, theirs, position) = unseal(value)?;
            let mark = Checkpoint { ours, theirs, position: u64::from_le_bytes(position) };
            (KnownEntry::Checkpoint(peer, mark), mark.position)
        }
        _ => {
            let (position, slot, before) = unseal(value)?;
            (KnownEntry::Change(Change { position, feed: FeedId(slot), before }), position)
        }
    };
    if position < POSITION_MAX { Ok(entry) } else { Err(StoreFailure::Damaged) }
}

/// The value of a proof that a feed has two histories: the body of its message.
pub(crate) fn encode_fork(proof: &[u8]) -> Bytes {
    [proof, &checksum(proof)].concat().into()
}

/// Reads it back. Who takes it verifies it.
pub(crate) fn decode_fork(value: &[u8]) -> Result<ForkProof, StoreFailure> {
    ForkProof::decode(body(value)?).map_err(|_| StoreFailure::Damaged)
}

fn seal(value: &impl Serialize) -> Bytes {
    // Postcard into a growing vector fails only where a length is not known before; ours are.
    let mut bytes = postcard::to_allocvec(value).expect("every length is known");
    bytes.extend_from_slice(&checksum(&bytes));
    // A store in memory keeps it as it is: without the room that the vector grew by.
    bytes.into_boxed_slice().into()
}

fn unseal<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Result<T, StoreFailure> {
    postcard::from_bytes(body(value)?).map_err(|_| StoreFailure::Damaged)
}

/// A value without its checksum, which has to fit.
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
