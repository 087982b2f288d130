//! Events per second, and speed relative to real time, with 32 peers on plaintext links.
//!
//! Prints one line of JSON per load: `cargo bench -p multifeed-memory`. On a busy machine, compare
//! `events_per_cpu_second`, if the system reports it.

use std::io::Write as _;
use std::time::Instant;

use multifeed_core::{Duration, Group};
use multifeed_memory::{DiskOptions, LinkOptions, NodeId, NodeOptions, World};

const PEERS: usize = 32;

/// Peers in a random-looking graph: each to the 1st, 5th and 11th after it.
fn world() -> (World, Vec<NodeId>) {
    let mut world = World::new(1);
    let options = NodeOptions::new(Group::keyed([1; 32])).disk(DiskOptions::instant());
    let nodes: Vec<_> = (0..PEERS).map(|_| world.add_node(options.clone())).collect();
    for (place, node) in nodes.iter().enumerate() {
        for step in [1, 5, 11] {
            world.connect(*node, nodes[(place + step) % PEERS], LinkOptions::default());
        }
    }
    world.run_until_idle();
    (world, nodes)
}

/// An hour in which each peer writes occasionally, as in a chat.
fn chat(blocks_each_hour: u64) -> (World, u64) {
    let (mut world, nodes) = world();
    let feeds: Vec<_> = nodes.iter().map(|node| world.writer(*node, "chat").unwrap()).collect();
    let start = world.now();
    let all = blocks_each_hour * PEERS as u64;
    for _ in 0..all {
        let who = world.below(PEERS as u64) as usize;
        world.append(nodes[who], &feeds[who], &[&[b'x'; 80]]).unwrap();
        world.run_for(Duration::from_secs(3_600) / all as u32);
    }
    world.run_until_idle();
    assert!(world.is_converged());
    let micros = world.now().since(start).as_micros() as u64;
    (world, micros)
}

fn main() {
    let mut out = std::io::stdout();
    for blocks in [0, 10, 100] {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let (world, micros) = if blocks == 0 { silence() } else { chat(blocks) };
        let seconds = start.elapsed().as_secs_f64();
        let cpu = cpu.zip(cpu_seconds()).map_or(seconds, |(before, after)| after - before);
        let events = world.events() as f64;
        // A closed output is ignored.
        _ = writeln!(
            out,
            "{{\"peers\":{PEERS},\"blocks_per_peer_and_hour\":{blocks},\"events\":{events},\
             \"events_per_second\":{:.0},\"events_per_cpu_second\":{:.0},\
             \"times_real_time\":{:.0}}}",
            events / seconds,
            events / cpu,
            micros as f64 / 1e6 / seconds,
        );
    }
}

/// The processor time of this process, if the system reports it.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}

fn silence() -> (World, u64) {
    let (mut world, _) = world();
    let start = world.now();
    world.run_for(Duration::from_secs(36_000));
    let micros = world.now().since(start).as_micros() as u64;
    (world, micros)
}
