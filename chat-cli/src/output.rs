//! The only place that prints: data to stdout, talk to stderr.
//!
//! Rule: no other file writes to a standard stream, but for the line editor of `chat` and the
//! full screen, which have to know what stands on the terminal. A reader that went away (`| head`)
//! ends the program without a word and without an error.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::crash;
use crate::exit::ExitCode;
use crate::report::{Failure, Level, Paint, Report};

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
pub enum Talk {
    /// Only what went wrong.
    Quiet,
    /// Also notes and progress.
    Normal,
}

/// Which of the standard streams are a person's terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terminals {
    /// Somebody types.
    pub input: bool,
    /// Somebody reads the data.
    pub data: bool,
    /// Somebody reads the talk.
    pub talk: bool,
}

impl Terminals {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self {
            input: io::stdin().is_terminal(),
            data: io::stdout().is_terminal(),
            talk: io::stderr().is_terminal(),
        }
    }
}

/// The standard streams, as the command line wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The form of what goes to stdout.
    pub format: Format,
    /// Whether talk is coloured.
    pub paint: Paint,
    /// Whether data for people is coloured.
    pub data_paint: Paint,
    /// How much talk there is.
    pub talk: Talk,
    /// Who is at the other end.
    pub terminals: Terminals,
}

impl Output {
    /// Plain streams, for as long as the flags are not understood.
    pub fn plain(format: Format) -> Self {
        let (paint, data_paint, talk) = (Paint::Plain, Paint::Plain, Talk::Normal);
        Self { format, paint, data_paint, talk, terminals: Terminals::default() }
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
        if self.talk == Talk::Quiet || self.format == Format::Json {
            return Ok(());
        }
        write_line(&mut io::stderr().lock(), line)
    }

    /// Shows how far something is, in the same line of the terminal as before. Elsewhere than on
    /// a terminal it shows nothing.
    pub fn progress(&self, line: &str) -> Result<(), Failure> {
        if self.talk == Talk::Quiet || self.format == Format::Json || !self.terminals.talk {
            return Ok(());
        }
        // To the first column, and clear what the line before has left.
        let mut talk = io::stderr().lock();
        written(write!(talk, "\r\u{1b}[K{line}").and_then(|()| talk.flush()))
    }

    /// Lets a person's terminal ring. It moves nothing on the screen.
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

    /// Prints why a command failed, if there is anything to say, and gives its exit code.
    pub fn end(&self, failure: &Failure) -> ExitCode {
        let failure = failure.clone().helped();
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

/// Makes a crash say where it was, and nothing of what people said: the words of a panic can hold
/// text of a message. The threads of the store turn theirs into errors, which are told as such.
pub fn tell_crashes_briefly() {
    std::panic::set_hook(Box::new(|panic| {
        if is_of_the_store() {
            return;
        }
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
        let place = place.unwrap_or_default();
        let report = Report::new(Level::Error, "crash", format!("multichat has crashed{place}"))
            .help("what was said to be stored is stored; this is a defect, please report it");
        let report = match crash::write_down(&place) {
            Some(file) => report.help(format!(
                "with this, which holds no keys, names or texts:  {}",
                file.display()
            )),
            None => report,
        };
        // Where not even this can be written, there is nobody to tell.
        let _ = write_line(&mut io::stderr().lock(), report.text(Paint::Plain).trim_end());
    }));
}

/// Whether this thread is one of the store's.
pub(crate) fn is_of_the_store() -> bool {
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
