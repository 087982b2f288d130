//! Estimates the difference of two sets and the number of cells that decoding it takes.
//!
//! Rule: integers only, so that equal inputs request the same cells on every machine.
//!
//! The factors below trade bytes against round trips. The byte figures of `session/tests/bytes.rs`
//! hold with them; change one and run `cargo test -p multifeed-core --release reconcile::`.

use super::decoder::Decoder;
use super::mapping::share_q32;
use crate::wire::slice::{CELLS_MAX, HEAD_CELLS};

/// log2(e).
const LOG2_E_Q32: u128 = 6_196_328_019;

/// Larger differences are treated as this one. Sets that far apart are listed instead.
const DIFFERENCE_MAX: u64 = 1 << 24;

/// Minimum number of cells sent unrequested: enough for 18 differences by [`CELLS_PER_1000`], so
/// most syncs of peers that meet often need no second request.
const FIRST_CELLS: u32 = 32;

/// With fewer empty cells than this, the estimate is only a lower bound: the relative error of a
/// count of 6 is about 1/√6 = 41 %.
const EMPTY_MIN: usize = 6;
/// With fewer cells than this, the estimate is only a lower bound: the tail half then has fewer
/// than 24 cells, fewer than carry a count.
const CELLS_SURE: u32 = 48;

/// Number of cells sampled for the expected number of empty ones. The share of a cell changes
/// slowly with its index, so more samples do not change the result.
const SAMPLES: u32 = 256;

/// Cells per difference in thousandths, by number of differences: means of many decodings, measured
/// and checked to 2 % by `decoding_takes_the_cells_of_the_table_within_2_percent`.
/// Linear in the logarithm between two points.
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
    // 2^-1, then eight square roots.
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

/// The sizes of our set and the peer's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sizes {
    pub(crate) ours: u64,
    pub(crate) theirs: u64,
}

impl Sizes {
    /// A lower bound of the difference.
    pub(crate) fn gap(self) -> u64 {
        self.ours.abs_diff(self.theirs)
    }

    /// Number of cells to send unrequested: 97 % of the mean for the smallest possible difference,
    /// so that almost none is wasted.
    pub(crate) fn first_end(self, end_max: u32) -> u32 {
        cells_needed(self.gap(), 970).clamp(FIRST_CELLS, end_max.max(FIRST_CELLS))
    }
}

/// An estimate of the difference of two sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Estimate {
    /// Number of items that only one side holds.
    pub(crate) difference: u64,
    /// Whether the estimate is unbiased, not only a lower bound.
    pub(crate) is_sure: bool,
}

impl Estimate {
    /// Estimates from the received cells.
    pub(crate) fn of(decoder: &Decoder, sizes: Sizes) -> Self {
        let cells = decoder.cells();
        let empty = decoder.empty_from(cells / 2);
        let least = by_empty_cells(cells, empty).max(sizes.gap()).max(decoder.len() as u64);
        let is_sure = empty >= EMPTY_MIN && cells >= CELLS_SURE;
        let difference = if is_sure {
            least
        } else {
            // Estimates by counts have a standard error of about a third. Request 15 % less than
            // the estimate: another request costs fewer bytes than unneeded cells.
            least.max(by_counts(decoder.counts(), sizes).max(2) * 17 / 20)
        };
        Self { difference, is_sure }
    }

    /// The end of the next request: 5 % above the mean that decoding takes if the estimate is
    /// unbiased, and at least 1/12 more cells than before, times 1.5 for each of the `sure` earlier
    /// requests that did not suffice. The growth bounds the number of requests by the logarithm of
    /// [`CELLS_MAX`].
    pub(crate) fn next_end(self, cells: u32, sure: u32) -> u32 {
        let share = if self.is_sure { 1_050 } else { 1_000 };
        let mut step = (cells / 12).max(4);
        for _ in 0..sure {
            step = step.saturating_add(step / 2).min(CELLS_MAX);
        }
        cells_needed(self.difference, share).max(cells.saturating_add(step))
    }

    /// The number of cells above which decoding is abandoned: 1.7 cells per item plus 64, and 2.2
    /// times the mean for the estimate plus 256. Honest sets decode with fewer; a peer that keeps
    /// decoding from finishing costs at most this much.
    pub(crate) fn cells_max(self, sizes: Sizes) -> u32 {
        let items = sizes.ours.saturating_add(sizes.theirs).min(DIFFERENCE_MAX);
        let by_items = u32::try_from(items * 17 / 10 + 64).unwrap_or(CELLS_MAX);
        let by_difference = cells_needed(self.difference, 2_200).saturating_add(256);
        by_items.min(by_difference).min(CELLS_MAX)
    }
}

/// The mean number of cells that a difference takes, times `share` thousandths, rounded up.
pub(crate) fn cells_needed(difference: u64, share: u64) -> u32 {
    let difference = difference.min(DIFFERENCE_MAX);
    let (per_1000, whole) = cells_per_1000(difference);
    let cells = u128::from(difference * share) * u128::from(per_1000);
    u32::try_from(cells.div_ceil(1_000_000 * u128::from(whole))).unwrap_or(u32::MAX)
}

/// Cells per 1,000 differences as a fraction. Rounding it would make the result non-monotonic.
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

/// The binary logarithm of a positive number, rounded down.
fn log2_q16(number: u64) -> u64 {
    let whole = number.ilog2();
    let mut mantissa_q31 = (u128::from(number) << 31 >> whole) as u64;
    let mut log = u64::from(whole);
    // Each squaring doubles the logarithm and so yields its next bit.
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

/// The difference for which the counts of the first cells have the observed deviation.
///
/// A cell of share p holds d·p of d differing items. After subtracting the size difference of the
/// sets, the count is a random walk with variance d·p(1 - p).
fn by_counts(counts: &[u8; HEAD_CELLS as usize], sizes: Sizes) -> u64 {
    let gap = sizes.theirs.wrapping_sub(sizes.ours);
    let mut sum = 0u64;
    // Every item is in cell 0, so its count equals the size difference.
    for (index, count) in (0..HEAD_CELLS).zip(counts).skip(1) {
        let share = share_q32(index);
        // Modulo 2^8 like the counts, with 8 fractional bits.
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
