//! Blocks that a peer is sent before it asks for them, for it saves a round trip.
//!
//! Rule: only while two sides find out what differs, only to a peer that asked for it, of each
//! feed one range that follows on what the peer holds, and all together no more than
//! [`Limits::push_bytes`](crate::Limits::push_bytes): that is what can be in vain.

use super::session::{Context, Session};
use crate::config::FRAME_BYTES_MAX_UNASKED;
use crate::feed::Range;
use crate::id::FeedId;
use crate::wire::multifeed::{Hello, PUSHES};
use crate::wire::reconcile::Message;

use bytes::Bytes;

/// Longest message of a range for a feed that the peer has not wanted: it goes alone into a frame.
pub(super) const UNASKED_RANGE_BYTES_MAX: usize = FRAME_BYTES_MAX_UNASKED / 4 * 3;

/// What may still be pushed to the peer that said this hello, in bytes.
pub(super) fn granted(theirs: &Hello, push_bytes: usize) -> u64 {
    if theirs.features & PUSHES == 0 { 0 } else { push_bytes as u64 }
}

/// How many of the feeds that a message names, the last ones, the receiver lacks altogether.
/// Where both knew the same of each other, what has changed has entries only for new feeds.
pub(super) fn brings(message: &Message, had_equal_sets: bool) -> usize {
    match message {
        Message::Different { entries, .. } | Message::Entries(entries) => entries.len(),
        Message::Changed { entries, .. } if had_equal_sets => entries.len(),
        _ => 0,
    }
}

impl Session {
    /// The peer holds `start` blocks of a feed, as it says: it is sent those that follow, if there
    /// are any.
    pub(super) fn push(&mut self, context: &Context<'_>, feed: FeedId, start: u64) {
        let held = context.feeds.get(feed);
        let held = held.filter(|held| held.is_accepted() && held.broken().is_none());
        let lacks = held.is_some_and(|held| start < held.length() && !held.is_cleared(start));
        let edge = self.edges.get(feed);
        // Who wanted the feed gets all of it.
        let is_open =
            edge.is_some_and(|edge| edge.is_open() && !edge.pushes_appends && !edge.is_withheld);
        if self.push_credit > 0 && lacks && is_open && !self.reconciliation.is_over() {
            self.serving.push(feed, start);
        }
    }

    /// How many bytes of blocks are read at a time of a feed that is served next.
    pub(super) fn read_bytes(&self, feed: FeedId, range_bytes: usize) -> usize {
        match self.serving.is_push(feed) {
            true => range_bytes.min(usize::try_from(self.push_credit).unwrap_or(usize::MAX)),
            false => range_bytes,
        }
    }

    /// A range was read to be pushed. `false`: there is no room for it, nor for any other.
    pub(super) fn takes_push(&mut self, range: &Range<Bytes>, bytes: usize) -> bool {
        let blocks: usize = range.blocks.iter().map(Bytes::len).sum();
        let fits = self.push_credit > 0 && blocks as u64 <= self.push_credit;
        self.push_credit = if fits { self.push_credit.saturating_sub(bytes as u64) } else { 0 };
        fits
    }

    /// The peer wants a feed from `start` on. What it was pushed and its first want may have
    /// crossed: then it is served what follows on both. Who wants blocks that it held, as it said,
    /// has lost them, and what was pushed behind them, too.
    pub(super) fn start_of(&mut self, feed: FeedId, start: u64, length: u64) -> u64 {
        self.edges.update(feed, length, |edge| {
            let has_crossed = core::mem::take(&mut edge.pushed) && start >= edge.theirs;
            if has_crossed { start.max(edge.sent) } else { start }
        })
    }
}
