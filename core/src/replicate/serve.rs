//! What one peer gets from us.
//!
//! Rule: blocks are read for a peer only while what is ready for it is below its bound; a peer
//! that takes nothing costs one bound of memory and delays nobody.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::config::Limits;
use crate::error::Limit;
use crate::footprint::ConnectionFootprint;
use crate::id::FeedId;
use crate::planted::{self, Bug};

/// Feeds that are pushed at once: more than fit [`Limits::push_bytes`] where blocks are of use.
const PUSHES_MAX: usize = 512;

/// A range ready to be sent.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) feed: FeedId,
    /// The index behind its last block.
    pub(crate) end: u64,
    /// The message.
    pub(crate) body: Vec<u8>,
}

/// The feeds being served to one peer.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    /// Index of the next block to read, for each feed being served.
    next: BTreeMap<FeedId, u64>,
    /// Those of them that the peer did not ask for: each gets one range.
    pushes: BTreeSet<FeedId>,
    /// Feeds whose next range is not being read, in turn.
    queue: VecDeque<FeedId>,
    /// Ranges being read.
    reading: usize,
    ready: VecDeque<Ready>,
    ready_bytes: usize,
}

impl Serving {
    /// Begins to serve a feed from `start` on, or again from there.
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
        let is_all = planted::is(Bug::ServesFromStart);
        self.next.insert(feed, if is_all { 0 } else { start });
        Ok(())
    }

    /// Begins to serve one range of a feed from `start` on, if it is not served and there is room.
    pub(crate) fn push(&mut self, feed: FeedId, start: u64) {
        if !self.is_serving(feed) && self.pushes.len() < PUSHES_MAX {
            self.queue.push_back(feed);
            self.next.insert(feed, start);
            self.pushes.insert(feed);
        }
    }

    /// Whether a feed is served though the peer did not ask for it.
    pub(crate) fn is_push(&self, feed: FeedId) -> bool {
        self.pushes.contains(&feed)
    }

    pub(crate) fn is_serving(&self, feed: FeedId) -> bool {
        self.next.contains_key(&feed)
    }

    /// The next feed to read from, and from which block on, if there is room for what comes.
    pub(crate) fn next_read(&mut self, limits: &Limits) -> Option<(FeedId, u64)> {
        if self.is_full(limits) {
            return None;
        }
        let feed = self.queue.pop_front()?;
        self.reading += 1;
        Some((feed, self.next.get(&feed).copied().unwrap_or(0)))
    }

    /// A range was read. While it was, the peer may have asked for the feed anew from elsewhere, or
    /// got some of it; then this range still goes out, and the feed continues there or behind it.
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
            match *next < length {
                true => self.queue.push_back(feed),
                false => _ = self.next.remove(&feed),
            }
        }
    }

    /// A range could not be read: the feed is served no more.
    pub(crate) fn fail_read(&mut self, feed: FeedId) {
        self.reading -= 1;
        self.next.remove(&feed);
        self.pushes.remove(&feed);
    }

    /// What was read is not what the feed is by now: it is read anew.
    pub(crate) fn retry_read(&mut self, feed: FeedId) {
        self.reading -= 1;
        if self.is_serving(feed) {
            self.queue.push_back(feed);
        }
    }

    /// Serves a feed no more, and drops what is ready of it.
    pub(crate) fn stop(&mut self, feed: FeedId) {
        self.pushes.remove(&feed);
        if self.next.remove(&feed).is_some() {
            self.queue.retain(|other| *other != feed);
        }
        self.ready.retain(|ready| ready.feed != feed);
        self.ready_bytes = self.ready.iter().map(|ready| ready.body.len()).sum();
    }

    /// The peer got so many blocks of a feed, from others too: it needs none of them from us.
    pub(crate) fn skip(&mut self, feed: FeedId, theirs: u64) {
        if let Some(next) = self.next.get_mut(&feed) {
            *next = theirs.max(*next);
            self.ready.retain(|ready| ready.feed != feed || ready.end > theirs);
            self.ready_bytes = self.ready.iter().map(|ready| ready.body.len()).sum();
        }
    }

    /// Begins one more read, of what was asked for again. `false`: there is no room for it.
    pub(crate) fn begin_read(&mut self, limits: &Limits) -> bool {
        let has_room = !self.is_full(limits);
        self.reading += usize::from(has_room);
        has_room
    }

    /// Ends a read of [`begin_read`](Self::begin_read).
    pub(crate) fn end_read(&mut self, ready: Option<Ready>) {
        self.reading -= 1;
        self.ready_bytes += ready.as_ref().map_or(0, |ready| ready.body.len());
        self.ready.extend(ready);
    }

    fn is_full(&self, limits: &Limits) -> bool {
        let expected = self.ready_bytes + self.reading * limits.range_bytes;
        let is_full = self.reading >= limits.reads || expected >= limits.send_bytes;
        is_full && !planted::is(Bug::ReadsWithoutBound)
    }

    /// There was nothing to read behind what the peer has.
    pub(crate) fn skip_read(&mut self, feed: FeedId) {
        self.fail_read(feed);
    }

    /// The next range, if the peer granted enough bytes for it.
    pub(crate) fn pop(&mut self, window: u64) -> Option<Ready> {
        let ready = self.ready.pop_front_if(|ready| ready.body.len() as u64 <= window)?;
        self.ready_bytes -= ready.body.len();
        Some(ready)
    }

    /// Length of the next range that is ready, in bytes.
    pub(crate) fn peek_bytes(&self) -> Option<usize> {
        self.ready.front().map(|ready| ready.body.len())
    }

    /// What serving the peer takes.
    pub(crate) fn footprint(&self) -> ConnectionFootprint {
        ConnectionFootprint {
            ready_bytes: self.ready.iter().map(|ready| ready.body.len()).sum(),
            reads: self.reading,
            serves: self.next.len() - self.pushes.len(),
            ..ConnectionFootprint::default()
        }
    }

    /// Nothing is being served.
    pub(crate) fn is_idle(&self) -> bool {
        self.next.is_empty() && self.ready.is_empty()
    }
}

#[cfg(test)]
mod tests;
