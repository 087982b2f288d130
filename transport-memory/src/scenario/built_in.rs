//! The scenarios of this crate.

use multifeed_core::crypto::hash::Hash;

use super::names;
use super::plan::{BadScenario, Scenario};
use super::play::play;
use super::script::Script;

macro_rules! files {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml"))),)*]
    };
}

const FILES: &[(&str, &str)] = files! {
    "a-peer-that-exceeds-its-credit",
    "a-ring-whose-connections-break",
    "answers-in-any-order",
    "blocks-that-are-cleared-and-come-back",
    "clocks-that-jump",
    "damaged-bytes-on-encrypted-streams",
    "disks-that-fail",
    "disks-with-bit-rot",
    "everything-at-once",
    "adversaries-with-false-claims",
    "feeds-that-are-removed-and-refused",
    "adversaries-on-encrypted-streams",
    "one-adversary-of-each-kind",
    "an-author-that-equivocates",
    "links-of-every-kind",
    "nodes-that-join-and-leave",
    "peers-that-never-answer",
    "processes-and-machines-that-crash",
    "readers-restored-from-a-backup",
    "slow-readers-with-small-buffers",
    "a-network-split-in-halves",
};

/// The number of traces in the repository.
const GOLDEN: usize = 64;

/// Every scenario of this crate.
///
/// # Errors
///
/// None while the tests of this crate pass.
pub fn built_in() -> Result<Vec<Scenario>, BadScenario> {
    FILES.iter().map(|(name, text)| Scenario::parse(name, text)).collect()
}

/// The scenario with this name, or with this former name.
///
/// # Errors
///
/// As [`built_in`].
pub fn find_built_in(name: &str) -> Result<Option<Scenario>, BadScenario> {
    let name = names::present(name);
    Ok(built_in()?.into_iter().find(|scenario| scenario.name == name))
}

/// Scenario, seed and trace of 64 runs.
///
/// # Errors
///
/// As [`built_in`].
pub fn golden_traces() -> Result<Vec<(String, u64, Hash)>, BadScenario> {
    let scenarios = built_in()?;
    let run = |at: usize| {
        let scenario = &scenarios[at % scenarios.len()];
        let seed = (at / scenarios.len()) as u64;
        let trace = play(scenario, &Script::of(scenario, seed), |_, _| ()).trace;
        (scenario.name.clone(), seed, trace)
    };
    Ok((0..GOLDEN).map(run).collect())
}
