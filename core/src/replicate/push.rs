//! Blocks that a peer is sent before it wants them, which saves a round trip.
//!
//! Rule: only during the reconciliation, only to a peer that asked for it, one range of each feed
//! that follows the peer's blocks, and at most
//! [`Limits::push_bytes`](crate::Limits::push_bytes) in total: that is what can be wasted.

use crate::config::FRAME_BYTES_MAX_UNASKED;
use crate::wire::multifeed::{Hello, PUSHES};
use crate::wire::reconcile::Message;

/// Longest range message for a feed that the peer has not wanted. It goes alone into a frame.
pub(crate) const UNREQUESTED_RANGE_BYTES_MAX: usize = FRAME_BYTES_MAX_UNASKED / 4 * 3;

/// The push credit that a hello grants, in bytes.
pub(crate) fn granted(hello: &Hello, push_bytes: usize) -> u64 {
    if hello.features & PUSHES == 0 { 0 } else { push_bytes as u64 }
}

/// The number of feeds named last in a message that the receiver lacks completely. If both sides
/// had equal sets before, a message about changes has entries for new feeds only.
pub(crate) fn count_new(message: &Message, had_equal_sets: bool) -> usize {
    match message {
        Message::Different { entries, .. } | Message::Entries(entries) => entries.len(),
        Message::Changed { entries, .. } if had_equal_sets => entries.len(),
        _ => 0,
    }
}
