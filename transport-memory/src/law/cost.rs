//! What it may cost to deliver blocks.
//!
//! Rule: each bound is a sum over causes: delivered blocks, connections, keep-alives. How often a
//! block may cross links on its way depends on the topology.

use crate::link::PIECE_BYTES_MAX;

/// What honest nodes sent to each other in a run, and the result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Bytes that arrived over links between honest nodes.
    pub bytes: u64,
    /// Bytes that arrived over links of adversaries.
    pub adversary_bytes: u64,
    /// Arrivals, disk replies and syncs of the whole world.
    pub events: u64,
    /// Blocks that became durable at a node that did not write them.
    pub blocks: u64,
    /// Their bytes.
    pub block_bytes: u64,
    /// Blocks that authors made durable.
    pub written: u64,
    /// Their bytes, with proofs.
    pub written_bytes: u64,
    /// Connections dialled in the whole world.
    pub connections: u64,
    /// Those between honest nodes.
    pub honest_connections: u64,
    /// Feeds of honest authors.
    pub feeds: u64,
    /// Links.
    pub links: u64,
    /// Virtual time in seconds.
    pub seconds: u64,
}

/// How often a block and its proof may cross links for each node that stores them: once, and again
/// if its connection broke or if it was pushed and also arrived from another peer.
pub const CROSSINGS: u64 = 2;

/// A run of blocks has a signature of 64 bytes, its head and position, and 34 bytes per sibling
/// node; and each neighbour is sent its new head.
pub(crate) const PROOF_BYTES: u64 = 160;

/// Two hellos and two claims, a handshake and two stream headers; for differing sets, the first
/// cells of both sketches and the request for more; and both checkpoints.
const HELLO_BYTES: u64 = 800 + 80 + 2 * 260 + 2 * 42;

/// Introducing a feed, from either side: key, alias, length, fork.
const NAME_BYTES: u64 = 2 * 48;

/// Size of an encrypted keep-alive, and how often one is sent.
const KEEP_ALIVE_BYTES: u64 = 20;
const KEEP_ALIVE_SECONDS: u64 = 5;

/// Events per block that becomes durable: its arrival, a sync, two reads to forward it, and its
/// announcement.
const EVENTS_PER_BLOCK: u64 = 5;

/// Events per connection until both sides have listed their feeds.
const EVENTS_PER_CONNECTION: u64 = 40;

impl Cost {
    /// Bytes of delivered blocks with their proofs: the unit of cost.
    pub fn delivered_bytes(&self) -> u64 {
        self.block_bytes + PROOF_BYTES * self.blocks
    }

    /// The cost in bytes of connections that deliver nothing.
    fn upkeep_bytes(&self) -> u64 {
        let greetings = self.honest_connections * (HELLO_BYTES + NAME_BYTES * self.feeds);
        greetings + self.keep_alives() * KEEP_ALIVE_BYTES
    }

    fn keep_alives(&self) -> u64 {
        2 * self.links * (self.seconds / KEEP_ALIVE_SECONDS + 1)
    }

    /// The most bytes that the run may send if each block may cross links this often.
    pub fn bytes_max(&self, crossings: u64) -> u64 {
        crossings * self.delivered_bytes() + self.upkeep_bytes()
    }

    /// The most events that the run may take if streams are cut into pieces of about this size.
    pub fn events_max(&self, crossings: u64, piece_bytes: Option<u64>) -> u64 {
        let blocks = crossings * EVENTS_PER_BLOCK * (self.blocks + self.written);
        let connections = self.connections * EVENTS_PER_CONNECTION;
        // Pieces of random lengths have half of it on average, and a write, or the free space of a
        // nearly full pipe, may end within a piece.
        let bytes = self.bytes_max(crossings) + self.adversary_bytes;
        let pieces = piece_bytes.map_or(0, |piece| 4 * bytes / piece.max(1));
        // A block that is longer than the largest piece arrives in several pieces anyway.
        let long = bytes / PIECE_BYTES_MAX as u64;
        blocks + connections + pieces + long + self.keep_alives()
    }

    /// Bytes sent per byte delivered, proofs included, in percent; `crossings` bounds it.
    pub fn percent(&self) -> u64 {
        let bytes = self.bytes.saturating_sub(self.upkeep_bytes());
        (100 * bytes).checked_div(self.delivered_bytes()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
