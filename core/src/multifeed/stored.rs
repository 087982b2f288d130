//! Replies of the store.
//!
//! Rule: only this file makes anything durable. So peers and the application learn of new blocks
//! through it alone.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use super::Multifeed;
use crate::error::StoreFailure;
use crate::feed;
use crate::feed::read::RangeRead;
use crate::id::{ConnectionId, FeedId, RequestId};
use crate::io::{Answer, Event, StoreKey, StoreReply};
use crate::outbox::{BlockPurpose, BlockRead, CommitJob, OpenStep, ReadJob, ScanJob};
use crate::peer::connection::Connection;
use crate::replicate::Session;

impl Multifeed {
    /// Handles a reply together with the job of its request. The kind of the answer decides among
    /// which jobs it is looked up, so the two always belong together.
    pub(super) fn on_store_reply(&mut self, reply: StoreReply) {
        let StoreReply { id, answer } = reply;
        let job = match answer {
            Answer::Values(values) => {
                self.outbox.finish_read(id).map(|job| self.on_values(job, values))
            }
            Answer::Entries(entries) => {
                self.outbox.finish_scan(id).map(|job| self.on_entries(job, entries))
            }
            Answer::Committed(Ok(())) => {
                self.outbox.finish_commit(id).map(|job| self.on_durable(job))
            }
            Answer::Committed(Err(failure)) => {
                self.outbox.finish_commit(id).map(|job| self.on_commit_failed(job, failure))
            }
        };
        if job.is_some() {
            self.continue_removals();
        }
    }

    fn on_entries(&mut self, job: ScanJob, entries: Result<Vec<(StoreKey, Bytes)>, StoreFailure>) {
        match (job, entries) {
            (ScanJob::Blocks(blocks), entries) => self.on_block_entries(blocks, entries),
            (ScanJob::Removal { feed, part }, Ok(entries)) => {
                self.on_removal_scanned(feed, part, entries);
            }
            (ScanJob::Removal { feed, .. }, Err(failure)) => self.fail_removal(feed, failure),
            (ScanJob::Open(_), Err(failure)) => self.fail_open(failure),
            (ScanJob::Open(step), Ok(entries)) => match step {
                OpenStep::Meta => self.on_meta_loaded(&entries),
                OpenStep::Feeds => self.on_feeds_loaded(&entries),
                OpenStep::Rulings => self.on_rulings_loaded(&entries),
                OpenStep::Known => self.on_known_loaded(&entries),
                OpenStep::Forks => self.on_forks_loaded(&entries),
            },
        }
    }

    fn on_values(&mut self, job: ReadJob, values: Result<Vec<Option<Bytes>>, StoreFailure>) {
        match job {
            ReadJob::Nodes(BlockRead { purpose, read }) => match values {
                Ok(values) => self.on_blocks_read(purpose, &read, read.take_nodes(values)),
                Err(failure) => self.on_block_read_failed(purpose, &read, failure),
            },
            ReadJob::VerifyRefetched { connection, bytes, read } => {
                let range = values.and_then(|values| read.take_nodes(values));
                self.on_refetched(connection, bytes, &read, range);
            }
            ReadJob::CompareSignedHead { connection, theirs, read } => {
                self.on_signed_head_read(connection, theirs, read, values);
            }
            ReadJob::Prove { connection, read } => self.on_proof_read(connection, read, values),
        }
    }

    /// The first half of a block read: the blocks.
    fn on_block_entries(
        &mut self,
        blocks: BlockRead,
        entries: Result<Vec<(StoreKey, Bytes)>, StoreFailure>,
    ) {
        let BlockRead { purpose, mut read } = blocks;
        let entries = match entries {
            Ok(entries) => entries,
            Err(failure) => return self.on_block_read_failed(purpose, &read, failure),
        };
        match read.take_blocks(entries) {
            Ok(keys) if keys.is_empty() && purpose.skips_empty_read() => {
                let range = read.take_nodes(Vec::new());
                self.on_blocks_read(purpose, &read, range);
            }
            Ok(keys) => self.outbox.read(ReadJob::Nodes(BlockRead { purpose, read }), keys),
            Err(failure) => self.on_blocks_read(purpose, &read, Err(failure)),
        }
    }

    /// A block read has ended with verified blocks, or with blocks that do not verify.
    fn on_blocks_read(
        &mut self,
        purpose: BlockPurpose,
        read: &RangeRead,
        range: Result<feed::Range<Bytes>, StoreFailure>,
    ) {
        match purpose {
            BlockPurpose::Serve { connection } => self.serve(connection, read, range),
            BlockPurpose::ServeRefetch { connection } => {
                self.on_refetch_read(connection, read, range);
            }
            BlockPurpose::Answer { request, end } => self.answer_read(request, end, read, range),
            BlockPurpose::Clear(clear) => self.on_clear_read(clear, read, range),
            BlockPurpose::Check => self.on_blocks_checked(read, range),
        }
    }

    /// The store could not carry out a block read.
    fn on_block_read_failed(
        &mut self,
        purpose: BlockPurpose,
        read: &RangeRead,
        failure: StoreFailure,
    ) {
        match purpose {
            BlockPurpose::Answer { request, .. } => self.fail_request(request, failure),
            BlockPurpose::Check => self.fail_downloads(read.feed(), failure),
            purpose => self.on_blocks_read(purpose, read, Err(failure)),
        }
    }

    fn on_durable(&mut self, job: CommitJob) {
        match job {
            CommitJob::Bind => self.finish_open(),
            CommitJob::Append { request, feed, blocks } => self.on_appended(request, feed, blocks),
            CommitJob::Extend { connection, feed, end, bytes } => {
                self.on_extended(feed, end);
                self.return_window(connection, bytes);
            }
            CommitJob::Follow { connection, feed, end, bytes } => {
                self.on_extended(feed, end);
                self.on_hypercore_stored(connection, bytes);
            }
            CommitJob::Restore { connection, bytes, feed, blocks } => {
                self.on_restored(feed, blocks);
                self.return_window(connection, bytes);
            }
            CommitJob::Adopt { .. } => (),
            CommitJob::Fork { feed } => self.on_forked(feed),
            CommitJob::StoreCheckpoint { connection } => self.on_checkpoint_stored(connection),
            CommitJob::Rule { request, key } => self.answer_request(Event::Ruled { request, key }),
            CommitJob::Clear(clear) => self.continue_clear(clear),
            CommitJob::Remove { feed, step } => self.on_removal_committed(feed, step),
        }
    }

    fn on_commit_failed(&mut self, job: CommitJob, failure: StoreFailure) {
        match job {
            CommitJob::Bind => self.fail_open(failure),
            CommitJob::Append { request, feed, .. } => {
                self.break_feed(feed, failure);
                self.fail_request(request, failure);
            }
            CommitJob::Extend { connection, feed, bytes, .. }
            | CommitJob::Restore { connection, bytes, feed, .. } => {
                self.break_feed(feed, failure);
                self.return_window(connection, bytes);
            }
            CommitJob::Follow { connection, feed, bytes, .. } => {
                self.break_feed(feed, failure);
                self.on_hypercore_stored(connection, bytes);
            }
            CommitJob::Adopt { feed } | CommitJob::Fork { feed } => self.break_feed(feed, failure),
            CommitJob::StoreCheckpoint { connection } => self.on_checkpoint_stored(connection),
            CommitJob::Rule { request, .. } => self.fail_request(request, failure),
            CommitJob::Clear(clear) => {
                self.break_feed(clear.feed, failure);
                self.fail_request(clear.request, failure);
            }
            CommitJob::Remove { feed, .. } => self.fail_removal(feed, failure),
        }
    }

    fn on_appended(&mut self, request: RequestId, feed: FeedId, blocks: Range<u64>) {
        let broken = self.feeds.get(feed).and_then(|log| log.broken());
        if let Some(failure) = broken {
            // An earlier commit of the feed failed: this one is on the disk, but not in the feed.
            return self.fail_request(request, failure);
        }
        let end = blocks.end;
        self.early_appends.insert(feed, blocks, request);
        self.on_committed(feed, end);
    }

    /// Answers the appends that are within the durable length, in the order of their blocks.
    fn answer_appends(&mut self, feed: FeedId) {
        let length = self.length(feed);
        while let Some((request, blocks)) = self.early_appends.pop_within(feed, length) {
            let Range { start, end } = blocks;
            self.answer(request, feed, |key| Event::Appended { request, feed, key, start, end });
        }
    }

    fn on_extended(&mut self, feed: FeedId, end: u64) {
        let grown = self.on_committed(feed, end);
        if grown.is_empty() || self.removals.contains(feed) {
            return;
        }
        let Some(key) = self.feeds.get(feed).map(|log| log.key) else { return };
        let Range { start, end } = grown;
        if start == 0 {
            self.outbox.event(Event::FeedAdded { feed, key });
        }
        self.outbox.event(Event::Extended { feed, key, start, end });
    }

    /// A commit of a feed is durable: announces the feed's growth. Returns the blocks that became
    /// durable with it; none while an earlier commit is under way.
    fn on_committed(&mut self, feed: FeedId, end: u64) -> Range<u64> {
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
            session.on_feed_grown(feed, grown.clone(), context.limits);
            session.continue_signed_head(&mut context, feed);
            self.after_change(id);
        }
        grown
    }

    /// Blocks of a peer are stored or dropped: their bytes count against its window no more.
    pub(super) fn return_window(&mut self, connection: ConnectionId, bytes: u64) {
        if let Some(session) = self.session(connection) {
            session.return_window(bytes);
            self.after_change(connection);
        }
    }

    /// A checkpoint is stored. If the store failed, the next session with the peer costs more
    /// bytes.
    fn on_checkpoint_stored(&mut self, connection: ConnectionId) {
        if let Some(session) = self.session(connection) {
            session.on_checkpoint_stored();
            self.after_change(connection);
        }
    }

    pub(super) fn session(&mut self, connection: ConnectionId) -> Option<&mut Session> {
        self.connections.get_mut(&connection).and_then(Connection::session_mut)
    }

    fn serve(
        &mut self,
        connection: ConnectionId,
        read: &RangeRead,
        range: Result<feed::Range<Bytes>, StoreFailure>,
    ) {
        let (feed, length) = (read.feed(), self.shared_length(read.feed()));
        let range = match range {
            Ok(range) => range,
            Err(failure) => return self.fail_serve(connection, read, failure),
        };
        if let Some(session) = self.session(connection) {
            session.serve_range(feed, &range, length);
            self.after_change(connection);
        }
    }

    fn fail_serve(&mut self, connection: ConnectionId, read: &RangeRead, failure: StoreFailure) {
        let feed = read.feed();
        let (length, is_outdated) = (self.shared_length(feed), self.is_outdated(read));
        if let Some(session) = self.session(connection) {
            if is_outdated {
                session.retry_serve(feed);
            } else {
                session.fail_serve(feed, length);
            }
            self.after_change(connection);
        }
        if !is_outdated {
            self.report_broken(feed, failure);
        }
    }

    /// Whether the feed's cleared blocks changed since a read began, so that what it found may
    /// match neither the state before nor the state after.
    pub(super) fn is_outdated(&self, read: &RangeRead) -> bool {
        self.feeds.get(read.feed()).is_none_or(|feed| read.is_outdated(feed))
    }

    /// The length of a feed that is exchanged with peers.
    fn shared_length(&self, feed: FeedId) -> u64 {
        self.feeds.get(feed).map_or(0, |feed| feed.shared_length())
    }

    pub(super) fn length(&self, feed: FeedId) -> u64 {
        self.feeds.get(feed).map_or(0, |feed| feed.length())
    }

    fn answer_read(
        &mut self,
        request: RequestId,
        end: u64,
        read: &RangeRead,
        range: Result<feed::Range<Bytes>, StoreFailure>,
    ) {
        let feed = read.feed();
        match range {
            Ok(feed::Range { start, blocks, .. }) => {
                self.answer_blocks(request, feed, start, blocks);
            }
            Err(failure) if !self.is_outdated(read) => self.fail_request(request, failure),
            Err(_) if self.removals.contains(feed) => {
                self.answer_request(Event::Canceled { request });
            }
            Err(_) => self.begin_read(request, feed, read.start()..end),
        }
    }

    pub(super) fn fail_request(&mut self, request: RequestId, failure: StoreFailure) {
        self.answer_request(Event::Failed { request, failure });
    }

    /// A commit of a feed failed: the feed does not grow any more until the store is opened again.
    pub(super) fn break_feed(&mut self, feed: FeedId, failure: StoreFailure) {
        if self.feeds.get(feed).is_none_or(|log| log.broken().is_some()) {
            return;
        }
        self.feeds.fail(feed, failure);
        let length = self.length(feed);
        self.report_broken(feed, failure);
        for request in self.early_appends.take_all(feed) {
            self.fail_request(request, failure);
        }
        self.fail_downloads(feed, failure);
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let (peer, context) = self.split(id);
            if let Some(session) = peer.and_then(Connection::session_mut) {
                session.freeze(context.assignments, feed, length);
                session.update_proving(context.feeds, feed);
                self.after_change(id);
            }
        }
    }
}
