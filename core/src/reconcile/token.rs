//! Tokens: fixed-size values that represent items in a sketch.
//!
//! Rule: every value that a peer may choose passes a keyed hash before it enters a linear
//! structure. With raw keys a peer could make chosen items cancel each other.

use core::fmt;

use siphasher::sip::SipHasher24;

use crate::crypto::hash::{Hash, blake2b, keyed};
use crate::id::FeedKey;

/// Number of bits of an item's id.
pub(crate) const ID_BITS: u32 = 36;

const ID_MAX: u64 = (1 << ID_BITS) - 1;

/// Number of leading bits that the id of a head shares with the id of its feed. They identify the
/// feed among about four of a million, and two heads of one feed collide with probability 2^-18.
const LEAD_BITS: u32 = 18;

/// An element of one of the two sets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Item {
    /// A feed's discovery key.
    Key(Hash),
    /// A feed's discovery key, length and fork.
    Head(Hash, u64, u64),
}

/// Bytes of a key. The encoding of a head begins with the key.
const KEY_BYTES: usize = 32;

impl Item {
    /// The head of a feed with `length` blocks. All held feeds have fork 0.
    pub(crate) fn head(key: &FeedKey, length: u64) -> Self {
        Self::Head(key.0, length, 0)
    }

    /// The bytes to hash and their number: 32 for keys and 48 for heads, so both kinds never
    /// collide.
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

/// The key of the hash from items to tokens, shared by both sides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Salt {
    key: (u64, u64),
    id_mask: u64,
    lead_bits: u32,
}

impl Salt {
    /// The salt of one connection, unknown to everybody before the handshake. `attempt` yields
    /// further salts.
    pub(crate) fn fresh(handshake_hash: &[u8; 64], attempt: u8) -> Self {
        Self::of(&blake2b(&[b"multifeed/1 reconcile fresh", &[attempt], handshake_hash]))
    }

    /// The salt of a group, so that one sketch serves all peers. Members know it and can choose
    /// colliding items.
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

    /// The same salt with shorter ids, so that tests see collisions.
    #[cfg(test)]
    pub(crate) fn narrow(self, id_bits: u32) -> Self {
        // Keep the leading bits, because lookups use them.
        let id_mask = ID_MAX & !((1 << (ID_BITS - id_bits)) - 1);
        Self { id_mask, lead_bits: id_bits / 2, ..self }
    }

    /// The token of an item: 36 bits of SipHash-2-4 as id and 12 check bits of the id. The id of a
    /// head begins with its feed's leading bits.
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

    /// The leading bits that a head's id shares with its feed's id, and their number.
    pub(super) fn lead(&self, head: u64) -> (u64, u32) {
        (head >> (ID_BITS - self.lead_bits), self.lead_bits)
    }
}

impl fmt::Debug for Salt {
    /// Hides the key: with it, colliding items can be chosen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// 48 bits that represent an item: its id and check bits, which a sum of other tokens matches only
/// with probability 2^-12.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Token(u64);

impl Token {
    /// The token of an id; bits above [`ID_BITS`] are ignored.
    pub(crate) fn of_id(id: u64) -> Self {
        let id = id & ID_MAX;
        Self(id | check(id) << ID_BITS)
    }

    /// The token in a cell, if the cell looks like a single token.
    pub(crate) fn of_cell(cell: u64) -> Option<Self> {
        // The token of id 0 is not 0, so an empty cell is not a token.
        let token = Self::of_id(cell);
        (token.0 == cell).then_some(token)
    }

    pub(crate) fn id(self) -> u64 {
        self.0 & ID_MAX
    }

    /// The value that the token adds to a cell.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// 12 check bits that are not linear in the id. With a linear check every sum of tokens would
/// match.
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
