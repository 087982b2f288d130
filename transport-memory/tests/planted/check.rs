//! Each bug planted in the core is caught by a law of the simulator.
//!
//! Only the patched copy compiles this file. The switch is process-wide, so it is a single test.

use multifeed_core::planted::{Bug, plant};
use multifeed_memory::Law;
use multifeed_memory::scenario::{Scenario, Script, find_built_in, play};

/// Seeds that are tried before a bug counts as missed.
const SEEDS: u64 = 10;

/// A bug, a scenario in which it has an effect, and the law that catches it.
const BUGS: &[(Bug, &str, Law)] = &[
    (Bug::AcceptsAnySignature, "one-adversary-of-each-kind", Law::NoForgery),
    (Bug::SignsLengthTwice, "processes-and-machines-that-crash", Law::Order),
    (Bug::AnnouncesBeforeDurable, "processes-and-machines-that-crash", Law::DurableFirst),
    (Bug::CompletesOutOfOrder, "answers-in-any-order", Law::Order),
    (Bug::ReadsUnverified, "disks-with-bit-rot", Law::NoForgery),
    (Bug::NeverReassigns, "peers-that-never-answer", Law::Convergence),
    (Bug::AdmitsEveryPeer, "one-adversary-of-each-kind", Law::Membership),
    (Bug::LeavesNodes, "feeds-that-are-removed-and-refused", Law::Gone),
    (Bug::ForgetsRemovals, "feeds-that-are-removed-and-refused", Law::Gone),
    (Bug::ClearsWithoutLeaf, "blocks-that-are-cleared-and-come-back", Law::Readable),
    (Bug::TrustsCheckpoints, "readers-restored-from-a-backup", Law::Convergence),
    (Bug::ComparesCounts, "a-network-split-in-halves", Law::Synced),
    (Bug::ReadsWithoutBound, "many-feeds-on-a-slow-disk", Law::Bounds),
    (Bug::IgnoresByteCredit, "a-peer-that-exceeds-its-credit", Law::Bounds),
    (Bug::IgnoresAliasCredit, "one-adversary-of-each-kind", Law::Bounds),
    (Bug::KeepsCandidates, "one-adversary-of-each-kind", Law::Bounds),
    (Bug::SyncedTooEarly, "a-ring-whose-connections-break", Law::Synced),
    (Bug::RepeatsEvents, "a-ring-whose-connections-break", Law::Answers),
    (Bug::HidesForks, "an-author-that-equivocates", Law::Forks),
    (Bug::ServesFromStart, "answers-in-any-order", Law::Bytes),
];

/// Not built in: only many feeds at once reach the bound.
const MANY_FEEDS: &str = "summary = 'Many feeds at once from a slow disk.'
nodes = 2
topology = 'chain'
feeds = 60
seconds = 1
blocks = 3
[disk]
read_us = 100000";

fn scenario(name: &str) -> Scenario {
    let found = find_built_in(name).unwrap();
    found.unwrap_or_else(|| Scenario::parse(name, MANY_FEEDS).unwrap())
}

fn is_caught(name: &str, law: Law) -> bool {
    let scenario = scenario(name);
    (0..SEEDS).any(|seed| {
        let script = Script::of(&scenario, seed);
        let outcome = std::panic::catch_unwind(|| play(&scenario, &script, |_, _| ()));
        outcome.is_ok_and(|outcome| outcome.violations.iter().any(|violation| violation.law == law))
    })
}

#[test]
fn every_planted_bug_is_caught_by_its_law() {
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
