//! The checkpoint of one connection: what both peers said about being in sync.
//!
//! Rule: a checkpoint is stored only of what both sides said last, and not before both said it.

use super::context::Context;
use crate::feed::checkpoint::{Digest, PeerTag};
use crate::id::ConnectionId;
use crate::outbox::CommitJob;
use crate::reconcile::known::LogPosition;

/// Changed feeds after which a checkpoint is sent again though the connection is not quiet: sending
/// one costs as much as announcing ten of them.
const CHANGES_UNSENT_MAX: u64 = 64;

/// The checkpoint messages of both sides.
#[derive(Debug)]
pub(crate) struct SyncCheckpoint {
    peer: PeerTag,
    sent: Option<(Digest, LogPosition)>,
    received: Option<Digest>,
    /// The digests of the stored checkpoint.
    stored: Option<(Digest, Digest)>,
    /// The store has not answered the write yet.
    is_storing: bool,
    /// A checkpoint is to be sent if anything changed.
    is_due: bool,
    /// A side does not take what it may take later, or does not give what it holds.
    is_diverged: bool,
    /// Whether the peers were in sync at the last call of [`Self::take_became_synced`].
    was_synced: bool,
}

impl SyncCheckpoint {
    pub(crate) fn new(peer: PeerTag) -> Self {
        let (sent, received, stored) = (None, None, None);
        let (is_storing, is_due, is_diverged, was_synced) = (false, true, false, false);
        Self { peer, sent, received, stored, is_storing, is_due, is_diverged, was_synced }
    }

    /// Whether the peers, which are in sync or not, have come to be so since the last call.
    pub(crate) fn take_became_synced(&mut self, is_synced: bool) -> bool {
        is_synced && !core::mem::replace(&mut self.was_synced, is_synced)
    }

    /// A feed is temporarily refused or withheld by one side: no checkpoint is sent any more.
    pub(crate) fn set_diverged(&mut self) {
        self.is_diverged = true;
    }

    pub(crate) fn is_diverged(&self) -> bool {
        self.is_diverged
    }

    /// The connection is quiet: a good time for a checkpoint.
    pub(crate) fn schedule(&mut self) {
        self.is_due = true;
    }

    /// Both claims were equal, so both sides have said what a checkpoint says.
    pub(crate) fn on_equal_claims(&mut self, digest: Digest, position: LogPosition) {
        self.sent = Some((digest, position));
        self.received = Some(digest);
        self.is_due = false;
    }

    pub(crate) fn on_received(&mut self, digest: Digest) {
        self.received = Some(digest);
        self.is_due = true;
    }

    /// Whether there may be something to send or to store.
    pub(crate) fn is_pending(&self, context: &Context<'_>) -> bool {
        self.is_due || self.has_many_changes(context) || self.is_unstored()
    }

    /// Returns the digest to send, if one is due and anything changed since the last one.
    pub(crate) fn take_digest_to_send(&mut self, context: &mut Context<'_>) -> Option<Digest> {
        let is_due = core::mem::take(&mut self.is_due);
        if !is_due && !self.has_many_changes(context) {
            return None;
        }
        let known = &context.sets.known;
        if self.sent.is_some_and(|(_, position)| known.is_fresh(&position)) {
            return None;
        }
        let digest = context.sets.digest(context.feeds);
        context.sets.known.keep();
        let position = context.sets.known.stamp();
        let before = self.sent.replace((digest, position));
        (before.map(|(digest, _)| digest) != Some(digest)).then_some(digest)
    }

    /// Stores the checkpoint, if both sides have said it and it is still current.
    pub(crate) fn store(&mut self, connection: ConnectionId, context: &mut Context<'_>) {
        let (Some((local, position)), Some(remote)) = (self.sent, self.received) else { return };
        if self.is_storing || !context.sets.known.is_current(&position) || !self.is_unstored() {
            return;
        }
        self.stored = Some((local, remote));
        let peers_max = context.limits.known_peers;
        let write =
            context.sets.known.set_checkpoint(self.peer, [local, remote], &position, peers_max);
        if let Some(write) = write {
            self.is_storing = true;
            context.outbox.commit(CommitJob::StoreCheckpoint { connection }, [write].into());
        }
    }

    /// The write finished. Failure is harmless: the next session sends a few more bytes.
    pub(crate) fn on_stored(&mut self) {
        self.is_storing = false;
    }

    /// Whether both sides have said it and it was not stored.
    fn is_unstored(&self) -> bool {
        let both = self.sent.map(|(digest, _)| digest).zip(self.received);
        both.is_some() && both != self.stored
    }

    fn has_many_changes(&self, context: &Context<'_>) -> bool {
        let known = &context.sets.known;
        let sent = self.sent.as_ref();
        sent.is_some_and(|(_, position)| known.changes_since(position) >= CHANGES_UNSENT_MAX)
    }

    /// Panics if a checkpoint was stored that was not sent.
    pub(crate) fn check_invariants(&self) {
        assert!(
            self.stored.is_none() || (self.sent.is_some() && self.received.is_some()),
            "a stored checkpoint was sent and received"
        );
        assert!(!self.is_storing || self.stored.is_some(), "a checkpoint is stored once");
    }
}
