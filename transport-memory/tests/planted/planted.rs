//! Switches on one planted bug at a time. Rule: only the patched copy of the core contains this
//! file; the patches beside it ask for a bug with [`is`].

use core::sync::atomic::{AtomicU8, Ordering};

/// One bug; each patch plants one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bug {
    /// Signatures of heads are not checked.
    AcceptsAnySignature = 1,
    /// An append ignores the appends before it that are not durable yet, so it signs a length
    /// twice.
    SignsLengthTwice,
    /// Blocks are announced before they are durable.
    AnnouncesBeforeDurable,
    /// A commit counts although an earlier commit of its feed is not durable.
    CompletesOutOfOrder,
    /// Blocks read from the store are not verified.
    ReadsUnverified,
    /// The byte credit for ranges is not checked.
    IgnoresByteCredit,
    /// The credit for aliases is not checked.
    IgnoresAliasCredit,
    /// Ranges are read for a peer that takes none.
    ReadsWithoutBound,
    /// Feeds are remembered after the last peer that offered them has left.
    KeepsCandidates,
    /// Feeds that were requested from a lost peer are not requested from others.
    NeverReassigns,
    /// Peers count as in sync as soon as both have listed their feeds.
    SyncedTooEarly,
    /// Every peer counts as a member of the group.
    AdmitsEveryPeer,
    /// Each announced head is reported to the application fifty times.
    RepeatsEvents,
    /// A peer that wants the end of a feed is served all of it.
    ServesFromStart,
    /// The tree nodes of a removed feed stay in the store.
    LeavesNodes,
    /// The removal of a feed is not remembered.
    ForgetsRemovals,
    /// Blocks are cleared without storing their leaves.
    ClearsWithoutLeaf,
    /// Two sets with equally many feeds count as equal.
    ComparesCounts,
    /// A checkpoint is trusted without comparing it.
    TrustsCheckpoints,
    /// Peers are not notified of a fork.
    HidesForks,
}

static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Switches a bug on for the whole process, or all of them off.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as u8), Ordering::SeqCst);
}

/// Whether a bug is switched on.
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.load(Ordering::SeqCst) == bug as u8
}
