//! A record of a session, as somebody else's file.

use alloc::vec::Vec;

use super::map::config;
use crate::Multifeed;
use crate::record::{redact, replay};

/// Reads a record: of an even first byte, the rest as it is; of an odd one, a genuine opening and
/// then steps of `length, bytes`, so that what changes in a step leaves the next one whole.
///
/// Claims: it is replayed or refused, with the same result twice; and a record that can be replayed
/// is redacted to at least one line a step.
#[doc(hidden)]
pub fn session(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let record = if kind % 2 == 0 { rest.to_vec() } else { framed(rest) };
    let (first, second) = (replay(&record), replay(&record));
    match (&first, &second) {
        (Ok(first), Ok(second)) => {
            assert_eq!((first.steps, first.states), (second.steps, second.states));
            let lines = redact(&record).expect("it has an opening");
            assert!(lines.len() > first.steps);
        }
        (Err(first), Err(second)) => assert_eq!(first, second),
        _ => panic!("{first:?}, and then {second:?}"),
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
