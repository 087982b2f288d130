use std::collections::BTreeSet;
use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::reconcile::testing::{golden, hex};

fn encoded(numbers: &[u64], width: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(numbers, width, &mut bytes);
    bytes
}

fn sets() -> impl Strategy<Value = (u32, Vec<u64>)> {
    (1u32..=WIDTH_MAX).prop_flat_map(|width| {
        let numbers = prop::collection::btree_set(0u64..1 << width, 0..100usize.min(1 << width));
        (Just(width), numbers.prop_map(|set: BTreeSet<u64>| set.into_iter().collect()))
    })
}

proptest! {
    #[test]
    fn encoded_sets_are_read_back((width, numbers) in sets(), tail: [u8; 3]) {
        let mut bytes = encoded(&numbers, width);
        bytes.extend(tail);
        let mut rest = bytes.as_slice();
        prop_assert_eq!(decode(&mut rest, numbers.len(), width), Some(numbers));
        prop_assert_eq!(rest, tail);
    }

    #[test]
    fn decoded_bytes_are_the_only_encoding_of_their_set(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        count in 0usize..200,
        width in 0u32..50,
    ) {
        let mut rest = bytes.as_slice();
        let Some(numbers) = decode(&mut rest, count, width) else { return Ok(()) };
        prop_assert_eq!(numbers.len(), count);
        prop_assert!(numbers.is_sorted_by(|a, b| a < b));
        prop_assert!(numbers.iter().all(|number| number >> width == 0));
        let used = bytes.len() - rest.len();
        prop_assert_eq!(encoded(&numbers, width), bytes[..used].to_vec());
    }
}

#[test]
fn set_encodings_match_the_golden_file() {
    for row in golden("rice") {
        let numbers: Vec<u64> = serde_json::from_value(row["numbers"].clone()).unwrap();
        let bytes = encoded(&numbers, row["width"].as_u64().unwrap() as u32);
        assert_eq!(hex(&bytes), row["bytes"].as_str().unwrap(), "{row}");
    }
}

#[test]
fn a_count_beyond_the_bytes_allocates_nothing() {
    for count in [9, usize::MAX / 50, usize::MAX] {
        assert_eq!(decode(&mut [0u8].as_slice(), count, 40), None);
    }
    assert_eq!(decode(&mut [0xffu8; 8].as_slice(), 1, 10), None, "unterminated ones");
    assert_eq!(decode(&mut [0u8].as_slice(), 1, 0), None);
    assert_eq!(decode(&mut [0u8; 9].as_slice(), 1, WIDTH_MAX + 1), None);
    assert_eq!(decode(&mut [0x02u8].as_slice(), 1, 1), None, "the padding is not zero");
    assert_eq!(decode(&mut [0x00u8].as_slice(), 1, 1), Some(vec![0]));
}

#[test]
fn the_cost_of_a_number_is_close_to_the_optimum() {
    // 1,000 of 2^27: log2 of the mean gap is 17.04, and the lower bound is 1.44 bits above it.
    let mut numbers: Vec<u64> = (0u64..1_000)
        .map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 37)
        .map(|number| number ^ number >> 9)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let bits = encoded(&numbers, 27).len() * 8;
    assert!(bits <= numbers.len() * 187 / 10, "{bits} bits");
}
