//! Plays a script: faults first, then a time without any, then the laws at rest.

mod calls;
mod setup;
mod strike;

use multifeed_core::crypto::hash::Hash;
use multifeed_core::{Duration, FeedKey};

use super::plan::Scenario;
use super::script::{Action, Script};
use crate::fault::FaultCounts;
use crate::law::{Broken, Law};
use crate::link::LinkId;
use crate::node::NodeId;
use crate::world::World;

/// Timers that have to run out after the last fault before a run can be said not to converge: a
/// silent peer, a request that is not answered, and dials that were put off.
const TIMERS_SECONDS: u64 = 60;

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
    /// From the last fault to convergence.
    pub converged_us: Option<u64>,
    /// How often each fault struck.
    pub faults: FaultCounts,
    /// Bytes that crossed links.
    pub bytes: u64,
    /// Blocks that honest nodes hold of others' feeds at the end.
    pub blocks_delivered: u64,
}

/// A script being played.
struct Play<'a> {
    scenario: &'a Scenario,
    world: World,
    /// Honest nodes.
    nodes: Vec<NodeId>,
    /// Links between honest nodes.
    links: Vec<LinkId>,
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
        let converged_us = self.settle(watch);
        if converged_us.is_some() {
            self.world.check_at_rest();
        }
        self.finish(converged_us)
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

    /// Ends every fault and waits until all hold the same. Returns how long it took.
    fn settle(&mut self, watch: &mut impl FnMut(&World, u64)) -> Option<u64> {
        for (_, undo) in std::mem::take(&mut self.pending) {
            self.undo(undo);
        }
        self.world.clear_rules();
        let start = self.now();
        let end = start + self.longest_us();
        while self.now() < end {
            self.world.run_for(Duration::from_micros(WATCH_US));
            watch(&self.world, self.now());
            if self.world.is_converged() {
                return Some(self.now() - start);
            }
        }
        let found = self.world.differences();
        let said = found.iter().take(3).map(|difference| format!("{difference:?}"));
        let said = said.collect::<Vec<_>>().join("; ");
        let wait = end - start;
        self.world.report(Law::Convergence, None, || format!("not after {wait} µs: {said}"));
        None
    }

    /// How long convergence may take.
    fn longest_us(&self) -> u64 {
        let link = &self.scenario.link;
        let trip_us = 2 * 1_000 * (link.delay_ms + link.jitter_ms);
        let bytes: usize = self.scenario.blocks * self.scenario.block_bytes * self.feeds.len();
        let transfer_us = link.bandwidth.map_or(0, |rate| bytes as u64 * 4_000_000 / rate.max(1));
        ROUND_TRIPS * self.diameter() * trip_us + TIMERS_SECONDS * 1_000_000 + transfer_us
    }

    fn finish(self, converged_us: Option<u64>) -> (Outcome, World) {
        let Self { world, nodes, .. } = self;
        let own: u64 = world.blocks_signed();
        let held: u64 = nodes.iter().map(|node| world.blocks_held(*node)).sum();
        let outcome = Outcome {
            seed: world.seed(),
            broken: world.broken().to_vec(),
            trace: world.trace(),
            events: world.events(),
            virtual_us: world.now().as_micros(),
            converged_us,
            faults: world.faults().clone(),
            bytes: world.bytes_total(),
            blocks_delivered: held.saturating_sub(own),
        };
        (outcome, world)
    }
}

/// How often a run is shown to whoever watches, in microseconds.
const WATCH_US: u64 = 100_000;
