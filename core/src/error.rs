//! Errors, by the party at fault.
//!
//! Rule: a type here answers "whose fault?" and contains no text. A peer's fault closes its
//! connection and no other; a disk's fault fails one request or one feed; only a caller's fault is
//! an `Err`.

use core::fmt;

use crate::wire::codec::Malformed;

/// The caller's fault: the only error that methods for the application return.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Misuse {
    /// The store has not been read yet: wait for [`Event::Ready`](crate::Event::Ready).
    NotReady,
    /// No such feed in this multifeed.
    UnknownFeed,
    /// [`Multifeed::writer`](crate::Multifeed::writer) was not called with the feed's key pair.
    NotWritable,
    /// The name belongs to a writer with another key pair.
    NameTaken,
    /// The key pair belongs to a writer of another name.
    KeyPairTaken,
    /// A writer's name is empty or longer than 64 bytes.
    BadName,
    /// The append has no blocks.
    EmptyAppend,
    /// A block is larger than [`Limits::block_bytes`](crate::Limits::block_bytes).
    BlockTooLarge,
    /// The blocks of one append have more bytes than
    /// [`Limits::append_bytes`](crate::Limits::append_bytes).
    AppendTooLarge,
    /// [`Limits::requests`](crate::Limits::requests) requests are open: wait for an answer.
    TooManyRequests,
    /// The group has [`Limits::feeds`](crate::Limits::feeds) feeds.
    TooManyFeeds,
    /// Not all of the blocks are held.
    OutOfRange,
    /// The store failed for this feed: open the multifeed again.
    FeedBroken,
    /// The feed is removed or refused: [`accept`](crate::Multifeed::accept) it first.
    FeedRemoved,
    /// The author signed more of the feed than is held here: wait until it is fetched from peers.
    FeedBehind,
    /// The feed has forked: it does not grow any more.
    FeedForked,
    /// The feed would exceed [`Limits::feed_bytes`](crate::Limits::feed_bytes), and other peers
    /// would not accept the blocks either: begin another feed.
    FeedFull,
    /// More runs than [`Limits::cleared_runs`](crate::Limits::cleared_runs) would be cleared.
    TooManyRuns,
    /// There are [`Limits::rulings`](crate::Limits::rulings) rulings.
    TooManyRulings,
    /// The blocks are being downloaded, or there are
    /// [`Limits::downloads`](crate::Limits::downloads) downloads of the feed.
    Downloading,
    /// No such request is open, or it cannot be canceled.
    UnknownRequest,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "the store has not been read yet",
            Self::UnknownFeed => "no such feed",
            Self::NotWritable => "the feed has no key pair here",
            Self::NameTaken => "the name belongs to another writer",
            Self::KeyPairTaken => "the key pair belongs to another writer",
            Self::BadName => "a writer's name has 1 to 64 bytes",
            Self::EmptyAppend => "nothing to append",
            Self::BlockTooLarge => "the block is too large",
            Self::AppendTooLarge => "the blocks of one append are too large",
            Self::TooManyRequests => "too many requests are open",
            Self::TooManyFeeds => "the group is full",
            Self::OutOfRange => "the blocks are not held",
            Self::FeedBroken => "the store failed under this feed",
            Self::FeedRemoved => "the feed is removed or refused",
            Self::FeedBehind => "more of the feed was signed than is held",
            Self::FeedForked => "the feed has two histories",
            Self::FeedFull => "the feed would have too many bytes",
            Self::TooManyRuns => "too many runs of the feed are cleared",
            Self::TooManyRulings => "too many feeds are ruled upon",
            Self::Downloading => "the feed is being downloaded",
            Self::UnknownRequest => "no such request is open",
        })
    }
}

impl core::error::Error for Misuse {}

/// A fault of the peer: the connection closes, and nothing from the violating message is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// A message does not parse.
    Malformed(Malformed),
    /// A handshake message is wrong, or its key is of small order.
    Handshake,
    /// The stream's id does not follow from the handshake.
    StreamId,
    /// A frame does not decrypt.
    Decrypt,
    /// A channel's id was reused or skipped, or is unknown.
    ChannelId,
    /// A message came before the channel was open, or only the other role may send it.
    UnexpectedMessage,
    /// A feed reference has an alias that was not assigned.
    UnknownReference,
    /// A feed was announced twice, or its key is not a point of the curve.
    BadName,
    /// A number is out of the range that the protocol allows.
    OutOfRange,
    /// A proof has the wrong number of nodes, or its sizes are inconsistent.
    BadProof,
    /// A head's signature does not verify.
    BadSignature,
    /// The peer's statements about its sets contradict each other.
    Inconsistent,
}

/// The peer exceeded a limit: its connection closes. One variant for each limit in
/// [`Limits`](crate::Limits) that a peer can exceed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Limit {
    /// A frame is longer than allowed at this point of the connection.
    FrameBytes,
    /// More of hypercore's channels were opened than
    /// [`Limits::hypercore_channels`](crate::Limits::hypercore_channels). It closes no connection:
    /// see [`Event::ChannelClosed`](crate::Event::ChannelClosed).
    Channels,
    /// More feeds were announced than the alias credit granted.
    Aliases,
    /// More bytes of ranges came than the window credit granted.
    WindowBytes,
    /// A block is larger than [`Limits::block_bytes`](crate::Limits::block_bytes).
    BlockBytes,
    /// More feeds are requested than [`Limits::serves`](crate::Limits::serves).
    Serves,
    /// A reconciliation has more bytes than its sets need, or than
    /// [`Limits::reconcile_bytes`](crate::Limits::reconcile_bytes), or its incomplete message has
    /// stalled for longest while those of all peers exceed
    /// [`Limits::partial_bytes`](crate::Limits::partial_bytes).
    ReconcileBytes,
    /// More requests are open than
    /// [`Limits::hypercore_requests`](crate::Limits::hypercore_requests). Closes only the channel
    /// of the feed that exceeds it: see [`Event::ChannelClosed`](crate::Event::ChannelClosed).
    Requests,
}

/// Which time-out closed a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Deadline {
    /// The channel was not open in time.
    Handshake,
    /// No byte came for [`Timing::dead`](crate::Timing::dead).
    Dead,
    /// A connection of [`Mode::Once`](crate::Mode::Once) made no progress for
    /// [`Timing::request`](crate::Timing::request).
    Stalled,
}

/// Why the core closes a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer violated the protocol.
    Violation(Violation),
    /// The peer exceeded a limit.
    Limit(Limit),
    /// The two versions of the protocol are incompatible, which is no party's fault.
    Incompatible {
        /// Our version of the protocol.
        ours: u32,
        /// The peer's version.
        theirs: u32,
    },
    /// The peer is not a member of our group.
    NotAMember,
    /// The store has not been read yet, or the connection's number is in use.
    NotReady,
    /// The peer has our own public key.
    Ourselves,
    /// A time-out.
    Deadline(Deadline),
    /// A connection of [`Mode::Once`](crate::Mode::Once) is in sync: both sides hold everything
    /// that the other offered.
    Synced,
    /// The peer closed the group's channel.
    ClosedByPeer,
    /// The application called [`Multifeed::disconnect`](crate::Multifeed::disconnect).
    Requested,
}

impl CloseReason {
    /// Whether the reason follows from content that the peer itself sealed. Otherwise anybody on
    /// the way can cause it, for example by changing one bit, so it proves nothing against the
    /// peer.
    pub fn is_proven(&self) -> bool {
        !matches!(
            self,
            Self::Violation(Violation::Handshake | Violation::StreamId | Violation::Decrypt)
                | Self::Limit(Limit::FrameBytes)
                | Self::NotAMember
                | Self::Deadline(_)
        )
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(violation) => write!(f, "the peer broke the protocol: {violation:?}"),
            Self::Limit(limit) => write!(f, "the peer went over a limit: {limit:?}"),
            Self::Incompatible { ours, theirs } => {
                write!(f, "versions do not meet: ours is {ours}, theirs {theirs}")
            }
            Self::NotAMember => f.write_str("the peer is not a member of this group"),
            Self::NotReady => f.write_str("this side is not ready"),
            Self::Ourselves => f.write_str("the connection reached ourselves"),
            Self::Deadline(Deadline::Handshake) => f.write_str("the handshake took too long"),
            Self::Deadline(Deadline::Dead) => f.write_str("the peer fell silent"),
            Self::Deadline(Deadline::Stalled) => f.write_str("the sync made no progress"),
            Self::Synced => f.write_str("both sides hold everything"),
            Self::ClosedByPeer => f.write_str("the peer closed the channel"),
            Self::Requested => f.write_str("closed by the application"),
        }
    }
}

impl From<Violation> for CloseReason {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl From<Malformed> for CloseReason {
    fn from(malformed: Malformed) -> Self {
        Self::Violation(Violation::Malformed(malformed))
    }
}

impl From<Limit> for CloseReason {
    fn from(limit: Limit) -> Self {
        Self::Limit(limit)
    }
}

/// The disk's fault: that request or feed fails, others continue.
///
/// The adapter keeps the error of the operating system; the core needs only the kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreFailure {
    /// Reading or writing failed.
    Io,
    /// There is no space left, or a quota is used up.
    Full,
    /// The data read are not the data written.
    Damaged,
    /// The store belongs to another group.
    WrongGroup,
    /// The store was written by a newer version.
    TooNew,
    /// The store was closed, or failed earlier and must be opened again.
    Closed,
}

impl fmt::Display for StoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Io => "reading or writing the store failed",
            Self::Full => "the store's disk is full",
            Self::Damaged => "the store is damaged",
            Self::WrongGroup => "the store belongs to another group",
            Self::TooNew => "the store was written by a newer version",
            Self::Closed => "the store is closed",
        })
    }
}

impl core::error::Error for StoreFailure {}
