//! The laws, checked after every event.
//!
//! Rule: the laws know what authors signed and observe disks and links from outside; they do not
//! trust what a multifeed reports about itself.

pub(crate) mod bounds;
pub(crate) mod cost;
mod dials;
mod oracle;
mod synced;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use multifeed_core::{ConnectionId, FeedKey, Instant, PublicKey, Write};

use crate::disk::{Put, Record, put_of};
use crate::node::NodeId;
pub use cost::{CROSSINGS, Cost};
use dials::Dials;
use oracle::Oracle;

#[cfg(test)]
mod tests;

/// Violations kept; the first one tells most.
const VIOLATIONS_MAX: usize = 1_000;

/// An invariant of the whole system.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Law {
    /// After faults stop, connected nodes converge.
    Convergence,
    /// Blocks reported as durable survive every crash.
    Durability,
    /// Stored blocks are those that their author signed.
    NoForgery,
    /// A copy of a feed is a prefix of its author's feed, and never shrinks.
    Prefix,
    /// No node sees two histories of an honest author.
    NoEquivocation,
    /// A node announces only what is durable on its disk.
    DurableFirst,
    /// A node holds no more for its peers than its limits allow.
    Bounds,
    /// A node that reports to be in sync is in sync.
    Synced,
    /// A peer without the group key is rejected.
    Membership,
    /// While nothing changes, only keep-alives are sent.
    Silence,
    /// Every byte sent has a cause: a delivered block, a connection, a keep-alive.
    Bytes,
    /// Every event has such a cause.
    Events,
    /// A peer's bytes cause a number of outputs proportional to their length.
    Answers,
    /// Timers advance, and a world becomes idle.
    NoLivelock,
    /// No honest connection is closed for a violation.
    Isolation,
    /// A node restarted from its disk holds the same.
    Restart,
    /// One seed has one history.
    Replay,
    /// Blocks are reported to the application in order, once.
    Order,
    /// Every held block can be read back.
    Readable,
    /// Nothing is left of a removed feed.
    Gone,
    /// Every node that holds a forked feed learns about the fork.
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

/// A broken law.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LawViolation {
    /// Which law.
    pub law: Law,
    /// When.
    pub at: Instant,
    /// The node that broke it, if it is a single one.
    pub node: Option<NodeId>,
    /// What was observed.
    pub what: String,
}

impl fmt::Display for LawViolation {
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
    /// Durable length of each feed, according to its events.
    lengths: BTreeMap<PublicKey, u64>,
    /// Byte length of each feed, according to its events.
    byte_lengths: BTreeMap<PublicKey, u64>,
    /// Feeds that were removed and not accepted again.
    removed: BTreeSet<FeedKey>,
    /// The last length of each removed feed: announcements of it may still be in flight.
    removed_lengths: BTreeMap<PublicKey, u64>,
    /// Its disk was changed from outside, so it is not responsible for lost blocks.
    is_excused: bool,
}

/// The blocks that nodes stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Delivered {
    /// At nodes that did not write them.
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    /// At their authors.
    pub(crate) written: u64,
    pub(crate) written_bytes: u64,
}

/// Who stored blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holder {
    /// The node that wrote them.
    Author,
    /// Another node.
    Reader,
}

/// The two names of a feed: the laws use the author's key, applications use the feed's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FeedIdentity {
    pub(crate) key: FeedKey,
    pub(crate) author: PublicKey,
}

/// A peer's input on one connection and the outputs it caused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Exchange {
    inputs: u64,
    bytes: u64,
    answers: u64,
}

/// Outputs that a connection may cause before its first byte: it opens and wakes others.
const ANSWERS_BASE: u64 = 32;

/// The shortest entry of a message has three bytes; two leave room for waking other streams.
const BYTES_PER_ANSWER: u64 = 2;

/// The laws of one world and their observations.
#[derive(Debug, Default)]
pub(crate) struct Laws {
    oracle: Oracle,
    nodes: BTreeMap<NodeId, Seen>,
    dials: Dials,
    delivered: Delivered,
    exchanges: BTreeMap<ConnectionId, Exchange>,
    violations: Vec<LawViolation>,
    now: Instant,
}

impl Laws {
    pub(crate) fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    pub(crate) fn violations(&self) -> &[LawViolation] {
        &self.violations
    }

    pub(crate) fn report(&mut self, law: Law, node: Option<NodeId>, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(LawViolation { law, at: self.now, node, what });
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

    /// Adds an author that has signed nothing yet.
    pub(crate) fn author(&mut self, author: PublicKey) {
        self.oracle.add(author);
    }

    /// Whether an author is honest.
    pub(crate) fn knows(&self, author: &PublicKey) -> bool {
        self.oracle.knows(author)
    }

    /// A node submits writes to its disk.
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
        // The author's own commit may be lost in a crash before any other node has seen it.
        let (length, fork) = (record.head_length, record.fork);
        if !own.contains(author) && !self.oracle.meet(author, length, fork, record.signature) {
            let what = format!("{author:?}: two signatures for length {length}");
            self.report(Law::NoEquivocation, Some(node), what);
        }
    }

    /// A node reports durable blocks to its application.
    pub(crate) fn extended(&mut self, node: NodeId, author: PublicKey, blocks: Range<u64>) {
        let seen = self.nodes.entry(node).or_default();
        let known = seen.lengths.entry(author).or_default();
        let is_known = self.oracle.knows(&author);
        let Range { start, end } = blocks;
        let (before, is_excused) = (*known, seen.is_excused);
        // Blocks reported in the wrong order are durable nevertheless.
        *known = end.max(before);
        if (start != before || end <= start) && !is_excused && is_known {
            let what = format!("{author:?}: blocks {start}..{end} reported after {before}");
            self.report(Law::Order, Some(node), what);
        }
    }

    /// Blocks became durable at a node, whose copy has `byte_length` bytes with them.
    pub(crate) fn stored(
        &mut self,
        node: NodeId,
        author: PublicKey,
        blocks: u64,
        byte_length: u64,
        holder: Holder,
    ) {
        let seen = self.nodes.entry(node).or_default();
        let before = seen.byte_lengths.insert(author, byte_length).unwrap_or(0);
        let bytes = byte_length.saturating_sub(before);
        match holder {
            Holder::Author => {
                self.delivered.written += blocks;
                self.delivered.written_bytes += bytes;
            }
            Holder::Reader => {
                self.delivered.blocks += blocks;
                self.delivered.bytes += bytes;
            }
        }
    }

    /// The blocks that nodes stored so far.
    pub(crate) fn delivered(&self) -> Delivered {
        self.delivered
    }

    /// The number of feeds of honest authors.
    pub(crate) fn authors(&self) -> usize {
        self.oracle.authors()
    }

    /// A peer's bytes caused `outputs` outputs.
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
        // Each input may wake the peer's own stream.
        if answers > ANSWERS_BASE + inputs + bytes / BYTES_PER_ANSWER {
            let what = format!("{answers} outputs for {bytes} bytes of a peer in {inputs} pieces");
            self.report(Law::Answers, Some(node), what);
        }
    }

    /// A connection is gone.
    pub(crate) fn disconnected(&mut self, id: ConnectionId) {
        self.exchanges.remove(&id);
    }

    /// A node announces this length to another node.
    pub(crate) fn announced(&mut self, node: NodeId, author: PublicKey, length: u64) {
        let seen = self.nodes.entry(node).or_default();
        let held =
            seen.lengths.get(&author).max(seen.removed_lengths.get(&author)).copied().unwrap_or(0);
        if length > held && !seen.is_excused && self.oracle.knows(&author) {
            let what = format!("{author:?}: {length} announced, {held} durable");
            self.report(Law::DurableFirst, Some(node), what);
        }
    }

    /// A node started from its disk.
    pub(crate) fn restarted(
        &mut self,
        node: NodeId,
        own: &[PublicKey],
        kept: &BTreeMap<PublicKey, u64>,
        byte_lengths: BTreeMap<PublicKey, u64>,
    ) {
        self.forget_exemptions(node);
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

    /// A node has deleted a feed completely.
    pub(crate) fn removed(&mut self, node: NodeId, key: FeedKey) {
        self.nodes.entry(node).or_default().removed.insert(key);
    }

    /// A node accepts a feed again.
    pub(crate) fn accepted(&mut self, node: NodeId, key: &FeedKey) {
        self.nodes.entry(node).or_default().removed.remove(key);
    }

    /// Whether a node must not hold a feed.
    pub(crate) fn is_removed(&self, node: NodeId, key: &FeedKey) -> bool {
        self.nodes.get(&node).is_some_and(|seen| seen.removed.contains(key))
    }

    /// A node starts to remove a feed: from now on the feed may be there or not.
    pub(crate) fn removal_started(&mut self, node: NodeId, author: PublicKey) {
        let seen = self.nodes.entry(node).or_default();
        if let Some(length) = seen.lengths.remove(&author) {
            let left = seen.removed_lengths.entry(author).or_default();
            *left = length.max(*left);
        }
    }

    /// A node reads back the remaining blocks of a feed after some were cleared.
    pub(crate) fn read_remaining(
        &mut self,
        node: NodeId,
        FeedIdentity { key, author }: FeedIdentity,
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

    /// A node reads back the blocks of a feed.
    pub(crate) fn read_back(
        &mut self,
        node: NodeId,
        FeedIdentity { key, author }: FeedIdentity,
        length: u64,
        blocks: &[Bytes],
    ) {
        let read = blocks.len();
        if (read as u64) < length && !self.is_excused(node) {
            let what = format!("{key}: {read} of {length} blocks can be read");
            self.report(Law::Readable, Some(node), what);
        }
        let is_signed =
            |(block, index): (&Bytes, u64)| self.oracle.is_signed(&author, index, block);
        // A disk may lose a block, but must not return a different one.
        if self.oracle.knows(&author) && !blocks.iter().zip(0..).all(is_signed) {
            let what = format!("{key}: a block that was read is not what its author signed");
            self.report(Law::NoForgery, Some(node), what);
        }
    }

    /// The number of blocks that authors signed, over all feeds.
    pub(crate) fn signed_total(&self) -> u64 {
        self.oracle.total()
    }
}
