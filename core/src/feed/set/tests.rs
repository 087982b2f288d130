use super::*;
use crate::crypto::sign::Signature;
use crate::feed::manifest::Origin;
use crate::feed::runs::Runs;
use crate::feed::{Head, Tip};

/// Three keys; the first two share a prefix.
fn keys() -> [FeedKey; 3] {
    let [one, mut two] = [[1; 32]; 2];
    two[31] = 2;
    [one, two, [3; 32]].map(FeedKey)
}

#[test]
fn keys_with_a_common_prefix_are_distinguished() {
    let mut feeds = Feeds::default();
    let [one, two, three] = keys();
    let first = feeds.insert(one, PublicKey([1; 32]));
    assert_eq!((feeds.find(&one), feeds.find(&two)), (Some(first), None));
    let second = feeds.insert(two, PublicKey([2; 32]));
    assert_eq!((feeds.find(&one), feeds.find(&two)), (Some(first), Some(second)));
    assert_eq!((feeds.find(&three), feeds.len()), (None, 2));
}

#[test]
fn a_forgotten_feed_is_not_found_but_one_with_the_same_prefix_is() {
    let mut feeds = Feeds::default();
    let [one, two, _] = keys();
    let [first, second] = [one, two].map(|key| feeds.insert(key, PublicKey([1; 32])));
    feeds.forget(first);
    assert_eq!((feeds.find(&one), feeds.find(&two)), (None, Some(second)));
    let again = feeds.insert(one, PublicKey([1; 32]));
    assert_eq!((again.slot, again.generation), (first.slot, 1), "its slot is reused, not its id");
    assert_eq!((feeds.find(&one), feeds.get(first).is_none()), (Some(again), true));
}

#[test]
fn a_name_belongs_to_its_writer_until_the_writer_is_removed() {
    let mut feeds = Feeds::default();
    let [one, two, _] = keys();
    let own = feeds.insert(one, PublicKey([1; 32]));
    feeds.set_writer(own, "own", KeyPair::from_seed(&[1; 32]));
    assert_eq!((feeds.find_name("own"), feeds.find_name("owner")), (Some(own), None));
    feeds.set_writer(own, "other", KeyPair::from_seed(&[1; 32]));
    assert_eq!((feeds.find_name("own"), feeds.find_name("other")), (None, Some(own)));
    feeds.set_writer(own, "own", KeyPair::from_seed(&[1; 32]));
    feeds.forget(own);
    assert_eq!(feeds.find_name("own"), Some(own), "a writer is not forgotten");
    feeds.clear_slot(own);
    assert_eq!(feeds.find_name("own"), None);

    let stored = feeds.get(own).map(|feed| feed.public_key).unwrap();
    let head = Head { length: 0, fork: 0, signature: Signature([0; 64]) };
    let tip = Tip { length: 0, roots: Box::default(), head };
    let name = Some("stored".into());
    let (cleared, origin) = (Runs::default(), Origin::Group);
    let record = Record { public_key: stored, name, tip, cleared, origin };
    feeds.load(5, Some((two, record)));
    assert_eq!(feeds.find_name("stored"), Some(FeedId::first(5)));
    feeds.forget(FeedId::first(5));
    assert_eq!(feeds.find_name("stored"), None);
}
