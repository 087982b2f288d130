use alloc::collections::BTreeSet;
use alloc::vec;

use proptest::prelude::*;

use super::*;

fn blocks(runs: &Runs) -> BTreeSet<u64> {
    runs.as_slice().iter().flat_map(|(start, end)| *start..*end).collect()
}

proptest! {
    #[test]
    fn runs_equal_the_inserted_set_of_blocks(
        steps in prop::collection::vec((any::<bool>(), 0u64..40, 0u64..12), 0..30),
        index in 0u64..60,
    ) {
        let (mut runs, mut model) = (Runs::default(), BTreeSet::new());
        for (is_cleared, start, length) in steps {
            let range = start..start + length;
            if is_cleared {
runs.insert(&range);
                    model.extend(range);
} else {
runs.remove(&range);
                    model.retain(|index| !range.contains(index));
}
            prop_assert_eq!(Runs::of(runs.as_slice().to_vec(), 60), Some(runs.clone()));
        }
        prop_assert_eq!(&blocks(&runs), &model);
        prop_assert_eq!(runs.blocks(), model.len() as u64);
        prop_assert_eq!(runs.contains(index), model.contains(&index));
        let turn = (index..60).find(|at| model.contains(at) != model.contains(&index));
        prop_assert_eq!(runs.boundary(index, 60), turn.unwrap_or(60));
    }
}

#[test]
fn invalid_runs_are_rejected() {
    for bad in [&[(3, 3)][..], &[(5, 4)], &[(1, 3), (3, 4)], &[(4, 5), (1, 2)], &[(8, 11)]] {
        assert_eq!(Runs::of(bad.to_vec(), 10), None, "{bad:?}");
    }
    assert!(Runs::of(vec![(0, 2), (3, 10)], 10).is_some());
}
