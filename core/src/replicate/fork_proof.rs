//! Stores the proof that a feed has two histories.

use alloc::vec::Vec;

use super::context::Context;
use crate::error::Violation;
use crate::feed::record;
use crate::feed::{FeedStatus, ForkEvidence};
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
    let proof = proof.encode();
    let put = Write::Put(record::fork_key(id.slot), record::encode_fork(&proof));
    context.feeds.set_fork(id, ForkEvidence::Proof(proof.into()), false);
    // Above the limit the oldest proofs are dropped. Their feeds stay frozen.
    let max = context.limits.forks;
    let dropped: Vec<_> = core::iter::from_fn(|| context.feeds.drop_oldest_proof(max)).collect();
    let digests = dropped.into_iter().map(|(feed, digest)| {
        Write::Put(record::fork_key(feed.slot), record::encode_fork(&digest))
    });
    // By its checkpoint a peer has all that we offer, and would not be notified.
    let forgotten = context.sets.known.forget_all();
    let writes = [put].into_iter().chain(digests).chain(forgotten).collect();
    context.outbox.commit(CommitJob::Fork { feed: id }, writes);
    Ok(())
}
