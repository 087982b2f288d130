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
use crate::replicate::Session;

impl Multifeed {
    pub(super) fn stored(&mut self, reply: StoreReply) {
        let Some(job) = self.outbox.finish(reply.id) else { return };
        match (job, reply.answer) {
            (Job::OpenMeta, Answer::Entries(entries)) => self.on_meta_loaded(&entries),
            (Job::OpenNew, Answer::Durable) => self.ready(),
            (Job::OpenFeeds, Answer::Entries(entries)) => self.on_feeds_loaded(&entries),
            (Job::OpenRulings, Answer::Entries(entries)) => self.on_rulings_loaded(&entries),
            (Job::OpenKnown, Answer::Entries(entries)) => self.on_known_loaded(&entries),
            (Job::OpenForks, Answer::Entries(entries)) => self.on_forks_loaded(&entries),
            (Job::Fork { feed }, Answer::Durable) => self.forked(feed),
            (Job::CompareSignedHead { theirs, read }, answer) => {
                self.on_signed_head_read(theirs, read, answer)
            }
            (Job::StoreCheckpoint { connection }, Answer::Durable) => self.marked(connection),
            (Job::Append { request, feed, start, end }, Answer::Durable) => {
                self.appended(request, feed, start, end);
            }
            (Job::Extend { connection, feed, end, bytes }, Answer::Durable) => {
                self.on_extended(feed, end);
                self.free_window(connection, bytes);
            }
            (Job::Adopt { .. }, Answer::Durable) => (),
            (Job::Follow { connection, feed, end, bytes }, Answer::Durable) => {
                self.on_extended(feed, end);
                self.on_hypercore_stored(connection, bytes);
            }
            (Job::Prove { connection, read }, Answer::Values(values)) => {
                self.on_proof_read(connection, read, Ok(values));
            }
            (Job::Serve { connection, start, mut read }, Answer::Entries(entries)) => {
                match read.take_blocks(entries) {
                    Ok(keys) if keys.is_empty() => self.serve(connection, read, Vec::new()),
                    Ok(keys) => self.outbox.read(Job::Serve { connection, start, read }, keys),
                    Err(failure) => self.fail_serve(connection, &read, failure),
                }
            }
            (Job::Serve { connection, read, .. }, Answer::Values(values)) => {
                self.serve(connection, read, values);
            }
            (Job::Read { request, end, mut read }, Answer::Entries(entries)) => {
                match read.take_blocks(entries) {
                    Ok(keys) if keys.is_empty() => self.answer(request, end, read, Vec::new()),
                    Ok(keys) => self.outbox.read(Job::Read { request, end, read }, keys),
                    Err(failure) => self.fail_read(request, end, &read, failure),
                }
            }
            (Job::Read { request, end, read }, Answer::Values(values)) => {
                self.answer(request, end, read, values);
            }
            (Job::Rule { request, key }, Answer::Durable) => {
                self.answered(Event::Ruled { request, key });
            }
            (Job::Remove { feed, step }, answer) => self.left(feed, step, answer),
            (Job::ClearRead { clear, read }, answer) => self.on_clear_read(clear, read, answer),
            (Job::Clear { clear }, Answer::Durable) => self.continue_clear(clear),
            (Job::ServeRefetch { connection, read }, answer) => {
                self.serve_refetch(connection, read, answer);
            }
            (Job::Check { read }, answer) => self.on_blocks_checked(read, answer),
            (Job::VerifyRefetched { connection, bytes, read }, answer) => {
                self.fill(connection, bytes, read, answer);
            }
            (Job::Restore { connection, bytes, feed, start, end }, Answer::Durable) => {
                self.filled(feed, start, end);
                self.free_window(connection, bytes);
            }
            (job, Answer::Failed(failure)) => self.failed(job, failure),
            // Replies are made from their requests, so no other pair can be.
            (job, _) => self.failed(job, StoreFailure::Damaged),
        }
        self.continue_removals();
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
            self.answered(Event::Appended { request, feed, start, end });
        }
    }

    fn on_extended(&mut self, feed: FeedId, end: u64) {
        let grown = self.landed(feed, end);
        let is_leaving = self.leaving.contains_key(&feed);
        if grown.is_empty() || is_leaving {
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
        let grown = log.on_committed(end);
        if grown.is_empty() {
            return grown;
        }
        let (key, is_offered) = (log.key, log.is_offered());
        if is_offered {
            self.sets.change(feed, &key, grown.start, grown.end);
        }
        self.answer_appends(feed);
        self.wake_hypercore_sessions(feed);
        if !is_offered {
            return grown;
        }
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let (peer, mut context) = self.split(id);
            let Some(session) = peer.and_then(Connection::session_mut) else { continue };
            session.grown(feed, grown.clone(), context.limits);
            session.continue_signed_head(&mut context, feed);
            self.settle(id);
        }
        grown
    }

    pub(super) fn free_window(&mut self, connection: ConnectionId, bytes: u64) {
        if let Some(session) = self.session(connection) {
            session.return_window(bytes);
            self.settle(connection);
        }
    }

    /// A mark is in the store, or will not be: then the peer has to be met anew.
    fn marked(&mut self, connection: ConnectionId) {
        if let Some(session) = self.session(connection) {
            session.marked();
            self.settle(connection);
        }
    }

    pub(super) fn session(&mut self, connection: ConnectionId) -> Option<&mut Session> {
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
            Err(failure) => self.fail_serve(connection, &read, failure),
        }
    }

    fn fail_serve(&mut self, connection: ConnectionId, read: &RangeRead, failure: StoreFailure) {
        let feed = read.feed();
        let (length, is_outdated) = (self.length(feed), self.is_outdated(read));
        if let Some(session) = self.session(connection) {
            match is_outdated {
                true => session.retry_serve(feed),
                false => session.fail_serve(feed, length),
            }
            self.settle(connection);
        }
        if !is_outdated {
            self.outbox.event(Event::FeedBroken { feed, failure });
        }
    }

    /// Whether what a read found may be neither what was there before nor what is there now.
    pub(super) fn is_outdated(&self, read: &RangeRead) -> bool {
        self.feeds.get(read.feed()).is_none_or(|feed| read.is_outdated(feed))
    }

    pub(super) fn length(&self, feed: FeedId) -> u64 {
        self.feeds.get(feed).map_or(0, |feed| feed.length())
    }

    fn answer(
        &mut self,
        request: RequestId,
        end: u64,
        read: RangeRead,
        values: Vec<Option<Bytes>>,
    ) {
        let feed = read.feed();
        match read.take_nodes(values) {
            Ok(Range { start, blocks, .. }) => {
                self.answered(Event::Blocks { request, feed, start, blocks });
            }
            Err(failure) => self.fail_read(request, end, &read, failure),
        }
    }

    /// A read failed, or blocks left the feed or came back while it was under way.
    fn fail_read(&mut self, request: RequestId, end: u64, read: &RangeRead, failure: StoreFailure) {
        match self.is_outdated(read) {
            true if self.leaving.contains_key(&read.feed()) => {
                self.answered(Event::Canceled { request });
            }
            true => self.begin_read(request, read.feed(), read.start(), end),
            false => self.fail_request(request, failure),
        }
    }

    pub(super) fn fail_request(&mut self, request: RequestId, failure: StoreFailure) {
        self.answered(Event::Failed { request, failure });
    }

    fn failed(&mut self, job: Job, failure: StoreFailure) {
        match job {
            Job::OpenMeta
            | Job::OpenNew
            | Job::OpenFeeds
            | Job::OpenRulings
            | Job::OpenKnown
            | Job::OpenForks => self.fail_open(failure),
            Job::StoreCheckpoint { connection } => self.marked(connection),
            Job::Append { request, feed, .. } => {
                self.break_feed(feed, failure);
                self.fail_request(request, failure);
            }
            Job::Extend { connection, feed, bytes, .. } => {
                self.break_feed(feed, failure);
                self.free_window(connection, bytes);
            }
            Job::Adopt { feed } | Job::Fork { feed } => self.break_feed(feed, failure),
            Job::Follow { connection, feed, bytes, .. } => {
                self.break_feed(feed, failure);
                self.on_hypercore_stored(connection, bytes);
            }
            Job::Prove { connection, read } => self.on_proof_read(connection, read, Err(failure)),
            Job::Serve { connection, read, .. } => {
                self.fail_serve(connection, &read, failure);
            }
            Job::Read { request, .. } | Job::Rule { request, .. } => {
                self.fail_request(request, failure);
            }
            Job::Clear { clear } => {
                self.break_feed(clear.feed, failure);
                self.fail_request(clear.request, failure);
            }
            Job::Restore { connection, bytes, feed, .. } => {
                self.break_feed(feed, failure);
                self.free_window(connection, bytes);
            }
            // They take their failures themselves.
            Job::Remove { .. }
            | Job::CompareSignedHead { .. }
            | Job::ClearRead { .. }
            | Job::ServeRefetch { .. }
            | Job::Check { .. }
            | Job::VerifyRefetched { .. } => (),
        }
    }

    /// A commit failed: the feed takes nothing more, from nobody.
    pub(super) fn break_feed(&mut self, feed: FeedId, failure: StoreFailure) {
        if self.feeds.get(feed).is_none_or(|log| log.broken().is_some()) {
            return;
        }
        self.feeds.fail(feed, failure);
        let length = self.length(feed);
        self.outbox.event(Event::FeedBroken { feed, failure });
        let early: Vec<_> = self.early.range((feed, 0)..=(feed, u64::MAX)).collect();
        let early: Vec<_> = early.into_iter().map(|(key, value)| (*key, value.0)).collect();
        for (key, request) in early {
            self.early.remove(&key);
            self.fail_request(request, failure);
        }
        self.fail_downloads(feed, failure);
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let (peer, context) = self.split(id);
            if let Some(session) = peer.and_then(Connection::session_mut) {
                session.freeze(context.sources, feed, length);
                session.prove(context.feeds, feed);
                self.settle(id);
            }
        }
    }
}
