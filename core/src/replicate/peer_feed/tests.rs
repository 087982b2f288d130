use proptest::prelude::*;

use super::*;

const FEED: FeedId = FeedId::first(0);

#[test]
fn feed_that_one_side_lacks_ends_the_sync() {
    let mut feeds = PeerFeeds::default();
    assert!(feeds.are_in_sync());
    feeds.update(FEED, 3, |_| ());
    assert!(!feeds.are_in_sync(), "the peer lacks three blocks");
    feeds.update(FEED, 3, |feed| feed.set_remote_length(3));
    assert!(feeds.are_in_sync());
    feeds.update(FEED, 3, |feed| feed.set_remote_length(5));
    assert!(!feeds.are_in_sync(), "we lack two");
    feeds.update(FEED, 5, |_| ());
    assert!(feeds.are_in_sync());
}

#[test]
fn declined_and_unavailable_feeds_do_not_end_the_sync() {
    let changes = [
        (|feed: &mut PeerFeed| feed.on_reject(Reject::Declined)) as fn(&mut PeerFeed),
        PeerFeed::withhold,
    ];
    for change in changes {
        let mut feeds = PeerFeeds::default();
        feeds.update(FEED, 3, |_| ());
        feeds.update(FEED, 3, change);
        assert!(feeds.are_in_sync());
    }
    let mut feeds = PeerFeeds::default();
    feeds.update(FEED, 0, |feed| feed.set_remote_length(3));
    feeds.update(FEED, 0, PeerFeed::set_remote_unavailable);
    assert!(feeds.are_in_sync());
}

#[test]
fn first_want_continues_behind_a_push_that_it_crosses() {
    let mut feed = PeerFeed::default();
    feed.on_range_pushed(4);
    assert_eq!(feed.on_want(0, 9), 4, "it crossed the push");
    assert_eq!(feed.on_want(0, 9), 0, "the peer lost its blocks");
    feed.on_range_pushed(4);
    feed.on_reject(Reject::Duplicate);
    assert_eq!(feed.on_want(2, 9), 2, "the pushed range was dropped");
}

proptest! {
    /// After any changes the counters agree with the state of every feed.
    #[test]
    fn counters_agree_with_the_feeds(
        steps in proptest::collection::vec((0u32..4, 0u64..4, 0u64..4, any::<[bool; 3]>()), 0..60),
    ) {
        let mut feeds = PeerFeeds::default();
        let mut lengths = [0; 4];
        for (feed, length, remote_length, [is_lost, is_declined, is_withheld]) in steps {
            lengths[feed as usize] = length;
            feeds.update(FeedId::first(feed), length, |feed| {
                feed.accept(length);
                feed.reopen(remote_length);
                if is_lost {
                    feed.set_remote_unavailable();
                }
                if is_declined {
                    feed.on_reject(Reject::Declined);
                }
                if is_withheld {
                    feed.withhold();
                }
            });
            let is_in_sync = feeds.iter().all(|(feed, state)| {
                let length = lengths[feed.slot as usize];
                !state.offers(length) && !state.lacks(length)
            });
            prop_assert_eq!(feeds.are_in_sync(), is_in_sync);
            feeds.check_invariants();
        }
    }
}
