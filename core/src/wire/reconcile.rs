//! The messages of a reconciliation ⇄ values.
//!
//! Rule: as in [`multifeed`](super::multifeed), and a list has its count before it only where
//! something else follows. A count is held against the bytes that are left before it is used.

use alloc::vec::Vec;

use super::codec::Malformed;
use super::multifeed::{Kind, put, take};
use super::rice;
use super::slice::Slice;
use crate::crypto::sign::PublicKey;

/// Which of the two sets that peers reconcile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum SetKind {
    /// Which feeds there are.
    Keys = 0,
    /// How far each feed is.
    Heads = 1,
}

/// What a side says its set is: bound to the connection, its role and the set, so that it can be
/// neither kept for later nor sent back.
pub(crate) type RootMac = [u8; 8];

/// How far a feed is. The greater of two is the newer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct HeadOf {
    pub(crate) fork: u64,
    pub(crate) length: u64,
}

/// A feed and how far it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Entry {
    /// What names the feed to a peer: its author's public key.
    pub(crate) key: [u8; 32],
    pub(crate) head: HeadOf,
}

impl Entry {
    pub(crate) fn public_key(&self) -> PublicKey {
        PublicKey(self.key)
    }
}

/// One message of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Message {
    /// Responder: the next cells of a set.
    Cells(SetKind, Slice),
    /// Initiator: more cells of a set are needed, up to an end.
    More(SetKind, u32),
    /// Initiator: what only it holds, and leading bits of the ids of what only the responder
    /// does, ascending; as many bits as [`prefix_bits`] of the responder's feeds.
    Different { entries: Vec<Entry>, wanted: Vec<u64> },
    /// Responder: what was wanted.
    Entries(Vec<Entry>),
    /// Initiator: its heads of feeds that both hold, by leading bits of the feeds' ids, ascending;
    /// and whole entries where those bits do not name one feed. Both, if they know each other:
    /// heads of all that has changed since, and entries of what is new.
    Changed { heads: Vec<(u64, HeadOf)>, entries: Vec<Entry> },
    /// Responder: its heads of the same feeds in the same order, entries last.
    Heads(Vec<HeadOf>),
    /// Initiator: both sets are one now, and this is the root of its heads.
    Agreed(RootMac),
    /// The session leads nowhere; what is to be done instead.
    GiveUp(Fallback),
}

impl Message {
    /// How many feeds its sender is the first to name.
    pub(crate) fn names(&self) -> usize {
        match self {
            Self::Different { entries, .. } | Self::Entries(entries) => entries.len(),
            Self::Changed { heads, entries } => heads.len() + entries.len(),
            _ => 0,
        }
    }
}

/// What else there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fallback {
    /// The same again with a fresh salt, or with sets as they are now.
    FreshSalt,
    /// To list everything.
    List,
}

/// Bytes of an entry at least: its key and a length.
const ENTRY_BYTES_MIN: usize = 33;

/// Appends the body of a message of a session in which ids have `width` leading bits.
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
        Message::GiveUp(fallback) => {
            out.push(match fallback {
                Fallback::FreshSalt => 0,
                Fallback::List => 1,
            });
            Kind::GiveUp
        }
    };
    (kind, body)
}

/// The message of a body, of a session in which ids have `width` leading bits; `None`: messages
/// of this kind are not of a session.
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
        Kind::GiveUp => Message::GiveUp(match take::<u8>(rest)? {
            0 => Fallback::FreshSalt,
            // What newer versions may fall back to, we do not know; a listing always is right.
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

/// A length, doubled; one more if a fork follows, which it does where it is not 0.
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
