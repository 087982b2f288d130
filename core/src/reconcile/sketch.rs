//! Sketches: a set as cells, each the XOR of the tokens that map to it.
//!
//! Rule: all peers share one sketch. It changes and grows only with the set; requests copy from it.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::changes::{Overrun, Toggle, Toggles};
use super::mapping::Indices;
use super::token::Token;
use crate::wire::slice::{CELLS_MAX, HEAD_CELLS, Slice, TOKEN_BYTES, cell};

/// Minimum number of cells of a sketch, so that small sets rarely rebuild it.
const CELLS_MIN: u32 = 64;

/// The cells of a set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sketch {
    /// Little-endian, as on the wire.
    cells: Vec<[u8; TOKEN_BYTES]>,
    counts: [u8; HEAD_CELLS as usize],
}

impl Sketch {
    /// An empty sketch with room for `items`.
    pub(crate) fn for_items(items: usize) -> Self {
        let cells = vec![[0; TOKEN_BYTES]; cells_for(items) as usize];
        Self { cells, counts: [0; HEAD_CELLS as usize] }
    }

    /// The sketch of a set of tokens with room for `items`.
    pub(crate) fn of(items: usize, tokens: impl Iterator<Item = Token>) -> Self {
        let mut sketch = Self::for_items(items);
        tokens.for_each(|token| sketch.insert(token));
        sketch
    }

    /// Number of cells.
    pub(crate) fn cells(&self) -> u32 {
        self.cells.len() as u32
    }

    /// Adds a token that is not in the set. Adding it twice would remove it.
    pub(crate) fn insert(&mut self, token: Token) {
        self.toggle(Toggle::Inserted(token));
    }

    /// Removes a token that is in the set.
    #[cfg(test)]
    pub(crate) fn remove(&mut self, token: Token) {
        self.toggle(Toggle::Removed(token));
    }

    /// Applies a logged change.
    pub(crate) fn toggle(&mut self, toggle: Toggle) {
        let end = self.cells();
        toggle_cells(&mut self.cells, &mut self.counts, 0..end, toggle);
    }

    /// Whether `items` items are too many for the sketch.
    pub(crate) fn is_outgrown(&self, items: usize) -> bool {
        self.cells() < cells_for(items)
    }

    /// Grows to hold `items`. `tokens` yields every token of the set. Existing cells keep their
    /// values.
    pub(crate) fn grow(&mut self, items: usize, tokens: impl Iterator<Item = Token>) {
        let (start, end) = (self.cells(), cells_for(items));
        if end <= start {
            return;
        }
        self.cells.resize(end as usize, [0; TOKEN_BYTES]);
        for token in tokens {
            let mut indices = Indices::of(token);
            while let Some(index) = indices.next_below(end) {
                if index >= start {
                    self.cells[index as usize].add(token);
                }
            }
        }
    }

    /// Copies cells as they were at a position of the change log, up to the last cell.
    pub(crate) fn slice(
        &self,
        range: Range<u32>,
        toggles: &Toggles,
        position: u64,
    ) -> Result<Slice, Overrun> {
        let end = range.end.min(self.cells());
        let start = range.start.min(end);
        let mut cells: Vec<u64> =
            self.cells[start as usize..end as usize].iter().map(|bytes| cell(bytes)).collect();
        let mut counts = self.counts;
        for toggle in toggles.since(position)? {
            toggle_cells(&mut cells, &mut counts, start..end, toggle.inverse());
        }
        let head = start.min(HEAD_CELLS)..end.min(HEAD_CELLS);
        let counts = counts[head.start as usize..head.end as usize].to_vec();
        Ok(Slice { start, cells, counts })
    }
}

/// A cell in its stored form or as a number.
trait Cell {
    /// Adds or removes a token.
    fn add(&mut self, token: Token);
}

impl Cell for u64 {
    fn add(&mut self, token: Token) {
        *self ^= token.bits();
    }
}

impl Cell for [u8; TOKEN_BYTES] {
    fn add(&mut self, token: Token) {
        // As one number: an insertion changes dozens of cells.
        let mut bytes = [0; 8];
        bytes[..TOKEN_BYTES].copy_from_slice(self);
        let sum = u64::from_le_bytes(bytes) ^ token.bits();
        self.copy_from_slice(&sum.to_le_bytes()[..TOKEN_BYTES]);
    }
}

/// Applies a change to the cells of a range and to the counts of the first cells.
fn toggle_cells(cells: &mut [impl Cell], counts: &mut [u8], range: Range<u32>, toggle: Toggle) {
    let (token, one) = match toggle {
        Toggle::Inserted(token) => (token, 1u8),
        Toggle::Removed(token) => (token, u8::MAX),
    };
    let mut indices = Indices::of(token);
    while let Some(index) = indices.next_below(range.end) {
        if index < HEAD_CELLS {
            let count = &mut counts[index as usize];
            *count = count.wrapping_add(one);
        }
        if index >= range.start {
            cells[(index - range.start) as usize].add(token);
        }
    }
}

/// Number of cells for a set of `items`: enough to decode it if every item differs.
pub(super) fn cells_for(items: usize) -> u32 {
    let cells = items.saturating_mul(2).checked_next_power_of_two().unwrap_or(usize::MAX);
    u32::try_from(cells).unwrap_or(u32::MAX).clamp(CELLS_MIN, CELLS_MAX)
}

impl Slice {
    /// Applies a change of the set to the cells.
    pub(crate) fn toggle(&mut self, toggle: Toggle) {
        let end = self.start + self.cells.len() as u32;
        let mut counts = [0; HEAD_CELLS as usize];
        toggle_cells(&mut self.cells, &mut counts, self.start..end, toggle);
        let changes = &counts[self.start.min(HEAD_CELLS) as usize..];
        for (count, change) in self.counts.iter_mut().zip(changes) {
            *count = count.wrapping_add(*change);
        }
    }

    /// The difference to another slice of the same cells; `None` if the cells differ in position or
    /// number.
    pub(crate) fn diff(&self, other: &Self) -> Option<Self> {
        if self.start != other.start || self.cells.len() != other.cells.len() {
            return None;
        }
        let cells = self.cells.iter().zip(&other.cells).map(|(a, b)| a ^ b).collect();
        let counts = self.counts.iter().zip(&other.counts).map(|(a, b)| a.wrapping_sub(*b));
        Some(Self { start: self.start, cells, counts: counts.collect() })
    }
}

#[cfg(test)]
mod tests;
