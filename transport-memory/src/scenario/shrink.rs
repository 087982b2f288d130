//! Cuts down a failing script.

use super::plan::Scenario;
use super::play::{Outcome, play};
use super::script::Script;

/// Removes steps as long as the first broken law stays broken. Returns the rest and its outcome;
/// `None` if the script breaks no law.
///
/// Halves first, then ever smaller runs of steps, as in Zeller and Hildebrandt, "Simplifying and
/// Isolating Failure-Inducing Input" (2002). Plays at most `plays_max` scripts.
pub fn shrink(scenario: &Scenario, script: &Script, plays_max: usize) -> Option<(Script, Outcome)> {
    let mut outcome = play(scenario, script, |_, _| ());
    let law = outcome.violations.first()?.law;
    let mut script = script.clone();
    let (mut length, mut plays) = (script.steps.len().div_ceil(2), 0);
    while length > 0 && plays < plays_max {
        let (mut start, mut is_shorter) = (0, false);
        while start < script.steps.len() && plays < plays_max {
            let mut shorter = script.clone();
            shorter.steps.drain(start..(start + length).min(script.steps.len()));
            let tried = play(scenario, &shorter, |_, _| ());
            plays += 1;
            if tried.violations.first().is_some_and(|violation| violation.law == law) {
                (script, outcome, is_shorter) = (shorter, tried, true);
            } else {
                start += length;
            }
        }
        if !is_shorter || length > 1 {
            length /= 2;
        }
    }
    Some((script, outcome))
}
