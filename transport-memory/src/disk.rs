//! A memory store whose replies take virtual time.
//!
//! Rule: requests are executed when they are issued, in order; only durability and the replies come
//! later.

mod record;
mod values;

use std::collections::{BTreeMap, VecDeque};

use multifeed_core::rng::Rng;
use multifeed_core::{CommitRequest, PublicKey, StoreFailure, StoreReply, StoreRequest, Write};
use multifeed_store::{MemoryStore, Scan, Store};

pub(crate) use record::{Put, Record, put_of, records};
pub(crate) use values::Values;

use crate::fault::{Fault, FaultCounts};
use crate::options::DiskOptions;

/// What a request leads to.
#[derive(Debug)]
pub(crate) enum Completion {
    /// A reply now.
    Now(StoreReply),
    /// A reply later, by its id.
    Later(u32),
    /// A sync must start; it covers this commit and those that join it.
    Sync,
    /// The next sync includes it.
    Joined,
}

/// One disk. It outlives its node's crashes.
#[derive(Debug)]
pub(crate) struct Disk {
    store: MemoryStore,
    pub(crate) options: DiskOptions,
    /// Commits that are staged but not durable, oldest first.
    waiting: VecDeque<CommitRequest>,
    /// How many of them the current sync makes durable; 0 if no sync is in progress.
    syncing: usize,
    replies: BTreeMap<u32, StoreReply>,
    next_reply: u32,
    /// The answer to every request until the node restarts.
    failed: Option<StoreFailure>,
    next_fault: NextFault,
    backup: Option<MemoryStore>,
    /// A planted bug: commits are reported as durable before they are.
    pub(crate) acknowledges_early: bool,
}

/// Faults for the next request of a kind.
#[derive(Debug, Default)]
struct NextFault {
    commit: Option<StoreFailure>,
    read: Option<StoreFailure>,
    short_read: bool,
}

/// Entries considered when one is corrupted.
const CORRUPTIBLE_ENTRIES_MAX: usize = 65_536;

impl Disk {
    pub(crate) fn new(options: DiskOptions) -> Self {
        Self {
            store: MemoryStore::new(),
            options,
            waiting: VecDeque::new(),
            syncing: 0,
            replies: BTreeMap::new(),
            next_reply: 0,
            failed: None,
            next_fault: NextFault::default(),
            backup: None,
            acknowledges_early: false,
        }
    }

    /// Executes a request.
    pub(crate) fn execute(
        &mut self,
        request: StoreRequest,
        values: &mut Values,
        faults: &mut FaultCounts,
    ) -> Completion {
        if let Some(failure) = self.failed {
            return Completion::Now(fail(request, failure));
        }
        match request {
            StoreRequest::Read(_) | StoreRequest::Scan(_) => {
                let reply = self.read_or_fail(request, faults);
                if self.options.read.is_zero() { Completion::Now(reply) } else { self.later(reply) }
            }
            StoreRequest::Commit(commit) => {
                let writes = commit.writes().iter().map(|write| values.shared(write));
                self.store.stage(&writes.collect::<Vec<_>>());
                if self.acknowledges_early {
                    return Completion::Now(commit.durable());
                }
                self.waiting.push_back(commit);
                if self.syncing > 0 || self.waiting.len() > 1 {
                    Completion::Joined
                } else {
                    Completion::Sync
                }
            }
        }
    }

    fn read_or_fail(&mut self, request: StoreRequest, faults: &mut FaultCounts) -> StoreReply {
        if let Some(failure) = self.next_fault.read.take() {
            faults.record(Fault::ReadError);
            return fail(request, failure);
        }
        if !std::mem::take(&mut self.next_fault.short_read) {
            return self.read(request);
        }
        faults.record(Fault::ShortRead);
        match request {
            StoreRequest::Read(read) => {
                let mut values = self.store.read(read.keys()).unwrap_or_default();
                values.iter_mut().take(1).for_each(|value| *value = None);
                read.found(values)
            }
            StoreRequest::Scan(scan) => {
                let mut entries = self.store.scan(&Scan::from(&scan)).unwrap_or_default();
                entries.drain(..1.min(entries.len()));
                scan.found(entries)
            }
            request => self.read(request),
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

    /// Keeps a reply until it is taken.
    pub(crate) fn later(&mut self, reply: StoreReply) -> Completion {
        let reply_id = self.next_reply;
        self.next_reply = self.next_reply.wrapping_add(1);
        self.replies.insert(reply_id, reply);
        Completion::Later(reply_id)
    }

    /// Takes a kept reply.
    pub(crate) fn take_reply(&mut self, reply_id: u32) -> Option<StoreReply> {
        self.replies.remove(&reply_id)
    }

    /// Executes a request and makes it durable immediately, outside virtual time.
    pub(crate) fn execute_at_once(&mut self, request: StoreRequest) -> StoreReply {
        match self.failed {
            Some(failure) => fail(request, failure),
            None => self.read(request),
        }
    }

    /// Starts a sync of the commits that wait now.
    pub(crate) fn begin_sync(&mut self) {
        self.syncing = self.waiting.len();
    }

    /// Ends the sync. Returns the replies, and whether another sync must start.
    pub(crate) fn end_sync(
        &mut self,
        rng: &mut Rng,
        faults: &mut FaultCounts,
    ) -> (Vec<StoreReply>, bool) {
        let done = std::mem::take(&mut self.syncing);
        if let Some(failure) = self.next_fault.commit.take() {
            let is_full = failure == StoreFailure::Full;
            faults.record(if is_full { Fault::DiskFull } else { Fault::CommitError });
            self.store.crash(rng.below(done as u64 + 1) as usize);
            self.failed = Some(StoreFailure::Closed);
            let replies = self.waiting.drain(..).map(|commit| commit.failed(failure));
            return (replies.collect(), false);
        }
        self.store.sync(done);
        let replies = self.waiting.drain(..done).map(CommitRequest::durable).collect();
        (replies, !self.waiting.is_empty())
    }

    /// Returns a disk with this disk's durable contents.
    pub(crate) fn durable(&self) -> Self {
        Self { store: self.store.snapshot(), ..Self::new(self.options) }
    }

    /// Whether it has failed since its node started.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// The number of commits that are not durable yet.
    pub(crate) fn staged(&self) -> usize {
        self.store.staged()
    }

    /// The machine stops: the first `keep` staged commits turn out to be durable.
    pub(crate) fn crash(&mut self, keep: usize) {
        self.store.crash(keep);
        self.waiting.clear();
        self.replies.clear();
        self.syncing = 0;
        self.failed = None;
        self.next_fault = NextFault::default();
    }

    pub(crate) fn fail_commit(&mut self, failure: StoreFailure) {
        self.next_fault.commit = Some(failure);
    }

    pub(crate) fn fail_read(&mut self, failure: StoreFailure) {
        self.next_fault.read = Some(failure);
    }

    pub(crate) fn shorten_read(&mut self) {
        self.next_fault.short_read = true;
    }

    /// Flips a bit of a stored value, except in feeds of these authors. Returns whether there was
    /// one.
    pub(crate) fn flip_stored_bit(&mut self, but: &[PublicKey], rng: &mut Rng) -> bool {
        // Writing the value between two commits would change the order of the staged ones.
        if self.store.staged() > 0 {
            return false;
        }
        let spared = |record: &Record| but.contains(&record.public_key);
        let spared: Vec<u32> = self
            .records()
            .iter()
            .filter(|record| spared(record))
            .map(|record| record.slot)
            .collect();
        let mut entries = record::feed_entries(&self.store, CORRUPTIBLE_ENTRIES_MAX);
        entries.retain(|(key, value)| !spared.contains(&record::slot_of(key)) && !value.is_empty());
        let Some(last) = (entries.len() as u64).checked_sub(1) else { return false };
        let (key, value) = entries.swap_remove(rng.below(last + 1) as usize);
        let mut value = value.to_vec();
        let bit = rng.below(value.len() as u64 * 8) as usize;
        value[bit / 8] ^= 1 << (bit % 8);
        self.store.stage(&[Write::Put(key, value.into())]);
        self.store.sync(usize::MAX);
        true
    }

    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.store.snapshot());
    }

    /// Restores the backup, if there is one.
    pub(crate) fn restore(&mut self) -> bool {
        let backup = self.backup.clone();
        let is_there = backup.is_some();
        self.store = backup.unwrap_or_else(|| std::mem::take(&mut self.store));
        is_there
    }

    #[cfg(test)]
    pub(crate) fn forget_staged(&mut self) {
        self.store.crash(0);
    }

    /// A planted bug: entries are changed or lost from outside.
    #[cfg(test)]
    pub(crate) fn tamper(&mut self, change: impl Fn(u8, &mut Vec<u8>) -> bool) {
        let entries = record::feed_entries(&self.store, CORRUPTIBLE_ENTRIES_MAX);
        for (key, value) in entries {
            let mut value = value.to_vec();
            let is_kept = change(key.as_bytes()[0], &mut value);
            let write = if is_kept { Write::Put(key, value.into()) } else { Write::Delete(key) };
            self.store.stage(&[write]);
        }
        self.store.sync(usize::MAX);
    }

    /// The slots that have any entry.
    pub(crate) fn slots(&self) -> std::collections::BTreeSet<u32> {
        let entries = record::feed_entries(&self.store, usize::MAX);
        entries.iter().map(|(key, _)| record::slot_of(key)).collect()
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
