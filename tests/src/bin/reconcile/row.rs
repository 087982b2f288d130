//! The printed rows.
#![expect(clippy::print_stdout, reason = "the report of this program")]

use crate::{Acquaintance, Difference, drive, rival};

/// The format of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    /// A Markdown table.
    Markdown,
    /// A JSON object per line.
    Json,
}

/// One case.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) feeds: usize,
    pub(crate) difference: Difference,
    pub(crate) acquaintance: Acquaintance,
    pub(crate) measured: drive::Measured,
    pub(crate) rival: Option<rival::Measured>,
}

impl Row {
    pub(crate) fn head(style: Style) {
        if style == Style::Markdown {
            println!(
                "| feeds | only at the initiator + responder | longer | the peer is | bytes | \
                 × bound | B/feed | flights | cpu µs | negentropy bytes | its round trips | \
                 its cpu µs | \
                 all keys listed, bytes |"
            );
            println!("|{}", "--:|".repeat(13));
        }
    }

    pub(crate) fn print(&self, style: Style) {
        let (one, two, changed) = self.difference;
        let (ours, differ) = (self.measured, one + two + changed);
        let is_known = self.acquaintance == Acquaintance::Known;
        let listing = 32 * (2 * self.feeds + one + two);
        let share = (one + two > 0 && changed == 0).then(|| ours.bytes / bound(one, two));
        match style {
            Style::Json => {
                let rival = self.rival.map_or_else(String::new, |rival| {
                    format!(
                        ",\"negentropy_bytes\":{},\"negentropy_round_trips\":{},\
                         \"negentropy_cpu_us\":{:.0}",
                        rival.bytes, rival.round_trips, rival.cpu_us
                    )
                });
                let share = share.map_or_else(String::new, |s| format!(",\"of_bound\":{s:.3}"));
                println!(
                    "{{\"n\":{},\"d\":{differ},\"only\":[{one},{two}],\"changed\":{changed},\
                     \"known\":{is_known},\"bytes\":{:.0}{share},\"flights\":{:.1},\
                     \"cpu_us\":{:.0},\"again_percent\":{:.1}{rival},\"listing_bytes\":{listing}}}",
                    self.feeds, ours.bytes, ours.flights, ours.cpu_us, ours.again_percent
                );
            }
            Style::Markdown => {
                let rival = self.rival.map_or_else(
                    || "– | – | –".to_owned(),
                    |r| format!("{} | {} | {:.0}", r.bytes, r.round_trips, r.cpu_us),
                );
                let share = share.map_or("–".to_owned(), |share| format!("{share:.2}"));
                let each = match differ {
                    0 => "–".to_owned(),
                    differ => format!("{:.1}", ours.bytes / differ as f64),
                };
                let peer = if is_known { "known" } else { "unknown" };
                println!(
                    "| {} | {one} + {two} | {changed} | {peer} | {:.0} | {share} | {each} | \
                     {:.1} | {:.0} | {rival} | {listing} |",
                    self.feeds, ours.bytes, ours.flights, ours.cpu_us
                );
            }
        }
    }
}

/// The lower bound for transferring the missing keys: their bits minus the information in their
/// order.
fn bound(one: usize, two: usize) -> f64 {
    let log2_factorial = |count: usize| (1..=count).map(|of| (of as f64).log2()).sum::<f64>();
    32.0 * (one + two) as f64 - (log2_factorial(one) + log2_factorial(two)) / 8.0
}

/// The cost of a whole connection.
pub(crate) fn print_connection(style: Style, what: &str, bytes: usize) {
    match style {
        Style::Json => println!("{{\"connection\":\"{what}\",\"bytes\":{bytes}}}"),
        Style::Markdown => println!("| {what}: {bytes} bytes in all |"),
    }
}

/// The cost of a set without reconciliation.
pub(crate) fn print_upkeep(style: Style, feeds: usize, insert: f64, fold: f64, memory: f64) {
    match style {
        Style::Json => println!(
            "{{\"n\":{feeds},\"insert_ns\":{insert:.0},\"fold_ns\":{fold:.0},\
             \"memory_per_feed\":{memory:.1}}}"
        ),
        Style::Markdown => println!(
            "| {feeds} | insert a feed: {insert:.0} ns, its share of the next roots {fold:.0} ns; \
             {memory:.1} B of memory for a feed, its key and head included |"
        ),
    }
}
