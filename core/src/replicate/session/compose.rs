//! Writes the pending messages of a session.
//!
//! Rule: messages are made only when the socket asks for them, and at most as many as fit a frame.
//! Credits come first, because the peer waits for them; then heads and wants; ranges fill the rest.

use alloc::vec::Vec;

use super::{Session, length_of};
use crate::feed::manifest;
use crate::id::FeedId;
use crate::reconcile::Listing;
use crate::replicate::context::Context;
use crate::replicate::frame::{ENTRIES_MAX, FRAME_BYTES, Frame};
use crate::replicate::peer_feed::PeerFeed;
use crate::wire::multifeed::{FeedRef, HeadEntry, Kind, RejectEntry, WantEntry, put};
use crate::wire::mux::Batch;

/// Why a feed cannot be named now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum NoAlias {
    /// The feed was removed.
    Removed,
    /// The peer granted no more aliases.
    NoCredit,
}

impl Session {
    /// Fills a frame with pending messages; leaves it empty if there are none.
    pub(crate) fn compose(&mut self, context: &mut Context<'_>, channel: u64, batch: &mut Batch) {
        self.open_queued_offers(context);
        let mut frame = Frame::new(batch, channel);
        self.write_credits(&mut frame);
        self.write_reconcile(&mut frame);
        // What follows may use the aliases that a reconciliation assigns.
        if self.reconciliation.has_sent_all() {
            if frame.has_room() {
                self.write_rejects(context, &mut frame);
            }
            self.write_forks(context, &mut frame);
            // A reject that came after a head would revoke it.
            let has_written_rejects = self.announcements.has_written_rejects();
            if frame.has_room() && has_written_rejects && self.reconciliation.may_announce() {
                self.write_heads(context, &mut frame);
            }
            self.finish_forked_feeds(context, &mut frame);
            if frame.has_room() && has_written_rejects {
                self.write_wants(context, &mut frame);
            }
            if frame.has_room() {
                self.write_refetches(&mut frame);
            }
            self.write_ranges(&mut frame);
            self.maybe_send_checkpoint(context, &mut frame);
        }
        self.read_ahead(context);
    }

    /// Writes our claim beside the hello of a responder.
    pub(crate) fn compose_claim(&mut self, channel: u64, batch: &mut Batch) {
        if let Some((kind, body)) = self.reconciliation.next(FRAME_BYTES) {
            Frame::new(batch, channel).push(kind, &body);
        }
    }

    /// Grants aliases and bytes again once a quarter is used: rarely enough to cost nothing, often
    /// enough that the peer never waits.
    fn write_credits(&mut self, frame: &mut Frame<'_>) {
        if let Some(aliases) = self.aliases.take_credit_to_grant() {
            let mut body = Vec::new();
            put(&mut body, &aliases);
            frame.push(Kind::AliasCredit, &body);
        }
        if let Some(bytes) = self.downloads.take_window_to_grant() {
            let mut body = Vec::new();
            put(&mut body, &bytes);
            frame.push(Kind::WindowCredit, &body);
        }
    }

    fn write_rejects(&mut self, context: &Context<'_>, frame: &mut Frame<'_>) {
        let (mut body, mut unnamed) = (Vec::new(), Vec::new());
        for _ in 0..ENTRIES_MAX {
            let Some((feed_ref, reject)) = self.announcements.pop_reject() else { break };
            match self.reject_ref(context, feed_ref) {
                Ok(name) => put(&mut body, &RejectEntry { name, reject }),
                Err(NoAlias::NoCredit) => unnamed.push((feed_ref, reject)),
                Err(NoAlias::Removed) => (),
            }
        }
        self.announcements.reject_later(unnamed);
        if !body.is_empty() {
            frame.push(Kind::Rejects, &body);
        }
    }

    /// The reference for the feed of a reject.
    fn reject_ref(&mut self, context: &Context<'_>, feed_ref: FeedRef) -> Result<FeedRef, NoAlias> {
        let FeedRef::New(public_key) = feed_ref else { return Ok(feed_ref) };
        let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
        let feed = context.feeds.find(&key).ok_or(NoAlias::Removed)?;
        if let Some(known) = self.peer_feeds.feed_ref(feed) {
            return Ok(known);
        }
        let alias = self.aliases.assign_local_with_credit(feed).ok_or(NoAlias::NoCredit)?;
        let length = length_of(context.feeds, feed);
        self.peer_feeds.update(feed, length, |peer_feed| peer_feed.set_local_alias(Some(alias)));
        Ok(feed_ref)
    }

    /// Writes the messages of the reconciliation.
    fn write_reconcile(&mut self, frame: &mut Frame<'_>) {
        // The limit is on the frame; earlier messages have a few kilobytes at most.
        while let Some(bytes_max) = frame.bytes_left()
            && let Some((kind, body)) = self.reconciliation.next(bytes_max)
        {
            frame.push(kind, &body);
        }
    }

    /// Announces what changed, then what is not listed yet, as far as the alias credit allows.
    fn write_heads(&mut self, context: &mut Context<'_>, frame: &mut Frame<'_>) {
        let mut body = Vec::new();
        let mut entries = 0;
        let mut unnamed = Vec::new();
        while entries < ENTRIES_MAX
            && let Some(feed) = self.announcements.pop_changed()
        {
            match self.head_of(context, feed) {
                Some(entry) => put(&mut body, &entry),
                None => unnamed.push(feed),
            }
            entries += 1;
        }
        self.announcements.announce_later(unnamed);
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

    /// The entry that announces the durable length of a feed; `None` if the feed needs an alias and
    /// no credit is left.
    fn head_of(&mut self, context: &mut Context<'_>, feed: FeedId) -> Option<HeadEntry> {
        let log = context.feeds.get(feed)?;
        let length = log.shared_length();
        let known = self.peer_feeds.feed_ref(feed);
        let alias = match known {
            Some(_) => None,
            None => Some(self.aliases.assign_local_with_credit(feed)?),
        };
        self.peer_feeds.update(feed, length, |peer_feed| {
            if alias.is_some() {
                peer_feed.set_local_alias(alias);
            }
        });
        Some(HeadEntry { name: known.unwrap_or(FeedRef::New(log.public_key)), length, fork: 0 })
    }

    /// Requests feeds that are not fetched from another peer.
    fn write_wants(&mut self, context: &mut Context<'_>, frame: &mut Frame<'_>) {
        if self.downloads.is_paused() {
            return;
        }
        let mut body = Vec::new();
        let mut entries = 0;
        while entries < ENTRIES_MAX
            && self.downloads.requested_len() < self.peer_limits.wants(context.limits)
            && let Some(id) = self.downloads.pop_queued()
        {
            let Some(feed) = context.feeds.get(id) else { continue };
            let Some(peer_feed) = self.peer_feeds.get(id) else { continue };
            let start = feed.staged_length();
            let is_offered = peer_feed.offers(start);
            let is_wanted = is_offered && feed.broken().is_none() && feed.is_accepted();
            let is_full = context.feeds.is_full(id);
            if !is_wanted || is_full || context.assignments.contains_key(&id) {
                continue;
            }
            let Some(name) = peer_feed.feed_ref() else { continue };
            let target = peer_feed.remote_length();
            self.downloads.request(context.assignments, id, target, context.now);
            put(&mut body, &WantEntry { name, start });
            entries += 1;
        }
        while entries < ENTRIES_MAX
            && let Some(id) = self.offers.pop_reopened()
        {
            let Some(feed) = context.feeds.get(id).filter(|feed| feed.is_accepted()) else {
                continue;
            };
            let start = feed.staged_length();
            let peer_feed = self.peer_feeds.get(id).filter(|peer_feed| !peer_feed.offers(start));
            // What the peer offers is requested above, and what we hold is announced.
            let peer_feed = peer_feed.filter(|_| feed.length() == 0);
            if let Some(name) = peer_feed.and_then(PeerFeed::feed_ref) {
                put(&mut body, &WantEntry { name, start });
                entries += 1;
            }
        }
        if !body.is_empty() {
            self.downloads.set_has_requested();
            frame.push(Kind::Wants, &body);
        }
    }

    fn write_ranges(&mut self, frame: &mut Frame<'_>) {
        // A frame takes one range of any size, and more as long as they fit.
        while self.uploads.peek_bytes().is_some_and(|bytes| frame.fits(bytes))
            && let Some(ready) = self.uploads.pop()
        {
            frame.push(Kind::Range, ready.body());
        }
    }
}
