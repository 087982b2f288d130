//! Outputs that wait to be polled, and the jobs of open store requests.
//!
//! Rule: each store request has one job of its own kind, and each job is finished once. Jobs of
//! reads, scans and commits lie in maps of their own, so an answer only ever meets a job of the
//! kind that it answers.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::StoreFailure;
use crate::feed::proof::ProofRead;
use crate::feed::read::{BlockScan, RangeRead};
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId};
use crate::io::{
    Answer, CommitRequest, Event, Output, ReadRequest, ScanRequest, StoreId, StoreKey,
    StoreRequest, Write,
};
use crate::wire::fork::SignedHead;

/// The purpose of a scan.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for each read")]
pub(crate) enum ScanJob {
    /// Opening the multifeed: the records of one kind.
    Open(OpenStep),
    /// The blocks of a block read.
    Blocks(BlockRead),
    /// Entries of a feed that is being removed, by the part of the store that they are in.
    Removal { feed: FeedId, part: usize },
}

/// The kinds of records that opening a multifeed scans, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OpenStep {
    /// The entry that binds the store to its group.
    Meta,
    Feeds,
    Rulings,
    /// Checkpoints, and the log of changes since.
    Known,
    /// Proofs of forks.
    Forks,
}

/// The purpose of a read.
#[derive(Debug)]
pub(crate) enum ReadJob {
    /// The nodes that prove the blocks of a block read.
    Nodes(BlockRead),
    /// The nodes against which refetched blocks of a peer are verified, and the bytes that these
    /// blocks use of the peer's window.
    VerifyRefetched { connection: ConnectionId, bytes: u64, read: RangeRead },
    /// The nodes with which a signed head of a peer is compared.
    CompareSignedHead { connection: ConnectionId, theirs: SignedHead, read: ProofRead },
    /// The nodes of an answer on hypercore's channel.
    Prove { connection: ConnectionId, read: ProofRead },
}

/// A read of a run of blocks in two requests: a scan of the blocks, then a read of the nodes that
/// prove them.
#[derive(Debug)]
pub(crate) struct BlockRead {
    pub(crate) purpose: BlockPurpose,
    pub(crate) read: RangeRead,
}

/// The purpose of a block read.
#[derive(Debug)]
pub(crate) enum BlockPurpose {
    /// Serves a range to a peer.
    Serve { connection: ConnectionId },
    /// Serves blocks to a peer that refetches them.
    ServeRefetch { connection: ConnectionId },
    /// Answers a read of the application, which asked for the blocks up to `end`.
    Answer { request: RequestId, end: u64 },
    /// Makes the leaves of blocks that are being cleared.
    Clear(Clear),
    /// Checks whether blocks of a download are damaged.
    Check,
}

/// The purpose of a commit.
#[derive(Debug)]
pub(crate) enum CommitJob {
    /// Binds a new store to the group.
    Bind,
    /// Stores blocks that the application appended.
    Append { request: RequestId, feed: FeedId, blocks: Range<u64> },
    /// Stores blocks of a peer, which use `bytes` of its window.
    Extend { connection: ConnectionId, feed: FeedId, end: u64, bytes: u64 },
    /// Stores blocks of a peer that came over hypercore's channel.
    Follow { connection: ConnectionId, feed: FeedId, end: u64, bytes: u64 },
    /// Stores refetched blocks of a peer.
    Restore { connection: ConnectionId, bytes: u64, feed: FeedId, blocks: Range<u64> },
    /// Stores the record of an adopted feed.
    Adopt { feed: FeedId },
    /// Stores the proof of a fork.
    Fork { feed: FeedId },
    /// Stores a checkpoint with a peer.
    StoreCheckpoint { connection: ConnectionId },
    /// Stores a ruling of the application.
    Rule { request: RequestId, key: FeedKey },
    /// Deletes blocks and stores their leaves.
    Clear(Clear),
    /// Does one step of a removal.
    Remove { feed: FeedId, step: RemovalCommit },
}

/// A run of blocks that is being cleared.
#[derive(Debug)]
pub(crate) struct Clear {
    pub(crate) request: RequestId,
    pub(crate) feed: FeedId,
    pub(crate) blocks: Range<u64>,
    /// The first block that is not cleared yet.
    pub(crate) next: u64,
}

/// A commit of a removal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RemovalCommit {
    /// Stores that the feed is being removed, and how far it was signed.
    Begin,
    /// Deletes entries of a part of the store.
    Delete { part: usize },
    /// Deletes the record and stores that the feed was removed.
    End,
}

impl BlockPurpose {
    /// Whether the second request is omitted if no node is needed. Only the two most frequent
    /// purposes do so.
    pub(crate) fn skips_empty_read(&self) -> bool {
        matches!(self, Self::Serve { .. } | Self::Answer { .. })
    }
}

impl ScanJob {
    /// The feed whose blocks the job reads. A removal is no use of its own feed.
    fn feed(&self) -> Option<FeedId> {
        match self {
            Self::Blocks(blocks) => Some(blocks.read.feed()),
            Self::Open(_) | Self::Removal { .. } => None,
        }
    }
}

impl ReadJob {
    /// The feed whose blocks the job reads.
    fn feed(&self) -> FeedId {
        match self {
            Self::Nodes(BlockRead { read, .. }) | Self::VerifyRefetched { read, .. } => read.feed(),
            Self::CompareSignedHead { read, .. } | Self::Prove { read, .. } => read.feed(),
        }
    }
}

impl CommitJob {
    /// The feed whose blocks the job writes. A removal is no use of its own feed.
    fn feed(&self) -> Option<FeedId> {
        match self {
            Self::Append { feed, .. }
            | Self::Extend { feed, .. }
            | Self::Follow { feed, .. }
            | Self::Restore { feed, .. }
            | Self::Adopt { feed }
            | Self::Fork { feed }
            | Self::Clear(Clear { feed, .. }) => Some(*feed),
            Self::Bind | Self::StoreCheckpoint { .. } | Self::Rule { .. } => None,
            Self::Remove { .. } => None,
        }
    }

    /// Whether a feed grows by the commit.
    fn is_growth(&self) -> bool {
        matches!(self, Self::Append { .. } | Self::Extend { .. } | Self::Follow { .. })
    }
}

/// Outputs in order, and the jobs of open store requests.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    outputs: VecDeque<Output>,
    reads: BTreeMap<StoreId, ReadJob>,
    scans: BTreeMap<StoreId, ScanJob>,
    commits: BTreeMap<StoreId, CommitJob>,
    next_id: u64,
}

impl Outbox {
    pub(crate) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Asks for the values of some keys.
    pub(crate) fn read(&mut self, job: ReadJob, keys: Vec<StoreKey>) {
        let id = self.next_id();
        self.reads.insert(id, job);
        self.push(Output::Store(StoreRequest::Read(ReadRequest { id, keys })));
    }

    /// Asks for the entries of a run of keys.
    pub(crate) fn scan(&mut self, job: ScanJob, scan: BlockScan) {
        let id = self.next_id();
        self.scans.insert(id, job);
        let BlockScan { from, until, entries_max, bytes_max } = scan;
        let request = ScanRequest { id, from, until, entries_max, bytes_max };
        self.push(Output::Store(StoreRequest::Scan(request)));
    }

    /// Asks for the first half of a block read.
    pub(crate) fn scan_blocks(&mut self, purpose: BlockPurpose, read: RangeRead, scan: BlockScan) {
        self.scan(ScanJob::Blocks(BlockRead { purpose, read }), scan);
    }

    /// Asks that writes become durable.
    pub(crate) fn commit(&mut self, job: CommitJob, writes: Vec<Write>) {
        let id = self.next_id();
        self.commits.insert(id, job);
        self.push(Output::Store(StoreRequest::Commit(CommitRequest { id, writes })));
    }

    fn next_id(&mut self) -> StoreId {
        let id = StoreId(self.next_id);
        self.next_id += 1;
        id
    }

    /// Removes and returns the job of an answered read. `None`: this multifeed has no such read
    /// open; the reply belongs to another one.
    pub(crate) fn finish_read(&mut self, id: StoreId) -> Option<ReadJob> {
        self.reads.remove(&id)
    }

    /// The same for a scan.
    pub(crate) fn finish_scan(&mut self, id: StoreId) -> Option<ScanJob> {
        self.scans.remove(&id)
    }

    /// The same for a commit.
    pub(crate) fn finish_commit(&mut self, id: StoreId) -> Option<CommitJob> {
        self.commits.remove(&id)
    }

    /// The failure of an open request as the answer of its kind. A record holds no kind for it.
    pub(crate) fn failed_answer(&self, id: StoreId, failure: StoreFailure) -> Answer {
        if self.reads.contains_key(&id) {
            Answer::Values(Err(failure))
        } else if self.scans.contains_key(&id) {
            Answer::Entries(Err(failure))
        } else {
            Answer::Committed(Err(failure))
        }
    }

    /// Bytes of ranges that are not durable yet, of the peer that has most of them.
    pub(crate) fn unstored_bytes(&self) -> u64 {
        let mut by_peer: BTreeMap<ConnectionId, u64> = BTreeMap::new();
        for job in self.commits.values() {
            if let CommitJob::Extend { connection, bytes, .. }
            | CommitJob::Follow { connection, bytes, .. }
            | CommitJob::Restore { connection, bytes, .. } = job
            {
                *by_peer.entry(*connection).or_default() += bytes;
            }
        }
        for job in self.reads.values() {
            if let ReadJob::VerifyRefetched { connection, bytes, .. } = job {
                *by_peer.entry(*connection).or_default() += bytes;
            }
        }
        by_peer.into_values().max().unwrap_or(0)
    }

    /// Whether a request is open that reads or writes the blocks of a feed.
    pub(crate) fn works_on(&self, feed: FeedId) -> bool {
        self.reads.values().any(|job| job.feed() == feed)
            || self.scans.values().any(|job| job.feed() == Some(feed))
            || self.commits.values().any(|job| job.feed() == Some(feed))
    }

    /// Whether a commit is under way by which a feed grows.
    pub(crate) fn is_growing(&self) -> bool {
        self.commits.values().any(CommitJob::is_growth)
    }

    /// The jobs of open commits, in the order of their requests.
    pub(crate) fn commits(&self) -> impl Iterator<Item = &CommitJob> {
        self.commits.values()
    }

    /// The jobs of open reads.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &ReadJob> {
        self.reads.values()
    }

    /// The jobs of open scans.
    pub(crate) fn scans(&self) -> impl Iterator<Item = &ScanJob> {
        self.scans.values()
    }

    /// How many outputs wait to be polled.
    pub(crate) fn waiting(&self) -> usize {
        self.outputs.len()
    }
}
