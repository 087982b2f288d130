//! The messages of a reconciliation ⇄ values.
//!
//! Rule: as in [`multifeed`](super::multifeed). A list is preceded by its count only if other data
//! follows. A count is checked against the remaining bytes before it is used.

use alloc::vec::Vec;

use super::codec::Malformed;
use super::multifeed::{Kind, put, take};
use super::rice;
use super::slice::Slice;
use crate::crypto::sign::PublicKey;

/// One of the two sets that peers reconcile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum SetKind {
    /// The keys of the feeds.
    Keys = 0,
    /// The heads of the feeds: key, length and fork.
    Heads = 1,
}

/// A side's claim about the root of a set. It is bound to the connection, the role and the set, so
/// it can be neither replayed nor reflected.
pub(crate) type RootMac = [u8; 8];

/// Fork and length of a feed. The greater one is newer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct HeadOf {
    pub(crate) fork: u64,
    pub(crate) length: u64,
}

/// A feed with its head.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry {
    /// The author's public key, which names the feed to a peer.
    pub(crate) key: [u8; 32],
    pub(crate) head: HeadOf,
}

impl Entry {
    pub(crate) fn public_key(&self) -> PublicKey {
        PublicKey(self.key)
    }
}

/// A message of a reconciliation session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Message {
    /// Responder: the next cells of a set's sketch.
    Cells(SetKind, Slice),
    /// Initiator: requests more cells of a set, up to an end.
    More(SetKind, u32),
    /// Initiator: the entries that only it holds, and id prefixes of those that only the responder
    /// holds, ascending. `prefix_bits` of the responder's number of feeds gives their width.
    Different { entries: Vec<Entry>, wanted: Vec<u64> },
    /// Responder: the requested entries.
    Entries(Vec<Entry>),
    /// Initiator: its heads of feeds that both hold, by id prefix, ascending, and whole entries
    /// where a prefix does not identify one feed. Between known peers, both sides: the heads that
    /// changed since the checkpoint, and entries of new feeds.
    Changed { heads: Vec<(u64, HeadOf)>, entries: Vec<Entry> },
    /// Responder: its heads of the same feeds in the same order, whole entries last.
    Heads(Vec<HeadOf>),
    /// Initiator: it knows every difference; this is the root of the united heads.
    Agreed(RootMac),
    /// The session failed; how to continue.
    FallBack(Fallback),
}

impl Message {
    /// Number of feeds that this message names for the first time.
    pub(crate) fn names(&self) -> usize {
        match self {
            Self::Different { entries, .. } | Self::Entries(entries) => entries.len(),
            Self::Changed { heads, entries } => heads.len() + entries.len(),
            _ => 0,
        }
    }
}

/// How to continue after a failed session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fallback {
    /// Another session with a fresh salt and current sets.
    FreshSalt,
    /// Listing all feeds.
    List,
}

/// Minimum bytes of an entry: its key and a length.
const ENTRY_BYTES_MIN: usize = 33;

/// Encodes a message. `width` is the width of id prefixes in this session.
pub(crate) fn encode(message: &Message, width: u32) -> (Kind, Vec<u8>) {
    let mut body = Vec::new();
    let out = &mut body;
    let kind = match message {
        Message::Cells(set, slice) => {
            put(out, &(*set as u8, slice.start));
            slice.write(out);
            Kind::Cells
        }
        Message::More(set, end) => {
            put(out, &(*set as u8, *end));
            Kind::More
        }
        Message::Different { entries, wanted } => {
            put_entries(out, entries);
            put_ids(out, wanted, width);
            Kind::Different
        }
        Message::Entries(entries) => {
            put_entries(out, entries);
            Kind::Entries
        }
        Message::Changed { heads, entries } => {
            let ids: Vec<u64> = heads.iter().map(|(id, _)| *id).collect();
            put_ids(out, &ids, width);
            heads.iter().for_each(|(_, head)| put_head(out, head));
            put_entries(out, entries);
            Kind::Changed
        }
        Message::Heads(heads) => {
            heads.iter().for_each(|head| put_head(out, head));
            Kind::Lengths
        }
        Message::Agreed(root) => {
            out.extend_from_slice(root);
            Kind::Agreed
        }
        Message::FallBack(fallback) => {
            out.push(match fallback {
                Fallback::FreshSalt => 0,
                Fallback::List => 1,
            });
            Kind::FallBack
        }
    };
    (kind, body)
}

/// Decodes a message. `width` is the width of id prefixes in this session. `None`: messages of this
/// kind do not belong to a session.
pub(crate) fn decode(kind: Kind, body: &[u8], width: u32) -> Result<Option<Message>, Malformed> {
    let mut rest = body;
    let rest = &mut rest;
    Ok(Some(match kind {
        Kind::Cells => {
            let (set, start) = take::<(u8, u32)>(rest)?;
            let slice = Slice::read(start, rest).ok_or(Malformed::Truncated)?;
            Message::Cells(set_of(set)?, slice)
        }
        Kind::More => {
            let (set, end) = take::<(u8, u32)>(rest)?;
            Message::More(set_of(set)?, end)
        }
        Kind::Different => {
            Message::Different { entries: take_entries(rest)?, wanted: take_ids(rest, width)? }
        }
        Kind::Entries => Message::Entries(take_entries(rest)?),
        Kind::Changed => {
            let ids = take_ids(rest, width)?;
            let heads = ids.into_iter().map(|id| Ok((id, take_head(rest)?)));
            let heads = heads.collect::<Result<_, Malformed>>()?;
            Message::Changed { heads, entries: take_entries(rest)? }
        }
        Kind::Lengths => {
            let mut heads = Vec::new();
            while !rest.is_empty() {
                heads.push(take_head(rest)?);
            }
            Message::Heads(heads)
        }
        Kind::Agreed => Message::Agreed(take(rest)?),
        Kind::FallBack => Message::FallBack(match take::<u8>(rest)? {
            0 => Fallback::FreshSalt,
            // A newer version may use another fallback. A listing is always correct.
            _ => Fallback::List,
        }),
        _ => return Ok(None),
    }))
}

fn set_of(number: u8) -> Result<SetKind, Malformed> {
    match number {
        0 => Ok(SetKind::Keys),
        1 => Ok(SetKind::Heads),
        _ => Err(Malformed::TooLarge),
    }
}

/// Encodes twice the length, plus 1 if a non-zero fork follows.
fn put_head(out: &mut Vec<u8>, head: &HeadOf) {
    put(out, &(head.length << 1 | u64::from(head.fork > 0)));
    if head.fork > 0 {
        put(out, &head.fork);
    }
}

fn take_head(rest: &mut &[u8]) -> Result<HeadOf, Malformed> {
    let length: u64 = take(rest)?;
    let fork = if length & 1 == 1 { take(rest)? } else { 0 };
    Ok(HeadOf { fork, length: length >> 1 })
}

fn put_entries(out: &mut Vec<u8>, entries: &[Entry]) {
    put(out, &(entries.len() as u64));
    for entry in entries {
        out.extend_from_slice(&entry.key);
        put_head(out, &entry.head);
    }
}

fn take_entries(rest: &mut &[u8]) -> Result<Vec<Entry>, Malformed> {
    let count: u64 = take(rest)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > rest.len() / ENTRY_BYTES_MIN {
        return Err(Malformed::Truncated);
    }
    (0..count).map(|_| Ok(Entry { key: take(rest)?, head: take_head(rest)? })).collect()
}

fn put_ids(out: &mut Vec<u8>, ids: &[u64], width: u32) {
    put(out, &(ids.len() as u64));
    rice::encode(ids, width, out);
}

fn take_ids(rest: &mut &[u8], width: u32) -> Result<Vec<u64>, Malformed> {
    let count: u64 = take(rest)?;
    let count = usize::try_from(count).map_err(|_| Malformed::Truncated)?;
    rice::decode(rest, count, width).ok_or(Malformed::Truncated)
}

#[cfg(test)]
mod tests;
