//! What nodes of the DHT answer, read with bounds.
//!
//! Rule: nothing is allocated by a number that a node announced, and nothing that is signed is
//! believed unsigned.
//!
//! ```text
//! LOOKUP        count, { key (32), count, { IPv4 (4), port (2) }* }*, …
//! MUTABLE_GET   seq, length, value, signature (64)
//! ```
//!
//! Numbers are compact: one byte up to 252, else 253, 254 or 255 and two, four or eight bytes.

use std::collections::BTreeSet;

use multifeed_core::crypto::sign::verify;
use multifeed_core::{PublicKey, Signature};
use peeroxide_dht::crypto::{NS_MUTABLE_PUT, mutable_signable};

use crate::discovery::endpoints::SEALED_BYTES_MAX;

#[cfg(test)]
mod tests;

/// Peers that one node may name: as many as an honest one does.
const PEERS_PER_REPLY_MAX: usize = 20;

/// A record that is signed by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) seq: u64,
    pub(super) value: Vec<u8>,
}

/// The keys in the answer to a LOOKUP, up to the first thing in it that is none.
pub(super) fn announced(reply: &[u8]) -> Vec<PublicKey> {
    let mut keys = Vec::new();
    let mut reader = Reader(reply);
    let count = reader.number().unwrap_or(0);
    while (keys.len() as u64) < count && keys.len() < PEERS_PER_REPLY_MAX {
        let Some(key) = reader.array() else { break };
        let relays = reader.number().and_then(|count| count.checked_mul(6));
        if relays.and_then(|length| reader.bytes(length)).is_none() {
            break;
        }
        keys.push(PublicKey(key));
    }
    keys
}

/// The first of each list, then the second of each …; each key once.
pub(super) fn in_turns(lists: Vec<Vec<PublicKey>>) -> Vec<PublicKey> {
    let mut seen = BTreeSet::new();
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let turns = (0..longest).flat_map(|turn| lists.iter().filter_map(move |list| list.get(turn)));
    turns.copied().filter(|key| seen.insert(*key)).collect()
}

/// The newest of the records that are signed by `key`.
pub(super) fn newest<'a>(
    key: &PublicKey,
    replies: impl Iterator<Item = &'a [u8]>,
) -> Option<Record> {
    replies.filter_map(|reply| signed(key, reply)).max_by_key(|record| record.seq)
}

/// The record in the answer to a MUTABLE_GET, if its signature holds.
fn signed(key: &PublicKey, reply: &[u8]) -> Option<Record> {
    let mut reader = Reader(reply);
    let seq = reader.number()?;
    let length = reader.number()?;
    if length > SEALED_BYTES_MAX as u64 {
        return None;
    }
    let value = reader.bytes(length)?;
    let signature = Signature(reader.array()?);
    let signable = mutable_signable(&NS_MUTABLE_PUT, seq, value);
    let value = value.to_vec();
    verify(key, &signable, &signature).then_some(Record { seq, value })
}

/// The rest of a reply.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u64> {
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
