//! The tables of the index, and what their entries hold.

use redb::{MultimapTableDefinition, TableDefinition};
use serde::{Deserialize, Serialize};

use crate::envelope::ChannelTag;
use crate::message::seen::{Digest, Head};
use crate::timeline::key::{Block, Hlc, TIMELINE_KEY_BYTES, TimelineKey};

pub(super) type Key = [u8; 40];
pub(super) const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
pub(super) const BLOCKS: TableDefinition<'_, &Key, &[u8]> = TableDefinition::new("blocks");
pub(super) const ORDER: TableDefinition<'_, &[u8; 56], ()> = TableDefinition::new("order");
/// A block that is named, whether it is here or not, and those that name it.
pub(super) const REFERRERS: MultimapTableDefinition<'_, &Key, &Key> =
    MultimapTableDefinition::new("named");
pub(super) const FEEDS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("feeds");

/// Places that the user has to do with. They are kept when all else is made anew.
pub(super) const LOCAL_STATE: TableDefinition<'_, &str, &[u8; 56]> = TableDefinition::new("marks");

pub(super) const MARK_BYTES: usize = size_of::<ChannelTag>();

/// A channel, and a spot at which its topic is set.
pub(super) type TopicKey = [u8; MARK_BYTES + TIMELINE_KEY_BYTES];

/// They move with the order: where the last one stands, is what holds.
pub(super) const TOPICS: TableDefinition<'_, &TopicKey, ()> = TableDefinition::new("topics");

/// Bytes that sort as the spots of a channel do.
pub(super) fn topic_key(channel: &ChannelTag, position: &TimelineKey) -> TopicKey {
    let mut key = [0; MARK_BYTES + TIMELINE_KEY_BYTES];
    key[..MARK_BYTES].copy_from_slice(channel);
    key[MARK_BYTES..].copy_from_slice(&position.to_bytes());
    key
}

/// A block that has arrived, as far as the order needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlock {
    /// Which one.
    pub block: Block,
    /// Its own digest.
    pub digest: Digest,
    /// When its author says that he wrote it, in milliseconds since 1970.
    pub claimed_ms: Option<i64>,
    /// What he says that he had seen.
    pub seen: Vec<Head>,
    /// The channel of which it sets the topic, if it sets one.
    pub topic_of: Option<ChannelTag>,
}

/// What is kept of a block.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IndexedBlock {
    pub(super) digest: Digest,
    /// The digest of the feed up to here, once all blocks before are known.
    pub(super) chain: Option<Digest>,
    pub(super) claimed_ms: Option<i64>,
    pub(super) seen: Vec<Head>,
    pub(super) hlc: Hlc,
    pub(super) topic_of: Option<ChannelTag>,
}

/// What is kept of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FeedState {
    /// Up to where it was read.
    pub(super) read: u64,
    /// Up to where our own messages have named it.
    pub(super) named: u64,
    /// Up to where anybody's messages have named it: more than was read is missing here.
    pub(super) referenced: u64,
}

/// The index cannot be read or written.
#[derive(Debug)]
pub struct IndexError(redb::Error);

impl std::fmt::Display for IndexError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the index of the room cannot be used: {}", self.0)
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
