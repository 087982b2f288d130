//! Prints data to stdout, and notes and progress to stderr.
//!
//! Rule: no other file writes to a standard stream, except the line editor of `chat` and the full
//! screen, which must know the content of the terminal. If the reader closes (`| head`), the
//! program ends without an error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::crash;
use crate::exit::ExitCode;
use crate::report::{ColourMode, Failure, Level, Report};
use crate::sanitize;

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
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Also notes and progress.
    Normal,
}

/// Which standard streams are terminals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminals {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Terminals {
    /// Returns those of this process.
    pub fn of_process() -> Self {
        Self {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
        }
    }
}

/// The standard streams, as the command line selects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The format of stdout.
    pub format: Format,
    /// Whether stderr is coloured.
    pub stderr_colour: ColourMode,
    /// Whether text on stdout is coloured.
    pub stdout_colour: ColourMode,
    /// How much goes to stderr.
    pub verbosity: Verbosity,
    /// Which streams are terminals.
    pub terminals: Terminals,
}

impl Output {
    /// Creates plain streams for use before the flags are parsed.
    pub fn plain(format: Format) -> Self {
        Self {
            format,
            stderr_colour: ColourMode::Plain,
            stdout_colour: ColourMode::Plain,
            verbosity: Verbosity::Normal,
            terminals: Terminals::default(),
        }
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
        if self.verbosity == Verbosity::Quiet || self.format == Format::Json {
            return Ok(());
        }
        write_line(&mut io::stderr().lock(), line)
    }

    /// Shows progress by rewriting the current line of a terminal. Without a terminal it prints
    /// nothing.
    pub fn progress(&self, line: &str) -> Result<(), Failure> {
        if self.verbosity == Verbosity::Quiet
            || self.format == Format::Json
            || !self.terminals.stderr
        {
            return Ok(());
        }
        // Return to the first column and clear the previous text.
        let mut stderr = io::stderr().lock();
        map_write_error(write!(stderr, "\r\u{1b}[K{line}").and_then(|()| stderr.flush()))
    }

    /// Rings the terminal bell. It does not change the screen.
    pub fn ring(&self) -> Result<(), Failure> {
        if !self.terminals.stderr || self.format == Format::Json {
            return Ok(());
        }
        let mut stderr = io::stderr().lock();
        map_write_error(stderr.write_all(b"\x07").and_then(|()| stderr.flush()))
    }

    /// Prints a warning or a note.
    pub fn report(&self, report: &Report) -> Result<(), Failure> {
        if self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.show(report)
    }

    /// Prints the report of a failure after which the command goes on.
    pub fn warn(&self, failure: &Failure) -> Result<(), Failure> {
        failure.report().map_or(Ok(()), |report| self.report(&report.clone().as_warning()))
    }

    /// Prints the report of a failure, if any, and returns its exit code.
    pub fn end(&self, failure: &Failure) -> ExitCode {
        let failure = failure.clone().with_default_help();
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
                write_line(&mut io::stderr().lock(), report.text(self.stderr_colour).trim_end())
            }
        }
    }
}

/// Installs a panic hook that prints only the source position, because a panic message can
/// contain private text. The store's threads convert their panics to errors, which are reported
/// as such.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        if is_store_thread() || crash::is_caught() {
            return;
        }
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
        let place = place.unwrap_or_default();
        let report = Report::new(Level::Error, "crash", format!("multichat crashed{place}"))
            .help("everything reported as stored is safe; this is a bug, please report it");
        let report = match crash::record(&place) {
            Some(file) => report.help(format!(
                "with this file, which contains no keys, names or texts:  {}",
                file.display()
            )),
            None => report,
        };
        // If this fails too, no output is possible.
        let _ = write_line(&mut io::stderr().lock(), report.text(ColourMode::Plain).trim_end());
    }));
}

/// Returns whether this thread belongs to the store.
pub(crate) fn is_store_thread() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with(STORE_THREADS))
}

/// Formats a value as a JSON line.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string(value).map_err(|error| {
        Failure::new(ExitCode::Failed, "output.json", format!("cannot write JSON: {error}"))
    })?;
    Ok(sanitize::json_document(&json))
}

fn write_line(stream: &mut impl Write, line: &str) -> Result<(), Failure> {
    let wrote = stream
        .write_all(line.as_bytes())
        .and_then(|()| stream.write_all(b"\n"))
        .and_then(|()| stream.flush());
    map_write_error(wrote)
}

fn map_write_error(wrote: io::Result<()>) -> Result<(), Failure> {
    wrote.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::quiet(ExitCode::Done),
        _ => Failure::new(ExitCode::Failed, "output.failed", format!("cannot write: {error}")),
    })
}

#[cfg(test)]
mod tests;
