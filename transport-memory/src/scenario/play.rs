//! Plays a script: first with faults, then without, then checks the laws of the idle world.

mod calls;
mod inject;
mod setup;

use multifeed_core::crypto::hash::Hash;
use multifeed_core::rng::Rng;
use multifeed_core::{Duration, FeedKey, Instant};

use super::plan::Scenario;
use super::script::{Action, Script};
use crate::fault::FaultCounts;
use crate::law::{CROSSINGS, Cost, Law, LawViolation};
use crate::link::{LinkId, micros};
use crate::node::NodeId;
use crate::world::World;

/// How long recovery from faults may take once no clock stands still: a silent peer counts as dead
/// after 15 s, a dial is delayed by up to 12 s and a handshake times out after 10 s. Convergence is
/// measured from there.
const REPAIR_SECONDS: u64 = 15 + 12 + 10;

/// The bound of the law of convergence, in round trips per hop of the diameter.
const ROUND_TRIPS: u64 = 20;

/// The result of one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The violations, in the order of observation.
    pub violations: Vec<LawViolation>,
    /// The hash of everything that happened.
    pub trace: Hash,
    /// Processed events.
    pub events: u64,
    /// Virtual time, in microseconds.
    pub virtual_us: u64,
    /// From the last fault until every connection works again.
    pub repaired_us: Option<u64>,
    /// From there until all nodes hold the same.
    pub converged_us: Option<u64>,
    /// How often each fault took effect.
    pub faults: FaultCounts,
    /// Bytes that crossed links.
    pub bytes: u64,
    /// Blocks of other authors that honest nodes hold at the end.
    pub blocks_delivered: u64,
    /// What honest nodes spent until convergence.
    pub cost: Cost,
    /// Multifeeds that were opened over durable contents for comparison.
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
    /// Their bandwidths without a fault.
    bandwidths: Vec<Option<u64>>,
    /// Draws the options of each link.
    rng: Rng,
    feeds: Vec<Vec<FeedKey>>,
    /// Faults in effect.
    pending: Vec<Pending>,
    gone: Vec<NodeId>,
    written: u64,
}

/// A fault that ends at this time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pending {
    at: u64,
    undo: Undo,
}

/// Ends a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Undo {
    Heal(LinkId),
    Release(LinkId, NodeId),
    RestoreBandwidth(LinkId),
    Restart(NodeId),
    /// Restarts a process whose disk failed.
    RestartProcess(NodeId),
    RestoreCommitTime(NodeId),
    ThawClock(NodeId),
}

/// Plays a script, and passes the world to `watch` after each step and at every tenth of a second.
pub fn play(scenario: &Scenario, script: &Script, mut watch: impl FnMut(&World, u64)) -> Outcome {
    let play = Play::new(scenario, script.seed);
    play.run(script, &mut watch).0
}

/// The same, with a line per event if `is_traced`.
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

/// Plays a script twice. A difference between the two runs is a violation.
pub fn play_twice(scenario: &Scenario, script: &Script) -> Outcome {
    let (mut outcome, second) =
        (play(scenario, script, |_, _| ()), play(scenario, script, |_, _| ()));
    if second != outcome {
        let at = Instant::from_micros(outcome.virtual_us);
        let what = "the second run was another".to_owned();
        outcome.violations.push(LawViolation { law: Law::Replay, at, node: None, what });
    }
    outcome
}

/// Plays a script. After one event in `one_in`, opens a second multifeed over the durable contents
/// of some node, which must hold the same.
pub fn play_reopening(scenario: &Scenario, script: &Script, one_in: u64) -> Outcome {
    let mut play = Play::new(scenario, script.seed);
    play.world.reopen_randomly(one_in);
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
                Action::Inject { fault, pick, lasts } => self.inject(fault, pick, lasts),
            }
        }
        self.run_to(self.scenario.seconds * 1_000_000, watch);
        let repaired_us = self.repair(watch);
        let converged_us = repaired_us.and_then(|_| self.await_convergence(watch));
        let cost = self.world.cost();
        if converged_us.is_some() {
            let pieces = self.scenario.link.piece_bytes.map(|piece| piece.least);
            self.world.check_cost(CROSSINGS, pieces);
            self.world.check_at_rest();
        }
        self.finish(repaired_us, converged_us, cost)
    }

    /// Runs to a time, ending faults when they are due.
    fn run_to(&mut self, until: u64, watch: &mut impl FnMut(&World, u64)) {
        loop {
            let due = self.pending.iter().map(|pending| pending.at).min();
            let next = due.unwrap_or(until).min(until).min(self.now() + WATCH_US);
            self.world.run_for(Duration::from_micros(next.saturating_sub(self.now())));
            watch(&self.world, self.now());
            while let Some(place) = self.pending.iter().position(|it| it.at <= self.now()) {
                let pending = self.pending.remove(place);
                self.undo(pending.undo);
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
        // An append fails while the node is down or its disk has failed, as an application would
        // see.
        _ = self.world.append(self.nodes[writer], &key, &blocks);
    }

    /// Ends every fault and waits until every connection works. Returns how long it took.
    fn repair(&mut self, watch: &mut impl FnMut(&World, u64)) -> Option<u64> {
        for pending in std::mem::take(&mut self.pending) {
            self.undo(pending.undo);
        }
        self.world.clear_rules();
        let longest = self.world.longest_standstill() + Duration::from_secs(REPAIR_SECONDS);
        self.wait(watch, micros(longest), "whole", World::is_repaired)
    }

    /// Waits until all nodes hold the same. Returns how long it took.
    fn await_convergence(&mut self, watch: &mut impl FnMut(&World, u64)) -> Option<u64> {
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

    /// How long convergence may take: round trips, each including the disk at its end, and the time
    /// that the slowest link takes for all bytes, per hop.
    fn longest_us(&self) -> u64 {
        let Scenario { link, disk, .. } = self.scenario;
        let cost = self.world.cost();
        let bytes = cost.written_bytes * CROSSINGS;
        let narrowest = link.bandwidth.map(|bandwidth| bandwidth.least.max(1));
        let transfer_us = narrowest.map_or(0, |rate| bytes.saturating_mul(1_000_000) / rate);
        let trip_us = link.trip_us() + disk.trip_us();
        self.diameter() * (ROUND_TRIPS * trip_us + transfer_us)
    }

    fn finish(
        self,
        repaired_us: Option<u64>,
        converged_us: Option<u64>,
        cost: Cost,
    ) -> (Outcome, World) {
        let Self { world, nodes, .. } = self;
        let own: u64 = world.blocks_signed();
        let held: u64 = nodes.iter().map(|node| world.blocks_held(*node)).sum();
        let outcome = Outcome {
            seed: world.seed(),
            violations: world.violations().to_vec(),
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

/// How often `watch` is called, in microseconds.
const WATCH_US: u64 = 100_000;
