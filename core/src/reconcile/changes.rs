//! The latest changes of a sketch, with which its state at the start of a session is reconstructed.
//!
//! Rule: a query for the changes since a position returns all of them or fails; it never returns a
//! part.

use alloc::collections::VecDeque;

use super::token::Token;

/// Number of changes that can be undone. Each costs 16 bytes, shared by all peers. A session takes
/// seconds, so thousands of feeds may change during it.
const TOGGLES_MAX: usize = 4_096;

/// One change of a sketch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Toggle {
    /// An item was inserted.
    Inserted(Token),
    /// An item was removed.
    Removed(Token),
}

impl Toggle {
    /// The change that undoes this one.
    pub(super) fn inverse(self) -> Self {
        match self {
            Self::Inserted(token) => Self::Removed(token),
            Self::Removed(token) => Self::Inserted(token),
        }
    }
}

/// The requested changes are no longer available.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Overrun;

/// A ring of the latest changes of a sketch.
#[derive(Debug, Default)]
pub(crate) struct Toggles {
    ring: VecDeque<Toggle>,
    position: u64,
}

impl Toggles {
    /// Records a change.
    pub(crate) fn push(&mut self, toggle: Toggle) {
        if self.ring.len() == TOGGLES_MAX {
            self.ring.pop_front();
        }
        self.ring.push_back(toggle);
        self.position += 1;
    }

    /// Number of changes so far. A session stores it when it starts.
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
