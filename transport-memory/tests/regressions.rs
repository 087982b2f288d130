//! Seeds that once broke a law, played for ever: `tests/regressions.txt`.

use multifeed_memory::scenario::{Scenario, Script, built_in, play};

/// Seed and scenario of each line that is no comment.
fn listed(scenarios: &[Scenario]) -> Vec<(u64, &Scenario)> {
    let lines = include_str!("regressions.txt").lines().filter(|line| !line.starts_with('#'));
    let entry = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let seed = words.next()?.parse().ok()?;
        let name = words.next()?;
        // What it was: a seed alone tells nobody why it is here.
        words.next().filter(|what| what.len() > 10)?;
        Some((seed, scenarios.iter().find(|scenario| scenario.name == name)?))
    };
    lines.map(|line| entry(line).unwrap_or_else(|| panic!("not a regression: {line}"))).collect()
}

#[test]
fn seeds_that_once_broke_a_law_break_none() {
    let scenarios = built_in().unwrap();
    let all = listed(&scenarios);
    assert!(!all.is_empty());
    for (seed, scenario) in all {
        let broken = play(scenario, &Script::of(scenario, seed), |_, _| ()).broken;
        assert!(broken.is_empty(), "{}, seed {seed}: {broken:?}", scenario.name);
    }
}
