use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::crypto::hash::blake2b;
use crate::reconcile::testing::{golden, hex};

fn all(id: u64, end: u32) -> Vec<u32> {
    let mut indices = Indices::of(Token::of_id(id));
    core::iter::from_fn(|| indices.next_below(end)).collect()
}

#[test]
fn the_tables_match_the_golden_file() {
    let hash = |curve: &Curve| {
        let whole = curve.whole_q20.iter().flat_map(|entry| entry.to_le_bytes());
        let part = curve.part_q30.iter().flat_map(|entry| entry.to_le_bytes());
        hex(&blake2b(&[&whole.chain(part).collect::<Vec<u8>>()]))
    };
    let hashes = &golden("hashes")[0];
    assert_eq!(hashes["tables_dense"], hash(&DENSE));
    assert_eq!(hashes["tables_sparse"], hash(&SPARSE));
}

#[test]
fn the_first_64_cells_of_ids_are_those_of_the_model() {
    let mut bytes = Vec::new();
    for row in golden("indices") {
        let cells: Vec<u32> = serde_json::from_value(row["cells"].clone()).unwrap();
        let mut first = all(row["id"].as_u64().unwrap(), u32::MAX);
        first.truncate(64);
        assert_eq!(first, cells, "{}", row["id"]);
    }
    for number in 0..1_000 {
        let cells = all(mix(number), u32::MAX).into_iter().chain(core::iter::repeat(u32::MAX));
        bytes.extend(cells.take(64).flat_map(u32::to_le_bytes));
    }
    assert_eq!(golden("hashes")[0]["indices_of_1000"], hex(&blake2b(&[&bytes])));
}

#[test]
fn a_token_is_in_a_cell_with_the_probability_of_its_class() {
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
        // Five times the square root of the mean, plus 2 % for the approximation of the curve.
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
    fn no_cell_from_the_end_on_is_skipped(id: u64, cut in 0u32..1_000) {
        let mut indices = Indices::of(Token::of_id(id));
        let mut parts: Vec<u32> = core::iter::from_fn(|| indices.next_below(cut)).collect();
        parts.extend(core::iter::from_fn(|| indices.next_below(5_000)));
        prop_assert_eq!(parts, all(id, 5_000));
    }
}
