//! What an id means after its feed is gone, and what calls and events name a feed by.

use super::rig::{Map, Node};
use super::{block, group, nodes, write};
use crate::*;

fn writer(node: &mut Node, name: &str, seed: u8) -> FeedId {
    let feed = node.multifeed.writer(name, KeyPair::from_seed(&[seed; 32])).unwrap();
    node.drain();
    feed
}

#[test]
fn the_id_of_a_removed_feed_never_means_another_feed() {
    let mut node = Node::open(&group(), 1, Map::new());
    let diary = writer(&mut node, "diary", 1);
    node.append(diary, &[b"private"]);
    node.multifeed.remove(diary).unwrap();
    node.drain();
    let public = writer(&mut node, "public", 2);
    assert_eq!(public.slot, diary.slot, "the slot is used again");

    // A task that kept the id goes on writing.
    assert_eq!(node.multifeed.append(diary, &[b"draft"]), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.read(diary, 0, 1), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.clear(diary, 0..1), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.download(diary, 0..1), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.remove(diary), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.refuse(diary), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.accept(diary), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.get(diary, 0), Err(Misuse::UnknownFeed));
    assert_eq!((node.multifeed.feed(diary), node.multifeed.tree_hash(diary)), (None, None));
    assert_eq!(node.multifeed.holders(diary).count(), 0);
    assert_eq!(node.multifeed.feed(public).unwrap().length, 0);
}

#[test]
fn no_id_is_used_twice_however_often_feeds_are_forgotten() {
    let mut node = Node::open(&group(), 1, Map::new());
    let mut ids = alloc::vec::Vec::new();
    for seed in 0..4 {
        let feed = writer(&mut node, "same", seed);
        node.append(feed, &[b"x"]);
        assert!(!ids.contains(&feed), "{feed} is used again");
        ids.push(feed);
        node.multifeed.remove(feed).unwrap();
        node.drain();
    }
}

#[test]
fn a_removed_feed_that_a_peer_still_names_is_unknown() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 2);
    world.connect(0, 1, Mode::Live);
    world.run();
    let node = &mut world.nodes[1];
    let feed = node.multifeed.find(&key).unwrap().id;
    node.multifeed.remove(feed).unwrap();
    node.drain();
    assert_eq!(node.multifeed.read(feed, 0, 1), Err(Misuse::UnknownFeed));
    assert_eq!(node.multifeed.append(feed, &[b"x"]), Err(Misuse::UnknownFeed));
}

#[test]
fn a_queued_event_names_the_feed_that_it_is_about() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 1);
    let ids = world.connect(0, 1, Mode::Live);
    world.run();
    world.cut(ids);
    let node = &mut world.nodes[1];
    let extended = |event: &Event| match event {
        Event::Extended { feed, key, .. } => Some((*feed, *key)),
        _ => None,
    };
    let (feed, named) = node.events.iter().find_map(extended).unwrap();
    assert_eq!(named, key);
    // The application reads the event only after it removed the feed and made another one.
    node.multifeed.remove(key).unwrap();
    node.drain();
    let other = writer(node, "other", 9);
    assert_eq!(other.slot, feed.slot, "the slot is used again");
    assert_eq!(node.multifeed.read(feed, 0, 1), Err(Misuse::UnknownFeed));
    assert!(node.multifeed.is_refused(named) && !node.multifeed.is_refused(feed));
}

#[test]
fn calls_take_an_id_or_a_key() {
    let mut node = Node::open(&group(), 1, Map::new());
    let id = writer(&mut node, "local", 1);
    let key = node.multifeed.feed(id).unwrap().key;
    node.multifeed.append(key, &[&block(0, 0)]).unwrap();
    node.drain();
    node.append(id, &[&block(0, 1)]);
    let by_id = node.multifeed.feed(id);
    assert!(by_id.is_some() && by_id == node.multifeed.feed(key));
    assert_eq!(node.multifeed.tree_hash(id), node.multifeed.tree_hash(key));
    for (by_id, by_key) in [
        (node.multifeed.read(id, 0, 2), node.multifeed.read(key, 0, 2)),
        (node.multifeed.get(id, 1), node.multifeed.get(key, 1)),
        (node.multifeed.clear(id, 0..1), node.multifeed.clear(key, 0..1)),
        (node.multifeed.refuse(id), node.multifeed.refuse(key)),
        (node.multifeed.accept(id), node.multifeed.accept(key)),
    ] {
        let requests = [by_id.unwrap(), by_key.unwrap()];
        node.drain();
        for request in requests {
            let answers = node.events.iter().filter(|event| event.request() == Some(request));
            assert_eq!(answers.count(), 1, "{request}");
        }
    }
    assert_eq!(node.multifeed.append(FeedKey([7; 32]), &[b"x"]), Err(Misuse::UnknownFeed));
}
