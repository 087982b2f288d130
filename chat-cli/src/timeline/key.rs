//! Where a message stands: the order of the timeline.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A place in time: a hybrid logical clock (Kulkarni et al. 2014, "Logical physical clocks").
///
/// It is the time that the author claims, unless he had seen something that stands later: then he
/// stands behind that, and the turn counts how far.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Hlc {
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// How many messages stand before it at that time, one because of the other.
    pub counter: u64,
}

/// The place of what has no time and nothing before it.
pub(super) const FIRST: Hlc = Hlc { time_ms: i64::MIN, counter: 0 };

impl Hlc {
    /// The place of a message behind all that its author had seen, by the time that he claims.
    pub fn after(seen: Option<Hlc>, claimed: Option<i64>) -> Self {
        match (seen, claimed) {
            (None, None) => FIRST,
            (None, Some(time_ms)) => Self { time_ms, counter: 0 },
            (Some(seen), Some(time_ms)) if time_ms > seen.time_ms => Self { time_ms, counter: 0 },
            // As many turns as there are messages, at most: they do not come to an end.
            (Some(seen), _) => Self { counter: seen.counter.saturating_add(1), ..seen },
        }
    }

    /// The first place of a time.
    pub fn from_time(time: Timestamp) -> Self {
        Self { time_ms: time.as_millisecond(), counter: 0 }
    }
}

/// A place with what decides between equal ones: the feed's key, then the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimelineKey {
    /// The place.
    pub hlc: Hlc,
    /// The block.
    pub block: Block,
}

/// A block of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Block {
    /// The feed's key.
    pub feed: [u8; 32],
    /// The index in it.
    pub index: u64,
}

const BLOCK_BYTES: usize = 40;
pub(super) const TIMELINE_KEY_BYTES: usize = 16 + BLOCK_BYTES;

impl Block {
    /// Bytes that sort as blocks do.
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
    /// Bytes that sort as spots do.
    pub(super) fn to_bytes(self) -> [u8; TIMELINE_KEY_BYTES] {
        let mut bytes = [0; TIMELINE_KEY_BYTES];
        // With the sign turned round, negative times sort before the others.
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
