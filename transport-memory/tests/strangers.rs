//! A member that makes a thousand authors up: those who write are heard all the same.

use multifeed_core::{Admission, Duration, FeedKey, Group};
use multifeed_memory::{LinkOptions, NodeId, NodeOptions, World};

const WRITERS: usize = 10;
const BLOCKS: u64 = 20;
const MADE_UP: usize = 1_000;
/// Of a link, in bytes a second: slow, so that what is sent in vain costs time.
const BANDWIDTH: u64 = 100_000;
const STEP: Duration = Duration::from_millis(1);

/// Ten writers in a ring with two chords, and perhaps the member, who is dialled by two of them.
fn world(take: Admission, made_up: usize) -> (World, Vec<NodeId>, Vec<FeedKey>) {
    let mut world = World::new(7);
    let honest = NodeOptions::new(Group::keyed([1; 32])).take(take);
    let nodes: Vec<_> = (0..WRITERS).map(|_| world.add_node(honest.clone())).collect();
    let feeds: Vec<_> = nodes.iter().map(|node| world.writer(*node, "own").unwrap()).collect();
    for (node, feed) in nodes.iter().zip(&feeds) {
        for index in 0..BLOCKS {
            world.append(*node, feed, &[&[index as u8; 200]]).unwrap();
        }
        if take == Admission::AcceptedOnly {
            for feed in &feeds {
                world.accept(*node, feed).unwrap();
            }
        }
    }
    let link = LinkOptions::default().bandwidth(BANDWIDTH);
    let mut pairs: Vec<_> = (0..WRITERS).map(|node| [node, (node + 1) % WRITERS]).collect();
    pairs.extend([[0, 5], [2, 7]]);
    if made_up > 0 {
        let member = world.add_node(NodeOptions::new(Group::keyed([1; 32])));
        for author in 0..made_up {
            let name = format!("author {author}");
            let feed = world.writer(member, &name).unwrap();
            world.append(member, &feed, &[&[3; 200]]).unwrap();
        }
        world.run_until_idle();
        for node in [3, 8] {
            world.connect(member, nodes[node], link.clone());
        }
    }
    world.run_until_idle();
    for [a, b] in pairs {
        world.connect(nodes[a], nodes[b], link.clone());
    }
    (world, nodes, feeds)
}

/// Until each writer holds what all of them wrote, in milliseconds.
fn time(take: Admission, made_up: usize) -> (u32, World, Vec<NodeId>) {
    let (mut world, nodes, feeds) = world(take, made_up);
    let holds = |world: &World, node: &NodeId, feed: &FeedKey| {
        let found = world.multifeed(*node).and_then(|multifeed| multifeed.find(feed));
        found.is_some_and(|feed| feed.length == BLOCKS)
    };
    for milliseconds in 1..600_000 {
        world.run_for(STEP);
        if nodes.iter().all(|node| feeds.iter().all(|feed| holds(&world, node, feed))) {
            return (milliseconds, world, nodes);
        }
    }
    panic!("they never hold it all");
}

fn others(world: &World, nodes: &[NodeId]) -> usize {
    let count = |node: &NodeId| world.multifeed(*node).unwrap().feeds().count();
    nodes.iter().map(count).max().unwrap() - WRITERS
}

#[test]
fn where_only_accepted_authors_are_taken_a_thousand_others_cost_little_time() {
    let (alone, ..) = time(Admission::AcceptedOnly, 0);
    let (beside, mut world, nodes) = time(Admission::AcceptedOnly, MADE_UP);
    assert!(beside <= 2 * alone, "{beside} ms, and {alone} without them");
    world.run_until_idle();
    assert_eq!(others(&world, &nodes), 0);
}

#[test]
fn where_all_authors_are_taken_a_thousand_others_cost_their_bytes_and_no_more() {
    let (alone, ..) = time(Admission::All, 0);
    let (beside, mut world, nodes) = time(Admission::All, MADE_UP);
    // What a made-up feed costs on a link: its block, its proof, its key and its names.
    let bytes = MADE_UP as u64 * 400;
    let longest = u64::from(alone) + bytes * 1_000 / BANDWIDTH;
    assert!(u64::from(beside) <= longest, "{beside} ms of {longest}, and {alone} without them");
    world.run_until_idle();
    assert_eq!(others(&world, &nodes), MADE_UP);
}
