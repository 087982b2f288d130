use std::format;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::fuzzing::cells_to_decode;
use crate::reconcile::changes::Toggles;
use crate::reconcile::sketch::Sketch;
use crate::reconcile::token::Token;
use crate::rng::Rng;
use crate::wire::slice::Slice;

fn random_tokens(rng: &mut Rng, count: u64) -> Vec<Token> {
    (0..count).map(|_| Token::of_id(rng.u64())).collect()
}

fn rounded(difference: u64) -> u64 {
    let (per_1000, whole) = cells_per_1000(difference);
    per_1000 / whole
}

/// A sketch of at least `cells` cells.
fn sketch(tokens: &[Token], cells: u32) -> Slice {
    let sketch = Sketch::of(cells as usize / 2, tokens.iter().copied());
    sketch.slice(0..cells, &Toggles::default(), 0).unwrap()
}

proptest! {
    #[test]
    fn logarithms_are_close(number in 1u64..=u64::MAX) {
        let exact = (number as f64).log2() * 65_536.0;
        prop_assert!((log2_q16(number) as f64 - exact).abs() <= 4.0);
    }

    #[test]
    fn powers_are_close(x_q32 in 0u64..25 << 32) {
        let exact = (-(x_q32 as f64) / 4_294_967_296.0).exp();
        let power = exp_q32(u128::from(x_q32)) as f64 / 4_294_967_296.0;
        prop_assert!((power - exact).abs() <= 3e-5 * exact + 1e-9, "{power} for {exact}");
    }

    #[test]
    fn more_differences_take_more_cells(difference in 0u64..200_000, share in 900u64..2_300) {
        let (less, more) = (cells_needed(difference, share), cells_needed(difference + 1, share));
        // The table is rounded to thousandths, so the result may decrease by one of them.
        prop_assert!(less <= more + more / 500);
    }

    #[test]
    fn no_sizes_overflow(ours: u64, theirs: u64, difference: u64, cells: u32, sure in 0u32..100) {
        let sizes = Sizes { ours, theirs };
        let estimate = Estimate { difference, is_sure: sure % 2 == 0 };
        prop_assert!(sizes.first_end(1_000) <= 1_000);
        prop_assert!(estimate.cells_max(sizes) <= CELLS_MAX);
        prop_assert!(estimate.next_end(cells, sure) > cells || cells == u32::MAX);
        by_counts(&[7; HEAD_CELLS as usize], sizes);
    }
}

#[test]
fn the_estimate_equals_the_table_at_its_points() {
    for (difference, per_1000) in CELLS_PER_1000 {
        assert_eq!(rounded(difference), per_1000);
    }
    assert_eq!((rounded(0), rounded(1 << 24)), (1_000, 1_168));
    assert_eq!(cells_needed(1_000, 1_000), 1_215);
}

/// Estimates of a difference, in thousandths of the true value, ascending.
fn estimates(difference: u64, cells: u32, gap: u64, runs: u64) -> Vec<u64> {
    let mut estimates = Vec::new();
    for run in 0..runs {
        let mut rng = Rng::new([run as u8; 32]);
        let theirs = random_tokens(&mut rng, (difference + gap) / 2);
        let ours = random_tokens(&mut rng, (difference - gap) / 2);
        let whole = sketch(&theirs, cells).diff(&sketch(&ours, cells)).unwrap();
        let mut decoder = Decoder::default();
        decoder.extend(&whole).unwrap();
        let empty = decoder.empty_from(cells / 2);
        let sizes = Sizes { ours: 50_000, theirs: 50_000 + gap };
        let estimate = if cells < CELLS_SURE {
            by_counts(decoder.counts(), sizes)
        } else {
            by_empty_cells(cells, empty)
        };
        estimates.push(estimate * 1_000 / difference);
    }
    estimates.sort_unstable();
    estimates
}

#[test]
fn estimates_are_close_to_the_difference() {
    for (difference, cells, gap, [p10_min, p90_max]) in [
        (100, 24, 0, [550, 1_500]),
        (1_000, 24, 0, [550, 1_500]),
        (1_000, 24, 500, [550, 1_600]),
        (100, 96, 0, [700, 1_300]),
        (1_000, 900, 0, [850, 1_150]),
        (1_000, 900, 1_000, [850, 1_150]),
    ] {
        let found = estimates(difference, cells, gap, 100);
        let [p10, p50, p90] = [10, 50, 90].map(|percent| found[percent]);
        let case = format!("{difference} by {cells} cells, gap {gap}: {p10} {p50} {p90}");
        assert!((870..1_130).contains(&p50) && p10 >= p10_min && p90 <= p90_max, "{case}");
    }
}

#[test]
fn an_estimate_is_sure_with_enough_cells_some_of_them_empty() {
    let is_sure = |difference, cells| {
        let tokens = random_tokens(&mut Rng::new([1; 32]), difference);
        let mut decoder = Decoder::default();
        decoder.extend(&sketch(&tokens, cells)).unwrap();
        Estimate::of(&decoder, Sizes { ours: 50_000, theirs: 50_000 }).is_sure
    };
    assert!(is_sure(10, CELLS_SURE) && !is_sure(10, CELLS_SURE - 1));
    assert!(!is_sure(10_000, CELLS_SURE));
}

#[test]
fn a_difference_beyond_the_counts_is_bounded_from_below() {
    // The counts are modulo 2^8 and wrap beyond 10,000 differences, so they give a lower bound.
    let found = estimates(60_000, 24, 0, 8);
    assert!(found.iter().all(|estimate| (100..1_500).contains(estimate)), "{found:?}");
}

/// Mean number of cells per difference over many decodings, in thousandths, and the number of
/// decodings with wrong tokens, which the roots detect.
fn cells_per_1000_measured(difference: u64, runs: u64) -> (u64, u64) {
    let (mut total, mut wrong) = (0, 0);
    for run in 0..runs {
        let mut seed = [difference as u8; 32];
        seed[..8].copy_from_slice(&run.to_le_bytes());
        let mut rng = Rng::new(seed);
        let ids: Vec<u64> = (0..difference).map(|_| rng.u64() >> 28).collect();
        let (cells, is_right) = cells_to_decode(&ids);
        (total, wrong) = (total + u64::from(cells), wrong + u64::from(!is_right));
    }
    (total * 1_000 / runs / difference, wrong)
}

#[test]
fn decoding_takes_the_cells_of_the_table_within_2_percent() {
    // Detects a wrong mapping or probability.
    for (difference, runs) in [(10, 2_000), (100, 200), (1_000, 10), (10_000, 1)] {
        let expected = rounded(difference);
        let (measured, wrong) = cells_per_1000_measured(difference, runs);
        let off = measured.abs_diff(expected) * 1_000 / expected;
        assert!(off <= 20 && wrong <= 1, "{difference}: {measured} for {expected}, {wrong} wrong");
    }
}
