//! The only place that prints: data to stdout, talk to stderr.
//!
//! Rule: no other file writes to a standard stream, but for the line editor of `chat` and the
//! full screen, which have to know what stands on the terminal. A reader that went away (`| head`)
//! ends the program without a word and without an error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::crash;
use crate::exit::ExitCode;
use crate::report::{ColourMode, Failure, Level, Report};

/// How the names of the threads begin on which the store works.
const STORE_THREADS: &str = "multifeed-";

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
pub enum Verbosity {
    /// Only what went wrong.
    Quiet,
    /// Also notes and progress.
    Normal,
}

/// Which of the standard streams are a person's terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminals {
    /// Somebody types.
    pub stdin: bool,
    /// Somebody reads the data.
    pub stdout: bool,
    /// Somebody reads the talk.
    pub stderr: bool,
}

impl Terminals {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
        }
    }
}

/// The standard streams, as the command line wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The form of what goes to stdout.
    pub format: Format,
    /// Whether talk is coloured.
    pub stderr_colour: ColourMode,
    /// Whether data for people is coloured.
    pub stdout_colour: ColourMode,
    /// How much talk there is.
    pub verbosity: Verbosity,
    /// Who is at the other end.
    pub terminals: Terminals,
}

impl Output {
    /// Plain streams, for as long as the flags are not understood.
    pub fn plain(format: Format) -> Self {
        Self {
            format,
            stderr_colour: ColourMode::Plain,
            stdout_colour: ColourMode::Plain,
            verbosity: Verbosity::Normal,
            terminals: Terminals::default(),
        }
    }

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
        if self.verbosity == Verbosity::Quiet || self.format == Format::Json {
            return Ok(());
        }
        write_line(&mut io::stderr().lock(), line)
    }

    /// Shows how far something is, in the same line of the terminal as before. Elsewhere than on
    /// a terminal it shows nothing.
    pub fn progress(&self, line: &str) -> Result<(), Failure> {
        if self.verbosity == Verbosity::Quiet
            || self.format == Format::Json
            || !self.terminals.stderr
        {
            return Ok(());
        }
        // To the first column, and clear what the line before has left.
        let mut stderr = io::stderr().lock();
        written(write!(stderr, "\r\u{1b}[K{line}").and_then(|()| stderr.flush()))
    }

    /// Lets a person's terminal ring. It moves nothing on the screen.
    pub fn ring(&self) -> Result<(), Failure> {
        if !self.terminals.stderr || self.format == Format::Json {
            return Ok(());
        }
        let mut stderr = io::stderr().lock();
        written(stderr.write_all(b"\x07").and_then(|()| stderr.flush()))
    }

    /// Prints a warning or a note.
    pub fn report(&self, report: &Report) -> Result<(), Failure> {
        if self.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.show(report)
    }

    /// Prints why a command failed, if there is anything to say, and gives its exit code.
    pub fn end(&self, failure: &Failure) -> ExitCode {
        let failure = failure.clone().with_default_help();
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
                write_line(&mut io::stderr().lock(), report.text(self.stderr_colour).trim_end())
            }
        }
    }
}

/// Makes a crash say where it was, and nothing of what people said: the words of a panic can hold
/// text of a message. The threads of the store turn theirs into errors, which are told as such.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        if is_store_thread() {
            return;
        }
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
        let place = place.unwrap_or_default();
        let report = Report::new(Level::Error, "crash", format!("multichat has crashed{place}"))
            .help("what was said to be stored is stored; this is a defect, please report it");
        let report = match crash::record(&place) {
            Some(file) => report.help(format!(
                "with this, which holds no keys, names or texts:  {}",
                file.display()
            )),
            None => report,
        };
        // Where not even this can be written, there is nobody to tell.
        let _ = write_line(&mut io::stderr().lock(), report.text(ColourMode::Plain).trim_end());
    }));
}

/// Whether this thread is one of the store's.
pub(crate) fn is_store_thread() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with(STORE_THREADS))
}

/// One value as a JSON line.
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
