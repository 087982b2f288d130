//! Writes the screens as an animated SVG: CSS shows and hides its rows.
//!
//! Rule: a row is drawn once for each time span in which it does not change. Where animations are
//! off, the last frame is shown.

use std::collections::BTreeMap;
use std::fmt::Write;

use vt100::{Cell, Color};

use crate::terminal::{HEIGHT, Shot, WIDTH};

/// The width of a character and the height of a row, in units of the image.
const CELL: (f64, f64) = (8.0, 17.0);
/// The distance from the top of a row to its baseline.
const BASELINE: f64 = 13.0;
/// The distance around and between the screens.
const GAP: f64 = 12.0;
/// The height of the bar above a screen.
const BAR: f64 = 28.0;

/// The rows of all frames, each with its time span.
pub(crate) struct Film {
    names: Vec<&'static str>,
    now_ms: u64,
    /// The current content of each screen and row, with its start time.
    rows: BTreeMap<(usize, u16), (String, u64)>,
    /// The earlier content by time span.
    shown: BTreeMap<(u64, u64), String>,
}

impl Film {
    pub(crate) fn new(names: Vec<&'static str>) -> Self {
        Self { names, now_ms: 0, rows: BTreeMap::new(), shown: BTreeMap::new() }
    }

    /// Adds a frame that is shown for a while.
    pub(crate) fn shoot(&mut self, shots: &[Shot], hold_ms: u64) {
        for (screen, shot) in shots.iter().enumerate() {
            for row in 0..HEIGHT {
                let drawn = self.row(screen, row, shot);
                let fresh = (drawn, self.now_ms);
                let key = (screen, row);
                match self.rows.get(&key) {
                    Some((same, _)) if *same == fresh.0 => {}
                    _ => {
                        let old = self.rows.insert(key, fresh);
                        self.keep(old, self.now_ms);
                    }
                }
            }
        }
        self.now_ms += hold_ms;
    }

    fn keep(&mut self, old: Option<(String, u64)>, until: u64) {
        if let Some((drawn, from)) = old.filter(|(drawn, _)| !drawn.is_empty()) {
            self.shown.entry((from, until)).or_default().push_str(&drawn);
        }
    }

    fn row(&self, screen: usize, row: u16, shot: &Shot) -> String {
        let left = self.left(screen) + GAP / 2.0;
        let top = GAP + BAR + f64::from(row) * CELL.1;
        let mut drawn = String::new();
        let mut at = 0;
        while at < WIDTH {
            let Some(cell) = shot.screen.cell(row, at) else { break };
            let look = Appearance::of(cell, shot.cursor == Some((row, at)));
            let from = at;
            let mut text = String::new();
            while let Some(cell) = shot.screen.cell(row, at).filter(|_| at < WIDTH) {
                if Appearance::of(cell, shot.cursor == Some((row, at))) != look {
                    break;
                }
                let letters = if cell.has_contents() { cell.contents() } else { " " };
                if !cell.is_wide_continuation() {
                    text.push_str(letters);
                }
                at += 1;
            }
            let x = left + f64::from(from) * CELL.0;
            look.draw(&mut drawn, &text, (x, top), f64::from(at - from) * CELL.0);
        }
        drawn
    }

    fn left(&self, screen: usize) -> f64 {
        GAP + screen as f64 * (f64::from(WIDTH) * CELL.0 + 2.0 * GAP)
    }

    /// Returns the SVG file as text.
    pub(crate) fn svg(mut self) -> String {
        let end = self.now_ms;
        for (_, old) in std::mem::take(&mut self.rows) {
            self.keep(Some(old), end);
        }
        let width = self.left(self.names.len()) - GAP / 2.0;
        let height = 2.0 * GAP + BAR + f64::from(HEIGHT) * CELL.1;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\">\n\
             <title>Two members of a room write to each other, and one is away meanwhile</title>\n"
        );
        let mut style = format!(
            "text{{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;\
             white-space:pre}}.s{{fill:#1a1d26;stroke:#3b4050}}.n{{fill:#9aa1b2}}\
             .b{{font-weight:700}}.f{{visibility:hidden;animation:{end}ms step-end infinite}}\
             .e{{visibility:visible}}\n"
        );
        let mut body = String::new();
        for (screen, name) in self.names.iter().enumerate() {
            self.window(&mut body, screen, name, height);
        }
        for (number, ((from, until), drawn)) in self.shown.iter().enumerate() {
            if (*from, *until) == (0, end) {
                body.push_str(&format!("<g>{drawn}</g>\n"));
                continue;
            }
            let percent = |time: u64| time as f64 * 100.0 / end as f64;
            let (on, off) = (percent(*from), percent(*until));
            let last = if *until == end { " e" } else { "" };
            let before = if *from == 0 { "" } else { "0%{visibility:hidden}" };
            let after = if *until == end { "" } else { "visibility:hidden" };
            // Writing to a string cannot fail.
            let _ = write!(style, "@keyframes k{number}{{{before}{on:.3}%{{visibility:visible}}");
            if !after.is_empty() {
                let _ = write!(style, "{off:.3}%{{{after}}}");
            }
            style.push_str("}\n");
            let name = format!("style=\"animation-name:k{number}\"");
            body.push_str(&format!("<g class=\"f{last}\" {name}>{drawn}</g>\n"));
        }
        svg.push_str(&format!("<style>{style}</style>\n{body}</svg>\n"));
        svg
    }

    fn window(&self, body: &mut String, screen: usize, name: &str, height: f64) {
        let (x, y) = (self.left(screen), GAP);
        let (width, height) = (f64::from(WIDTH) * CELL.0 + GAP, height - 1.5 * GAP);
        let (middle, line) = (x + width / 2.0, y + 18.0);
        body.push_str(&format!(
            "<rect class=\"s\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             rx=\"8\"/><text class=\"n\" x=\"{middle}\" y=\"{line}\" \
             text-anchor=\"middle\">{name}</text>\n"
        ));
    }
}

/// The style of characters.
#[derive(Clone, Debug, PartialEq)]
struct Appearance {
    ink: String,
    ground: Option<String>,
    is_bold: bool,
}

impl Appearance {
    fn of(cell: &Cell, is_cursor: bool) -> Self {
        let (mut ink, mut ground) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
        if cell.inverse() != is_cursor {
            let dark = || Some("#1a1d26".to_string());
            (ink, ground) = (ground.or_else(dark), ink.or_else(|| Some("#d8dce6".into())));
        }
        let default = if cell.dim() { "#8b92a5" } else { "#d8dce6" };
        let ink = ink.unwrap_or_else(|| default.into());
        Self { ink, ground, is_bold: cell.bold() }
    }

    /// Draws text with a fixed width, so that any font keeps to the columns.
    fn draw(&self, drawn: &mut String, text: &str, (x, top): (f64, f64), width: f64) {
        if let Some(ground) = &self.ground {
            drawn.push_str(&format!(
                "<rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{}\" fill=\"{ground}\"/>",
                CELL.1
            ));
        }
        let left = text.len() - text.trim_start_matches(' ').len();
        let text = text.trim_matches(' ');
        let letters = text.chars().count() as f64;
        if text.is_empty() {
            return;
        }
        if let Some(path) = blocks(text, (x + left as f64 * CELL.0, top)) {
            drawn.push_str(&format!("<path d=\"{path}\" fill=\"{}\"/>", self.ink));
            return;
        }
        let (x, y, width) = (x + left as f64 * CELL.0, top + BASELINE, letters * CELL.0);
        let weight = if self.is_bold { " class=\"b\"" } else { "" };
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        drawn.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" textLength=\"{width}\" \
             lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{weight}>{text}</text>",
            self.ink
        ));
    }
}

/// Draws full and half blocks as shapes that fill their cells, so that a QR code can be scanned;
/// `None` for other text.
fn blocks(text: &str, (x, top): (f64, f64)) -> Option<String> {
    let mut path = String::new();
    for (at, letter) in text.chars().enumerate() {
        let (from, height) = match letter {
            '█' => (0.0, CELL.1),
            '▀' => (0.0, CELL.1 / 2.0),
            '▄' => (CELL.1 / 2.0, CELL.1 / 2.0),
            ' ' => continue,
            _ => return None,
        };
        let (x, y, width) = (x + at as f64 * CELL.0, top + from, CELL.0);
        path.push_str(&format!("M{x} {y}h{width}v{height}h-{width}z"));
    }
    Some(path)
}

/// The sixteen basic colours of a terminal.
const FIRST: [&str; 16] = [
    "#2b303b", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4",
    "#6b7280", "#ef7f88", "#a9d48a", "#f0cf8e", "#7cc0f5", "#d692e8", "#6fcbd6", "#ffffff",
];

fn colour(colour: Color) -> Option<String> {
    let (r, g, b) = match colour {
        Color::Default => return None,
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Idx(index @ 0..16) => return Some(FIRST[usize::from(index)].to_string()),
        Color::Idx(index @ 16..232) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let cube = index - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        Color::Idx(index) => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    };
    Some(format!("#{r:02x}{g:02x}{b:02x}"))
}
