//! Identifiers in the public API.
//!
//! Rule: an id is a plain number or key; it owns nothing and finds nothing.

use core::fmt;
use core::num::ParseIntError;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

pub use crate::crypto::noise::Role;
use crate::hex::{self, key_as_text};

/// One byte stream between two multifeeds, numbered by the driver of the core.
///
/// A number must not be used twice in the life of a [`Multifeed`](crate::Multifeed).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

/// One feed of one [`Multifeed`](crate::Multifeed) value.
///
/// An id means the same feed as long as that value lives. After the feed was
/// [removed](crate::Multifeed::remove) its id means no feed: a call with it returns
/// [`Misuse::UnknownFeed`](crate::Misuse::UnknownFeed), or concerns the same feed if that came
/// back. Across restarts and peers its [`FeedKey`] identifies a feed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct FeedId {
    /// The feed's slot in the store.
    pub(crate) slot: u32,
    /// Tells apart the feeds that have the slot one after another.
    pub(crate) generation: u32,
}

impl FeedId {
    /// The first feed that has a slot in the life of a multifeed, as one that the store had.
    pub(crate) const fn first(slot: u32) -> Self {
        Self { slot, generation: 0 }
    }
}

impl From<u64> for FeedId {
    /// The id of the number that [`u64::from`] makes of it.
    fn from(number: u64) -> Self {
        Self { slot: number as u32, generation: (number >> 32) as u32 }
    }
}

impl From<FeedId> for u64 {
    fn from(FeedId { slot, generation }: FeedId) -> Self {
        Self::from(generation) << 32 | Self::from(slot)
    }
}

/// One request of the application, answered by exactly one [`Event`](crate::Event).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RequestId(pub(crate) u64);

/// Implements the text form of an id that is a number.
macro_rules! number_as_text {
    ($id:ident) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $id {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number_as_text!(ConnectionId);
number_as_text!(RequestId);

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        u64::from(*self).fmt(f)
    }
}

impl FromStr for FeedId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|number: u64| number.into())
    }
}

/// The key of a feed: the hash of its manifest (hypercore `lib/verifier.js`, `manifestHash`).
///
/// It binds the author's public key to the group, so a feed belongs to one group by construction.
#[doc(alias = "core key")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedKey(pub [u8; 32]);

key_as_text!(FeedKey);

impl fmt::Debug for FeedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0[..4])
    }
}

/// Names a feed by its id or by its key: what calls that concern one feed take.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FeedSelector {
    /// The feed with this id.
    Id(FeedId),
    /// The feed with this key.
    Key(FeedKey),
}

impl From<FeedId> for FeedSelector {
    fn from(id: FeedId) -> Self {
        Self::Id(id)
    }
}

impl From<FeedKey> for FeedSelector {
    fn from(key: FeedKey) -> Self {
        Self::Key(key)
    }
}

impl From<&FeedKey> for FeedSelector {
    fn from(key: &FeedKey) -> Self {
        Self::Key(*key)
    }
}

#[cfg(test)]
mod tests;
