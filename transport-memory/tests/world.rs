//! Worlds of a few nodes: what the simulator promises of itself.

use multifeed_core::{CloseReason, Duration, Event, FeedKey, Group, Mode};
use multifeed_memory::{
    Crash, DiskOptions, LinkId, LinkOptions, NodeId, NodeOptions, Pieces, Replies, Security, World,
};

const NODES: usize = 5;

fn nodes(world: &mut World, disk: DiskOptions) -> Vec<NodeId> {
    let options = NodeOptions::new(Group::keyed([1; 32])).disk(disk);
    (0..NODES).map(|_| world.add_node(options.clone())).collect()
}

fn chain() -> Vec<[usize; 2]> {
    (1..NODES).map(|node| [node - 1, node]).collect()
}

fn ring() -> Vec<[usize; 2]> {
    let mut pairs = chain();
    pairs.push([NODES - 1, 0]);
    pairs
}

fn mesh() -> Vec<[usize; 2]> {
    (0..NODES).flat_map(|a| (0..a).map(move |b| [a, b])).collect()
}

/// A world whose nodes each have a feed of five blocks, some written before they are connected.
fn world(
    seed: u64,
    pairs: &[[usize; 2]],
    disk: DiskOptions,
    link: &LinkOptions,
) -> (World, Vec<NodeId>, Vec<LinkId>, Vec<FeedKey>) {
    let mut world = World::new(seed);
    let nodes = nodes(&mut world, disk);
    let feeds: Vec<_> = nodes.iter().map(|node| world.writer(*node, "own").unwrap()).collect();
    write(&mut world, &nodes, &feeds, 0..2);
    let links = pairs.iter().map(|[a, b]| world.connect(nodes[*a], nodes[*b], link.clone()));
    let links = links.collect();
    world.run_for(Duration::from_millis(70));
    write(&mut world, &nodes, &feeds, 2..5);
    (world, nodes, links, feeds)
}

fn block(node: NodeId, index: usize) -> Vec<u8> {
    format!("block {index} of {node:?}").into_bytes()
}

fn write(world: &mut World, nodes: &[NodeId], feeds: &[FeedKey], range: std::ops::Range<usize>) {
    for (node, feed) in nodes.iter().zip(feeds) {
        for index in range.clone() {
            world.append(*node, feed, &[&block(*node, index)]).unwrap();
        }
    }
}

fn assert_all_hold(world: &mut World, nodes: &[NodeId], feeds: &[FeedKey], length: usize) {
    assert!(world.is_converged(), "{:?}", world.differences());
    for (author, feed) in nodes.iter().zip(feeds) {
        let expected: Vec<_> = (0..length).map(|index| block(*author, index)).collect();
        for node in nodes {
            assert_eq!(world.blocks(*node, feed), expected, "{feed} on {node:?}");
        }
    }
}

#[test]
fn chain_ring_and_mesh_converge() {
    for pairs in [chain(), ring(), mesh()] {
        for seed in 0..20 {
            let link = LinkOptions::default();
            let (mut world, nodes, _, feeds) = world(seed, &pairs, DiskOptions::default(), &link);
            world.run_until_idle();
            assert_all_hold(&mut world, &nodes, &feeds, 5);
            assert_eq!(world.take_endings(), []);
        }
    }
}

#[test]
fn replies_of_the_disk_in_any_order_and_at_once_lead_to_the_same() {
    let shuffled = DiskOptions { replies: Replies::Shuffled, ..DiskOptions::default() };
    for disk in [shuffled, DiskOptions::instant()] {
        for seed in 0..20 {
            let (mut world, nodes, _, feeds) = world(seed, &mesh(), disk, &LinkOptions::default());
            world.run_until_idle();
            assert_all_hold(&mut world, &nodes, &feeds, 5);
        }
    }
}

#[test]
fn bytes_cut_anywhere_arrive_as_well() {
    let random = [Pieces::Random(1), Pieces::Random(40), Pieces::Exactly(7)];
    for security in [Security::Plain, Security::Noise] {
        for (seed, pieces) in (0..).zip(random) {
            let link = LinkOptions::default().pieces(pieces).security(security);
            let (mut world, nodes, _, feeds) = world(seed, &ring(), DiskOptions::default(), &link);
            world.run_until_idle();
            assert_all_hold(&mut world, &nodes, &feeds, 5);
        }
    }
}

#[test]
fn a_narrow_pipe_with_a_small_buffer_is_enough() {
    let mut link = LinkOptions::default().bandwidth(20_000);
    link.buffer_bytes = 100;
    let (mut world, nodes, _, feeds) = world(3, &chain(), DiskOptions::default(), &link);
    world.run_until_idle();
    assert_all_hold(&mut world, &nodes, &feeds, 5);
}

#[test]
fn the_two_sides_of_a_cut_meet_again_when_it_heals() {
    for seed in 0..20 {
        let link = LinkOptions::default();
        let (mut world, nodes, links, feeds) = world(seed, &chain(), DiskOptions::default(), &link);
        world.cut(links[1]);
        world.run_until_idle();
        assert!(world.is_converged(), "each side by itself");
        write(&mut world, &nodes, &feeds, 5..6);
        world.run_until_idle();
        assert_eq!(
            world.blocks(nodes[4], &feeds[0]).len(),
            world.blocks(nodes[2], &feeds[0]).len()
        );
        world.heal(links[1]);
        assert!(!world.is_converged());
        world.run_until_idle();
        assert_all_hold(&mut world, &nodes, &feeds, 6);
    }
}

#[test]
fn a_connection_that_breaks_is_made_anew() {
    for seed in 0..20 {
        let link = LinkOptions::default().pieces(Pieces::Random(100));
        let (mut world, nodes, links, feeds) = world(seed, &chain(), DiskOptions::default(), &link);
        for _ in 0..10 {
            let link = links[world.below(links.len() as u64) as usize];
            world.reset(link);
            world.run_for(Duration::from_millis(300));
        }
        world.run_until_idle();
        assert_all_hold(&mut world, &nodes, &feeds, 5);
    }
}

#[test]
fn what_was_appended_survives_a_crash() {
    for seed in 0..40 {
        let link = LinkOptions::default();
        let (mut world, nodes, _, feeds) = world(seed, &chain(), DiskOptions::default(), &link);
        let wait = world.below(5_000);
        world.run_for(Duration::from_micros(wait));
        let events = world.take_events(nodes[2]);
        let said = events.iter().filter(|event| matches!(event, Event::Appended { .. })).count();
        let crash = if seed % 2 == 0 { Crash::Process } else { Crash::Power };
        world.crash(nodes[2], crash);
        world.run_for(Duration::from_secs(1));
        world.restart(nodes[2]);
        let kept = world.blocks(nodes[2], &feeds[2]).len();
        assert!(kept >= said, "{kept} of {said}");
        for index in kept..5 {
            world.append(nodes[2], &feeds[2], &[&block(nodes[2], index)]).unwrap();
        }
        world.run_until_idle();
        assert_all_hold(&mut world, &nodes, &feeds, 5);
    }
}

#[test]
fn a_half_open_connection_ends_by_its_timer_and_is_made_anew() {
    let link = LinkOptions::default();
    let (mut world, nodes, links, feeds) = world(1, &chain(), DiskOptions::default(), &link);
    world.run_until_idle();
    world.hold(links[0], nodes[0]);
    write(&mut world, &nodes, &feeds, 5..6);
    world.run_until_idle();
    assert!(!world.is_converged());
    world.run_for(Duration::from_secs(20));
    let dead = world.take_endings();
    assert!(
        dead.iter().all(|ending| matches!(ending.reason, CloseReason::Deadline(_))),
        "{dead:?}"
    );
    assert!(!dead.is_empty());
    world.release(links[0], nodes[0]);
    assert!(world.run_until_converged(Duration::from_secs(60)));
    assert_all_hold(&mut world, &nodes, &feeds, 6);
}

#[test]
fn what_was_held_back_goes_on_when_released() {
    let link = LinkOptions::default();
    let (mut world, nodes, links, feeds) = world(1, &chain(), DiskOptions::default(), &link);
    world.run_until_idle();
    world.hold(links[0], nodes[0]);
    write(&mut world, &nodes, &feeds, 5..6);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.blocks(nodes[1], &feeds[0]).len(), 5);
    world.release(links[0], nodes[0]);
    world.run_until_idle();
    assert_all_hold(&mut world, &nodes, &feeds, 6);
    assert_eq!(world.take_endings(), []);
}

#[test]
fn a_sync_that_should_end_ends_on_both_sides() {
    let link = LinkOptions::default().mode(Mode::Once);
    let mut world = World::new(4);
    let nodes = nodes(&mut world, DiskOptions::default());
    let feeds: Vec<_> = nodes.iter().map(|node| world.writer(*node, "own").unwrap()).collect();
    write(&mut world, &nodes, &feeds, 0..5);
    world.connect(nodes[0], nodes[1], link);
    world.run_until_idle();
    assert_eq!(world.holdings(nodes[0]), world.holdings(nodes[1]));
    let endings = world.take_endings();
    assert!(!endings.is_empty());
    assert!(endings.iter().all(|ending| ending.reason == CloseReason::Synced), "{endings:?}");
}

#[test]
fn one_seed_has_one_trace() {
    let run = |seed, security| {
        let link = LinkOptions::default().pieces(Pieces::Random(50)).security(security);
        let (mut world, ..) = world(seed, &ring(), DiskOptions::default(), &link);
        world.run_until_idle();
        world.run_for(Duration::from_secs(30));
        world.trace()
    };
    for security in [Security::Plain, Security::Noise] {
        assert_eq!(run(5, security), run(5, security));
        assert_ne!(run(5, security), run(6, security));
    }
}

#[test]
fn signs_of_life_keep_no_world_going() {
    let link = LinkOptions::default();
    let (mut world, ..) = world(9, &mesh(), DiskOptions::default(), &link);
    world.run_until_idle();
    let (before, bytes) = (world.now(), world.bytes_total());
    world.run_for(Duration::from_secs(60));
    let seconds = world.now().since(before).as_secs();
    assert_eq!(seconds, 60);
    // At most one a connection, a direction and five seconds, of three bytes each.
    let most = 2 * mesh().len() as u64 * (60 / 5 + 1) * 3;
    assert!(world.bytes_total() - bytes <= most, "{} bytes", world.bytes_total() - bytes);
    assert!(world.is_converged());
}
