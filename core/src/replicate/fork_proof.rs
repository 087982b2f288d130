//! Stores the proof that a feed has two histories.

use super::context::Context;
use crate::error::Violation;
use crate::feed::FeedStatus;
use crate::feed::record;
use crate::id::FeedId;
use crate::io::Write;
use crate::outbox::CommitJob;
use crate::wire::fork::ForkProof;

/// Verifies a proof and stores it, if it is the first one of the feed.
pub(crate) fn store_fork(
    context: &mut Context<'_>,
    id: FeedId,
    proof: &ForkProof,
) -> Result<(), Violation> {
    let feed = context.feeds.get_mut(id);
    // Nothing may be written for a feed that is being removed.
    let feed = feed.filter(|feed| !feed.has_fork() && feed.status != FeedStatus::Removing);
    let Some(feed) = feed else { return Ok(()) };
    feed.check_fork(proof, context.memo)?;
    // Above the limit a feed stays contested without a proof.
    if context.feeds.forks() >= context.limits.forks {
        return Ok(());
    }
    let proof = proof.encode();
    let put = Write::Put(record::fork_key(id.slot), record::encode_fork(&proof));
    context.feeds.set_fork(id, proof.into(), false);
    // By its checkpoint a peer has all that we offer, and would not be notified.
    let writes = [put].into_iter().chain(context.sets.known.forget_all()).collect();
    context.outbox.commit(CommitJob::Fork { feed: id }, writes);
    Ok(())
}
