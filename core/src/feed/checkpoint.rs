//! What two peers held when they were last in sync.
//!
//! Rule: plain values. `reconcile/known.rs` decides when a checkpoint is made and what it is worth.

use crate::crypto::hash::keyed;
use crate::crypto::sign::PublicKey;
use crate::id::Role;

/// What a side's heads are at one moment: a part of a hash of their root.
pub(crate) type Digest = [u8; 16];

/// A peer, by the beginning of its static key.
pub(crate) type PeerTag = [u8; 16];

/// The name of a peer.
pub(crate) fn peer_tag(remote: &PublicKey) -> PeerTag {
    *remote.0.first_chunk().expect("a key has 32 bytes")
}

/// Two sides that knew all of each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) ours: Digest,
    pub(crate) theirs: Digest,
    /// How many changes were logged before.
    pub(crate) position: u64,
}

impl Checkpoint {
    /// What `role` says of the mark on one connection; both sides have to mean the same two sets.
    pub(crate) fn tag(&self, handshake_hash: &[u8; 64], us: Role, role: Role) -> [u8; 8] {
        let (initiator, responder) = match us {
            Role::Initiator => (&self.ours, &self.theirs),
            Role::Responder => (&self.theirs, &self.ours),
        };
        let role = [role.number()];
        let tag = keyed(handshake_hash, &[b"multifeed/1 known", &role, initiator, responder]);
        *tag.first_chunk().expect("a hash has 32 bytes")
    }
}
