//! Removes a feed with everything that the store has of it.
//!
//! Rule: the removal and the signed length become durable first; then the entries are deleted, a
//! bounded number per commit; then the end of the removal becomes durable. A process that stops in
//! between continues when it opens the store again.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Multifeed;
use crate::error::{Misuse, StoreFailure};
use crate::feed::FeedStatus;
use crate::feed::read::BlockScan;
use crate::feed::record;
use crate::id::{FeedId, FeedSelector, RequestId};
use crate::io::{Event, StoreKey, Write};
use crate::outbox::{CommitJob, RemovalCommit, ScanJob};
use crate::peer::connection::Connection;
use crate::step::Step;

/// Entries that one commit deletes, and bytes of them that one scan reads to find them: a scan's
/// values lie in memory, and 1 MiB is what an answer to a read has too. An entry of a small block
/// has about 256 bytes, so both bounds are reached together.
const DELETES_MAX: usize = 4_096;
const DELETES_BYTES_MAX: usize = 1024 * 1024;

impl Multifeed {
    /// Removes a feed with everything that the store has of it. Answered by
    /// [`Event::Removed`](crate::Event::Removed); the feed disappears with the call. It counts as
    /// refused until it is accepted again. A feed of our own can then be written once it is held
    /// up to the length that we had signed.
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownFeed`]; [`Misuse::TooManyRulings`], [`Misuse::TooManyRequests`],
    /// [`Misuse::NotReady`].
    pub fn remove(&mut self, feed: impl Into<FeedSelector>) -> Result<RequestId, Misuse> {
        let feed = self.resolve(feed)?;
        self.record_step(|| Step::Remove { feed: feed.into() });
        self.check_requests()?;
        let key = self.feeds.get(feed).ok_or(Misuse::UnknownFeed)?.key;
        self.policy.check_room(&key, self.limits.rulings)?;
        let request = self.requests.begin();
        self.set_status(feed, FeedStatus::Removing);
        self.cancel_downloads(feed);
        self.cancel_gets(feed);
        self.removals.begin(feed, key, request);
        self.continue_removals();
        Ok(request)
    }

    /// Continues removals that an earlier process began.
    pub(super) fn resume_removals(&mut self) {
        let rulings = self.policy.iter();
        let slots: Vec<_> = rulings
            .filter_map(|(key, ruling)| Some((*key, ruling.signed, FeedId::first(ruling.leaving?))))
            .collect();
        for (key, signed, feed) in slots {
            if self.feeds.get(feed).is_some_and(|log| log.key != key) {
                // Only a damaged store has another feed in this slot. That one stays.
                continue;
            }
            if let Some(log) = self.feeds.get_mut(feed) {
                log.status = FeedStatus::Removing;
            }
            self.removals.resume(feed, key, signed);
            self.scan_entries(feed, 0);
        }
    }

    /// Starts the removals of feeds that no open request reads or writes.
    pub(super) fn continue_removals(&mut self) {
        let ready = self.removals.ready(|feed| !self.outbox.works_on(feed));
        for feed in ready {
            let Some(removal) = self.removals.get_mut(feed) else { continue };
            let known = self.policy.find(&removal.key()).map_or(0, |ruling| ruling.signed);
            let signed = self.feeds.get(feed).map_or(0, |log| log.signed_length());
            removal.start(signed.max(known));
            let write = self.policy.rule(&removal.key(), removal.ruling(Some(feed.slot)));
            let job = CommitJob::Remove { feed, step: RemovalCommit::Begin };
            self.outbox.commit(job, Vec::from([write]));
        }
    }

    /// A step of a removal is durable.
    pub(super) fn on_removal_committed(&mut self, feed: FeedId, step: RemovalCommit) {
        match step {
            RemovalCommit::Begin => self.scan_entries(feed, 0),
            RemovalCommit::Delete { part } => self.scan_entries(feed, part),
            RemovalCommit::End => self.on_removed(feed),
        }
    }

    /// Entries of a feed that is being removed were found.
    pub(super) fn on_removal_scanned(
        &mut self,
        feed: FeedId,
        part: usize,
        entries: Vec<(StoreKey, Bytes)>,
    ) {
        if entries.is_empty() {
            return self.scan_entries(feed, part + 1);
        }
        let writes = entries.into_iter().map(|(key, _)| Write::Delete(key)).collect();
        let job = CommitJob::Remove { feed, step: RemovalCommit::Delete { part } };
        self.outbox.commit(job, writes);
    }

    /// Scans for entries of a part of the store, or ends the removal behind the last part.
    fn scan_entries(&mut self, feed: FeedId, part: usize) {
        if let Some([from, until]) = record::parts_of(feed.slot).get(part) {
            let (from, until) = (*from, *until);
            let (entries_max, bytes_max) = (DELETES_MAX, DELETES_BYTES_MAX);
            let scan = BlockScan { from, until, entries_max, bytes_max };
            return self.outbox.scan(ScanJob::Removal { feed, part }, scan);
        }
        let Some(removal) = self.removals.get(feed) else { return };
        let ruling = self.policy.rule(&removal.key(), removal.ruling(None));
        let record = Write::Delete(record::feed_key(feed.slot));
        let job = CommitJob::Remove { feed, step: RemovalCommit::End };
        self.outbox.commit(job, Vec::from([record, ruling]));
    }

    fn on_removed(&mut self, feed: FeedId) {
        let Some(removal) = self.removals.finish(feed) else { return };
        self.feeds.clear_slot(feed);
        self.sets.forget_slots();
        let peers = self.connections.values_mut();
        peers.filter_map(Connection::session_mut).for_each(|session| session.forget_fork(feed));
        let mut sessions = self.connections.values().filter_map(Connection::session);
        // A peer that knows the feed has an alias for it; the slot is free once no peer has one.
        if !sessions.any(|session| session.knows(feed)) {
            self.feeds.forget(feed);
        }
        let (request, key) = (removal.request(), removal.key());
        if request.is_some() {
            self.requests.end();
        }
        self.outbox.event(Event::Removed { request, key });
        self.clear_full_where_room();
    }

    /// The store failed. The next process that opens it removes the rest of the feed.
    pub(super) fn fail_removal(&mut self, feed: FeedId, failure: StoreFailure) {
        let Some(removal) = self.removals.finish(feed) else { return };
        match removal.request() {
            Some(request) => self.fail_request(request, failure),
            None => {
                let key = Some(removal.key());
                self.outbox.event(Event::FeedBroken { feed, key, failure });
            }
        }
    }
}
