//! A scenario as its file says it.
//!
//! Rule: what a file says and cannot be meant is an error with its line, before anything runs.

use std::collections::BTreeMap;
use std::fmt;

use multifeed_core::Duration;
use serde::Deserialize;

use crate::fault::Fault;
use crate::options::{DiskOptions, LinkOptions, Pieces, Replies, Security};

#[cfg(test)]
mod tests;

/// Bounds on what a file can ask for.
const NODES_MAX: usize = 100_000;
const STRIKES_MAX: u32 = 10_000;

/// One scenario.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name: that of the file.
    #[serde(skip)]
    pub name: String,
    /// What it shows, in a sentence.
    pub summary: String,
    /// Honest nodes that are there from the start.
    pub nodes: usize,
    /// How they are joined.
    pub topology: Topology,
    /// Links of each node in a random graph.
    #[serde(default = "default_degree")]
    pub degree: usize,
    /// Nodes that write; all, if it is not said.
    pub writers: Option<usize>,
    /// Feeds of each writer.
    #[serde(default = "one")]
    pub feeds: usize,
    /// Blocks of each feed.
    #[serde(default = "default_blocks")]
    pub blocks: usize,
    /// Longest block.
    #[serde(default = "default_block_bytes")]
    pub block_bytes: usize,
    /// How many seconds faults and writing take.
    #[serde(default = "default_seconds")]
    pub seconds: u64,
    /// The links.
    #[serde(default)]
    pub link: LinkPlan,
    /// The disks.
    #[serde(default)]
    pub disk: DiskPlan,
    /// How often applications make each call in a run, besides appending.
    #[serde(default)]
    pub calls: BTreeMap<Call, u32>,
    /// How often each fault is to strike in a run: for those of pieces, in a million pieces; for
    /// liars, how many there are.
    #[serde(default)]
    pub faults: BTreeMap<String, u32>,
}

/// A call of an application.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Reads blocks.
    Get,
    /// Deletes blocks of another's feed.
    Clear,
    /// Asks for blocks again.
    Download,
    /// Removes another's feed.
    Remove,
    /// Refuses another's feed.
    Refuse,
    /// Accepts one that was refused or removed.
    Accept,
}

/// How nodes are joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Each to the next.
    Chain,
    /// Each to the next, and the last to the first.
    Ring,
    /// Each to each.
    Mesh,
    /// All to the first.
    Star,
    /// Each to `degree` random ones, all in one piece.
    Random,
    /// Two meshes with one link between them.
    Islands,
}

/// The links of a scenario.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkPlan {
    /// From one end to the other, in milliseconds.
    pub delay_ms: u64,
    /// Random time on top.
    pub jitter_ms: u64,
    /// Bytes per second each way.
    pub bandwidth: Option<u64>,
    /// Bytes under way in one direction.
    pub buffer_bytes: usize,
    /// Longest piece; pieces are cut at random places then.
    pub piece_bytes: Option<usize>,
    /// Whether connections make the Noise handshake.
    pub noise: bool,
}

impl Default for LinkPlan {
    fn default() -> Self {
        let LinkOptions { buffer_bytes, .. } = LinkOptions::default();
        let (bandwidth, piece_bytes) = (None, None);
        Self { delay_ms: 20, jitter_ms: 10, bandwidth, buffer_bytes, piece_bytes, noise: false }
    }
}

impl LinkPlan {
    pub(crate) fn options(&self) -> LinkOptions {
        LinkOptions {
            delay: Duration::from_millis(self.delay_ms),
            jitter: Duration::from_millis(self.jitter_ms),
            bandwidth: self.bandwidth,
            buffer_bytes: self.buffer_bytes,
            pieces: self.piece_bytes.map_or(Pieces::Large, Pieces::Random),
            security: if self.noise { Security::Noise } else { Security::Plain },
            ..LinkOptions::default()
        }
    }
}

/// The disks of a scenario.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskPlan {
    /// From a read to its reply, in microseconds.
    pub read_us: u64,
    /// From a commit to its being durable.
    pub commit_us: u64,
    /// Random time on top of both.
    pub jitter_us: u64,
    /// Whether replies come in any order.
    pub shuffled: bool,
}

impl Default for DiskPlan {
    fn default() -> Self {
        Self { read_us: 100, commit_us: 2_000, jitter_us: 500, shuffled: false }
    }
}

impl DiskPlan {
    pub(crate) fn options(&self) -> DiskOptions {
        DiskOptions {
            read: Duration::from_micros(self.read_us),
            commit: Duration::from_micros(self.commit_us),
            jitter: Duration::from_micros(self.jitter_us),
            replies: if self.shuffled { Replies::Shuffled } else { Replies::InOrder },
        }
    }
}

fn one() -> usize {
    1
}

fn default_degree() -> usize {
    3
}

fn default_blocks() -> usize {
    10
}

fn default_block_bytes() -> usize {
    200
}

fn default_seconds() -> u64 {
    30
}

/// What is wrong with a scenario's file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadScenario {
    /// The name of the scenario.
    pub name: String,
    /// The line, from 1 on.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for BadScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.toml, line {}: {}", self.name, self.line, self.what)
    }
}

impl std::error::Error for BadScenario {}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// [`BadScenario`], with the line.
    pub fn parse(name: &str, text: &str) -> Result<Self, BadScenario> {
        let bad = |line, what| BadScenario { name: name.to_owned(), line, what };
        let mut scenario: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = 1 + text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
            bad(line, error.message().to_owned())
        })?;
        scenario.name = name.to_owned();
        scenario.check().map_err(|(key, what)| bad(line_of(text, &key), what))?;
        Ok(scenario)
    }

    /// Each fault that the scenario names, with its number.
    pub fn faults(&self) -> impl Iterator<Item = (Fault, u32)> + '_ {
        let named = self.faults.iter();
        named.filter_map(|(name, count)| Some((Fault::of(name)?, *count))).filter(|it| it.1 > 0)
    }

    /// How often one is to strike.
    pub fn count(&self, fault: Fault) -> u32 {
        self.faults.get(fault.name()).copied().unwrap_or(0)
    }

    /// How many nodes write.
    pub fn writers(&self) -> usize {
        self.writers.unwrap_or(self.nodes)
    }

    /// What is meant by no file: the key, and why.
    fn check(&self) -> Result<(), (String, String)> {
        let bad = |key: &str, what: &str| Err((key.to_owned(), what.to_owned()));
        if !(2..=NODES_MAX).contains(&self.nodes) {
            return bad("nodes", "a world has 2 to 100000 nodes");
        }
        if self.writers() > self.nodes {
            return bad("writers", "there are fewer nodes than writers");
        }
        if self.seconds == 0 {
            return bad("seconds", "a run takes a second at least");
        }
        if self.calls.values().any(|count| *count > STRIKES_MAX) {
            return bad("[calls]", "a call is made 10000 times at most");
        }
        for (name, count) in &self.faults {
            let Some(fault) = Fault::of(name) else {
                return bad(name, &format!("there is no fault {name:?}"));
            };
            if is_outcome(fault) {
                return bad(name, "this comes of crashes and cannot be asked for");
            }
            if is_damage(fault) && !self.link.noise {
                return bad(name, "only a link with noise = true can tell damaged bytes");
            }
            if fault == Fault::OldBackup && self.writers() == self.nodes {
                return bad(name, "only nodes that do not write are restored");
            }
            if is_lie(fault) && self.link.noise {
                return bad(name, "liars speak on links in the clear");
            }
            let is_rate = is_rate(fault);
            if !is_rate && *count > STRIKES_MAX {
                return bad(name, "a fault strikes 10000 times at most");
            }
            if is_rate && *count > 1_000_000 {
                return bad(name, "this is a number of pieces in a million");
            }
        }
        Ok(())
    }
}

/// The line on which a key stands first.
fn line_of(text: &str, key: &str) -> usize {
    let place = text.lines().position(|line| line.trim_start().starts_with(key));
    place.map_or(1, |place| place + 1)
}

/// Given as a rate of pieces.
pub(crate) fn is_rate(fault: Fault) -> bool {
    is_damage(fault) || fault == Fault::DelaySpike
}

/// Changes the bytes of a stream.
pub(crate) fn is_damage(fault: Fault) -> bool {
    use Fault::{Corruption, Duplication, Loss, Reorder, Truncation};
    matches!(fault, Corruption | Duplication | Loss | Reorder | Truncation)
}

fn is_outcome(fault: Fault) -> bool {
    matches!(fault, Fault::LostWrite | Fault::TornWrite)
}

/// A strategy of a node that lies.
pub(crate) fn is_lie(fault: Fault) -> bool {
    fault >= Fault::ForgedBlock
}
