//! Tells new messages from those that were written before the user joined.
//!
//! Rule: bots answer new messages only. So a message is history if in doubt.

use super::Session;
use crate::lines::Arrival;
use crate::timeline::Entry;
use crate::timeline::key::Hlc;

impl Session {
    /// Returns whether a message that arrived while the room is open is new.
    ///
    /// After joining, everything is history until the first peer is in sync. Later, a message is
    /// history if it is older than the room here, by its own time and by its position: an author
    /// whose clock is slow writes new messages once it has seen one.
    pub fn arrival(&self, entry: &Entry) -> Arrival {
        if entry.id.feed == self.key.0 {
            return Arrival::Live;
        }
        let is_first_sync =
            self.was_empty && self.room.is_joined() && self.connections.peer_counts().synced == 0;
        let joined = self.room.created();
        let claimed = entry.content.chat().and_then(|chat| chat.time);
        let is_older = entry.hlc < Hlc::from_time(joined) && claimed.is_none_or(|at| at < joined);
        if is_first_sync || is_older { Arrival::Backfill } else { Arrival::Live }
    }
}
