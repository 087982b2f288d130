//! A run of a sketch's cells ⇄ bytes.
//!
//! Rule: the format alone. What the cells sum up is in `reconcile/sketch.rs`.

use alloc::vec::Vec;

/// Bytes of a token: 36 bits of id and 12 check bits.
pub(crate) const TOKEN_BYTES: usize = 6;

/// The largest value of a token and of a cell, which is a XOR of tokens.
pub(crate) const TOKEN_MAX: u64 = (1 << (8 * TOKEN_BYTES as u32)) - 1;

/// Number of leading cells that also carry a count, from which the difference is estimated.
pub(crate) const HEAD_CELLS: u32 = 24;

/// Maximum number of cells of a sketch: 1.5 MiB. Only differences above 200,000 need more, and then
/// a listing costs the same.
pub(crate) const CELLS_MAX: u32 = 1 << 18;

/// Consecutive cells of a sketch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Slice {
    /// Index of the first cell.
    pub(crate) start: u32,
    pub(crate) cells: Vec<u64>,
    /// Counts modulo 2^8 of the cells below [`HEAD_CELLS`].
    pub(crate) counts: Vec<u8>,
}

impl Slice {
    /// Encoded bytes of `cells` cells from `start` on.
    pub(crate) fn bytes_of(start: u32, cells: u32) -> usize {
        let heads = HEAD_CELLS.saturating_sub(start).min(cells);
        cells as usize * TOKEN_BYTES + heads as usize
    }

    /// Encodes the cells, little-endian, each followed by its count if it has one.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.reserve(Self::bytes_of(self.start, self.cells.len() as u32));
        for (at, cell) in self.cells.iter().enumerate() {
            out.extend_from_slice(&cell.to_le_bytes()[..TOKEN_BYTES]);
            if let Some(count) = self.counts.get(at) {
                out.push(*count);
            }
        }
    }

    /// Decodes cells from `start` on. `None` if the bytes end within a cell or exceed [`CELLS_MAX`]
    /// cells.
    pub(crate) fn read(start: u32, bytes: &[u8]) -> Option<Self> {
        let head_bytes = TOKEN_BYTES + 1;
        let heads = HEAD_CELLS.saturating_sub(start) as usize * head_bytes;
        let (heads, tail) = bytes.split_at(heads.min(bytes.len()));
        if heads.len() % head_bytes != 0 || tail.len() % TOKEN_BYTES != 0 {
            return None;
        }
        let cells = heads.len() / head_bytes + tail.len() / TOKEN_BYTES;
        if cells as u64 + u64::from(start) > u64::from(CELLS_MAX) {
            return None;
        }
        let (heads, tail) = (heads.chunks_exact(head_bytes), tail.chunks_exact(TOKEN_BYTES));
        let counts = heads.clone().map(|head| head[TOKEN_BYTES]).collect();
        let cells = heads.map(|head| &head[..TOKEN_BYTES]).chain(tail).map(cell).collect();
        Some(Self { start, cells, counts })
    }
}

/// A cell as a number.
pub(crate) fn cell(bytes: &[u8]) -> u64 {
    let cell = bytes.iter().rev().fold(0, |cell, byte| cell << 8 | u64::from(*byte));
    cell & TOKEN_MAX
}
