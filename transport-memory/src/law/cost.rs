//! What it may cost to bring blocks to those who lack them.
//!
//! Rule: the bounds are sums of what has a cause: a block that was delivered, a connection that
//! was made, a sign of life. How often a block may cross on the way is the topology's number.

use crate::link::PIECE_BYTES_MAX;

/// What honest nodes sent each other in a run, and what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Bytes that arrived over links between honest nodes.
    pub bytes: u64,
    /// Bytes that arrived over the others, where somebody lies.
    pub false_bytes: u64,
    /// Arrivals, replies of disks and syncs, of the whole world.
    pub events: u64,
    /// Blocks that became durable at a node that did not write them.
    pub blocks: u64,
    /// Their bytes.
    pub block_bytes: u64,
    /// Blocks that authors made durable.
    pub written: u64,
    /// The bytes of those, with their proofs.
    pub written_bytes: u64,
    /// Connections that were dialled, of the whole world.
    pub connections: u64,
    /// Those of them between honest nodes.
    pub honest_connections: u64,
    /// Feeds of honest authors.
    pub feeds: u64,
    /// Links.
    pub links: u64,
    /// Virtual time, in seconds.
    pub seconds: u64,
}

/// How often a block and its proof may cross links for each node that gets them: once, and again
/// where a connection broke under it, or it was pushed and came from elsewhere.
pub const CROSSINGS: u64 = 2;

/// A run of blocks has a signature of 64 bytes, its head and its place, and 34 bytes for each
/// node beside it; and each neighbour is told of it.
pub(crate) const PROOF_BYTES: u64 = 160;

/// Two hellos and two claims, under a handshake and two stream headers; if the sets differ, the
/// first cells of both sketches and what asks for more; and that both are settled.
const HELLO_BYTES: u64 = 800 + 80 + 2 * 260 + 2 * 42;

/// Naming a feed, by either side: its key, a number, a length, a fork.
const NAME_BYTES: u64 = 2 * 48;

/// A sign of life, sealed, and how often one is sent.
const KEEP_ALIVE_BYTES: u64 = 20;
const KEEP_ALIVE_SECONDS: u64 = 5;

/// What each block that becomes durable may take: its arrival, a sync, two reads where it is given
/// on, and what is said of it.
const EVENTS_PER_BLOCK: u64 = 5;

/// What a connection may take until both have listed what they hold.
const EVENTS_PER_CONNECTION: u64 = 40;

impl Cost {
    /// What was delivered, with its proofs: the unit that costs are counted in.
    pub fn delivered_bytes(&self) -> u64 {
        self.block_bytes + PROOF_BYTES * self.blocks
    }

    /// What connections cost that bring nothing, in bytes.
    fn upkeep_bytes(&self) -> u64 {
        let greetings = self.honest_connections * (HELLO_BYTES + NAME_BYTES * self.feeds);
        greetings + self.signs_of_life() * KEEP_ALIVE_BYTES
    }

    fn signs_of_life(&self) -> u64 {
        2 * self.links * (self.seconds / KEEP_ALIVE_SECONDS + 1)
    }

    /// The most bytes that the run may have sent, where a block may cross so often.
    pub fn bytes_max(&self, crossings: u64) -> u64 {
        crossings * self.delivered_bytes() + self.upkeep_bytes()
    }

    /// The most events that it may have taken, where streams are cut into pieces of about so many
    /// bytes.
    pub fn events_max(&self, crossings: u64, piece_bytes: Option<u64>) -> u64 {
        let blocks = crossings * EVENTS_PER_BLOCK * (self.blocks + self.written);
        let connections = self.connections * EVENTS_PER_CONNECTION;
        // Pieces of random lengths have half of it on average, and what is sent at a time, or fits
        // a pipe that is nearly full, may end in the middle of one.
        let bytes = self.bytes_max(crossings) + self.false_bytes;
        let pieces = piece_bytes.map_or(0, |piece| 4 * bytes / piece.max(1));
        // Blocks that are longer than what arrives at once arrive in several pieces all the same.
        let long = bytes / PIECE_BYTES_MAX as u64;
        blocks + connections + pieces + long + self.signs_of_life()
    }

    /// Bytes for each byte that was delivered, proofs included, in percent: what crossings are a
    /// bound of.
    pub fn percent(&self) -> u64 {
        let bytes = self.bytes.saturating_sub(self.upkeep_bytes());
        (100 * bytes).checked_div(self.delivered_bytes()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
