use std::{vec, vec::Vec};

use super::*;
use crate::reconcile::testing::{group_salt, tokens};

#[test]
fn only_the_last_toggles_are_remembered() {
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
    assert_eq!(since(toggles.position() + 1), Err(Overrun), "a future position");
}
