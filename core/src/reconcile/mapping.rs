//! Maps a token to the cells of a sketch.
//!
//! Rule: integers only, so that all machines agree. A token's cells depend only on its id, so a
//! sketch is a prefix of every longer one.
//!
//! The rateless sketch of Yang, Gilad and Alizadeh ("Practical Rateless Set Reconciliation", 2024)
//! with two classes of tokens: a token of class α is in cell i with probability 1/(1 + αi). With
//! one class of α = 1/2, as published, 1,000 differences need 1,378 cells; with these two, 1,215.

use super::token::{Token, mix};

/// A token whose first random byte is below this uses [`DENSE`]; the others use [`SPARSE`].
const DENSE_OF_256: u8 = 220;

/// α = 5/8.
const DENSE: Curve = Curve::new(5, 333);

/// α = 1/8.
const SPARSE: Curve = Curve::new(1, 1_152);

/// The increment of splitmix64: 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Number of mantissa bits of a random number that index [`Curve::part_q30`].
const PART_BITS: u32 = 10;

/// floor(2^63 · 2^(r/8)).
const ROOTS_Q63: [u64; 8] = [
    0x8000_0000_0000_0000,
    0x8b95_c1e3_ea8b_d6e6,
    0x9837_f051_8db8_a96f,
    0xa5fe_d6a9_b151_38ea,
    0xb504_f333_f9de_6484,
    0xc567_2a11_5506_dadd,
    0xd744_fcca_d69d_6af4,
    0xeac0_c6e7_dd24_392e,
];

/// u^-α for a random u in (0, 1), from its number of leading zeros and the bits that follow them.
struct Curve {
    /// floor(2^20 · 2^(αk)).
    whole_q20: [u64; 64],
    /// floor(2^30 · m^-α) for m = (2^11 + 2k + 1) / 2^12, the middle of a step.
    part_q30: [u32; 1 << PART_BITS],
    /// (1/α + 1) / 2, rounded.
    offset_q8: u64,
}

impl Curve {
    /// The curve of α in eighths, 1 or 5. The compiler makes the tables, from integers.
    const fn new(alpha: u32, offset_q8: u64) -> Self {
        let mut whole_q20 = [0; 64];
        let mut k = 0;
        while k < 64 {
            let power = alpha * k as u32;
            whole_q20[k] = ROOTS_Q63[(power % 8) as usize] >> (43 - power / 8);
            k += 1;
        }
        let mut part_q30 = [0; 1 << PART_BITS];
        let mut k = 0;
        while k < 1 << PART_BITS {
            let inverse_q124 = ((1 << 126) / ((1 << 11) + 2 * k as u128 + 1)) << 10;
            // Roots of roots: each one is 2^62 times the next root of 1/m.
            let half = inverse_q124.isqrt();
            let eighth = (((half << 62).isqrt()) << 62).isqrt();
            let part_q62 = if alpha == 5 { (half * eighth) >> 62 } else { eighth };
            part_q30[k] = (part_q62 >> 32) as u32;
            k += 1;
        }
        Self { whole_q20, part_q30, offset_q8 }
    }
}

/// The cells of one token, in ascending order, each once. The first one is cell 0.
#[derive(Clone, Debug)]
pub(crate) struct Indices {
    state: u64,
    next: u32,
    is_sparse: bool,
}

impl Indices {
    pub(crate) fn of(token: Token) -> Self {
        let state = mix(token.id().wrapping_mul(GOLDEN) ^ 0xd1b5_4a32_d192_ed03);
        Self { state, next: 0, is_sparse: (state >> 56) as u8 >= DENSE_OF_256 }
    }

    /// The next cell, if it is below `end`. Otherwise nothing is consumed.
    pub(crate) fn next_below(&mut self, end: u32) -> Option<u32> {
        let index = self.next;
        (index < end).then(|| {
            self.advance();
            index
        })
    }

    /// From cell i, the next is i + 1 + floor((i + c)(u^-α - 1)), c = (1/α + 1) / 2.
    fn advance(&mut self) {
        self.state = self.state.wrapping_add(GOLDEN);
        let curve = if self.is_sparse { &SPARSE } else { &DENSE };
        let rng = mix(self.state) | 1;
        let zeros = rng.leading_zeros();
        let mantissa = (rng << zeros) >> (63 - PART_BITS);
        let part = curve.part_q30[mantissa as usize & ((1 << PART_BITS) - 1)];
        let power_q20 = (u128::from(curve.whole_q20[zeros as usize]) * u128::from(part)) >> 30;
        let from_q8 = (u64::from(self.next) << 8) + curve.offset_q8;
        let step = (u128::from(from_q8) * (power_q20 - (1 << 20))) >> 28;
        // No sketch has a cell `u32::MAX`, so it ends a token's cells.
        let next = u128::from(self.next) + 1 + step;
        self.next = u32::try_from(next).unwrap_or(u32::MAX);
    }
}

/// The share of all tokens that map to cell `index`; 1 for cell 0.
pub(super) fn share_q32(index: u32) -> u64 {
    // 220/256 · 1/(1 + 5i/8) + 36/256 · 1/(1 + i/8), over one denominator.
    let (dense, sparse) = (8 + 5 * u64::from(index), 8 + u64::from(index));
    let above = u64::from(DENSE_OF_256) * sparse + (256 - u64::from(DENSE_OF_256)) * dense;
    let below = dense * sparse;
    (above << 27) / below
}

#[cfg(test)]
mod tests;
