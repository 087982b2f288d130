//! Which messages of a channel a window loads.

use crate::timeline::key::TimelineKey;

/// A page of messages of one channel.
#[derive(Clone, Copy, Debug)]
pub(super) enum Page {
    /// The last ones.
    Latest,
    /// Those before a position.
    Before(TimelineKey),
    /// Those after a position.
    After(TimelineKey),
    /// Those around a position.
    Around(TimelineKey),
}
