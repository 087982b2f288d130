//! Runs of blocks that are not held any more, though the feed is.
//!
//! Rule: runs are in order, apart from each other and not empty, so there is one way to say which
//! blocks are gone.

use alloc::vec::Vec;
use core::ops::Range;

/// Which blocks of a feed were cleared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Runs {
    runs: Vec<(u64, u64)>,
}

impl Runs {
    /// Nothing is cleared.
    pub(crate) const NONE: Self = Self { runs: Vec::new() };

    /// These runs, if they keep the rule and end by `length`.
    pub(crate) fn of(runs: Vec<(u64, u64)>, length: u64) -> Option<Self> {
        let mut end = None;
        let is_next = |(start, until): &(u64, u64)| {
            let is_apart = end.is_none_or(|end| *start > end);
            end = Some(*until);
            is_apart && start < until && *until <= length
        };
        runs.iter().all(is_next).then_some(Self { runs })
    }

    pub(crate) fn as_slice(&self) -> &[(u64, u64)] {
        &self.runs
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many runs there are.
    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    /// How many blocks there are in them.
    pub(crate) fn blocks(&self) -> u64 {
        self.runs.iter().map(|(start, end)| end - start).sum()
    }

    /// The first run that ends behind `index`.
    fn next(&self, index: u64) -> Option<(u64, u64)> {
        let place = self.runs.partition_point(|(_, end)| *end <= index);
        self.runs.get(place).copied()
    }

    pub(crate) fn contains(&self, index: u64) -> bool {
        self.next(index).is_some_and(|(start, _)| start <= index)
    }

    /// Where the run that `index` is in ends, or else where the next one begins; `until` at most.
    pub(crate) fn boundary(&self, index: u64, until: u64) -> u64 {
        let boundary = match self.next(index) {
            Some((start, end)) if start <= index => end,
            Some((start, _)) => start,
            None => until,
        };
        boundary.min(until)
    }

    /// Adds blocks to what is gone.
    pub(crate) fn insert(&mut self, blocks: &Range<u64>) {
        if blocks.is_empty() {
            return;
        }
        // Those that touch the new one become one with it.
        let from = self.runs.partition_point(|(_, end)| *end < blocks.start);
        let until = self.runs.partition_point(|(start, _)| *start <= blocks.end);
        let touched = self.runs.get(from..until).unwrap_or_default();
        let start = touched.first().map_or(blocks.start, |run| run.0.min(blocks.start));
        let end = touched.last().map_or(blocks.end, |run| run.1.max(blocks.end));
        self.runs.splice(from..until, [(start, end)]);
    }

    /// Takes blocks out of what is gone.
    pub(crate) fn remove(&mut self, blocks: &Range<u64>) {
        if blocks.is_empty() {
            return;
        }
        let left = self.runs.iter().flat_map(|(start, end)| {
            [(*start, (*end).min(blocks.start)), ((*start).max(blocks.end), *end)]
        });
        self.runs = left.filter(|(start, end)| start < end).collect();
    }
}

#[cfg(test)]
mod tests;
