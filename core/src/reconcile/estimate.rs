//! How far two sets are apart, and how many cells that takes.
//!
//! Rule: integers only. What is asked for depends on these numbers, and the same inputs must ask
//! for the same on every machine.

use super::decoder::Decoder;
use super::mapping::share_q32;
use crate::wire::slice::{CELLS_MAX, HEAD_CELLS};

/// log2(e).
const LOG2_E_Q32: u128 = 6_196_328_019;

/// Differences beyond this are not told apart.
const DIFFERENCE_MAX: u64 = 1 << 24;

/// Cells that are sent unasked at least: nine differences in ten decode from them.
const FIRST_CELLS: u32 = 32;

/// With fewer empty cells, or fewer cells, the empty ones bound a difference from below only.
const EMPTY_MIN: usize = 6;
const CELLS_SURE: u32 = 48;

/// Cells that are looked at to compare with the empty ones; more do not make it more precise.
const SAMPLES: u32 = 256;

/// Cells for one difference, in thousandths: the mean of many decodings, by how many differences
/// there are. In between it is a line over the logarithm.
const CELLS_PER_1000: [(u64, u64); 10] = [
    (1, 1_000),
    (2, 1_600),
    (5, 1_780),
    (10, 1_730),
    (30, 1_564),
    (100, 1_366),
    (300, 1_263),
    (1_000, 1_215),
    (10_000, 1_175),
    (100_000, 1_168),
];

/// 2^(-k/256), with a last entry for k = 256.
const POWERS_Q32: [u64; 257] = powers_q32();

const fn powers_q32() -> [u64; 257] {
    // 2^-1, then a root of it eight times.
    let mut step_q62: u128 = 1 << 61;
    let mut halvings = 0;
    while halvings < 8 {
        step_q62 = (step_q62 << 62).isqrt();
        halvings += 1;
    }
    let mut powers = [0; 257];
    let mut power_q62: u128 = 1 << 62;
    let mut k = 0;
    while k < 257 {
        powers[k] = (power_q62 >> 30) as u64;
        power_q62 = (power_q62 * step_q62) >> 62;
        k += 1;
    }
    powers
}

/// How many items two sets hold, ours and theirs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sizes {
    pub(crate) ours: u64,
    pub(crate) theirs: u64,
}

impl Sizes {
    /// So many items differ at least.
    pub(crate) fn gap(self) -> u64 {
        self.ours.abs_diff(self.theirs)
    }

    /// How many cells are sent unasked, because that many are needed in any case.
    pub(crate) fn first_end(self, end_max: u32) -> u32 {
        cells_needed(self.gap(), 970).clamp(FIRST_CELLS, end_max.max(FIRST_CELLS))
    }
}

/// How far two sets seem to be apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Estimate {
    /// Items that only one of them holds.
    pub(crate) difference: u64,
    /// It is no bound from below but meant.
    pub(crate) is_sure: bool,
}

impl Estimate {
    /// From the cells that have come.
    pub(crate) fn of(decoder: &Decoder, sizes: Sizes) -> Self {
        let cells = decoder.cells();
        let empty = decoder.empty_from(cells / 2);
        let least = by_empty_cells(cells, empty).max(sizes.gap()).max(decoder.len() as u64);
        let is_sure = empty >= EMPTY_MIN && cells >= CELLS_SURE;
        let difference = match is_sure {
            true => least,
            // Counts miss by a third: better to ask once more than for too much.
            false => least.max(by_counts(decoder.counts(), sizes).max(2) * 17 / 20),
        };
        Self { difference, is_sure }
    }

    /// Where the next request should end: a little above what is needed if that is known, and ever
    /// more for each of the `sure` requests made before that did not do.
    pub(crate) fn next_end(self, cells: u32, sure: u32) -> u32 {
        let share = if self.is_sure { 1_050 } else { 1_000 };
        let mut step = (cells / 12).max(4);
        for _ in 0..sure {
            step = step.saturating_add(step / 2).min(CELLS_MAX);
        }
        cells_needed(self.difference, share).max(cells.saturating_add(step))
    }

    /// With more cells than this, somebody is holding the decoding up.
    pub(crate) fn cells_max(self, sizes: Sizes) -> u32 {
        let items = sizes.ours.saturating_add(sizes.theirs).min(DIFFERENCE_MAX);
        let by_items = u32::try_from(items * 17 / 10 + 64).unwrap_or(CELLS_MAX);
        let by_difference = cells_needed(self.difference, 2_200).saturating_add(256);
        by_items.min(by_difference).min(CELLS_MAX)
    }
}

/// How many cells a difference takes, times `share` thousandths, rounded up.
pub(crate) fn cells_needed(difference: u64, share: u64) -> u32 {
    let difference = difference.min(DIFFERENCE_MAX);
    let (per_1000, whole) = cells_per_1000(difference);
    let cells = u128::from(difference * share) * u128::from(per_1000);
    u32::try_from(cells.div_ceil(1_000_000 * u128::from(whole))).unwrap_or(u32::MAX)
}

/// As a fraction: rounded, more differences would take fewer cells here and there.
fn cells_per_1000(difference: u64) -> (u64, u64) {
    let above = CELLS_PER_1000.iter().position(|(point, _)| difference <= *point);
    let last = CELLS_PER_1000.len() - 1;
    match above {
        None => (CELLS_PER_1000[last].1, 1),
        Some(0) => (CELLS_PER_1000[0].1, 1),
        Some(above) => {
            let ((from, left), (to, right)) = (CELLS_PER_1000[above - 1], CELLS_PER_1000[above]);
            let base = log2_q16(from);
            let (part, whole) = (log2_q16(difference) - base, log2_q16(to) - base);
            (left * (whole - part) + right * part, whole)
        }
    }
}

/// The logarithm of a number above 0, rounded down.
fn log2_q16(number: u64) -> u64 {
    let whole = number.ilog2();
    let mut mantissa_q31 = (u128::from(number) << 31 >> whole) as u64;
    let mut log = u64::from(whole);
    // Each squaring doubles the logarithm, and so brings out its next bit.
    for _ in 0..16 {
        mantissa_q31 = (mantissa_q31 * mantissa_q31) >> 31;
        let bit = mantissa_q31 >> 32;
        mantissa_q31 >>= bit;
        log = log << 1 | bit;
    }
    log
}

/// e^-x.
fn exp_q32(x_q32: u128) -> u64 {
    let power_q16 = (x_q32 * LOG2_E_Q32) >> 48;
    let halvings = power_q16 >> 16;
    if halvings > 32 {
        return 0;
    }
    let (step, part) = ((power_q16 >> 8 & 0xff) as usize, (power_q16 & 0xff) as u64);
    let (above, below) = (POWERS_Q32[step], POWERS_Q32[step + 1]);
    (above - (((above - below) * part) >> 8)) >> halvings
}

/// The difference at which `empty` of the last half of the cells would stay empty.
fn by_empty_cells(cells: u32, empty: usize) -> u64 {
    let start = cells / 2;
    let step = ((cells - start) / SAMPLES).max(1);
    let empty_q32 = (u128::from(empty as u64) << 32).max(3 << 31);
    let expected_q32 = |difference: u64| -> u128 {
        let samples = (start..cells).step_by(step as usize);
        let shares = samples.map(|index| u128::from(share_q32(index)));
        let empty = shares.map(|share| exp_q32(u128::from(difference) * share));
        empty.map(u128::from).sum::<u128>() * u128::from(step)
    };
    let (mut low, mut high) = (0, DIFFERENCE_MAX);
    while low < high {
        let middle = (low + high) / 2;
        if expected_q32(middle) > empty_q32 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// The difference that makes the counts of the first cells deviate as much as they do.
///
/// Of d items that differ, d·p are in a cell of share p; with the gap of the sets taken off, the
/// rest adds up like a random walk, with a variance of d·p(1 - p).
fn by_counts(counts: &[u8; HEAD_CELLS as usize], sizes: Sizes) -> u64 {
    let gap = sizes.theirs.wrapping_sub(sizes.ours);
    let mut sum = 0u64;
    // Every item is in cell 0, so its count says nothing more than the gap.
    for (index, count) in (0..HEAD_CELLS).zip(counts).skip(1) {
        let share = share_q32(index);
        // Mod 2^8 as the counts are, with 8 bits behind the point.
        let expected_q8 = ((i128::from(gap as i64) * i128::from(share)) >> 24) as u16;
        let deviation_q8 = (u16::from(*count) << 8).wrapping_sub(expected_q8) as i16;
        let square_q16 = u64::from(deviation_q8.unsigned_abs()).pow(2);
        let variance_q16 = (share * ((1 << 32) - share)) >> 48;
        sum = sum.saturating_add((square_q16 << 8) / variance_q16.max(1));
    }
    (sum / u64::from(HEAD_CELLS - 1)) >> 8
}

#[cfg(test)]
mod tests;
