//! Bounds of bytes: of one feed, and of all together.

use proptest::prelude::*;

use super::*;
use crate::config::{BLOCK_BYTES_BESIDE, Limits};
use crate::tests::cases;

/// What a block of [`block`] counts.
const COST: u64 = 100 + BLOCK_BYTES_BESIDE;

fn bounded(seed: u8, map: Map, feed_bytes: u64, group_bytes: u64) -> Node {
    let mut config = Config::new(group(), Seed::new([seed; 32]));
    config.limits = Limits { feed_bytes, group_bytes, ..config.limits };
    config.limits.hypercore_channels = 8;
    Node::with(config, map)
}

/// A writer without bounds and a node with these.
fn pair(feed_bytes: u64, group_bytes: u64) -> World {
    let unbounded = bounded(1, Map::new(), u64::MAX, u64::MAX);
    World::of([unbounded, bounded(2, Map::new(), feed_bytes, group_bytes)].into())
}

fn grow(world: &mut World, node: usize, blocks: core::ops::Range<usize>) {
    let feed =
        world.nodes[node].multifeed.writer("local", KeyPair::from_seed(&[100 + node as u8; 32]));
    for index in blocks {
        world.nodes[node].append(feed.unwrap(), &[&block(node, index)]);
        world.run();
    }
}

fn full(node: &Node) -> Vec<(FeedKey, u64)> {
    let full = |event: &Event| match event {
        Event::Full { key, bytes, .. } => Some((*key, *bytes)),
        _ => None,
    };
    node.events.iter().filter_map(full).collect()
}

fn length(node: &Node, key: &FeedKey) -> u64 {
    node.multifeed.find(key).map_or(0, |feed| feed.length)
}

fn assert_at_rest(world: &World) {
    for node in &world.nodes {
        assert!(node.closed.is_empty(), "{:?}", node.closed);
        assert!(node.multifeed.peers().all(|peer| peer.is_synced), "a sync is held open");
        let counted: u64 = node.multifeed.feeds().map(|feed| feed.bytes_counted).sum();
        assert_eq!(node.multifeed.bytes_counted(), counted);
    }
}

#[test]
fn an_own_feed_is_appended_to_up_to_its_bound() {
    let mut node = bounded(1, Map::new(), 3 * COST, 0);
    let feed = node.writer(100);
    node.append(feed, &[&block(0, 0), &block(0, 1)]);
    let blocks = [block(0, 2), block(0, 3)];
    let both = [&blocks[0][..], &blocks[1][..]];
    assert_eq!(node.multifeed.append(feed, &both), Err(Misuse::FeedFull));
    // The limit on all feeds together keeps no writer from appending.
    node.append(feed, &[&blocks[0]]);
    assert_eq!(node.multifeed.append(feed, &[b""]), Err(Misuse::FeedFull));
    assert_eq!(node.multifeed.feed(feed).unwrap().bytes_counted, 3 * COST);
}

#[test]
fn a_feed_is_downloaded_up_to_its_bound_and_served_as_far_as_held() {
    let mut world = pair(20 * COST, u64::MAX);
    let key = write(&mut world, 0, 0);
    world.connect(0, 1, Mode::Live);
    grow(&mut world, 0, 0..20);
    assert_eq!((length(&world.nodes[1], &key), full(&world.nodes[1])), (20, [].into()));
    grow(&mut world, 0, 20..21);
    assert_eq!(full(&world.nodes[1]), [(key, 21 * COST)]);
    let before = world.bytes;
    grow(&mut world, 0, 21..60);
    // The author says each time how far its sets are settled, and no more.
    assert!(world.bytes - before < 39 * 64, "{} bytes of no block", world.bytes - before);
    assert_eq!(full(&world.nodes[1]).len(), 1, "the application is notified once");
    assert!(world.nodes[1].multifeed.find(&key).unwrap().is_full);
    assert_at_rest(&world);
    // Who has less gets what is there.
    world.nodes.push(Node::open(&group(), 3, Map::new()));
    world.connect(2, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 2, 0, &key, 20);
    assert_holds(&mut world, 1, 0, &key, 20);
    assert_at_rest(&world);
}

#[test]
fn a_reconnect_transfers_no_blocks_of_a_full_feed() {
    let mut world = pair(20 * COST, u64::MAX);
    let key = write(&mut world, 0, 0);
    let ends = world.connect(0, 1, Mode::Live);
    grow(&mut world, 0, 0..500);
    world.cut(ends);
    world.bytes = 0;
    world.connect(0, 1, Mode::Live);
    world.run();
    // Ten blocks would have more; a peer pushes a range before it hears that it is not wanted.
    assert_eq!(length(&world.nodes[1], &key), 20);
    assert!(world.bytes < 2_000 + 64 * 1024, "{} bytes", world.bytes);
    assert_at_rest(&world);
}

#[test]
fn a_larger_bound_admits_the_rest() {
    let mut world = pair(20 * COST, u64::MAX);
    let key = write(&mut world, 0, 0);
    let ends = world.connect(0, 1, Mode::Live);
    grow(&mut world, 0, 0..30);
    // It is tried once more, in vain.
    world.nodes[1].multifeed.accept(key).unwrap();
    world.run();
    assert_eq!((length(&world.nodes[1], &key), full(&world.nodes[1]).len()), (20, 2));
    assert_at_rest(&world);
    world.cut(ends);
    let map = core::mem::take(&mut world.nodes[1].map);
    world.nodes[1] = bounded(9, map, 40 * COST, u64::MAX);
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 30);
    assert_at_rest(&world);
}

#[test]
fn total_bytes_are_bounded_and_a_removal_frees_them() {
    let mut world = pair(u64::MAX, 25 * COST);
    world.nodes.push(bounded(3, Map::new(), u64::MAX, u64::MAX));
    let first = write(&mut world, 0, 20);
    world.connect(0, 1, Mode::Live);
    world.run();
    let second = write(&mut world, 2, 10);
    world.connect(2, 1, Mode::Live);
    world.run();
    assert_eq!(length(&world.nodes[1], &first), 20);
    assert_eq!(
        (length(&world.nodes[1], &second), full(&world.nodes[1])),
        (0, [(second, 10 * COST)].into())
    );
    assert_at_rest(&world);
    let feed = world.nodes[1].multifeed.find(&first).unwrap().id;
    world.nodes[1].multifeed.remove(feed).unwrap();
    world.run();
    assert_holds(&mut world, 1, 2, &second, 10);
    assert_eq!(world.nodes[1].multifeed.bytes_counted(), 10 * COST);
    assert_at_rest(&world);
}

#[test]
fn a_full_group_declines_new_feeds_without_reading_them() {
    let mut world = pair(u64::MAX, 20 * COST);
    world.nodes.push(bounded(3, Map::new(), u64::MAX, u64::MAX));
    write(&mut world, 0, 20);
    world.connect(0, 1, Mode::Live);
    world.run();
    for author in 0..50 {
        let name = vec![b'a'; 1 + author as usize];
        let name = core::str::from_utf8(&name).unwrap();
        let pair = KeyPair::from_seed(&[200 + author; 32]);
        let feed = world.nodes[2].multifeed.writer(name, pair).unwrap();
        world.nodes[2].append(feed, &[b"x"]);
    }
    world.bytes = 0;
    world.connect(2, 1, Mode::Live);
    world.run();
    let footprint = world.nodes[1].multifeed.footprint();
    assert_eq!((footprint.feeds, footprint.candidates), (1, 0));
    assert_eq!(full(&world.nodes[1]), [], "none was begun");
    assert_at_rest(&world);
}

#[test]
fn our_own_blocks_are_restored_whatever_the_bounds() {
    let mut world = pair(u64::MAX, u64::MAX);
    let key = write(&mut world, 0, 30);
    world.connect(0, 1, Mode::Live);
    world.run();
    // The disk is lost, and somebody has the bounds lowered.
    world.nodes[0] = bounded(1, Map::new(), 10 * COST, 10 * COST);
    world.nodes[0].writer(100);
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 0, 0, &key, 30);
    assert_eq!(full(&world.nodes[0]), []);
}

#[test]
fn a_full_feed_continues_once_it_is_our_own() {
    let mut world = pair(u64::MAX, u64::MAX);
    let key = write(&mut world, 0, 30);
    world.connect(0, 1, Mode::Live);
    world.run();
    world.nodes[0] = bounded(1, Map::new(), 10 * COST, 10 * COST);
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_eq!((length(&world.nodes[0], &key), full(&world.nodes[0]).len()), (0, 1));
    world.nodes[0].writer(100);
    world.run();
    assert_holds(&mut world, 0, 0, &key, 30);
    assert_at_rest(&world);
}

#[test]
fn an_adopted_feed_has_the_same_bounds() {
    let mut world = pair(20 * COST, u64::MAX);
    let mut config = Config::new(Group::keyed([8; 32]), Seed::new([1; 32]));
    config.limits.hypercore_channels = 8;
    world.nodes[0] = Node::with(config, Map::new());
    let key = write(&mut world, 0, 0);
    world.nodes[1].multifeed.adopt(key).unwrap();
    world.nodes[1].drain();
    world.connect(0, 1, Mode::Live);
    grow(&mut world, 0, 0..40);
    assert_eq!(
        (length(&world.nodes[1], &key), full(&world.nodes[1])),
        (20, [(key, 21 * COST)].into())
    );
    assert!(world.nodes.iter().all(|node| node.closed.is_empty()));
}

#[test]
fn blocks_being_written_count_and_failed_writes_do_not() {
    let mut world = pair(u64::MAX, 25 * COST);
    world.nodes.push(bounded(3, Map::new(), u64::MAX, u64::MAX));
    let keys = [write(&mut world, 0, 20), write(&mut world, 2, 10)];
    world.connect(0, 1, Mode::Live);
    world.connect(2, 1, Mode::Live);
    // Both are members; from here on the disk says nothing.
    world.nodes[1].held = Some(Vec::new());
    world.run();
    assert_eq!(world.nodes[1].multifeed.bytes_counted(), 20 * COST);
    assert_eq!(full(&world.nodes[1]), [(keys[1], 10 * COST)]);
    world.nodes[1].failure = Some(StoreFailure::Full);
    world.nodes[1].release();
    assert_eq!(world.nodes[1].multifeed.bytes_counted(), 0);
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Append(usize),
    Remove(usize),
    Accept(usize),
    Reopen,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        6 => (0..3usize).prop_map(Change::Append),
        1 => (0..3usize).prop_map(Change::Remove),
        1 => (0..3usize).prop_map(Change::Accept),
        1 => Just(Change::Reopen),
    ];
    proptest::collection::vec(change, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(48, 256)))]

    /// Three writers, and one who has bounds and all of them as peers.
    #[test]
    fn whatever_happens_the_bounds_hold_and_the_count_is_right(changes in changes()) {
        let writers = (1..=3).map(|seed| bounded(seed, Map::new(), u64::MAX, u64::MAX));
        let mut world = World::of(writers.collect());
        world.nodes.push(bounded(4, Map::new(), 8 * COST, 15 * COST));
        let keys: Vec<_> = (0..3).map(|node| write(&mut world, node, 0)).collect();
        let mut ends: Vec<_> = (0..3).map(|node| world.connect(node, 3, Mode::Live)).collect();
        for change in changes {
            match change {
                Change::Append(node) => {
                    let feed = world.nodes[node].multifeed.find(&keys[node]).unwrap();
                    let (feed, next) = (feed.id, feed.length as usize);
                    world.nodes[node].append(feed, &[&block(node, next)]);
                }
                Change::Remove(node) => {
                    let feed = world.nodes[3].multifeed.find(&keys[node]).map(|feed| feed.id);
                    if let Some(feed) = feed {
                        let _ = world.nodes[3].multifeed.remove(feed);
                    }
                }
                Change::Accept(node) => _ = world.nodes[3].multifeed.accept(keys[node]),
                Change::Reopen => {
                    ends.drain(..).for_each(|ends| world.cut(ends));
                    let map = core::mem::take(&mut world.nodes[3].map);
                    world.nodes[3] = bounded(4, map, 8 * COST, 15 * COST);
                    ends.extend((0..3).map(|node| world.connect(node, 3, Mode::Live)));
                }
            }
            world.run();
            let bounded = &world.nodes[3].multifeed;
            prop_assert!(bounded.bytes_counted() <= 15 * COST);
            prop_assert!(bounded.feeds().all(|feed| feed.bytes_counted <= 8 * COST));
            assert_at_rest(&world);
        }
    }
}
