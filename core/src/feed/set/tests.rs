use super::*;

/// Keys of which the first two begin alike.
fn keys() -> [FeedKey; 3] {
    let [one, mut two] = [[1; 32]; 2];
    two[31] = 2;
    [one, two, [3; 32]].map(FeedKey)
}

#[test]
fn keys_that_begin_alike_are_told_apart() {
    let mut feeds = Feeds::default();
    let [one, two, three] = keys();
    let first = feeds.insert(one, PublicKey([1; 32]));
    assert_eq!((feeds.find(&one), feeds.find(&two)), (Some(first), None));
    let second = feeds.insert(two, PublicKey([2; 32]));
    assert_eq!((feeds.find(&one), feeds.find(&two)), (Some(first), Some(second)));
    assert_eq!((feeds.find(&three), feeds.len()), (None, 2));
}

#[test]
fn a_feed_that_was_forgotten_is_not_found_and_its_like_still_is() {
    let mut feeds = Feeds::default();
    let [one, two, _] = keys();
    let [first, second] = [one, two].map(|key| feeds.insert(key, PublicKey([1; 32])));
    feeds.forget(first);
    assert_eq!((feeds.find(&one), feeds.find(&two)), (None, Some(second)));
    assert_eq!(feeds.insert(one, PublicKey([1; 32])), first, "its slot is used again");
    assert_eq!(feeds.find(&one), Some(first));
}
