//! A cache of valid signatures for simulators.
//!
//! Rule: an entry states that this key signed this message with this signature, each exact. The
//! cache saves verifications and never changes a result.

use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use super::hash::{Hash, blake2b};
use super::sign::{PublicKey, Signature, verify};

/// Maximum number of entries of a [`SignatureMemo`]: 2 MiB, enough for the heads in flight among
/// ten thousand simulated peers.
pub const SIGNATURES_REMEMBERED_MAX: usize = 1 << 16;

/// Associativity of the cache. With a sixth of the cache in use, four ways lose one entry in a
/// thousand to collisions; one way would lose one in seven.
const WAYS: usize = 4;

/// A cache of valid signatures, for **simulators only**.
///
/// If the configurations of a thousand simulated peers hold clones of one memo, a head that reaches
/// all of them is verified once. A process with one multifeed gains nothing, because it verifies
/// each head once anyway.
///
/// It accepts no signature that [`verify`] rejects: only [`verify`] and signing add entries, and an
/// entry is a BLAKE2b-256 hash of key, message and signature. Invalid signatures are not cached. At
/// [`SIGNATURES_REMEMBERED_MAX`] entries, older ones are evicted.
#[derive(Clone)]
pub struct SignatureMemo {
    sets: Arc<[[CacheEntry; WAYS]]>,
}

/// One fingerprint. Two threads may write it at once; the result matches no signature.
type CacheEntry = [AtomicU32; 8];

impl SignatureMemo {
    /// An empty cache.
    #[expect(clippy::new_without_default, reason = "the default is to have none")]
    pub fn new() -> Self {
        Self { sets: (0..SIGNATURES_REMEMBERED_MAX / WAYS).map(|_| Default::default()).collect() }
    }

    fn set(&self, fingerprint: &[u32; 8]) -> &[CacheEntry; WAYS] {
        &self.sets[fingerprint[0] as usize % self.sets.len()]
    }

    fn knows(&self, fingerprint: &[u32; 8]) -> bool {
        let is_it = |place: &CacheEntry| {
            place.iter().zip(fingerprint).all(|(at, part)| at.load(Ordering::Relaxed) == *part)
        };
        self.set(fingerprint).iter().any(is_it)
    }

    /// Adds an entry and evicts the oldest of its set.
    fn remember(&self, fingerprint: &[u32; 8]) {
        let mut newer = *fingerprint;
        for place in self.set(fingerprint) {
            for (at, part) in place.iter().zip(&mut newer) {
                *part = at.swap(*part, Ordering::Relaxed);
            }
        }
    }
}

/// Whether `signature` is that of `key` under `message`, as [`verify`] says.
pub(crate) fn verify_once(
    memo: Option<&SignatureMemo>,
    key: &PublicKey,
    message: &[u8],
    signature: &Signature,
) -> bool {
    let Some(memo) = memo else { return verify(key, message, signature) };
    let fingerprint = fingerprint(key, message, signature);
    if memo.knows(&fingerprint) {
        return true;
    }
    let is_valid = verify(key, message, signature);
    if is_valid {
        memo.remember(&fingerprint);
    }
    is_valid
}

/// Adds a signature that was just made, and is therefore valid.
pub(crate) fn remember_own(
    memo: Option<&SignatureMemo>,
    key: &PublicKey,
    message: &[u8],
    signature: &Signature,
) {
    if let Some(memo) = memo {
        memo.remember(&fingerprint(key, message, signature));
    }
}

/// Key and signature have fixed lengths, so two different triples have different encodings.
fn fingerprint(key: &PublicKey, message: &[u8], signature: &Signature) -> [u32; 8] {
    let hash: Hash = blake2b(&[b"valid signature", &key.0, &signature.0, message]);
    let mut parts = [0; 8];
    for (part, bytes) in parts.iter_mut().zip(hash.as_chunks().0) {
        *part = u32::from_le_bytes(*bytes);
    }
    parts
}

impl fmt::Debug for SignatureMemo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureMemo").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
