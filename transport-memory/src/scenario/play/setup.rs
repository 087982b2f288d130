//! The world of a scenario before anything happens.

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

/// How much later a piece of a delay spike is, at most.
const SPIKE_US_MAX: u64 = 3_000_000;

/// What a liar that drips gives, in bytes per second.
const DRIP_BYTES_PER_SECOND: u64 = 20;

/// What a liar that overruns its window has to say: more than the largest window.
const MUCH_BLOCK_BYTES: usize = 60_000;
const MUCH_BLOCKS: usize = 100;

/// The seed of the writer of two histories.
const TWO_TONGUES: [u8; 32] = [2; 32];

fn group() -> Group {
    Group::keyed([9; 32])
}

impl<'a> Play<'a> {
    pub(super) fn new(scenario: &'a Scenario, seed: u64) -> Self {
        let mut world = World::new(seed);
        world.watch_laws();
        if scenario.check_invariants || cfg!(debug_assertions) {
            world.check_invariants();
        }
        let mut play = Self {
            scenario,
            world,
            nodes: Vec::new(),
            links: Vec::new(),
            bandwidths: Vec::new(),
            chance: Rng::new(blake2b(&[b"links", &seed.to_le_bytes()])),
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
        play.add_liars();
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
        let options = self.scenario.link.options(&mut self.chance);
        let bandwidth = options.bandwidth;
        let link = self.world.connect(self.nodes[a], self.nodes[b], options);
        self.links.push(link);
        self.bandwidths.push(bandwidth);
    }

    fn add_rules(&mut self) {
        for (fault, rate) in self.scenario.faults().filter(|it| is_rate(it.0)) {
            self.world.rule(move |_, chance| {
                if chance.below(1_000_000) >= u64::from(rate) {
                    return None;
                }
                Some(match fault {
                    Fault::Corruption => Verdict::Corrupt,
                    Fault::Loss => Verdict::Lose,
                    Fault::Duplication => Verdict::Duplicate,
                    Fault::Reorder => Verdict::Reorder,
                    Fault::Truncation => Verdict::Truncate,
                    _ => Verdict::Delay(Duration::from_micros(chance.below(SPIKE_US_MAX))),
                })
            });
        }
    }

    fn add_liars(&mut self) {
        let lies: Vec<_> = self.scenario.faults().filter(|it| it.0.is_lie()).collect();
        for (lie, count) in lies {
            for _ in 0..count {
                self.add_liar(lie);
            }
        }
    }

    /// A liar, joined to two honest nodes. One that equivocates is two nodes with one writer.
    fn add_liar(&mut self, lie: Fault) {
        let honest = self.nodes.len() as u64;
        let first = self.world.below(honest) as usize;
        let targets = [first, (first + 1) % self.nodes.len()];
        let count = if lie == Fault::Equivocation { 2 } else { 1 };
        for liar in 0..count {
            let node = self.world.add_node(self.node_options());
            self.world.make_liar(node, lie);
            match lie {
                Fault::Equivocation => self.equivocate(node, liar),
                Fault::Overrun => self.write_much(node),
                _ => (),
            }
            let mut link = self.scenario.link.options(&mut self.chance);
            if lie == Fault::SlowDrip {
                self.world.strike(lie);
                (link.pieces, link.bandwidth) = (Pieces::Exactly(1), Some(DRIP_BYTES_PER_SECOND));
            }
            let told = if count == 2 { &targets[liar..=liar] } else { &targets[..] };
            for (target, place) in told.iter().zip(0..) {
                // It dials one and is dialled by the other: a lie may be one of either role.
                let ends = match place {
                    0 => [node, self.nodes[*target]],
                    _ => [self.nodes[*target], node],
                };
                let bandwidth = link.bandwidth;
                let link = self.world.connect(ends[0], ends[1], link.clone());
                if lie >= Fault::GarbageCells {
                    // Only those who part have something to reconcile when they meet again.
                    self.links.push(link);
                    self.bandwidths.push(bandwidth);
                }
            }
        }
    }

    /// More than a peer grants at once.
    fn write_much(&mut self, node: NodeId) {
        let block = vec![b'm'; MUCH_BLOCK_BYTES];
        let Ok(feed) = self.world.writer(node, "much") else { return };
        for _ in 0..MUCH_BLOCKS {
            // Its disk is new, so it takes what it is given.
            _ = self.world.append(node, &feed, &[&block]);
        }
    }

    fn equivocate(&mut self, node: NodeId, history: usize) {
        let writer = self.world.writer_of_seed(node, "two tongues", TWO_TONGUES);
        let block = format!("history {history}");
        // One history is longer, so that who holds the other one asks for what it lacks.
        let blocks = [b"in common", block.as_bytes(), b"more"];
        if let Ok(feed) = writer
            && self.world.append(node, &feed, &blocks[..2 + history]).is_ok()
        {
            self.world.strike(Fault::Equivocation);
        }
    }

    /// The longest of the shortest ways between two nodes, in links.
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

/// Each node to one before it, so that all is one piece, and then more up to the degree.
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
