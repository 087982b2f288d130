//! One recorded input or call, and how it is encoded.
//!
//! Rule: a step holds what went into a multifeed and nothing that came out of it. The engine writes
//! steps, `record` reads them back.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::{Admission, Config, Limits, Timing};
use crate::crypto::hash::Hash;
use crate::crypto::sign::{KeyPair, PublicKey};
use crate::error::StoreFailure;
use crate::group::Group;
use crate::id::{FeedId, FeedKey, Role};
use crate::io::{Answer, Input, Mode, Secure, StoreKey};
use crate::time::Instant;

/// One input or call. New kinds go to the end: the order is the encoding. A feed is the number of
/// its id.
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
    Append { feed: u64, blocks: Vec<Vec<u8>> },
    Read { feed: u64, start: u64, end: u64 },
    Disconnect { connection: u64 },
    Adopt { key: [u8; 32] },
    State { hash: Hash },
    Clear { feed: u64, start: u64, end: u64 },
    Download { feed: u64, start: u64, end: u64 },
    Cancel { request: u64 },
    Refuse { key: FeedKey },
    Accept { key: FeedKey },
    Remove { feed: u64 },
    Get { key: [u8; 32], index: u64 },
}

/// The configuration that the multifeed was opened with.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) group_key: [u8; 32],
    pub(crate) topic: [u8; 32],
    pub(crate) seed: [u8; 32],
    pub(crate) identity: Option<[u8; 32]>,
    pub(crate) limits: Limits,
    pub(crate) timing: Timing,
    pub(crate) admission: Admission,
}

/// [`Secure`] as it is encoded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Sealed {
    Noise,
    Established { handshake_hash: ([u8; 32], [u8; 32]), remote: PublicKey },
    Plain { remote: PublicKey },
}

/// The answer of a store as it is encoded. A failure has no kind of request.
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
    /// The step of an input.
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

    /// The step of an append.
    pub(crate) fn append(feed: FeedId, blocks: &[&[u8]]) -> Self {
        Self::Append {
            feed: feed.into(),
            blocks: blocks.iter().map(|block| block.to_vec()).collect(),
        }
    }

    /// Encodes the step at the end of a record.
    pub(crate) fn write(&self, record: &mut Vec<u8>) {
        let start = record.len();
        record.extend_from_slice(&[0; 4]);
        crate::wire::multifeed::put(record, self);
        // An input has a few MiB at most, and its step little more than its input.
        let length = u32::try_from(record.len() - start - 4).unwrap_or(u32::MAX);
        record[start..start + 4].copy_from_slice(&length.to_le_bytes());
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

    pub(crate) fn secure(self) -> Secure {
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
            Answer::Values(Ok(values)) => {
                let values = values.iter().map(|value| value.as_ref().map(|value| value.to_vec()));
                Self::Values(values.collect())
            }
            Answer::Entries(Ok(entries)) => {
                Self::Entries(entries.iter().map(|(key, value)| (key.0, value.to_vec())).collect())
            }
            Answer::Committed(Ok(())) => Self::Durable,
            Answer::Values(Err(failure))
            | Answer::Entries(Err(failure))
            | Answer::Committed(Err(failure)) => {
                let number = FAILURES.iter().position(|known| known == failure).unwrap_or(0);
                Self::Failed(number as u8)
            }
        }
    }

    /// The answer; `failed` gives a failure the kind of its request.
    pub(crate) fn answer(self, failed: impl FnOnce(StoreFailure) -> Answer) -> Answer {
        match self {
            Self::Values(values) => {
                let values = values.into_iter().map(|value| value.map(Bytes::from));
                Answer::Values(Ok(values.collect()))
            }
            Self::Entries(entries) => {
                let entry = |(key, value)| (StoreKey(key), Bytes::from(value));
                Answer::Entries(Ok(entries.into_iter().map(entry).collect()))
            }
            Self::Durable => Answer::Committed(Ok(())),
            Self::Failed(number) => {
                let failure = FAILURES.get(usize::from(number)).copied();
                failed(failure.unwrap_or(StoreFailure::Io))
            }
        }
    }
}

impl Opening {
    /// What is recorded of a configuration: all but what simulations share.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            group_key: *config.group.key(),
            topic: *config.group.topic(),
            seed: config.seed,
            identity: config.identity.as_ref().map(|key_pair| *key_pair.seed()),
            limits: config.limits.clone(),
            timing: config.timing.clone(),
            admission: config.admission,
        }
    }

    pub(crate) fn config(self) -> Config {
        let group = Group::of_parts(self.group_key, self.topic);
        let identity = self.identity.map(|seed| KeyPair::from_seed(&seed));
        let Self { seed, limits, timing, admission, .. } = self;
        Config { group, seed, identity, memo: None, limits, timing, admission }
    }
}
