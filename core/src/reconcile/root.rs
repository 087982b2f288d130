//! One value for a whole set of items, whatever the order they came in.
//!
//! Rule: only this says that two sets are equal. It is over whole keys, and too wide to be met by
//! planted items: sums of 256 bits are met in minutes (Wagner, "A Generalized Birthday Problem",
//! 2002), sums of 256 bits without carry in a millisecond.

use alloc::sync::Arc;
use alloc::vec::Vec;

use chacha20::ChaCha8;
use chacha20::cipher::{KeyIvInit, StreamCipher};

use super::token::Item;
use crate::crypto::hash::{blake2b, keyed};
use crate::feed::checkpoint::Digest;
use crate::id::Role;
use crate::wire::reconcile::RootMac;
use crate::wire::reconcile::SetKind;

/// LtHash of 1,024 sums of 16 bits (Lewi, Kim, Maykov and Weis, "Securing Update Propagation with
/// Homomorphic Hashing", 2019).
const SUMS: usize = 1_024;

/// Changes that are put off at most. A feed that appends a thousand times is two of them.
const PENDING_MAX: usize = 1_024;

/// The root of a set. A clone shares its sums until one of the two changes.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    sums: Arc<[u16; SUMS]>,
    /// Items that are still to be added so often, or taken off, where that is negative.
    pending: Vec<(Item, i32)>,
}

impl Root {
    /// The root of the empty set.
    pub(crate) fn empty() -> Self {
        Self { sums: Arc::new([0; SUMS]), pending: Vec::new() }
    }

    /// Adds an item that must not be in yet.
    pub(crate) fn insert(&mut self, item: Item) {
        self.defer(item, 1);
    }

    /// Takes an item off that must be in.
    pub(crate) fn remove(&mut self, item: Item) {
        self.defer(item, -1);
    }

    fn defer(&mut self, item: Item, times: i32) {
        self.pending.push((item, times));
        if self.pending.len() == PENDING_MAX {
            self.apply_pending();
            if self.pending.len() > PENDING_MAX / 2 {
                self.fold();
            }
        }
    }

    /// Leaves out what came and went.
    fn apply_pending(&mut self) {
        self.pending.sort_unstable();
        self.pending.dedup_by(|(item, times), (kept, sum)| {
            let is_same = item == kept;
            if is_same {
                *sum += *times;
            }
            is_same
        });
        self.pending.retain(|(_, times)| *times != 0);
    }

    /// Adds what was put off: a microsecond for each item.
    pub(crate) fn fold(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let sums = Arc::make_mut(&mut self.sums);
        let mut bytes = [0; 2 * SUMS];
        for (item, times) in self.pending.drain(..) {
            expand(&item, &mut bytes);
            for (sum, word) in sums.iter_mut().zip(bytes.chunks_exact(2)) {
                let word = u16::from_le_bytes([word[0], word[1]]);
                *sum = sum.wrapping_add(word.wrapping_mul(times as u16));
            }
        }
    }

    /// What `role` says of this set on one connection.
    pub(crate) fn mac(&mut self, handshake_hash: &[u8; 64], role: Role, set: SetKind) -> RootMac {
        let head = [role.number(), set as u8];
        let mac = keyed(handshake_hash, &[b"multifeed/1 root", &head, &self.bytes()]);
        *mac.first_chunk().expect("a hash has 32 bytes")
    }

    /// What both sides of a connection remember this set by.
    pub(crate) fn digest(&mut self) -> Digest {
        let hash = blake2b(&[b"multifeed/1 settled", &self.bytes()]);
        *hash.first_chunk().expect("a hash has 32 bytes")
    }

    fn bytes(&mut self) -> [u8; 2 * SUMS] {
        self.fold();
        let mut bytes = [0; 2 * SUMS];
        for (pair, sum) in bytes.chunks_exact_mut(2).zip(self.sums.iter()) {
            pair.copy_from_slice(&sum.to_le_bytes());
        }
        bytes
    }
}

/// An item as 1,024 numbers: the keystream of ChaCha8 under the item's hash.
///
/// Who plants items knows their keystreams and chooses among them by chance alone, for each is
/// under a hash. What has to hold is that they show no relation then, which is less than a cipher
/// promises; the best attack on ChaCha's secrecy reaches 7 rounds (Aumasson, "Too Much Crypto",
/// The roots of both sets.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    pub(crate) keys: Root,
    pub(crate) heads: Root,
}

impl Roots {
    pub(super) fn of(&mut self, set: SetKind) -> &mut Root {
        match set {
            SetKind::Keys => &mut self.keys,
            SetKind::Heads => &mut self.heads,
        }
    }
}

/// 2019), and BLAKE3, which is expanded in the same way, has 14 of them.
fn expand(item: &Item, into: &mut [u8; 2 * SUMS]) {
    let (bytes, length) = item.bytes();
    let seed = blake2b(&[b"multifeed/1 root item", &bytes[..length]]);
    into.fill(0);
    ChaCha8::new(&seed.into(), &[0; 12].into()).apply_keystream(into);
}

#[cfg(test)]
mod tests;
