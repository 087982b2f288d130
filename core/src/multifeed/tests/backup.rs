//! An author whose store is older than what it has signed.

use super::*;
use crate::feed::record;

/// Three nodes. The last two hold five blocks of the first, whose store then goes back to
/// when it had three. Of these five, the second node has lost the last one, which it can still
/// prove to be signed.
fn restored() -> (World, FeedKey, FeedId) {
    let mut config = Config::new(group(), [2; 32]);
    config.limits.range_bytes = 1;
    let giver = Node::with(config, Map::new());
    let [author, other] = [1, 3].map(|seed| Node::open(&group(), seed, Map::new()));
    let mut world = World::of(vec![author, giver, other]);
    let key = write(&mut world, 0, 3);
    let backup = world.nodes[0].map.clone();
    let feed = world.nodes[0].writer(100);
    (3..5).for_each(|index| world.nodes[0].append(feed, &[&block(0, index)]));
    for node in [1, 2] {
        let ids = world.connect(0, node, Mode::Live);
        world.run();
        world.cut(ids);
    }
    let copy = world.nodes[1].multifeed.find(&key).unwrap().id;
    world.nodes[1].map.remove(&record::block_key(copy.slot, 4)).unwrap();
    world.nodes[0] = Node::open(&group(), 7, backup);
    let feed = world.nodes[0].writer(100);
    (world, key, feed)
}

#[test]
fn a_writer_from_an_old_copy_signs_nothing_that_a_peer_showed_signed() {
    let (mut world, key, feed) = restored();
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_eq!(world.nodes[0].multifeed.feed(feed).unwrap().length, 4);
    let append = |world: &mut World| world.nodes[0].multifeed.append(feed, &[b"another"]);
    assert_eq!(append(&mut world), Err(Misuse::FeedBehind));
    world.connect(0, 2, Mode::Live);
    world.run();
    world.nodes[0].append(feed, &[&block(0, 5)]);
    world.run();
    for node in [0, 2] {
        assert_holds(&mut world, node, 0, &key, 6);
    }
    for node in &world.nodes {
        let contested = |event: &Event| matches!(event, Event::Contested { .. });
        assert!(!node.events.iter().any(contested), "no second history");
    }
}

#[test]
fn a_store_behind_its_signed_length_is_still_behind_after_reopening() {
    let (mut world, _, _) = restored();
    world.connect(0, 1, Mode::Live);
    world.run();
    let map = core::mem::take(&mut world.nodes[0].map);
    world.nodes[0] = Node::open(&group(), 8, map);
    let feed = world.nodes[0].writer(100);
    let appended = world.nodes[0].multifeed.append(feed, &[b"another"]);
    assert_eq!(appended, Err(Misuse::FeedBehind));
}
