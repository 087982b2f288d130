//! What is shown of a seed that breaks a law.

use multifeed_memory::scenario::{Scenario, Script, play, play_traced, shrink};

use crate::report::{Report, hex};
use crate::run::find;
use crate::with::With;

/// Scripts tried to cut one down.
const SHRINK_PLAYS_MAX: usize = 400;

/// Broken laws that are named.
const BROKEN_SHOWN: usize = 3;

/// Events that are shown before the moment at which the first law was broken.
const EVENTS_SHOWN: usize = 15;

/// Seed, script cut down, the last events before the law broke, and the command that does it again.
/// The name is the one by which the scenario was asked for.
pub(crate) fn show_failure(
    (scenario, name, with): (&Scenario, &str, &With),
    seed: u64,
    report: &mut Report,
) {
    let scenario = with.of_seed(scenario, seed);
    let script = Script::of(&scenario, seed);
    report.progress(&format!("{name}, seed {seed}{with}:"));
    if let Some((script, outcome)) = shrink(&scenario, &script, SHRINK_PLAYS_MAX) {
        for broken in outcome.broken.iter().take(BROKEN_SHOWN) {
            report.progress(&format!("  broken: {broken}"));
        }
        report.progress(&format!("  script, cut down to {} steps:", script.steps.len()));
        script.steps.iter().for_each(|step| report.progress(&format!("  {step}")));
        let mut lines = Vec::new();
        play_traced(&scenario, &script, true, &mut lines);
        let at = outcome.broken.first().map_or(0, |broken| broken.at.as_micros());
        report.progress(&format!("  the last events of it until {at} µs:"));
        let until = lines.iter().take_while(|line| moment(line) <= at).count();
        let from = until.saturating_sub(EVENTS_SHOWN);
        lines[from..until].iter().for_each(|line| report.progress(&format!("  {line}")));
        report.progress(&format!("  its trace {}", hex(&outcome.trace)));
    } else {
        // Two plays of it differ, or two multifeeds over one disk.
        report.progress("  played once, it breaks no law");
    }
    report.progress(&format!(
        "  again: cargo run --release -p multifeed-memory --bin simulate -- replay {name} \
         --seed {seed}{with} --trace"
    ));
    report.progress(&format!(
        "  once mended, to be played for ever: \"{seed} {} WHAT IT WAS\" in \
         transport-memory/tests/regressions.txt",
        with.named(name, seed)
    ));
}

/// The moment of a line of a trace, in microseconds.
fn moment(line: &str) -> u64 {
    line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Cuts one seed down.
pub(crate) fn shrink_one(
    (name, with): (&str, &With),
    seed: u64,
    report: &mut Report,
) -> Result<bool, String> {
    let scenario = with.to(find(name)?)?;
    let played = with.of_seed(&scenario, seed);
    let is_well = play(&played, &Script::of(&played, seed), |_, _| ()).broken.is_empty();
    if is_well {
        report.line("this seed breaks no law");
    } else {
        show_failure((&scenario, name, with), seed, report);
    }
    Ok(is_well)
}
