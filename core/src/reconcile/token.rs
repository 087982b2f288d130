//! Tokens: what stands for an item in a sketch.
//!
//! Rule: whatever a peer chose passes a keyed hash here before it enters a linear structure; raw
//! keys in one cancel at the peer's will.

use core::fmt;

use siphasher::sip::SipHasher24;

use crate::crypto::hash::{Hash, blake2b, keyed};
use crate::id::FeedKey;

/// Bits of a token that are the item's id.
pub(crate) const ID_BITS: u32 = 36;

const ID_MAX: u64 = (1 << ID_BITS) - 1;

/// Bits that the id of a head begins with and that are those of its feed's: so whoever knows the
/// id finds the feed among four of a million, and two heads of a feed meet once in 2^18.
const LEAD_BITS: u32 = 18;

/// An element of one of the two sets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Item {
    /// A feed, by its discovery key.
    Key(Hash),
    /// A feed, by its discovery key, with its length and its fork.
    Head(Hash, u64, u64),
}

/// Bytes of a key, which those of a head begin with.
const KEY_BYTES: usize = 32;

impl Item {
    /// The element of the set of heads for a feed of `length` blocks. The fork of every feed that we hold is 0.
    pub(crate) fn head(key: &FeedKey, length: u64) -> Self {
        Self::Head(key.0, length, 0)
    }

    /// The bytes that are hashed, and how many of them count: 32 or 48, so the two kinds never
    /// meet.
    pub(super) fn bytes(&self) -> ([u8; 48], usize) {
        let mut bytes = [0; 48];
        match self {
            Self::Key(key) => {
                bytes[..KEY_BYTES].copy_from_slice(key);
                (bytes, KEY_BYTES)
            }
            Self::Head(key, length, fork) => {
                bytes[..32].copy_from_slice(key);
                bytes[32..40].copy_from_slice(&length.to_le_bytes());
                bytes[40..].copy_from_slice(&fork.to_le_bytes());
                (bytes, 48)
            }
        }
    }
}

/// What both sides key the tokens of a sketch with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Salt {
    key: (u64, u64),
    id_mask: u64,
    lead_bits: u32,
}

impl Salt {
    /// Of one connection: nobody knew it before the handshake. A connection that needs another
    /// one counts `attempt` up.
    pub(crate) fn fresh(handshake_hash: &[u8; 64], attempt: u8) -> Self {
        Self::of(&blake2b(&[b"multifeed/1 reconcile fresh", &[attempt], handshake_hash]))
    }

    /// Of a group: one sketch serves every peer. Members know it, so they can plant collisions.
    pub(crate) fn group(group_key: &[u8; 32]) -> Self {
        Self::of(&keyed(group_key, &[b"multifeed/1 reconcile"]))
    }

    fn of(hash: &Hash) -> Self {
        let word = |at: usize| {
            let bytes = hash[at..at + 8].try_into().expect("8 bytes of a hash");
            u64::from_le_bytes(bytes)
        };
        Self { key: (word(0), word(8)), id_mask: ID_MAX, lead_bits: LEAD_BITS }
    }

    /// The same with ids of fewer bits, so that they collide.
    #[cfg(test)]
    pub(crate) fn narrow(self, id_bits: u32) -> Self {
        // The leading bits stay, for they are what an id is looked up by.
        let id_mask = ID_MAX & !((1 << (ID_BITS - id_bits)) - 1);
        Self { id_mask, lead_bits: id_bits / 2, ..self }
    }

    /// The token of an item: 36 bits of SipHash-2-4 as its id, and 12 of check on the id. The id
    /// of a head begins like its feed's.
    pub(crate) fn token(&self, item: &Item) -> Token {
        let (bytes, length) = item.bytes();
        let hash = |length: usize| {
            SipHasher24::new_with_keys(self.key.0, self.key.1).hash(&bytes[..length])
        };
        let low = ID_MAX >> self.lead_bits;
        let id = match item {
            Item::Key(_) => hash(length),
            Item::Head(..) => hash(KEY_BYTES) & !low | hash(length) & low,
        };
        Token::of_id(id & self.id_mask)
    }

    /// What the id of a head says of its feed's: so many leading bits of it.
    pub(super) fn lead(&self, head: u64) -> (u64, u32) {
        (head >> (ID_BITS - self.lead_bits), self.lead_bits)
    }
}

impl fmt::Debug for Salt {
    /// Shows nothing: whoever knows a salt can plant collisions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// 48 bits that stand for an item: its id, and a check that no sum of other tokens fits but by
/// chance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Token(u64);

impl Token {
    /// The token of an id; bits above [`ID_BITS`] do not count.
    pub(crate) fn of_id(id: u64) -> Self {
        let id = id & ID_MAX;
        Self(id | check(id) << ID_BITS)
    }

    /// What a cell would hold if it holds one token.
    pub(crate) fn of_cell(cell: u64) -> Option<Self> {
        // The token of id 0 is not 0, so an empty cell is never taken for a token.
        let token = Self::of_id(cell);
        (token.0 == cell).then_some(token)
    }

    pub(crate) fn id(self) -> u64 {
        self.0 & ID_MAX
    }

    /// What a cell holds of this token.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// 12 bits that are not linear in the id: with linear ones every sum of tokens would fit.
fn check(id: u64) -> u64 {
    mix(id ^ 0x5bf0_3635_dca1_ea1d) >> 52
}

/// The finisher of splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014).
pub(super) fn mix(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests;
