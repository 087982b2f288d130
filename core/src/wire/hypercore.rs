//! The messages of hypercore's channel ⇄ values (hypercore `lib/messages.js`, versions 10 and 11).
//!
//! Rule: only the form is judged here. Fields behind those that are known are for newer versions,
//! and ignored; nothing is allocated by a length that a peer announced.

mod manifest;
mod proof;

use bytes::BufMut;

use super::codec::{Malformed, Reader, put_string, put_uint};
use crate::crypto::hash::Hash;

pub use manifest::{Manifest, Unsupported};
pub use proof::{
    At, Data, DataBlock, DataHash, DataSeek, DataUpgrade, NODES_MAX, Node, Request, Seek, Span,
};

/// The channel's protocol, as its `open` says it; the channel's id is the feed's discovery key.
pub const PROTOCOL: &str = "hypercore/alpha";

/// The other name of [`PROTOCOL`], which hypercore 11 takes too.
pub const ALIAS: &str = "hypercore";

/// The handshake of the channel, in its `open`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "handshake")]
pub struct Open {
    /// The sender answers seeks.
    pub seeks: bool,
    /// Shows that the sender knows the feed's key; bound to the connection and the role.
    pub capability: Hash,
}

const SEEKS: u64 = 1;

impl Open {
    /// Reads the handshake of an `open`.
    pub fn decode(handshake: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(handshake);
        let seeks = reader.uint()? & SEEKS != 0;
        Ok(Self { seeks, capability: reader.array()? })
    }

    /// Appends the handshake.
    pub fn encode(&self, out: &mut impl BufMut) {
        put_uint(out, if self.seeks { SEEKS } else { 0 });
        out.put_slice(&self.capability);
    }
}

/// What the sender has and knows of a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sync {
    /// How often the feed was truncated.
    pub fork: u64,
    /// Blocks up to the sender's head.
    pub length: u64,
    /// The receiver's length, as last announced to the sender.
    pub remote_length: u64,
    /// The sender can prove its head to a peer with the receiver's length.
    pub can_upgrade: bool,
    /// The sender answers requests.
    pub uploading: bool,
    /// The sender may make requests: it wants the channel to stay.
    pub downloading: bool,
    /// The sender has the feed's manifest.
    pub has_manifest: bool,
    /// The sender takes blocks that it did not ask for.
    pub allow_push: bool,
}

const SYNC_CAN_UPGRADE: u64 = 1;
const SYNC_UPLOADING: u64 = 2;
const SYNC_DOWNLOADING: u64 = 4;
const SYNC_HAS_MANIFEST: u64 = 8;
const SYNC_ALLOW_PUSH: u64 = 16;

/// A run of blocks that the sender subscribes to or unsubscribes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WantRun {
    /// Index of the first block.
    pub start: u64,
    /// How many.
    pub length: u64,
    /// Any one block of them is enough.
    pub any: bool,
}

/// Which blocks the sender holds, from `start` on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bitfield<'a> {
    /// Index of the first block.
    pub start: u64,
    /// 32 blocks in 4 bytes each, little-endian, the lowest bit first.
    pub words: &'a [u8],
}

/// A run of blocks that the sender holds, or has dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunNews {
    /// They are dropped.
    pub drop: bool,
    /// Index of the first block.
    pub start: u64,
    /// How many.
    pub length: u64,
}

const RANGE_DROP: u64 = 1;
const RANGE_OF_ONE: u64 = 2;
const REASON: u64 = 1;
const ANY: u64 = 1;

/// One message of the channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// What the sender has and knows.
    Sync(Sync),
    /// A request, to be answered by data or by none.
    Request(Request),
    /// The request of this id is not to be answered any more.
    Cancel(u64),
    /// The answer to a request.
    Data(Data<'a>),
    /// A request cannot be answered.
    NoData {
        /// Its id.
        request: u64,
        /// 1: not held; 2: the request makes no sense; 0: not said.
        reason: u64,
    },
    /// The sender wants to hear which of these the receiver holds.
    Want(WantRun),
    /// And not any more.
    Unwant(WantRun),
    /// Blocks that the sender holds.
    Bitfield(Bitfield<'a>),
    /// A run of them.
    Range(RunNews),
    /// A message of the application's own protocol beside.
    Extension {
        /// Which; empty: the same as of the one before.
        name: &'a str,
        /// What.
        message: &'a [u8],
    },
}

impl<'a> Message<'a> {
    /// The message's number on the channel.
    pub fn kind(&self) -> u64 {
        match self {
            Self::Sync(_) => 0,
            Self::Request(_) => 1,
            Self::Cancel(_) => 2,
            Self::Data(_) => 3,
            Self::NoData { .. } => 4,
            Self::Want(_) => 5,
            Self::Unwant(_) => 6,
            Self::Bitfield(_) => 7,
            Self::Range(_) => 8,
            Self::Extension { .. } => 9,
        }
    }

    /// Reads a message; `None`: only newer versions know its kind.
    pub fn decode(kind: u64, body: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let mut reader = Reader::new(body);
        let reader = &mut reader;
        Ok(Some(match kind {
            0 => Self::Sync(read_sync(reader)?),
            1 => Self::Request(Request::read(reader)?),
            2 => Self::Cancel(reader.uint_below_2_53()?),
            3 => Self::Data(Data::read(reader)?),
            4 => {
                let request = reader.uint_below_2_53()?;
                let flags = if reader.is_empty() { 0 } else { reader.uint()? };
                let reason = if flags & REASON != 0 { reader.uint()? } else { 0 };
                Self::NoData { request, reason }
            }
            5 => Self::Want(read_run(reader)?),
            6 => Self::Unwant(read_run(reader)?),
            7 => {
                let start = reader.uint_below_2_53()?;
                let words = reader.count(4)?;
                Self::Bitfield(Bitfield { start, words: reader.bytes(4 * words)? })
            }
            8 => {
                let flags = reader.uint()?;
                let start = reader.uint_below_2_53()?;
                let is_one = flags & RANGE_OF_ONE != 0;
                let length = if is_one { 1 } else { reader.uint_below_2_53()? };
                Self::Range(RunNews { drop: flags & RANGE_DROP != 0, start, length })
            }
            9 => Self::Extension { name: reader.string()?, message: reader.rest() },
            _ => return Ok(None),
        }))
    }

    /// Appends the message's body.
    pub fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::Sync(sync) => put_sync(out, sync),
            Self::Request(request) => request.put(out),
            Self::Cancel(request) => put_uint(out, *request),
            Self::Data(data) => data.put(out),
            Self::NoData { request, reason } => {
                put_uint(out, *request);
                put_uint(out, if *reason > 0 { REASON } else { 0 });
                if *reason > 0 {
                    put_uint(out, *reason);
                }
            }
            Self::Want(run) | Self::Unwant(run) => {
                put_uint(out, run.start);
                put_uint(out, run.length);
                if run.any {
                    put_uint(out, ANY);
                }
            }
            Self::Bitfield(bitfield) => {
                put_uint(out, bitfield.start);
                put_uint(out, bitfield.words.len() as u64 / 4);
                out.put_slice(bitfield.words);
            }
            Self::Range(run) => {
                let one = if run.length == 1 { RANGE_OF_ONE } else { 0 };
                put_uint(out, one | if run.drop { RANGE_DROP } else { 0 });
                put_uint(out, run.start);
                if run.length != 1 {
                    put_uint(out, run.length);
                }
            }
            Self::Extension { name, message } => {
                put_string(out, name);
                out.put_slice(message);
            }
        }
    }
}

fn read_sync(reader: &mut Reader<'_>) -> Result<Sync, Malformed> {
    let flags = reader.uint()?;
    let has = |flag| flags & flag != 0;
    Ok(Sync {
        fork: reader.uint_below_2_53()?,
        length: reader.uint_below_2_53()?,
        remote_length: reader.uint_below_2_53()?,
        can_upgrade: has(SYNC_CAN_UPGRADE),
        uploading: has(SYNC_UPLOADING),
        downloading: has(SYNC_DOWNLOADING),
        has_manifest: has(SYNC_HAS_MANIFEST),
        allow_push: has(SYNC_ALLOW_PUSH),
    })
}

fn put_sync(out: &mut impl BufMut, sync: &Sync) {
    let flags = [
        (sync.can_upgrade, SYNC_CAN_UPGRADE),
        (sync.uploading, SYNC_UPLOADING),
        (sync.downloading, SYNC_DOWNLOADING),
        (sync.has_manifest, SYNC_HAS_MANIFEST),
        (sync.allow_push, SYNC_ALLOW_PUSH),
    ];
    put_uint(out, flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum());
    put_uint(out, sync.fork);
    put_uint(out, sync.length);
    put_uint(out, sync.remote_length);
}

fn read_run(reader: &mut Reader<'_>) -> Result<WantRun, Malformed> {
    let (start, length) = (reader.uint_below_2_53()?, reader.uint_below_2_53()?);
    let any = !reader.is_empty() && reader.uint()? & ANY != 0;
    Ok(WantRun { start, length, any })
}

#[cfg(test)]
mod tests;
