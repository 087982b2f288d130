//! What a seed makes of a scenario: the steps of one run.
//!
//! Rule: a step means the same whichever others are left out, so that a script that fails can be
//! cut down.

use std::fmt;

use multifeed_core::crypto::hash::blake2b;
use multifeed_core::rng::Rng;

use super::plan::{Call, Scenario, is_rate};
use crate::fault::Fault;

/// The steps of one run, in the order of their moments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// The seed of the world, too.
    pub seed: u64,
    /// What is done.
    pub steps: Vec<Step>,
}

/// One thing that is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// When, in microseconds.
    pub at: u64,
    /// What.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// A writer appends to one of its feeds.
    Append {
        /// The writer.
        writer: usize,
        /// Which of its feeds.
        feed: usize,
        /// How many blocks.
        blocks: usize,
        /// Length of each.
        bytes: usize,
    },
    /// An application makes another call.
    Call {
        /// Which one.
        call: Call,
        /// Decides on which node, and of which feed and blocks.
        pick: u64,
    },
    /// Something goes wrong, for a time.
    Strike {
        /// What.
        fault: Fault,
        /// Decides where.
        pick: u64,
        /// How long, in microseconds, where it ends by itself.
        lasts: u64,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10} µs  ", self.at)?;
        match self.action {
            Action::Append { writer, feed, blocks, bytes } => {
                write!(f, "append writer={writer} feed={feed} blocks={blocks} bytes={bytes}")
            }
            Action::Call { call, pick } => write!(f, "{call:?} pick={pick}"),
            Action::Strike { fault, pick, lasts } => {
                write!(f, "{fault} pick={pick} lasts={lasts} µs")
            }
        }
    }
}

/// Most blocks in one append of a script.
const BATCH_BLOCKS_MAX: u64 = 4;

/// How long a fault lasts, in microseconds.
const LASTS_MIN_US: u64 = 50_000;
const LASTS_MAX_US: u64 = 8_000_000;

impl Script {
    /// The script of a seed.
    pub fn of(scenario: &Scenario, seed: u64) -> Self {
        let name = scenario.name.as_bytes();
        let mut chance = Rng::new(blake2b(&[b"script", name, &seed.to_le_bytes()]));
        let end = scenario.seconds * 1_000_000;
        let mut steps = Vec::new();
        for writer in 0..scenario.writers() {
            for feed in 0..scenario.feeds {
                write(scenario, (writer, feed), &mut chance, &mut steps);
            }
        }
        for (fault, count) in scenario.faults().filter(|it| !is_rate(it.0) && !it.0.is_lie()) {
            for _ in 0..count {
                let lasts = LASTS_MIN_US + chance.below(LASTS_MAX_US - LASTS_MIN_US);
                let (at, pick) = (chance.below(end), chance.u64());
                steps.push(Step { at, action: Action::Strike { fault, pick, lasts } });
            }
        }
        for (call, count) in &scenario.calls {
            for _ in 0..*count {
                let (at, pick) = (chance.below(end), chance.u64());
                steps.push(Step { at, action: Action::Call { call: *call, pick } });
            }
        }
        steps.sort_by_key(|step| step.at);
        Self { seed, steps }
    }
}

fn write(
    scenario: &Scenario,
    (writer, feed): (usize, usize),
    chance: &mut Rng,
    steps: &mut Vec<Step>,
) {
    let end = scenario.seconds * 1_000_000;
    let mut left = scenario.blocks;
    while left > 0 {
        let blocks = left.min(1 + chance.below(BATCH_BLOCKS_MAX) as usize);
        left -= blocks;
        let bytes = 1 + chance.below(scenario.block_bytes.max(1) as u64) as usize;
        let action = Action::Append { writer, feed, blocks, bytes };
        // Half of it before anybody is connected for long.
        let at = if chance.below(2) == 0 { chance.below(end / 8) } else { chance.below(end) };
        steps.push(Step { at, action });
    }
}
