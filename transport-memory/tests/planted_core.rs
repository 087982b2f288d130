//! Bugs planted in the core, each caught by a law of the simulator.
//!
//! The switch is one for the whole process, so all of it is one test:
//! `cargo test -p multifeed-memory --features planted-bugs --test planted_core`.

use multifeed_core::planted::{Bug, plant};
use multifeed_memory::Law;
use multifeed_memory::scenario::{Scenario, Script, built_in, play};

/// Seeds that are tried before a bug counts as missed.
const SEEDS: u64 = 10;

/// A bug, a scenario that meets it, and the law that sees it.
const BUGS: &[(Bug, &str, Law)] = &[
    (Bug::AnySignature, "liars-in-the-mesh", Law::NoForgery),
    (Bug::SignsTwice, "processes-and-machines-that-crash", Law::Order),
    (Bug::TellsTooEarly, "processes-and-machines-that-crash", Law::DurableFirst),
    (Bug::CountsOutOfOrder, "answers-in-any-order", Law::Order),
    (Bug::ReadsUnverified, "disks-that-rot", Law::NoForgery),
    (Bug::AsksNobodyElse, "peers-that-owe-and-never-answer", Law::Convergence),
    (Bug::LetsAnyoneIn, "liars-in-the-mesh", Law::Membership),
    (Bug::LeavesNodes, "feeds-that-are-removed-and-refused", Law::Gone),
    (Bug::ForgetsTombstones, "feeds-that-are-removed-and-refused", Law::Gone),
    (Bug::ClearsWithoutLeaf, "blocks-that-are-cleared-and-come-back", Law::Readable),
    (Bug::TrustsMarks, "readers-restored-from-a-backup", Law::Convergence),
    (Bug::AgreesByCount, "two-halves-apart", Law::Synced),
    (Bug::ReadsWithoutBound, "many-feeds-on-a-slow-disk", Law::Bounds),
    (Bug::NoWindow, "a-peer-that-sends-more-than-it-was-granted", Law::Bounds),
    (Bug::NoNames, "liars-in-the-mesh", Law::Bounds),
    (Bug::KeepsCandidates, "liars-in-the-mesh", Law::Bounds),
    (Bug::SyncedTooEarly, "a-ring-whose-connections-break", Law::Synced),
    (Bug::AnswersTooOften, "a-ring-whose-connections-break", Law::Answers),
    (Bug::KeepsForksSecret, "an-author-with-two-tongues", Law::Forks),
    (Bug::ServesFromStart, "answers-in-any-order", Law::Bytes),
];

/// Not among the built-in ones: it takes many feeds at once to see a bound.
const MANY_FEEDS: &str = "summary = 'Many feeds at once from a slow disk.'
nodes = 2
topology = 'chain'
feeds = 60
seconds = 1
blocks = 3
[disk]
read_us = 100000";

fn scenario(name: &str) -> Scenario {
    let found = built_in().unwrap().into_iter().find(|scenario| scenario.name == name);
    found.unwrap_or_else(|| Scenario::parse(name, MANY_FEEDS).unwrap())
}

fn is_caught(name: &str, law: Law) -> bool {
    let scenario = scenario(name);
    (0..SEEDS).any(|seed| {
        let script = Script::of(&scenario, seed);
        let outcome = std::panic::catch_unwind(|| play(&scenario, &script, |_, _| ()));
        // A sum of the core that would wrap is a catch as well, and comes before the law's.
        outcome.map_or(true, |outcome| outcome.broken.iter().any(|broken| broken.law == law))
    })
}

#[test]
fn every_bug_planted_in_the_core_is_caught_by_its_law() {
    let mut missed = Vec::new();
    for (bug, name, law) in BUGS {
        plant(Some(*bug));
        if !is_caught(name, *law) {
            missed.push((bug, name, law));
        }
        plant(None);
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
