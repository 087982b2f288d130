//! The states of a reconciliation beside its stage.

/// The checkpoint that the latest session starts from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Base {
    /// The peers remember no common checkpoint, or do not use it.
    None,
    /// Both remember the same checkpoint, and their sets were equal then.
    Equal,
    /// Both remember the same checkpoint, and one side had refused feeds of the other then.
    Diverged,
}

/// Whether feeds may be named as new that were named before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Renaming {
    Forbidden,
    /// A session failed, so one side may have dropped the messages that assigned aliases.
    Allowed,
}

/// Whether the peer has listed all that it offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RemoteListing {
    Open,
    Complete,
}

/// What the peer held when it claimed its sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RemoteSet {
    /// It held feeds, or has not claimed yet.
    Unknown,
    Empty,
}
