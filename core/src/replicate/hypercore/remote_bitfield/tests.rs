use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn news(drop: bool, start: u64, length: u64) -> RunNews {
    RunNews { drop, start, length }
}

proptest! {
    #[test]
    fn runs_are_the_set_that_they_stand_for(
        changes in proptest::collection::vec((any::<bool>(), 0u64..60, 0u64..20), 0..30),
        words in proptest::collection::vec(any::<u8>(), 8),
    ) {
        let (mut holds, mut model) = (RemoteBitfield::default(), BTreeSet::new());
        for (place, (drop, start, length)) in changes.into_iter().enumerate() {
            if place == 7 {
                holds.on_bitfield(&Bitfield { start: 16, words: &words });
                for bit in 0..64u64 {
                    let is_set = words[bit as usize / 8] >> (bit % 8) & 1 == 1;
                    if is_set { model.insert(16 + bit) } else { model.remove(&(16 + bit)) };
                }
            }
            holds.on_range(&news(drop, start, length));
            for index in start..start + length {
                if drop { model.remove(&index) } else { model.insert(index) };
            }
        }
        for index in 0..100 {
            prop_assert_eq!(holds.run_end(index).is_some(), model.contains(&index));
            if let Some(end) = holds.run_end(index) {
                prop_assert!((index..end).all(|index| model.contains(&index)));
                prop_assert!(!model.contains(&end));
            }
        }
        let contiguous = (0..).find(|index| !model.contains(index)).unwrap();
        prop_assert_eq!(holds.contiguous(), contiguous);
    }
}

#[test]
fn a_peer_that_holds_every_second_block_is_remembered_up_to_a_bound() {
    let mut holds = RemoteBitfield::default();
    let words: Vec<u8> = core::iter::repeat_n(0x55, 4_096).collect();
    holds.on_bitfield(&Bitfield { start: 0, words: &words });
    assert_eq!(holds.runs.len(), RUNS_MAX);
    assert_eq!(holds.run_end(0), Some(1), "the first ones are kept");
    holds.on_range(&news(false, 0, u64::MAX));
    assert_eq!((holds.runs.len(), holds.contiguous()), (1, u64::MAX));
}
