use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::crypto::hash::blake2b;
use crate::id::hex;

struct Hex([u8; 32]);

impl core::fmt::Display for Hex {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        hex(f, &self.0)
    }
}

fn all(id: u64, end: u32) -> Vec<u32> {
    let mut indices = Indices::of(Token::of_id(id));
    core::iter::from_fn(|| indices.next_below(end)).collect()
}

// The expected values of the next two are from tests/golden/generate/reconcile.py, which makes
// the tables from integers of any size.

#[test]
fn the_tables_are_those_of_the_model() {
    let hash = |curve: &Curve| {
        let whole = curve.whole_q20.iter().flat_map(|entry| entry.to_le_bytes());
        let part = curve.part_q30.iter().flat_map(|entry| entry.to_le_bytes());
        std::format!("{}", Hex(blake2b(&[&whole.chain(part).collect::<Vec<u8>>()])))
    };
    let dense = "df297b301500cb77d6c4bfa613d928a2c28a524eb13bfb7d4ec5d4ba97089a5d";
    let sparse = "e447d10320e88d1651e543c991a965c84051dd51628c6aafe832c7d2f4b73550";
    assert_eq!((hash(&DENSE).as_str(), hash(&SPARSE).as_str()), (dense, sparse));
}

#[test]
fn the_first_64_cells_of_1_000_ids_are_those_of_the_model() {
    assert_eq!(all(1, 500), [0, 1, 2, 3, 8, 22, 35, 49, 88, 92, 291, 466]);
    let mut bytes = Vec::new();
    for number in 0..1_000 {
        let cells = all(mix(number), u32::MAX);
        bytes.extend(cells.iter().take(64).flat_map(|index| index.to_le_bytes()));
    }
    let expected = "32f66d388188f35281a5ac85f4cd29187b29bdb1e7a70f872cf363cdf6db362e";
    assert_eq!(std::format!("{}", Hex(blake2b(&[&bytes]))), expected);
}

#[test]
fn a_token_of_a_class_is_in_a_cell_with_its_share() {
    const TOKENS: u64 = 40_000;
    let mut counts = [0u64; 400];
    for number in 0..TOKENS {
        all(mix(number), 400).iter().for_each(|&index| counts[index as usize] += 1);
    }
    assert_eq!(counts[0], TOKENS);
    assert_eq!(share_q32(0), 1 << 32);
    for index in [1, 2, 5, 23, 100, 399] {
        let expected = (TOKENS * share_q32(index)) >> 32;
        let off = counts[index as usize].abs_diff(expected);
        // Five times the root of what is expected, and 2 % for the curve's approximation.
        assert!(off <= 5 * expected.isqrt() + expected / 50, "{index}: {off} of {expected}");
    }
}

proptest! {
    #[test]
    fn cells_ascend_and_end(id: u64) {
        let cells = all(id, u32::MAX);
        prop_assert_eq!(cells[0], 0);
        prop_assert!(cells.is_sorted_by(|a, b| a < b));
        prop_assert!(cells.len() < 300, "{} cells", cells.len());
    }

    #[test]
    fn what_is_not_below_the_end_is_not_skipped(id: u64, cut in 0u32..1_000) {
        let mut indices = Indices::of(Token::of_id(id));
        let mut parts: Vec<u32> = core::iter::from_fn(|| indices.next_below(cut)).collect();
        parts.extend(core::iter::from_fn(|| indices.next_below(5_000)));
        prop_assert_eq!(parts, all(id, 5_000));
    }
}
