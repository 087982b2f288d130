//! A memory store whose replies take virtual time.
//!
//! Rule: requests are carried out when they are handed out, in their order; only that a commit is
//! durable, and the replies, come later.

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
    /// It answers everything with this until the node is started anew.
    failed: Option<StoreFailure>,
    next_fault: NextFault,
    backup: Option<MemoryStore>,
    /// A planted bug: commits are said to be durable before they are.
    pub(crate) is_hasty: bool,
}

/// What strikes once.
#[derive(Debug, Default)]
struct NextFault {
    commit: Option<StoreFailure>,
    read: Option<StoreFailure>,
    short_read: bool,
}

/// Entries looked at to find one that rots.
const ROT_ENTRIES_MAX: usize = 65_536;

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
            next_fault: NextFault::default(),
            backup: None,
            is_hasty: false,
        }
    }

    /// Carries a request out.
    pub(crate) fn take(
        &mut self,
        request: StoreRequest,
        values: &mut Values,
        faults: &mut FaultCounts,
    ) -> Answer {
        if let Some(failure) = self.failed {
            return Answer::Now(fail(request, failure));
        }
        match request {
            StoreRequest::Read(_) | StoreRequest::Scan(_) => {
                let reply = self.read_or_fail(request, faults);
                if self.options.read.is_zero() { Answer::Now(reply) } else { self.later(reply) }
            }
            StoreRequest::Commit(commit) => {
                let writes = commit.writes().iter().map(|write| values.shared(write));
                self.store.stage(&writes.collect::<Vec<_>>());
                if self.is_hasty {
                    return Answer::Now(commit.durable());
                }
                self.waiting.push_back(commit);
                if self.syncing > 0 || self.waiting.len() > 1 {
                    Answer::Joined
                } else {
                    Answer::Sync
                }
            }
        }
    }

    fn read_or_fail(&mut self, request: StoreRequest, faults: &mut FaultCounts) -> StoreReply {
        if let Some(failure) = self.next_fault.read.take() {
            faults.strike(Fault::ReadError);
            return fail(request, failure);
        }
        if !std::mem::take(&mut self.next_fault.short_read) {
            return self.read(request);
        }
        faults.strike(Fault::ShortRead);
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
    pub(crate) fn end_sync(
        &mut self,
        chance: &mut Rng,
        faults: &mut FaultCounts,
    ) -> (Vec<StoreReply>, bool) {
        let done = std::mem::take(&mut self.syncing);
        if let Some(failure) = self.next_fault.commit.take() {
            let is_full = failure == StoreFailure::Full;
            faults.strike(if is_full { Fault::DiskFull } else { Fault::CommitError });
            self.store.crash(chance.below(done as u64 + 1) as usize);
            self.failed = Some(StoreFailure::Closed);
            let replies = self.waiting.drain(..).map(|commit| commit.failed(failure));
            return (replies.collect(), false);
        }
        self.store.sync(done);
        let replies = self.waiting.drain(..done).map(CommitRequest::durable).collect();
        (replies, !self.waiting.is_empty())
    }

    /// A disk that holds what is durable on this one.
    pub(crate) fn durable(&self) -> Self {
        Self { store: self.store.snapshot(), ..Self::new(self.options) }
    }

    /// Whether it has failed since its node was started.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
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

    /// Flips a bit of a value, but of no feed of these authors. Returns whether there was one.
    pub(crate) fn rot(&mut self, but: &[PublicKey], chance: &mut Rng) -> bool {
        // What rots lies still: between two commits the order of staged ones would be lost.
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
        let mut entries = record::feed_entries(&self.store, ROT_ENTRIES_MAX);
        entries.retain(|(key, value)| !spared.contains(&record::slot_of(key)) && !value.is_empty());
        let Some(last) = (entries.len() as u64).checked_sub(1) else { return false };
        let (key, value) = entries.swap_remove(chance.below(last + 1) as usize);
        let mut value = value.to_vec();
        let bit = chance.below(value.len() as u64 * 8) as usize;
        value[bit / 8] ^= 1 << (bit % 8);
        self.store.stage(&[Write::Put(key, value.into())]);
        self.store.sync(usize::MAX);
        true
    }

    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.store.snapshot());
    }

    /// Puts the backup back, if there is one.
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

    /// A planted bug: entries are changed or lost behind everybody's back.
    #[cfg(test)]
    pub(crate) fn tamper(&mut self, change: impl Fn(u8, &mut Vec<u8>) -> bool) {
        let entries = record::feed_entries(&self.store, ROT_ENTRIES_MAX);
        for (key, value) in entries {
            let mut value = value.to_vec();
            let write = match change(key.as_bytes()[0], &mut value) {
                true => Write::Put(key, value.into()),
                false => Write::Delete(key),
            };
            self.store.stage(&[write]);
        }
        self.store.sync(usize::MAX);
    }

    /// The slots of which anything is there.
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
