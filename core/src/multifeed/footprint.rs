//! Measures what peers make a multifeed hold.
//!
//! Rule: it counts what is stored and uses no counter, so a bound that is not enforced shows here.

use super::Multifeed;
use crate::footprint::{ConnectionFootprint, Footprint};
use crate::peer::connection::Connection;

impl Multifeed {
    /// Outputs that wait to be polled.
    #[doc(hidden)]
    pub fn waiting_outputs(&self) -> usize {
        self.outbox.waiting()
    }

    /// What peers make this multifeed hold at the moment.
    #[doc(hidden)]
    pub fn footprint(&self) -> Footprint {
        let (mut candidates, mut orphans) = (0, 0);
        for (id, _) in self.feeds.iter().filter(|(_, feed)| feed.is_candidate()) {
            let mut sessions = self.connections.values().filter_map(Connection::session);
            candidates += 1;
            orphans += usize::from(!sessions.any(|session| session.knows(id)));
        }
        let each = self.connections.values().map(Connection::footprint);
        Footprint {
            feeds: self.feeds.len(),
            candidates,
            orphans,
            unstored_bytes: self.outbox.unstored_bytes(),
            outputs: self.waiting_outputs(),
            requests: self.requests.open(),
            known_peers: self.sets.known.peers(),
            changes: self.sets.known.changes(),
            snapshot_bytes: self.sets.lent_bytes,
            partial_bytes: self.sets.partial_bytes,
            connection: each.fold(ConnectionFootprint::default(), ConnectionFootprint::max),
        }
    }
}
