use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn assert_finds(index: &Index, model: &BTreeSet<(u64, u32)>, prefix: u64, width: u32) {
    let bits = width.min(LEAD_BITS);
    let begins = |id: u64| id >> (ID_BITS - bits) == prefix >> (width - bits);
    let expected = model.iter().filter(|(id, _)| begins(*id)).map(|(_, feed)| *feed);
    let [mut found, mut expected]: [Vec<u32>; 2] =
        [index.find(prefix, width).collect(), expected.collect()];
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

proptest! {
    #[test]
    fn find_returns_exactly_the_inserted_feeds(
        places in prop::collection::vec((0u64..1 << LEAD_BITS, 0u32..50, any::<bool>()), 1..2_000),
        few_bits in 0u32..30,
        width in 0u32..=ID_BITS,
    ) {
        let (mut index, mut model) = (Index::new(), BTreeSet::new());
        for (id, feed, is_in) in &places {
            // Only the last 4 bits are ignored.
            let (id, feed) = (id >> few_bits << 4, *feed);
            if *is_in || model.len() < 700 {
                index.insert(id, feed);
                model.insert((id, feed));
            } else {
                index.remove(id, feed);
                model.remove(&(id, feed));
            }
        }
        prop_assert_eq!(index.feeds, model.len());
        for (id, ..) in places.iter().take(20) {
            assert_finds(&index, &model, (id >> few_bits << 4) >> (ID_BITS - width), width);
        }
    }
}

#[test]
fn buckets_stay_small_and_release_memory() {
    let mut index = Index::new();
    let id = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - ID_BITS);
    (0..100_000).for_each(|number| index.insert(id(number), number as u32));
    assert_eq!(index.buckets.len(), 512);
    let room: usize = index.buckets.iter().map(Vec::capacity).sum();
    let bytes = room * size_of::<Place>() + index.buckets.capacity() * size_of::<Vec<Place>>();
    assert!(bytes < 84 * 10_000, "{bytes} bytes");
    (0..100_000).for_each(|number| index.remove(id(number), number as u32));
    assert_eq!(index.find(0, 0).count(), 0);
}
