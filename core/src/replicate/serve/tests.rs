use alloc::vec;

use super::*;

fn limits() -> Limits {
    Limits { serves: 3, reads: 2, send_bytes: 1_000, range_bytes: 400, ..Limits::default() }
}

fn ready(feed: u32, end: u64, bytes: usize) -> Ready {
    Ready { feed: FeedId(feed), end, body: vec![0; bytes] }
}

#[test]
fn feeds_take_turns_a_range_each() {
    let mut serving = Serving::default();
    let limits = limits();
    serving.want(FeedId(1), 0, &limits).unwrap();
    serving.want(FeedId(2), 5, &limits).unwrap();
    assert_eq!(serving.next_read(&limits), Some((FeedId(1), 0)));
    serving.finish_read(0, ready(1, 3, 10), 9);
    assert_eq!(serving.next_read(&limits), Some((FeedId(2), 5)));
    assert_eq!(serving.next_read(&limits), Some((FeedId(1), 3)));
    serving.finish_read(5, ready(2, 9, 10), 9);
    serving.finish_read(3, ready(1, 9, 10), 9);
    assert_eq!(serving.next_read(&limits), None, "both were read to their end");
    let order: Vec<_> = core::iter::from_fn(|| serving.pop(10)).map(|ready| ready.feed.0).collect();
    assert_eq!(order, [1, 2, 1]);
    assert!(serving.is_idle());
}

#[test]
fn nothing_is_read_while_what_is_ready_and_expected_is_too_much() {
    let mut serving = Serving::default();
    let limits = limits();
    (0..3).for_each(|feed| serving.want(FeedId(feed), 0, &limits).unwrap());
    assert!(serving.next_read(&limits).is_some());
    assert!(serving.next_read(&limits).is_some());
    assert_eq!(serving.next_read(&limits), None, "two reads are under way");
    serving.finish_read(0, ready(0, 9, 700), 9);
    assert_eq!(serving.next_read(&limits), None, "700 are ready and 400 expected");
    assert!(serving.pop(1_000).is_some());
    assert!(serving.next_read(&limits).is_some());
}

#[test]
fn a_range_waits_for_the_window() {
    let mut serving = Serving::default();
    serving.want(FeedId(0), 0, &limits()).unwrap();
    serving.next_read(&limits()).unwrap();
    serving.finish_read(0, ready(0, 9, 700), 9);
    assert!(serving.pop(699).is_none());
    assert!(!serving.is_idle());
    assert_eq!(serving.peek_bytes(), Some(700));
    assert!(serving.pop(700).is_some());
}

#[test]
fn a_want_while_reading_continues_from_where_it_asks() {
    let mut serving = Serving::default();
    let limits = limits();
    serving.want(FeedId(0), 0, &limits).unwrap();
    serving.next_read(&limits).unwrap();
    serving.want(FeedId(0), 7, &limits).unwrap();
    assert_eq!(serving.next_read(&limits), None, "one read of a feed at a time");
    serving.finish_read(0, ready(0, 3, 10), 9);
    assert_eq!(serving.next_read(&limits), Some((FeedId(0), 7)));
}

#[test]
fn no_more_feeds_are_served_than_allowed() {
    let mut serving = Serving::default();
    (0..3).for_each(|feed| serving.want(FeedId(feed), 0, &limits()).unwrap());
    assert_eq!(serving.want(FeedId(3), 0, &limits()), Err(Limit::Serves));
    assert_eq!(serving.want(FeedId(2), 4, &limits()), Ok(()), "it is served already");
    assert!(!serving.is_serving(FeedId(3)));
}

#[test]
fn a_failed_read_ends_its_feed_alone() {
    let mut serving = Serving::default();
    let limits = limits();
    serving.want(FeedId(0), 0, &limits).unwrap();
    serving.want(FeedId(1), 0, &limits).unwrap();
    serving.next_read(&limits).unwrap();
    serving.fail_read(FeedId(0));
    assert!(!serving.is_serving(FeedId(0)) && serving.is_serving(FeedId(1)));
    assert_eq!(serving.next_read(&limits), Some((FeedId(1), 0)));
}

#[test]
fn what_the_peer_got_elsewhere_is_not_sent() {
    let mut serving = Serving::default();
    let limits = limits();
    serving.want(FeedId(1), 0, &limits).unwrap();
    assert_eq!(serving.next_read(&limits), Some((FeedId(1), 0)));
    serving.finish_read(0, ready(1, 3, 10), 20);
    assert_eq!(serving.next_read(&limits), Some((FeedId(1), 3)));
    serving.skip(FeedId(1), 4);
    serving.skip(FeedId(1), 2);
    serving.skip(FeedId(2), 9);
    serving.finish_read(3, ready(1, 6, 10), 20);
    assert_eq!(serving.footprint().ready_bytes, 10, "the first range is of no use");
    assert_eq!(serving.next_read(&limits), Some((FeedId(1), 6)));
    serving.finish_read(6, ready(1, 9, 10), 20);
    serving.skip(FeedId(1), 20);
    assert_eq!(serving.next_read(&limits), Some((FeedId(1), 20)), "nothing is left there");
    serving.skip_read(FeedId(1));
    assert!(serving.is_idle());
}
