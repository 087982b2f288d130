//! The cleared runs of blocks of a feed.
//!
//! Rule: runs are ascending, not adjacent and not empty, so each set of blocks has one
//! representation.

use alloc::vec::Vec;
use core::ops::Range;

/// The cleared blocks of a feed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Runs {
    runs: Vec<(u64, u64)>,
}

impl Runs {
    /// Nothing is cleared.
    pub(crate) const NONE: Self = Self { runs: Vec::new() };

    /// Checks that the runs keep the rule and end at or below `length`.
    pub(crate) fn of(runs: Vec<(u64, u64)>, length: u64) -> Option<Self> {
        let mut end = None;
        let is_next = |(start, until): &(u64, u64)| {
            let is_separate = end.is_none_or(|end| *start > end);
            end = Some(*until);
            is_separate && start < until && *until <= length
        };
        runs.iter().all(is_next).then_some(Self { runs })
    }

    pub(crate) fn as_slice(&self) -> &[(u64, u64)] {
        &self.runs
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Number of runs.
    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Number of cleared blocks.
    pub(crate) fn blocks(&self) -> u64 {
        self.runs.iter().map(|(start, end)| end - start).sum()
    }

    /// The first run that ends after `index`.
    fn next(&self, index: u64) -> Option<(u64, u64)> {
        let place = self.runs.partition_point(|(_, end)| *end <= index);
        self.runs.get(place).copied()
    }

    pub(crate) fn contains(&self, index: u64) -> bool {
        self.next(index).is_some_and(|(start, _)| start <= index)
    }

    /// The end of the run that contains `index`, or else the start of the next run; at most
    /// `until`.
    pub(crate) fn boundary(&self, index: u64, until: u64) -> u64 {
        let boundary = match self.next(index) {
            Some((start, end)) if start <= index => end,
            Some((start, _)) => start,
            None => until,
        };
        boundary.min(until)
    }

    /// Adds cleared blocks.
    pub(crate) fn insert(&mut self, blocks: &Range<u64>) {
        if blocks.is_empty() {
            return;
        }
        // Runs that touch the new one are merged with it.
        let from = self.runs.partition_point(|(_, end)| *end < blocks.start);
        let until = self.runs.partition_point(|(start, _)| *start <= blocks.end);
        let touched = self.runs.get(from..until).unwrap_or_default();
        let start = touched.first().map_or(blocks.start, |run| run.0.min(blocks.start));
        let end = touched.last().map_or(blocks.end, |run| run.1.max(blocks.end));
        self.runs.splice(from..until, [(start, end)]);
    }

    /// Removes blocks that are held again.
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
