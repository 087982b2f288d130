use super::*;
use crate::config::Limits;

fn limits(feed_bytes: u64, group_bytes: u64) -> Limits {
    Limits { feed_bytes, group_bytes, ..Limits::default() }
}

#[test]
fn a_feed_grows_exactly_to_each_bound() {
    let mut quota = Quota::default();
    quota.grow(0, 70);
    quota.grow(0, 30);
    // Seventy of the hundred bytes are its own.
    assert!(quota.has_room(70, 80, &limits(80, 110)));
    assert!(!quota.has_room(70, 81, &limits(80, 1_000)));
    assert!(!quota.has_room(70, 81, &limits(1_000, 110)));
    quota.leave(FeedId::first(1), 30);
    assert!(quota.has_room(70, 110, &limits(1_000, 110)));
}

#[test]
fn byte_counts_do_not_overflow() {
    let mut quota = Quota::default();
    quota.grow(0, u64::MAX - 1);
    assert!(!quota.has_room(0, u64::MAX, &limits(u64::MAX, u64::MAX - 1)));
    assert!(
        quota.has_room(0, u64::MAX, &limits(u64::MAX, u64::MAX)),
        "without a bound, everything fits"
    );
}
