//! From the cells of a difference to the tokens that make it up.
//!
//! Rule: cells are a stranger's. Whatever they hold, the work and the memory are bounded by how
//! many there are, and nothing found here is more than a guess until the roots over whole keys
//! agree.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::mapping::Indices;
use super::token::Token;
use crate::wire::slice::{HEAD_CELLS, Slice};

/// Why decoding cannot go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Undecodable {
    /// The cells do not follow on those that came before.
    OutOfPlace,
    /// More tokens were taken out than honest cells ever need.
    Stalled,
}

/// How far decoding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// Every cell is explained.
    Complete,
    /// More cells are needed.
    Partial,
}

/// A token that was taken out of the cells.
#[derive(Debug)]
struct Found {
    /// Its cells that did not come yet.
    rest: Indices,
    /// The cell that showed it.
    cell: u32,
}

/// The initiator's side of a sketch: the difference of two sets, as far as it is known.
///
/// Cells carry neither counts nor signs. A token that is the sum of three others by chance is
/// taken out as if it were one, and put back when the cells show that; which side has an item is
/// found by looking it up.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// Cells of the difference without what was found.
    cells: Vec<u64>,
    /// Which cells were empty when they came: once tokens are taken out, it is no sample of the
    /// difference any more.
    came_empty: Vec<bool>,
    counts: [u8; HEAD_CELLS as usize],
    found: BTreeMap<Token, Found>,
    /// Tokens that were put back, and the cells that may not show them again. Without this, two
    /// cells can show a token and take it back for ever.
    spent: BTreeSet<(Token, u32)>,
    /// Cells to look at, each once.
    queue: Vec<u32>,
    is_queued: Vec<bool>,
    full: usize,
    peels: usize,
}

impl Decoder {
    /// How many cells have come.
    pub(crate) fn cells(&self) -> u32 {
        self.cells.len() as u32
    }

    /// How many tokens were found and not put back.
    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// The tokens that were found and not put back, in ascending order. Before every cell is
    /// explained, some may be sums of others, and which ones depends on how the cells were cut.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = Token> {
        self.found.keys().copied()
    }

    /// Cells from `start` on that were empty when they came.
    pub(super) fn empty_from(&self, start: u32) -> usize {
        let cells = self.came_empty.get(start as usize..).unwrap_or_default();
        cells.iter().filter(|is_empty| **is_empty).count()
    }

    /// The difference of the counts of the first cells, mod 2^8.
    pub(super) fn counts(&self) -> &[u8; HEAD_CELLS as usize] {
        &self.counts
    }

    /// Takes the next cells of the difference, and finds what they show.
    pub(crate) fn extend(&mut self, difference: &Slice) -> Result<Progress, Undecodable> {
        let start = self.cells();
        if difference.start != start {
            return Err(Undecodable::OutOfPlace);
        }
        self.came_empty.extend(difference.cells.iter().map(|cell| *cell == 0));
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
            self.look_at(index);
        }
        self.peel()
    }

    /// Queues a cell that seems to hold one token.
    fn look_at(&mut self, index: u32) {
        let is_queued = &mut self.is_queued[index as usize];
        if !*is_queued && Token::of_cell(self.cells[index as usize]).is_some() {
            *is_queued = true;
            self.queue.push(index);
        }
    }

    fn peel(&mut self) -> Result<Progress, Undecodable> {
        // Honest cells show each token once, and falsely seldom: 3 for a cell is never reached.
        let peels_max = 3 * self.cells.len() + 64;
        while let Some(index) = self.queue.pop() {
            self.is_queued[index as usize] = false;
            let Some(token) = self.shown_by(index) else { continue };
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

    /// The token that a cell shows.
    fn shown_by(&self, index: u32) -> Option<Token> {
        let token = Token::of_cell(self.cells[index as usize])?;
        let mut indices = Indices::of(token);
        while indices.next_below(index).is_some() {}
        // A token that is not of this cell would not leave it when it is taken out.
        let is_of_cell = indices.next_below(index + 1).is_some();
        (is_of_cell && !self.spent.contains(&(token, index))).then_some(token)
    }

    /// Takes a token out of its cells, or puts it back. Returns its cells that did not come yet.
    fn toggle(&mut self, token: Token) -> Indices {
        let end = self.cells();
        let mut indices = Indices::of(token);
        while let Some(index) = indices.next_below(end) {
            let cell = &mut self.cells[index as usize];
            self.full -= usize::from(*cell != 0);
            *cell ^= token.bits();
            self.full += usize::from(*cell != 0);
            self.look_at(index);
        }
        indices
    }
}

#[cfg(test)]
mod tests;
