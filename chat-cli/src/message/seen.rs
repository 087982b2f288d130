//! Encodes the heads that an author had seen when writing a message.
//!
//! Rule: a head contains the digest of its feed up to that index. So a message cannot refer to a
//! later one, two messages cannot refer to each other, and the order by references has no cycles.

use std::collections::BTreeMap;

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest as _};
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::MessageId;

/// The most heads that a message refers to. Chosen: the latest heads are enough, as their authors
/// had seen the earlier ones.
pub const SEEN_MAX: usize = 8;

/// The digest of a feed from its first block up to an index: BLAKE2b, 16 bytes.
pub type Digest = [u8; 16];

/// The last message of a feed that the author had seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The key of the feed.
    pub feed: [u8; 32],
    /// The index of the message in it.
    pub index: u64,
    /// The digest of the feed up to that message.
    pub digest: Digest,
}

/// Returns the digest of a single block.
pub fn digest(block: &[u8]) -> Digest {
    Blake2b::<U16>::digest(block).into()
}

/// Returns the digest of a feed after one more block; `before` is `None` for the first block.
pub fn chain(before: Option<Digest>, block: &Digest) -> Digest {
    let hash = Blake2b::<U16>::new().chain_update(before.unwrap_or_default());
    hash.chain_update(block).finalize().into()
}

/// Encodes the heads as the field of a message: `{"<feed>/<index>": "<digest>"}`, in hex except
/// for the index.
pub(super) fn write(seen: &[Head]) -> BTreeMap<String, String> {
    let entry = |head: &Head| {
        let id = MessageId { feed: head.feed, index: head.index };
        (id.to_string(), HEX.encode(&head.digest))
    };
    seen.iter().take(SEEN_MAX).map(entry).collect()
}

/// Decodes the field of any author. Invalid heads are left out: the message can be read without
/// them.
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
