//! Many peers at once: `cargo run --release -p multifeed-memory --example big -- PEERS FEEDS BLOCKS
//! DEGREE [neighbours]`. FEEDS of the peers have a feed of their own, and all peers replicate all
//! of them; with the last word, each peer accepts only those of its neighbours. A tenth of the
//! connections break during the run, and the network splits into halves.

use std::error::Error;
use std::io::Write as _;
use std::time::Instant;

use multifeed_core::{Admission, Duration, FeedKey, Group};
use multifeed_memory::{DiskOptions, LinkId, LinkOptions, NodeId, NodeOptions, World};

const LONGEST: Duration = Duration::from_secs(600);

fn main() -> Result<(), Box<dyn Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let is_of_neighbours = words.pop_if(|word| word == "neighbours").is_some();
    let numbers: Result<Vec<usize>, _> = words.iter().map(|word| word.parse()).collect();
    let [peers, feeds, blocks, degree] = numbers?[..] else {
        return Err("PEERS FEEDS BLOCKS DEGREE are needed".into());
    };
    let start = Instant::now();
    let mut world = World::new(1);
    let options = NodeOptions::new(Group::keyed([1; 32])).disk(DiskOptions::instant());
    let admission = if is_of_neighbours { Admission::AcceptedOnly } else { Admission::All };
    let options = options.events_kept(0).admission(admission);
    let nodes: Vec<_> = (0..peers).map(|_| world.add_node(options.clone())).collect();
    let mut keys = Vec::new();
    for author in &nodes[..feeds.min(peers)] {
        let feed = world.writer(*author, "own")?;
        keys.push(feed);
        for index in 0..blocks {
            world.append(*author, &feed, &[format!("block {index} of {author:?}").as_bytes()])?;
        }
    }
    let mut links = Vec::new();
    for (place, node) in nodes.iter().enumerate().skip(1) {
        // Half of a node's links are made by later nodes.
        for _ in degree * place / 2..degree * (place + 1) / 2 {
            let other = nodes[world.below(place as u64) as usize];
            if is_of_neighbours {
                accept_each_other(&mut world, [other, *node], &keys)?;
            }
            links.push(world.connect(other, *node, LinkOptions::default()));
        }
    }
    for round in 0..10 {
        world.run_for(Duration::from_millis(50));
        for _ in 0..links.len() / 100 {
            let link = links[world.below(links.len() as u64) as usize];
            world.reset(link);
        }
        let halves = |link: &&_| world.ends(**link).map(|node| node.index() % 2 == 0);
        let between = links.iter().filter(|link| halves(link)[0] != halves(link)[1]);
        let between: Vec<_> = between.copied().collect();
        match round {
            4 => between.into_iter().for_each(|link| world.cut(link)),
            7 => between.into_iter().for_each(|link| world.heal(link)),
            _ => (),
        }
    }
    let is_converged = if is_of_neighbours {
        run_until_neighbours_hold(&mut world, &links, &keys, blocks as u64)
    } else {
        world.run_until_converged(LONGEST)
    };
    let seconds = start.elapsed().as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{{\"peers\":{peers},\"feeds\":{feeds},\"blocks\":{blocks},\"links\":{},\
         \"converged\":{is_converged},\"seconds\":{seconds:.1},\"virtual_seconds\":{:.2},\
         \"events\":{},\"events_per_second\":{:.0},\"cpu_seconds\":{:.1},\"bytes\":{},\
         \"memory_kib\":{},\"memory_bytes_per_peer_and_feed\":{}}}",
        links.len(),
        world.now().as_micros() as f64 / 1e6,
        world.events(),
        world.events() as f64 / seconds,
        cpu_seconds().unwrap_or(seconds),
        world.bytes_total(),
        memory_kib().unwrap_or(0),
        memory_kib().unwrap_or(0) * 1_024 / (peers * feeds).max(1) as u64,
    )?;
    Ok(())
}

/// Both accept the other's feed, if it has one.
fn accept_each_other(
    world: &mut World,
    [one, two]: [NodeId; 2],
    keys: &[FeedKey],
) -> Result<(), Box<dyn Error>> {
    for (node, other) in [(one, two), (two, one)] {
        if let Some(key) = keys.get(other.index()) {
            world.accept(node, key)?;
        }
    }
    Ok(())
}

/// Runs until both ends of each link hold all of the other's feed. Returns whether they do.
fn run_until_neighbours_hold(
    world: &mut World,
    links: &[LinkId],
    keys: &[FeedKey],
    blocks: u64,
) -> bool {
    let holds = |world: &World, node: NodeId, other: NodeId| {
        let Some(key) = keys.get(other.index()) else { return true };
        let found = world.multifeed(node).and_then(|multifeed| multifeed.find(key));
        found.is_some_and(|feed| feed.length == blocks)
    };
    let end = world.now() + LONGEST;
    while world.now() < end {
        let even = |link: &LinkId| {
            let [one, two] = world.ends(*link);
            holds(world, one, two) && holds(world, two, one)
        };
        if links.iter().all(even) {
            return true;
        }
        world.run_for(Duration::from_millis(50));
    }
    false
}

/// The peak memory of the process, if the system reports it.
fn memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The processor time of this process, if the system reports it.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}
