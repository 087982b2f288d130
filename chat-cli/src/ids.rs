//! Formats the ids of messages and keys.

use serde::{Serialize, Serializer};

/// The id of a message: the feed's key in hex, and the index of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageId {
    /// The key of the feed.
    pub feed: [u8; 32],
    /// The index of the block.
    pub index: u64,
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", hex(&self.feed), self.index)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Formats bytes in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
