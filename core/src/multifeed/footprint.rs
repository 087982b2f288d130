//! What peers make a multifeed hold, so that tests can hold it against [`Limits`](crate::Limits).
//!
//! Rule: it counts what lies there, and asks no bookkeeping: a bound that is forgotten shows here.

use super::Multifeed;
use crate::peer::connection::Connection;

/// What peers make a multifeed hold.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Footprint {
    /// Feeds, those only heard of included.
    pub feeds: usize,
    /// Feeds that were heard of and of which nothing is held.
    pub heard_of: usize,
    /// Those of them that no connected peer has named.
    pub orphans: usize,
    /// Bytes of ranges that came and are not durable, of the peer that has most of them.
    pub unstored_bytes: u64,
    /// Outputs that wait to be polled.
    pub outputs: usize,
    /// Requests of the application that are not answered yet.
    pub requests: usize,
    /// Peers that are remembered.
    pub known_peers: usize,
    /// Feeds that have changed and are remembered for them.
    pub changes: usize,
    /// Bytes of snapshots that sessions work on.
    pub snapshot_bytes: usize,
    /// The most of each that any one connection holds.
    pub connection: ConnectionFootprint,
}

/// What one peer makes us hold for its connection.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnectionFootprint {
    /// Bytes that came and wait for the rest of their frame.
    pub received_bytes: usize,
    /// Bytes sealed for the peer and not pulled yet.
    pub sealed_bytes: usize,
    /// Bytes of ranges that are ready to be sealed.
    pub ready_bytes: usize,
    /// Ranges being read for the peer.
    pub reads: usize,
    /// Feeds being served to the peer.
    pub serves: usize,
    /// Feeds asked of the peer.
    pub wants: usize,
    /// Channels that the peer has open.
    pub channels: usize,
    /// Feeds that the peer named or told us of and that count against what it was granted.
    pub names: usize,
    /// Feeds that a reconciliation brought and that wait.
    pub heard: usize,
    /// Bytes of a message of a reconciliation that has not come to its end.
    pub part_bytes: usize,
    /// Feeds that either side named.
    pub edges: usize,
    /// The most of what is to be said or asked of feeds: announcements, wants, or noes.
    pub unsaid: usize,
    /// Hypercore's channels.
    pub stock_channels: usize,
    /// Requests on them that wait or are being read.
    pub stock_requests: usize,
    /// Requests of ours on the one of them that has most.
    pub stock_asks: usize,
    /// Bytes of blocks that came on them before those in front of them.
    pub stock_early_bytes: usize,
    /// Bytes of answers on them that are ready to be sealed.
    pub stock_ready_bytes: usize,
}

impl ConnectionFootprint {
    /// The larger of each.
    fn max(self, other: Self) -> Self {
        Self {
            received_bytes: self.received_bytes.max(other.received_bytes),
            sealed_bytes: self.sealed_bytes.max(other.sealed_bytes),
            ready_bytes: self.ready_bytes.max(other.ready_bytes),
            reads: self.reads.max(other.reads),
            serves: self.serves.max(other.serves),
            wants: self.wants.max(other.wants),
            channels: self.channels.max(other.channels),
            names: self.names.max(other.names),
            heard: self.heard.max(other.heard),
            part_bytes: self.part_bytes.max(other.part_bytes),
            edges: self.edges.max(other.edges),
            unsaid: self.unsaid.max(other.unsaid),
            stock_channels: self.stock_channels.max(other.stock_channels),
            stock_requests: self.stock_requests.max(other.stock_requests),
            stock_asks: self.stock_asks.max(other.stock_asks),
            stock_early_bytes: self.stock_early_bytes.max(other.stock_early_bytes),
            stock_ready_bytes: self.stock_ready_bytes.max(other.stock_ready_bytes),
        }
    }
}

impl Multifeed {
    /// Outputs that wait to be polled.
    #[doc(hidden)]
    pub fn waiting_outputs(&self) -> usize {
        self.outbox.waiting()
    }

    /// What peers make this multifeed hold at the moment.
    #[doc(hidden)]
    pub fn footprint(&self) -> Footprint {
        let (mut heard_of, mut orphans) = (0, 0);
        for (id, _) in self.feeds.iter().filter(|(_, feed)| feed.is_candidate()) {
            let mut sessions = self.connections.values().filter_map(Connection::session);
            heard_of += 1;
            orphans += usize::from(!sessions.any(|session| session.knows(id)));
        }
        let each = self.connections.values().map(Connection::footprint);
        Footprint {
            feeds: self.feeds.len(),
            heard_of,
            orphans,
            unstored_bytes: self.outbox.unstored_bytes(),
            outputs: self.waiting_outputs(),
            requests: self.requests.open(),
            known_peers: self.sets.known.peers(),
            changes: self.sets.known.changes(),
            snapshot_bytes: self.sets.lent_bytes,
            connection: each.fold(ConnectionFootprint::default(), ConnectionFootprint::max),
        }
    }
}
