//! What the store answered.
//!
//! Rule: this is the only place where something becomes durable, and so the only one from which
//! peers and the application hear of new blocks.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Multifeed;
use crate::error::StoreFailure;
use crate::feed::Range;
use crate::feed::read::RangeRead;
use crate::id::{ConnectionId, FeedId, RequestId};
use crate::io::{Answer, Event, StoreReply};
use crate::outbox::Job;
use crate::peer::connection::Connection;
use crate::replicate::{Lengths, Session};

impl Multifeed {
    pub(super) fn stored(&mut self, reply: StoreReply) {
        let Some(job) = self.outbox.finish(reply.id) else { return };
        match (job, reply.answer) {
            (Job::OpenMeta, Answer::Values(values)) => self.took_meta(&values),
            (Job::OpenNew, Answer::Durable) => self.took_feeds(&[]),
            (Job::OpenFeeds, Answer::Entries(entries)) => self.took_feeds(&entries),
            (Job::Append { request, feed, start, end }, Answer::Durable) => {
                self.appended(request, feed, start, end);
            }
            (Job::Extend { connection, feed, end, bytes }, Answer::Durable) => {
                self.extended(feed, end);
                self.free_window(connection, bytes);
            }
            (Job::Adopt { .. }, Answer::Durable) => (),
            (Job::Follow { connection, feed, end, bytes }, Answer::Durable) => {
                self.extended(feed, end);
                self.follow_stored(connection, bytes);
            }
            (Job::Prove { connection, read }, Answer::Values(values)) => {
                self.proved(connection, read, Ok(values));
            }
            (Job::Serve { connection, start, mut read }, Answer::Entries(entries)) => {
                match read.take_blocks(entries) {
                    Ok(keys) if keys.is_empty() => self.serve(connection, read, Vec::new()),
                    Ok(keys) => self.outbox.read(Job::Serve { connection, start, read }, keys),
                    Err(failure) => self.fail_serve(connection, read.feed(), failure),
                }
            }
            (Job::Serve { connection, read, .. }, Answer::Values(values)) => {
                self.serve(connection, read, values);
            }
            (Job::Read { request, mut read }, Answer::Entries(entries)) => {
                match read.take_blocks(entries) {
                    Ok(keys) if keys.is_empty() => self.answer(request, read, Vec::new()),
                    Ok(keys) => self.outbox.read(Job::Read { request, read }, keys),
                    Err(failure) => self.fail_request(request, failure),
                }
            }
            (Job::Read { request, read }, Answer::Values(values)) => {
                self.answer(request, read, values);
            }
            (job, Answer::Failed(failure)) => self.failed(job, failure),
            // Replies are made from their requests, so no other pair can be.
            (job, _) => self.failed(job, StoreFailure::Damaged),
        }
    }

    fn appended(&mut self, request: RequestId, feed: FeedId, start: u64, end: u64) {
        let broken = self.feeds.get(feed).and_then(|log| log.broken());
        if let Some(failure) = broken {
            // An earlier commit of the feed failed: this one is on the disk, but not in the feed.
            return self.fail_request(request, failure);
        }
        self.early.insert((feed, end), (request, start));
        self.landed(feed, end);
    }

    /// Answers the appends that count by now, in the order of their blocks.
    fn answer_appends(&mut self, feed: FeedId) {
        let length = self.length(feed);
        while let Some(entry) = self.early.range((feed, 0)..=(feed, length)).next() {
            let ((_, end), (request, start)) = (*entry.0, *entry.1);
            self.early.remove(&(feed, end));
            self.open_requests -= 1;
            self.outbox.event(Event::Appended { request, feed, start, end });
        }
    }

    fn extended(&mut self, feed: FeedId, end: u64) {
        let grown = self.landed(feed, end);
        if grown.is_empty() {
            return;
        }
        if grown.start == 0
            && let Some(log) = self.feeds.get(feed)
        {
            self.outbox.event(Event::FeedAdded { feed, key: log.key });
        }
        self.outbox.event(Event::Extended { feed, start: grown.start, end: grown.end });
    }

    /// A commit of a feed is durable: tells every peer that has to know.
    fn landed(&mut self, feed: FeedId, end: u64) -> core::ops::Range<u64> {
        let Some(log) = self.feeds.get_mut(feed) else { return 0..0 };
        let grown = log.landed(end);
        if grown.is_empty() {
            return grown;
        }
        self.answer_appends(feed);
        self.touch_links(feed);
        if !self.feeds.get(feed).is_some_and(|log| log.is_of_group()) {
            return grown;
        }
        let lengths = Lengths { before: grown.start, after: grown.end };
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let (peer, context) = self.split(id);
            let Some(session) = peer.and_then(Connection::session_mut) else { continue };
            session.grown(feed, lengths, context.limits);
            self.settle(id);
        }
        grown
    }

    fn free_window(&mut self, connection: ConnectionId, bytes: u64) {
        if let Some(session) = self.session(connection) {
            session.return_window(bytes);
            self.settle(connection);
        }
    }

    fn session(&mut self, connection: ConnectionId) -> Option<&mut Session> {
        self.connections.get_mut(&connection).and_then(Connection::session_mut)
    }

    fn serve(&mut self, connection: ConnectionId, read: RangeRead, values: Vec<Option<Bytes>>) {
        let feed = read.feed();
        match read.take_nodes(values) {
            Ok(range) => {
                let length = self.length(feed);
                if let Some(session) = self.session(connection) {
                    session.serve_range(feed, &range, length);
                    self.settle(connection);
                }
            }
            Err(failure) => self.fail_serve(connection, feed, failure),
        }
    }

    fn fail_serve(&mut self, connection: ConnectionId, feed: FeedId, failure: StoreFailure) {
        let length = self.length(feed);
        if let Some(session) = self.session(connection) {
            session.fail_serve(feed, length);
            self.settle(connection);
        }
        self.outbox.event(Event::FeedBroken { feed, failure });
    }

    fn length(&self, feed: FeedId) -> u64 {
        self.feeds.get(feed).map_or(0, |feed| feed.length())
    }

    fn answer(&mut self, request: RequestId, read: RangeRead, values: Vec<Option<Bytes>>) {
        let feed = read.feed();
        match read.take_nodes(values) {
            Ok(Range { start, blocks, .. }) => {
                self.open_requests -= 1;
                self.outbox.event(Event::Blocks { request, feed, start, blocks });
            }
            Err(failure) => self.fail_request(request, failure),
        }
    }

    fn fail_request(&mut self, request: RequestId, failure: StoreFailure) {
        self.open_requests -= 1;
        self.outbox.event(Event::Failed { request, failure });
    }

    fn failed(&mut self, job: Job, failure: StoreFailure) {
        match job {
            Job::OpenMeta | Job::OpenNew | Job::OpenFeeds => self.fail_open(failure),
            Job::Append { request, feed, .. } => {
                self.break_feed(feed, failure);
                self.fail_request(request, failure);
            }
            Job::Extend { connection, feed, bytes, .. } => {
                self.break_feed(feed, failure);
                self.free_window(connection, bytes);
            }
            Job::Adopt { feed } => self.break_feed(feed, failure),
            Job::Follow { connection, feed, bytes, .. } => {
                self.break_feed(feed, failure);
                self.follow_stored(connection, bytes);
            }
            Job::Prove { connection, read } => self.proved(connection, read, Err(failure)),
            Job::Serve { connection, read, .. } => {
                self.fail_serve(connection, read.feed(), failure);
            }
            Job::Read { request, .. } => self.fail_request(request, failure),
        }
    }

    /// A commit failed: the feed takes nothing more, from nobody.
    fn break_feed(&mut self, feed: FeedId, failure: StoreFailure) {
        let Some(log) = self.feeds.get_mut(feed) else { return };
        if log.broken().is_some() {
            return;
        }
        log.fail(failure);
        let length = log.length();
        self.outbox.event(Event::FeedBroken { feed, failure });
        let early: Vec<_> = self.early.range((feed, 0)..=(feed, u64::MAX)).collect();
        let early: Vec<_> = early.into_iter().map(|(key, value)| (*key, value.0)).collect();
        for (key, request) in early {
            self.early.remove(&key);
            self.fail_request(request, failure);
        }
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let (peer, context) = self.split(id);
            if let Some(session) = peer.and_then(Connection::session_mut) {
                session.freeze(context.sources, feed, length);
                self.settle(id);
            }
        }
    }
}
