//! Records of real sessions.

use std::path::Path;

use multifeed_core::record;

use crate::report::{Report, hex};

/// Repeats a recorded session and compares its states with the recorded ones.
pub(crate) fn replay(file: &Path, report: &mut Report) -> Result<bool, String> {
    let replayed = record::replay(&read(file)?).map_err(|error| said(file, &error))?;
    report.line(&format!(
        "{} steps, {} states met, {} feeds, state {}",
        replayed.steps,
        replayed.states,
        replayed.multifeed.feeds().count(),
        hex(&record::state_hash(&replayed.multifeed)),
    ));
    Ok(true)
}

/// Prints what a record contains, without keys, names and texts.
pub(crate) fn redact(file: &Path, report: &mut Report) -> Result<bool, String> {
    let lines = record::redact(&read(file)?).map_err(|error| said(file, &error))?;
    lines.iter().for_each(|line| report.line(line));
    Ok(true)
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| said(file, &error))
}

fn said(file: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
