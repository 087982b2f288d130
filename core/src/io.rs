//! The inputs and outputs of a multifeed.
//!
//! Rule: they consist of bytes, keys and numbers; no message of the protocol is part of them.

mod store;

use alloc::vec::Vec;

use bytes::Bytes;

use crate::crypto::sign::PublicKey;
use crate::error::{CloseReason, Limit, StoreFailure};
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId, Role};
use crate::wire::hypercore::Unsupported;

pub(crate) use store::{Answer, StoreId};
pub use store::{
    CommitRequest, ReadRequest, ScanRequest, StoreKey, StoreReply, StoreRequest, Write,
};

/// An input of the core.
#[derive(Debug)]
#[non_exhaustive]
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
///
/// A driver has to carry out every kind, so the kinds are not open for more: a new one is a new
/// major version.
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
#[non_exhaustive]
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
#[non_exhaustive]
pub enum Mode {
    /// Never: later appends are sent too.
    Live,
    /// When both sides hold everything that the other offered and could give.
    Once,
}

/// An event for the application.
///
/// An event names a feed by its id in this multifeed and by its key. When a queued event is
/// handled, the feed may have been removed: its id means no feed then, and never another one.
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
        /// Its key.
        key: FeedKey,
        /// Index of the first block.
        start: u64,
        /// The feed's length with them.
        end: u64,
    },
    /// Blocks of a peer are verified and durable.
    Extended {
        /// The feed that grew.
        feed: FeedId,
        /// Its key.
        key: FeedKey,
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
        /// Its key.
        key: FeedKey,
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
        /// Its key.
        key: FeedKey,
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
        /// Its key.
        key: FeedKey,
        /// Index of the first block.
        start: u64,
        /// The index behind the last one.
        end: u64,
    },
    /// Cleared or damaged blocks are held again, verified and durable.
    Restored {
        /// The feed.
        feed: FeedId,
        /// Its key.
        key: FeedKey,
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
        /// Its key.
        key: FeedKey,
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
        /// Its key; `None` if its record is damaged.
        key: Option<FeedKey>,
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
        /// Its key.
        key: FeedKey,
        /// The number of blocks, from the first on.
        length: u64,
    },
    /// The peer does not accept this feed, or one side cannot give the other what it offered.
    Refused {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// Its key.
        key: FeedKey,
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
        /// Its key.
        key: FeedKey,
    },
    /// The author of a feed signed two histories of it, and the proof is durable. The feed does not
    /// change, and is not fetched any more; peers that hold nothing of it get what both histories
    /// share. Peers that hold it are notified. [`Multifeed::fork`](crate::Multifeed::fork) shows
    /// where the histories diverge; `FORKS.md` says how an author goes on in another feed. If it
    /// is our own feed, two copies of its key pair are in use, and no block can be appended any
    /// more.
    Forked {
        /// The feed.
        feed: FeedId,
        /// Its key.
        key: FeedKey,
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
        /// Its key.
        key: FeedKey,
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
        /// Its key.
        key: FeedKey,
        /// The kind of the manifest.
        what: Unsupported,
    },
    /// A peer that is no member of the group has opened hypercore's channel of a feed, which proves
    /// that it knows the feed's key. Reported once for each connection.
    StockOpened {
        /// The connection.
        connection: ConnectionId,
        /// The peer's public key.
        remote: PublicKey,
    },
    /// Hypercore's channel of a feed was closed or rejected because the peer exceeded a limit. The
    /// connection and the held blocks stay. For [`Limit::Channels`] it is reported once for each
    /// feed of a connection, and for as many feeds as
    /// [`Limits::hypercore_channels`](crate::Limits::hypercore_channels).
    ChannelClosed {
        /// The connection.
        connection: ConnectionId,
        /// The feed.
        feed: FeedId,
        /// Its key.
        key: FeedKey,
        /// The limit.
        limit: Limit,
    },
    /// Each side holds durably everything that the other offered and could give, at this moment.
    /// The peer is a member or a stock peer.
    Synced {
        /// The connection.
        connection: ConnectionId,
    },
}

impl Event {
    /// The request that the event answers; `None` for an event that answers none.
    pub fn request(&self) -> Option<RequestId> {
        match self {
            Self::Appended { request, .. }
            | Self::Blocks { request, .. }
            | Self::Missing { request, .. }
            | Self::Cleared { request, .. }
            | Self::Downloaded { request, .. }
            | Self::Ruled { request, .. }
            | Self::Canceled { request }
            | Self::Failed { request, .. } => Some(*request),
            Self::Removed { request, .. } => *request,
            Self::Ready { .. }
            | Self::OpenFailed(_)
            | Self::FeedAdded { .. }
            | Self::Extended { .. }
            | Self::Restored { .. }
            | Self::Offered { .. }
            | Self::RulingBroken { .. }
            | Self::FeedBroken { .. }
            | Self::Identified { .. }
            | Self::Opened { .. }
            | Self::StockOpened { .. }
            | Self::Held { .. }
            | Self::Refused { .. }
            | Self::Contested { .. }
            | Self::Forked { .. }
            | Self::Full { .. }
            | Self::Truncated { .. }
            | Self::Unsupported { .. }
            | Self::ChannelClosed { .. }
            | Self::Synced { .. } => None,
        }
    }
}

/// Why a peer rejects a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// It does not accept the feed: because of its policy or a limit.
    Declined,
    /// It cannot give the blocks that it offered: they are damaged or cleared.
    Unavailable,
    /// The next block of the feed is larger than
    /// [`Limits::block_bytes`](crate::Limits::block_bytes) of the side that lacks it, or comes in a
    /// range of more than [`Limits::range_blocks`](crate::Limits::range_blocks) blocks. Both sides
    /// get this event. The block and those behind it are not exchanged on this connection; other
    /// feeds are.
    BlockTooLarge,
}
