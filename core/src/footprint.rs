//! What peers make a multifeed hold, which tests compare with [`Limits`](crate::Limits).
//!
//! Rule: a footprint counts what is stored and uses no counter, so a bound that is not enforced
//! shows here.

/// Memory that peers make a multifeed hold.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Footprint {
    /// Feeds, including candidates.
    pub feeds: usize,
    /// Candidates: feeds that peers offered and that have no blocks here.
    pub candidates: usize,
    /// Candidates that no connected peer has named.
    pub orphans: usize,
    /// Received bytes of ranges that are not durable yet, of the peer with the most of them.
    pub unstored_bytes: u64,
    /// Outputs that wait to be polled.
    pub outputs: usize,
    /// Open requests of the application.
    pub requests: usize,
    /// Peers with a stored checkpoint.
    pub known_peers: usize,
    /// Changed feeds that are logged for those peers.
    pub changes: usize,
    /// Bytes of the snapshots that sessions use.
    pub snapshot_bytes: usize,
    /// Received bytes of incomplete reconciliation messages, of all peers.
    pub partial_bytes: usize,
    /// The maximum of each value over all connections.
    pub connection: ConnectionFootprint,
}

/// Memory that one peer makes us hold for its connection.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnectionFootprint {
    /// Received bytes of an incomplete frame.
    pub received_bytes: usize,
    /// Sealed bytes that were not pulled yet.
    pub sealed_bytes: usize,
    /// Bytes of ranges that are ready to be sealed.
    pub ready_bytes: usize,
    /// Ranges being read for the peer.
    pub reads: usize,
    /// Feeds being served to the peer.
    pub serves: usize,
    /// Feeds requested from the peer.
    pub wants: usize,
    /// Channels that the peer has open.
    pub channels: usize,
    /// Channels of the peer that wait to be rejected.
    pub rejects: usize,
    /// Candidates that count against the peer's alias credit or queued-offer credit.
    pub aliases: usize,
    /// Feeds that a reconciliation brought and that are not candidates yet.
    pub queued_offers: usize,
    /// Received bytes of an incomplete reconciliation message.
    pub part_bytes: usize,
    /// Feeds that either side named.
    pub peer_feeds: usize,
    /// The largest of the queues of announcements, wants, rejects and fork messages.
    pub unsent: usize,
    /// Hypercore channels.
    pub stock_channels: usize,
    /// Requests of the peer on them that wait or are being read.
    pub stock_requests: usize,
    /// Our open requests on the channel with the most of them.
    pub stock_asks: usize,
    /// Bytes of blocks that arrived on them out of order.
    pub stock_early_bytes: usize,
    /// Bytes of answers on them that are ready to be sealed.
    pub stock_ready_bytes: usize,
}

impl ConnectionFootprint {
    /// The larger of each pair of values.
    pub(crate) fn max(self, other: Self) -> Self {
        Self {
            received_bytes: self.received_bytes.max(other.received_bytes),
            sealed_bytes: self.sealed_bytes.max(other.sealed_bytes),
            ready_bytes: self.ready_bytes.max(other.ready_bytes),
            reads: self.reads.max(other.reads),
            serves: self.serves.max(other.serves),
            wants: self.wants.max(other.wants),
            channels: self.channels.max(other.channels),
            rejects: self.rejects.max(other.rejects),
            aliases: self.aliases.max(other.aliases),
            queued_offers: self.queued_offers.max(other.queued_offers),
            part_bytes: self.part_bytes.max(other.part_bytes),
            peer_feeds: self.peer_feeds.max(other.peer_feeds),
            unsent: self.unsent.max(other.unsent),
            stock_channels: self.stock_channels.max(other.stock_channels),
            stock_requests: self.stock_requests.max(other.stock_requests),
            stock_asks: self.stock_asks.max(other.stock_asks),
            stock_early_bytes: self.stock_early_bytes.max(other.stock_early_bytes),
            stock_ready_bytes: self.stock_ready_bytes.max(other.stock_ready_bytes),
        }
    }
}
