use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn news(drop: bool, start: u64, length: u64) -> RunNews {
    RunNews { drop, start, length }
}

proptest! {
    #[test]
    fn runs_equal_the_set_of_announced_blocks(
        changes in proptest::collection::vec((any::<bool>(), 0u64..60, 0u64..20), 0..30),
        words in proptest::collection::vec(any::<u8>(), 8),
    ) {
        let (mut blocks, mut model) = (RemoteBitfield::default(), BTreeSet::new());
        for (place, (drop, start, length)) in changes.into_iter().enumerate() {
            if place == 7 {
                blocks.on_bitfield(&Bitfield { start: 16, words: &words });
                for bit in 0..64u64 {
                    let is_set = words[bit as usize / 8] >> (bit % 8) & 1 == 1;
                    if is_set { model.insert(16 + bit) } else { model.remove(&(16 + bit)) };
                }
            }
            blocks.on_range(&news(drop, start, length));
            for index in start..start + length {
                if drop { model.remove(&index) } else { model.insert(index) };
            }
        }
        for index in 0..100 {
            prop_assert_eq!(blocks.run_end(index).is_some(), model.contains(&index));
            if let Some(end) = blocks.run_end(index) {
                prop_assert!((index..end).all(|index| model.contains(&index)));
                prop_assert!(!model.contains(&end));
            }
        }
        let contiguous = (0..).find(|index| !model.contains(index)).unwrap();
        prop_assert_eq!(blocks.contiguous(), contiguous);
    }
}

#[test]
fn runs_of_a_fragmented_feed_are_bounded() {
    let mut blocks = RemoteBitfield::default();
    let words: Vec<u8> = core::iter::repeat_n(0x55, 4_096).collect();
    blocks.on_bitfield(&Bitfield { start: 0, words: &words });
    assert_eq!(blocks.runs.len(), RUNS_MAX);
    assert_eq!(blocks.run_end(0), Some(1), "the first runs stay");
    blocks.on_range(&news(false, 0, u64::MAX));
    assert_eq!((blocks.runs.len(), blocks.contiguous()), (1, u64::MAX));
}
