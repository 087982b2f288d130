//! What waits to be taken out of the core, and what its store requests are for.
//!
//! Rule: each store request has one job, and each job is done once.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::feed::proof::ProofRead;
use crate::feed::read::{BlockScan, RangeRead};
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId};
use crate::io::{
    CommitRequest, Event, Output, ReadRequest, ScanRequest, StoreId, StoreKey, StoreRequest, Write,
};
use crate::wire::fork::SignedHead;

/// What a store request is for.
#[derive(Debug)]
pub(crate) enum Job {
    /// Whose store is it?
    OpenMeta,
    /// Bind a new store to the group.
    OpenNew,
    /// The feeds that it holds.
    OpenFeeds,
    /// Blocks of our own.
    Append { request: RequestId, feed: FeedId, start: u64, end: u64 },
    /// Blocks of a peer, and what they take of its window.
    Extend { connection: ConnectionId, feed: FeedId, end: u64, bytes: u64 },
    /// That a feed has two histories.
    Fork { feed: FeedId },
    /// What the head of a peer is held against.
    CompareSignedHead { theirs: (ConnectionId, SignedHead), read: ProofRead },
    /// A range for a peer.
    Serve { connection: ConnectionId, start: u64, read: RangeRead },
    /// That a feed of another origin was adopted.
    Adopt { feed: FeedId },
    /// Blocks of a peer, over hypercore's channel.
    Follow { connection: ConnectionId, feed: FeedId, end: u64, bytes: u64 },
    /// An answer on hypercore's channel.
    Prove { connection: ConnectionId, read: ProofRead },
    /// Blocks for the application, up to this one.
    Read { request: RequestId, end: u64, read: RangeRead },
    /// What the application ruled about feeds.
    OpenRulings,
    /// Feeds of two histories.
    OpenForks,
    /// Peers that were known, and what has changed since.
    OpenKnown,
    /// That a peer is known.
    StoreCheckpoint { connection: ConnectionId },
    /// A ruling.
    Rule { request: RequestId, key: FeedKey },
    /// Blocks to be cleared: read first, for their leaves.
    ClearRead { clear: Clear, read: RangeRead },
    /// Blocks that leave.
    Clear { clear: Clear },
    /// A step of a removal.
    Remove { feed: FeedId, step: RemovalStep },
    /// Blocks that a peer wants again.
    ServeRefetch { connection: ConnectionId, read: RangeRead },
    /// Whether blocks that are to be downloaded again are damaged.
    Check { read: RangeRead },
    /// Blocks of a peer that were asked for again, and what they take of its window.
    VerifyRefetched { connection: ConnectionId, bytes: u64, read: RangeRead },
    /// Blocks that come back.
    Restore { connection: ConnectionId, bytes: u64, feed: FeedId, start: u64, end: u64 },
}

/// A run of blocks that is being cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Clear {
    pub(crate) request: RequestId,
    pub(crate) feed: FeedId,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// How far it is.
    pub(crate) at: u64,
}

/// What a removal waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RemovalStep {
    /// That the feed leaves is being written down.
    Begin,
    /// The next entries of a part are being looked for.
    Scan(usize),
    /// They are being deleted.
    Delete(usize),
    /// The record is being deleted, and that the feed has left written down.
    End,
}

impl Job {
    /// The feed whose blocks a job reads or writes, but for its removal.
    fn feed(&self) -> Option<FeedId> {
        match self {
            Self::OpenMeta | Self::OpenNew | Self::OpenFeeds | Self::OpenRulings => None,
            Self::OpenKnown
            | Self::StoreCheckpoint { .. }
            | Self::Rule { .. }
            | Self::Remove { .. } => None,
            Self::OpenForks => None,
            Self::Append { feed, .. }
            | Self::Extend { feed, .. }
            | Self::Restore { feed, .. }
            | Self::Adopt { feed }
            | Self::Fork { feed }
            | Self::Follow { feed, .. } => Some(*feed),
            Self::Prove { read, .. } | Self::CompareSignedHead { read, .. } => Some(read.feed()),
            Self::Clear { clear } => Some(clear.feed),
            Self::Serve { read, .. }
            | Self::Read { read, .. }
            | Self::ClearRead { read, .. }
            | Self::ServeRefetch { read, .. }
            | Self::Check { read }
            | Self::VerifyRefetched { read, .. } => Some(read.feed()),
        }
    }
}

/// Outputs in order, and the jobs of open store requests.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    outputs: VecDeque<Output>,
    jobs: BTreeMap<StoreId, Job>,
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

    /// The job of an answered request. `None`: the answer belongs to another multifeed.
    pub(crate) fn finish(&mut self, id: StoreId) -> Option<Job> {
        self.jobs.remove(&id)
    }

    pub(crate) fn scan_blocks(&mut self, job: Job, scan: BlockScan) {
        let BlockScan { from, until, entries_max, bytes_max } = scan;
        self.scan(job, from, until, entries_max, bytes_max);
    }

    pub(crate) fn scan(
        &mut self,
        job: Job,
        from: StoreKey,
        until: StoreKey,
        entries_max: usize,
        bytes_max: usize,
    ) {
        let id = self.begin(job);
        let request = ScanRequest { id, from, until, entries_max, bytes_max };
        self.push(Output::Store(StoreRequest::Scan(request)));
    }

    pub(crate) fn read(&mut self, job: Job, keys: Vec<StoreKey>) {
        let id = self.begin(job);
        self.push(Output::Store(StoreRequest::Read(ReadRequest { id, keys })));
    }

    pub(crate) fn commit(&mut self, job: Job, writes: Vec<Write>) {
        let id = self.begin(job);
        self.push(Output::Store(StoreRequest::Commit(CommitRequest { id, writes })));
    }

    /// Bytes of ranges whose commits are under way, of the peer that has most of them.
    pub(crate) fn unstored_bytes(&self) -> u64 {
        let mut each: BTreeMap<ConnectionId, u64> = BTreeMap::new();
        for job in self.jobs.values() {
            if let Job::Extend { connection, bytes, .. }
            | Job::Follow { connection, bytes, .. }
            | Job::VerifyRefetched { connection, bytes, .. }
            | Job::Restore { connection, bytes, .. } = job
            {
                *each.entry(*connection).or_default() += bytes;
            }
        }
        each.into_values().max().unwrap_or(0)
    }

    /// Whether a request is open that reads or writes the blocks of a feed.
    pub(crate) fn works_on(&self, feed: FeedId) -> bool {
        self.jobs.values().any(|job| job.feed() == Some(feed))
    }

    /// Whether a commit is under way by which a feed grows.
    pub(crate) fn is_growing(&self) -> bool {
        let grows =
            |job: &Job| matches!(job, Job::Append { .. } | Job::Extend { .. } | Job::Follow { .. });
        self.jobs.values().any(grows)
    }

    /// Outputs that wait to be polled.
    pub(crate) fn waiting(&self) -> usize {
        self.outputs.len()
    }

    fn begin(&mut self, job: Job) -> StoreId {
        let id = StoreId(self.next_id);
        self.next_id += 1;
        self.jobs.insert(id, job);
        id
    }
}
