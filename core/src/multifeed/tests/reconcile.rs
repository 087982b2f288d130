//! What two peers say to know who holds what, and in how many bytes.

use super::*;
use crate::feed::manifest::Origin;
use crate::feed::runs::Runs;
use crate::feed::{Tip, record, tree};
use crate::rng::Rng;
use crate::tests::cases;
use crate::wire::multifeed::Kind;

/// Kinds of the messages of a reconciliation.
pub(super) const KINDS: core::ops::RangeInclusive<u64> =
    Kind::Claim as u64..=Kind::Checkpoint as u64;

/// A store of feeds without their blocks, each of some length.
pub(super) fn store(feeds: impl IntoIterator<Item = ([u8; 32], u64)>) -> Map {
    let mut map = Map::from([(record::meta_key(), record::encode_meta(&group()))]);
    for ((key, length), slot) in feeds.into_iter().zip(0..) {
        let roots =
            tree::cover(0, length).map(|index| tree::Node { index, size: 1, hash: [0; 32] });
        let head = Head { length, fork: 0, signature: Signature([0; 64]) };
        let tip = Tip { length, roots: roots.collect(), head };
        let value =
            record::encode_record(&PublicKey(key), None, &tip, &Runs::default(), Origin::Group);
        map.insert(record::feed_key(slot), value);
    }
    map
}

/// Keys that are in no order.
pub(super) fn keys(seed: u8, count: u64) -> Vec<([u8; 32], u64)> {
    let mut rng = Rng::new([seed; 32]);
    (0..count).map(|_| (rng.array(), 1 + rng.below(100))).collect()
}

fn world(stores: [Map; 2]) -> World {
    let nodes = stores.into_iter().zip(1..);
    World::of(nodes.map(|(map, seed)| Node::open(&group(), seed, map)).collect())
}

/// Connects two nodes in the clear; returns the bytes of all that they said to reconcile.
fn reconcile(world: &mut World) -> usize {
    let remote = KeyPair::from_seed(&[77; 32]).public_key();
    world.secure = Some(Secure::Established { handshake_hash: [7; 64], remote });
    // Blocks that no node has are not to be read.
    world.nodes.iter_mut().for_each(|node| node.held = Some(Vec::new()));
    world.connect(0, 1, Mode::Live);
    world.run();
    for node in &world.nodes {
        assert!(node.closed.is_empty(), "{:?}", node.closed);
    }
    world.said.range(KINDS).map(|(_, (bytes, _))| bytes).sum()
}

pub(super) fn said(world: &World, kind: Kind) -> usize {
    world.said.get(&(kind as u64)).map_or(0, |said| said.1)
}

/// Whether both sides know of each feed what the other holds.
fn assert_known(world: &World, sets: [&[([u8; 32], u64)]; 2]) {
    for (node, theirs) in world.nodes.iter().zip([sets[1], sets[0]]) {
        for (key, length) in theirs {
            let key = manifest::feed_key(group().feed_namespace(), &PublicKey(*key));
            let feed = node.multifeed.feeds.find(&key).unwrap();
            let holders: Vec<u64> = node.multifeed.holders(feed).map(|(_, held)| held).collect();
            assert_eq!(holders, [*length]);
        }
    }
}

#[test]
fn equal_sets_cost_the_same_whatever_their_size() {
    for feeds in [0, 1, 1_000] {
        let all = keys(1, feeds);
        let mut world = world([store(all.clone()), store(all.clone())]);
        let bytes = reconcile(&mut world);
        assert!(bytes <= 130, "{feeds} feeds: {bytes} bytes");
        assert_eq!((said(&world, Kind::Claim), said(&world, Kind::Heads)), (2, 0));
        assert!(world.nodes.iter().all(|node| node.multifeed.peers().all(|peer| peer.is_synced)));
        assert_known(&world, [&all, &all]);
    }
}

#[test]
fn a_reconnect_with_nothing_new_takes_less_than_a_kilobyte() {
    let all = store(keys(1, 1_000));
    let mut world = world([all.clone(), all]);
    world.connect(0, 1, Mode::Live);
    world.run();
    assert!(world.bytes <= 1_000, "{} bytes", world.bytes);
    assert!(world.nodes.iter().all(|node| node.multifeed.peers().all(|peer| peer.is_synced)));
}

#[test]
fn ten_new_feeds_of_a_block_beside_a_thousand_cost_little_more_than_themselves() {
    for writer in 0..2 {
        let all = store(keys(1, 1_000));
        let mut world = world([all.clone(), all]);
        for number in 0..10 {
            let name = alloc::format!("{number}");
            let key_pair = KeyPair::from_seed(&[100 + number; 32]);
            let feed = world.nodes[writer].multifeed.writer(&name, key_pair).unwrap();
            world.nodes[writer].append(feed, &[&block(0, number.into())]);
        }
        world.connect(0, 1, Mode::Live);
        world.run();
        assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
        assert!(world.nodes.iter().all(|node| node.multifeed.peers().all(|peer| peer.is_synced)));
        assert!(world.bytes <= 4_500, "written by {writer}: {} bytes", world.bytes);
    }
}

/// Two sets with feeds that only one has, and some whose lengths differ.
fn apart(seed: u8, common: u64, only: [u64; 2], changed: usize) -> [Vec<([u8; 32], u64)>; 2] {
    let common = keys(seed, common);
    let mut sets = [common.clone(), common];
    for (place, side) in (0..changed).zip([0, 1].into_iter().cycle()) {
        sets[side][place].1 += 1 + place as u64 % 3;
    }
    for (side, set) in sets.iter_mut().enumerate() {
        set.extend(keys(seed + 100 + side as u8, only[side]));
        let turn = set.len() / 3;
        set.rotate_left(turn);
    }
    sets
}

#[test]
fn a_hundred_feeds_apart_cost_what_the_table_says() {
    let (runs, mut bytes) = (4, 0);
    for seed in 0..runs {
        let sets = apart(seed, 950, [50, 50], 0);
        let mut world = world(sets.clone().map(store));
        bytes += reconcile(&mut world);
        assert!(said(&world, Kind::Heads) <= 1, "but for ids that begin alike, nothing is listed");
        assert_known(&world, [&sets[0], &sets[1]]);
    }
    let bytes = bytes / usize::from(runs);
    // 32·100 - log2(50!²)/8 bytes are needed for the keys alone.
    let bound = 3_200 - 2 * 214 / 8;
    assert!(2 * bytes <= 3 * bound, "{bytes} bytes, the bound is {bound}");
}

#[test]
fn new_lengths_cost_the_bytes_of_the_table() {
    for common in [1_000, 16_500] {
        let sets = apart(3, common, [0, 0], 100);
        let mut world = world(sets.clone().map(store));
        let bytes = reconcile(&mut world);
        assert!(bytes <= 3_700, "{common} feeds, 100 changed: {bytes} bytes");
        assert_known(&world, [&sets[0], &sets[1]]);
    }
}

#[test]
fn sets_that_are_far_apart_are_listed() {
    let sets = [keys(1, 10), keys(2, 500)];
    let mut world = world(sets.map(store));
    reconcile(&mut world);
    assert_eq!((said(&world, Kind::Claim), said(&world, Kind::Cells)), (2, 0));
    assert_eq!(said(&world, Kind::Listed), 2);
}

/// Nodes that hold the same feeds, each with a feed of its own besides, and one feed that is
/// longer at the first.
fn uneasy(common: u64) -> (World, [FeedId; 2]) {
    let all = store(keys(1, common));
    let mut world = world([all.clone(), all]);
    let feeds = [0, 1].map(|node| {
        let feed = world.nodes[node].writer(100 + node as u8);
        world.nodes[node].append(feed, &[b"first"]);
        feed
    });
    (world, feeds)
}

#[test]
fn sets_that_change_in_every_flight_converge() {
    let all = [(50, usize::MAX), (50, 5), (16_500, usize::MAX)];
    for &(common, cut) in &all[..cases(2, 3)] {
        let (mut world, feeds) = uneasy(common);
        world.cut = cut;
        world.unrest = vec![(0, feeds[0]), (1, feeds[1])];
        world.connect(0, 1, Mode::Live);
        for _ in 0..40 {
            world.step_once();
        }
        world.unrest.clear();
        world.run();
        assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
        for node in &world.nodes {
            assert!(node.closed.is_empty(), "{:?}", node.closed);
            assert!(node.multifeed.peers().all(|peer| peer.is_synced));
        }
    }
}

#[test]
fn a_feed_equal_on_both_sides_grows_later() {
    let mut world = nodes(2);
    let keys: Vec<_> = (0..2).map(|node| write(&mut world, node, 3)).collect();
    world.connect(0, 1, Mode::Once);
    world.run();
    world.connect(0, 1, Mode::Live);
    world.run();
    for (node, key) in keys.iter().enumerate() {
        let feed = world.nodes[node].multifeed.find(key).unwrap().id;
        let held = |world: &World| {
            let holders = world.nodes[node].multifeed.holders(feed);
            holders.map(|(_, held)| held).collect::<Vec<_>>()
        };
        assert_eq!(held(&world), [3], "nothing was said of it, and it is known");
        world.nodes[node].append(feed, &[&block(node, 3)]);
        assert_eq!(held(&world), [3]);
        world.run();
        assert_eq!(held(&world), [4]);
        assert_holds(&mut world, 1 - node, node, key, 4);
    }
}

#[test]
fn a_peer_that_reports_no_sets_gets_every_feed_listed() {
    let mut world = nodes(1);
    write(&mut world, 0, 3);
    let node = &mut world.nodes[0];
    let mut raw = raw::Raw::dial(node, 77);
    let hello = raw.hello(&group());
    raw.open(node, group().discovery_key(), &hello);
    let seconds = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
    for second in (0..30).step_by(4) {
        node.handle(seconds(second), Input::Timeout);
        // Keep-alives, and parts of no message, are no progress.
        raw.say(node, Kind::Part, &[]);
    }
    assert!(raw.bodies(Kind::Heads).is_empty());
    node.handle(seconds(30), Input::Timeout);
    raw.exchange(node);
    assert_eq!((raw.bodies(Kind::Heads).len(), raw.bodies(Kind::Listed).len()), (1, 1));
}

#[test]
fn feeds_beyond_what_a_peer_may_have_us_hold_wait_for_those_before_them() {
    let mut config = Config::new(group(), Seed::new([2; 32]));
    config.limits.aliases = 4;
    let all = store(keys(1, 200));
    let mut world = World::of(vec![Node::open(&group(), 1, all.clone()), Node::with(config, all)]);
    for number in 0..60u8 {
        let name = alloc::format!("{number}");
        let key_pair = KeyPair::from_seed(&[number; 32]);
        let feed = world.nodes[0].multifeed.writer(&name, key_pair).unwrap();
        world.nodes[0].append(feed, &[&block(0, number.into())]);
    }
    world.connect(0, 1, Mode::Live);
    let mut most = 0;
    for _ in 0..10_000 {
        world.step_once();
        most = most.max(world.nodes[1].multifeed.footprint().candidates);
    }
    assert_eq!(most, 4);
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
}

#[test]
fn snapshots_of_all_sessions_are_bounded() {
    let [one, two] = apart(1, 200, [5, 5], 0);
    let mut config = Config::new(group(), Seed::new([1; 32]));
    config.limits.snapshot_bytes = 1_000;
    let mut world =
        World::of(vec![Node::with(config, store(one)), Node::open(&group(), 2, store(two))]);
    reconcile(&mut world);
    assert_eq!((said(&world, Kind::FallBack), said(&world, Kind::Listed)), (1, 2));
    for node in &world.nodes {
        assert_eq!(node.multifeed.sets.lent_bytes, 0);
        assert_eq!(node.multifeed.sync_status().feeds, 205);
    }
}

#[test]
fn a_lost_connection_releases_its_snapshot() {
    let sets = apart(1, 200, [50, 50], 0);
    let mut world = world(sets.map(store));
    let ids = world.connect(0, 1, Mode::Live);
    let mut most = 0;
    while most == 0 {
        world.step_once();
        most = world.nodes[0].multifeed.sets.lent_bytes;
    }
    world.cut(ids);
    assert_eq!(world.nodes[0].multifeed.sets.lent_bytes, 0);
}

#[test]
#[ignore = "minutes and gigabytes: cargo test --release -p multifeed-core -- --ignored a_million"]
fn a_million_feeds_cost_what_the_table_says() {
    let of = |only: [u64; 2], changed| {
        let mut world = world(apart(1, 1_000_000, only, changed).map(store));
        reconcile(&mut world)
    };
    assert!(of([0, 0], 0) <= 130);
    let ten = of([5, 5], 0);
    assert!(ten <= 750, "10 apart: {ten} bytes");
    let thousand = of([500, 500], 0);
    // 32·1,000 - log2(500!²)/8.
    let bound = 32_000 - 2 * 3_767 / 8;
    assert!(100 * thousand <= 145 * bound, "1,000 apart: {thousand} bytes, the bound is {bound}");
    let changed = of([0, 0], 1_000);
    assert!(changed <= 30_000, "1,000 changed: {changed} bytes");
}

#[test]
fn a_feed_equal_on_both_sides_is_refused_removed_and_accepted_again() {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 3);
    world.connect(0, 1, Mode::Once);
    world.run();
    world.connect(0, 1, Mode::Live);
    world.run();
    let feed = world.nodes[1].multifeed.find(&key).unwrap().id;
    let before = world.nodes[0].events.len();
    world.nodes[1].multifeed.remove(feed).unwrap();
    world.run();
    let declined =
        |event: &Event| matches!(event, Event::Refused { refusal: Refusal::Declined, .. });
    assert!(
        world.nodes[0].events[before..].iter().any(declined),
        "the reject arrives, although there is no alias"
    );
    assert!(world.nodes[1].multifeed.find(&key).is_none());
    world.nodes[1].multifeed.accept(key).unwrap();
    world.run();
    assert_holds(&mut world, 1, 0, &key, 3);
    for node in &world.nodes {
        assert_eq!(node.multifeed.peers().filter(|peer| peer.is_synced).count(), 1);
    }
}
