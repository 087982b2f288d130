//! Defines the one change that repairs a broken invite.

use super::Invite;

/// A change. Positions are those in the user's input, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Replace a character.
    Replace {
        /// Its position.
        position: usize,
        /// The wrong character.
        found: char,
        /// The right character.
        right: char,
    },
    /// Swap two neighbours.
    Swap {
        /// The position of the first.
        position: usize,
        /// The position of the second.
        second: usize,
    },
}

impl Fix {
    /// Returns the position of the first wrong character.
    pub fn position(&self) -> usize {
        match self {
            Self::Replace { position, .. } | Self::Swap { position, .. } => *position,
        }
    }
}

/// The only change that gives a valid invite, with that invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The change.
    pub fix: Fix,
    /// The repaired invite.
    pub invite: Invite,
}
