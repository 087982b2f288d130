//! Checks the cost of sessions with narrow, colliding ids, and their results against sets of the
//! standard library.

use std::collections::BTreeSet;

use crate::fuzzing::sides::{SessionEnd, Side, reconcile};
use crate::reconcile::testing::group_salt;
use crate::rng::Rng;

type Keys = BTreeSet<[u8; 32]>;

/// Mean bytes, and the number of `runs` sessions that were retried.
fn measure(feeds: usize, only: [usize; 2], id_bits: u32, runs: u64) -> (usize, u64) {
    let mut common = Rng::new([1; 32]);
    let common: Keys = (0..feeds).map(|_| common.array()).collect();
    let mut sides = [0, 1].map(|_| Side::with_salt(group_salt().narrow(id_bits), feeds));
    sides.iter_mut().for_each(|side| common.iter().for_each(|key| side.insert(*key, 1)));
    let mut rng = Rng::new([id_bits as u8; 32]);
    let (mut bytes, mut again) = (0, 0);
    for _ in 0..runs {
        let new = only.map(|count| (0..count).map(|_| rng.array()).collect::<Keys>());
        for (side, keys) in sides.iter_mut().zip(&new) {
            keys.iter().for_each(|key| side.insert(*key, 1));
        }
        let [one, two] = &mut sides;
        let cost = reconcile(&rng.array(), one, two);
        // An independent model: the feeds that the union adds to each side.
        let union: Keys = new[0].union(&new[1]).copied().collect();
        for (learned, mine) in cost.learned.iter().zip(&new) {
            let learned: Keys = learned.iter().copied().collect();
            assert!(learned.is_subset(&union), "no entry is invented");
            let knows: Keys = mine.union(&learned).copied().collect();
            assert!(
                cost.ending != Some(SessionEnd::Agreed) || knows == union,
                "agreed on {feeds}, {only:?}, {id_bits}"
            );
        }
        match cost.ending {
            Some(SessionEnd::Agreed) => bytes += cost.bytes,
            Some(SessionEnd::Retry) => again += 1,
            other => panic!("{other:?} of {feeds}, {only:?}, {id_bits}"),
        }
        for (side, keys) in sides.iter_mut().zip(&new) {
            keys.iter().for_each(|_| side.pop());
        }
    }
    (bytes / (runs - again) as usize, again)
}

#[test]
fn colliding_ids_stay_within_the_byte_budget() {
    for (feeds, only, id_bits, bytes_max, again_max) in [
        (1_000, [0, 0], 20, 96, 0),
        (1_000, [5, 5], 20, 720, 1),
        (1_000, [0, 10], 20, 760, 1),
        (1_000, [50, 50], 20, 4_800, 2),
        (1_000, [0, 100], 20, 4_900, 2),
        (2_000, [5, 5], 22, 720, 1),
        (2_000, [50, 50], 22, 4_750, 1),
        (2_000, [150, 150], 24, 13_600, 1),
    ] {
        let (bytes, again) = measure(feeds, only, id_bits, 8);
        let case = std::format!("{feeds}, {only:?}, {id_bits} bits: {bytes} bytes, {again} again");
        assert!(bytes <= bytes_max && again <= again_max, "{case}");
    }
}
