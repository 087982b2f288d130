//! The blocks of a feed that a peer announced.
//!
//! Rule: a peer's bitfield is never stored. The contiguous length from the first block on matters;
//! of the other blocks a few runs are remembered.

use alloc::collections::BTreeMap;

use crate::wire::hypercore::{Bitfield, RunNews};

/// Runs that are remembered. Of a feed in more pieces only the first ones are requested.
const RUNS_MAX: usize = 64;

/// The blocks of one feed at one peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct RemoteBitfield {
    /// Ends by starts; none of them touch. The first is the contiguous part if it starts at 0.
    runs: BTreeMap<u64, u64>,
}

impl RemoteBitfield {
    /// The number of blocks from the first one on without a gap.
    pub(crate) fn contiguous(&self) -> u64 {
        self.runs.get(&0).copied().unwrap_or(0)
    }

    /// The end of the run that contains a block.
    pub(crate) fn run_end(&self, index: u64) -> Option<u64> {
        let (_, end) = self.runs.range(..=index).next_back()?;
        (*end > index).then_some(*end)
    }

    pub(crate) fn on_range(&mut self, news: &RunNews) {
        let end = news.start.saturating_add(news.length);
        if news.drop {
            self.remove(news.start, end);
        } else {
            self.insert(news.start, end);
        }
    }

    /// A bitfield replaces what was known of the blocks that it covers (hypercore
    /// `lib/replicator.js`, `onbitfield`).
    pub(crate) fn on_bitfield(&mut self, bitfield: &Bitfield<'_>) {
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
