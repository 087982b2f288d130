use proptest::prelude::*;

use super::*;

const FEED: FeedId = FeedId(0);

#[test]
fn a_feed_that_one_side_lacks_makes_them_uneven() {
    let mut edges = PeerFeeds::default();
    assert!(edges.are_in_sync());
    edges.update(FEED, 3, |_| ());
    assert!(!edges.are_in_sync(), "the peer lacks three blocks");
    edges.update(FEED, 3, |edge| edge.theirs = 3);
    assert!(edges.are_in_sync());
    edges.update(FEED, 3, |edge| edge.theirs = 5);
    assert!(!edges.are_in_sync(), "we lack two");
    edges.update(FEED, 5, |_| ());
    assert!(edges.are_in_sync());
}

#[test]
fn who_declines_or_cannot_give_is_not_waited_for() {
    for change in [(|edge: &mut PeerFeed| edge.declined = true) as fn(&mut PeerFeed), |edge| {
        edge.is_withheld = true
    }] {
        let mut edges = PeerFeeds::default();
        edges.update(FEED, 3, |_| ());
        edges.update(FEED, 3, change);
        assert!(edges.are_in_sync());
    }
    let mut edges = PeerFeeds::default();
    edges.update(FEED, 0, |edge| edge.theirs = 3);
    edges.update(FEED, 0, |edge| edge.lost = true);
    assert!(edges.are_in_sync());
}

proptest! {
    /// However edges and lengths change, the counts say what a look at every edge says.
    #[test]
    fn the_counts_agree_with_the_edges(
        steps in proptest::collection::vec((0u32..4, 0u64..4, 0u64..4, any::<[bool; 3]>()), 0..60),
    ) {
        let mut edges = PeerFeeds::default();
        let mut lengths = [0; 4];
        for (feed, length, theirs, [lost, declined, is_withheld]) in steps {
            lengths[feed as usize] = length;
            edges.update(FeedId(feed), length, |edge| {
                (edge.theirs, edge.lost) = (theirs, lost);
                (edge.declined, edge.is_withheld) = (declined, is_withheld);
            });
            let is_even = edges.iter().all(|(feed, edge)| {
                let length = lengths[feed.0 as usize];
                !edge.offers(length) && !edge.lacks(length)
            });
            prop_assert_eq!(edges.are_in_sync(), is_even);
        }
    }
}
