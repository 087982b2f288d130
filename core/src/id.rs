//! Identifiers in the public API.
//!
//! Rule: an id is a plain number or key; it owns nothing and finds nothing.

use core::fmt;

use serde::{Deserialize, Serialize};

pub use crate::crypto::noise::Role;

/// One byte stream between two multifeeds, numbered by the driver of the core.
///
/// A number must not be used twice in the life of a [`Multifeed`](crate::Multifeed).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// One feed of a [`Multifeed`](crate::Multifeed), valid as long as that value lives.
///
/// It is the feed's slot in the store. Across restarts and peers its [`FeedKey`] identifies a
/// feed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FeedId(pub(crate) u32);

/// One request of the application, answered by exactly one [`Event`](crate::Event).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub(crate) u64);

/// The key of a feed: the hash of its manifest (hypercore `lib/verifier.js`, `manifestHash`).
///
/// It binds the author's public key to the group, so a feed belongs to one group by construction.
#[doc(alias = "core key")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedKey(pub [u8; 32]);

impl fmt::Display for FeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for FeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0[..4])
    }
}

/// Writes bytes as lower-case hexadecimal.
pub(crate) fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
