//! Two sides that hold all of each other agree on it, so that they know each other next time.
//!
//! Rule: a side says that it is settled when nothing is left to be said or fetched, and what it
//! lacks it has refused for good. A mark is made of what both said last, and not before that.

use super::compose::Frame;
use super::session::{Context, Session};
use crate::feed::checkpoint::{Digest, PeerTag};
use crate::outbox::Job;
use crate::reconcile::known::LogPosition;
use crate::wire::multifeed::Kind;

/// Feeds that change before it is said anew though the connection is not quiet: saying it costs
/// as much as telling of ten of them.
const CHANGES_UNSAID_MAX: u64 = 64;

/// What two sides said of being settled.
#[derive(Debug)]
pub(crate) struct SyncCheckpoint {
    peer: PeerTag,
    said: Option<(Digest, LogPosition)>,
    heard: Option<Digest>,
    /// What the mark was made of.
    marked: Option<(Digest, Digest)>,
    /// The store has not answered for it yet.
    is_storing: bool,
    /// It is to be said anew if there is anything new.
    is_due: bool,
    /// One side lacks what the other may give it one day.
    is_diverged: bool,
}

impl SyncCheckpoint {
    pub(super) fn new(peer: PeerTag) -> Self {
        let (said, heard, marked) = (None, None, None);
        let (is_storing, is_due, is_diverged) = (false, true, false);
        Self { peer, said, heard, marked, is_storing, is_due, is_diverged }
    }

    /// One side does not take what it may take one day, or does not give what it holds.
    pub(super) fn set_diverged(&mut self) {
        self.is_diverged = true;
    }
}

impl Session {
    /// The connection is quiet: a good time to say what is settled.
    pub(crate) fn schedule_checkpoint(&mut self) {
        self.settling.is_due = true;
    }

    /// The sets were found to be the same when they were claimed: both said so by that.
    pub(super) fn take_equal_claims(&mut self) {
        if let Some((digest, stamp)) = self.reconciliation.take_equal_claims() {
            self.settling.said = Some((digest, stamp));
            self.settling.heard = Some(digest);
            self.settling.is_due = false;
        }
    }

    pub(super) fn on_checkpoint(&mut self, digest: Digest) {
        self.settling.heard = Some(digest);
        self.settling.is_due = true;
    }

    /// Says what is settled, if it is, and makes a mark of it once both have said so.
    pub(super) fn settle(&mut self, context: &mut Context<'_>, frame: &mut Frame<'_>) {
        let is_open = self.settling.is_due || self.has_many_changes(context) || self.is_unstored();
        if !is_open || !self.is_settled(context) {
            return;
        }
        let is_due = core::mem::take(&mut self.settling.is_due);
        if is_due || self.has_many_changes(context) {
            self.send_checkpoint(context, frame);
        }
        self.mark(context);
    }

    fn send_checkpoint(&mut self, context: &mut Context<'_>, frame: &mut Frame<'_>) {
        let known = &context.sets.known;
        if self.settling.said.is_some_and(|(_, stamp)| known.is_fresh(&stamp)) {
            return;
        }
        let digest = context.sets.digest(context.feeds);
        context.sets.known.keep();
        let stamp = context.sets.known.stamp();
        let before = self.settling.said.replace((digest, stamp));
        if before.map(|(digest, _)| digest) != Some(digest) {
            frame.push(Kind::Checkpoint, &digest);
        }
    }

    fn mark(&mut self, context: &mut Context<'_>) {
        let SyncCheckpoint { peer, said, heard, is_storing, .. } = self.settling;
        let (Some((ours, stamp)), Some(theirs), false) = (said, heard, is_storing) else { return };
        if !context.sets.known.is_current(&stamp) || !self.is_unstored() {
            return;
        }
        self.settling.marked = Some((ours, theirs));
        let peers_max = context.limits.known_peers;
        let write = context.sets.known.mark(peer, [ours, theirs], &stamp, peers_max);
        if let Some(write) = write {
            self.settling.is_storing = true;
            let job = Job::StoreCheckpoint { connection: self.connection };
            context.outbox.commit(job, [write].into());
        }
    }

    /// A mark is in the store, or the store has failed: it was worth bytes alone.
    pub(crate) fn marked(&mut self) {
        self.settling.is_storing = false;
    }

    /// Both have said it, and it is not written down.
    fn is_unstored(&self) -> bool {
        let SyncCheckpoint { said, heard, marked, .. } = &self.settling;
        let both = said.map(|(digest, _)| digest).zip(*heard);
        both.is_some() && both != *marked
    }

    fn has_many_changes(&self, context: &Context<'_>) -> bool {
        let said = self.settling.said.as_ref();
        said.is_some_and(|(_, stamp)| context.sets.known.changes_since(stamp) >= CHANGES_UNSAID_MAX)
    }

    /// Whether the peer has nothing that we lack and have not refused for good.
    fn is_settled(&self, context: &Context<'_>) -> bool {
        let is_even = self.is_synced() && self.edges.have_all_offered();
        // What is on its way to the store counts for no digest and for every stamp.
        is_even && !self.settling.is_diverged && !context.outbox.is_growing()
    }
}
