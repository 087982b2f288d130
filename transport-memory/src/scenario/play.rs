//! Plays a script: faults first, then a time without any, then the laws at rest.

mod calls;
mod setup;
mod strike;

use multifeed_core::crypto::hash::Hash;
use multifeed_core::rng::Rng;
use multifeed_core::{Duration, FeedKey, Instant};

use super::plan::Scenario;
use super::script::{Action, Script};
use crate::fault::FaultCounts;
use crate::law::{Broken, CROSSINGS, Cost, Law};
use crate::link::{LinkId, micros};
use crate::node::NodeId;
use crate::world::World;

/// How long what faults left behind may take until it is noticed and made good, once no clock
/// stands still: a peer that fell silent counts as dead after 15 s, a dial is put off for 12 and a
/// handshake given up after 10. Convergence is measured from there on.
const REPAIR_SECONDS: u64 = 15 + 12 + 10;

/// Times the diameter and the longest round trip: the bound of the law of convergence.
const ROUND_TRIPS: u64 = 20;

/// What came of one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The laws that were broken, in the order in which it was seen.
    pub broken: Vec<Broken>,
    /// The hash of all that happened.
    pub trace: Hash,
    /// Events processed.
    pub events: u64,
    /// Virtual time, in microseconds.
    pub virtual_us: u64,
    /// From the last fault until every connection is whole again.
    pub repaired_us: Option<u64>,
    /// From there to convergence.
    pub converged_us: Option<u64>,
    /// How often each fault struck.
    pub faults: FaultCounts,
    /// Bytes that crossed links.
    pub bytes: u64,
    /// Blocks that honest nodes hold of others' feeds at the end.
    pub blocks_delivered: u64,
    /// What honest nodes spent until they held the same.
    pub cost: Cost,
    /// Multifeeds that were opened over what was durable, to be compared.
    pub reopened: u64,
}

/// A script being played.
struct Play<'a> {
    scenario: &'a Scenario,
    world: World,
    /// Honest nodes.
    nodes: Vec<NodeId>,
    /// Links between honest nodes.
    links: Vec<LinkId>,
    /// What each of them takes in a second when nothing slows it.
    bandwidths: Vec<Option<u64>>,
    /// Draws what each link is like.
    chance: Rng,
    feeds: Vec<Vec<FeedKey>>,
    /// What has to be put right again, and when.
    pending: Vec<(u64, Undo)>,
    gone: Vec<NodeId>,
    written: u64,
}

/// Ends a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Undo {
    Heal(LinkId),
    Release(LinkId, NodeId),
    Widen(LinkId),
    Restart(NodeId),
    /// A process that met a failure of its disk ends, and is started anew.
    Reopen(NodeId),
    Quicken(NodeId),
    ThawClock(NodeId),
}

/// Plays a script, and shows the world to `watch` after each event of the script and at every
/// tenth of a second.
pub fn play(scenario: &Scenario, script: &Script, mut watch: impl FnMut(&World, u64)) -> Outcome {
    let play = Play::new(scenario, script.seed);
    play.run(script, &mut watch).0
}

/// The same, with a line for each event, if `is_traced`.
pub fn play_traced(
    scenario: &Scenario,
    script: &Script,
    is_traced: bool,
    lines: &mut Vec<String>,
) -> Outcome {
    let mut play = Play::new(scenario, script.seed);
    if is_traced {
        play.world.keep_trace_lines();
    }
    let (outcome, mut world) = play.run(script, &mut |_, _| ());
    lines.append(&mut world.take_trace_lines());
    outcome
}

/// Plays a script twice. Where the second run was another, that is a broken law of the outcome.
pub fn play_twice(scenario: &Scenario, script: &Script) -> Outcome {
    let (mut outcome, second) =
        (play(scenario, script, |_, _| ()), play(scenario, script, |_, _| ()));
    if second != outcome {
        let at = Instant::from_micros(outcome.virtual_us);
        let what = "the second run was another".to_owned();
        outcome.broken.push(Broken { law: Law::Replay, at, node: None, what });
    }
    outcome
}

/// Plays a script, and after one event of so many opens a second multifeed over what is durable at
/// some node, which has to hold the same.
pub fn play_reopening(scenario: &Scenario, script: &Script, one_in: u64) -> Outcome {
    let mut play = Play::new(scenario, script.seed);
    play.world.reopen_now_and_then(one_in);
    play.run(script, &mut |_, _| ()).0
}

impl Play<'_> {
    fn run(mut self, script: &Script, watch: &mut impl FnMut(&World, u64)) -> (Outcome, World) {
        for step in &script.steps {
            self.run_to(step.at, watch);
            match step.action {
                Action::Append { writer, feed, blocks, bytes } => {
                    self.append(writer, feed, blocks, bytes);
                }
                Action::Call { call, pick } => self.call(call, pick),
                Action::Strike { fault, pick, lasts } => self.strike(fault, pick, lasts),
            }
        }
        self.run_to(self.scenario.seconds * 1_000_000, watch);
        let repaired_us = self.repair(watch);
        let converged_us = repaired_us.and_then(|_| self.settle(watch));
        let cost = self.world.cost();
        if converged_us.is_some() {
            let pieces = self.scenario.link.piece_bytes.map(|piece| piece.least);
            self.world.check_cost(CROSSINGS, pieces);
            self.world.check_at_rest();
        }
        self.finish([repaired_us, converged_us], cost)
    }

    /// Runs to a moment, putting right on the way what is due.
    fn run_to(&mut self, until: u64, watch: &mut impl FnMut(&World, u64)) {
        loop {
            let due = self.pending.iter().map(|pending| pending.0).min();
            let next = due.unwrap_or(until).min(until).min(self.now() + WATCH_US);
            self.world.run_for(Duration::from_micros(next.saturating_sub(self.now())));
            watch(&self.world, self.now());
            while let Some(place) = self.pending.iter().position(|it| it.0 <= self.now()) {
                let (_, undo) = self.pending.remove(place);
                self.undo(undo);
            }
            if self.now() >= until {
                return;
            }
        }
    }

    fn now(&self) -> u64 {
        self.world.now().as_micros()
    }

    fn append(&mut self, writer: usize, feed: usize, blocks: usize, bytes: usize) {
        let Some(key) = self.feeds.get(writer).and_then(|feeds| feeds.get(feed)).copied() else {
            return;
        };
        let blocks: Vec<Vec<u8>> = (0..blocks)
            .map(|_| {
                self.written += 1;
                let mut block = vec![b'.'; bytes];
                let number = self.written.to_le_bytes();
                block.iter_mut().zip(number).for_each(|(byte, number)| *byte = number);
                block
            })
            .collect();
        let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        // A node that is down, or whose disk failed, refuses: its application would see that.
        _ = self.world.append(self.nodes[writer], &key, &blocks);
    }

    /// Ends every fault and waits until every connection is whole. Returns how long it took.
    fn repair(&mut self, watch: &mut impl FnMut(&World, u64)) -> Option<u64> {
        for (_, undo) in std::mem::take(&mut self.pending) {
            self.undo(undo);
        }
        self.world.clear_rules();
        let longest = self.world.longest_standstill() + Duration::from_secs(REPAIR_SECONDS);
        self.wait(watch, micros(longest), "whole", World::is_sound)
    }

    /// Waits until all hold the same. Returns how long it took.
    fn settle(&mut self, watch: &mut impl FnMut(&World, u64)) -> Option<u64> {
        let longest_us = self.longest_us();
        self.wait(watch, longest_us, "the same", World::is_converged)
    }

    fn wait(
        &mut self,
        watch: &mut impl FnMut(&World, u64),
        longest_us: u64,
        what: &str,
        is_there: impl Fn(&World) -> bool,
    ) -> Option<u64> {
        let start = self.now();
        while !is_there(&self.world) {
            let waited = self.now() - start;
            if waited >= longest_us {
                let found = self.world.differences();
                let said = found.iter().take(3).map(|difference| format!("{difference:?}"));
                let said = said.collect::<Vec<_>>().join("; ");
                let what = || format!("not {what} after {waited} µs: {said}");
                self.world.report(Law::Convergence, None, what);
                return None;
            }
            let step = WATCH_US.min(longest_us - waited);
            self.world.run_for(Duration::from_micros(step));
            watch(&self.world, self.now());
        }
        Some(self.now() - start)
    }

    /// How long convergence may take: round trips, each with the disk at its end, and the time in
    /// which the narrowest link takes what there is to be sent, from one to the next.
    fn longest_us(&self) -> u64 {
        let Scenario { link, disk, .. } = self.scenario;
        let cost = self.world.cost();
        let bytes = cost.written_bytes * CROSSINGS;
        let narrowest = link.bandwidth.map(|bandwidth| bandwidth.least.max(1));
        let transfer_us = narrowest.map_or(0, |rate| bytes.saturating_mul(1_000_000) / rate);
        let trip_us = link.trip_us() + disk.trip_us();
        self.diameter() * (ROUND_TRIPS * trip_us + transfer_us)
    }

    fn finish(self, [repaired_us, converged_us]: [Option<u64>; 2], cost: Cost) -> (Outcome, World) {
        let Self { world, nodes, .. } = self;
        let own: u64 = world.blocks_signed();
        let held: u64 = nodes.iter().map(|node| world.blocks_held(*node)).sum();
        let outcome = Outcome {
            seed: world.seed(),
            broken: world.broken().to_vec(),
            trace: world.trace(),
            events: world.events(),
            virtual_us: world.now().as_micros(),
            repaired_us,
            converged_us,
            faults: world.faults().clone(),
            bytes: world.bytes_total(),
            blocks_delivered: held.saturating_sub(own),
            cost,
            reopened: world.reopened(),
        };
        (outcome, world)
    }
}

/// How often a run is shown to whoever watches, in microseconds.
const WATCH_US: u64 = 100_000;
