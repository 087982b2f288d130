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
    let bitfield = Bitfield { start: 0, words: &words };
    blocks.on_bitfield(&bitfield);
    assert_eq!(blocks.runs.len(), RUNS_MAX);
    assert_eq!(blocks.run_end(0), Some(1), "the first runs stay");
    let end = 2 * RUNS_MAX as u64;
    assert!(!blocks.has_forgotten(end - 1), "it is known to be missing");
    assert!(blocks.has_forgotten(end));
    // Once we hold the blocks of these runs, it is asked again and tells the next ones.
    blocks.set_floor(end);
    blocks.ask_again();
    blocks.on_bitfield(&bitfield);
    assert_eq!(blocks.run_end(end), Some(end + 1));
    assert_eq!(blocks.runs.len(), RUNS_MAX);
    blocks.on_range(&news(false, 0, u64::MAX));
    assert_eq!((blocks.runs.len(), blocks.contiguous()), (1, u64::MAX));
}

#[test]
fn runs_below_our_length_do_not_displace_those_above() {
    let mut blocks = RemoteBitfield::default();
    blocks.set_floor(8 * 4_096);
    blocks.on_range(&news(false, 8 * 4_096 + 5, 100));
    let words: Vec<u8> = core::iter::repeat_n(0x55, 4_096).collect();
    blocks.on_bitfield(&Bitfield { start: 0, words: &words });
    assert_eq!(blocks.run_end(8 * 4_096 + 5), Some(8 * 4_096 + 105));
    assert_eq!(blocks.contiguous(), 1);
    assert!(!blocks.has_forgotten(8 * 4_096));
    // One that reaches from below our length beyond it.
    blocks.on_range(&news(false, 8 * 4_096 - 10, 12));
    blocks.on_range(&news(false, 3, 1));
    assert_eq!(blocks.run_end(8 * 4_096), Some(8 * 4_096 + 2));
}
