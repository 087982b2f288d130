//! A memory store whose replies take virtual time.
//!
//! Rule: requests are carried out when they are handed out, in their order; only that a commit is
//! durable, and the replies, come later.

mod record;

use std::collections::{BTreeMap, VecDeque};

use multifeed_core::{CommitRequest, StoreFailure, StoreReply, StoreRequest};
use multifeed_store::{MemoryStore, Scan, Store};

pub(crate) use record::{Record, records};

use crate::options::DiskOptions;

/// What a request leads to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A reply, at once.
    Now(StoreReply),
    /// A reply, when the ticket is called.
    Later(u32),
    /// A sync has to be made, for this commit and those that join it.
    Sync,
    /// The next sync takes it along.
    Joined,
}

/// One disk. It outlives its node's crashes.
#[derive(Debug)]
pub(crate) struct Disk {
    store: MemoryStore,
    pub(crate) options: DiskOptions,
    /// Commits that are staged and not durable, oldest first.
    waiting: VecDeque<CommitRequest>,
    /// How many of them the sync under way makes durable; 0: none is under way.
    syncing: usize,
    replies: BTreeMap<u32, StoreReply>,
    next_ticket: u32,
    failed: Option<StoreFailure>,
}

impl Disk {
    pub(crate) fn new(options: DiskOptions) -> Self {
        Self {
            store: MemoryStore::new(),
            options,
            waiting: VecDeque::new(),
            syncing: 0,
            replies: BTreeMap::new(),
            next_ticket: 0,
            failed: None,
        }
    }

    /// Carries a request out.
    pub(crate) fn take(&mut self, request: StoreRequest) -> Answer {
        if let Some(failure) = self.failed {
            return Answer::Now(fail(request, failure));
        }
        match request {
            StoreRequest::Read(_) | StoreRequest::Scan(_) => {
                let reply = self.read(request);
                if self.options.read.is_zero() { Answer::Now(reply) } else { self.later(reply) }
            }
            StoreRequest::Commit(commit) => {
                self.store.stage(commit.writes());
                self.waiting.push_back(commit);
                if self.syncing > 0 || self.waiting.len() > 1 {
                    Answer::Joined
                } else {
                    Answer::Sync
                }
            }
        }
    }

    fn read(&mut self, request: StoreRequest) -> StoreReply {
        match request {
            StoreRequest::Read(read) => match self.store.read(read.keys()) {
                Ok(values) => read.found(values),
                Err(failure) => read.failed((&failure).into()),
            },
            StoreRequest::Scan(scan) => match self.store.scan(&Scan::from(&scan)) {
                Ok(entries) => scan.found(entries),
                Err(failure) => scan.failed((&failure).into()),
            },
            StoreRequest::Commit(commit) => {
                self.store.stage(commit.writes());
                self.store.sync(usize::MAX);
                commit.durable()
            }
        }
    }

    /// Keeps a reply until its ticket is called.
    pub(crate) fn later(&mut self, reply: StoreReply) -> Answer {
        let ticket = self.next_ticket;
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.replies.insert(ticket, reply);
        Answer::Later(ticket)
    }

    /// The reply of a ticket.
    pub(crate) fn called(&mut self, ticket: u32) -> Option<StoreReply> {
        self.replies.remove(&ticket)
    }

    /// Carries a request out and makes it durable at once, as if no time passed.
    pub(crate) fn take_at_once(&mut self, request: StoreRequest) -> StoreReply {
        match self.failed {
            Some(failure) => fail(request, failure),
            None => self.read(request),
        }
    }

    /// A sync begins: it makes durable what waits now.
    pub(crate) fn begin_sync(&mut self) {
        self.syncing = self.waiting.len();
    }

    /// The sync is over. Returns the replies, and whether another one has to be made.
    pub(crate) fn end_sync(&mut self) -> (Vec<StoreReply>, bool) {
        let done = std::mem::take(&mut self.syncing);
        self.store.sync(done);
        let replies = self.waiting.drain(..done).map(CommitRequest::durable).collect();
        (replies, !self.waiting.is_empty())
    }

    /// Commits that are not durable yet.
    pub(crate) fn staged(&self) -> usize {
        self.store.staged()
    }

    /// The machine stops: of the staged commits the first `keep` turn out to be durable.
    pub(crate) fn crash(&mut self, keep: usize) {
        self.store.crash(keep);
        self.waiting.clear();
        self.replies.clear();
        self.syncing = 0;
        self.failed = None;
    }

    /// The records of its feeds, durable or staged.
    pub(crate) fn records(&self) -> Vec<Record> {
        records(&self.store)
    }
}

fn fail(request: StoreRequest, failure: StoreFailure) -> StoreReply {
    match request {
        StoreRequest::Read(read) => read.failed(failure),
        StoreRequest::Scan(scan) => scan.failed(failure),
        StoreRequest::Commit(commit) => commit.failed(failure),
    }
}
