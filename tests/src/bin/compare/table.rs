//! The measurements as a table with ratios to ours.

use std::fmt::Write;

use crate::scenario::{Figures, Row, System};

/// A Markdown table with a line per measurement. A ratio is another system's value divided by ours
/// in the same scenario.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut table = String::from(
        "| scenario | system | bytes | × | CPU, ms | × | peak memory, MiB | × | descriptors | \
         wall, ms | flights |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let Some(figures) = &row.figures else {
            let name = row.system.name();
            let limit = row.passed_limit_s.unwrap_or_default();
            let _ = writeln!(table, "| {} | {name} | > {limit} s |{}", title(row), " |".repeat(8));
            continue;
        };
        let ours = ours(rows, row).filter(|_| row.system != System::Multifeed);
        let ratio = |value: &dyn Fn(&Figures) -> f64| match ours {
            Some(ours) => format!("{:.1}", value(figures) / value(ours).max(f64::MIN_POSITIVE)),
            None => String::new(),
        };
        let flights = figures.flights.map_or(String::new(), |flights| format!("{flights:.1}"));
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {:.0} | {} | {:.0} | {} | {} | {:.0} | {flights} |",
            title(row),
            row.system.name(),
            figures.bytes,
            ratio(&|figures| figures.bytes as f64),
            figures.cpu_ms,
            ratio(&|figures| figures.cpu_ms),
            figures.rss as f64 / 1024.0 / 1024.0,
            ratio(&|figures| figures.rss as f64),
            figures.fds,
            figures.wall_ms,
        );
    }
    table
}

/// Our measurement in the scenario of another system.
pub(crate) fn ours<'a>(rows: &'a [Row], row: &Row) -> Option<&'a Figures> {
    let is_ours = |other: &&Row| other.system == System::Multifeed && title(other) == title(row);
    rows.iter().find(is_ours)?.figures.as_ref()
}

/// A scenario's name for readers.
pub(crate) fn title(row: &Row) -> String {
    match row.scenario {
        "bulk" => format!("bulk, {} × {} B", row.blocks, row.block_bytes),
        name => name.to_string(),
    }
}
