//! What we fetch from one peer.
//!
//! Rule: a feed is requested from one peer at a time. [`FetchAssignments`] says from which, and
//! agrees with the requested feeds of every peer.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::context::FetchAssignments;
use crate::config::Limits;
use crate::error::Limit;
use crate::id::{ConnectionId, FeedId};
use crate::time::Instant;

/// A feed that was requested from a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct FetchState {
    /// The length that the peer offered at that time.
    target: u64,
    /// When the feed was requested or the peer last sent some of it.
    since: Instant,
}

/// The fetches from one peer.
#[derive(Debug)]
pub(crate) struct Downloads {
    connection: ConnectionId,
    /// Feeds to request, because the peer may offer more than we have.
    backlog: BTreeSet<FeedId>,
    requested: BTreeMap<FeedId, FetchState>,
    requests: Requests,
    /// Feeds that are not fetched from this peer any more and are to be requested from others.
    unassigned: Vec<FeedId>,
    /// After a stall: when the peer is asked again. It is asked earlier if it sends a range.
    resume_at: Option<Instant>,
    /// How often the peer owed blocks for too long since it last sent useful ones.
    stalls: u32,
    /// When the peer last sent a range, or was asked while it owed nothing.
    last_progress: Instant,
    /// Bytes of ranges that the peer may still send.
    window: u64,
    /// Bytes that are stored or dropped and not granted to the peer again yet.
    window_to_grant: u64,
    window_max: u64,
}

/// Whether blocks were ever requested from the peer. Once they were, long frames may come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Requests {
    None,
    Sent,
}

impl Downloads {
    pub(crate) fn new(connection: ConnectionId, limits: &Limits, now: Instant) -> Self {
        Self {
            connection,
            backlog: BTreeSet::new(),
            requested: BTreeMap::new(),
            requests: Requests::None,
            unassigned: Vec::new(),
            resume_at: None,
            stalls: 0,
            last_progress: now,
            window: limits.window_bytes as u64,
            window_to_grant: 0,
            window_max: limits.window_bytes as u64,
        }
    }

    /// Queues a feed to be requested.
    pub(crate) fn queue(&mut self, feed: FeedId) {
        self.backlog.insert(feed);
    }

    /// Queues a feed to be requested, unless it is requested already.
    pub(crate) fn queue_unless_requested(&mut self, feed: FeedId) {
        if !self.requested.contains_key(&feed) {
            self.backlog.insert(feed);
        }
    }

    pub(crate) fn pop_queued(&mut self) -> Option<FeedId> {
        self.backlog.pop_first()
    }

    pub(crate) fn backlog_len(&self) -> usize {
        self.backlog.len()
    }

    pub(crate) fn requested_len(&self) -> usize {
        self.requested.len()
    }

    /// Whether the peer is not asked for now, because it stalled.
    pub(crate) fn is_paused(&self) -> bool {
        self.resume_at.is_some()
    }

    /// The feed is requested up to `target`, which the peer offers.
    pub(crate) fn request(
        &mut self,
        assignments: &mut FetchAssignments,
        feed: FeedId,
        target: u64,
        now: Instant,
    ) {
        if self.requested.is_empty() {
            self.last_progress = now;
        }
        self.requested.insert(feed, FetchState { target, since: now });
        let before = assignments.insert(feed, self.connection);
        debug_assert_eq!(before, None, "a feed is fetched from one peer at a time");
    }

    /// Blocks are requested: long frames may come from now on.
    pub(crate) fn set_has_requested(&mut self) {
        self.requests = Requests::Sent;
    }

    pub(crate) fn has_requested(&self) -> bool {
        self.requests == Requests::Sent
    }

    /// A range uses some of the window.
    pub(crate) fn use_window(&mut self, bytes: u64) -> Result<(), Limit> {
        self.window = self.window.checked_sub(bytes).ok_or(Limit::WindowBytes)?;
        Ok(())
    }

    /// The bytes of a range are durable or dropped.
    pub(crate) fn return_window(&mut self, bytes: u64) {
        self.window_to_grant += bytes;
        debug_assert!(
            self.window + self.window_to_grant <= self.window_max,
            "no more of the window is returned than was used"
        );
    }

    /// Takes the returned bytes to grant them again, once they are more than a quarter of the
    /// window.
    pub(crate) fn take_window_to_grant(&mut self) -> Option<u64> {
        if self.window_to_grant <= self.window_max / 4 {
            return None;
        }
        self.window = self.window.saturating_add(self.window_to_grant);
        Some(core::mem::take(&mut self.window_to_grant))
    }

    /// The peer sent a valid range.
    pub(crate) fn on_range(&mut self, now: Instant) {
        (self.resume_at, self.last_progress) = (None, now);
    }

    /// Some of a range was useful.
    pub(crate) fn on_useful_range(&mut self) {
        self.stalls = 0;
    }

    /// A range of a feed came; `is_offered` says whether the peer offers more than the
    /// `staged_length` that we have now. Continues or ends the request, and queues what the peer
    /// announced since it was asked. Returns whether the feed was requested.
    pub(crate) fn continue_request(
        &mut self,
        assignments: &mut FetchAssignments,
        feed: FeedId,
        staged_length: u64,
        is_offered: bool,
        now: Instant,
    ) -> bool {
        let was_requested = match self.requested.get_mut(&feed) {
            Some(request) if staged_length < request.target && is_offered => {
                request.since = now;
                return true;
            }
            Some(_) => true,
            None => false,
        };
        if was_requested {
            self.release(assignments, feed);
        }
        if is_offered {
            // It was announced since the request, or there is a gap before a pushed range.
            self.backlog.insert(feed);
        }
        was_requested
    }

    /// The peer will not send a feed: it is not requested from it any more.
    pub(crate) fn release(&mut self, assignments: &mut FetchAssignments, feed: FeedId) {
        self.backlog.remove(&feed);
        if self.requested.remove(&feed).is_some() {
            assignments.remove(&feed);
            self.unassigned.push(feed);
        }
    }

    /// Cancels all requests to this peer.
    pub(crate) fn release_all(&mut self, assignments: &mut FetchAssignments) {
        for feed in core::mem::take(&mut self.requested).into_keys() {
            assignments.remove(&feed);
            self.unassigned.push(feed);
        }
    }

    /// The peer sent nothing for too long. What it owes is requested from others; it is asked again
    /// at `resume_at`, or as soon as it sends a range.
    pub(crate) fn stall(&mut self, assignments: &mut FetchAssignments, resume_at: Instant) {
        self.resume_at = Some(resume_at);
        self.stalls = self.stalls.saturating_add(1);
        self.backlog.extend(self.requested.keys());
        self.release_all(assignments);
    }

    /// The peer owes blocks of one feed for too long, and another peer can give them.
    pub(crate) fn fail_request(&mut self, assignments: &mut FetchAssignments, feed: FeedId) {
        self.stalls = self.stalls.saturating_add(1);
        self.release(assignments, feed);
    }

    /// The peer owes blocks of one feed for too long, and no other peer can give them.
    pub(crate) fn extend_request(&mut self, feed: FeedId, now: Instant) {
        if let Some(request) = self.requested.get_mut(&feed) {
            request.since = now;
        }
    }

    /// Feeds that are to be requested from others now.
    pub(crate) fn take_unassigned(&mut self) -> Vec<FeedId> {
        core::mem::take(&mut self.unassigned)
    }

    /// How often the peer stalled since it last sent useful blocks.
    pub(crate) fn stalls(&self) -> u32 {
        self.stalls
    }

    /// Whether the peer owes blocks and has sent no range since `before`.
    pub(crate) fn is_silent_since(&self, before: Instant) -> bool {
        !self.requested.is_empty() && self.last_progress <= before
    }

    /// Requested feeds without data from the peer since `before`, even if it sent other feeds.
    pub(crate) fn overdue(&self, before: Instant) -> Vec<FeedId> {
        let overdue = self.requested.iter().filter(|(_, request)| request.since <= before);
        overdue.map(|(feed, _)| *feed).collect()
    }

    /// When the peer is asked again, if it stalled.
    pub(crate) fn resume_at(&self) -> Option<Instant> {
        self.resume_at
    }

    /// Asks the peer again.
    pub(crate) fn resume(&mut self) {
        self.resume_at = None;
    }

    /// Since when the peer owes blocks, or blocks of some feed.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        let oldest = self.requested.values().map(|request| request.since).min()?;
        Some(oldest.min(self.last_progress))
    }

    /// Panics if the requests disagree with the assignments, or the window exceeds the grant.
    pub(crate) fn check_invariants(&self, assignments: &FetchAssignments) {
        let is_assigned = |feed: &FeedId| assignments.get(feed) == Some(&self.connection);
        assert!(self.requested.keys().all(is_assigned), "a requested feed is assigned to its peer");
        assert!(
            self.requests == Requests::Sent || self.requested.is_empty(),
            "requests were sent once"
        );
        assert!(
            self.window + self.window_to_grant <= self.window_max,
            "the receive window exceeds the grant"
        );
    }
}
