//! The root of a set: one hash that does not depend on the insertion order.
//!
//! Rule: only equal roots prove that two sets are equal. A root covers whole keys and is wide
//! enough that chosen items cannot produce a collision: for 256-bit sums that takes minutes
//! (Wagner, "A Generalized Birthday Problem", 2002), for 256-bit XOR a millisecond.

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

/// Maximum number of deferred changes. A thousand appends to one feed reduce to two.
const PENDING_MAX: usize = 1_024;

/// The root of a set. A clone shares its sums until one of the two changes.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    sums: Arc<[u16; SUMS]>,
    /// Deferred items with the number of times to add them; negative: to remove them.
    pending: Vec<(Item, i32)>,
}

impl Root {
    /// The root of the empty set.
    pub(crate) fn empty() -> Self {
        Self { sums: Arc::new([0; SUMS]), pending: Vec::new() }
    }

    /// Adds an item that is not in the set.
    pub(crate) fn insert(&mut self, item: Item) {
        self.defer(item, 1);
    }

    /// Removes an item that is in the set.
    pub(crate) fn remove(&mut self, item: Item) {
        self.defer(item, -1);
    }

    fn defer(&mut self, item: Item, times: i32) {
        self.pending.push((item, times));
        if self.pending.len() == PENDING_MAX {
            self.cancel_pending();
            if self.pending.len() > PENDING_MAX / 2 {
                self.fold();
            }
        }
    }

    /// Cancels deferred insertions against removals.
    fn cancel_pending(&mut self) {
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

    /// Applies the deferred changes: about 1 µs per item.
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

    /// The value that the side `role` sends for this set on one connection.
    pub(crate) fn mac(&mut self, handshake_hash: &[u8; 64], role: Role, set: SetKind) -> RootMac {
        let head = [role.number(), set as u8];
        let mac = keyed(handshake_hash, &[b"multifeed/1 root", &head, &self.bytes()]);
        *mac.first_chunk().expect("a hash has 32 bytes")
    }

    /// The digest that a checkpoint stores for this set.
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

/// Expands an item to 1,024 numbers: the keystream of ChaCha8 under the item's hash.
///
/// An attacker who chooses items knows their keystreams, but cannot influence them, because each
/// key is a hash. The keystreams only have to be unrelated, which is less than a cipher promises.
/// The best attack on ChaCha's secrecy reaches 7 rounds (Aumasson, "Too Much Crypto", 2019).
fn expand(item: &Item, into: &mut [u8; 2 * SUMS]) {
    let (bytes, length) = item.bytes();
    let seed = blake2b(&[b"multifeed/1 root item", &bytes[..length]]);
    into.fill(0);
    ChaCha8::new(&seed.into(), &[0; 12].into()).apply_keystream(into);
}

#[cfg(test)]
mod tests;
