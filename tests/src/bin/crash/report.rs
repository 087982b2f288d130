//! The findings as text and JSON.
//!
//! Rule: a row counts what was done and describes what was wrong; the last line is the sum.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Most descriptions kept; the first few suffice.
const COMPLAINTS_MAX: usize = 8;

/// The result of one kind of failure.
#[derive(Debug)]
pub(crate) struct Row {
    name: &'static str,
    began: Instant,
    time: Duration,
    found: Found,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Found {
    counts: BTreeMap<String, u64>,
    /// Acknowledged things that are missing.
    lost: u64,
    /// Other errors.
    bad: u64,
    complaints: Vec<String>,
}

/// What is wrong with an examined disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wrong {
    /// Something acknowledged is missing.
    Lost(String),
    /// Something else.
    Bad(String),
}

#[derive(Serialize)]
struct Line<'a> {
    r#type: &'a str,
    #[serde(flatten)]
    counts: &'a BTreeMap<String, u64>,
    lost: u64,
    bad: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

impl Row {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, began: Instant::now(), time: Duration::ZERO, found: Found::default() }
    }

    /// The findings for another process of this program.
    pub(crate) fn to_line(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.found)
    }

    /// The findings of another process.
    pub(crate) fn from_line(line: &str) -> serde_json::Result<Self> {
        Ok(Self { found: serde_json::from_str(line)?, ..Self::new("") })
    }

    /// Counts something.
    pub(crate) fn add(&mut self, what: &str, count: u64) {
        *self.found.counts.entry(what.into()).or_default() += count;
    }

    /// Counts an error and its place.
    pub(crate) fn judge(&mut self, verdict: Result<(), Wrong>, place: impl FnOnce() -> String) {
        let words = match verdict {
            Ok(()) => return,
            Err(Wrong::Lost(words)) => {
                self.found.lost += 1;
                words
            }
            Err(Wrong::Bad(words)) => {
                self.found.bad += 1;
                words
            }
        };
        if self.found.complaints.len() < COMPLAINTS_MAX {
            self.found.complaints.push(format!("{}: {}: {words}", self.name, place()));
        }
    }

    /// Adds the findings of another part.
    pub(crate) fn merge(&mut self, other: Self) {
        let other = other.found;
        other.counts.iter().for_each(|(what, count)| self.add(what, *count));
        self.found.lost += other.lost;
        self.found.bad += other.bad;
        let room = COMPLAINTS_MAX.saturating_sub(self.found.complaints.len());
        self.found.complaints.extend(other.complaints.into_iter().take(room));
    }

    /// Prints the row.
    pub(crate) fn end(mut self) -> Self {
        self.time = self.began.elapsed();
        self
    }
}

/// All rows so far.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    total: Found,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, total: Found::default() }
    }

    pub(crate) fn row(&mut self, row: &Row) -> io::Result<()> {
        let Found { counts, lost, bad, complaints } = &row.found;
        complaints.iter().for_each(|words| complain(words));
        for (what, count) in counts {
            *self.total.counts.entry(what.clone()).or_default() += count;
        }
        self.total.lost += lost;
        self.total.bad += bad;
        let seconds = row.time.as_secs_f64();
        if self.json {
            return say_json(&Line {
                r#type: row.name,
                counts,
                lost: *lost,
                bad: *bad,
                seconds: Some((seconds * 100.0).round() / 100.0),
            });
        }
        let (name, counts) = (row.name, words(counts));
        writeln!(io::stdout(), "{name}: {counts}; {lost} lost, {bad} bad; {seconds:.1} s")
    }

    /// Prints the last line. Returns whether everything was right.
    pub(crate) fn end(self) -> Result<bool, Box<dyn std::error::Error>> {
        let Self { json, total } = self;
        let Found { counts, lost, bad, .. } = total;
        if json {
            say_json(&Line { r#type: "crash", counts: &counts, lost, bad, seconds: None })?;
        } else {
            writeln!(io::stdout(), "crash: {lost} lost, {bad} bad")?;
        }
        Ok(lost == 0 && bad == 0)
    }
}

fn words(counts: &BTreeMap<String, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    counts.join(", ")
}

fn say_json(line: &Line<'_>) -> io::Result<()> {
    writeln!(io::stdout(), "{}", serde_json::to_string(line).map_err(io::Error::other)?)
}

/// Prints a line.
pub(crate) fn complain(words: &str) {
    // The output is closed, so nothing can be reported.
    let _ = writeln!(io::stderr(), "{words}");
}
