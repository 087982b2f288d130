mod backup;
mod checkpoints;
mod crash;
mod flights;
mod fork;
mod hypercore;
mod ids;
mod laws;
mod policy;
mod quota;
mod raw;
mod reconcile;
mod refetch;
mod rig;
mod rulings;
mod sparse;
mod violations;

use alloc::vec;
use alloc::vec::Vec;

use rig::{Map, Node, World};

use crate::*;

fn group() -> Group {
    Group::keyed([9; 32])
}

fn nodes(count: u8) -> World {
    World::of((1..=count).map(|seed| Node::open(&group(), seed, Map::new())).collect())
}

fn block(writer: usize, index: usize) -> Vec<u8> {
    let mut block = vec![b'a' + writer as u8; 100];
    block[..8].copy_from_slice(&(index as u64).to_le_bytes());
    block
}

/// Creates the feed of a node, with this number of blocks.
fn write(world: &mut World, node: usize, count: usize) -> FeedKey {
    let feed = world.nodes[node].writer(100 + node as u8);
    for index in 0..count {
        world.nodes[node].append(feed, &[&block(node, index)]);
    }
    world.nodes[node].multifeed.feed(feed).unwrap().key
}

fn assert_holds(world: &mut World, node: usize, writer: usize, key: &FeedKey, count: usize) {
    let blocks = world.nodes[node].blocks(key);
    let expected: Vec<_> = (0..count).map(|index| block(writer, index)).collect();
    assert_eq!(blocks, expected, "node {node}, feed of {writer}");
}

#[test]
fn two_peers_exchange_their_feeds() {
    let mut world = nodes(2);
    let (a, b) = (write(&mut world, 0, 3), write(&mut world, 1, 5));
    world.connect(0, 1, Mode::Live);
    world.run();
    for node in 0..2 {
        assert_holds(&mut world, node, 0, &a, 3);
        assert_holds(&mut world, node, 1, &b, 5);
        let events = &world.nodes[node].events;
        assert!(events.iter().any(|event| matches!(event, Event::Synced { .. })), "{events:?}");
        assert!(world.nodes[node].closed.is_empty(), "{:?}", world.nodes[node].closed);
    }
}

#[test]
fn a_sync_that_should_end_ends_in_sync() {
    let mut world = nodes(2);
    let a = write(&mut world, 0, 3);
    world.connect(0, 1, Mode::Once);
    world.run();
    assert_holds(&mut world, 1, 0, &a, 3);
    let closed = world.nodes.iter().flat_map(|node| &node.closed);
    assert!(closed.map(|closed| closed.1).all(|reason| reason == CloseReason::Synced));
    assert_eq!(world.nodes[0].multifeed.peers().count(), 0);
}

#[test]
fn a_live_feed_propagates_along_a_chain() {
    let mut world = nodes(3);
    world.connect(0, 1, Mode::Live);
    world.connect(1, 2, Mode::Live);
    world.run();
    let a = write(&mut world, 0, 1);
    world.run();
    assert_holds(&mut world, 2, 0, &a, 1);
    let feed = world.nodes[0].multifeed.find(&a).unwrap().id;
    for index in 1..20 {
        world.nodes[0].append(feed, &[&block(0, index)]);
        world.run();
        assert_holds(&mut world, 2, 0, &a, index + 1);
    }
}

#[test]
fn input_split_anywhere_gives_the_same_result() {
    for cut in [1, 2, 3, 7, 100] {
        let mut world = nodes(2);
        world.cut = cut;
        let (a, b) = (write(&mut world, 0, 3), write(&mut world, 1, 2));
        world.connect(0, 1, Mode::Live);
        world.run();
        assert_holds(&mut world, 1, 0, &a, 3);
        assert_holds(&mut world, 0, 1, &b, 2);
    }
}

#[test]
fn ten_feeds_of_a_thousand_blocks_cost_little_more_than_their_blocks() {
    let mut world = nodes(2);
    let mut keys = Vec::new();
    for writer in 0..10 {
        let key_pair = KeyPair::from_seed(&[writer; 32]);
        let name = alloc::format!("{writer}");
        let feed = world.nodes[0].multifeed.writer(&name, key_pair).unwrap();
        let blocks: Vec<_> = (0..1000).map(|index| block(writer as usize, index)).collect();
        let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        world.nodes[0].append(feed, &blocks);
        keys.push(world.nodes[0].multifeed.feed(feed).unwrap().key);
    }
    world.connect(0, 1, Mode::Live);
    world.run();
    for (writer, key) in keys.iter().enumerate() {
        assert_holds(&mut world, 1, writer, key, 1000);
    }
    assert!(world.bytes <= 1_050_000, "{} bytes", world.bytes);
}

#[test]
fn a_thousand_feeds_of_one_block_cost_little_more_than_key_signature_and_block() {
    let mut world = nodes(2);
    for writer in 0..1000u64 {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&writer.to_le_bytes());
        let name = alloc::format!("{writer}");
        let feed = world.nodes[0].multifeed.writer(&name, KeyPair::from_seed(&seed)).unwrap();
        world.nodes[0].append(feed, &[&block(0, writer as usize)]);
    }
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
    assert_eq!(world.nodes[1].multifeed.sync_status().feeds, 1000);
    assert!(world.bytes <= 240_000, "{} bytes", world.bytes);
}
