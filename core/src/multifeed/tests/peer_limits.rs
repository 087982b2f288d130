//! Peers whose limits differ: what one does not accept ends a feed, and nothing else.

use alloc::vec;
use alloc::vec::Vec;

use super::rig::{Map, Node, World};
use super::{assert_holds, block, group, write};
use crate::*;

/// Two nodes; the first one has these limits, and the second one those.
fn pair(first: impl FnOnce(&mut Limits), second: impl FnOnce(&mut Limits)) -> World {
    let [mut one, mut two] = [1, 2].map(|seed| Config::new(group(), Seed::new([seed; 32])));
    first(&mut one.limits);
    second(&mut two.limits);
    World::of(vec![Node::with(one, Map::new()), Node::with(two, Map::new())])
}

fn writer(world: &mut World, node: usize, name: &str, blocks: &[&[u8]]) -> FeedKey {
    let seed = name.as_bytes()[0] | 0x80;
    let node = &mut world.nodes[node];
    let feed = node.multifeed.writer(name, KeyPair::from_seed(&[seed; 32])).unwrap();
    blocks.iter().for_each(|block| node.append(feed, &[block]));
    node.multifeed.feed(feed).unwrap().key
}

fn length(world: &World, node: usize, key: &FeedKey) -> u64 {
    world.nodes[node].multifeed.find(key).map_or(0, |feed| feed.length)
}

/// Events about a block that is too large.
fn too_large(node: &Node, key: &FeedKey) -> usize {
    let too_large = |event: &Event| match event {
        Event::Refused { key, refusal: Refusal::BlockTooLarge, .. } => Some(*key),
        _ => None,
    };
    node.events.iter().filter_map(too_large).filter(|about| about == key).count()
}

fn assert_open_and_synced(world: &World) {
    for node in &world.nodes {
        assert!(node.closed.is_empty(), "{:?}", node.closed);
        assert!(node.multifeed.peers().all(|peer| peer.is_synced));
    }
}

#[test]
fn a_block_above_the_limit_of_a_peer_ends_its_feed_there_and_no_other() {
    let large = vec![7; 1_500_000];
    for before in [0, 1, 3] {
        let mut world = pair(|limits| limits.block_bytes = 2 << 20, |_| ());
        let mut blocks: Vec<&[u8]> = vec![b"small"; before];
        blocks.extend([&large[..], b"behind it"]);
        let ended = writer(&mut world, 0, "ended", &blocks);
        let other = write(&mut world, 0, 5);
        let back = write(&mut world, 1, 2);
        world.connect(0, 1, Mode::Live);
        world.run();
        assert_open_and_synced(&world);
        assert_eq!(length(&world, 1, &ended), before as u64);
        assert_holds(&mut world, 1, 0, &other, 5);
        assert_holds(&mut world, 0, 1, &back, 2);
        let reported = [0, 1].map(|node| too_large(&world.nodes[node], &ended));
        assert_eq!(reported, [1, 1], "both applications get one event");
        // Other feeds still grow.
        let feed = world.nodes[0].multifeed.find(&other).unwrap().id;
        world.nodes[0].append(feed, &[&block(0, 5)]);
        world.run();
        assert_holds(&mut world, 1, 0, &other, 6);
        assert_open_and_synced(&world);
    }
}

#[test]
fn a_single_sync_ends_though_a_block_is_too_large_for_the_peer() {
    let mut world = pair(|_| (), |limits| limits.block_bytes = 100);
    let key = writer(&mut world, 0, "a", &[&[1; 100][..], &[2; 101]]);
    world.connect(0, 1, Mode::Once);
    world.run();
    assert_eq!(length(&world, 1, &key), 1);
    let closed: Vec<_> = world.nodes.iter().flat_map(|node| &node.closed).collect();
    assert!(!closed.is_empty() && closed.iter().all(|closed| closed.1 == CloseReason::Synced));
}

#[test]
fn a_large_block_that_is_appended_later_ends_the_feed_at_the_peer() {
    let mut world = pair(|_| (), |limits| limits.block_bytes = 100);
    let key = writer(&mut world, 0, "a", &[&[1; 50][..]]);
    world.connect(0, 1, Mode::Live);
    world.run();
    let feed = world.nodes[0].multifeed.find(&key).unwrap().id;
    for size in [50, 101, 50] {
        world.nodes[0].append(feed, &[&vec![2; size]]);
        world.run();
    }
    assert_eq!(length(&world, 1, &key), 2);
    assert_open_and_synced(&world);
}

#[test]
fn a_peer_that_accepts_short_ranges_gets_short_ranges() {
    let mut world = pair(|_| (), |limits| limits.range_blocks = 3);
    let key = writer(&mut world, 0, "a", &[&b"x"[..]; 20]);
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_eq!(length(&world, 1, &key), 20);
    assert_open_and_synced(&world);
}

#[test]
fn a_peer_that_serves_few_feeds_is_asked_for_few_at_once() {
    let mut world = pair(|limits| limits.serves = 1, |_| ());
    let blocks = [&[1; 1_000][..]; 200];
    let keys = ["a", "b", "c", "d"].map(|name| writer(&mut world, 0, name, &blocks));
    world.connect(0, 1, Mode::Live);
    world.run();
    assert!(keys.iter().all(|key| length(&world, 1, key) == 200));
    assert_open_and_synced(&world);
}
