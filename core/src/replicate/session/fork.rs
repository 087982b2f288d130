//! Messages about a feed with conflicting histories at two peers.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{Session, length_of};
use crate::crypto::sign::PublicKey;
use crate::error::{CloseReason, Violation};
use crate::feed::Feed;
use crate::feed::fork;
use crate::feed::manifest;
use crate::feed::proof::ProofRead;
use crate::feed::set::Feeds;
use crate::id::FeedId;
use crate::outbox::ReadJob;
use crate::policy::KeyRuling;
use crate::replicate::context::Context;
use crate::replicate::fork_proof::store_fork;
use crate::replicate::forked_prefixes::LISTED_MAX;
use crate::replicate::frame::Frame;
use crate::replicate::peer_feed::PeerFeed;
use crate::wire::fork::{ForkProof, SignedHead};
use crate::wire::hypercore::{Request, Span};
use crate::wire::multifeed::{self as message, Kind, put};

impl Session {
    /// The peer sends its head of a feed, because the blocks that we sent contradict its history.
    pub(super) fn on_signed_head(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let head = SignedHead::decode(body)?;
        self.forks.on_signed_head()?;
        let Some(id) = find_held(context, &head.header.public_key) else { return Ok(()) };
        let Some(feed) = context.feeds.get(id).filter(|feed| !feed.has_fork()) else {
            return Ok(());
        };
        feed.check_signed_head(&head, context.memo)?;
        self.compare_with_signed_head(context, id, head);
        Ok(())
    }

    /// Compares a head of the peer, which the author signed, with ours.
    pub(crate) fn compare_with_signed_head(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        remote_head: SignedHead,
    ) {
        self.forks.stop_proving(id);
        let Some(feed) = context.feeds.get(id) else { return };
        let Some(tip) = feed.durable().filter(|_| feed.is_accepted()) else { return };
        let remote_length = remote_head.header.length;
        if tip.length < remote_length {
            if tip.length == tip.head.length {
                // The peer's history is longer, so it makes the proof.
                self.forks.send_head(id);
            } else {
                self.forks.keep_remote_head(id, remote_head);
            }
            return;
        }
        if tip.head.length == remote_length {
            let (head, roots) = (tip.head, tip.roots.clone());
            // A head that proves no fork changes nothing and is no violation.
            let _ = store_fork(context, id, &fork::prove(remote_head, &head, &roots, &[]));
            return self.update_proving(context.feeds, id);
        }
        let span = Span { start: remote_length, length: tip.head.length - remote_length };
        let request = Request { upgrade: Some(span), ..Request::default() };
        if let Some((read, keys)) = ProofRead::begin(id, feed, &request) {
            self.forks.start_proving(id);
            let (connection, theirs) = (self.connection, remote_head);
            context.outbox.read(ReadJob::CompareSignedHead { connection, theirs, read }, keys);
        }
    }

    /// The peer proves that a feed has two histories.
    pub(super) fn on_fork_proof(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let proof = ForkProof::decode(body)?;
        // A side that holds nothing of the feed is notified once it does.
        let Some(id) = find_held(context, &proof.signed_head.header.public_key) else {
            return Ok(());
        };
        store_fork(context, id, &proof)?;
        self.update_proving(context.feeds, id);
        self.forks.on_notified(id);
        Ok(())
    }

    /// A proof may have been made or stored. The session is not in sync while it is being stored.
    pub(crate) fn update_proving(&mut self, feeds: &Feeds, id: FeedId) {
        let is_storing =
            |feed: &Feed| feed.has_fork() && !feed.is_forked() && feed.broken().is_none();
        if feeds.get(id).is_some_and(is_storing) {
            self.forks.start_proving(id);
        } else {
            self.forks.stop_proving(id);
        }
    }

    /// Sends the proof of a fork to a peer that holds the feed, once.
    pub(crate) fn notify_fork(&mut self, feeds: &Feeds, id: FeedId) {
        self.update_proving(feeds, id);
        let Some(feed) = feeds.get(id).filter(|feed| feed.is_forked()) else { return };
        // A peer that is being given what both histories share gets all of that first.
        let is_given = |peer_feed: &PeerFeed| peer_feed.is_open() && feed.has_shared_prefix();
        let has_enough = |peer_feed: &PeerFeed| {
            let enough = if is_given(peer_feed) { feed.shared_length() } else { 1 };
            peer_feed.remote_length() >= enough
        };
        if self.peer_feeds.get(id).is_some_and(has_enough) {
            self.forks.notify(id);
        }
    }

    /// Writes the heads of contested feeds, and proofs.
    pub(super) fn write_forks(&mut self, context: &Context<'_>, frame: &mut Frame<'_>) {
        self.write_forked_feeds(context, frame);
        let mut waiting = BTreeSet::new();
        while frame.has_room()
            && let Some(id) = self.forks.pop_head()
        {
            let Some(feed) = context.feeds.get(id).filter(|feed| feed.is_accepted()) else {
                continue;
            };
            match feed.signed_head() {
                Some(head) => frame.push(Kind::SignedHead, &head.encode()),
                None => _ = waiting.insert(id),
            }
        }
        self.forks.send_heads_later(waiting);
        while frame.has_room()
            && let Some(id) = self.forks.pop_proof()
        {
            if let Some(proof) = context.feeds.get(id).and_then(|feed| feed.fork_proof()) {
                frame.push(Kind::ForkProof, proof);
            }
        }
    }

    /// The peer lists its forked feeds. We lack those without a block here.
    pub(super) fn on_forked_feeds(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let mut lacking = Vec::new();
        for public_key in self.read_authors(body)? {
            let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
            let known = context.feeds.find(&key).and_then(|id| context.feeds.get(id));
            let is_empty = known.is_none_or(|feed| feed.is_candidate() && feed.is_accepted());
            let is_admitted = context.policy.admit(&key) == KeyRuling::Accepted;
            if is_empty && is_admitted && context.feeds.has_room(context.limits) {
                lacking.push(public_key);
            }
        }
        self.forks.prefixes().on_list(lacking);
        Ok(())
    }

    /// The peer lacks some of our forked feeds: they are announced as far as both histories are the
    /// same.
    pub(super) fn on_forked_wanted(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let wanted = self.read_authors(body)?;
        let has_wanted = !wanted.is_empty();
        for public_key in wanted {
            let Some(id) = find_held(context, &public_key) else { continue };
            let Some(feed) = context.feeds.get(id).filter(|feed| feed.has_shared_prefix()) else {
                continue;
            };
            if self.peer_feeds.get(id).is_none_or(PeerFeed::is_open) {
                self.peer_feeds.update(id, feed.shared_length(), |_| ());
                self.announcements.announce(id);
                self.forks.prefixes().give(id);
            }
        }
        self.forks.prefixes().on_answer(has_wanted);
        Ok(())
    }

    fn read_authors(&self, body: &[u8]) -> Result<Vec<PublicKey>, CloseReason> {
        let authors = message::entries(body).take(LISTED_MAX + 1);
        let authors: Vec<PublicKey> = authors.collect::<Result<_, _>>()?;
        if authors.len() > LISTED_MAX { Err(Violation::OutOfRange.into()) } else { Ok(authors) }
    }

    /// Writes our list of forked feeds, and our answer to the peer's list.
    fn write_forked_feeds(&mut self, context: &Context<'_>, frame: &mut Frame<'_>) {
        if self.forks.prefixes().is_to_list() && frame.fits(LISTED_MAX * size_of::<PublicKey>()) {
            let feeds = context.feeds.forked().filter_map(|id| context.feeds.get(id));
            let shared = feeds.filter(|feed| feed.has_shared_prefix()).take(LISTED_MAX);
            let mut body = Vec::new();
            shared.for_each(|feed| put(&mut body, &feed.public_key));
            frame.push(Kind::ForkedFeeds, &body);
            self.forks.prefixes().on_listed();
        }
        if let Some(lacking) = self.forks.prefixes().lacking()
            && frame.fits(size_of_val(lacking))
        {
            let mut body = Vec::new();
            lacking.iter().for_each(|public_key| put(&mut body, public_key));
            frame.push(Kind::ForkedWanted, &body);
            self.forks.prefixes().on_answered();
        }
    }

    /// Tells the peer that it has got what we give of the forked feeds that it wanted, with their
    /// proofs.
    pub(super) fn finish_forked_feeds(&mut self, context: &Context<'_>, frame: &mut Frame<'_>) {
        let Self { peer_feeds, forks, .. } = self;
        let is_lacking = |id| {
            let length = length_of(context.feeds, id);
            peer_feeds.get(id).is_some_and(|peer_feed| peer_feed.lacks(length))
        };
        if forks.are_prefixes_given(is_lacking) {
            frame.push(Kind::ForkedFeeds, &[]);
            self.forks.prefixes().on_finished();
        }
    }

    /// The feed was removed.
    pub(crate) fn forget_fork(&mut self, feed: FeedId) {
        self.forks.forget(feed);
        self.peer_limits.forget(feed);
    }

    /// A feed has grown: compares a head of the peer with it that waited for this.
    pub(crate) fn continue_signed_head(&mut self, context: &mut Context<'_>, id: FeedId) {
        if let Some(head) = self.forks.take_remote_head(id) {
            self.compare_with_signed_head(context, id, head);
        }
    }
}

/// The feed of an author, if a block of it is held.
fn find_held(context: &Context<'_>, public_key: &PublicKey) -> Option<FeedId> {
    let key = manifest::feed_key(context.group.feed_namespace(), public_key);
    let id = context.feeds.find(&key)?;
    context.feeds.get(id).filter(|feed| feed.length() > 0).map(|_| id)
}
