//! A session record from an untrusted file.

use alloc::vec::Vec;

use super::map::config;
use crate::Multifeed;
use crate::record::{redact, replay};

/// Replays a record. If the first byte is even, the rest is the record; if it is odd, a genuine
/// opening is followed by steps of `length, bytes`, so a mutation of one leaves the others intact.
///
/// Claims: replay succeeds or fails with the same result twice, and a replayable record redacts to
/// at least one line per step.
#[doc(hidden)]
pub fn session(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let record = if kind % 2 == 0 { rest.to_vec() } else { framed(rest) };
    let (first, second) = (replay(&record), replay(&record));
    match (&first, &second) {
        (Ok(first), Ok(second)) => {
            assert_eq!((first.steps, first.states), (second.steps, second.states));
            let lines = redact(&record).expect("the record has an opening");
            assert!(lines.len() > first.steps);
        }
        (Err(first), Err(second)) => assert_eq!(first, second),
        _ => panic!("two replays differ: {first:?} and {second:?}"),
    }
}

fn framed(mut steps: &[u8]) -> Vec<u8> {
    let mut record = Multifeed::open_recorded(config(1)).take_record();
    while let [length, rest @ ..] = steps {
        let (step, after) = rest.split_at(rest.len().min(usize::from(*length)));
        record.extend_from_slice(&(step.len() as u32).to_le_bytes());
        record.extend_from_slice(step);
        steps = after;
    }
    record
}
