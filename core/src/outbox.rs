//! What waits to be taken out of the core, and what its store requests are for.
//!
//! Rule: each store request has one job, and each job is done once.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::feed::proof::ProofRead;
use crate::feed::read::{BlockScan, RangeRead};
use crate::id::{ConnectionId, FeedId, RequestId};
use crate::io::{
    CommitRequest, Event, Output, ReadRequest, ScanRequest, StoreId, StoreKey, StoreRequest, Write,
};

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
    /// A range for a peer.
    Serve { connection: ConnectionId, start: u64, read: RangeRead },
    /// That a feed of another origin was adopted.
    Adopt { feed: FeedId },
    /// Blocks of a peer, over hypercore's channel.
    Follow { connection: ConnectionId, feed: FeedId, end: u64, bytes: u64 },
    /// An answer on hypercore's channel.
    Prove { connection: ConnectionId, read: ProofRead },
    /// Blocks for the application.
    Read { request: RequestId, read: RangeRead },
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
            if let Job::Extend { connection, bytes, .. } | Job::Follow { connection, bytes, .. } =
                job
            {
                *each.entry(*connection).or_default() += bytes;
            }
        }
        each.into_values().max().unwrap_or(0)
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
