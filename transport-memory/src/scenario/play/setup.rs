//! Sets up the world of a scenario.

use std::collections::{BTreeSet, VecDeque};

use multifeed_core::crypto::hash::blake2b;
use multifeed_core::rng::Rng;
use multifeed_core::{Duration, Group, Limits};

use super::{Play, Scenario};
use crate::fault::Fault;
use crate::node::NodeId;
use crate::options::{NodeOptions, Pieces};
use crate::rule::Verdict;
use crate::scenario::plan::{Topology, is_rate};
use crate::world::World;

/// Largest delay of a delay spike.
const SPIKE_US_MAX: u64 = 3_000_000;

/// Bandwidth of an adversary that sends byte by byte.
const DRIP_BYTES_PER_SECOND: u64 = 20;

/// What an adversary writes that overruns its credit: more than the largest credit.
const MUCH_BLOCK_BYTES: usize = 60_000;
const MUCH_BLOCKS: usize = 100;

/// The seed of the writer with two histories.
const EQUIVOCATOR_SEED: [u8; 32] = [2; 32];

fn group() -> Group {
    Group::keyed([9; 32])
}

impl<'a> Play<'a> {
    pub(super) fn new(scenario: &'a Scenario, seed: u64) -> Self {
        let mut world = World::new(seed);
        world.watch_laws();
        match (scenario.check_invariants, cfg!(debug_assertions)) {
            (true, _) => world.check_invariants(1),
            // A check costs a step for each feed of a node.
            (false, true) => world.check_invariants(64),
            (false, false) => (),
        }
        let mut play = Self {
            scenario,
            world,
            nodes: Vec::new(),
            links: Vec::new(),
            bandwidths: Vec::new(),
            rng: Rng::new(blake2b(&[b"links", &seed.to_le_bytes()])),
            feeds: Vec::new(),
            pending: Vec::new(),
            gone: Vec::new(),
            written: 0,
        };
        for _ in 0..scenario.nodes {
            play.add_node();
        }
        for writer in 0..scenario.writers() {
            let node = play.nodes[writer];
            let feeds = (0..scenario.feeds)
                .filter_map(|feed| play.world.writer(node, &format!("feed {feed}")).ok());
            let feeds = feeds.collect();
            play.feeds.push(feeds);
        }
        for (a, b) in pairs(scenario, &mut play.world) {
            play.join(a, b);
        }
        play.add_rules();
        play.add_adversaries();
        play
    }

    pub(super) fn add_node(&mut self) -> NodeId {
        let node = self.world.add_node(self.node_options());
        self.nodes.push(node);
        node
    }

    fn node_options(&self) -> NodeOptions {
        let Scenario { disk, timing, known_peers, .. } = self.scenario;
        let mut limits = Limits::default();
        limits.known_peers = known_peers.unwrap_or(limits.known_peers);
        let options = NodeOptions::new(group()).limits(limits);
        options.disk(disk.options()).timing(timing.timing())
    }

    pub(super) fn join(&mut self, a: usize, b: usize) {
        let options = self.scenario.link.options(&mut self.rng);
        let bandwidth = options.bandwidth;
        let link = self.world.connect(self.nodes[a], self.nodes[b], options);
        self.links.push(link);
        self.bandwidths.push(bandwidth);
    }

    fn add_rules(&mut self) {
        for (fault, rate) in self.scenario.faults().filter(|it| is_rate(it.0)) {
            self.world.rule(move |_, rng| {
                if rng.below(1_000_000) >= u64::from(rate) {
                    return None;
                }
                Some(match fault {
                    Fault::Corruption => Verdict::Corrupt,
                    Fault::Loss => Verdict::Lose,
                    Fault::Duplication => Verdict::Duplicate,
                    Fault::Reorder => Verdict::Reorder,
                    Fault::Truncation => Verdict::Truncate,
                    _ => Verdict::Delay(Duration::from_micros(rng.below(SPIKE_US_MAX))),
                })
            });
        }
    }

    fn add_adversaries(&mut self) {
        let attacks: Vec<_> = self.scenario.faults().filter(|it| it.0.is_adversarial()).collect();
        for (fault, count) in attacks {
            for _ in 0..count {
                self.add_adversary(fault);
            }
        }
    }

    /// Adds an adversary, connected to two honest nodes. An equivocation takes two nodes with one
    /// writer.
    fn add_adversary(&mut self, fault: Fault) {
        let honest = self.nodes.len() as u64;
        let first = self.world.below(honest) as usize;
        let targets = [first, (first + 1) % self.nodes.len()];
        let count = if fault == Fault::Equivocation { 2 } else { 1 };
        for copy in 0..count {
            let node = self.world.add_node(self.node_options());
            self.world.make_adversary(node, fault);
            match fault {
                Fault::Equivocation => self.equivocate(node, copy),
                Fault::Overrun => self.write_much(node),
                _ => (),
            }
            let mut link = self.scenario.link.options(&mut self.rng);
            if fault == Fault::SlowDrip {
                self.world.record_fault(fault);
                (link.pieces, link.bandwidth) = (Pieces::Exactly(1), Some(DRIP_BYTES_PER_SECOND));
            }
            let chosen = if count == 2 { &targets[copy..=copy] } else { &targets[..] };
            for (target, place) in chosen.iter().zip(0..) {
                // It dials one node and is dialled by the other, so it takes both roles.
                let ends = match place {
                    0 => [node, self.nodes[*target]],
                    _ => [self.nodes[*target], node],
                };
                let bandwidth = link.bandwidth;
                let link = self.world.connect(ends[0], ends[1], link.clone());
                if fault >= Fault::GarbageCells {
                    // Only nodes that disconnect and meet again have something to reconcile.
                    self.links.push(link);
                    self.bandwidths.push(bandwidth);
                }
            }
        }
    }

    /// Writes more than a peer's credit.
    fn write_much(&mut self, node: NodeId) {
        let block = vec![b'm'; MUCH_BLOCK_BYTES];
        let Ok(feed) = self.world.writer(node, "much") else { return };
        for _ in 0..MUCH_BLOCKS {
            // Its disk is new, so appends succeed.
            _ = self.world.append(node, &feed, &[&block]);
        }
    }

    fn equivocate(&mut self, node: NodeId, history: usize) {
        let writer = self.world.writer_of_seed(node, "two tongues", EQUIVOCATOR_SEED);
        let block = format!("history {history}");
        // One history is longer, so a node with the other one requests the rest.
        let blocks = [b"in common", block.as_bytes(), b"more"];
        if let Ok(feed) = writer
            && self.world.append(node, &feed, &blocks[..2 + history]).is_ok()
        {
            self.world.record_fault(Fault::Equivocation);
        }
    }

    /// The diameter in links.
    pub(super) fn diameter(&self) -> u64 {
        let mut near = vec![Vec::new(); self.nodes.len()];
        let place = |node: NodeId| self.nodes.iter().position(|other| *other == node);
        for link in &self.links {
            if let [Some(a), Some(b)] = self.world.ends(*link).map(place) {
                near[a].push(b);
                near[b].push(a);
            }
        }
        (0..near.len()).map(|start| eccentricity(&near, start)).max().unwrap_or(1).max(1)
    }
}

fn eccentricity(near: &[Vec<usize>], start: usize) -> u64 {
    let mut far = vec![None; near.len()];
    far[start] = Some(0);
    let mut queue = VecDeque::from([start]);
    let mut most = 0;
    while let Some(at) = queue.pop_front() {
        most = far[at].unwrap_or(0);
        for next in &near[at] {
            if far[*next].is_none() {
                far[*next] = Some(most + 1);
                queue.push_back(*next);
            }
        }
    }
    most
}

fn pairs(scenario: &Scenario, world: &mut World) -> Vec<(usize, usize)> {
    let count = scenario.nodes;
    let chain = (1..count).map(|node| (node - 1, node));
    let mesh =
        |from: usize, to: usize| (from..to).flat_map(move |a| (a + 1..to).map(move |b| (a, b)));
    match scenario.topology {
        Topology::Chain => chain.collect(),
        Topology::Ring if count == 2 => chain.collect(),
        Topology::Ring => chain.chain([(count - 1, 0)]).collect(),
        Topology::Mesh => mesh(0, count).collect(),
        Topology::Star => (1..count).map(|node| (0, node)).collect(),
        Topology::Islands => {
            let half = count / 2;
            mesh(0, half).chain(mesh(half, count)).chain([(half - 1, half)]).collect()
        }
        Topology::Random => random(scenario, world),
    }
}

/// Connects each node to an earlier one, and then random pairs up to the degree.
fn random(scenario: &Scenario, world: &mut World) -> Vec<(usize, usize)> {
    let mut pairs = BTreeSet::new();
    for node in 1..scenario.nodes {
        pairs.insert((world.below(node as u64) as usize, node));
    }
    let wanted = scenario.nodes * scenario.degree / 2;
    let most = scenario.nodes * (scenario.nodes - 1) / 2;
    while pairs.len() < wanted.min(most) {
        let [a, b] = [0; 2].map(|_| world.below(scenario.nodes as u64) as usize);
        if a != b {
            pairs.insert((a.min(b), a.max(b)));
        }
    }
    pairs.into_iter().collect()
}
