//! Seeds that once broke a law, played on every change: `tests/regressions.txt`.

use multifeed_memory::Fault;
use multifeed_memory::scenario::{Scenario, Script, find_built_in, play};

/// A scenario with its added faults: `NAME+FAULT=N`.
fn named(name: &str) -> Option<Scenario> {
    let mut parts = name.split('+');
    let scenario = find_built_in(parts.next()?).ok()??;
    parts.try_fold(scenario, |scenario, part| {
        let (fault, count) = part.split_once('=')?;
        scenario.with(Fault::of(fault)?, count.parse().ok()?).ok()
    })
}

/// Seed and scenario of each line that is not a comment.
fn listed() -> Vec<(u64, Scenario)> {
    let lines = include_str!("regressions.txt").lines().filter(|line| !line.starts_with('#'));
    let entry = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let seed = words.next()?.parse().ok()?;
        let name = words.next()?;
        // Each line must say what the seed found.
        words.next().filter(|what| what.len() > 10)?;
        Some((seed, named(name)?))
    };
    lines.map(|line| entry(line).unwrap_or_else(|| panic!("not a regression: {line}"))).collect()
}

#[test]
fn regression_seeds_break_no_law() {
    let all = listed();
    assert!(!all.is_empty());
    for (seed, scenario) in all {
        let broken = play(&scenario, &Script::of(&scenario, seed), |_, _| ()).violations;
        assert!(broken.is_empty(), "{}, seed {seed}: {broken:?}", scenario.name);
    }
}
