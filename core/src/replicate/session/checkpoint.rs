//! Sends a checkpoint once both peers are in sync, so the next session can skip reconciliation.
//!
//! Rule: a side sends a checkpoint when nothing is left to be sent or fetched, and it has refused
//! for good what it lacks.

use super::Session;
use crate::replicate::context::Context;
use crate::replicate::frame::Frame;
use crate::wire::multifeed::Kind;

impl Session {
    /// The connection is quiet: a good time to send a checkpoint.
    pub(crate) fn schedule_checkpoint(&mut self) {
        self.checkpoint.schedule();
    }

    /// Sends a checkpoint if the peers are in sync, and stores it once both have sent it.
    pub(super) fn maybe_send_checkpoint(
        &mut self,
        context: &mut Context<'_>,
        frame: &mut Frame<'_>,
    ) {
        if !self.checkpoint.is_pending(context) || !self.is_fully_in_sync(context) {
            return;
        }
        if let Some(digest) = self.checkpoint.take_digest_to_send(context) {
            frame.push(Kind::Checkpoint, &digest);
        }
        self.checkpoint.store(self.connection, context);
    }

    /// The write of a checkpoint finished or failed.
    pub(crate) fn on_checkpoint_stored(&mut self) {
        self.checkpoint.on_stored();
    }

    /// Whether the peer has nothing that we lack and have not refused for good.
    fn is_fully_in_sync(&self, context: &Context<'_>) -> bool {
        let is_in_sync = self.is_synced() && self.peer_feeds.have_all_offered();
        // Writes in flight are excluded from the digest but have already advanced the log position,
        // so wait.
        is_in_sync && !self.checkpoint.is_diverged() && !context.outbox.is_growing()
    }
}
