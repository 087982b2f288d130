//! A hash of everything that happened.
//!
//! Rule: what is noted is what crossed a border, with its moment; two runs with equal traces did
//! the same.

use multifeed_core::crypto::hash::{Hash, blake2b};

/// Hashed at once: a hash for each event would cost as much as the event.
const CHUNK_BYTES: usize = 16 * 1024;

/// The running hash.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: Hash,
    chunk: Vec<u8>,
}

impl Trace {
    /// Notes one happening: its moment, what it was and where, and its bytes.
    pub(crate) fn note(&mut self, at: u64, what: u8, place: [u32; 2], bytes: &[u8]) {
        self.chunk.extend_from_slice(&at.to_le_bytes());
        self.chunk.push(what);
        self.chunk.extend_from_slice(&place[0].to_le_bytes());
        self.chunk.extend_from_slice(&place[1].to_le_bytes());
        // Its length tells where the bytes end, so that no two histories read alike.
        self.chunk.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.hash = blake2b(&[&self.hash, &self.chunk]);
            self.chunk.clear();
        }
    }

    /// The hash of all that was noted so far.
    pub(crate) fn hash(&self) -> Hash {
        blake2b(&[&self.hash, &self.chunk])
    }
}
