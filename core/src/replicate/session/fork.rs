//! Messages about a feed with conflicting histories at two peers.

use alloc::collections::BTreeSet;

use super::Session;
use crate::crypto::sign::PublicKey;
use crate::error::CloseReason;
use crate::feed::Feed;
use crate::feed::fork;
use crate::feed::manifest;
use crate::feed::proof::ProofRead;
use crate::feed::set::Feeds;
use crate::id::FeedId;
use crate::outbox::ReadJob;
use crate::replicate::context::Context;
use crate::replicate::fork_proof::store_fork;
use crate::replicate::frame::Frame;
use crate::wire::fork::{ForkProof, SignedHead};
use crate::wire::hypercore::{Request, Span};
use crate::wire::multifeed::Kind;

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
        let is_forked = feeds.get(id).is_some_and(|feed| feed.is_forked());
        let peer_feed = self.peer_feeds.get(id);
        if is_forked && peer_feed.is_some_and(|peer_feed| peer_feed.remote_length() > 0) {
            self.forks.notify(id);
        }
    }

    /// Writes the heads of contested feeds, and proofs.
    pub(super) fn write_forks(&mut self, context: &Context<'_>, frame: &mut Frame<'_>) {
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
