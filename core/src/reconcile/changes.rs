//! The last changes of a sketch, by which a session is shown what there was when it began.
//!
//! Rule: whoever asks what came after a change is told all of it, or that this cannot be known;
//! never a part of it.

use alloc::collections::VecDeque;

use super::token::Token;

/// Toggles that a sketch can be taken back by. Each costs 16 bytes once for all peers; a session
/// takes seconds, so this lets thousands of feeds change in them.
const TOGGLES_MAX: usize = 4_096;

/// What was done to a sketch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Toggle {
    /// An item came.
    Inserted(Token),
    /// An item went.
    Removed(Token),
}

impl Toggle {
    /// What takes it back.
    pub(super) fn inverse(self) -> Self {
        match self {
            Self::Inserted(token) => Self::Removed(token),
            Self::Removed(token) => Self::Inserted(token),
        }
    }
}

/// The changes that were asked for are too many, or lie before what is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Overrun;

/// The last changes of a sketch, by which it is taken back to what it was for a session that
/// began before them.
#[derive(Debug, Default)]
pub(crate) struct Toggles {
    ring: VecDeque<Toggle>,
    position: u64,
}

impl Toggles {
    /// Notes a change.
    pub(crate) fn push(&mut self, toggle: Toggle) {
        if self.ring.len() == TOGGLES_MAX {
            self.ring.pop_front();
        }
        self.ring.push_back(toggle);
        self.position += 1;
    }

    /// How many changes there have been: what a session remembers of its beginning.
    #[cfg(test)]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The changes after `position`.
    pub(crate) fn since(&self, position: u64) -> Result<impl Iterator<Item = Toggle>, Overrun> {
        let count = self.position.checked_sub(position).ok_or(Overrun)?;
        let count = usize::try_from(count).map_err(|_| Overrun)?;
        let skipped = self.ring.len().checked_sub(count).ok_or(Overrun)?;
        Ok(self.ring.iter().skip(skipped).copied())
    }
}

#[cfg(test)]
mod tests;
