//! Decodes the cells of a difference into the tokens that it consists of.
//!
//! Rule: cells come from an untrusted peer. Work and memory are bounded by the number of cells, and
//! the result is a guess until the roots over whole keys agree.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::mapping::Indices;
use super::token::Token;
use crate::wire::slice::{HEAD_CELLS, Slice};

/// Why decoding stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Undecodable {
    /// The cells do not continue the previous ones.
    OutOfPlace,
    /// More tokens were removed than cells of an honest peer can require.
    Stalled,
}

/// Progress of decoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// All cells are decoded.
    Complete,
    /// More cells are needed.
    Partial,
}

/// A decoded token, which was removed from its cells.
#[derive(Debug)]
struct Found {
    /// Its cells that have not been received.
    rest: Indices,
    /// The cell from which it was decoded.
    cell: u32,
}

/// The initiator's decoder: the difference of two sets, as far as it has been received.
///
/// Cells carry neither counts nor signs. A sum of three tokens can look like a token. It is removed
/// like one and restored when other cells contradict it. A lookup tells which side holds an item.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Cells of the difference without the decoded tokens.
    cells: Vec<u64>,
    /// Which cells were empty on arrival. After tokens are removed, empty cells no longer sample
    /// the difference.
    was_empty: Vec<bool>,
    counts: [u8; HEAD_CELLS as usize],
    found: BTreeMap<Token, Found>,
    /// Restored tokens, with the cells that must not yield them again. Without it, two cells could
    /// yield and contradict a token without end.
    spent: BTreeSet<(Token, u32)>,
    /// Cells to examine, each queued at most once.
    queue: Vec<u32>,
    is_queued: Vec<bool>,
    full: usize,
    peels: usize,
}

impl Decoder {
    /// Number of received cells.
    pub(crate) fn cells(&self) -> u32 {
        self.cells.len() as u32
    }

    /// Number of decoded tokens.
    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// The decoded tokens in ascending order. Until decoding is complete, some may be sums of
    /// others, and which ones depends on how the cells were split into messages.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = Token> {
        self.found.keys().copied()
    }

    /// Number of cells from `start` on that were empty on arrival.
    pub(super) fn empty_from(&self, start: u32) -> usize {
        let cells = self.was_empty.get(start as usize..).unwrap_or_default();
        cells.iter().filter(|is_empty| **is_empty).count()
    }

    /// The difference of the counts of the first cells, mod 2^8.
    pub(super) fn counts(&self) -> &[u8; HEAD_CELLS as usize] {
        &self.counts
    }

    /// Adds the next cells of the difference and decodes as far as possible.
    pub(crate) fn extend(&mut self, difference: &Slice) -> Result<Progress, Undecodable> {
        let start = self.cells();
        if difference.start != start {
            return Err(Undecodable::OutOfPlace);
        }
        self.was_empty.extend(difference.cells.iter().map(|cell| *cell == 0));
        self.is_queued.resize(self.is_queued.len() + difference.cells.len(), false);
        self.cells.extend(&difference.cells);
        let counts = self.counts.iter_mut().skip(start as usize);
        counts.zip(&difference.counts).for_each(|(count, new)| *count = *new);

        let end = self.cells();
        for (token, found) in &mut self.found {
            while let Some(index) = found.rest.next_below(end) {
                self.cells[index as usize] ^= token.bits();
            }
        }
        for index in start..end {
            self.full += usize::from(self.cells[index as usize] != 0);
            self.examine(index);
        }
        self.peel()
    }

    /// Queues a cell that looks like a single token.
    fn examine(&mut self, index: u32) {
        let is_queued = &mut self.is_queued[index as usize];
        if !*is_queued && Token::of_cell(self.cells[index as usize]).is_some() {
            *is_queued = true;
            self.queue.push(index);
        }
    }

    fn peel(&mut self) -> Result<Progress, Undecodable> {
        // Cells of an honest peer yield each token once, and rarely a false one: 3 per cell are
        // never reached.
        let peels_max = 3 * self.cells.len() + 64;
        while let Some(index) = self.queue.pop() {
            self.is_queued[index as usize] = false;
            let Some(token) = self.token_at(index) else { continue };
            if self.peels == peels_max {
                return Err(Undecodable::Stalled);
            }
            self.peels += 1;
            let rest = self.toggle(token);
            match self.found.remove(&token) {
                None => _ = self.found.insert(token, Found { rest, cell: index }),
                Some(found) => self.spent.extend([(token, found.cell), (token, index)]),
            }
        }
        Ok(if self.full == 0 { Progress::Complete } else { Progress::Partial })
    }

    /// The token that a cell yields, if any.
    fn token_at(&self, index: u32) -> Option<Token> {
        let token = Token::of_cell(self.cells[index as usize])?;
        let mut indices = Indices::of(token);
        while indices.next_below(index).is_some() {}
        // A token that does not map to this cell would not be removed from it.
        let is_of_cell = indices.next_below(index + 1).is_some();
        (is_of_cell && !self.spent.contains(&(token, index))).then_some(token)
    }

    /// Removes a token from its cells, or restores it. Returns its cells that have not been
    /// received.
    fn toggle(&mut self, token: Token) -> Indices {
        let end = self.cells();
        let mut indices = Indices::of(token);
        while let Some(index) = indices.next_below(end) {
            let cell = &mut self.cells[index as usize];
            self.full -= usize::from(*cell != 0);
            *cell ^= token.bits();
            self.full += usize::from(*cell != 0);
            self.examine(index);
        }
        indices
    }
}

#[cfg(test)]
mod tests;
