//! Feed records, decoded from a store.
//!
//! Rule: outside the core, only this file knows the storage format. The laws inspect disks instead
//! of trusting a multifeed's own account.

use bytes::Bytes;
use multifeed_core::crypto::hash::{Hash, blake2b};
use multifeed_core::{PublicKey, Signature, StoreKey, Write};
use multifeed_store::{Scan, Store};
use serde::Deserialize;

/// The first byte of a key: `core/src/feed/record.rs`.
const FEED: u8 = 1;
const NODE: u8 = 2;
const BLOCK: u8 = 3;

/// Records per scan.
const RECORDS_MAX: usize = 4_096;
const RECORDS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a disk holds of one feed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) slot: u32,
    pub(crate) public_key: PublicKey,
    /// The number of blocks held, and the length that the signed head proves.
    pub(crate) length: u64,
    pub(crate) head_length: u64,
    pub(crate) fork: u64,
    pub(crate) signature: Signature,
    /// Sizes and hashes of the roots over the blocks held.
    pub(crate) roots: Vec<(u64, Hash)>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    public_key: [u8; 32],
    #[serde(borrow)]
    _name: Option<&'a str>,
    length: u64,
    head_length: u64,
    fork: u64,
    signature: Signature,
    roots: Vec<(u64, Hash)>,
}

/// The part of a write that a law needs.
#[derive(Debug)]
pub(crate) enum Put<'a> {
    Record(Record),
    Block { slot: u32, index: u64, bytes: &'a Bytes },
}

/// Decodes one write.
pub(crate) fn put_of(write: &Write) -> Option<Put<'_>> {
    let Write::Put(key, value) = write else { return None };
    let (kind, slot, index) = parts(key);
    match kind {
        FEED => record(slot, value).map(Put::Record),
        BLOCK => Some(Put::Block { slot, index, bytes: value }),
        _ => None,
    }
}

/// Entries of all feeds: records, nodes and blocks.
pub(crate) fn feed_entries(store: &impl Store, entries_max: usize) -> Vec<(StoreKey, Bytes)> {
    let (from, until) = (key(FEED, 0), key(BLOCK + 1, 0));
    store.scan(&Scan { from, until, entries_max, bytes_max: usize::MAX }).unwrap_or_default()
}

/// The slot of the feed that an entry belongs to.
pub(crate) fn slot_of(key: &StoreKey) -> u32 {
    parts(key).1
}

/// The readable records of a store, ordered by slot.
pub(crate) fn records(store: &impl Store) -> Vec<Record> {
    let mut all = Vec::new();
    let mut from = key(FEED, 0);
    loop {
        let scan = Scan {
            from,
            until: key(NODE, 0),
            entries_max: RECORDS_MAX,
            bytes_max: RECORDS_BYTES_MAX,
        };
        let entries = store.scan(&scan).unwrap_or_default();
        let Some((last, _)) = entries.last() else { return all };
        from = key(FEED, parts(last).1 + 1);
        all.extend(entries.iter().filter_map(|(key, value)| record(parts(key).1, value)));
    }
}

fn key(kind: u8, slot: u32) -> StoreKey {
    let mut bytes = [0; 13];
    bytes[0] = kind;
    bytes[1..5].copy_from_slice(&slot.to_be_bytes());
    StoreKey::from_bytes(bytes)
}

fn parts(key: &StoreKey) -> (u8, u32, u64) {
    let [kind, a, b, c, d, index @ ..] = *key.as_bytes();
    (kind, u32::from_be_bytes([a, b, c, d]), u64::from_be_bytes(index))
}

fn record(slot: u32, value: &[u8]) -> Option<Record> {
    let (body, sum) = value.split_last_chunk::<8>()?;
    if !blake2b(&[b"multifeed/1 record", body]).starts_with(sum) {
        return None;
    }
    let raw: Raw<'_> = postcard::from_bytes(body).ok()?;
    let Raw { public_key, length, head_length, fork, signature, roots, .. } = raw;
    let public_key = PublicKey(public_key);
    Some(Record { slot, public_key, length, head_length, fork, signature, roots })
}
