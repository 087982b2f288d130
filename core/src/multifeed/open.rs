//! Reads the store when a multifeed is opened.
//!
//! Rule: a store is bound to its group before anything else is written to it. A damaged record
//! affects its own feed and no other.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{Multifeed, State};
use crate::error::StoreFailure;
use crate::feed::ForkEvidence;
use crate::feed::read::BlockScan;
use crate::feed::record::{self, ForkRecord, KnownEntry};
use crate::id::FeedId;
use crate::io::{Event, StoreKey, Write};
use crate::outbox::{CommitJob, OpenStep, ScanJob};

/// Records and bytes that one scan reads while opening. A record of a feed has some 300 bytes (32
/// of public key, 64 of signature, 40 per root), so 4,096 of them are 1.2 MiB, which are in memory
/// at once; the second bound holds for records with many cleared runs.
const RECORDS_MAX: usize = 4_096;
const RECORDS_BYTES_MAX: usize = 2 * 1024 * 1024;

impl Multifeed {
    pub(super) fn read_meta(&mut self) {
        let (from, until) = (record::meta_key(), record::rulings_end());
        self.scan_records(OpenStep::Meta, from, until, 1);
    }

    fn scan_records(&mut self, step: OpenStep, from: StoreKey, until: StoreKey, max: usize) {
        let scan = BlockScan { from, until, entries_max: max, bytes_max: RECORDS_BYTES_MAX };
        self.outbox.scan(ScanJob::Open(step), scan);
    }

    /// The store's first entry was read. Only a store without entries is new: one that lost the
    /// entry that binds it to its group may hold feeds whose blocks would be signed twice.
    pub(super) fn on_meta_loaded(&mut self, entries: &[(StoreKey, Bytes)]) {
        match entries.first() {
            Some((key, _)) if *key != record::meta_key() => self.fail_open(StoreFailure::Damaged),
            Some((_, value)) => match record::check_meta(value, &self.group) {
                Ok(()) => self.scan_feeds(record::feed_key(0)),
                Err(failure) => self.fail_open(failure),
            },
            None => {
                let meta = Write::Put(record::meta_key(), record::encode_meta(&self.group));
                self.outbox.commit(CommitJob::Bind, Vec::from([meta]));
            }
        }
    }

    pub(super) fn scan_feeds(&mut self, from: StoreKey) {
        let until = record::feeds_end();
        self.scan_records(OpenStep::Feeds, from, until, RECORDS_MAX);
    }

    pub(super) fn on_feeds_loaded(&mut self, entries: &[(StoreKey, Bytes)]) {
        for (key, value) in entries {
            let slot = record::slot_of(key);
            if slot < self.feeds.end() {
                return self.fail_open(StoreFailure::Damaged);
            }
            let found = record::decode_record(value);
            let found = found.map(|found| (found.key(&self.group), found));
            if let Err(failure) = found {
                self.outbox.event(Event::FeedBroken {
                    feed: FeedId::first(slot),
                    key: None,
                    failure,
                });
            }
            self.feeds.load(slot, found.ok());
        }
        let last = entries.last().and_then(|(last, _)| record::slot_of(last).checked_add(1));
        match last {
            Some(next) => self.scan_feeds(record::feed_key(next)),
            None => self.scan_rulings(record::ruling_key(0)),
        }
    }

    fn scan_rulings(&mut self, from: StoreKey) {
        let until = record::rulings_end();
        self.scan_records(OpenStep::Rulings, from, until, RECORDS_MAX);
    }

    pub(super) fn on_rulings_loaded(&mut self, entries: &[(StoreKey, Bytes)]) {
        for (key, value) in entries {
            let found = record::decode_ruling(value);
            if let Err(failure) = found {
                self.outbox.event(Event::RulingBroken { failure });
            }
            self.policy.load(record::slot_of(key), found.ok());
        }
        let last = entries.last().and_then(|(last, _)| record::slot_of(last).checked_add(1));
        match last {
            Some(next) => self.scan_rulings(record::ruling_key(next)),
            None => self.scan_known(record::known_key(0)),
        }
    }

    fn scan_known(&mut self, from: StoreKey) {
        let until = record::changes_end();
        self.scan_records(OpenStep::Known, from, until, RECORDS_MAX);
    }

    pub(super) fn on_known_loaded(&mut self, entries: &[(StoreKey, Bytes)]) {
        let known = &mut self.sets.known;
        for (key, value) in entries {
            match record::decode_known(key, value) {
                Ok(KnownEntry::Checkpoint(peer, checkpoint)) => {
                    known.load_checkpoint(record::slot_of(key), peer, checkpoint);
                }
                Ok(KnownEntry::Change(change)) => known.load_change(change),
                // Without it the next session with the peer costs more bytes.
                Err(_) => (),
            }
        }
        match entries.last() {
            Some((last, _)) => self.scan_known(record::behind(last)),
            None => {
                known.opened();
                self.scan_forks(record::fork_key(0));
            }
        }
    }

    fn scan_forks(&mut self, from: StoreKey) {
        let until = record::forks_end();
        self.scan_records(OpenStep::Forks, from, until, RECORDS_MAX);
    }

    pub(super) fn on_forks_loaded(&mut self, entries: &[(StoreKey, Bytes)]) {
        for (key, value) in entries {
            let feed = FeedId::first(record::slot_of(key));
            // A slot without a record belongs to a feed that is being removed, or is damaged.
            let Some(log) = self.feeds.get(feed) else { continue };
            let found = match record::decode_fork(value).ok() {
                Some(ForkRecord::Digest(digest)) => Some(ForkEvidence::Digest(digest)),
                Some(ForkRecord::Proof(proof)) => {
                    let is_valid = log.check_fork(&proof, self.memo.as_ref()).is_ok();
                    is_valid.then(|| ForkEvidence::Proof(proof.encode().into()))
                }
                None => None,
            };
            match found {
                Some(evidence) => self.feeds.set_fork(feed, evidence, true),
                None => {
                    let (key, failure) = (Some(log.key), StoreFailure::Damaged);
                    self.outbox.event(Event::FeedBroken { feed, key, failure });
                }
            }
        }
        match entries.last() {
            Some((last, _)) => self.scan_forks(record::behind(last)),
            None => self.finish_open(),
        }
    }

    /// The whole store was read: the rulings take effect, and interrupted removals continue.
    pub(super) fn finish_open(&mut self) {
        self.state = State::Ready;
        self.apply_rulings();
        self.sets.open(&self.feeds);
        self.outbox.event(Event::Ready { feeds: self.feeds.len() });
        self.resume_removals();
    }

    pub(super) fn fail_open(&mut self, failure: StoreFailure) {
        self.state = State::Failed;
        self.outbox.event(Event::OpenFailed(failure));
    }
}
