use alloc::vec;

use super::*;

fn limits() -> Limits {
    Limits { serves: 3, reads: 2, send_bytes: 1_000, range_bytes: 400, ..Limits::default() }
}

fn ready(feed: u32, end: u64, bytes: usize) -> Ready {
    Ready::new(FeedId::first(feed), end, vec![0; bytes])
}

#[test]
fn feeds_take_turns_a_range_each() {
    let mut uploads = Uploads::new(1_000, 0);
    let limits = limits();
    uploads.want(FeedId::first(1), 0, &limits).unwrap();
    uploads.want(FeedId::first(2), 5, &limits).unwrap();
    assert_eq!(uploads.next_read(&limits), Some((FeedId::first(1), 0)));
    uploads.finish_read(0, ready(1, 3, 10), 9);
    assert_eq!(uploads.next_read(&limits), Some((FeedId::first(2), 5)));
    assert_eq!(uploads.next_read(&limits), Some((FeedId::first(1), 3)));
    uploads.finish_read(5, ready(2, 9, 10), 9);
    uploads.finish_read(3, ready(1, 9, 10), 9);
    assert_eq!(uploads.next_read(&limits), None, "both were read completely");
    let order: Vec<_> =
        core::iter::from_fn(|| uploads.pop()).map(|ready| ready.feed.slot).collect();
    assert_eq!(order, [1, 2, 1]);
    assert!(uploads.is_idle());
}

#[test]
fn reads_stop_while_ready_and_expected_bytes_reach_the_bound() {
    let mut uploads = Uploads::new(1_000, 0);
    let limits = limits();
    (0..3).for_each(|feed| uploads.want(FeedId::first(feed), 0, &limits).unwrap());
    assert!(uploads.next_read(&limits).is_some());
    assert!(uploads.next_read(&limits).is_some());
    assert_eq!(uploads.next_read(&limits), None, "two reads are under way");
    uploads.finish_read(0, ready(0, 9, 700), 9);
    assert_eq!(uploads.next_read(&limits), None, "700 are ready and 400 expected");
    assert!(uploads.pop().is_some());
    assert!(uploads.next_read(&limits).is_some());
}

#[test]
fn a_range_waits_for_the_window() {
    let mut uploads = Uploads::new(699, 0);
    uploads.want(FeedId::first(0), 0, &limits()).unwrap();
    uploads.next_read(&limits()).unwrap();
    uploads.finish_read(0, ready(0, 9, 700), 9);
    assert!(uploads.pop().is_none());
    assert!(!uploads.is_idle());
    assert_eq!(uploads.peek_bytes(), Some(700));
    uploads.add_window(1).unwrap();
    assert!(uploads.pop().is_some());
    uploads.check_invariants(&limits());
}

#[test]
fn a_want_during_a_read_continues_where_it_starts() {
    let mut uploads = Uploads::new(1_000, 0);
    let limits = limits();
    uploads.want(FeedId::first(0), 0, &limits).unwrap();
    uploads.next_read(&limits).unwrap();
    uploads.want(FeedId::first(0), 7, &limits).unwrap();
    assert_eq!(uploads.next_read(&limits), None, "one read of a feed at a time");
    uploads.finish_read(0, ready(0, 3, 10), 9);
    assert_eq!(uploads.next_read(&limits), Some((FeedId::first(0), 7)));
}

#[test]
fn no_more_feeds_are_served_than_allowed() {
    let mut uploads = Uploads::new(1_000, 0);
    (0..3).for_each(|feed| uploads.want(FeedId::first(feed), 0, &limits()).unwrap());
    assert_eq!(uploads.want(FeedId::first(3), 0, &limits()), Err(Limit::Serves));
    assert_eq!(uploads.want(FeedId::first(2), 4, &limits()), Ok(()), "it is served already");
    assert!(!uploads.is_serving(FeedId::first(3)));
}

#[test]
fn a_failed_read_ends_only_its_feed() {
    let mut uploads = Uploads::new(1_000, 0);
    let limits = limits();
    uploads.want(FeedId::first(0), 0, &limits).unwrap();
    uploads.want(FeedId::first(1), 0, &limits).unwrap();
    uploads.next_read(&limits).unwrap();
    uploads.fail_read(FeedId::first(0));
    assert!(!uploads.is_serving(FeedId::first(0)) && uploads.is_serving(FeedId::first(1)));
    assert_eq!(uploads.next_read(&limits), Some((FeedId::first(1), 0)));
}

#[test]
fn blocks_from_other_peers_are_not_sent() {
    let mut uploads = Uploads::new(1_000, 0);
    let limits = limits();
    uploads.want(FeedId::first(1), 0, &limits).unwrap();
    assert_eq!(uploads.next_read(&limits), Some((FeedId::first(1), 0)));
    uploads.finish_read(0, ready(1, 3, 10), 20);
    assert_eq!(uploads.next_read(&limits), Some((FeedId::first(1), 3)));
    uploads.skip(FeedId::first(1), 4);
    uploads.skip(FeedId::first(1), 2);
    uploads.skip(FeedId::first(2), 9);
    uploads.finish_read(3, ready(1, 6, 10), 20);
    assert_eq!(uploads.footprint().ready_bytes, 10, "the first range is dropped");
    assert_eq!(uploads.next_read(&limits), Some((FeedId::first(1), 6)));
    uploads.finish_read(6, ready(1, 9, 10), 20);
    uploads.skip(FeedId::first(1), 20);
    assert_eq!(uploads.next_read(&limits), Some((FeedId::first(1), 20)), "nothing is left to read");
    uploads.fail_read(FeedId::first(1));
    assert!(uploads.is_idle());
}
