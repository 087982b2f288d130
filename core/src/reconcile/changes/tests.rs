use std::collections::BTreeMap;
use std::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::reconcile::testing::{group_salt, tokens};

#[derive(Clone, Copy, Debug)]
enum Step {
    Touch(u32),
    Forget(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        prop_oneof![4 => (0..20u32).prop_map(Step::Touch), 1 => (0..20u32).prop_map(Step::Forget)];
    prop::collection::vec(step, 0..200)
}

fn apply(steps: &[Step]) -> (Changes, BTreeMap<u64, FeedId>) {
    let mut changes = Changes::new(&mut Chance::new([1; 32]));
    let mut model = BTreeMap::new();
    for step in steps {
        match *step {
            Step::Touch(slot) => {
                model.retain(|_, feed| *feed != FeedId(slot));
                model.insert(changes.touch(FeedId(slot)), FeedId(slot));
            }
            Step::Forget(slot) => {
                changes.forget(FeedId(slot));
                model.retain(|_, feed| *feed != FeedId(slot));
            }
        }
    }
    (changes, model)
}

fn since(changes: &Changes, seq: u64) -> Option<Vec<FeedId>> {
    changes.since(seq).map(Iterator::collect)
}

proptest! {
    #[test]
    fn what_changed_since_is_what_an_ordered_map_says(steps in steps()) {
        let (changes, model) = apply(&steps);
        for seq in 0..=changes.seq() {
            let later = model.range(seq + 1..).rev();
            let expected: Vec<FeedId> = later.map(|(_, feed)| *feed).collect();
            prop_assert_eq!(since(&changes, seq), Some(expected));
        }
        prop_assert_eq!(since(&changes, changes.seq() + 1), None);
        for (seq, feed) in &model {
            prop_assert_eq!(changes.seq_of(*feed), Some(*seq));
        }
    }

    #[test]
    fn an_epoch_goes_on_where_it_was(steps in steps()) {
        let (changes, model) = apply(&steps);
        let mut feeds: Vec<_> = model.into_iter().collect();
        feeds.sort_by_key(|(_, feed)| *feed);
        let mut resumed = Changes::resume(changes.epoch(), changes.seq(), feeds).unwrap();
        prop_assert_eq!(resumed.epoch(), changes.epoch());
        for seq in 0..=changes.seq() {
            prop_assert_eq!(since(&resumed, seq), since(&changes, seq));
        }
        prop_assert_eq!(resumed.touch(FeedId(99)), changes.seq() + 1);
    }
}

#[test]
fn records_that_are_of_no_epoch_are_not_gone_on_with() {
    let resume = |seq, feeds| Changes::resume(7, seq, feeds);
    assert!(resume(2, vec![(1, FeedId(4)), (2, FeedId(5))]).is_some());
    assert!(resume(1, vec![(1, FeedId(4)), (2, FeedId(5))]).is_none(), "a number not given yet");
    assert!(resume(2, vec![(2, FeedId(4)), (2, FeedId(5))]).is_none(), "one number twice");
    assert!(resume(2, vec![(1, FeedId(4)), (2, FeedId(4))]).is_none(), "one feed twice");
    assert!(resume(2, vec![(0, FeedId(4))]).is_none(), "a change before the first");
}

#[test]
fn epochs_differ() {
    let mut chance = Chance::new([2; 32]);
    assert_ne!(Changes::new(&mut chance).epoch(), Changes::new(&mut chance).epoch());
}

#[test]
fn the_last_toggles_are_remembered_and_no_more() {
    let mut toggles = Toggles::default();
    let tokens = tokens(group_salt(), 0..TOGGLES_MAX as u64 + 10);
    for token in &tokens {
        toggles.push(Toggle::Inserted(*token));
    }
    let since = |position| toggles.since(position).map(|since| since.collect::<Vec<_>>());
    assert_eq!(toggles.position(), tokens.len() as u64);
    assert_eq!(since(toggles.position()), Ok(vec![]));
    let last = Toggle::Inserted(tokens[tokens.len() - 1]);
    assert_eq!(since(toggles.position() - 1), Ok(vec![last]));
    assert_eq!(since(10).map(|since| since.len()), Ok(TOGGLES_MAX));
    assert_eq!(since(9), Err(Overrun));
    assert_eq!(since(toggles.position() + 1), Err(Overrun), "a position that never was");
}
