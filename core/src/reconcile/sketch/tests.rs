use std::collections::BTreeSet;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::reconcile::testing::{golden, group_salt, hex, tokens};

fn sketch(numbers: &BTreeSet<u64>) -> Sketch {
    Sketch::of(numbers.len(), tokens(group_salt(), numbers.iter().copied()).into_iter())
}

fn whole(sketch: &Sketch) -> Slice {
    sketch.slice(0..CELLS_MAX, &Toggles::default(), 0).unwrap()
}

fn numbers() -> impl Strategy<Value = BTreeSet<u64>> {
    prop::collection::btree_set(0u64..300, 0..200)
}

proptest! {
    #[test]
    fn the_sum_of_two_sketches_is_the_sketch_of_the_difference(a in numbers(), b in numbers()) {
        let difference: BTreeSet<u64> = a.symmetric_difference(&b).copied().collect();
        let (a, b, expected) = (sketch(&a), sketch(&b), sketch(&difference));
        let end = a.cells().min(b.cells()).min(expected.cells());
        let slice = |sketch: &Sketch| sketch.slice(0..end, &Toggles::default(), 0).unwrap();
        let sum = slice(&a).diff(&slice(&b)).unwrap();
        prop_assert_eq!(sum.cells, slice(&expected).cells);
    }

    #[test]
    fn a_sketch_does_not_depend_on_its_history(
        steps in prop::collection::vec((any::<bool>(), 0u64..300), 0..400),
    ) {
        let (mut held, mut grown) = (BTreeSet::new(), Sketch::for_items(0));
        for (is_there, number) in steps {
            let token = tokens(group_salt(), [number])[0];
            // Toggle only real changes of the set, because a double toggle cancels out.
            if is_there && held.insert(number) {
                grown.insert(token);
            } else if !is_there && held.remove(&number) {
                grown.remove(token);
            } else {
                continue;
            }
            if grown.is_outgrown(held.len()) {
                let all = tokens(group_salt(), held.iter().copied());
                grown.grow(held.len(), all.into_iter());
            }
        }
        let rebuilt = sketch(&held);
        let same = grown.slice(0..rebuilt.cells(), &Toggles::default(), 0);
        prop_assert_eq!(same.unwrap(), whole(&rebuilt));
        prop_assert_eq!(grown.counts, rebuilt.counts);
    }

    #[test]
    fn a_short_sketch_is_a_prefix_of_a_long_one(held in numbers()) {
        let short = sketch(&held);
        let tokens = tokens(group_salt(), held.iter().copied());
        let long = Sketch::of(1_000, tokens.into_iter());
        let start = long.slice(0..short.cells(), &Toggles::default(), 0);
        prop_assert_eq!(start.unwrap(), whole(&short));
    }

    #[test]
    fn a_slice_shows_the_set_at_its_position(
        before in numbers(),
        after in numbers(),
        range in (0u32..600, 0u32..600),
    ) {
        let (mut now, mut toggles) = (sketch(&before), Toggles::default());
        // Changes from before the position do not count.
        toggles.push(Toggle::Inserted(Token::of_id(1)));
        let position = toggles.position();
        let mut change = |toggle| {
            now.toggle(toggle);
            toggles.push(toggle);
        };
        tokens(group_salt(), after.difference(&before).copied())
            .into_iter()
            .for_each(|token| change(Toggle::Inserted(token)));
        tokens(group_salt(), before.difference(&after).copied())
            .into_iter()
            .for_each(|token| change(Toggle::Removed(token)));
        let pinned = now.slice(range.0..range.1, &toggles, position).unwrap();
        let then = sketch(&before).slice(range.0..range.1, &Toggles::default(), 0).unwrap();
        prop_assert_eq!(pinned, then);
    }

    #[test]
    fn a_slice_survives_the_wire(held in numbers(), range in (0u32..100, 0u32..100)) {
        let slice = sketch(&held).slice(range.0..range.1, &Toggles::default(), 0).unwrap();
        let mut bytes = Vec::new();
        slice.write(&mut bytes);
        prop_assert_eq!(bytes.len(), Slice::bytes_of(slice.start, slice.cells.len() as u32));
        prop_assert_eq!(Slice::read(slice.start, &bytes), Some(slice));
    }

    #[test]
    fn any_bytes_are_cells_or_nothing(
        start: u32,
        bytes in prop::collection::vec(any::<u8>(), 0..500),
    ) {
        let Some(slice) = Slice::read(start, &bytes) else { return Ok(()) };
        let mut again = Vec::new();
        slice.write(&mut again);
        prop_assert_eq!(again, bytes);
    }
}

#[test]
fn sketches_match_the_golden_file() {
    for row in golden("sketches") {
        let sketch = sketch(&(0..row["items"].as_u64().unwrap()).collect());
        let mut bytes = Vec::new();
        whole(&sketch).write(&mut bytes);
        assert_eq!(u64::from(sketch.cells()), row["cells"].as_u64().unwrap());
        assert_eq!(hex(&bytes), row["bytes"].as_str().unwrap());
    }
}

#[test]
fn a_sketch_grows_with_its_set_up_to_a_bound() {
    assert_eq!(Sketch::for_items(0).cells(), CELLS_MIN);
    assert_eq!(Sketch::for_items(33).cells(), 128);
    assert_eq!(Sketch::for_items(1_000_000).cells(), CELLS_MAX);
    assert_eq!(cells_for(usize::MAX), CELLS_MAX);
    let mut sketch = Sketch::for_items(32);
    assert!(!sketch.is_outgrown(32) && sketch.is_outgrown(33));
    sketch.grow(10, core::iter::empty());
    assert_eq!(sketch.cells(), 64, "it never shrinks");
}

#[test]
fn no_slice_extends_beyond_the_end() {
    let sketch = Sketch::for_items(32);
    let slice = |range| sketch.slice(range, &Toggles::default(), 0).unwrap();
    assert_eq!(slice(60..1_000).cells.len(), 4);
    assert_eq!(slice(1_000..u32::MAX).cells.len(), 0);
    assert_eq!(sketch.slice(0..1, &Toggles::default(), 1), Err(Overrun));
}

#[test]
fn cells_beyond_the_bound_are_rejected() {
    assert_eq!(Slice::read(CELLS_MAX, &[0; 6]), None);
    assert!(Slice::read(CELLS_MAX - 1, &[0; 6]).is_some());
    assert_eq!(Slice::read(u32::MAX, &[0; 12]), None);
    assert_eq!(Slice::read(23, &[0; 6]), None, "the count is missing");
}
