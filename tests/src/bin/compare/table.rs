//! The measurements as a table, with ratios to ours.

use std::fmt::Write;

use crate::scenario::{Row, System};

/// A table in Markdown, a line for each measurement. A ratio is what another system takes for one
/// of ours in the same scenario.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut table = String::from(
        "| scenario | system | bytes | × | CPU, ms | × | peak memory, MiB | × | descriptors | \
         wall, ms | flights |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let ours = ours(rows, row);
        let ratio = |value: &dyn Fn(&Row) -> f64| match ours {
            Some(ours) if ours.system != row.system => {
                format!("{:.1}", value(row) / value(ours).max(f64::MIN_POSITIVE))
            }
            _ => String::new(),
        };
        let flights = row.flights.map_or(String::new(), |flights| format!("{flights:.1}"));
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {:.0} | {} | {:.0} | {} | {} | {:.0} | {flights} |",
            title(row),
            row.system.name(),
            row.bytes,
            ratio(&|row| row.bytes as f64),
            row.cpu_ms,
            ratio(&|row| row.cpu_ms),
            row.rss as f64 / 1024.0 / 1024.0,
            ratio(&|row| row.rss as f64),
            row.fds,
            row.wall_ms,
        );
    }
    table
}

/// Our own measurement in the scenario of another.
pub(crate) fn ours<'a>(rows: &'a [Row], row: &Row) -> Option<&'a Row> {
    let is_ours = |other: &&Row| other.system == System::Multifeed && title(other) == title(row);
    rows.iter().find(is_ours)
}

/// What a scenario is called where people read it.
pub(crate) fn title(row: &Row) -> String {
    match row.scenario {
        "bulk" => format!("bulk, {} × {} B", row.blocks, row.block_bytes),
        name => name.to_string(),
    }
}
