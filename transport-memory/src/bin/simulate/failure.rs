//! Report of a seed that breaks a law.

use multifeed_memory::scenario::{Scenario, Script, play, play_traced, shrink};

use crate::report::{Report, hex};
use crate::scenarios::{Selected, find};

/// Most scripts played to cut one down.
const SHRINK_PLAYS_MAX: usize = 400;

/// Violations shown.
const VIOLATIONS_SHOWN: usize = 3;

/// Events shown before the first violation.
const EVENTS_SHOWN: usize = 15;

/// Shows the seed, the shortened script, the last events before the violation, and the command that
/// repeats it.
pub(crate) fn show_failure(
    scenario: &Scenario,
    Selected { name, with }: Selected<'_>,
    seed: u64,
    report: &mut Report,
) {
    let scenario = with.of_seed(scenario, seed);
    let script = Script::of(&scenario, seed);
    report.progress(&format!("{name}, seed {seed}{with}:"));
    if let Some((script, outcome)) = shrink(&scenario, &script, SHRINK_PLAYS_MAX) {
        for violation in outcome.violations.iter().take(VIOLATIONS_SHOWN) {
            report.progress(&format!("  broken: {violation}"));
        }
        report.progress(&format!("  script, cut down to {} steps:", script.steps.len()));
        script.steps.iter().for_each(|step| report.progress(&format!("  {step}")));
        let mut lines = Vec::new();
        play_traced(&scenario, &script, true, &mut lines);
        let at = outcome.violations.first().map_or(0, |violation| violation.at.as_micros());
        report.progress(&format!("  the last events until {at} µs:"));
        let until = lines.iter().take_while(|line| moment(line) <= at).count();
        let from = until.saturating_sub(EVENTS_SHOWN);
        lines[from..until].iter().for_each(|line| report.progress(&format!("  {line}")));
        report.progress(&format!("  its trace {}", hex(&outcome.trace)));
    } else {
        // Two runs differ, or two multifeeds over one disk.
        report.progress("  a single run breaks no law");
    }
    report.progress(&format!(
        "  repeat: cargo run --release -p multifeed-memory --bin simulate -- replay {name} \
         --seed {seed}{with} --trace"
    ));
    report.progress(&format!(
        "  once fixed, add \"{seed} {} WHAT IT FOUND\" to \
         transport-memory/tests/regressions.txt",
        with.named(name, seed)
    ));
}

/// The time of a trace line, in microseconds.
fn moment(line: &str) -> u64 {
    line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Cuts one seed down.
pub(crate) fn shrink_one(
    selected: Selected<'_>,
    seed: u64,
    report: &mut Report,
) -> Result<bool, String> {
    let scenario = selected.with.to(find(selected.name)?)?;
    let played = selected.with.of_seed(&scenario, seed);
    let is_ok = play(&played, &Script::of(&played, seed), |_, _| ()).violations.is_empty();
    if is_ok {
        report.line("this seed breaks no law");
    } else {
        show_failure(&scenario, selected, seed, report);
    }
    Ok(is_ok)
}
