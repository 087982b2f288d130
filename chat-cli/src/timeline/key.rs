//! Defines the keys that order the timeline.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A hybrid logical clock (Kulkarni et al. 2014, "Logical physical clocks").
///
/// It has the time that the author claims. If the author had seen an equal or later key, it has
/// the time of that key and a higher counter instead.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Hlc {
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// The number of messages before it with the same time, each caused by the previous one.
    pub counter: u64,
}

/// The key of a message without time and predecessor.
pub(super) const FIRST: Hlc = Hlc { time_ms: i64::MIN, counter: 0 };

impl Hlc {
    /// Returns the key of a message after the latest key that its author had seen, with the
    /// claimed time.
    pub fn after(seen: Option<Hlc>, claimed: Option<i64>) -> Self {
        match (seen, claimed) {
            (None, None) => FIRST,
            (None, Some(time_ms)) => Self { time_ms, counter: 0 },
            (Some(seen), Some(time_ms)) if time_ms > seen.time_ms => Self { time_ms, counter: 0 },
            // The counter cannot overflow: it is at most the number of messages.
            (Some(seen), _) => Self { counter: seen.counter.saturating_add(1), ..seen },
        }
    }

    /// Returns the first key of a time.
    pub fn from_time(time: Timestamp) -> Self {
        Self { time_ms: time.as_millisecond(), counter: 0 }
    }
}

/// A unique position: the time key, then the feed's key and the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimelineKey {
    /// The time key.
    pub hlc: Hlc,
    /// The block.
    pub block: Block,
}

/// A block of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Block {
    /// The feed's key.
    pub feed: [u8; 32],
    /// The index in the feed.
    pub index: u64,
}

const BLOCK_BYTES: usize = 40;
pub(super) const TIMELINE_KEY_BYTES: usize = 16 + BLOCK_BYTES;

impl Block {
    /// Encodes to bytes that sort like blocks.
    pub(super) fn to_bytes(self) -> [u8; BLOCK_BYTES] {
        let mut bytes = [0; BLOCK_BYTES];
        bytes[..32].copy_from_slice(&self.feed);
        bytes[32..].copy_from_slice(&self.index.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; BLOCK_BYTES]) -> Self {
        let (mut feed, mut index) = ([0; 32], [0; 8]);
        feed.copy_from_slice(&bytes[..32]);
        index.copy_from_slice(&bytes[32..]);
        Self { feed, index: u64::from_be_bytes(index) }
    }
}

impl TimelineKey {
    /// Encodes to bytes that sort like positions.
    pub(super) fn to_bytes(self) -> [u8; TIMELINE_KEY_BYTES] {
        let mut bytes = [0; TIMELINE_KEY_BYTES];
        // With the sign bit inverted, negative times sort first.
        let time = (self.hlc.time_ms as u64) ^ (1 << 63);
        bytes[..8].copy_from_slice(&time.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.hlc.counter.to_be_bytes());
        bytes[16..].copy_from_slice(&self.block.to_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; TIMELINE_KEY_BYTES]) -> Self {
        let (mut time, mut counter, mut block) = ([0; 8], [0; 8], [0; BLOCK_BYTES]);
        time.copy_from_slice(&bytes[..8]);
        counter.copy_from_slice(&bytes[8..16]);
        block.copy_from_slice(&bytes[16..]);
        let time_ms = (u64::from_be_bytes(time) ^ (1 << 63)) as i64;
        let hlc = Hlc { time_ms, counter: u64::from_be_bytes(counter) };
        Self { hlc, block: Block::from_bytes(&block) }
    }
}
