//! What an author had seen when he wrote: the heads that a message names.
//!
//! Rule: a head is named with the digest of its feed up to there. So nobody can name what was
//! written later, no two messages can each name the other, and an order that follows the names
//! has no circles.

use std::collections::BTreeMap;

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest as _};
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::MessageId;

/// The most heads that a message names. The latest ones are enough: those who wrote them had seen
/// the others.
pub const SEEN_MAX: usize = 8;

/// The digest of a feed from its first block up to some block: BLAKE2b, 16 bytes.
pub type Digest = [u8; 16];

/// One message that the author had seen, the last of its feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The key of the feed.
    pub feed: [u8; 32],
    /// The index of the message in it.
    pub index: u64,
    /// The digest of the feed up to that message.
    pub digest: Digest,
}

/// The digest of a single block.
pub fn digest(block: &[u8]) -> Digest {
    Blake2b::<U16>::digest(block).into()
}

/// The digest of a feed with one more block; none is before the first.
pub fn chain(before: Option<Digest>, block: &Digest) -> Digest {
    let hash = Blake2b::<U16>::new().chain_update(before.unwrap_or_default());
    hash.chain_update(block).finalize().into()
}

/// The field of a message: `{"<feed>/<index>": "<digest>"}`, all in hex but the index.
pub(super) fn write(seen: &[Head]) -> BTreeMap<String, String> {
    let entry = |head: &Head| {
        let id = MessageId { feed: head.feed, index: head.index };
        (id.to_string(), HEX.encode(&head.digest))
    };
    seen.iter().take(SEEN_MAX).map(entry).collect()
}

/// Reads the field of anybody. What is no head is left out: the message can be read without it.
pub(super) fn read(field: &Value) -> Vec<Head> {
    let Value::Object(fields) = field else { return Vec::new() };
    let heads = fields.iter().filter_map(|(id, digest)| head(id, digest.as_str()?));
    heads.take(SEEN_MAX).collect()
}

fn head(id: &str, digest: &str) -> Option<Head> {
    let (feed, index) = id.split_once('/')?;
    let bytes = |text: &str| HEX.decode(text.as_bytes()).ok();
    Some(Head {
        feed: bytes(feed)?.try_into().ok()?,
        index: index.parse().ok()?,
        digest: bytes(digest)?.try_into().ok()?,
    })
}
