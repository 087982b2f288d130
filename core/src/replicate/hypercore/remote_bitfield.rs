//! Which blocks a peer holds of a feed, as it says.
//!
//! Rule: a peer's bitfield is never materialised. What counts is how far it holds the feed from
//! the first block on; of the rest a few runs are remembered.

use alloc::collections::BTreeMap;

use crate::wire::hypercore::{Bitfield, RunNews};

/// Runs that are remembered: who holds a feed in more pieces is asked for the first of them.
const RUNS_MAX: usize = 64;

/// Blocks of one feed at one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct RemoteBitfield {
    /// Ends by starts; none of them touch. The first is the contiguous part if it starts at 0.
    runs: BTreeMap<u64, u64>,
}

impl RemoteBitfield {
    /// Blocks from the first one on.
    pub(super) fn contiguous(&self) -> u64 {
        self.runs.get(&0).copied().unwrap_or(0)
    }

    /// The end of the run that a block is in.
    pub(super) fn run_end(&self, index: u64) -> Option<u64> {
        let (_, end) = self.runs.range(..=index).next_back()?;
        (*end > index).then_some(*end)
    }

    pub(super) fn on_range(&mut self, news: &RunNews) {
        let end = news.start.saturating_add(news.length);
        match news.drop {
            true => self.remove(news.start, end),
            false => self.insert(news.start, end),
        }
    }

    /// A bitfield is the truth of what it covers (hypercore `lib/replicator.js`, `onbitfield`).
    pub(super) fn on_bitfield(&mut self, bitfield: &Bitfield<'_>) {
        let blocks = 8 * bitfield.words.len() as u64;
        self.remove(bitfield.start, bitfield.start.saturating_add(blocks));
        let mut since = None;
        for (byte, at) in bitfield.words.iter().zip((bitfield.start..).step_by(8)) {
            if (*byte == 0xff && since.is_some()) || (*byte == 0 && since.is_none()) {
                continue;
            }
            for bit in 0..8 {
                match (byte >> bit & 1, since) {
                    (1, None) => since = Some(at + bit),
                    (0, Some(start)) => {
                        self.insert(start, at + bit);
                        since = None;
                    }
                    _ => (),
                }
            }
        }
        if let Some(start) = since {
            self.insert(start, bitfield.start.saturating_add(blocks));
        }
    }

    fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let (mut start, mut end) = (start, end);
        while let Some((other, other_end)) = self.runs.range(..=end).next_back()
            && *other_end >= start
        {
            let other = *other;
            (start, end) = (start.min(other), end.max(*other_end));
            self.runs.remove(&other);
        }
        self.runs.insert(start, end);
        if self.runs.len() > RUNS_MAX {
            self.runs.pop_last();
        }
    }

    fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        while let Some((other, other_end)) = self.runs.range(..end).next_back()
            && *other_end > start
        {
            let (other, other_end) = (*other, *other_end);
            self.runs.remove(&other);
            if other_end > end {
                self.runs.insert(end, other_end);
            }
            if other < start {
                self.runs.insert(other, start);
            }
        }
        if self.runs.len() > RUNS_MAX {
            self.runs.pop_last();
        }
    }
}

#[cfg(test)]
mod tests;
