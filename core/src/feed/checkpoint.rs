//! What two peers held when they were last in sync.
//!
//! Rule: plain values. `reconcile/known.rs` decides when a checkpoint is made and what it is worth.

use crate::crypto::hash::keyed;
use crate::crypto::sign::PublicKey;
use crate::id::Role;

/// One side's heads at one moment: the first 16 bytes of a hash of their root.
pub(crate) type Digest = [u8; 16];

/// Identifies a peer: the first 16 bytes of its static key.
pub(crate) type PeerTag = [u8; 16];

/// The tag of the peer with this static key.
pub(crate) fn peer_tag(remote: &PublicKey) -> PeerTag {
    *remote.0.first_chunk().expect("a key has 32 bytes")
}

/// The state in which two peers were in sync.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) ours: Digest,
    pub(crate) theirs: Digest,
    /// Number of changes that were logged before.
    pub(crate) position: u64,
}

impl Checkpoint {
    /// The tag that the side `role` sends for this checkpoint on one connection. Both sides compute
    /// the same tag only if they stored the same pair of digests.
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
