//! Proof that a peer knows the group's key (after hypercore `lib/caps.js`, `replicate`).
//!
//! Rule: the proof is bound to the connection and the role, so an echo or a replay proves nothing.

use subtle::ConstantTimeEq;

use crate::crypto::hash::{Hash, keyed, namespace};
use crate::group::Group;
use crate::id::Role;

/// The proof that the side of `role` sends.
pub(crate) fn capability(group: &Group, handshake_hash: &[u8; 64], role: Role) -> Hash {
    let index = match role {
        Role::Initiator => 1,
        Role::Responder => 2,
    };
    keyed(handshake_hash, &[&namespace("multifeed", index), group.key()])
}

/// Whether `received` is the proof that the side of `role` has to send.
pub(crate) fn is_capable(
    group: &Group,
    handshake_hash: &[u8; 64],
    role: Role,
    received: &Hash,
) -> bool {
    capability(group, handshake_hash, role).ct_eq(received).into()
}
