//! The only place that prints: data to stdout, talk to stderr.
//!
//! Rule: no other file writes to a standard stream. A reader that went away (`| head`) ends the
//! program without a word and without an error.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use crate::exit::ExitCode;
use crate::report::{Failure, Paint, Report};

/// Who reads stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// People: text.
    Text,
    /// Programs: one JSON object a line.
    Json,
}

/// How much talk goes to stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// Only what went wrong.
    Quiet,
    /// Also notes and progress.
    Normal,
}

/// The standard streams, as the command line wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The form of what goes to stdout.
    pub format: Format,
    /// Whether talk is coloured.
    pub paint: Paint,
    /// How much talk there is.
    pub talk: Talk,
}

impl Output {
    /// Prints one line of data, at once.
    pub fn data(&self, line: &str) -> Result<(), Failure> {
        write_line(&mut io::stdout().lock(), line)
    }

    /// Prints one value as a JSON line, at once.
    pub fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.data(&json_line(value)?)
    }

    /// Prints one line for the person at the terminal. Programs read events instead.
    pub fn say(&self, line: &str) -> Result<(), Failure> {
        if self.talk == Talk::Quiet || self.format == Format::Json {
            return Ok(());
        }
        write_line(&mut io::stderr().lock(), line)
    }

    /// Prints a warning or a note.
    pub fn tell(&self, report: &Report) -> Result<(), Failure> {
        if self.talk == Talk::Quiet {
            return Ok(());
        }
        self.show(report)
    }

    /// Prints why a command failed, if there is anything to say, and gives its exit code.
    pub fn end(&self, failure: &Failure) -> ExitCode {
        if let Some(report) = failure.report() {
            // Where not even this can be written, the exit code is all that is left to say.
            let _ = self.show(report);
        }
        failure.exit()
    }

    fn show(&self, report: &Report) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.data(&report.json()),
            Format::Text => {
                write_line(&mut io::stderr().lock(), report.text(self.paint).trim_end())
            }
        }
    }
}

fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| {
        Failure::new(ExitCode::Failed, "output.json", format!("cannot write JSON: {error}"))
    })
}

fn write_line(stream: &mut impl Write, line: &str) -> Result<(), Failure> {
    let written = stream
        .write_all(line.as_bytes())
        .and_then(|()| stream.write_all(b"\n"))
        .and_then(|()| stream.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::quiet(ExitCode::Done),
        _ => Failure::new(ExitCode::Failed, "output.failed", format!("cannot write: {error}")),
    })
}

#[cfg(test)]
mod tests;
