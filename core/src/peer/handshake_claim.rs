//! What the initiator says of its sets before it knows whether the responder is a member.
//!
//! Rule: it is sealed under a key that only members can make, and only for this connection; a
//! stranger gets bytes whose number tells nothing either.

use alloc::vec::Vec;

use crate::crypto::hash::{Hash, keyed, namespace};
use crate::crypto::seal;
use crate::group::Group;

/// A claim is filled up to here with zeros, which belong to no field of it and are ignored: so
/// its length tells neither of how many digits a count is, up to 2^35 feeds, nor whether we know
/// the peer.
const CLAIM_SIZE: usize = 35;

/// Seals the body of the initiator's claim, for its hello. Once for a connection.
pub fn seal_claim(group: &Group, handshake_hash: &[u8; 64], claim: &[u8]) -> Vec<u8> {
    let mut padded = claim.to_vec();
    padded.resize(claim.len().max(CLAIM_SIZE), 0);
    seal::seal(&key(group, handshake_hash), &padded)
}

/// Opens the claim in the initiator's hello; `None` if it was not sealed by a member, or for
/// another connection.
pub fn open_claim(group: &Group, handshake_hash: &[u8; 64], sealed: &[u8]) -> Option<Vec<u8>> {
    seal::open(&key(group, handshake_hash), sealed)
}

fn key(group: &Group, handshake_hash: &[u8; 64]) -> Hash {
    keyed(handshake_hash, &[&namespace("multifeed", 3), group.key()])
}

#[cfg(test)]
mod tests;
