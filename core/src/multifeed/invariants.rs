//! The invariants of a multifeed, for tests, fuzz targets and simulators.
//!
//! Rule: each check recounts from the state itself and relies on no counter.

use alloc::collections::{BTreeMap, BTreeSet};

use super::{Multifeed, State};
use crate::feed::FeedStatus;
use crate::id::{FeedId, RequestId};
use crate::outbox::{BlockPurpose, BlockRead, CommitJob, ReadJob, RemovalCommit, ScanJob};
use crate::peer::connection::Connection;
use crate::time::Instant;

impl Multifeed {
    /// Checks that the whole state is consistent: counters equal what they count, no feed is
    /// fetched from two peers, and nothing refers to a feed or connection that is gone.
    ///
    /// It may be called between any two inputs and calls. It takes time in proportion to the
    /// state, so it is meant for tests, fuzz targets and simulators.
    ///
    /// # Panics
    ///
    /// With the first violated invariant, which is a fault of this crate.
    pub fn check_invariants(&self) {
        self.feeds.check_invariants();
        if self.state == State::Ready {
            self.sets.check_invariants(&self.feeds);
        }
        self.sets.known.check_invariants(self.limits.known_changes);
        self.check_open_requests();
        self.check_commits();
        self.check_early_appends();
        self.check_removals();
        self.check_downloads();
        self.check_gets();
        self.check_sessions();
        self.check_assignments();
    }

    /// Each open request is with one part, and their number is the one that is counted.
    fn check_open_requests(&self) {
        let mut open = BTreeSet::new();
        let mut count = |request: RequestId| {
            assert!(open.insert(request), "{request:?} is with two parts");
        };
        for job in self.outbox.commits() {
            match job {
                CommitJob::Append { request, .. } | CommitJob::Rule { request, .. } => {
                    count(*request);
                }
                CommitJob::Clear(clear) => count(clear.request),
                _ => (),
            }
        }
        self.block_reads().filter_map(|blocks| request_of(&blocks.purpose)).for_each(&mut count);
        self.early_appends.iter().for_each(|(_, _, request)| count(request));
        self.removals.iter().filter_map(|(_, removal)| removal.request()).for_each(&mut count);
        self.gets.iter().for_each(|(request, _)| count(request));
        let downloads = self.downloads.iter().flat_map(|(_, open)| open);
        downloads.for_each(|download| count(download.request()));
        assert_eq!(self.requests.open(), open.len(), "the open requests are miscounted");
        assert!(open.len() <= self.limits.requests, "more requests are open than allowed");
    }

    fn block_reads(&self) -> impl Iterator<Item = &BlockRead> {
        let scans = self.outbox.scans().filter_map(|job| match job {
            ScanJob::Blocks(blocks) => Some(blocks),
            ScanJob::Open(_) | ScanJob::Removal { .. } => None,
        });
        let reads = self.outbox.reads().filter_map(|job| match job {
            ReadJob::Nodes(blocks) => Some(blocks),
            _ => None,
        });
        scans.chain(reads)
    }

    /// The commits under way by which a feed grows are those that it has staged.
    fn check_commits(&self) {
        let mut ends: BTreeMap<FeedId, BTreeSet<u64>> = BTreeMap::new();
        for job in self.outbox.commits() {
            match job {
                CommitJob::Append { feed, blocks, .. } => {
                    assert!(ends.entry(*feed).or_default().insert(blocks.end), "one commit twice");
                }
                CommitJob::Extend { feed, end, .. } | CommitJob::Follow { feed, end, .. } => {
                    assert!(ends.entry(*feed).or_default().insert(*end), "one commit twice");
                }
                CommitJob::Restore { feed, .. } => {
                    let feed = self.feeds.get(*feed);
                    let is_restoring = feed.is_some_and(|feed| feed.is_restoring());
                    assert!(is_restoring, "blocks are stored again of a feed that restores none");
                }
                _ => (),
            }
        }
        for (id, feed) in self.feeds.iter() {
            let ends = ends.remove(&id).unwrap_or_default();
            if feed.broken().is_none() {
                let staged: BTreeSet<u64> = feed.waiting_lengths().collect();
                assert_eq!(staged, ends, "the commits under way of {id:?} are not those staged");
            }
        }
        assert!(ends.is_empty(), "a commit is under way of a feed that is gone");
    }

    /// An append is early only while an earlier commit of its feed is under way.
    fn check_early_appends(&self) {
        for (feed, blocks, _) in self.early_appends.iter() {
            let length = self.length(feed);
            assert!(blocks.end > length, "a durable append is not answered");
            let is_waiting = self.outbox.commits().any(|job| match job {
                CommitJob::Append { feed: other, blocks: earlier, .. } => {
                    *other == feed && earlier.end <= blocks.start
                }
                CommitJob::Extend { feed: other, end, .. }
                | CommitJob::Follow { feed: other, end, .. } => {
                    *other == feed && *end <= blocks.start
                }
                _ => false,
            });
            assert!(is_waiting, "an append waits for no commit");
        }
    }

    /// A removal waits for requests of its feed, or has one request of its own.
    fn check_removals(&self) {
        let mut steps: BTreeMap<FeedId, usize> = BTreeMap::new();
        for job in self.outbox.commits() {
            if let CommitJob::Remove { feed, step } = job {
                assert!(
                    *step != RemovalCommit::End || self.removals.contains(*feed),
                    "a removal ends that has none"
                );
                *steps.entry(*feed).or_default() += 1;
            }
        }
        for job in self.outbox.scans() {
            if let ScanJob::Removal { feed, .. } = job {
                *steps.entry(*feed).or_default() += 1;
            }
        }
        for (feed, removal) in self.removals.iter() {
            let steps = steps.remove(&feed).unwrap_or(0);
            if removal.is_waiting() {
                assert!(self.outbox.works_on(feed), "a removal waits for nothing");
            }
            assert_eq!(steps, usize::from(!removal.is_waiting()), "a removal has not one step");
            if let Some(log) = self.feeds.get(feed) {
                assert_eq!(log.key, removal.key(), "a removal is of another feed than its slot");
                assert_eq!(log.status, FeedStatus::Removing, "a feed is kept that is removed");
            }
        }
        assert!(steps.is_empty(), "a step is under way of no removal");
    }

    /// Only the first download of a feed is under way, and with a peer that is connected.
    fn check_downloads(&self) {
        for (feed, open) in self.downloads.iter() {
            assert!(!open.is_empty(), "a feed without downloads is listed");
            assert!(open.len() <= self.limits.downloads, "a feed has too many downloads");
            let log = self.feeds.get(feed);
            assert!(
                log.is_some_and(|log| log.is_accepted()),
                "a feed is downloaded that is refused"
            );
            for later in open.iter().skip(1) {
                assert!(later.is_ready(), "two downloads of a feed are under way");
            }
            let Some(first) = open.front() else { continue };
            let checks = self.block_reads().filter(|blocks| {
                matches!(blocks.purpose, BlockPurpose::Check) && blocks.read.feed() == feed
            });
            if first.is_checking() {
                assert!(checks.count() > 0, "a download waits for no check");
            }
            if let Some(source) = first.source() {
                let session = self.connections.get(&source).and_then(Connection::session);
                assert!(session.is_some(), "a download waits for a peer that is gone");
            }
        }
    }

    /// A block is requested from a connected peer.
    fn check_gets(&self) {
        for (request, get) in self.gets.iter() {
            assert!(self.feeds.get(get.feed()).is_some(), "{request:?} is for a feed that is gone");
            if let Some(source) = get.source() {
                let peer = self.connections.get(&source);
                assert!(peer.is_some_and(|peer| !peer.is_closed()), "{request:?} is with no peer");
            }
        }
    }

    /// The feeds of each session are here, and the shared counters are those of the sessions.
    fn check_sessions(&self) {
        for (id, peer) in &self.connections {
            peer.check_invariants(&self.limits, &self.assignments, &self.sets);
            let Some(session) = peer.session() else { continue };
            for feed in session.feeds() {
                assert!(self.feeds.get(feed).is_some(), "{id:?} names a feed that is gone");
            }
        }
        let partial = self.connections.values().filter_map(Connection::session);
        let bytes: usize = partial.map(|session| session.footprint().part_bytes).sum();
        assert_eq!(self.sets.partial_bytes, bytes, "counter of bytes of incomplete messages");
        assert!(bytes <= self.limits.partial_bytes, "incomplete messages are too long together");
    }

    /// Each feed is fetched from the peer that it is assigned to, and from no other.
    fn check_assignments(&self) {
        let mut fetches = BTreeMap::new();
        for (id, peer) in &self.connections {
            let ever = Instant::from_micros(u64::MAX);
            let session = peer.session().map(|session| session.overdue(ever)).unwrap_or_default();
            for feed in session.into_iter().chain(peer.hypercore().fetches()) {
                let before = fetches.insert(feed, *id);
                assert_eq!(before, None, "{feed:?} is fetched from two peers");
            }
        }
        assert_eq!(self.assignments, fetches, "the assignments are not what the peers are asked");
        for feed in fetches.keys() {
            assert!(self.feeds.get(*feed).is_some(), "a feed is fetched that is gone");
        }
    }
}

/// The request of the application that a block read is for.
fn request_of(purpose: &BlockPurpose) -> Option<RequestId> {
    match purpose {
        BlockPurpose::Answer { request, .. } => Some(*request),
        BlockPurpose::Clear(clear) => Some(clear.request),
        BlockPurpose::Serve { .. } | BlockPurpose::ServeRefetch { .. } | BlockPurpose::Check => {
            None
        }
    }
}
