//! What one peer gets from us.
//!
//! Rule: blocks are read for a peer only while its ready bytes are below their bound. A peer that
//! reads nothing costs one bound of memory and delays no other peer.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::config::Limits;
use crate::error::{Limit, Violation};
use crate::footprint::ConnectionFootprint;
use crate::id::FeedId;

/// Feeds that are pushed at once: more than [`Limits::push_bytes`] holds with blocks of a usual
/// size.
const PUSHES_MAX: usize = 512;

/// A range that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Ready {
    feed: FeedId,
    /// The index behind its last block.
    end: u64,
    /// The message.
    body: Vec<u8>,
}

impl Ready {
    pub(crate) fn new(feed: FeedId, end: u64, body: Vec<u8>) -> Self {
        Self { feed, end, body }
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

/// The feeds being served to one peer, and the credits for them.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    /// Index of the next block to read, for each feed being served.
    next: BTreeMap<FeedId, u64>,
    /// Served feeds that the peer did not want: each gets one range.
    pushes: BTreeSet<FeedId>,
    /// Feeds whose next range is not being read, in turn.
    queue: VecDeque<FeedId>,
    /// Ranges being read.
    reading: usize,
    ready: VecDeque<Ready>,
    ready_bytes: usize,
    /// Bytes of ranges that the peer still takes.
    window: u64,
    /// Bytes of ranges that may still be pushed before the peer wants them.
    push_credit: u64,
}

impl Uploads {
    /// Starts with the window and the push credit that the peer's hello grants.
    pub(crate) fn new(window: u64, push_credit: u64) -> Self {
        Self { window, push_credit, ..Self::default() }
    }

    /// The peer grants more bytes of ranges.
    pub(crate) fn add_window(&mut self, bytes: u64) -> Result<(), Violation> {
        self.window = self.window.checked_add(bytes).ok_or(Violation::OutOfRange)?;
        Ok(())
    }

    /// Serves a feed from `start` on, even if it is served from elsewhere.
    pub(crate) fn want(&mut self, feed: FeedId, start: u64, limits: &Limits) -> Result<(), Limit> {
        let is_push = self.pushes.contains(&feed);
        if is_push || !self.is_serving(feed) {
            if self.next.len() - self.pushes.len() >= limits.serves {
                return Err(Limit::Serves);
            }
            if !is_push {
                self.queue.push_back(feed);
            }
            self.pushes.remove(&feed);
        }
        self.next.insert(feed, start);
        Ok(())
    }

    /// Serves one range of a feed from `start` on, if it is not served and there is room.
    pub(crate) fn push(&mut self, feed: FeedId, start: u64) {
        if !self.is_serving(feed) && self.pushes.len() < PUSHES_MAX {
            self.queue.push_back(feed);
            self.next.insert(feed, start);
            self.pushes.insert(feed);
        }
    }

    pub(crate) fn has_push_credit(&self) -> bool {
        self.push_credit > 0
    }

    /// Uses the push credit for a range with `block_bytes` of blocks in a message of
    /// `message_bytes`. Returns whether the credit suffices; if not, it is used up.
    pub(crate) fn use_push_credit(&mut self, block_bytes: u64, message_bytes: u64) -> bool {
        let fits = self.push_credit > 0 && block_bytes <= self.push_credit;
        self.push_credit = if fits { self.push_credit.saturating_sub(message_bytes) } else { 0 };
        fits
    }

    /// How many bytes of blocks are read at once of a feed.
    pub(crate) fn read_bytes(&self, feed: FeedId, range_bytes: usize) -> usize {
        if self.is_push(feed) {
            range_bytes.min(usize::try_from(self.push_credit).unwrap_or(usize::MAX))
        } else {
            range_bytes
        }
    }

    /// Whether a feed is served though the peer did not want it.
    pub(crate) fn is_push(&self, feed: FeedId) -> bool {
        self.pushes.contains(&feed)
    }

    pub(crate) fn is_serving(&self, feed: FeedId) -> bool {
        self.next.contains_key(&feed)
    }

    /// The next feed to read and the block to read from, if there is room for the range.
    pub(crate) fn next_read(&mut self, limits: &Limits) -> Option<(FeedId, u64)> {
        if self.is_full(limits) {
            return None;
        }
        let feed = self.queue.pop_front()?;
        self.reading += 1;
        Some((feed, self.next.get(&feed).copied().unwrap_or(0)))
    }

    /// A range was read. Meanwhile the peer may have wanted the feed from elsewhere, or got blocks
    /// of it from others. The range still goes out, and the feed continues there or behind it.
    pub(crate) fn finish_read(&mut self, start: u64, ready: Ready, length: u64) {
        self.reading -= 1;
        let (feed, end) = (ready.feed, ready.end);
        self.ready_bytes += ready.body.len();
        self.ready.push_back(ready);
        if self.pushes.remove(&feed) {
            self.next.remove(&feed);
        } else if let Some(next) = self.next.get_mut(&feed) {
            if (start..end).contains(next) {
                *next = end;
            }
            if *next < length {
                self.queue.push_back(feed);
            } else {
                self.next.remove(&feed);
            }
        }
    }

    /// A range could not be read, or there was nothing to read: the feed is not served any more.
    pub(crate) fn fail_read(&mut self, feed: FeedId) {
        self.reading -= 1;
        self.next.remove(&feed);
        self.pushes.remove(&feed);
    }

    /// The feed changed during the read: it is read again.
    pub(crate) fn retry_read(&mut self, feed: FeedId) {
        self.reading -= 1;
        if self.is_serving(feed) {
            self.queue.push_back(feed);
        }
    }

    /// Ends serving a feed, and drops its ready ranges.
    pub(crate) fn stop(&mut self, feed: FeedId) {
        self.pushes.remove(&feed);
        if self.next.remove(&feed).is_some() {
            self.queue.retain(|other| *other != feed);
        }
        self.ready.retain(|ready| ready.feed != feed);
        self.ready_bytes = self.ready.iter().map(|ready| ready.body.len()).sum();
    }

    /// The peer holds `remote_length` blocks of a feed: it needs none of them from us.
    pub(crate) fn skip(&mut self, feed: FeedId, remote_length: u64) {
        if let Some(next) = self.next.get_mut(&feed) {
            *next = remote_length.max(*next);
            self.ready.retain(|ready| ready.feed != feed || ready.end > remote_length);
            self.ready_bytes = self.ready.iter().map(|ready| ready.body.len()).sum();
        }
    }

    /// Begins one more read, for a refetch. `false`: there is no room for it.
    pub(crate) fn begin_refetch(&mut self, limits: &Limits) -> bool {
        let has_room = !self.is_full(limits);
        self.reading += usize::from(has_room);
        has_room
    }

    /// Ends a read of [`begin_refetch`](Self::begin_refetch).
    pub(crate) fn end_refetch(&mut self, ready: Option<Ready>) {
        self.reading -= 1;
        self.ready_bytes += ready.as_ref().map_or(0, |ready| ready.body.len());
        self.ready.extend(ready);
    }

    fn is_full(&self, limits: &Limits) -> bool {
        let expected = self.ready_bytes + self.reading * limits.range_bytes;
        self.reading >= limits.reads || expected >= limits.send_bytes
    }

    /// The next ready range, if the peer's window has room for it.
    pub(crate) fn pop(&mut self) -> Option<Ready> {
        let window = self.window;
        let ready = self.ready.pop_front_if(|ready| ready.body.len() as u64 <= window)?;
        self.ready_bytes -= ready.body.len();
        self.window -= ready.body.len() as u64;
        Some(ready)
    }

    /// Length of the next ready range, in bytes.
    pub(crate) fn peek_bytes(&self) -> Option<usize> {
        self.ready.front().map(|ready| ready.body.len())
    }

    /// Whether no feed is being served.
    pub(crate) fn is_idle(&self) -> bool {
        self.next.is_empty() && self.ready.is_empty()
    }

    /// The memory that serving the peer takes.
    pub(crate) fn footprint(&self) -> ConnectionFootprint {
        ConnectionFootprint {
            ready_bytes: self.ready.iter().map(|ready| ready.body.len()).sum(),
            reads: self.reading,
            serves: self.next.len() - self.pushes.len(),
            ..ConnectionFootprint::default()
        }
    }

    /// Panics if a counter differs from what it counts, or a bound is exceeded.
    pub(crate) fn check_invariants(&self, limits: &Limits) {
        let ready_bytes: usize = self.ready.iter().map(|ready| ready.body.len()).sum();
        assert_eq!(self.ready_bytes, ready_bytes, "counter of ready bytes");
        assert!(self.reading <= limits.reads, "too many reads");
        assert!(self.pushes.len() <= PUSHES_MAX, "too many pushes");
        let is_served = |feed: &FeedId| self.next.contains_key(feed);
        assert!(self.pushes.iter().all(is_served), "a pushed feed is served");
        assert!(self.next.len() - self.pushes.len() <= limits.serves, "too many feeds are served");
    }
}

#[cfg(test)]
mod tests;
