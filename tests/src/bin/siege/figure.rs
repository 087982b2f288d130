//! Figures and their bounds.
//!
//! Rule: a figure is printed with its bound, and the last line counts exceeded bounds.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

/// A counted or measured value.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    siege: &'a str,
    what: &'a str,
    figure: i64,
    bound: i64,
    unit: &'static str,
    holds: bool,
}

#[derive(Serialize)]
struct Last {
    r#type: &'static str,
    figures: u32,
    passed_bounds: u32,
    slow: u32,
}

/// All figures so far.
pub(crate) struct Figures {
    json: bool,
    strict: bool,
    count: u32,
    passed: u32,
    slow: u32,
}

impl Figures {
    pub(crate) fn new(json: bool, strict: bool) -> Self {
        Self { json, strict, count: 0, passed: 0, slow: 0 }
    }

    /// A counted value with an exact bound.
    pub(crate) fn count(
        &mut self,
        (siege, what): (&str, &str),
        figure: i64,
        bound: i64,
        unit: &'static str,
    ) -> io::Result<()> {
        self.passed += u32::from(figure > bound);
        self.line(&Line {
            r#type: "figure",
            siege,
            what,
            figure,
            bound,
            unit,
            holds: figure <= bound,
        })
    }

    /// A time; a busy machine takes longer.
    pub(crate) fn time(
        &mut self,
        (siege, what): (&str, &str),
        figure: Duration,
        bound: Duration,
    ) -> io::Result<()> {
        let (figure, bound) = (figure.as_millis() as i64, bound.as_millis() as i64);
        self.slow += u32::from(figure > bound);
        let holds = figure <= bound;
        self.line(&Line { r#type: "figure", siege, what, figure, bound, unit: "ms", holds })
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.count += 1;
        let mut out = io::stdout();
        if self.json {
            return writeln!(out, "{}", serde_json::to_string(line).map_err(io::Error::other)?);
        }
        let Line { siege, what, figure, bound, unit, holds, .. } = line;
        let word = if *holds { "" } else { "  PASSED" };
        writeln!(out, "{siege}: {what}: {figure} {unit} (bound {bound}){word}")
    }

    /// Prints the last line. Returns whether all binding bounds hold.
    pub(crate) fn end(self) -> Result<bool, Box<dyn Error>> {
        let Self { json, strict, count, passed, slow } = self;
        let mut out = io::stdout();
        if json {
            let last = Last { r#type: "siege", figures: count, passed_bounds: passed, slow };
            writeln!(out, "{}", serde_json::to_string(&last)?)?;
        } else {
            writeln!(out, "siege: {count} figures, {passed} bounds passed, {slow} slow")?;
        }
        Ok(passed == 0 && !(strict && slow > 0))
    }
}

/// The time that this percentage of the values stays below.
pub(crate) fn percentile(times: &mut [Duration], of_hundred: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * of_hundred).div_ceil(100).saturating_sub(1);
    times.get(place).copied().unwrap_or_default()
}
