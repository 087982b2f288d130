//! Charts of runs: blocks held by each peer over virtual time, and bytes sent per byte delivered;
//! an SVG of one run, or a page with several side by side.

mod chart;

use std::fmt::Write as _;
use std::path::Path;

use multifeed_memory::scenario::{Outcome, Scenario, Script, play};

use crate::report::{Report, hex};
use crate::scenarios::find_all;
use chart::{Area, Chart, LEGEND_MAX, Line};

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 300.0;
const CAPTION: f64 = 24.0;

/// Most curves in a chart.
const CURVES_MAX: usize = 64;

/// The top of the cost chart, as a multiple of the final cost.
const COST_TOP: f64 = 2.0;

/// The observations of one run.
struct Run {
    held: Vec<Line>,
    cost: Line,
    outcome: Outcome,
    marks: Vec<(f64, &'static str)>,
}

/// Plays scenarios and writes the page, or the SVG of the first seed.
pub(crate) fn plot(
    names: &[String],
    seeds: u64,
    file: &Path,
    report: &mut Report,
) -> Result<bool, String> {
    let is_svg = file.extension().is_some_and(|extension| extension == "svg");
    if is_svg && names.len() != 1 {
        return Err("an SVG shows one scenario; use FILE.html for several".to_owned());
    }
    let mut page = String::from(HEAD);
    for scenario in find_all(names)? {
        let seeds = if is_svg { 1 } else { seeds };
        let runs: Vec<Run> = (0..seeds).map(|seed| watch(&scenario, seed)).collect();
        let svgs: Vec<String> = runs.iter().map(|run| svg(&scenario, run, &runs)).collect();
        if is_svg {
            page = svgs.concat();
            break;
        }
        let summary = escape(&scenario.summary);
        // Writing to a string does not fail.
        _ = write!(page, "<h2>{}</h2><p>{summary}</p><div>{}</div>", scenario.name, svgs.concat());
        report.progress(&scenario.name);
    }
    if !is_svg {
        page.push_str("</body></html>\n");
    }
    std::fs::write(file, page).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(true)
}

const HEAD: &str = "<!doctype html><html lang='en'><head><meta charset='utf-8'>\
<title>multifeed, simulated</title><style>body{font:15px sans-serif;margin:2em;color:#222}\
div{display:flex;flex-wrap:wrap;gap:1em}</style></head><body><h1>multifeed, simulated</h1>\
<p>Each column is one seed; the charts of a scenario share their scales.</p>\n";

const STYLE: &str = "<style>text{font:11px sans-serif;fill:#333}.title{font-weight:bold;\
font-size:12px}.mid{text-anchor:middle}.end{text-anchor:end}.grid{stroke:#e4e4e4;fill:none}\
.axis{stroke:#333;fill:none}.line{fill:none;stroke-width:1.4}\
path.mark{stroke:#888;stroke-dasharray:4 3;fill:none}\
text.mark{fill:#666;paint-order:stroke;stroke:#fff;stroke-width:3px}\
.box{fill:#fff;fill-opacity:.85;stroke:#ccc}</style>";

fn watch(scenario: &Scenario, seed: u64) -> Run {
    let (mut held, mut cost): (Vec<Line>, Vec<(f64, f64)>) = (Vec::new(), Vec::new());
    let outcome = play(scenario, &Script::of(scenario, seed), |world, now| {
        let at = now as f64 / 1e6;
        for (place, node) in world.nodes().take(CURVES_MAX).enumerate() {
            if place == held.len() {
                held.push(Line { name: format!("peer {place}"), points: Vec::new() });
            }
            held[place].points.push((at, world.blocks_held(node) as f64));
        }
        let spent = world.cost();
        if spent.block_bytes > 0 {
            cost.push((at, spent.bytes as f64 / spent.block_bytes as f64));
        }
    });
    let end = scenario.seconds as f64;
    let mut marks = vec![(end, "faults end")];
    if let (Some(repair), Some(convergence)) = (outcome.repaired_us, outcome.converged_us) {
        marks.push((end + (repair + convergence) as f64 / 1e6, "converged"));
    }
    Run { held, cost: Line { name: "all".to_owned(), points: cost }, outcome, marks }
}

/// Draws two charts above each other, with the scales of all runs.
fn svg(scenario: &Scenario, run: &Run, all: &[Run]) -> String {
    let held = || all.iter().flat_map(|run| &run.held);
    let cost = || all.iter().map(|run| &run.cost);
    let ends = |lines: &mut dyn Iterator<Item = &Line>| {
        lines
            .flat_map(|line| &line.points)
            .fold((0.0, 0.0), |ends: (f64, f64), point| (ends.0.max(point.0), ends.1.max(point.1)))
    };
    let held_ends = ends(&mut held());
    // The first bytes deliver almost nothing: their cost would flatten the rest.
    let last = cost().filter_map(|line| line.points.last()).map(|point| point.1);
    let cost_top = last.fold(1.0, f64::max) * COST_TOP;
    let peers = run.held.len();
    let title = if peers > LEGEND_MAX {
        format!("Blocks held by each of {peers} peers")
    } else {
        "Blocks held by each peer".to_owned()
    };
    let (caption, height) = (caption(run), 2.0 * HEIGHT + CAPTION);
    let name = &scenario.name;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' \
         viewBox='0 0 {WIDTH} {height}'>{STYLE}<rect width='100%' height='100%' fill='#fff'/>\
         <text x='8' y='16' class='title'>{name}, {caption}</text>"
    );
    let marks = &run.marks;
    let (unit, lines) = ("blocks held", &run.held);
    Chart { title: &title, unit, lines, marks, ends: held_ends }
        .draw(&mut svg, &Area { left: 0.0, top: CAPTION, width: WIDTH, height: HEIGHT });
    let (title, unit) = ("Bytes sent for each byte of blocks delivered", "bytes per byte");
    let (lines, ends) = (std::slice::from_ref(&run.cost), (held_ends.0, cost_top));
    Chart { title, unit, lines, marks, ends }
        .draw(&mut svg, &Area { left: 0.0, top: CAPTION + HEIGHT, width: WIDTH, height: HEIGHT });
    svg.push_str("</svg>\n");
    svg
}

fn caption(run: &Run) -> String {
    let Outcome { seed, events, trace, violations, .. } = &run.outcome;
    let state = match violations.first() {
        None => "no law broken".to_owned(),
        Some(violation) => format!("BROKEN: {}", violation.law),
    };
    format!("seed {seed}: {state}, {events} events, trace {}", &hex(trace)[..12])
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
