//! Reading the store when a multifeed opens.
//!
//! Rule: a store is bound to its group before anything is written to it; a damaged record costs
//! its own feed and no other.

use alloc::vec::Vec;

use bytes::Bytes;

use super::{Multifeed, State};
use crate::error::StoreFailure;
use crate::feed::record::{self, KnownEntry};
use crate::id::FeedId;
use crate::io::{Event, StoreKey, Write};
use crate::outbox::Job;

/// Records and bytes of one scan while opening: some 300 bytes a record.
const RECORDS_MAX: usize = 4_096;
const RECORDS_BYTES_MAX: usize = 2 * 1024 * 1024;

impl Multifeed {
    pub(super) fn read_meta(&mut self) {
        let (from, until) = (record::meta_key(), record::rulings_end());
        self.outbox.scan(Job::OpenMeta, from, until, 1, RECORDS_BYTES_MAX);
    }

    /// Takes the store's first entry. Only a store without any is a new one: one that lost what
    /// binds it to its group may hold feeds that would be signed twice.
    pub(super) fn on_meta_loaded(&mut self, entries: &[(StoreKey, Bytes)]) {
        match entries.first() {
            Some((key, _)) if *key != record::meta_key() => self.fail_open(StoreFailure::Damaged),
            Some((_, value)) => match record::check_meta(value, &self.group) {
                Ok(()) => self.scan_feeds(record::feed_key(0)),
                Err(failure) => self.fail_open(failure),
            },
            None => {
                let meta = Write::Put(record::meta_key(), record::encode_meta(&self.group));
                self.outbox.commit(Job::OpenNew, Vec::from([meta]));
            }
        }
    }

    pub(super) fn scan_feeds(&mut self, from: StoreKey) {
        let until = record::feeds_end();
        self.outbox.scan(Job::OpenFeeds, from, until, RECORDS_MAX, RECORDS_BYTES_MAX);
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
                self.outbox.event(Event::FeedBroken { feed: FeedId(slot), failure });
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
        self.outbox.scan(Job::OpenRulings, from, until, RECORDS_MAX, RECORDS_BYTES_MAX);
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
        self.outbox.scan(Job::OpenKnown, from, until, RECORDS_MAX, RECORDS_BYTES_MAX);
    }

    pub(super) fn on_known_loaded(&mut self, entries: &[(StoreKey, Bytes)]) {
        let known = &mut self.sets.known;
        for (key, value) in entries {
            match record::decode_known(key, value) {
                Ok(KnownEntry::Checkpoint(peer, mark)) => {
                    known.load_checkpoint(record::slot_of(key), peer, mark);
                }
                Ok(KnownEntry::Change(change)) => known.load_change(change),
                // It is worth bytes alone.
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
        self.outbox.scan(Job::OpenForks, from, until, RECORDS_MAX, RECORDS_BYTES_MAX);
    }

    pub(super) fn on_forks_loaded(&mut self, entries: &[(StoreKey, Bytes)]) {
        for (key, value) in entries {
            let feed = FeedId(record::slot_of(key));
            // A slot without a record is a feed that is being removed, or damaged.
            let Some(log) = self.feeds.get(feed) else { continue };
            let found = record::decode_fork(value).ok();
            match found.filter(|found| log.check_fork(found, self.memo.as_ref()).is_ok()) {
                Some(found) => self.feeds.set_fork(feed, found.encode().into(), true),
                None => {
                    self.outbox.event(Event::FeedBroken { feed, failure: StoreFailure::Damaged });
                }
            }
        }
        match entries.last() {
            Some((last, _)) => self.scan_forks(record::behind(last)),
            None => self.ready(),
        }
    }

    /// All was read: what was ruled holds from here on, and removals that were cut off go on.
    pub(super) fn ready(&mut self) {
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
