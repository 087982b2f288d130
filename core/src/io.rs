//! The inputs and outputs of a multifeed.
//!
//! Rule: they consist of bytes, keys and numbers; no message of the protocol is part of them.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::crypto::sign::PublicKey;
use crate::error::{CloseReason, Limit, StoreFailure};
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId, Role};
use crate::wire::hypercore::Unsupported;

/// An input of the core.
#[derive(Debug)]
pub enum Input<'a> {
    /// A byte stream to a peer is open.
    Connected {
        /// A number that was not used before.
        connection: ConnectionId,
        /// Whether we dialled or the peer did.
        role: Role,
        /// How the stream is encrypted.
        secure: Secure,
        /// When the connection closes by itself.
        mode: Mode,
    },
    /// Bytes of the stream, in pieces of any size.
    Received {
        /// Their stream; bytes of an unknown connection are ignored.
        connection: ConnectionId,
        /// The bytes, in the order in which they were sent.
        bytes: &'a [u8],
    },
    /// The stream is closed; bytes that it had not sent are lost.
    Disconnected {
        /// The stream; unknown ones are ignored.
        connection: ConnectionId,
    },
    /// The store carried out the request of an [`Output::Store`].
    Stored(StoreReply),
    /// [`Multifeed::deadline`](crate::Multifeed::deadline) has passed. An early or late time-out
    /// does no harm.
    Timeout,
}

/// An output of the core.
#[derive(Debug)]
pub enum Output {
    /// There are bytes to send: pull them with
    /// [`Multifeed::poll_transmit`](crate::Multifeed::poll_transmit). Not repeated until a pull
    /// returned fewer bytes than its limit.
    Transmit {
        /// The stream that has bytes to send.
        connection: ConnectionId,
    },
    /// Send what `poll_transmit` still returns, then close the stream. The core has forgotten the
    /// peer; it drops the bytes at [`Input::Disconnected`].
    Disconnect {
        /// The stream to close.
        connection: ConnectionId,
        /// Why it closes, for logs and messages.
        reason: CloseReason,
    },
    /// A request to the store.
    Store(StoreRequest),
    /// An event for the application.
    Event(Event),
}

/// How a connection's bytes are encrypted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Secure {
    /// Not yet: the core does the Noise handshake and the secret stream
    /// (`@hyperswarm/secret-stream`).
    Noise,
    /// The stream is encrypted already, as one that HyperDHT opened. Its messages are framed by a
    /// length, as in [`Secure::Plain`].
    Established {
        /// The handshake's hash, which capabilities are bound to.
        handshake_hash: [u8; 64],
        /// The peer's public key, which the handshake proved.
        remote: PublicKey,
    },
    /// Not at all, for simulators only: it saves the handshake, which takes 0.6 ms a pair.
    Plain {
        /// The peer's public key, which nothing proves.
        remote: PublicKey,
    },
}

/// When a connection closes by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "live")]
pub enum Mode {
    /// Never: later appends are sent too.
    Live,
    /// When both sides hold everything that the other offered and could give.
    Once,
}

/// An event for the application.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The store was read; calls succeed from now on.
    Ready {
        /// The number of its feeds.
        feeds: usize,
    },
    /// The store could not be read. This multifeed does not become ready.
    OpenFailed(StoreFailure),
    /// The first block of a new feed is durable.
    #[doc(alias = "feed")]
    FeedAdded {
        /// The new feed.
        feed: FeedId,
        /// Its key.
        key: FeedKey,
    },
    /// Appended blocks are durable. The answer to an [`append`](crate::Multifeed::append).
    Appended {
        /// The request.
        request: RequestId,
        /// The writer's feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// The feed's length with them.
        end: u64,
    },
    /// Blocks of a peer are verified and durable.
    Extended {
        /// The feed that grew.
        feed: FeedId,
        /// Index of the first new block.
        start: u64,
        /// The feed's durable length now.
        end: u64,
    },
    /// Blocks that were read. The answer to a [`read`](crate::Multifeed::read) or a
    /// [`get`](crate::Multifeed::get).
    Blocks {
        /// The request.
        request: RequestId,
        /// The feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// At least one; fewer than requested if they exceed
        /// [`Limits::read_bytes`](crate::Limits::read_bytes).
        blocks: Vec<Bytes>,
    },
    /// The requested blocks are cleared. The answer to a [`read`](crate::Multifeed::read).
    Missing {
        /// The request.
        request: RequestId,
        /// The feed.
        feed: FeedId,
        /// The first requested block.
        start: u64,
        /// The first block behind it that is held, or the end of the request.
        end: u64,
    },
    /// Blocks are cleared durably. The answer to a [`clear`](crate::Multifeed::clear).
    Cleared {
        /// The request.
        request: RequestId,
        /// The feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// The index behind the last one.
        end: u64,
    },
    /// Cleared or damaged blocks are held again, verified and durable.
    Restored {
        /// The feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// The index behind the last one.
        end: u64,
    },
    /// Every requested block is held. The answer to a
    /// [`download`](crate::Multifeed::download).
    Downloaded {
        /// The request.
        request: RequestId,
        /// The feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// The index behind the last one.
        end: u64,
    },
    /// A ruling on a feed is durable. The answer to a
    /// [`refuse`](crate::Multifeed::refuse) or an [`accept`](crate::Multifeed::accept).
    Ruled {
        /// The request.
        request: RequestId,
        /// The feed.
        key: FeedKey,
    },
    /// A feed is removed from the store durably. Its id is not valid any more. The answer to a
    /// [`remove`](crate::Multifeed::remove).
    Removed {
        /// The request; `None`: an earlier process made it.
        request: Option<RequestId>,
        /// The feed.
        key: FeedKey,
    },
    /// A request was canceled, or its feed was removed or has forked.
    Canceled {
        /// The request.
        request: RequestId,
    },
    /// A peer offers a feed that the application has not ruled on, and only accepted ones are
    /// admitted. Reported once for each connection.
    Offered {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        key: FeedKey,
        /// Its author's public key.
        public_key: PublicKey,
        /// The length that the peer claims to hold.
        length: u64,
    },
    /// A stored ruling is damaged: its feed counts as one without a ruling, and no new writer can
    /// be made.
    RulingBroken {
        /// The store's failure.
        failure: StoreFailure,
    },
    /// A request failed because of the store.
    Failed {
        /// The request.
        request: RequestId,
        /// The store's failure.
        failure: StoreFailure,
    },
    /// The store failed for this feed, or returned damaged data. After a failed write the feed does
    /// not grow until the multifeed is opened again; damaged blocks are not served.
    FeedBroken {
        /// The feed.
        feed: FeedId,
        /// The store's failure.
        failure: StoreFailure,
    },
    /// The peer of a connection that we initiated has proved its key, and does not know ours yet.
    /// If the connection is closed by [`disconnect`](crate::Multifeed::disconnect) before more
    /// bytes are pulled, the peer does not learn our key.
    Identified {
        /// The connection.
        connection: ConnectionId,
        /// The peer's public key.
        remote: PublicKey,
    },
    /// A peer has proved that it is a member of the group.
    Opened {
        /// The connection.
        connection: ConnectionId,
        /// The peer's public key.
        remote: PublicKey,
    },
    /// The peer claims to hold this much of a feed durably.
    Held {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// The number of blocks, from the first on.
        length: u64,
    },
    /// The peer does not accept this feed, or cannot give what it offered.
    Refused {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// Why.
        refusal: Refusal,
    },
    /// A peer's history of this feed contradicts ours. Either its author signed two, as a copied
    /// folder or a restored backup does, or the peer is adversarial. The feed does not change, and
    /// is not exchanged with this peer any more. [`Forked`](Self::Forked) follows if the two
    /// histories can be proved.
    Contested {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
    },
    /// The author of a feed signed two histories of it, and the proof is durable. The feed does not
    /// change, and is neither fetched nor served any more. Peers that hold it are notified. If it
    /// is our own feed, two copies of its key pair are in use, and no block can be appended any
    /// more.
    Forked {
        /// The feed.
        feed: FeedId,
    },
    /// A feed does not grow: it, or all feeds together, would exceed
    /// [`Limits::feed_bytes`](crate::Limits::feed_bytes) or
    /// [`Limits::group_bytes`](crate::Limits::group_bytes). Its held blocks stay and are served. It
    /// is tried again when the removal of another feed frees enough bytes, when it is
    /// [accepted](crate::Multifeed::accept), or when the multifeed is opened again.
    Full {
        /// The feed. It may have no held block yet.
        feed: FeedId,
        /// Its key.
        key: FeedKey,
        /// The bytes that it would count: its blocks, and
        /// [`BLOCK_BYTES_BESIDE`](crate::BLOCK_BYTES_BESIDE) for each of them.
        bytes: u64,
    },
    /// A peer claims that the author of a feed of another origin truncated it, which begins a new
    /// fork number. The truncation is not followed: the feed does not change. To follow it,
    /// [remove](crate::Multifeed::remove), [accept](crate::Multifeed::accept) and
    /// [adopt](crate::Multifeed::adopt) the feed, which fetches the peer's fork. The held blocks
    /// are lost then, even if the claim is false.
    Truncated {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// The number of truncations.
        fork: u64,
        /// The length in that fork.
        length: u64,
    },
    /// The manifest of an adopted feed is of an unsupported kind: the feed is not fetched.
    Unsupported {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// The kind of the manifest.
        what: Unsupported,
    },
    /// Hypercore's channel of a feed was closed because the peer exceeded a limit on it. The
    /// connection and the held blocks stay.
    ChannelClosed {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// The limit.
        limit: Limit,
    },
    /// Each side holds durably everything that the other offered and could give, at this moment.
    Synced {
        /// The connection.
        connection: ConnectionId,
    },
}

/// Why a peer rejects a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// It does not accept the feed: because of its policy or a limit.
    Declined,
    /// It cannot give the blocks that it offered: they are damaged or cleared.
    Unavailable,
}

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
        crate::id::hex(f, &self.0)
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
