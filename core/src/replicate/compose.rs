//! What a session says next.
//!
//! Rule: nothing is said before the socket asks for it, and never more than fits a frame. Grants
//! come first, for the peer waits for them; then heads and wants; ranges fill the rest.

use alloc::vec::Vec;

use super::session::{Context, FetchState, Session};
use crate::feed::manifest;
use crate::id::FeedId;
use crate::planted::{self, Bug};
use crate::reconcile::Listing;
use crate::wire::multifeed::{FeedRef, HeadEntry, Kind, RejectEntry, WantEntry, put};
use crate::wire::mux::{Batch, MuxMessage};

/// A frame is filled up to here: large enough that its 20 bytes of framing do not count, small
/// enough that what is urgent never waits long behind it.
const FRAME_BYTES: usize = 60 * 1024;

/// Entries in one message: some kilobytes.
pub(super) const ENTRIES_MAX: usize = 1_024;

/// One frame being filled.
pub(super) struct Frame<'a> {
    batch: &'a mut Batch,
    channel: u64,
}

impl Frame<'_> {
    pub(super) fn push(&mut self, kind: Kind, body: &[u8]) {
        self.batch.push(&MuxMessage::Message { channel: self.channel, kind: kind as u64, body });
    }

    /// Whether another message may begin. Each but a range has [`FRAME_BYTES`] at most, so that no
    /// frame without a block is longer than twice that.
    pub(super) fn has_room(&self) -> bool {
        self.batch.size() < FRAME_BYTES
    }
}

/// Why a feed cannot be named now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum NoAlias {
    /// It is not here any more.
    Gone,
    /// As many are named as the peer granted.
    NoneLeft,
}

impl Session {
    /// Fills a frame with what is to be said; leaves it empty if there is nothing.
    pub(crate) fn compose(&mut self, context: &mut Context<'_>, channel: u64, batch: &mut Batch) {
        self.open_queued_offers(context);
        let mut frame = Frame { batch, channel };
        self.grant(context, &mut frame);
        self.write_reconcile(&mut frame);
        // What follows may use the numbers that a reconciliation gives.
        if self.reconciliation.has_sent_all() {
            if frame.has_room() {
                self.write_rejects(context, &mut frame);
            }
            self.write_forks(context, &mut frame);
            // A no that came later would be the last word.
            let has_written_rejects = self.has_written_rejects();
            if frame.has_room() && has_written_rejects && self.reconciliation.is_settled() {
                self.write_heads(context, &mut frame);
            }
            if frame.has_room() && has_written_rejects {
                self.write_wants(context, &mut frame);
            }
            if frame.has_room() {
                self.write_refetches(&mut frame);
            }
            self.write_ranges(&mut frame);
            self.settle(context, &mut frame);
        }
        self.read_ahead(context);
    }

    /// Says what our sets are, beside the hello of a responder.
    pub(crate) fn compose_claim(&mut self, channel: u64, batch: &mut Batch) {
        if let Some((kind, body)) = self.reconciliation.next(FRAME_BYTES) {
            Frame { batch, channel }.push(kind, &body);
        }
    }

    /// Grants names and bytes anew once a quarter is used up: seldom enough to cost nothing,
    /// often enough that the peer never waits for it.
    fn grant(&mut self, context: &mut Context<'_>, frame: &mut Frame<'_>) {
        let mut body = Vec::new();
        if self.alias_credit_to_grant > context.limits.aliases / 4 {
            self.remote_alias_credit =
                self.remote_alias_credit.saturating_add(self.alias_credit_to_grant);
            put(&mut body, &core::mem::take(&mut self.alias_credit_to_grant));
            frame.push(Kind::AliasCredit, &body);
        }
        if self.window_to_grant > context.limits.window_bytes as u64 / 4 {
            body.clear();
            self.remote_window = self.remote_window.saturating_add(self.window_to_grant);
            put(&mut body, &core::mem::take(&mut self.window_to_grant));
            frame.push(Kind::WindowCredit, &body);
        }
    }

    fn write_rejects(&mut self, context: &Context<'_>, frame: &mut Frame<'_>) {
        let (mut body, mut unnamed) = (Vec::new(), Vec::new());
        for _ in 0..ENTRIES_MAX {
            // Those that need a name, of which none may be left, are the first.
            let Some((name, no)) = self.nos.pop_last() else { break };
            match self.reject_ref(context, name) {
                Ok(name) => put(&mut body, &RejectEntry { name, reject: no }),
                Err(NoAlias::NoneLeft) => unnamed.push((name, no)),
                Err(NoAlias::Gone) => (),
            }
        }
        self.nos.extend(unnamed);
        if !body.is_empty() {
            frame.push(Kind::Rejects, &body);
        }
    }

    /// Whether each no is said about a feed that the peer knows by a number.
    fn has_written_rejects(&self) -> bool {
        self.nos.last().is_none_or(|(name, _)| matches!(name, FeedRef::New(_)))
    }

    /// How to name the feed of a no.
    fn reject_ref(&mut self, context: &Context<'_>, name: FeedRef) -> Result<FeedRef, NoAlias> {
        let FeedRef::New(public_key) = name else { return Ok(name) };
        let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
        let feed = context.feeds.find(&key).ok_or(NoAlias::Gone)?;
        if let Some(known) = self.edges.get(feed).and_then(super::session::feed_ref) {
            return Ok(known);
        }
        self.alias_credit = self.alias_credit.checked_sub(1).ok_or(NoAlias::NoneLeft)?;
        let number = self.names.give(feed);
        let length = context.feeds.get(feed).map_or(0, |feed| feed.length());
        self.edges.update(feed, length, |edge| edge.mine = Some(number));
        Ok(name)
    }

    /// Says what the reconciliation is at.
    fn write_reconcile(&mut self, frame: &mut Frame<'_>) {
        // The limit is on the frame; what goes before is a few kilobytes at most.
        while let Some(room) = FRAME_BYTES.checked_sub(frame.batch.size())
            && room > 0
            && let Some((kind, body)) = self.reconciliation.next(room)
        {
            frame.push(kind, &body);
        }
    }

    /// Announces what changed, then what is not listed yet, as far as the peer granted names.
    fn write_heads(&mut self, context: &mut Context<'_>, frame: &mut Frame<'_>) {
        let mut body = Vec::new();
        let mut entries = 0;
        let mut unnamed = Vec::new();
        while entries < ENTRIES_MAX
            && let Some(feed) = self.changed.pop_first()
        {
            match self.head_of(context, feed) {
                Some(entry) => put(&mut body, &entry),
                None => unnamed.push(feed),
            }
            entries += 1;
        }
        self.changed.extend(unnamed);
        while entries < ENTRIES_MAX
            && let Some(listing) = self.reconciliation.listing()
            && let Some(feed) = listing.peek(context.feeds)
        {
            let Some(entry) = self.head_of(context, feed) else { break };
            put(&mut body, &entry);
            if self.reconciliation.is_peer_empty() {
                self.push(context, feed, 0);
            }
            self.reconciliation.listing().into_iter().for_each(Listing::advance);
            entries += 1;
        }
        if !body.is_empty() {
            frame.push(Kind::Heads, &body);
        }
        if let Some(listing) = self.reconciliation.listing()
            && listing.peek(context.feeds).is_none()
        {
            listing.finish();
            frame.push(Kind::Listed, &[]);
        }
    }

    /// The entry that announces a feed as it is now; `None` if it needs a name and none is left.
    fn head_of(&mut self, context: &mut Context<'_>, feed: FeedId) -> Option<HeadEntry> {
        let held = context.feeds.get(feed)?;
        let length = match planted::is(Bug::TellsTooEarly) {
            true => held.staged_length(),
            false => held.length(),
        };
        let edge = self.edges.get(feed);
        let name = match edge.and_then(super::session::feed_ref) {
            Some(name) => name,
            None => {
                self.alias_credit = self.alias_credit.checked_sub(1)?;
                FeedRef::New(held.public_key)
            }
        };
        let number = matches!(name, FeedRef::New(_)).then(|| self.names.give(feed));
        self.edges.update(feed, length, |edge| {
            edge.mine = edge.mine.or(number);
        });
        Some(HeadEntry { name, length, fork: 0 })
    }

    /// Asks for feeds that nobody else was asked for.
    fn write_wants(&mut self, context: &mut Context<'_>, frame: &mut Frame<'_>) {
        if self.resume.is_some() {
            return;
        }
        let mut body = Vec::new();
        let mut entries = 0;
        while entries < ENTRIES_MAX
            && self.asked.len() < context.limits.wants
            && let Some(id) = self.backlog.pop_first()
        {
            let Some(feed) = context.feeds.get(id) else { continue };
            let Some(edge) = self.edges.get(id) else { continue };
            let start = feed.staged_length();
            let is_wanted = edge.offers(start) && feed.broken().is_none() && feed.is_accepted();
            let is_full = context.feeds.is_full(id);
            if !is_wanted || is_full || context.sources.contains_key(&id) {
                continue;
            }
            let Some(name) = super::session::feed_ref(edge) else { continue };
            if self.asked.is_empty() {
                self.progress = context.now;
            }
            self.asked.insert(id, FetchState { target: edge.theirs, since: context.now });
            context.sources.insert(id, self.connection);
            put(&mut body, &WantEntry { name, start });
            entries += 1;
        }
        while entries < ENTRIES_MAX
            && let Some(id) = self.reopened.pop_first()
        {
            let Some(feed) = context.feeds.get(id).filter(|feed| feed.is_accepted()) else {
                continue;
            };
            let start = feed.staged_length();
            let edge = self.edges.get(id).filter(|edge| !edge.offers(start));
            // What the peer offers it is asked for, and of what is here it is told.
            let name = edge.filter(|_| feed.length() == 0).and_then(super::session::feed_ref);
            if let Some(name) = name {
                put(&mut body, &WantEntry { name, start });
                entries += 1;
            }
        }
        if !body.is_empty() {
            self.has_requested = true;
            frame.push(Kind::Wants, &body);
        }
    }

    fn write_ranges(&mut self, frame: &mut Frame<'_>) {
        while let Some(bytes) = self.serving.peek_bytes() {
            // A frame takes one range whatever its size, and more as long as they fit.
            let is_full = !frame.batch.is_empty() && frame.batch.size() + bytes > FRAME_BYTES;
            if is_full {
                break;
            }
            let Some(ready) = self.serving.pop(self.window) else { break };
            self.window -= ready.body.len() as u64;
            frame.push(Kind::Range, &ready.body);
        }
    }
}
