//! A page with curves: blocks held by each peer over time, and bytes for each delivered byte.

use std::fmt::Write as _;
use std::path::Path;

use multifeed_memory::scenario::{Outcome, Scenario, Script, play};

use crate::report::{Report, hex};
use crate::run::find_all;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 220.0;
const MARGIN: f64 = 40.0;

/// Peers whose curve is drawn; the others are in the others' way.
const CURVES_MAX: usize = 64;

/// What was seen of one run.
#[derive(Default)]
struct Curves {
    /// For each moment: blocks held by each node.
    held: Vec<(f64, Vec<u64>)>,
    /// Bytes sent so far, for each block held by all together.
    cost: Vec<(f64, f64)>,
}

/// Plays scenarios and writes the page.
pub(crate) fn plot(
    names: &[String],
    seeds: u64,
    file: &Path,
    report: &mut Report,
) -> Result<bool, String> {
    let mut page = String::from(HEAD);
    for scenario in find_all(names)? {
        // Writing to a string does not fail, here and below.
        _ = write!(page, "<h2>{}</h2><p>{}</p><div>", scenario.name, escape(&scenario.summary));
        for seed in 0..seeds {
            let (curves, outcome) = watch(&scenario, seed);
            figure(&mut page, &curves, &outcome);
        }
        page.push_str("</div>");
        report.progress(&scenario.name);
    }
    page.push_str("</body></html>\n");
    std::fs::write(file, page).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(true)
}

const HEAD: &str = "<!doctype html><html><head><meta charset='utf-8'><title>multifeed, simulated\
</title><style>body{font:14px sans-serif;margin:2em}div{display:flex;flex-wrap:wrap;gap:1em}\
figure{margin:0}svg{background:#fafafa;border:1px solid #ddd}polyline{fill:none;stroke-width:1.2}\
</style></head><body><h1>Blocks held by each peer, and bytes for each block, over time</h1>";

fn watch(scenario: &Scenario, seed: u64) -> (Curves, Outcome) {
    let mut curves = Curves::default();
    let outcome = play(scenario, &Script::of(scenario, seed), |world, now| {
        let held: Vec<u64> = world.nodes().map(|node| world.blocks_held(node)).collect();
        let at = now as f64 / 1e6;
        let all: u64 = held.iter().sum();
        curves.cost.push((at, world.bytes_total() as f64 / all.max(1) as f64));
        curves.held.push((at, held));
    });
    (curves, outcome)
}

fn figure(page: &mut String, curves: &Curves, outcome: &Outcome) {
    let nodes = curves.held.iter().map(|moment| moment.1.len()).max().unwrap_or(0);
    let lines: Vec<Vec<(f64, f64)>> = (0..nodes.min(CURVES_MAX))
        .map(|node| {
            let held = curves.held.iter();
            held.filter_map(|(at, held)| Some((*at, *held.get(node)? as f64))).collect()
        })
        .collect();
    page.push_str("<figure>");
    chart(page, &lines, "blocks");
    page.push_str("<br>");
    chart(page, std::slice::from_ref(&curves.cost), "bytes per block held");
    let converged = outcome.converged_us.map_or("never".to_owned(), |micros| {
        format!("{:.2} s after the last fault", micros as f64 / 1e6)
    });
    _ = write!(
        page,
        "<figcaption>seed {}, converged {converged}, {} events, trace {}</figcaption></figure>",
        outcome.seed,
        outcome.events,
        &hex(&outcome.trace)[..12],
    );
}

fn chart(page: &mut String, lines: &[Vec<(f64, f64)>], unit: &str) {
    let points = || lines.iter().flatten();
    let right = points().map(|point| point.0).fold(1e-9, f64::max);
    let top = points().map(|point| point.1).fold(1e-9, f64::max);
    let x = |at: f64| MARGIN + at / right * (WIDTH - 1.5 * MARGIN);
    let y = |value: f64| HEIGHT - MARGIN / 2.0 - value / top * (HEIGHT - MARGIN);
    _ = write!(page, "<svg width='{WIDTH}' height='{HEIGHT}' xmlns='http://www.w3.org/2000/svg'>");
    for (place, line) in lines.iter().enumerate() {
        let hue = 360 * place / lines.len().max(1);
        let mut path = String::new();
        line.iter().for_each(|(at, value)| _ = write!(path, "{:.1},{:.1} ", x(*at), y(*value)));
        _ = write!(page, "<polyline points='{path}' stroke='hsl({hue},70%,45%)'/>");
    }
    _ = write!(
        page,
        "<text x='2' y='14'>{top:.0} {unit}</text>\
         <text x='{:.0}' y='{:.0}'>{right:.1} s</text></svg>",
        WIDTH - MARGIN,
        HEIGHT - 4.0,
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
