//! Prints data to stdout, and notes and progress to stderr.
//!
//! Rule: no other file writes to a standard stream, except the line editor of `chat` and the full
//! screen, which must know the content of the terminal. If the reader closes (`| head`), the
//! program ends without an error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::crash;
use crate::exit::ExitCode;
use crate::report::{Failure, Level, Paint, Report};

/// The name prefix of the store's threads.
const STORE_THREADS: &str = "multifeed-";

/// The reader of stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// People: text.
    Text,
    /// Programs: one JSON object per line.
    Json,
}

/// How much goes to stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// Errors only.
    Quiet,
    /// Also notes and progress.
    Normal,
}

/// Which standard streams are terminals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminals {
    /// Standard input.
    pub input: bool,
    /// Standard output.
    pub data: bool,
    /// Standard error.
    pub talk: bool,
}

impl Terminals {
    /// Returns those of this process.
    pub fn of_process() -> Self {
        Self {
            input: io::stdin().is_terminal(),
            data: io::stdout().is_terminal(),
            talk: io::stderr().is_terminal(),
        }
    }
}

/// The standard streams, as the command line selects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The format of stdout.
    pub format: Format,
    /// Whether stderr is coloured.
    pub paint: Paint,
    /// Whether text on stdout is coloured.
    pub data_paint: Paint,
    /// How much goes to stderr.
    pub talk: Talk,
    /// Which streams are terminals.
    pub terminals: Terminals,
}

impl Output {
    /// Creates plain streams for use before the flags are parsed.
    pub fn plain(format: Format) -> Self {
        let (paint, data_paint, talk) = (Paint::Plain, Paint::Plain, Talk::Normal);
        Self { format, paint, data_paint, talk, terminals: Terminals::default() }
    }

    /// Prints and flushes one line of data.
    pub fn data(&self, line: &str) -> Result<(), Failure> {
        write_line(&mut io::stdout().lock(), line)
    }

    /// Prints and flushes one value as a JSON line.
    pub fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.data(&json_line(value)?)
    }

    /// Prints one line for a person. In JSON mode it prints nothing, as programs read events.
    pub fn say(&self, line: &str) -> Result<(), Failure> {
        if self.talk == Talk::Quiet || self.format == Format::Json {
            return Ok(());
        }
        write_line(&mut io::stderr().lock(), line)
    }

    /// Shows progress by rewriting the current line of a terminal. Without a terminal it prints
    /// nothing.
    pub fn progress(&self, line: &str) -> Result<(), Failure> {
        if self.talk == Talk::Quiet || self.format == Format::Json || !self.terminals.talk {
            return Ok(());
        }
        // Return to the first column and clear the previous text.
        let mut talk = io::stderr().lock();
        written(write!(talk, "\r\u{1b}[K{line}").and_then(|()| talk.flush()))
    }

    /// Rings the terminal bell. It does not change the screen.
    pub fn ring(&self) -> Result<(), Failure> {
        if !self.terminals.talk || self.format == Format::Json {
            return Ok(());
        }
        let mut talk = io::stderr().lock();
        written(talk.write_all(b"\x07").and_then(|()| talk.flush()))
    }

    /// Prints a warning or a note.
    pub fn tell(&self, report: &Report) -> Result<(), Failure> {
        if self.talk == Talk::Quiet {
            return Ok(());
        }
        self.show(report)
    }

    /// Prints the report of a failure, if any, and returns its exit code.
    pub fn end(&self, failure: &Failure) -> ExitCode {
        let failure = failure.clone().helped();
        if let Some(report) = failure.report() {
            // If this fails too, only the exit code is left.
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

/// Installs a panic hook that prints only the source position, because a panic message can
/// contain private text. The store's threads convert their panics to errors, which are reported
/// as such.
pub fn tell_crashes_briefly() {
    std::panic::set_hook(Box::new(|panic| {
        if is_of_the_store() {
            return;
        }
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
        let place = place.unwrap_or_default();
        let report = Report::new(Level::Error, "crash", format!("multichat crashed{place}"))
            .help("everything reported as stored is safe; this is a bug, please report it");
        let report = match crash::write_down(&place) {
            Some(file) => report.help(format!(
                "with this file, which contains no keys, names or texts:  {}",
                file.display()
            )),
            None => report,
        };
        // If this fails too, no output is possible.
        let _ = write_line(&mut io::stderr().lock(), report.text(Paint::Plain).trim_end());
    }));
}

/// Returns whether this thread belongs to the store.
pub(crate) fn is_of_the_store() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with(STORE_THREADS))
}

/// Formats a value as a JSON line.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| {
        Failure::new(ExitCode::Failed, "output.json", format!("cannot write JSON: {error}"))
    })
}

fn write_line(stream: &mut impl Write, line: &str) -> Result<(), Failure> {
    let wrote = stream
        .write_all(line.as_bytes())
        .and_then(|()| stream.write_all(b"\n"))
        .and_then(|()| stream.flush());
    written(wrote)
}

fn written(wrote: io::Result<()>) -> Result<(), Failure> {
    wrote.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::quiet(ExitCode::Done),
        _ => Failure::new(ExitCode::Failed, "output.failed", format!("cannot write: {error}")),
    })
}

#[cfg(test)]
mod tests;
