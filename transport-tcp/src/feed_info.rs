//! What a node reports about one feed.

use multifeed_core::{Feed, FeedId, FeedKey, PublicKey};

/// Blocks that were appended durably, as a range of indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Index of the first appended block.
    pub start: u64,
    /// Length of the feed after the append.
    pub end: u64,
}

/// The state of one feed at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedInfo {
    /// Identifies the feed in this node until the node closes.
    pub id: FeedId,
    /// Identifies the feed everywhere.
    pub key: FeedKey,
    /// The author's public key.
    pub public_key: PublicKey,
    /// Number of blocks held durably, from index 0 on.
    pub length: u64,
    /// Bytes of those blocks.
    pub byte_length: u64,
    /// Bytes that count against [`Limits::feed_bytes`](multifeed_core::Limits::feed_bytes).
    pub bytes_counted: u64,
    /// Whether the author signed two conflicting histories. The feed does not grow any more.
    pub is_forked: bool,
    /// Whether the quota is used up. The feed does not grow any more.
    pub is_full: bool,
    /// The local name of a writer, also before its key pair was given.
    pub name: Option<String>,
    /// Whether we can append: the key pair was given.
    pub is_writable: bool,
}

impl From<Feed<'_>> for FeedInfo {
    fn from(feed: Feed<'_>) -> Self {
        Self {
            id: feed.id,
            key: feed.key,
            public_key: feed.public_key,
            length: feed.length,
            byte_length: feed.byte_length,
            bytes_counted: feed.bytes_counted,
            is_forked: feed.is_forked,
            is_full: feed.is_full,
            name: feed.name.map(str::to_owned),
            is_writable: feed.is_writable,
        }
    }
}
