//! Bugs to be switched on, one at a time, so that each law is seen to catch what it is there for.
//!
//! Rule: without the feature `planted-bugs` every question here is the constant `false`, and the
//! compiler removes what hangs on it.

/// One bug. Each stands where its variant is asked for with [`is`].
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bug {
    /// Signatures of heads are not checked.
    AnySignature = 1,
    /// An append does not see those before it that are not durable yet: it signs an index twice.
    SignsTwice,
    /// Peers are told of blocks that are not durable yet.
    TellsTooEarly,
    /// A commit counts though an earlier one of its feed has not landed.
    CountsOutOfOrder,
    /// What the store gives is not verified.
    ReadsUnverified,
    /// The window for ranges is not checked.
    NoWindow,
    /// The grant of names is not checked.
    NoNames,
    /// Ranges are read for a peer that takes none.
    ReadsWithoutBound,
    /// Feeds that only a lost peer had named are remembered.
    KeepsCandidates,
    /// What a lost peer owed is not asked of others.
    AsksNobodyElse,
    /// Peers are called in sync as soon as both have listed their feeds.
    SyncedTooEarly,
    /// Anybody is a member.
    LetsAnyoneIn,
    /// Each head that a peer names is told to the application fifty times.
    AnswersTooOften,
    /// Whoever wants the end of a feed is served all of it.
    ServesFromStart,
    /// Of a removed feed the nodes stay in the store.
    LeavesNodes,
    /// That a feed was removed is not remembered.
    ForgetsTombstones,
    /// Blocks are cleared without their leaf in their place.
    ClearsWithoutLeaf,
    /// Peers that hold as many feeds are taken to hold the same.
    AgreesByCount,
    /// A mark is taken for what both sides mean, and for all that has changed since.
    TrustsMarks,
    /// Peers are not told that a feed has two histories.
    KeepsForksSecret,
}

#[cfg(feature = "planted-bugs")]
static PLANTED: core::sync::atomic::AtomicU8 = core::sync::atomic::AtomicU8::new(0);

/// Switches a bug on for the whole process, or all of them off.
#[cfg(feature = "planted-bugs")]
#[doc(hidden)]
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as u8), core::sync::atomic::Ordering::SeqCst);
}

/// Whether a bug is switched on.
#[cfg(feature = "planted-bugs")]
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.load(core::sync::atomic::Ordering::SeqCst) == bug as u8
}

/// Whether a bug is switched on: never.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn is(_bug: Bug) -> bool {
    false
}
