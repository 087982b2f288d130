//! Decodes the replies of DHT nodes, with bounds.
//!
//! Rule: no allocation depends on a number in a reply, and no record is used before its signature
//! is verified.
//!
//! ```text
//! LOOKUP        count, { key (32), count, { IPv4 (4), port (2) }* }*, …
//! MUTABLE_GET   seq, length, value, signature (64)
//! ```
//!
//! Integers use compact encoding: one byte up to 252, else 253, 254 or 255 followed by two, four or
//! eight bytes, little-endian.

use std::collections::BTreeSet;

use multifeed_core::crypto::sign::verify;
use multifeed_core::{PublicKey, Signature};
use peeroxide_dht::crypto::{NS_MUTABLE_PUT, mutable_signable};

use crate::discovery::endpoints::SEALED_BYTES_MAX;

#[cfg(test)]
mod tests;

/// The most peers that one node may report: as many as an honest node stores per topic
/// (`max_per_key` in peeroxide-dht 1.7.3, src/persistent.rs, as in hyperdht).
const PEERS_PER_REPLY_MAX: usize = 20;

/// A mutable record whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) value: Vec<u8>,
}

/// Returns the keys in a reply to LOOKUP, up to the first malformed entry.
pub(super) fn announced(reply: &[u8]) -> Vec<PublicKey> {
    let mut keys = Vec::new();
    let mut reader = Reader(reply);
    let count = reader.integer().unwrap_or(0);
    while (keys.len() as u64) < count && keys.len() < PEERS_PER_REPLY_MAX {
        let Some(key) = reader.array() else { break };
        let relays = reader.integer().and_then(|count| count.checked_mul(6));
        if relays.and_then(|length| reader.bytes(length)).is_none() {
            break;
        }
        keys.push(PublicKey(key));
    }
    keys
}

/// Merges lists round-robin: the first entry of each list, then the second of each, and so on; each
/// key once.
pub(super) fn merge_round_robin(lists: Vec<Vec<PublicKey>>) -> Vec<PublicKey> {
    let mut seen = BTreeSet::new();
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let merged =
        (0..longest).flat_map(|index| lists.iter().filter_map(move |list| list.get(index)));
    merged.copied().filter(|key| seen.insert(*key)).collect()
}

/// Returns the newest record that `key` signed.
pub(super) fn newest<'a>(
    key: &PublicKey,
    replies: impl Iterator<Item = &'a [u8]>,
) -> Option<Record> {
    replies.filter_map(|reply| verified(key, reply)).max_by_key(|record| record.seq)
}

/// Returns the record in a reply to MUTABLE_GET, if its signature is valid.
fn verified(key: &PublicKey, reply: &[u8]) -> Option<Record> {
    let mut reader = Reader(reply);
    let seq = reader.integer()?;
    let length = reader.integer()?;
    if length > SEALED_BYTES_MAX as u64 {
        return None;
    }
    let value = reader.bytes(length)?;
    let signature = Signature(reader.array()?);
    let signable = mutable_signable(&NS_MUTABLE_PUT, seq, value);
    let value = value.to_vec();
    verify(key, &signable, &signature).then_some(Record { seq, value })
}

/// The part of a reply that is not decoded yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn integer(&mut self) -> Option<u64> {
        let [first] = self.array()?;
        match first {
            253 => self.array().map(u16::from_le_bytes).map(u64::from),
            254 => self.array().map(u32::from_le_bytes).map(u64::from),
            255 => self.array().map(u64::from_le_bytes),
            small => Some(u64::from(small)),
        }
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }
}
