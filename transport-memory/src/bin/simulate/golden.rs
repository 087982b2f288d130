//! Golden traces.

use std::fmt::Write as _;
use std::path::Path;

use multifeed_memory::scenario::golden_traces;

use crate::report::{Report, hex};

/// Compares the traces with a file, or writes it.
pub(crate) fn golden(file: &Path, bless: bool, report: &mut Report) -> Result<bool, String> {
    let mut text = String::new();
    for (name, seed, trace) in golden_traces().map_err(|bad| bad.to_string())? {
        // Writing to a string does not fail.
        _ = writeln!(text, "{} {seed} {name}", hex(&trace));
    }
    let say = |error: std::io::Error| format!("{}: {error}", file.display());
    if bless {
        std::fs::write(file, text).map_err(say)?;
        return Ok(true);
    }
    let known = std::fs::read_to_string(file).map_err(say)?;
    let differ = known.lines().zip(text.lines()).filter(|(known, now)| known != now).count();
    let is_same = known == text;
    report.line(&format!("{} traces, {differ} differ", text.lines().count()));
    Ok(is_same)
}
