//! Runs of scenarios.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use multifeed_core::crypto::hash::blake2b;
use multifeed_memory::FaultCounts;
use multifeed_memory::scenario::{
    Outcome, Scenario, Script, built_in, play, play_reopening, play_twice,
};
use serde_json::json;

use crate::arguments::{Manner, RunOptions};
use crate::failure::show_failure;
use crate::report::{Report, hex};
use crate::with::With;

/// Failing seeds that are shrunk and shown; the others are only counted.
const SHOWN_MAX: usize = 3;

/// Of so many events, one is followed by the opening of a second multifeed, by chance.
const REOPENED_ONE_IN: u64 = 10;

/// The scenario of a name, or of a file.
pub(crate) fn find(name: &str) -> Result<Scenario, String> {
    if name.ends_with(".toml") {
        let text = std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
        let stem = std::path::Path::new(name).file_stem().unwrap_or_default();
        return Scenario::parse(&stem.to_string_lossy(), &text).map_err(|bad| bad.to_string());
    }
    let all = built_in().map_err(|bad| bad.to_string())?;
    let found = all.into_iter().find(|scenario| scenario.name == name);
    found.ok_or_else(|| format!("there is no scenario {name}; try: simulate list"))
}

/// The scenarios of these names; all, if there is none.
pub(crate) fn find_all(names: &[String]) -> Result<Vec<Scenario>, String> {
    match names {
        [] => built_in().map_err(|bad| bad.to_string()),
        names => names.iter().map(|name| find(name)).collect(),
    }
}

pub(crate) fn list(report: &mut Report) -> Result<bool, String> {
    for scenario in find_all(&[])? {
        report.line(&format!("{:<40} {}", scenario.name, scenario.summary));
    }
    Ok(true)
}

/// Sums over many runs.
#[derive(Default)]
struct Totals {
    events: u64,
    virtual_us: u64,
    violations: usize,
    faults: FaultCounts,
    bytes: u64,
    blocks: u64,
    traces: Vec<u8>,
    failed: Vec<u64>,
    slowest_us: u64,
    /// The longest time until connections were whole, and the dearest run.
    reopened: u64,
    repaired_us: u64,
    percent: u64,
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        self.events += outcome.events;
        self.virtual_us += outcome.virtual_us;
        self.violations += outcome.broken.len();
        self.faults.add(&outcome.faults);
        self.bytes += outcome.bytes;
        self.blocks += outcome.blocks_delivered;
        self.traces.extend_from_slice(&outcome.trace);
        self.slowest_us = self.slowest_us.max(outcome.converged_us.unwrap_or(0));
        self.repaired_us = self.repaired_us.max(outcome.repaired_us.unwrap_or(0));
        self.reopened += outcome.reopened;
        self.percent = self.percent.max(outcome.cost.percent());
        if !outcome.broken.is_empty() {
            self.failed.push(outcome.seed);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.virtual_us += other.virtual_us;
        self.violations += other.violations;
        self.faults.add(&other.faults);
        self.bytes += other.bytes;
        self.blocks += other.blocks;
        self.traces.extend_from_slice(&other.traces);
        self.slowest_us = self.slowest_us.max(other.slowest_us);
        self.reopened += other.reopened;
    }
}

pub(crate) fn run(options: &RunOptions, report: &mut Report) -> Result<bool, String> {
    let scenarios = find_all(&options.scenarios)?;
    let mut given = options.scenarios.iter();
    let (mut all, start) = (Totals::default(), Instant::now());
    let mut is_well = true;
    for scenario in scenarios {
        // A file is found again by its path, and not by the name in it.
        let name = given.next().unwrap_or(&scenario.name).clone();
        let mut scenario = options.with.to(scenario)?;
        scenario.check_invariants = options.check_invariants;
        let totals = run_seeds(&scenario, options);
        let silent: Vec<_> = scenario
            .faults()
            .filter(|(fault, _)| totals.faults.of(*fault) == 0)
            .map(|(fault, _)| fault.name())
            .collect();
        report.progress(&format!(
            "{:<44} {:>6} seeds {:>10} events  whole in {:>5.1} s  the same in {:>4.1} s  \
             {:>3} % of what was delivered sent  {}",
            scenario.name,
            options.seeds,
            totals.events,
            totals.repaired_us as f64 / 1e6,
            totals.slowest_us as f64 / 1e6,
            totals.percent,
            if totals.failed.is_empty() { "ok".to_owned() } else { failed(&totals.failed) },
        ));
        for seed in totals.failed.iter().take(SHOWN_MAX) {
            show_failure((&scenario, &name, &options.with), *seed, report);
        }
        if !silent.is_empty() {
            report.error(&format!("{}: never struck: {}", scenario.name, silent.join(", ")));
        }
        is_well &= silent.is_empty() && totals.failed.is_empty();
        all.merge(&totals);
    }
    let seconds = start.elapsed().as_secs_f64();
    result(options, &all, seconds, report);
    Ok(is_well)
}

fn failed(seeds: &[u64]) -> String {
    let shown: Vec<_> = seeds.iter().take(8).map(u64::to_string).collect();
    format!("{} FAILED: {}", seeds.len(), shown.join(" "))
}

/// Plays every seed, on every processor; the sums do not depend on which was faster.
fn run_seeds(scenario: &Scenario, options: &RunOptions) -> Totals {
    let seeds: Vec<u64> = (options.first_seed..options.first_seed + options.seeds).collect();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(seeds.len()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scenario = options.with.of_seed(scenario, *seed);
                    let outcome = play_as(options.manner, &scenario, *seed);
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push(outcome);
                    }
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.sort_by_key(|outcome| outcome.seed);
    let mut totals = Totals::default();
    outcomes.iter().for_each(|outcome| totals.add(outcome));
    totals
}

/// Plays a seed in the manner that was asked for; what differs is a broken law of the outcome.
fn play_as(manner: Manner, scenario: &Scenario, seed: u64) -> Outcome {
    let script = Script::of(scenario, seed);
    match manner {
        Manner::Once => play(scenario, &script, |_, _| ()),
        Manner::Twice => play_twice(scenario, &script),
        Manner::Restarts => play_reopening(scenario, &script, REOPENED_ONE_IN),
    }
}

fn result(options: &RunOptions, all: &Totals, seconds: f64, report: &mut Report) {
    let faults: serde_json::Map<_, _> = all
        .faults
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(fault, count)| (fault.name().to_owned(), json!(count)))
        .collect();
    let kinds = faults.len();
    let per_second = (all.events as f64 / seconds) as u64;
    let times_real = (all.virtual_us as f64 / 1e6 / seconds) as u64;
    if options.json {
        let line = json!({
            "type": "result",
            "seeds": options.seeds,
            "violations": all.violations,
            "events": all.events,
            "events_per_second": per_second,
            "times_real_time": times_real,
            "seconds": (seconds * 10.0).round() / 10.0,
            "reopened": all.reopened,
            "fault_kinds": kinds,
            "faults": faults,
            "trace": hex(&blake2b(&[&all.traces])),
        });
        report.line(&line.to_string());
    } else {
        report.line(&format!(
            "{} violations, {} events in {seconds:.1} s: {per_second} a second, {times_real} × \
             real time, {kinds} kinds of faults, {} multifeeds opened anew",
            all.violations, all.events, all.reopened,
        ));
    }
}

pub(crate) fn replay(
    (name, with): (&str, &With),
    seed: u64,
    trace: bool,
    report: &mut Report,
) -> Result<bool, String> {
    let scenario = with.of_seed(&with.to(find(name)?)?, seed);
    let script = Script::of(&scenario, seed);
    for step in script.steps.iter().filter(|_| trace) {
        report.line(&step.to_string());
    }
    let mut lines = Vec::new();
    let outcome = multifeed_memory::scenario::play_traced(&scenario, &script, trace, &mut lines);
    lines.iter().for_each(|line| report.line(line));
    outcome.broken.iter().for_each(|broken| report.line(&format!("broken: {broken}")));
    report.line(&format!(
        "seed {seed}, {} events, {} µs, trace {}",
        outcome.events,
        outcome.virtual_us,
        hex(&outcome.trace)
    ));
    Ok(outcome.broken.is_empty())
}
