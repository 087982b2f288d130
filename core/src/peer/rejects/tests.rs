use alloc::vec::Vec;

use super::*;
use crate::wire::mux::messages;

fn rejected(rejects: &mut Rejects, now: u64) -> Vec<u64> {
    let mut batch = Batch::new();
    rejects.compose(Instant::from_micros(now), &mut batch);
    let frame = batch.take().unwrap_or_default();
    let all = messages(&frame).map(Result::unwrap).map(|message| match message {
        MuxMessage::Reject { local_id } => local_id,
        other => panic!("{other:?}"),
    });
    all.collect()
}

#[test]
fn each_second_has_a_bounded_number_of_rejects() {
    let mut rejects = Rejects::default();
    (1..=2_000).for_each(|id| rejects.push(id, 8_192));
    assert_eq!(rejected(&mut rejects, 5_000_000), (1..=1_024).collect::<Vec<_>>());
    assert!(rejected(&mut rejects, 5_999_999).is_empty());
    assert_eq!(rejects.resume_at(), Some(Instant::from_micros(6_000_000)));
    assert_eq!(rejected(&mut rejects, 6_000_000), (1_025..=2_000).collect::<Vec<_>>());
    assert_eq!(rejects.resume_at(), None);
}

#[test]
fn rejects_that_wait_are_bounded() {
    let mut rejects = Rejects::default();
    (1..=100).for_each(|id| rejects.push(id, 10));
    assert_eq!(rejects.len(), 10);
    assert_eq!(rejected(&mut rejects, 0), (1..=10).collect::<Vec<_>>());
}
