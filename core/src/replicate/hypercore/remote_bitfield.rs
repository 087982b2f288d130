//! The blocks of a feed that a peer announced.
//!
//! Rule: a peer's bitfield is never stored. The blocks from our length on matter, for they can be
//! requested, and the contiguous length from the first block on; of both, a bounded number of runs
//! is remembered. What is forgotten can be asked for again.

use alloc::collections::BTreeMap;

use crate::wire::hypercore::{Bitfield, RunNews};

/// Runs that are remembered: for a feed of which the peer holds every other block, as many as are
/// requested at once by default.
const RUNS_MAX: usize = 256;

/// The blocks of one feed at one peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct RemoteBitfield {
    /// Ends by starts; none of them touch. The first is the contiguous part if it starts at 0.
    runs: BTreeMap<u64, u64>,
    /// Our length. Runs below it are forgotten first.
    floor: u64,
    /// Runs from this block on were forgotten.
    forgotten: Option<u64>,
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

    /// We hold the blocks below `length`.
    pub(crate) fn set_floor(&mut self, length: u64) {
        self.floor = length;
    }

    /// Whether the peer may have announced a block, and it was forgotten.
    pub(crate) fn has_forgotten(&self, index: u64) -> bool {
        self.run_end(index).is_none() && self.forgotten.is_some_and(|start| start <= index)
    }

    /// The peer is asked for its blocks again.
    pub(crate) fn ask_again(&mut self) {
        self.forgotten = None;
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
            if self.is_beyond(at) {
                // What follows would be forgotten at once.
                return;
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
        self.trim();
    }

    /// Whether a run from a block on would be forgotten at once.
    fn is_beyond(&self, index: u64) -> bool {
        let is_last = self.forgotten.is_some_and(|start| start <= index);
        is_last && self.runs.len() >= RUNS_MAX
    }

    /// Forgets runs beyond the bound: the last one below our length, unless it is the contiguous
    /// part, else the last one.
    fn trim(&mut self) {
        while self.runs.len() > RUNS_MAX {
            let below = self.runs.range(1..self.floor.max(1)).rev();
            // Only the last one can reach beyond our length.
            let below = below.take(2).find(|(_, end)| **end <= self.floor).map(|(start, _)| *start);
            let Some((last, _)) = self.runs.last_key_value() else { return };
            let start = below.unwrap_or(*last);
            self.runs.remove(&start);
            if below.is_none() {
                self.forgotten = Some(self.forgotten.map_or(start, |other| other.min(start)));
            }
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
        self.trim();
    }
}

#[cfg(test)]
mod tests;
