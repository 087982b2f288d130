//! Requests to the store, and its replies.
//!
//! Rule: a reply is made by consuming its request, so a wrong or second reply does not compile.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::error::StoreFailure;

/// A key in the store: 13 bytes whose order is that of the entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey(pub(crate) [u8; 13]);

impl StoreKey {
    /// The key's bytes, as a store orders them.
    pub fn as_bytes(&self) -> &[u8; 13] {
        &self.0
    }

    /// The key of bytes that a store reads back.
    pub fn from_bytes(bytes: [u8; 13]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::hex::write(f, &self.0)
    }
}

/// One request of the core to its store.
///
/// The contract: requests take effect in the order in which they were polled, and commits become
/// durable in that order; replies may come in any order. A read sees every commit that was reported
/// durable before the read was polled. Each reply is made by consuming its request, so a wrong or
/// second one does not compile.
#[derive(Debug)]
pub enum StoreRequest {
    /// Values of some keys.
    Read(ReadRequest),
    /// The entries of a range of keys.
    Scan(ScanRequest),
    /// Writes that become durable together or not at all.
    Commit(CommitRequest),
}

/// The number of a store request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct StoreId(pub(crate) u64);

/// Asks for the values of some keys.
#[derive(Debug)]
pub struct ReadRequest {
    pub(crate) id: StoreId,
    pub(crate) keys: Vec<StoreKey>,
}

impl ReadRequest {
    /// The keys, in no order.
    pub fn keys(&self) -> &[StoreKey] {
        &self.keys
    }

    /// The values, one for each key, `None` where the store has none.
    pub fn found(self, values: Vec<Option<Bytes>>) -> StoreReply {
        StoreReply { id: self.id, answer: Answer::Values(Ok(values)) }
    }

    /// The store could not read.
    pub fn failed(self, failure: StoreFailure) -> StoreReply {
        StoreReply { id: self.id, answer: Answer::Values(Err(failure)) }
    }
}

/// Asks for the entries from one key up to another, in order.
#[derive(Debug)]
pub struct ScanRequest {
    pub(crate) id: StoreId,
    pub(crate) from: StoreKey,
    pub(crate) until: StoreKey,
    pub(crate) entries_max: usize,
    pub(crate) bytes_max: usize,
}

impl ScanRequest {
    /// The first key wanted.
    pub fn from(&self) -> StoreKey {
        self.from
    }

    /// The first key behind the range.
    pub fn until(&self) -> StoreKey {
        self.until
    }

    /// The most entries to return.
    pub fn entries_max(&self) -> usize {
        self.entries_max
    }

    /// The most bytes of values to return; at least one entry is returned if there is one.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The entries, in the order of their keys. Only an empty result means the end of the range: a
    /// store may return fewer entries than requested.
    pub fn found(self, entries: Vec<(StoreKey, Bytes)>) -> StoreReply {
        StoreReply { id: self.id, answer: Answer::Entries(Ok(entries)) }
    }

    /// The store could not read.
    pub fn failed(self, failure: StoreFailure) -> StoreReply {
        StoreReply { id: self.id, answer: Answer::Entries(Err(failure)) }
    }
}

/// Asks that writes become durable, together or not at all.
#[derive(Debug)]
pub struct CommitRequest {
    pub(crate) id: StoreId,
    pub(crate) writes: Vec<Write>,
}

impl CommitRequest {
    /// The writes; where two name one key, the later wins.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The writes are on stable storage: a power failure does not undo them.
    pub fn durable(self) -> StoreReply {
        StoreReply { id: self.id, answer: Answer::Committed(Ok(())) }
    }

    /// The writes failed, or their state is unknown. Their feed does not grow any more.
    pub fn failed(self, failure: StoreFailure) -> StoreReply {
        StoreReply { id: self.id, answer: Answer::Committed(Err(failure)) }
    }
}

/// One change of the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// Sets the value of a key.
    Put(StoreKey, Bytes),
    /// Deletes a key if it exists.
    Delete(StoreKey),
}

/// The reply to one [`StoreRequest`], made by the methods of the request.
#[derive(Debug)]
pub struct StoreReply {
    pub(crate) id: StoreId,
    pub(crate) answer: Answer,
}

/// The answer of a store, by the kind of request that it answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Of a read.
    Values(Result<Vec<Option<Bytes>>, StoreFailure>),
    /// Of a scan.
    Entries(Result<Vec<(StoreKey, Bytes)>, StoreFailure>),
    /// Of a commit.
    Committed(Result<(), StoreFailure>),
}
