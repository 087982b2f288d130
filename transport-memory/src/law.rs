//! The laws, checked after every event.
//!
//! Rule: they know what authors signed and look at disks and wires from outside; what a multifeed
//! says of itself is held against that.

pub(crate) mod bounds;
pub(crate) mod cost;
mod oracle;
mod synced;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use multifeed_core::{ConnectionId, FeedKey, Instant, PublicKey, Write};

use crate::disk::{Put, Record, put_of};
use crate::node::NodeId;
pub use cost::{CROSSINGS, Cost};
use oracle::Oracle;
use synced::Meetings;

#[cfg(test)]
mod tests;

/// Broken laws that are kept; the first one tells most.
const BROKEN_MAX: usize = 1_000;

/// What must hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Law {
    /// Once faults stop, connected nodes come to hold the same.
    Convergence,
    /// What was said to be durable is there after every crash.
    Durability,
    /// What is stored is what its author signed.
    NoForgery,
    /// A copy of a feed is a beginning of its author's, and never gets shorter.
    Prefix,
    /// No author's two histories are ever seen by others.
    NoEquivocation,
    /// A node announces only what is durable on its disk.
    DurableFirst,
    /// A node holds no more for its peers than its limits allow.
    Bounds,
    /// Who says that it is in sync is.
    Synced,
    /// Who does not know the group's key is not let in.
    Membership,
    /// When nothing changes, signs of life are all that is sent.
    Silence,
    /// What is sent has a cause: a block that is delivered, a connection, a sign of life.
    Bytes,
    /// What happens has a cause, as what is sent.
    Events,
    /// What a peer sends is answered by no more than its own length allows.
    Answers,
    /// Timers move on, and a world comes to rest.
    NoLivelock,
    /// An honest connection is not closed for anybody's fault.
    Isolation,
    /// A node that is started anew from its disk holds the same.
    Restart,
    /// One seed has one history.
    Replay,
    /// Blocks are told to the application in their order, once.
    Order,
    /// The blocks that can be read back are those that are held.
    Readable,
    /// Of a feed that was removed nothing is left.
    Gone,
    /// Of a feed of two histories everybody who holds it knows.
    Forks,
}

impl Law {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Convergence => "convergence",
            Self::Durability => "durability",
            Self::NoForgery => "no_forgery",
            Self::Prefix => "prefix",
            Self::NoEquivocation => "no_equivocation",
            Self::DurableFirst => "durable_first",
            Self::Bounds => "bounds",
            Self::Synced => "synced",
            Self::Membership => "membership",
            Self::Silence => "silence",
            Self::Bytes => "bytes",
            Self::Events => "events",
            Self::Answers => "answers",
            Self::NoLivelock => "no_livelock",
            Self::Isolation => "isolation",
            Self::Restart => "restart",
            Self::Replay => "replay",
            Self::Order => "order",
            Self::Readable => "readable",
            Self::Gone => "gone",
            Self::Forks => "forks",
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A law that was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Which one.
    pub law: Law,
    /// When.
    pub at: Instant,
    /// By which node, if by one.
    pub node: Option<NodeId>,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} µs", self.law, self.at.as_micros())?;
        if let Some(node) = self.node {
            write!(f, " by node {}", node.index())?;
        }
        write!(f, ": {}", self.what)
    }
}

/// What the laws remember of one node.
#[derive(Debug, Default)]
struct Seen {
    /// Durable length of each feed, by its events.
    lengths: BTreeMap<PublicKey, u64>,
    /// Bytes of each feed, by the same.
    byte_lengths: BTreeMap<PublicKey, u64>,
    /// Feeds that were removed and are not accepted again.
    removed: BTreeSet<FeedKey>,
    /// Of feeds that were removed, the length that may still be under way to others.
    left: BTreeMap<PublicKey, u64>,
    /// Its disk was changed under it: what it lost is not its fault.
    is_excused: bool,
}

/// What the blocks were that nodes got.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Delivered {
    /// At nodes that did not write them.
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    /// At their authors.
    pub(crate) written: u64,
    pub(crate) written_bytes: u64,
}

/// What a peer sent on one connection, and what became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Exchange {
    inputs: u64,
    bytes: u64,
    answers: u64,
}

/// Outputs that a connection may lead to before it has brought a byte: its opening, and whom it
/// wakes.
const ANSWERS_BASE: u64 = 32;

/// The shortest entry of a message has three bytes; two leave room for what wakes others.
const BYTES_PER_ANSWER: u64 = 2;

/// The laws of one world, and what they have seen.
#[derive(Debug, Default)]
pub(crate) struct Laws {
    oracle: Oracle,
    nodes: BTreeMap<NodeId, Seen>,
    meetings: Meetings,
    delivered: Delivered,
    exchanges: BTreeMap<ConnectionId, Exchange>,
    broken: Vec<Broken>,
    now: Instant,
}

impl Laws {
    pub(crate) fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    pub(crate) fn broken(&self) -> &[Broken] {
        &self.broken
    }

    pub(crate) fn report(&mut self, law: Law, node: Option<NodeId>, what: String) {
        if self.broken.len() < BROKEN_MAX {
            self.broken.push(Broken { law, at: self.now, node, what });
        }
    }

    /// The node's disk was changed from outside.
    pub(crate) fn excuse(&mut self, node: NodeId) {
        self.nodes.entry(node).or_default().is_excused = true;
    }

    pub(crate) fn is_excused(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|seen| seen.is_excused)
    }

    /// An author has appended.
    pub(crate) fn signed(&mut self, author: PublicKey, blocks: &[&[u8]]) {
        self.oracle.append(author, blocks);
    }

    /// An author exists, and has signed nothing yet.
    pub(crate) fn author(&mut self, author: PublicKey) {
        self.oracle.add(author);
    }

    /// Whether an author is an honest one.
    pub(crate) fn knows(&self, author: &PublicKey) -> bool {
        self.oracle.knows(author)
    }

    /// A node hands writes to its disk.
    pub(crate) fn commit(&mut self, node: NodeId, own: &[PublicKey], writes: &[Write]) {
        let puts: Vec<Put<'_>> = writes.iter().filter_map(put_of).collect();
        let records: BTreeMap<u32, &Record> = puts
            .iter()
            .filter_map(|put| match put {
                Put::Record(record) => Some((record.slot, record)),
                Put::Block { .. } => None,
            })
            .collect();
        for record in records.values() {
            self.check_record(node, own, record);
        }
        for put in &puts {
            let Put::Block { slot, index, bytes } = put else { continue };
            let Some(record) = records.get(slot) else { continue };
            let author = &record.public_key;
            if self.oracle.knows(author) && !self.oracle.is_signed(author, *index, bytes) {
                let what = format!("block {index} of {author:?} is not what was signed");
                self.report(Law::NoForgery, Some(node), what);
            }
        }
    }

    fn check_record(&mut self, node: NodeId, own: &[PublicKey], record: &Record) {
        let author = &record.public_key;
        if !self.oracle.knows(author) {
            return;
        }
        let signed = self.oracle.length(author);
        if record.length > signed || record.head_length > signed {
            let what = format!("{author:?}: {} of {signed} blocks stored", record.head_length);
            self.report(Law::Prefix, Some(node), what);
        }
        // The author's own commit may be lost in a crash before anybody has seen it.
        let (length, fork) = (record.head_length, record.fork);
        if !own.contains(author) && !self.oracle.meet(author, length, fork, record.signature) {
            let what = format!("{author:?}: two signatures for length {length}");
            self.report(Law::NoEquivocation, Some(node), what);
        }
    }

    /// A node's application hears of durable blocks.
    pub(crate) fn grown(&mut self, node: NodeId, author: PublicKey, range: [u64; 2]) {
        let seen = self.nodes.entry(node).or_default();
        let known = seen.lengths.entry(author).or_default();
        let is_known = self.oracle.knows(&author);
        let [start, end] = range;
        let (before, is_excused) = (*known, seen.is_excused);
        // Where the order is broken, what was told is durable all the same.
        *known = end.max(before);
        if (start != before || end <= start) && !is_excused && is_known {
            let what = format!("{author:?}: blocks {start}..{end} told after {before}");
            self.report(Law::Order, Some(node), what);
        }
    }

    /// Blocks became durable at a node, whose copy has so many bytes with them.
    pub(crate) fn landed(&mut self, node: NodeId, feed: (PublicKey, u64), blocks: u64, own: bool) {
        let (author, bytes) = feed;
        let seen = self.nodes.entry(node).or_default();
        let before = seen.byte_lengths.insert(author, bytes).unwrap_or(0);
        let Delivered { blocks: all, bytes: all_bytes, written, written_bytes } =
            &mut self.delivered;
        let (all, all_bytes) = if own { (written, written_bytes) } else { (all, all_bytes) };
        *all += blocks;
        *all_bytes += bytes.saturating_sub(before);
    }

    /// What nodes got so far.
    pub(crate) fn delivered(&self) -> Delivered {
        self.delivered
    }

    /// How many feeds honest authors have.
    pub(crate) fn authors(&self) -> usize {
        self.oracle.authors()
    }

    /// Bytes of a peer led to so many outputs.
    pub(crate) fn answered(
        &mut self,
        node: NodeId,
        id: ConnectionId,
        bytes: usize,
        outputs: usize,
    ) {
        let exchange = self.exchanges.entry(id).or_default();
        exchange.inputs += 1;
        exchange.bytes += bytes as u64;
        exchange.answers += outputs as u64;
        let Exchange { inputs, bytes, answers } = *exchange;
        // Each time that bytes come, the peer's own stream may be woken.
        if answers > ANSWERS_BASE + inputs + bytes / BYTES_PER_ANSWER {
            let what = format!("{answers} outputs for {bytes} bytes of a peer in {inputs} pieces");
            self.report(Law::Answers, Some(node), what);
        }
    }

    /// A connection is gone.
    pub(crate) fn hung_up(&mut self, id: ConnectionId) {
        self.exchanges.remove(&id);
    }

    /// A node says to another that it holds so much.
    pub(crate) fn announced(&mut self, node: NodeId, author: PublicKey, length: u64) {
        let seen = self.nodes.entry(node).or_default();
        let held = seen.lengths.get(&author).max(seen.left.get(&author)).copied().unwrap_or(0);
        if length > held && !seen.is_excused && self.oracle.knows(&author) {
            let what = format!("{author:?}: {length} announced, {held} durable");
            self.report(Law::DurableFirst, Some(node), what);
        }
    }

    /// A node was started over what its disk kept.
    pub(crate) fn restarted(
        &mut self,
        node: NodeId,
        own: &[PublicKey],
        kept: &BTreeMap<PublicKey, u64>,
        byte_lengths: BTreeMap<PublicKey, u64>,
    ) {
        self.forget_troubles(node);
        let seen = self.nodes.entry(node).or_default();
        seen.byte_lengths = byte_lengths;
        let before = std::mem::replace(&mut seen.lengths, kept.clone());
        if !seen.is_excused {
            for (author, length) in before {
                let now = kept.get(&author).copied().unwrap_or(0);
                if now < length && self.oracle.knows(&author) {
                    let what = format!("{author:?}: {now} of {length} durable blocks kept");
                    self.report(Law::Durability, Some(node), what);
                }
            }
        }
        for author in own {
            self.oracle.truncate(author, kept.get(author).copied().unwrap_or(0));
        }
    }

    /// Nothing of a feed is left on a node.
    pub(crate) fn removed(&mut self, node: NodeId, key: FeedKey) {
        self.nodes.entry(node).or_default().removed.insert(key);
    }

    /// A node takes a feed again.
    pub(crate) fn accepted(&mut self, node: NodeId, key: &FeedKey) {
        self.nodes.entry(node).or_default().removed.remove(key);
    }

    /// Whether a node must not hold a feed.
    pub(crate) fn is_removed(&self, node: NodeId, key: &FeedKey) -> bool {
        self.nodes.get(&node).is_some_and(|seen| seen.removed.contains(key))
    }

    /// A node removes a feed: from now on it may be there or not.
    pub(crate) fn left(&mut self, node: NodeId, author: PublicKey) {
        let seen = self.nodes.entry(node).or_default();
        if let Some(length) = seen.lengths.remove(&author) {
            let left = seen.left.entry(author).or_default();
            *left = length.max(*left);
        }
    }

    /// The blocks of a feed of which some were cleared, as a node reads the others back.
    pub(crate) fn kept(
        &mut self,
        node: NodeId,
        (key, author): (FeedKey, PublicKey),
        blocks: &[(u64, Bytes)],
        expected: u64,
    ) {
        let read = blocks.len();
        if read as u64 != expected && !self.is_excused(node) {
            let what = format!("{key}: {read} of {expected} blocks that were not cleared");
            self.report(Law::Readable, Some(node), what);
        }
        let is_signed =
            |(index, block): &(u64, Bytes)| self.oracle.is_signed(&author, *index, block);
        if self.oracle.knows(&author) && !blocks.iter().all(is_signed) {
            let what = format!("{key}: a block that was read is not what its author signed");
            self.report(Law::NoForgery, Some(node), what);
        }
    }

    /// The blocks of a feed, as a node reads them back.
    pub(crate) fn read_back(
        &mut self,
        node: NodeId,
        (key, author, length): (FeedKey, PublicKey, u64),
        blocks: &[Bytes],
    ) {
        let read = blocks.len();
        if (read as u64) < length && !self.is_excused(node) {
            let what = format!("{key}: {read} of {length} blocks can be read");
            self.report(Law::Readable, Some(node), what);
        }
        let is_signed =
            |(block, index): (&Bytes, u64)| self.oracle.is_signed(&author, index, block);
        // A disk may lose a block, but it never makes another one of it.
        if self.oracle.knows(&author) && !blocks.iter().zip(0..).all(is_signed) {
            let what = format!("{key}: a block that was read is not what its author signed");
            self.report(Law::NoForgery, Some(node), what);
        }
    }

    /// How many blocks authors have signed, all feeds together.
    pub(crate) fn signed_total(&self) -> u64 {
        self.oracle.total()
    }
}
