//! A process that ends at any request to its store while it reconciles.

use super::rig::End;
use super::*;

/// Two stores: of peers that never met, or of ones that know each other, with different feeds and
/// lengths.
fn stores(is_known: bool) -> [Map; 2] {
    let mut world = nodes(2);
    let write = |world: &mut World, node: usize, feeds: core::ops::Range<u8>| {
        for number in feeds {
            let key_pair = KeyPair::from_seed(&[100 + number; 32]);
            let name = alloc::format!("{number}");
            let feed = world.nodes[node].multifeed.writer(&name, key_pair).unwrap();
            world.nodes[node].append(feed, &[&[number], b"more"]);
        }
    };
    write(&mut world, 0, 0..6);
    write(&mut world, 1, 10..13);
    let ends = world.connect(0, 1, Mode::Live);
    world.run();
    world.cut(ends);
    assert_eq!(world.nodes[0].holdings().len(), 9);
    if !is_known {
        for node in &mut world.nodes {
            let marks = crate::feed::record::known_key(0)..crate::feed::record::changes_end();
            node.map.retain(|key, _| !marks.contains(key));
        }
    }
    // Some grow at each side, and some are new.
    for node in 0..2 {
        let map = core::mem::take(&mut world.nodes[node].map);
        world.nodes[node] = Node::open(&group(), node as u8 + 1, map);
    }
    write(&mut world, 0, 4..8);
    write(&mut world, 1, 12..15);
    world.nodes.into_iter().map(|node| node.map).collect::<Vec<_>>().try_into().unwrap()
}

fn reopened(maps: &[Map; 2]) -> World {
    let nodes = maps.iter().zip(1..);
    World::of(nodes.map(|(map, seed)| Node::open(&group(), seed, map.clone())).collect())
}

/// What both hold in the end: all of each.
fn expected() -> Vec<u64> {
    let mut lengths = vec![2; 4];
    lengths.extend([4, 4, 2, 2]);
    lengths.extend([2, 2, 4, 2, 2]);
    lengths.sort_unstable();
    lengths
}

/// Ends a node at one of its store requests. Returns whether it made that many.
fn crash(maps: &[Map; 2], node: usize, end: End) -> bool {
    let mut world = reopened(maps);
    world.nodes[node].end = Some(end);
    let ends = world.connect(0, 1, Mode::Live);
    world.run();
    world.cut(ends);
    let has_ended = world.nodes[node].end.is_some_and(|end| end.after == 0);
    let map = core::mem::take(&mut world.nodes[node].map);
    world.nodes[node] = Node::open(&group(), node as u8 + 1, map);
    for _ in 0..2 {
        // The second time they know each other, and must not think that they hold what they lack.
        let ends = world.connect(0, 1, Mode::Live);
        world.run();
        assert!(world.nodes.iter().all(|node| node.closed.is_empty()));
        assert!(world.nodes.iter().all(|node| node.multifeed.peers().all(|peer| peer.is_synced)));
        world.cut(ends);
        for node in &world.nodes {
            let mut lengths: Vec<_> = node.holdings().iter().map(|(_, length)| *length).collect();
            lengths.sort_unstable();
            assert_eq!(lengths, expected(), "after {}", end.after);
        }
        assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
    }
    has_ended
}

#[test]
fn a_crash_at_any_store_request_of_a_reconciliation_still_converges() {
    for is_known in [false, true] {
        let maps = stores(is_known);
        for (node, is_done) in [(0, false), (0, true), (1, false), (1, true)] {
            let requests = (0..).find(|after| !crash(&maps, node, End { after: *after, is_done }));
            let requests = requests.unwrap();
            assert!(requests > 7, "known: {is_known}, node {node}: {requests} requests");
        }
    }
}
