//! Reports after how many events a fault of the core is detected, with and without the check of its
//! invariants after each event.
//!
//! ```text
//! cargo run -p multifeed-memory --example first_failure -- [--check-invariants] [--seed S]
//! ```
//!
//! `transport-memory/tests/mutants/README.md` lists what it reports of some mutants.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the report of this program")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use multifeed_core::{Duration, FeedKey, Group};
use multifeed_memory::{Crash, DiskOptions, LinkOptions, NodeId, NodeOptions, Replies, World};

/// Number of nodes. Each of them writes one feed.
const NODES: usize = 4;

/// Rounds of calls; in each, every node appends and one of the others does something else.
const ROUNDS: u64 = 60;

/// The events of one round, after which the next one begins though the last may not be over.
const ROUND_EVENTS: u64 = 40;

fn main() {
    let mut words = std::env::args().skip(1);
    let (mut seed, mut checks) = (1, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--check-invariants" => checks = true,
            "--seed" => seed = words.next().and_then(|word| word.parse().ok()).unwrap_or(seed),
            word => {
                eprintln!("there is no option {word}");
                std::process::exit(2);
            }
        }
    }
    let mut world = World::new(seed);
    world.watch_laws();
    if checks {
        world.check_invariants(1);
    }
    let played = catch_unwind(AssertUnwindSafe(|| play(&mut world)));
    let events = world.events();
    match (played, world.violations().first()) {
        (Err(_), _) => println!("seed {seed}: a panic after event {events}"),
        (Ok(()), Some(broken)) => println!("seed {seed}: event {events}: {broken}"),
        (Ok(()), None) => println!("seed {seed}: nothing is detected in {events} events"),
    }
}

/// Plays until a law is broken, or to the end.
fn play(world: &mut World) {
    let disk = DiskOptions { replies: Replies::Shuffled, ..DiskOptions::default() };
    let options = || NodeOptions::new(Group::keyed([3; 32])).disk(disk);
    let nodes: Vec<NodeId> = (0..NODES).map(|_| world.add_node(options())).collect();
    let feeds: Vec<FeedKey> =
        nodes.iter().filter_map(|node| world.writer(*node, "own").ok()).collect();
    for pair in nodes.windows(2) {
        world.connect(pair[0], pair[1], LinkOptions::default());
    }
    for round in 0..ROUNDS {
        if act(world, &nodes, &feeds, round) {
            return;
        }
    }
    // At rest, the nodes must hold the same feeds. So each accepts again what it refused.
    for node in &nodes {
        for feed in &feeds {
            _ = world.accept(*node, feed);
        }
    }
    while world.step() {
        if !world.violations().is_empty() || world.is_idle() {
            break;
        }
    }
    if world.violations().is_empty() {
        world.run_for(Duration::from_secs(60));
        world.check_at_rest();
    }
}

/// One round. Returns whether a law is broken.
fn act(world: &mut World, nodes: &[NodeId], feeds: &[FeedKey], round: u64) -> bool {
    for (node, feed) in nodes.iter().zip(feeds) {
        let block = format!("round {round} of {node:?}");
        _ = world.append(*node, feed, &[block.as_bytes()]);
        _ = world.append(*node, feed, &[b"and another"]);
    }
    let at = world.below(nodes.len() as u64) as usize;
    let other = (at + 1 + world.below(nodes.len() as u64 - 1) as usize) % nodes.len();
    let (node, feed) = (nodes[at], &feeds[other]);
    match world.below(10) {
        // No node clears blocks: a node that removed the feed could not download them again.
        0 | 1 => _ = world.download(node, feed, 0..1 + round / 8),
        2 => _ = world.refuse(node, feed),
        3 | 4 => _ = world.accept(node, feed),
        5 => _ = world.remove(node, feed),
        6 => {
            let links: Vec<_> = world.links().collect();
            let link = links[world.below(links.len() as u64) as usize];
            world.reset(link);
        }
        7 => {
            world.crash(node, Crash::Power);
            world.restart(node);
        }
        _ => _ = world.get(node, feed, 0..1),
    }
    for _ in 0..ROUND_EVENTS {
        if !world.step() || !world.violations().is_empty() {
            break;
        }
    }
    !world.violations().is_empty()
}
