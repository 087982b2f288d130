//! The ratios as a bar chart in SVG.

use std::fmt::Write;

use crate::scenario::{Row, System};
use crate::table::{ours, title};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 200.0;
const BAR_HEIGHT: f64 = 14.0;
const GAP: f64 = 12.0;
const TOP: f64 = 50.0;

/// Powers of ten on the axis.
const DECADES: i32 = 5;

/// Bytes and CPU time relative to ours, by scenario, on a logarithmic axis.
pub(crate) fn svg(rows: &[Row]) -> String {
    let half = (WIDTH - LEFT) / 2.0;
    let mut body = String::new();
    let mut y = TOP;
    let mut last = String::new();
    for row in rows.iter().filter(|row| row.system != System::Multifeed) {
        let (Some(ours), Some(figures)) = (ours(rows, row), &row.figures) else { continue };
        if title(row) != last {
            y += GAP;
            last = title(row);
        }
        let label = format!("{last} · {}", row.system.name());
        text(&mut body, LEFT - 8.0, y + BAR_HEIGHT - 3.0, "end", &label);
        let ratios =
            [figures.bytes as f64 / ours.bytes as f64, figures.cpu_ms / ours.cpu_ms.max(0.01)];
        for (ratio, x) in ratios.into_iter().zip([LEFT, LEFT + half]) {
            bar(&mut body, x, y, half - 60.0, ratio, row.system);
        }
        y += BAR_HEIGHT + 2.0;
    }
    let mut head = String::new();
    for (what, x) in [("bytes", LEFT), ("CPU time", LEFT + half)] {
        let title = format!("{what}: how many times ours (logarithmic)");
        text(&mut head, x, 20.0, "start", &title);
        axis(&mut head, x, half - 60.0, y);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{head}{body}</svg>\n",
        y + GAP,
    )
}

fn axis(out: &mut String, x: f64, width: f64, bottom: f64) {
    for decade in 0..=DECADES {
        let at = x + width * f64::from(decade) / f64::from(DECADES);
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "<line x1=\"{at:.0}\" y1=\"{:.0}\" x2=\"{at:.0}\" y2=\"{bottom:.0}\" stroke=\"#ddd\"/>",
            TOP - 4.0,
        );
        text(out, at, TOP - 8.0, "middle", &10_u64.pow(decade.unsigned_abs()).to_string());
    }
}

fn bar(out: &mut String, x: f64, y: f64, width: f64, ratio: f64, system: System) {
    let length = (width * ratio.log10() / f64::from(DECADES)).clamp(1.0, width);
    let colour = match system {
        System::Multifeed | System::MultifeedDisk => "#4a90d9",
        System::Multifeed6 => "#d9534a",
        System::Hypercore11 => "#e0a030",
        System::Hypercore11FromUs | System::Hypercore11ToUs => "#7fb069",
    };
    let _ = writeln!(
        out,
        "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{length:.1}\" height=\"{BAR_HEIGHT}\" \
         fill=\"{colour}\"/>",
    );
    text(out, x + length + 4.0, y + BAR_HEIGHT - 3.0, "start", &format!("{ratio:.1}"));
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(out, "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{text}</text>");
}
