//! What two peers say to each other of a feed of which they hold two histories.
//!
//! Rule: whose history is shorter says its head, whose is longer makes the proof of both, and each
//! connection is told of a proof once. So what is said of a feed has an end, whoever holds what.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::compose::Frame;
use super::range::CONTESTED_MAX;
use super::session::{Context, Session};
use crate::crypto::sign::PublicKey;
use crate::error::{CloseReason, Violation};
use crate::feed::fork;
use crate::feed::manifest;
use crate::feed::proof::ProofRead;
use crate::feed::record;
use crate::feed::set::Feeds;
use crate::feed::{Feed, FeedStatus};
use crate::id::FeedId;
use crate::io::Write;
use crate::outbox::Job;
use crate::wire::fork::{ForkProof, SignedHead};
use crate::wire::hypercore::{Request, Span};
use crate::wire::multifeed::Kind;

/// Feeds of two histories on one connection.
#[derive(Debug, Default)]
pub(super) struct Forks {
    /// Our head of these is to be said, once all that it signs is held.
    contested: BTreeSet<FeedId>,
    /// Heads of the peer that are to be held against ours, once as much is held.
    disputed: BTreeMap<FeedId, SignedHead>,
    /// How often the peer said one.
    heard: usize,
    /// The peer is to be told of the proof.
    untold: BTreeSet<FeedId>,
    /// It was, or has told us.
    told: BTreeSet<FeedId>,
    /// The proof is being made or written down, because of what the peer said.
    proving: BTreeSet<FeedId>,
}

impl Forks {
    /// Nothing is left to be told or found out.
    pub(super) fn is_idle(&self) -> bool {
        self.untold.is_empty() && self.proving.is_empty()
    }

    /// Feeds about which something is remembered.
    pub(super) fn len(&self) -> usize {
        let Self { contested, disputed, untold, proving, .. } = self;
        contested.len().max(disputed.len()).max(untold.len()).max(proving.len())
    }
}

impl Session {
    /// What the peer sent does not follow on what is held.
    pub(super) fn dispute(&mut self, feed: FeedId) {
        self.forking.contested.insert(feed);
    }

    /// The peer holds a head that our history, which it was sent, does not follow on.
    pub(super) fn on_signed_head(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let dispute = SignedHead::decode(body)?;
        self.forking.heard += 1;
        // One for each feed that the peer may contest, and one in turn for each that we may.
        if self.forking.heard > 2 * CONTESTED_MAX {
            return Err(Violation::BadSignature.into());
        }
        let Some(id) = held(context, &dispute.header.public_key) else { return Ok(()) };
        let Some(feed) = context.feeds.get(id).filter(|feed| !feed.has_fork()) else {
            return Ok(());
        };
        feed.check_signed_head(&dispute, context.memo)?;
        self.compare_with_signed_head(context, id, dispute);
        Ok(())
    }

    /// Holds a peer's head, which its author signed, against ours.
    pub(crate) fn compare_with_signed_head(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        dispute: SignedHead,
    ) {
        self.forking.proving.remove(&id);
        let Some(feed) = context.feeds.get(id) else { return };
        let Some(tip) = feed.durable().filter(|_| feed.is_accepted()) else { return };
        let theirs = dispute.header.length;
        if tip.length < theirs {
            if tip.length == tip.head.length {
                // The peer's history is the longer one: it makes the proof.
                self.forking.contested.insert(id);
            } else {
                self.forking.disputed.insert(id, dispute);
            }
            return;
        }
        if tip.head.length == theirs {
            let (head, roots) = (tip.head, tip.roots.clone());
            // What a peer disputes without reason gains it nothing, and is no crime.
            let _ = store_fork(context, id, &fork::prove(dispute, &head, &roots, &[]));
            return self.prove(context.feeds, id);
        }
        let span = Span { start: theirs, length: tip.head.length - theirs };
        let request = Request { upgrade: Some(span), ..Request::default() };
        if let Some((read, keys)) = ProofRead::begin(id, feed, &request) {
            let theirs = (self.connection, dispute);
            self.forking.proving.insert(id);
            context.outbox.read(Job::CompareSignedHead { theirs, read }, keys);
        }
    }

    /// The peer proves that a feed has two histories.
    pub(super) fn on_fork_proof(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let forked = ForkProof::decode(body)?;
        // Who holds nothing of it is told again once it does.
        let public_key = &forked.signed_head.header.public_key;
        let Some(id) = held(context, public_key) else { return Ok(()) };
        store_fork(context, id, &forked)?;
        self.prove(context.feeds, id);
        self.forking.untold.remove(&id);
        self.forking.told.insert(id);
        Ok(())
    }

    /// A proof may have been made: while it is on its way to the store, that is waited for.
    pub(crate) fn prove(&mut self, feeds: &Feeds, id: FeedId) {
        let is_on_its_way =
            |feed: &Feed| feed.has_fork() && !feed.is_forked() && feed.broken().is_none();
        match feeds.get(id).is_some_and(is_on_its_way) {
            true => _ = self.forking.proving.insert(id),
            false => _ = self.forking.proving.remove(&id),
        }
    }

    /// The peer holds something of a feed that may have two histories: if it has, it is told so,
    /// once.
    pub(crate) fn notify_fork(&mut self, feeds: &Feeds, id: FeedId) {
        self.prove(feeds, id);
        let is_forked = feeds.get(id).is_some_and(|feed| feed.is_forked());
        let is_held = self.edges.get(id).is_some_and(|edge| edge.theirs > 0);
        let is_due = is_forked && is_held;
        if is_due && self.forking.told.insert(id) {
            self.forking.untold.insert(id);
        }
    }

    /// Says heads that peers contested, and proofs.
    pub(super) fn write_forks(&mut self, context: &Context<'_>, frame: &mut Frame<'_>) {
        let mut waiting = BTreeSet::new();
        while frame.has_room()
            && let Some(id) = self.forking.contested.pop_first()
        {
            let Some(feed) = context.feeds.get(id).filter(|feed| feed.is_accepted()) else {
                continue;
            };
            match feed.signed_head() {
                Some(dispute) => frame.push(Kind::SignedHead, &dispute.encode()),
                None => _ = waiting.insert(id),
            }
        }
        self.forking.contested.append(&mut waiting);
        while frame.has_room()
            && let Some(id) = self.forking.untold.pop_first()
        {
            if let Some(proof) = context.feeds.get(id).and_then(|feed| feed.fork_proof()) {
                frame.push(Kind::ForkProof, proof);
            }
        }
    }

    /// Nothing is left of a feed, and its number may become another's.
    pub(crate) fn forget_fork(&mut self, feed: FeedId) {
        let Forks { contested, disputed, untold, told, proving, .. } = &mut self.forking;
        [contested, untold, told, proving].into_iter().for_each(|feeds| _ = feeds.remove(&feed));
        disputed.remove(&feed);
    }

    /// A feed has grown: a peer's head that waited for it may be held against it.
    pub(crate) fn continue_signed_head(&mut self, context: &mut Context<'_>, id: FeedId) {
        if let Some(dispute) = self.forking.disputed.remove(&id) {
            self.compare_with_signed_head(context, id, dispute);
        }
    }
}

/// The feed of an author, if something of it is held.
fn held(context: &Context<'_>, public_key: &PublicKey) -> Option<FeedId> {
    let key = manifest::feed_key(context.group.feed_namespace(), public_key);
    let id = context.feeds.find(&key)?;
    context.feeds.get(id).filter(|feed| feed.length() > 0).map(|_| id)
}

/// Verifies a proof and keeps it, if it is the first one.
pub(crate) fn store_fork(
    context: &mut Context<'_>,
    id: FeedId,
    forked: &ForkProof,
) -> Result<(), Violation> {
    let feed = context.feeds.get_mut(id);
    // What is being deleted must not be written any more.
    let feed = feed.filter(|feed| !feed.has_fork() && feed.status != FeedStatus::Removing);
    let Some(feed) = feed else { return Ok(()) };
    feed.check_fork(forked, context.memo)?;
    // Beyond it a feed stays as one is that was contested.
    if context.feeds.forks() >= context.limits.forks {
        return Ok(());
    }
    let proof = forked.encode();
    let put = Write::Put(record::fork_key(id.0), record::encode_fork(&proof));
    context.feeds.set_fork(id, proof.into(), false);
    // Marks say that some peers have all that we offer, and so would not be told.
    let writes: Vec<Write> = [put].into_iter().chain(context.sets.known.forget_all()).collect();
    context.outbox.commit(Job::Fork { feed: id }, writes);
    Ok(())
}
