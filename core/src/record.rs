//! What crossed the border of a multifeed, written down and done again.
//!
//! Rule: a record holds every input in its order and nothing that the core made, so that a session
//! that went wrong on a real network can be looked at as often as needed. It holds the secrets
//! too, for without them no byte of it could be opened again: keep it as you keep the keys.
//!
//! [`redact`] tells what it holds to those who are not to have them.
//!
//! A record is frames of a length (4 bytes, little-endian) and a postcard value each.

mod redact;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Limits, Timing};
use crate::crypto::hash::{Hash, blake2b};
use crate::crypto::sign::{KeyPair, PublicKey};
use crate::feed::tree;
use crate::group::Group;
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId, Role};
use crate::io::{Answer, Input, Mode, Secure, StoreId, StoreKey, StoreReply};
use crate::multifeed::Multifeed;
use crate::policy::Admission;
use crate::time::Instant;
use crate::{Misuse, StoreFailure};

pub use redact::redact;

/// One thing that crossed the border.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Step {
    Open(Box<Opening>),
    Connected { now: u64, connection: u64, is_initiator: bool, secure: Sealed, is_once: bool },
    Received { now: u64, connection: u64, bytes: Vec<u8> },
    Disconnected { now: u64, connection: u64 },
    Stored { now: u64, id: u64, answer: Stored },
    Timeout { now: u64 },
    Transmit { connection: u64, limit: u64 },
    Writer { name: String, seed: [u8; 32] },
    Append { feed: u32, blocks: Vec<Vec<u8>> },
    Read { feed: u32, start: u64, end: u64 },
    Disconnect { connection: u64 },
    Adopt { key: [u8; 32] },
    State { hash: Hash },
    Clear { feed: u32, start: u64, end: u64 },
    Download { feed: u32, start: u64, end: u64 },
    Cancel { request: u64 },
    Refuse { key: FeedKey },
    Accept { key: FeedKey },
    Remove { feed: u32 },
    Get { key: [u8; 32], index: u64 },
}

/// What the multifeed was opened with.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) group_key: [u8; 32],
    pub(crate) topic: [u8; 32],
    pub(crate) seed: [u8; 32],
    pub(crate) identity: Option<[u8; 32]>,
    pub(crate) limits: Limits,
    pub(crate) timing: Timing,
    pub(crate) take: Admission,
}

/// [`Secure`], as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Sealed {
    Noise,
    Established { handshake_hash: ([u8; 32], [u8; 32]), remote: PublicKey },
    Plain { remote: PublicKey },
}

/// The store's answer, as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Stored {
    Values(Vec<Option<Vec<u8>>>),
    Entries(Vec<([u8; 13], Vec<u8>)>),
    Durable,
    Failed(u8),
}

/// Failures by their number in a record.
const FAILURES: [StoreFailure; 6] = [
    StoreFailure::Io,
    StoreFailure::Full,
    StoreFailure::Damaged,
    StoreFailure::WrongGroup,
    StoreFailure::TooNew,
    StoreFailure::Closed,
];

impl Step {
    /// How an input is written down.
    pub(crate) fn of(now: Instant, input: &Input<'_>) -> Self {
        let now = now.as_micros();
        match input {
            Input::Connected { connection, role, secure, mode } => Self::Connected {
                now,
                connection: connection.0,
                is_initiator: *role == Role::Initiator,
                secure: Sealed::of(secure),
                is_once: *mode == Mode::Once,
            },
            Input::Received { connection, bytes } => {
                Self::Received { now, connection: connection.0, bytes: bytes.to_vec() }
            }
            Input::Disconnected { connection } => {
                Self::Disconnected { now, connection: connection.0 }
            }
            Input::Stored(reply) => {
                Self::Stored { now, id: reply.id.0, answer: Stored::of(&reply.answer) }
            }
            Input::Timeout => Self::Timeout { now },
        }
    }

    /// How an append is written down.
    pub(crate) fn append(feed: FeedId, blocks: &[&[u8]]) -> Self {
        Self::Append { feed: feed.0, blocks: blocks.iter().map(|block| block.to_vec()).collect() }
    }

    /// Appends the step to a record.
    pub(crate) fn write(&self, record: &mut Vec<u8>) {
        let place = record.len();
        record.extend_from_slice(&[0; 4]);
        crate::wire::multifeed::put(record, self);
        // A step is shorter than what it tells of, and that fitted into memory.
        let length = u32::try_from(record.len() - place - 4).unwrap_or(u32::MAX);
        record[place..place + 4].copy_from_slice(&length.to_le_bytes());
    }
}

impl Sealed {
    fn of(secure: &Secure) -> Self {
        match secure {
            Secure::Noise => Self::Noise,
            Secure::Plain { remote } => Self::Plain { remote: *remote },
            Secure::Established { handshake_hash, remote } => {
                let mut halves = ([0; 32], [0; 32]);
                halves.0.copy_from_slice(&handshake_hash[..32]);
                halves.1.copy_from_slice(&handshake_hash[32..]);
                Self::Established { handshake_hash: halves, remote: *remote }
            }
        }
    }

    fn secure(self) -> Secure {
        match self {
            Self::Noise => Secure::Noise,
            Self::Plain { remote } => Secure::Plain { remote },
            Self::Established { handshake_hash: (first, second), remote } => {
                let mut handshake_hash = [0; 64];
                handshake_hash[..32].copy_from_slice(&first);
                handshake_hash[32..].copy_from_slice(&second);
                Secure::Established { handshake_hash, remote }
            }
        }
    }
}

impl Stored {
    fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Values(values) => {
                let values = values.iter().map(|value| value.as_ref().map(|value| value.to_vec()));
                Self::Values(values.collect())
            }
            Answer::Entries(entries) => {
                Self::Entries(entries.iter().map(|(key, value)| (key.0, value.to_vec())).collect())
            }
            Answer::Durable => Self::Durable,
            Answer::Failed(failure) => {
                let number = FAILURES.iter().position(|known| known == failure).unwrap_or(0);
                Self::Failed(number as u8)
            }
        }
    }

    fn answer(self) -> Answer {
        match self {
            Self::Values(values) => {
                Answer::Values(values.into_iter().map(|value| value.map(Bytes::from)).collect())
            }
            Self::Entries(entries) => {
                let entry = |(key, value)| (StoreKey(key), Bytes::from(value));
                Answer::Entries(entries.into_iter().map(entry).collect())
            }
            Self::Durable => Answer::Durable,
            Self::Failed(number) => {
                let failure = FAILURES.get(usize::from(number)).copied();
                Answer::Failed(failure.unwrap_or(StoreFailure::Io))
            }
        }
    }
}

/// Why a record cannot be done again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BadRecord {
    /// It ends in the middle of a step, or a step does not parse.
    Malformed,
    /// It does not begin with an opening.
    NoOpening,
    /// Done again, the multifeed came to another state than the one that was written down.
    OtherState {
        /// How many steps were done.
        steps: usize,
    },
}

impl core::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed => f.write_str("the record is cut short or damaged"),
            Self::NoOpening => f.write_str("the record does not begin with an opening"),
            Self::OtherState { steps } => {
                write!(f, "after {steps} steps the state is not the one that was recorded")
            }
        }
    }
}

impl core::error::Error for BadRecord {}

/// What came of a record that was done again.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// The multifeed at the record's end.
    pub multifeed: Multifeed,
    /// Steps that were done.
    pub steps: usize,
    /// States that were written down and met.
    pub states: usize,
}

/// Does a record again.
///
/// # Errors
///
/// [`BadRecord`], also if a state that was written down is not met.
pub fn replay(record: &[u8]) -> Result<Replayed, BadRecord> {
    let mut rest = record;
    let Some(Step::Open(opening)) = next(&mut rest)? else { return Err(BadRecord::NoOpening) };
    let mut multifeed = Multifeed::open(opening.config());
    let (mut steps, mut states) = (0, 0);
    while let Some(step) = next(&mut rest)? {
        steps += 1;
        if let Step::State { hash } = step {
            states += 1;
            if state_hash(&multifeed) != hash {
                return Err(BadRecord::OtherState { steps });
            }
        }
        // What a call answered is not written down: it follows from the steps before it.
        _ = redo(&mut multifeed, step);
        while multifeed.poll().is_some() {}
    }
    Ok(Replayed { multifeed, steps, states })
}

fn next(rest: &mut &[u8]) -> Result<Option<Step>, BadRecord> {
    let Some((length, after)) = rest.split_first_chunk() else {
        return if rest.is_empty() { Ok(None) } else { Err(BadRecord::Malformed) };
    };
    let length = u32::from_le_bytes(*length) as usize;
    let (step, after) = after.split_at_checked(length).ok_or(BadRecord::Malformed)?;
    *rest = after;
    postcard::from_bytes(step).map(Some).map_err(|_| BadRecord::Malformed)
}

impl Opening {
    fn config(self) -> Config {
        let group = Group::of_parts(self.group_key, self.topic);
        let identity = self.identity.map(|seed| KeyPair::from_seed(&seed));
        let Self { seed, limits, timing, take, .. } = self;
        Config { group, seed, identity, memo: None, limits, timing, take }
    }
}

fn redo(multifeed: &mut Multifeed, step: Step) -> Result<(), Misuse> {
    let at = Instant::from_micros;
    match step {
        Step::Connected { now, connection, is_initiator, secure, is_once } => {
            let role = if is_initiator { Role::Initiator } else { Role::Responder };
            let mode = if is_once { Mode::Once } else { Mode::Live };
            let (connection, secure) = (ConnectionId(connection), secure.secure());
            multifeed.handle(at(now), Input::Connected { connection, role, secure, mode });
        }
        Step::Received { now, connection, bytes } => {
            let connection = ConnectionId(connection);
            multifeed.handle(at(now), Input::Received { connection, bytes: &bytes });
        }
        Step::Disconnected { now, connection } => {
            let connection = ConnectionId(connection);
            multifeed.handle(at(now), Input::Disconnected { connection });
        }
        Step::Stored { now, id, answer } => {
            let reply = StoreReply { id: StoreId(id), answer: answer.answer() };
            multifeed.handle(at(now), Input::Stored(reply));
        }
        Step::Timeout { now } => multifeed.handle(at(now), Input::Timeout),
        Step::Transmit { connection, limit } => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            multifeed.poll_transmit(ConnectionId(connection), &mut BytesMut::new(), limit);
        }
        Step::Writer { name, seed } => {
            multifeed.writer(&name, KeyPair::from_seed(&seed))?;
        }
        Step::Append { feed, blocks } => {
            let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
            multifeed.append(FeedId(feed), &blocks)?;
        }
        Step::Read { feed, start, end } => _ = multifeed.read(FeedId(feed), start, end)?,
        Step::Clear { feed, start, end } => _ = multifeed.clear(FeedId(feed), start..end)?,
        Step::Download { feed, start, end } => _ = multifeed.download(FeedId(feed), start..end)?,
        Step::Cancel { request } => multifeed.cancel(RequestId(request))?,
        Step::Refuse { key } => _ = multifeed.refuse(&key)?,
        Step::Accept { key } => _ = multifeed.accept(&key)?,
        Step::Remove { feed } => _ = multifeed.remove(FeedId(feed))?,
        Step::Disconnect { connection } => multifeed.disconnect(ConnectionId(connection)),
        Step::Adopt { key } => _ = multifeed.adopt(FeedKey(key))?,
        Step::Get { key, index } => _ = multifeed.get(FeedKey(key), index)?,
        Step::Open(_) | Step::State { .. } => (),
    }
    Ok(())
}

/// One hash over everything that a multifeed holds: each feed's key, length and tree, in the
/// order of the keys. Equal for any two that hold the same.
pub fn state_hash(multifeed: &Multifeed) -> Hash {
    let mut feeds: Vec<_> = multifeed.held().collect();
    feeds.sort_by_key(|feed| feed.key);
    let mut text = Vec::new();
    for feed in feeds {
        text.extend_from_slice(&feed.key.0);
        text.extend_from_slice(&feed.length().to_le_bytes());
        let roots = feed.durable().map(|tip| &*tip.roots).unwrap_or_default();
        text.extend_from_slice(&tree::tree_hash(roots));
    }
    blake2b(&[&text])
}

#[cfg(test)]
pub(crate) mod tests;
