//! What a node may hold for its peers.
//!
//! Rule: every number of a footprint has its bound here, computed from [`Limits`] alone.

use multifeed_core::wire::frame::FRAME_SIZE_MAX;
use multifeed_core::{ConnectionFootprint, FRAME_BYTES_MAX_EARLY, Footprint, Limits};

/// Length prefix of a frame.
const FRAME_HEAD_BYTES: usize = 3;

/// In addition to its blocks, a range has a signature and at most two nodes for each bit of a
/// length.
const PROOF_BYTES_MAX: usize = 64 * 1024;

/// The first number that exceeds its bound.
pub(crate) fn exceeded(held: &Footprint, limits: &Limits, connections: usize) -> Option<Excess> {
    let unstored = usize::try_from(held.unstored_bytes).unwrap_or(usize::MAX);
    // Reconciliation may add as many aliases as offers may.
    let names = 2 * limits.aliases as usize;
    let all = [
        ("feeds", held.feeds, limits.feeds),
        ("feeds heard of", held.candidates, connections.saturating_mul(names)),
        ("feeds that nobody connected named", held.orphans, 0),
        ("bytes not stored yet", unstored, limits.window_bytes),
        ("outputs left after a turn", held.outputs, 0),
        ("open requests", held.requests, limits.requests),
        ("known peers", held.known_peers, limits.known_peers),
        ("changes remembered", held.changes, limits.known_changes),
        ("bytes of snapshots", held.snapshot_bytes, limits.snapshot_bytes),
        ("bytes of incomplete messages", held.partial_bytes, limits.partial_bytes),
    ];
    let of_one = of_one(&held.connection, held.feeds, limits);
    let mut over = all.into_iter().chain(of_one).filter(|(_, found, most)| found > most);
    over.next().map(|(what, found, most)| Excess { what, found, most })
}

/// The numbers of the connection that holds most.
fn of_one(
    held: &ConnectionFootprint,
    feeds: usize,
    limits: &Limits,
) -> [(&'static str, usize, usize); 18] {
    let is_stock = limits.hypercore_channels > 0;
    let frame = if is_stock { FRAME_SIZE_MAX } else { limits.frame_bytes } + FRAME_HEAD_BYTES;
    // The group's and hypercore's.
    let channels = 1 + limits.hypercore_channels;
    // A block per read, with its proof.
    let stock_ready = limits.send_bytes + limits.reads * (limits.block_bytes + PROOF_BYTES_MAX);
    // A range has at least one block; the number of concurrent reads fits what may be ready.
    let range = limits.range_bytes.max(limits.block_bytes) + PROOF_BYTES_MAX;
    let reads = limits.reads.min(limits.send_bytes.div_ceil(limits.range_bytes.max(1)));
    let ready = limits.send_bytes + reads * range;
    [
        ("bytes of a frame", held.received_bytes, frame),
        ("bytes sealed", held.sealed_bytes, frame + FRAME_BYTES_MAX_EARLY),
        ("bytes of ranges ready", held.ready_bytes, ready),
        ("ranges being read", held.reads, limits.reads),
        ("feeds being served", held.serves, limits.serves),
        ("feeds asked for", held.wants, limits.wants),
        ("channels", held.channels, channels),
        ("channels to be rejected", held.rejects, limits.channels),
        ("names on grant", held.aliases, 2 * limits.aliases as usize),
        ("feeds that wait", held.queued_offers, 2 * 65_536),
        ("bytes of a part", held.part_bytes, limits.reconcile_bytes),
        ("feeds named", held.peer_feeds, feeds),
        ("feeds with something to be said", held.unsent, 2 * feeds),
        ("stock channels", held.stock_channels, 2 * limits.hypercore_channels),
        ("stock requests", held.stock_requests, limits.hypercore_requests + limits.reads),
        ("requests of ours on a stock channel", held.stock_asks, limits.hypercore_fetches),
        ("bytes of blocks that came early", held.stock_early_bytes, limits.window_bytes),
        ("bytes of answers ready", held.stock_ready_bytes, stock_ready),
    ]
}

/// A number that exceeds its bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Excess {
    pub(crate) what: &'static str,
    pub(crate) found: usize,
    pub(crate) most: usize,
}

#[cfg(test)]
mod tests;
