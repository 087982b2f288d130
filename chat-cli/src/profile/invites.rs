//! Creates invites to the rooms of a profile.

use std::net::SocketAddr;

use zeroize::Zeroizing;

use super::Profile;
use super::room::Room;
use crate::invite::Right;
use crate::invite::hints::Hints;

/// How much of the inviter's key an invite contains. Chosen: 64 bits identify the inviter in a
/// room and keep the invite short. It is a hint, not a proof.
const FINGERPRINT_BYTES: usize = 8;

/// Whether an invite contains the inviter and an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteHints {
    /// With hints.
    Included,
    /// The key of the room only.
    Omitted,
}

/// Returns an invite to a room from this user; `None` if there is none, as for an open room.
pub fn invite_text(
    profile: &Profile,
    room: &Room,
    listen: Option<SocketAddr>,
    right: Right,
    hints: InviteHints,
) -> Option<Zeroizing<String>> {
    if hints == InviteHints::Omitted {
        return room.invite_without_hints(right).map(|invite| invite.encode());
    }
    // A wildcard address or port is useless to other machines.
    let dialled = listen.filter(|at| !at.ip().is_unspecified() && at.port() != 0);
    let hints = dialled.into_iter().fold(Hints::default(), Hints::with_address);
    let key = profile.identity().feed_key(&room.group());
    let (fingerprint, _) = key.0.split_first_chunk::<FINGERPRINT_BYTES>()?;
    room.invite(right, hints.with_inviter(*fingerprint)).map(|invite| invite.encode())
}
