//! Invites to the rooms of a profile.

use std::net::SocketAddr;

use zeroize::Zeroizing;

use super::Profile;
use super::room::Room;
use crate::invite::Right;
use crate::invite::hints::Hints;

/// How much of the inviter's key an invite carries.
const FINGERPRINT_BYTES: usize = 8;

/// Whether an invite says who invites, and where that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteHints {
    /// It does.
    Included,
    /// It holds the key of the room alone.
    Omitted,
}

/// An invite to a room, from this user; `None` where there is none to give, as for an open room,
/// which needs none.
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
    // An address that means "any" or "whichever port" is of no use to somebody else.
    let dialled = listen.filter(|at| !at.ip().is_unspecified() && at.port() != 0);
    let hints = dialled.into_iter().fold(Hints::default(), Hints::with_address);
    let key = profile.identity().feed_key(&room.group());
    let (fingerprint, _) = key.0.split_first_chunk::<FINGERPRINT_BYTES>()?;
    room.invite(right, hints.with_inviter(*fingerprint)).map(|invite| invite.encode())
}
