//! Replays the recorded inputs and calls of a multifeed.
//!
//! Rule: a record holds every input in order and no output, so that a failure on a real network
//! can be reproduced at will. It contains the secrets too, since no byte could be decrypted without
//! them: protect it like the keys.
//!
//! [`redact`] describes a record without its secrets.
//!
//! A record is a sequence of frames: a length (4 bytes, little-endian) and a step in postcard's
//! encoding.

mod redact;

use alloc::vec::Vec;

use bytes::BytesMut;

use crate::crypto::hash::Hash;
use crate::crypto::sign::KeyPair;
use crate::error::Misuse;
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId, Role};
use crate::io::{Input, Mode, StoreId, StoreReply};
use crate::multifeed::Multifeed;
use crate::step::Step;
use crate::time::Instant;

pub use redact::redact;

/// Why a record cannot be replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BadRecord {
    /// It ends in the middle of a step, or a step does not parse.
    Malformed,
    /// It does not begin with an opening.
    NoOpening,
    /// The replayed multifeed reached another state than the recorded one.
    OtherState {
        /// The number of steps that were replayed.
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

/// A replayed record.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// The multifeed at the record's end.
    pub multifeed: Multifeed,
    /// The number of replayed steps.
    pub steps: usize,
    /// The number of recorded states, which were all reached.
    pub states: usize,
}

/// Replays a record.
///
/// # Errors
///
/// [`BadRecord`], also if a recorded state is not reached.
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
        // The result of a call is not recorded: it follows from the steps before it.
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
            let id = StoreId(id);
            let answer = answer.answer(|failure| multifeed.failed_answer(id, failure));
            let reply = StoreReply { id, answer };
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
            multifeed.append(FeedId::from(feed), &blocks)?;
        }
        Step::Read { feed, start, end } => _ = multifeed.read(FeedId::from(feed), start, end)?,
        Step::Clear { feed, start, end } => _ = multifeed.clear(FeedId::from(feed), start..end)?,
        Step::Download { feed, start, end } => {
            _ = multifeed.download(FeedId::from(feed), start..end)?
        }
        Step::Cancel { request } => multifeed.cancel(RequestId(request))?,
        Step::Refuse { key } => _ = multifeed.refuse(key)?,
        Step::Accept { key } => _ = multifeed.accept(key)?,
        Step::Remove { feed } => _ = multifeed.remove(FeedId::from(feed))?,
        Step::Disconnect { connection } => multifeed.disconnect(ConnectionId(connection)),
        Step::Adopt { key } => _ = multifeed.adopt(FeedKey(key))?,
        Step::Get { key, index } => _ = multifeed.get(FeedKey(key), index)?,
        Step::Open(_) | Step::State { .. } => (),
    }
    Ok(())
}

/// The hash of everything that a multifeed holds: each feed's key, length and tree hash, in the
/// order of the keys. Equal for any two that hold the same.
pub fn state_hash(multifeed: &Multifeed) -> Hash {
    multifeed.state_hash()
}

#[cfg(test)]
pub(crate) mod tests;
