//! A scenario as its file says it.
//!
//! Rule: what a file says and cannot be meant is an error with its line, before anything runs.

use std::collections::BTreeMap;
use std::fmt;

use multifeed_core::rng::Rng;
use multifeed_core::{Duration, Limits, Timing};
use serde::Deserialize;

use super::draw::Draw;
use crate::fault::Fault;
use crate::options::{DiskOptions, LinkOptions, Pieces, Replies, Security};

#[cfg(test)]
mod tests;

/// Bounds on what a file can ask for.
const NODES_MAX: usize = 100_000;
const MESH_MAX: usize = 1_000;
const FEEDS_MAX: usize = 10_000;
const BLOCKS_MAX: usize = 100_000;
const SECONDS_MAX: u64 = 86_400;
const WAIT_MS_MAX: u64 = 600_000;
const STRIKES_MAX: u32 = 10_000;

/// How often a peer may take as long as the slowest link for an answer, where a liar was added.
const OWED_TRIPS: u64 = 3;
const OWED_MS_MIN: u64 = 300;

/// One scenario.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name: that of the file.
    #[serde(skip)]
    pub name: String,
    /// Whether the invariants of each multifeed are checked after each input, as debug builds do
    /// in any case.
    #[serde(skip)]
    pub check_invariants: bool,
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
    /// Peers that a node remembers, if it is not as many as the core does.
    pub known_peers: Option<usize>,
    /// How many seconds faults and writing take.
    #[serde(default = "default_seconds")]
    pub seconds: u64,
    /// The links.
    #[serde(default)]
    pub link: LinkPlan,
    /// The disks.
    #[serde(default)]
    pub disk: DiskPlan,
    /// The time-outs.
    #[serde(default)]
    pub timing: TimingPlan,
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

/// The links of a scenario. Where a range is given, each link draws its own.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkPlan {
    /// From one end to the other, in milliseconds.
    pub delay_ms: Draw,
    /// Random time on top.
    pub jitter_ms: Draw,
    /// Bytes per second each way.
    pub bandwidth: Option<Draw>,
    /// Bytes under way in one direction.
    pub buffer_bytes: Draw,
    /// Longest piece; pieces are cut at random places then.
    pub piece_bytes: Option<Draw>,
    /// Whether connections make the Noise handshake.
    pub noise: bool,
}

impl Default for LinkPlan {
    fn default() -> Self {
        let buffer_bytes = Draw::of(LinkOptions::default().buffer_bytes as u64);
        let (delay_ms, jitter_ms) = (Draw::of(20), Draw::of(10));
        Self { delay_ms, jitter_ms, bandwidth: None, buffer_bytes, piece_bytes: None, noise: false }
    }
}

impl LinkPlan {
    /// One link of the plan.
    pub(crate) fn options(&self, chance: &mut Rng) -> LinkOptions {
        let piece = self.piece_bytes.map(|piece| piece.draw(chance) as usize);
        LinkOptions {
            delay: Duration::from_millis(self.delay_ms.draw(chance)),
            jitter: Duration::from_millis(self.jitter_ms.draw(chance)),
            bandwidth: self.bandwidth.map(|bandwidth| bandwidth.draw(chance)),
            buffer_bytes: self.buffer_bytes.draw(chance) as usize,
            pieces: piece.map_or(Pieces::Large, Pieces::Random),
            security: if self.noise { Security::Noise } else { Security::Plain },
            ..LinkOptions::default()
        }
    }

    /// How long the narrowest link takes for what is given at a time, in milliseconds.
    fn range_ms(&self) -> u64 {
        let range_bytes = Limits::default().range_bytes as u64;
        self.bandwidth.map_or(0, |bandwidth| range_bytes * 1_000 / bandwidth.least.max(1))
    }

    /// The longest way there and back, in microseconds.
    pub(crate) fn trip_us(&self) -> u64 {
        2 * 1_000 * (self.delay_ms.most + self.jitter_ms.most)
    }
}

/// The time-outs of a scenario, where they are not the core's.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimingPlan {
    /// After how long others are asked for what a peer owes, in milliseconds.
    pub request_ms: Option<u64>,
}

impl TimingPlan {
    pub(crate) fn timing(&self) -> Timing {
        let mut timing = Timing::default();
        timing.request = self.request_ms.map(Duration::from_millis).or(timing.request);
        timing
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
    /// What the longest read and the longest commit take, behind one that is under way.
    pub(crate) fn trip_us(&self) -> u64 {
        self.read_us + 2 * self.commit_us + 3 * self.jitter_us
    }

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
    /// The line of its file, from 1 on; `None` where something was added to it.
    pub line: Option<usize>,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for BadScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, line, what } = self;
        match line {
            Some(line) => write!(f, "{name}.toml, line {line}: {what}"),
            None => write!(f, "{name}: {what}"),
        }
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
        let bad = |line, what| BadScenario { name: name.to_owned(), line: Some(line), what };
        let mut scenario: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = 1 + text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
            bad(line, error.message().to_owned())
        })?;
        scenario.name = name.to_owned();
        scenario.check().map_err(|(key, what)| bad(line_of(text, &key), what))?;
        Ok(scenario)
    }

    /// The same with one fault more, or one liar: so often, as its file would say it. Where it says
    /// nothing of how long a peer may owe an answer, that is a few round trips then.
    ///
    /// # Errors
    ///
    /// [`BadScenario`] where the file could not say it.
    pub fn with(mut self, fault: Fault, count: u32) -> Result<Self, BadScenario> {
        let so_often = self.faults.entry(fault.name().to_owned()).or_default();
        *so_often = so_often.saturating_add(count);
        if fault.is_lie() {
            let owed_ms = OWED_TRIPS * (self.link.trip_us() / 1_000 + self.link.range_ms());
            let owed_ms = owed_ms.clamp(OWED_MS_MIN, WAIT_MS_MAX);
            self.timing.request_ms.get_or_insert(owed_ms);
        }
        match self.check() {
            Ok(()) => Ok(self),
            Err((_, what)) => Err(BadScenario { name: self.name, line: None, what }),
        }
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
    fn check(&self) -> Result<(), Wrong> {
        self.check_numbers()?;
        self.check_links()?;
        if self.calls.values().any(|count| *count > STRIKES_MAX) {
            return Err(("calls".to_owned(), "a call is made 10000 times at most".to_owned()));
        }
        self.faults.iter().try_for_each(|(name, count)| self.check_fault(name, *count))
    }

    fn check_numbers(&self) -> Result<(), Wrong> {
        let is_dense = matches!(self.topology, Topology::Mesh | Topology::Islands);
        let all = [
            ("nodes", "a world has 2 to 100000 nodes", (2..=NODES_MAX).contains(&self.nodes)),
            ("nodes", "a mesh has 1000 nodes at most", !is_dense || self.nodes <= MESH_MAX),
            ("writers", "there are fewer nodes than writers", self.writers() <= self.nodes),
            ("writers", "somebody has to write", self.writers() > 0),
            ("degree", "each node has a link at least", self.degree > 0),
            ("feeds", "a writer has 1 to 10000 feeds", (1..=FEEDS_MAX).contains(&self.feeds)),
            ("blocks", "a feed has 1 to 100000 blocks", (1..=BLOCKS_MAX).contains(&self.blocks)),
            (
                "block_bytes",
                "a block has 1 to 1048576 bytes",
                (1..=Limits::default().block_bytes).contains(&self.block_bytes),
            ),
            (
                "seconds",
                "faults take 1 to 86400 seconds",
                (1..=SECONDS_MAX).contains(&self.seconds),
            ),
            (
                "request_ms",
                "a time-out has 1 to 600000 ms",
                self.timing.request_ms.is_none_or(|it| (1..=WAIT_MS_MAX).contains(&it)),
            ),
        ];
        first_wrong(&all)
    }

    fn check_links(&self) -> Result<(), Wrong> {
        let LinkPlan { delay_ms, jitter_ms, bandwidth, buffer_bytes, piece_bytes, .. } = &self.link;
        let most = |draw: &Draw| draw.most <= WAIT_MS_MAX;
        let some = |draw: &Option<Draw>| draw.is_none_or(|draw| draw.least > 0);
        let all = [
            ("delay_ms", "a link takes 600000 ms at most", most(delay_ms)),
            ("jitter_ms", "a link takes 600000 ms at most", most(jitter_ms)),
            ("bandwidth", "a link takes a byte a second at least", some(bandwidth)),
            ("buffer_bytes", "a buffer has a byte at least", buffer_bytes.least > 0),
            ("piece_bytes", "a piece has a byte at least", some(piece_bytes)),
        ];
        first_wrong(&all)
    }

    fn check_fault(&self, name: &str, count: u32) -> Result<(), Wrong> {
        let bad = |what: &str| Err((name.to_owned(), what.to_owned()));
        let Some(fault) = Fault::of(name) else {
            return bad(&format!("there is no fault {name:?}"));
        };
        if is_outcome(fault) {
            return bad("this comes of crashes and cannot be asked for");
        }
        if is_damage(fault) && !self.link.noise {
            return bad("only a link with noise = true can tell damaged bytes");
        }
        if fault == Fault::OldBackup && self.writers() == self.nodes {
            return bad("only nodes that do not write are restored");
        }
        match is_rate(fault) {
            false if count > STRIKES_MAX => bad("a fault strikes 10000 times at most"),
            true if count > 1_000_000 => bad("this is a number of pieces in a million"),
            _ => Ok(()),
        }
    }
}

/// A key, and what is wrong with it.
type Wrong = (String, String);

fn first_wrong(all: &[(&str, &str, bool)]) -> Result<(), Wrong> {
    match all.iter().find(|(_, _, is_right)| !is_right) {
        None => Ok(()),
        Some((key, what, _)) => Err(((*key).to_owned(), (*what).to_owned())),
    }
}

/// The line on which a key is set first.
fn line_of(text: &str, key: &str) -> usize {
    let is_set = |line: &str| {
        let name = line.split('=').next().unwrap_or_default().trim();
        name.trim_matches(['"', '\'']) == key && line.contains('=')
    };
    text.lines().position(is_set).map_or(1, |place| place + 1)
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
