//! How a feed leaves with all that the store has of it.
//!
//! Rule: first it is durable that the feed leaves, and how far it was signed; then its entries are
//! deleted, a bounded number in each commit; then it is durable that it has left. A process that
//! ends in between goes on when it is opened again.

use alloc::vec::Vec;

use super::Multifeed;
use crate::error::{Misuse, StoreFailure};
use crate::feed::FeedStatus;
use crate::feed::record::{self, Decision, Ruling};
use crate::id::{FeedId, FeedKey, RequestId};
use crate::io::{Answer, Event, Write};
use crate::outbox::{Job, RemovalStep};
use crate::peer::connection::Connection;
use crate::record::Step;

/// Entries that one commit deletes, and bytes of them that are read to find them.
const DELETES_MAX: usize = 4_096;
const DELETES_BYTES_MAX: usize = 1024 * 1024;

/// A removal under way.
#[derive(Debug)]
pub(super) struct Removal {
    request: Option<RequestId>,
    key: FeedKey,
    signed: u64,
    /// It waits until nothing else reads or writes the feed.
    is_waiting: bool,
}

impl Multifeed {
    /// Removes a feed with all that the store has of it. Answered by
    /// [`Event::Removed`](crate::Event::Removed); from the call on it is not there any more. It
    /// counts as refused until it is accepted again, and then a feed of our own can be written
    /// once it is held as far as we had signed it.
    ///
    /// # Errors
    ///
    /// [`Misuse::UnknownFeed`]; [`Misuse::TooManyRulings`], [`Misuse::TooManyRequests`],
    /// [`Misuse::NotReady`].
    pub fn remove(&mut self, feed: FeedId) -> Result<RequestId, Misuse> {
        self.record_step(|| Step::Remove { feed: feed.0 });
        self.check_ready()?;
        self.check_requests()?;
        let key = self.feed(feed).ok_or(Misuse::UnknownFeed)?.key;
        self.policy.check_room(&key, self.limits.rulings)?;
        let request = self.request();
        self.set_status(feed, FeedStatus::Removing);
        self.cancel_downloads(feed);
        self.cancel_gets(feed);
        let leaving = Removal { request: Some(request), key, signed: 0, is_waiting: true };
        self.leaving.insert(feed, leaving);
        self.continue_removals();
        Ok(request)
    }

    /// Removals that an earlier process began.
    pub(super) fn resume_removals(&mut self) {
        let rulings = self.policy.iter();
        let slots: Vec<_> = rulings
            .filter_map(|(key, ruling)| Some((*key, ruling.signed, FeedId(ruling.leaving?))))
            .collect();
        for (key, signed, feed) in slots {
            if self.feeds.get(feed).is_some_and(|log| log.key != key) {
                // Only damage puts another feed there, and that one stays.
                continue;
            }
            if let Some(log) = self.feeds.get_mut(feed) {
                log.status = FeedStatus::Removing;
            }
            let leaving = Removal { request: None, key, signed, is_waiting: false };
            self.leaving.insert(feed, leaving);
            self.scan_entries(feed, 0);
        }
    }

    /// Begins with the feeds that nothing reads or writes any more.
    pub(super) fn continue_removals(&mut self) {
        let waiting = self.leaving.iter().filter(|(_, leaving)| leaving.is_waiting);
        let idle = waiting.filter(|(feed, _)| !self.outbox.works_on(**feed));
        let idle: Vec<FeedId> = idle.map(|(feed, _)| *feed).collect();
        for feed in idle {
            let Some(leaving) = self.leaving.get_mut(&feed) else { continue };
            leaving.is_waiting = false;
            let known = self.policy.find(&leaving.key).map_or(0, |ruling| ruling.signed);
            let signed = self.feeds.get(feed).map_or(0, |log| log.signed_length());
            leaving.signed = signed.max(known);
            let write = self.policy.rule(&leaving.key, leaving.ruling(Some(feed.0)));
            let job = Job::Remove { feed, step: RemovalStep::Begin };
            self.outbox.commit(job, Vec::from([write]));
        }
    }

    /// A step of a removal was answered.
    pub(super) fn left(&mut self, feed: FeedId, step: RemovalStep, answer: Answer) {
        match (step, answer) {
            (RemovalStep::Begin, Answer::Durable) => self.scan_entries(feed, 0),
            (RemovalStep::Scan(part), Answer::Entries(entries)) if entries.is_empty() => {
                self.scan_entries(feed, part + 1);
            }
            (RemovalStep::Scan(part), Answer::Entries(entries)) => {
                let writes = entries.into_iter().map(|(key, _)| Write::Delete(key)).collect();
                let job = Job::Remove { feed, step: RemovalStep::Delete(part) };
                self.outbox.commit(job, writes);
            }
            (RemovalStep::Delete(part), Answer::Durable) => self.scan_entries(feed, part),
            (RemovalStep::End, Answer::Durable) => self.removed(feed),
            (_, Answer::Failed(failure)) => self.fail_removal(feed, failure),
            // Replies are made from their requests, so no other pair can be.
            _ => self.fail_removal(feed, StoreFailure::Damaged),
        }
    }

    /// Looks for entries of a part, or ends if there are no more parts.
    fn scan_entries(&mut self, feed: FeedId, part: usize) {
        if let Some([from, until]) = record::parts_of(feed.0).get(part) {
            let job = Job::Remove { feed, step: RemovalStep::Scan(part) };
            return self.outbox.scan(job, *from, *until, DELETES_MAX, DELETES_BYTES_MAX);
        }
        let Some(leaving) = self.leaving.get(&feed) else { return };
        let ruling = self.policy.rule(&leaving.key, leaving.ruling(None));
        let record = Write::Delete(record::feed_key(feed.0));
        let writes = Vec::from([record, ruling]);
        self.outbox.commit(Job::Remove { feed, step: RemovalStep::End }, writes);
    }

    fn removed(&mut self, feed: FeedId) {
        let Some(Removal { request, key, .. }) = self.leaving.remove(&feed) else { return };
        self.feeds.clear_slot(feed);
        self.sets.forget_slots();
        let peers = self.connections.values_mut();
        peers.filter_map(Connection::session_mut).for_each(|session| session.forget_fork(feed));
        let mut sessions = self.connections.values().filter_map(Connection::session);
        // A peer that knows the feed has a number for it; the slot is free once no peer does.
        if !sessions.any(|session| session.knows(feed)) {
            self.feeds.forget(feed);
        }
        self.open_requests -= usize::from(request.is_some());
        self.outbox.event(Event::Removed { request, key });
        self.clear_full_where_room();
    }

    /// What is left of the feed is removed when the multifeed is opened again.
    fn fail_removal(&mut self, feed: FeedId, failure: StoreFailure) {
        let Some(leaving) = self.leaving.remove(&feed) else { return };
        match leaving.request {
            Some(request) => self.fail_request(request, failure),
            None => self.outbox.event(Event::FeedBroken { feed, failure }),
        }
    }
}

impl Removal {
    fn ruling(&self, leaving: Option<u32>) -> Ruling {
        Ruling { decision: Decision::Removed, signed: self.signed, leaving }
    }
}
