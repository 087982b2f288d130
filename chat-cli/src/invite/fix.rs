//! The one change that makes a broken invite whole.

use super::Invite;

/// What has to change. Positions are those of the user's input, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// One character is another.
    Replace {
        /// Where it stands.
        position: usize,
        /// What stands there.
        found: char,
        /// What should.
        right: char,
    },
    /// Two neighbours changed places.
    Swap {
        /// Where the first stands.
        position: usize,
        /// Where the second stands.
        second: usize,
    },
}

impl Fix {
    /// Where the first wrong character stands.
    pub fn position(&self) -> usize {
        match self {
            Self::Replace { position, .. } | Self::Swap { position, .. } => *position,
        }
    }
}

/// The only change that gives a valid invite, and that invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What has to change.
    pub fix: Fix,
    /// What comes out.
    pub invite: Invite,
}
