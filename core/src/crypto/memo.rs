//! Signatures that were found valid, remembered for a simulation.
//!
//! Rule: what is remembered is that this key signed this message with this signature, each to the
//! bit. It spares a check and never decides one: with it and without, every answer is the same.

use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use super::hash::{Hash, blake2b};
use super::sign::{PublicKey, Signature, verify};

/// Most signatures that a [`SignatureMemo`] remembers: 2 MiB of them, enough for the heads that
/// are on their way at once among ten thousand simulated peers.
pub const SIGNATURES_REMEMBERED_MAX: usize = 1 << 16;

/// Places where a signature can stand. With four, one in a thousand is put out by others where a
/// sixth of the memo is in use; with one place it would be one in seven.
const WAYS: usize = 4;

/// Signatures that were found valid, for **simulators alone**.
///
/// A signed head that reaches a thousand simulated peers is checked once and not a thousand times,
/// if the configurations of all of them hold clones of one memo. A process that runs one multifeed
/// gains nothing by it: it verifies each head once as it is.
///
/// No signature passes that would not pass without it: only [`verify`] and a key pair fill it, and
/// an entry is a BLAKE2b-256 hash of key, message and signature. Invalid ones are not remembered,
/// and of more than [`SIGNATURES_REMEMBERED_MAX`] older ones are forgotten.
#[derive(Clone)]
pub struct SignatureMemo {
    sets: Arc<[[Place; WAYS]]>,
}

/// One fingerprint. Multifeeds on two threads may write one at once: what comes of it is the hash
/// of nothing, which no signature has.
type Place = [AtomicU32; 8];

impl SignatureMemo {
    /// A memo that remembers nothing yet.
    #[expect(clippy::new_without_default, reason = "the default is to have none")]
    pub fn new() -> Self {
        Self { sets: (0..SIGNATURES_REMEMBERED_MAX / WAYS).map(|_| Default::default()).collect() }
    }

    fn set(&self, fingerprint: &[u32; 8]) -> &[Place; WAYS] {
        &self.sets[fingerprint[0] as usize % self.sets.len()]
    }

    fn knows(&self, fingerprint: &[u32; 8]) -> bool {
        let is_it = |place: &Place| {
            place.iter().zip(fingerprint).all(|(at, part)| at.load(Ordering::Relaxed) == *part)
        };
        self.set(fingerprint).iter().any(is_it)
    }

    /// The oldest of its set makes room.
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

/// A key pair has just made this signature, so it is valid.
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

/// Key and signature have fixed lengths, so no two triples read alike.
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
