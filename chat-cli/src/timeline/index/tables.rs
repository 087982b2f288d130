//! Defines the tables of the index and their entries.

use redb::{MultimapTableDefinition, TableDefinition};
use serde::{Deserialize, Serialize};

use crate::envelope::ChannelTag;
use crate::message::seen::{Digest, Head};
use crate::timeline::key::{Block, Hlc, TIMELINE_KEY_BYTES, TimelineKey};

pub(super) type Key = [u8; 40];
pub(super) const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
pub(super) const BLOCKS: TableDefinition<'_, &Key, &[u8]> = TableDefinition::new("blocks");
pub(super) const ORDER: TableDefinition<'_, &[u8; 56], ()> = TableDefinition::new("order");
/// Maps a referenced block, stored or not, to the blocks that refer to it.
pub(super) const REFERRERS: MultimapTableDefinition<'_, &Key, &Key> =
    MultimapTableDefinition::new("named");
pub(super) const FEEDS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("feeds");

/// Positions that belong to the user. They are kept when the rest is rebuilt.
pub(super) const LOCAL_STATE: TableDefinition<'_, &str, &[u8; 56]> = TableDefinition::new("marks");

pub(super) const CHANNEL_TAG_BYTES: usize = size_of::<ChannelTag>();

/// A channel and the position of one of its blocks.
pub(super) type ChannelKey = [u8; CHANNEL_TAG_BYTES + TIMELINE_KEY_BYTES];

/// The order of each channel.
pub(super) const CHANNELS: TableDefinition<'_, &ChannelKey, ()> = TableDefinition::new("channels");

/// The topics. They move with the order; the last one of a channel is valid.
pub(super) const TOPICS: TableDefinition<'_, &ChannelKey, ()> = TableDefinition::new("topics");

/// Encodes to bytes that sort by channel and position.
pub(super) fn channel_key(channel: &ChannelTag, position: &TimelineKey) -> ChannelKey {
    channel_bound(channel, &position.to_bytes())
}

/// Returns the first and the last possible key of a channel. No block has the largest index, so
/// the last key is not in use.
pub(super) fn channel_bounds(channel: &ChannelTag) -> (ChannelKey, ChannelKey) {
    let bound = |byte| channel_bound(channel, &[byte; TIMELINE_KEY_BYTES]);
    (bound(0), bound(0xff))
}

fn channel_bound(channel: &ChannelTag, position: &[u8; TIMELINE_KEY_BYTES]) -> ChannelKey {
    let mut key = [0; CHANNEL_TAG_BYTES + TIMELINE_KEY_BYTES];
    key[..CHANNEL_TAG_BYTES].copy_from_slice(channel);
    key[CHANNEL_TAG_BYTES..].copy_from_slice(position);
    key
}

/// Returns the position in a key of a channel.
pub(super) fn position_in(key: &ChannelKey) -> TimelineKey {
    let (_, position) = key.split_last_chunk().expect("a key ends with a position");
    TimelineKey::from_bytes(position)
}

/// A new block, with the data that determines its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlock {
    /// The block.
    pub block: Block,
    /// Its digest.
    pub digest: Digest,
    /// The time that its author claims, in milliseconds since 1970.
    pub claimed_ms: Option<i64>,
    /// The heads that its author claims to have seen.
    pub seen: Vec<Head>,
    /// Its channel.
    pub channel: ChannelTag,
    /// Whether it sets the topic of its channel.
    pub sets_topic: bool,
}

/// The stored data of a block.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IndexedBlock {
    pub(super) digest: Digest,
    /// The digest of the feed up to here, once all earlier blocks are known.
    pub(super) chain: Option<Digest>,
    pub(super) claimed_ms: Option<i64>,
    pub(super) seen: Vec<Head>,
    pub(super) hlc: Hlc,
    pub(super) channel: ChannelTag,
    pub(super) sets_topic: bool,
}

/// The stored data of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FeedState {
    /// The length that was read.
    pub(super) read: u64,
    /// The length that our own messages refer to.
    pub(super) named: u64,
    /// The length that any messages refer to; what exceeds `read` is missing here.
    pub(super) referenced: u64,
}

/// The index cannot be read or written.
#[derive(Debug)]
pub struct IndexError(redb::Error);

impl IndexError {
    /// Returns whether the disk is full.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let redb::Error::Io(error) = &self.0 else { return false };
        matches!(error.kind(), StorageFull | QuotaExceeded)
    }
}

impl std::fmt::Display for IndexError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot use the index of the room: {}", self.0)
    }
}

impl std::error::Error for IndexError {}

pub(super) fn failed(error: impl Into<redb::Error>) -> IndexError {
    IndexError(error.into())
}

pub(super) fn damaged(_: postcard::Error) -> IndexError {
    IndexError(redb::Error::Corrupted("an entry of the index does not parse".into()))
}

pub(super) fn decode_block(bytes: &[u8]) -> Result<IndexedBlock, IndexError> {
    postcard::from_bytes(bytes).map_err(damaged)
}

pub(super) fn decode_feed_state(bytes: &[u8]) -> Result<FeedState, IndexError> {
    postcard::from_bytes(bytes).map_err(damaged)
}
