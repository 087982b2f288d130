//! The claim of the initiator's sets in its hello, before the responder has proven that it is a
//! member.
//!
//! Rule: the claim is encrypted with a key that only members can derive, for one connection. Its
//! length reveals nothing to others.

use alloc::vec::Vec;

use crate::crypto::hash::{Hash, keyed, namespace};
use crate::crypto::seal;
use crate::group::Group;

/// A claim is padded to this length with zeros, which the receiver ignores. So the length reveals
/// neither the size of a count, up to 2^35 feeds, nor whether we know the peer.
const CLAIM_SIZE: usize = 35;

/// Encrypts the body of the initiator's claim for its hello. Call it once per connection.
pub fn seal_claim(group: &Group, handshake_hash: &[u8; 64], claim: &[u8]) -> Vec<u8> {
    let mut padded = claim.to_vec();
    padded.resize(claim.len().max(CLAIM_SIZE), 0);
    seal::seal(&key(group, handshake_hash), &padded)
}

/// Decrypts the claim in the initiator's hello; `None` if it was not encrypted by a member, or for
/// another connection.
pub fn open_claim(group: &Group, handshake_hash: &[u8; 64], sealed: &[u8]) -> Option<Vec<u8>> {
    seal::open(&key(group, handshake_hash), sealed)
}

fn key(group: &Group, handshake_hash: &[u8; 64]) -> Hash {
    keyed(handshake_hash, &[&namespace("multifeed", 3), group.key()])
}

#[cfg(test)]
mod tests;
