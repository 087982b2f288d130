//! The border: what goes into a multifeed and what comes out of it.
//!
//! Rule: only bytes, keys and numbers cross here; no message of the protocol does.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use crate::crypto::sign::PublicKey;
use crate::error::{CloseReason, Limit, StoreFailure};
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId, Role};
use crate::wire::hypercore::Unsupported;

/// What the world tells the core.
#[derive(Debug)]
pub enum Input<'a> {
    /// A byte stream to a peer is there.
    Connected {
        /// A number never used before.
        connection: ConnectionId,
        /// Who dialled.
        role: Role,
        /// What the stream protects already.
        secure: Secure,
        /// When the connection ends by itself.
        mode: Mode,
    },
    /// Bytes of the stream, cut anywhere.
    Received {
        /// Where they came from; bytes of an unknown connection are ignored.
        connection: ConnectionId,
        /// In the order in which they were sent.
        bytes: &'a [u8],
    },
    /// The stream is gone; what it still had to send is lost.
    Disconnected {
        /// Which one; unknown ones are ignored.
        connection: ConnectionId,
    },
    /// The store did what an [`Output::Store`] asked.
    Stored(StoreReply),
    /// [`Multifeed::deadline`](crate::Multifeed::deadline) has passed. Early and late ones are
    /// harmless.
    Timeout,
}

/// What the core asks of the world.
#[derive(Debug)]
pub enum Output {
    /// There are bytes to send: pull them with
    /// [`Multifeed::poll_transmit`](crate::Multifeed::poll_transmit). Not said again until a pull
    /// came back with less than its limit.
    Transmit {
        /// The stream that wants to send.
        connection: ConnectionId,
    },
    /// Send what `poll_transmit` still yields, then close the stream. The core has forgotten the
    /// peer; it forgets the bytes with [`Input::Disconnected`].
    Disconnect {
        /// The stream to close.
        connection: ConnectionId,
        /// Why, for logs and people.
        reason: CloseReason,
    },
    /// Something for the store to do.
    Store(StoreRequest),
    /// Something for the application to know.
    Event(Event),
}

/// What protects a connection's bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Secure {
    /// Nothing yet: we make the Noise handshake and the secret stream
    /// (`@hyperswarm/secret-stream`).
    Noise,
    /// The stream is secret already, as one that HyperDHT made. Its messages come and go framed by
    /// a length, as in [`Secure::Plain`].
    Established {
        /// The handshake's hash, to which capabilities are bound.
        handshake_hash: [u8; 64],
        /// Whom the handshake showed.
        remote: PublicKey,
    },
    /// Nothing at all, for simulators alone: a handshake costs 0.6 ms a pair.
    Plain {
        /// Who the peer is said to be.
        remote: PublicKey,
    },
}

/// When a connection ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[doc(alias = "live")]
pub enum Mode {
    /// Never: what is appended later is sent too.
    Live,
    /// When both sides hold all that the other offered and could give.
    Once,
}

/// Something for the application to know.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The store was read; calls work from now on.
    Ready {
        /// How many feeds it holds.
        feeds: usize,
    },
    /// The store could not be read: this multifeed will never be ready.
    OpenFailed(StoreFailure),
    /// A feed that this multifeed did not hold before has its first block, durably.
    #[doc(alias = "feed")]
    FeedAdded {
        /// The new feed.
        feed: FeedId,
        /// Its name.
        key: FeedKey,
    },
    /// Blocks of our own are durable.
    Appended {
        /// The answer to this [`append`](crate::Multifeed::append).
        request: RequestId,
        /// The writer's feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// The feed's length with them.
        end: u64,
    },
    /// Blocks that a peer sent are verified and durable.
    Extended {
        /// The feed that grew.
        feed: FeedId,
        /// Index of the first new block.
        start: u64,
        /// How far the feed is held now.
        end: u64,
    },
    /// The answer to a [`read`](crate::Multifeed::read).
    Blocks {
        /// Which one.
        request: RequestId,
        /// The feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// At least one; fewer than asked for where they would be more than
        /// [`Limits::read_bytes`](crate::Limits::read_bytes).
        blocks: Vec<Bytes>,
    },
    /// The answer to a [`read`](crate::Multifeed::read) of blocks that were cleared: they are not
    /// here.
    Missing {
        /// Which one.
        request: RequestId,
        /// The feed.
        feed: FeedId,
        /// The first block that was asked for.
        start: u64,
        /// The first one behind it that is here, or the end of what was asked for.
        end: u64,
    },
    /// Blocks are deleted, durably. The answer to a [`clear`](crate::Multifeed::clear).
    Cleared {
        /// Which one.
        request: RequestId,
        /// The feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// The index behind the last one.
        end: u64,
    },
    /// Blocks that were cleared or damaged are here again, verified and durable.
    Restored {
        /// The feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// The index behind the last one.
        end: u64,
    },
    /// Every block that was asked for is here. The answer to a
    /// [`download`](crate::Multifeed::download).
    Downloaded {
        /// Which one.
        request: RequestId,
        /// The feed.
        feed: FeedId,
        /// Index of the first block.
        start: u64,
        /// The index behind the last one.
        end: u64,
    },
    /// What was ruled about a feed is durable. The answer to a
    /// [`refuse`](crate::Multifeed::refuse) or an [`accept`](crate::Multifeed::accept).
    Ruled {
        /// Which one.
        request: RequestId,
        /// The feed.
        key: FeedKey,
    },
    /// Nothing of a feed is left in the store, durably. Its number means nothing any more.
    Removed {
        /// The answer to this [`remove`](crate::Multifeed::remove); `None`: to one of an earlier
        /// process, which ended meanwhile.
        request: Option<RequestId>,
        /// The feed.
        key: FeedKey,
    },
    /// A request was taken back, or its feed was removed or has two histories.
    Canceled {
        /// Which one.
        request: RequestId,
    },
    /// A peer offers a feed that nobody has ruled about, and only accepted ones are taken. Said
    /// once for each connection.
    Offered {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        key: FeedKey,
        /// Its author.
        public_key: PublicKey,
        /// How much of it the peer holds, as it says.
        length: u64,
    },
    /// A ruling cannot be read: the feed that it was about counts as one that nobody has ruled
    /// about, and no new writer is made.
    RulingBroken {
        /// What the store said.
        failure: StoreFailure,
    },
    /// A request failed under the store.
    Failed {
        /// Which one.
        request: RequestId,
        /// What the store said.
        failure: StoreFailure,
    },
    /// The store failed or lied under this feed: it is frozen until the multifeed is reopened, or
    /// it serves less than it holds.
    FeedBroken {
        /// Which feed.
        feed: FeedId,
        /// What the store said.
        failure: StoreFailure,
    },
    /// A peer proved that it is a member of the group.
    Opened {
        /// The connection.
        connection: ConnectionId,
        /// The peer's public key.
        remote: PublicKey,
    },
    /// The peer says that it holds this much of a feed durably.
    Held {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// Blocks from the first on.
        length: u64,
    },
    /// The peer will not take this feed, or cannot give what it offered.
    Refused {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// Why.
        refusal: Refusal,
    },
    /// A peer's history of this feed contradicts ours: its author signed two, as a copied folder
    /// or a restored backup does, or the peer lies. The feed stays as we had it first, and is not
    /// exchanged with this peer any more. [`ForkProof`](Self::Forked) follows if the two histories can
    /// be proved.
    Contested {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
    },
    /// The author of a feed signed two histories of it, which anybody can verify now: the feed
    /// stays as we had it first, durably, and is neither taken nor given any more. Peers that hold
    /// it are told. Where it is our own feed, two copies of its key pair are in use, and nothing
    /// is appended any more.
    Forked {
        /// The feed.
        feed: FeedId,
    },
    /// A feed is taken no further: it would have so many bytes, or all feeds together would have
    /// too many ([`Limits::feed_bytes`](crate::Limits::feed_bytes),
    /// [`Limits::group_bytes`](crate::Limits::group_bytes)). What is held of it stays and is given.
    /// It is tried once more when the removal of another feed makes room, when it is
    /// [accepted](crate::Multifeed::accept), or when the multifeed is opened again.
    Full {
        /// The feed, of which nothing may be held yet.
        feed: FeedId,
        /// Its key.
        key: FeedKey,
        /// What it would count: its blocks, and
        /// [`BLOCK_BYTES_BESIDE`](crate::BLOCK_BYTES_BESIDE) for each of them.
        bytes: u64,
    },
    /// The author of a feed of another origin cut it, and goes on as another fork, says a peer.
    /// That is not followed: the feed stays as it is. Who wants to follow
    /// [removes](crate::Multifeed::remove), [accepts](crate::Multifeed::accept) and
    /// [adopts](crate::Multifeed::adopt) it again, which takes the fork that a peer is in; what was
    /// held is gone then, whether or not the peer told the truth.
    Truncated {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// How often the author has cut it.
        fork: u64,
        /// How long it is in that fork.
        length: u64,
    },
    /// The manifest of an adopted feed is of a kind that is not supported: nothing of it is taken.
    Unsupported {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// What it is.
        what: Unsupported,
    },
    /// Hypercore's channel of a feed was closed, for the peer went over a bound with it; the
    /// connection stays, and so does what is held of the feed.
    ChannelClosed {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// The bound.
        limit: Limit,
    },
    /// At this moment each side holds durably all that the other offered and could give.
    Synced {
        /// The connection.
        connection: ConnectionId,
    },
}

/// Why a peer says no to a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// It does not take the feed: its policy, or it is full.
    Declined,
    /// It cannot give the blocks that it offered: its disk is damaged, or they were cleared.
    Unavailable,
}

/// A key in the store: 13 bytes whose order is the order of what they name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey(pub(crate) [u8; 13]);

impl StoreKey {
    /// The key's bytes, as a store orders them.
    pub fn as_bytes(&self) -> &[u8; 13] {
        &self.0
    }

    /// The key of these bytes, for a store that reads them back.
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
/// The contract: requests are carried out as if in the order in which they were handed out, and
/// commits become durable in that order; replies may come in any order. A read sees every commit
/// that was reported durable before the read was handed out. Each reply is made by consuming its
/// request, so a wrong or double one does not compile.
#[derive(Debug)]
pub enum StoreRequest {
    /// Values of some keys.
    Read(ReadRequest),
    /// The entries of a run of keys.
    Scan(ScanRequest),
    /// Writes that become durable together, or not at all.
    Commit(CommitRequest),
}

/// The number by which the core knows a request of its own.
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

    /// Nothing could be read.
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

    /// The first key not wanted any more.
    pub fn until(&self) -> StoreKey {
        self.until
    }

    /// No more entries than this.
    pub fn entries_max(&self) -> usize {
        self.entries_max
    }

    /// Stop before the values are more bytes than this, but after one entry at the earliest.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The entries, in the order of their keys. None means that there are none: fewer than asked
    /// for is taken as the end of the run only then.
    pub fn found(self, entries: Vec<(StoreKey, Bytes)>) -> StoreReply {
        StoreReply { id: self.id, answer: Answer::Entries(Ok(entries)) }
    }

    /// Nothing could be read.
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

    /// They are on stable storage: a power cut does not undo them.
    pub fn durable(self) -> StoreReply {
        StoreReply { id: self.id, answer: Answer::Committed(Ok(())) }
    }

    /// They are not, or nobody knows. The feed under them is frozen.
    pub fn failed(self, failure: StoreFailure) -> StoreReply {
        StoreReply { id: self.id, answer: Answer::Committed(Err(failure)) }
    }
}

/// One change of the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// Sets the value of a key.
    Put(StoreKey, Bytes),
    /// Forgets a key, if it is there.
    Delete(StoreKey),
}

/// The answer to one [`StoreRequest`], made by its methods alone.
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
