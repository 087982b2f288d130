//! Errors, sorted by whose fault they are.
//!
//! Rule: a type here answers "whose fault?" and holds no text. What the peer did wrong closes its
//! connection and no other; what the disk did wrong fails one request or one feed; only what the
//! caller did wrong is an `Err`.

use core::fmt;

use crate::wire::codec::Malformed;

/// The caller's fault: the only error that calls of the application return.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Misuse {
    /// The store has not been read yet: wait for [`Event::Ready`](crate::Event::Ready).
    NotReady,
    /// No such feed in this multifeed.
    UnknownFeed,
    /// No key pair of this feed was given to [`Multifeed::writer`](crate::Multifeed::writer).
    NotWritable,
    /// The name belongs to a writer with another key pair.
    NameTaken,
    /// The key pair belongs to a writer of another name.
    KeyPairTaken,
    /// A writer's name is empty or longer than 64 bytes.
    BadName,
    /// Nothing to append.
    EmptyAppend,
    /// A block is larger than [`Limits::block_bytes`](crate::Limits::block_bytes).
    BlockTooLarge,
    /// The blocks of one append are more than
    /// [`Limits::append_bytes`](crate::Limits::append_bytes).
    AppendTooLarge,
    /// More requests are open than [`Limits::requests`](crate::Limits::requests): wait for one.
    TooManyRequests,
    /// The group holds [`Limits::feeds`](crate::Limits::feeds) feeds.
    TooManyFeeds,
    /// The blocks asked for are not (all) held.
    OutOfRange,
    /// The store failed under this feed: reopen it.
    FeedBroken,
    /// The feed is removed or refused: [`accept`](crate::Multifeed::accept) it first.
    FeedRemoved,
    /// The author signed more of the feed than is held here: wait until peers gave it.
    FeedBehind,
    /// The feed has two histories: nothing is added to it.
    FeedForked,
    /// The feed would have more than [`Limits::feed_bytes`](crate::Limits::feed_bytes), of which
    /// other peers take no more either: begin another feed.
    FeedFull,
    /// More runs would be cleared than [`Limits::cleared_runs`](crate::Limits::cleared_runs).
    TooManyRuns,
    /// There are [`Limits::rulings`](crate::Limits::rulings) rulings about feeds.
    TooManyRulings,
    /// The blocks are being downloaded again, or there are
    /// [`Limits::downloads`](crate::Limits::downloads) downloads of the feed.
    Downloading,
    /// No such request is open, or it cannot be taken back.
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

/// The peer's fault: its connection closes, and nothing that it sent with the crime is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// A message does not parse.
    Malformed(Malformed),
    /// A handshake message is wrong, or its key is of small order.
    Handshake,
    /// The stream's id is not the one that the handshake gives.
    StreamId,
    /// A frame does not decrypt.
    Decrypt,
    /// A channel's id was reused, skipped or never given.
    ChannelId,
    /// A message came before the channel was open, or one that only the other role sends.
    UnexpectedMessage,
    /// A feed reference that was never given out.
    UnknownReference,
    /// A feed was named twice, or its key is not a point of the curve.
    BadName,
    /// A number is outside what the protocol allows.
    OutOfRange,
    /// A proof has the wrong number of nodes, or its sizes do not add up.
    BadProof,
    /// A head's signature does not verify.
    BadSignature,
    /// What the peer says of its sets contradicts itself.
    Inconsistent,
}

/// The peer's greed: its connection closes. One variant for each bound in
/// [`Limits`](crate::Limits) that a peer can reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Limit {
    /// A frame is longer than allowed at this point of the connection.
    FrameBytes,
    /// More channels were opened than allowed.
    Channels,
    /// More feeds were named than the names granted.
    Aliases,
    /// More bytes of ranges came than the window granted.
    WindowBytes,
    /// A block is larger than [`Limits::block_bytes`](crate::Limits::block_bytes).
    BlockBytes,
    /// A range holds more blocks than [`Limits::range_blocks`](crate::Limits::range_blocks).
    RangeBlocks,
    /// More feeds are waited for than [`Limits::serves`](crate::Limits::serves).
    Serves,
    /// A reconciliation takes or brings more than its sets need, or than
    /// [`Limits::reconcile_bytes`](crate::Limits::reconcile_bytes).
    ReconcileBytes,
    /// More requests wait than
    /// [`Limits::hypercore_requests`](crate::Limits::hypercore_requests).
    Requests,
}

/// Which time ran out on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Deadline {
    /// The handshake, up to an open channel.
    Handshake,
    /// No byte came for [`Timing::dead`](crate::Timing::dead).
    Dead,
    /// A sync that should end made no progress for
    /// [`Timing::request`](crate::Timing::request).
    Stalled,
}

/// Why the core closes a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer broke the protocol.
    Violation(Violation),
    /// The peer went over a bound.
    Limit(Limit),
    /// Nobody's fault: the versions of `multifeed` do not meet.
    Incompatible {
        /// Our version of the protocol.
        ours: u32,
        /// The peer's.
        theirs: u32,
    },
    /// The peer is no member of our group.
    NotAMember,
    /// The store has not been read yet, or the connection's number was used before.
    NotReady,
    /// The connection reached our own key.
    Ourselves,
    /// Time ran out.
    Deadline(Deadline),
    /// A sync that should end has ended: both sides hold all that the other offered.
    Synced,
    /// The peer closed the group's channel.
    ClosedByPeer,
    /// The application asked for it.
    Requested,
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

/// The disk's fault: that request or feed fails, others go on.
///
/// The adapter keeps the operating system's own words; the core needs only the kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreFailure {
    /// Reading or writing failed.
    Io,
    /// No space, or a quota is used up.
    Full,
    /// What was read is not what was written.
    Damaged,
    /// The store holds the feeds of another group.
    WrongGroup,
    /// The store was written by a newer version.
    TooNew,
    /// The store was closed, or failed before and must be reopened.
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
