//! What changed since when: the order in which feeds last changed, and the last changes of a
//! sketch.
//!
//! Rule: a peer that knows an epoch and a number in it is told what came after, or that this
//! cannot be known; never a part of it.
#![cfg_attr(not(test), expect(dead_code, reason = "the change log is not on the wire yet"))]

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::token::Token;
use crate::chance::Chance;
use crate::id::FeedId;

/// The end of the list of feeds.
const NONE: u32 = u32::MAX;

/// Toggles that a sketch can be taken back by. Each costs 16 bytes once for all peers; a session
/// takes seconds, so this lets thousands of feeds change in them.
const TOGGLES_MAX: usize = 4_096;

/// One feed in the order of changes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The number of its last change, or 0 if it is not in the order.
    seq: u64,
    before: u32,
    after: u32,
}

/// The feeds, in the order of their last change.
///
/// A list through the slots and not an ordered map: 16 bytes for a feed, and a change costs the
/// same for any number of feeds.
#[derive(Debug)]
pub(crate) struct Changes {
    epoch: u64,
    seq: u64,
    slots: Vec<Entry>,
    first: u32,
    last: u32,
}

impl Changes {
    /// Begins an epoch, in which nothing has changed yet.
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self { epoch: chance.u64(), seq: 0, slots: Vec::new(), first: NONE, last: NONE }
    }

    /// Goes on with an epoch that the store remembers, `seq` being the last number that it gave.
    /// `None` if the entries are not of such an epoch: then a new one has to begin.
    pub(crate) fn resume(epoch: u64, seq: u64, mut feeds: Vec<(u64, FeedId)>) -> Option<Self> {
        let mut changes = Self { epoch, seq: 0, slots: Vec::new(), first: NONE, last: NONE };
        feeds.sort_unstable();
        for (at, feed) in feeds {
            if at <= changes.seq || changes.seq_of(feed).is_some() {
                return None;
            }
            changes.seq = at - 1;
            changes.touch(feed);
        }
        (changes.seq <= seq).then(|| {
            changes.seq = seq;
            changes
        })
    }

    /// Names this history. Numbers of another epoch mean nothing here.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The number of the last change; 0 before the first.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Notes that a feed has changed. Returns the number of the change.
    pub(crate) fn touch(&mut self, feed: FeedId) -> u64 {
        self.forget(feed);
        let slot = feed.0 as usize;
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, Entry { seq: 0, before: NONE, after: NONE });
        }
        self.seq += 1;
        self.slots[slot] = Entry { seq: self.seq, before: self.last, after: NONE };
        match self.last {
            NONE => self.first = feed.0,
            last => self.slots[last as usize].after = feed.0,
        }
        self.last = feed.0;
        self.seq
    }

    /// The feed is no more: its slot may be given to another.
    pub(crate) fn forget(&mut self, feed: FeedId) {
        let Some(entry) = self.slots.get_mut(feed.0 as usize).filter(|entry| entry.seq > 0) else {
            return;
        };
        let Entry { before, after, .. } =
            core::mem::replace(entry, Entry { seq: 0, before: NONE, after: NONE });
        match before {
            NONE => self.first = after,
            before => self.slots[before as usize].after = after,
        }
        match after {
            NONE => self.last = before,
            after => self.slots[after as usize].before = before,
        }
    }

    /// The number of a feed's last change.
    pub(crate) fn seq_of(&self, feed: FeedId) -> Option<u64> {
        self.slots.get(feed.0 as usize).map(|entry| entry.seq).filter(|&seq| seq > 0)
    }

    /// The feeds that changed after `seq`, the latest first. `None` if no such number was given
    /// yet: then whoever says so has seen a history that is not this one.
    pub(crate) fn since(&self, seq: u64) -> Option<impl Iterator<Item = FeedId>> {
        let mut slot = self.last;
        (seq <= self.seq).then_some(core::iter::from_fn(move || {
            let entry = self.slots.get(slot as usize).filter(|entry| entry.seq > seq)?;
            let feed = FeedId(slot);
            slot = entry.before;
            Some(feed)
        }))
    }
}

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
