//! Defines the rights to a room, and derives its keys.
//!
//! ```text
//!  room secret ──▶ group key ──▶ topic, feeds, connections, the id of the room's folder
//!       └────────▶ content key ──▶ messages
//! ```
//!
//! Rule: the content key is derived from the secret only. A relay has only the group key, so it
//! can store and forward blocks but not read them.

use std::fmt;

use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{FixedOutput, KeyInit, Update};
use multifeed_core::Group;
use zeroize::Zeroizing;

use crate::envelope::Envelope;
use crate::invite::{Right, decode_symbols, encode_symbols};

const ID_CHARS: usize = 8;
const ID_SECRET_DOMAIN: &[u8] = b"multichat/1/room-id/secret";
const ID_OPEN_DOMAIN: &[u8] = b"multichat/1/room-id/open\0\0";
const GROUP_DOMAIN: &[u8] = b"multichat/1/group";
const CONTENT_DOMAIN: &[u8] = b"multichat/1/content";

/// 32 secret bytes, wiped when dropped.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// The name of a room's folder: 40 bits of a hash in z-base-32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId([u8; ID_CHARS]);

impl RoomId {
    /// Parses an id; any other text gives `None`.
    pub fn parse(text: &str) -> Option<Self> {
        decode_symbols(text).filter(|bytes| bytes.len() == 5)?;
        text.as_bytes().try_into().ok().map(Self)
    }

    /// Returns the eight characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("an id is made of z-base-32 symbols")
    }

    /// Derives the id. It is a hash, because ids are visible and must not reveal the key. It
    /// depends on the group key, so a relay that becomes readable keeps its folder.
    pub(super) fn of(access: &Access) -> Self {
        let hash = match access {
            Access::Open { name } => keyed_hash(ID_OPEN_DOMAIN, name.as_bytes()),
            _ => keyed_hash(ID_SECRET_DOMAIN, access.group().key()),
        };
        let text = encode_symbols(&hash[..5]);
        Self(text.as_bytes().try_into().expect("five bytes are eight symbols"))
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn keyed_hash(domain: &[u8], data: &[u8]) -> Key {
    let mut hash = Blake2bMac::<U32>::new_from_slice(domain).expect("domains are short keys");
    hash.update(data);
    let mut out = Zeroizing::new([0; 32]);
    hash.finalize_into((&mut *out).into());
    out
}

/// The right to a room.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// The room's secret, as in a member's invite: reading and writing.
    Secret(Zeroizing<[u8; 32]>),
    /// The group key only, as in a relay invite: storing and forwarding.
    Seed(Zeroizing<[u8; 32]>),
    /// The name, which anyone may know. Exactly as typed, because the topic is its hash.
    Open {
        /// The name from which the topic is derived.
        name: String,
    },
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret",
            Self::Seed(_) => "Seed",
            Self::Open { .. } => "Open",
        })
    }
}

impl Access {
    /// Creates the right that an invite grants.
    pub(super) fn of(right: Right, key: &[u8; 32]) -> Self {
        match right {
            Right::Member => Self::Secret(Zeroizing::new(*key)),
            Right::Seeder => Self::Seed(Zeroizing::new(*key)),
        }
    }

    /// Returns the key of an invite with this right; `None` if there is none.
    pub(super) fn key_for(&self, right: Right) -> Option<Key> {
        match (self, right) {
            (Self::Secret(secret), Right::Member) => Some(secret.clone()),
            (Self::Secret(secret), Right::Seeder) => Some(keyed_hash(GROUP_DOMAIN, &secret[..])),
            (Self::Seed(group), Right::Seeder) => Some(group.clone()),
            (Self::Seed(_), Right::Member) | (Self::Open { .. }, _) => None,
        }
    }

    /// Returns the group of the room's feeds.
    pub(super) fn group(&self) -> Group {
        match self {
            Self::Secret(secret) => Group::keyed(*keyed_hash(GROUP_DOMAIN, &secret[..])),
            Self::Seed(group) => Group::keyed(**group),
            Self::Open { name } => Group::open(name),
        }
    }

    /// Returns the envelope of the room's messages.
    pub(super) fn envelope(&self) -> Envelope {
        match self {
            Self::Secret(secret) => Envelope::sealed(keyed_hash(CONTENT_DOMAIN, &secret[..])),
            Self::Seed(_) => Envelope::NoKey,
            Self::Open { .. } => Envelope::Plain,
        }
    }

    /// Returns whether this is the secret of the group that `other` only relays.
    pub(super) fn unlocks(&self, other: &Self) -> bool {
        let (Self::Secret(_), Self::Seed(kept)) = (self, other) else { return false };
        // Ids have only 40 bits and can be made to collide, so the keys are compared.
        *self.group().key() == **kept
    }
}

#[cfg(test)]
mod tests;
