//! Renders errors, warnings and notes: for people on stderr, for programs as a JSON line.
//!
//! Rule: a command returns a [`Failure`]; only [`crate::output`] shows it. The constructors
//! sanitise message and help, so control characters in foreign text have no effect.

use serde::Serialize;

use crate::exit::ExitCode;
use crate::sanitize::{self, Clean};

/// The widest message or help line, in columns. Longer lines are cut, as they contain foreign
/// text. Chosen: five lines of an 80-column terminal.
pub const LINE_COLUMNS_MAX: usize = 400;
/// Characters of the input that a snippet shows on each side of the caret. Chosen: enough to find
/// the place, and far less than an invite (over 50 characters).
pub const SNIPPET_SIDE_CHARS: usize = 20;

/// The severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The command stops.
    Error,
    /// Something is wrong, and the command continues.
    Warning,
    /// Information; nothing is wrong.
    Note,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Error => "\u{1b}[1;31m",
            Self::Warning => "\u{1b}[1;33m",
            Self::Note => "\u{1b}[1;36m",
        }
    }
}

/// Whether a rendered report may contain colour codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourMode {
    /// Without colour codes.
    Plain,
    /// With ANSI colour codes.
    Colour,
}

/// A part of the user's input with a caret under one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    text: String,
    caret: usize,
    width: usize,
}

impl Snippet {
    /// Points at `width` characters from the 1-based `position`. Only the surroundings are shown:
    /// an invite is a secret, and screens are often shared.
    pub fn at(input: &str, position: usize, width: usize) -> Self {
        let start = position.saturating_sub(1);
        let from = start.saturating_sub(SNIPPET_SIDE_CHARS);
        let mut text = String::new();
        if from > 0 {
            text.push('…');
        }
        let caret = text.chars().count() + (start - from);
        let until = start.saturating_add(width).saturating_add(SNIPPET_SIDE_CHARS);
        let mut chars = input.chars();
        text.extend(chars.by_ref().take(until).skip(from).map(one_column));
        if chars.next().is_some() {
            text.push('…');
        }
        Self { text, caret, width: width.max(1) }
    }

    /// Returns two lines: the input, and the caret under it.
    fn lines(&self) -> [String; 2] {
        [self.text.clone(), format!("{}{}", " ".repeat(self.caret), "^".repeat(self.width))]
    }
}

/// Replaces each character that does not fill exactly one column, so that the caret is aligned.
fn one_column(c: char) -> char {
    match c {
        c if c.is_whitespace() => ' ',
        '!'..='~' => c,
        _ => '·',
    }
}

/// One report: its stable code, what happened, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    level: Level,
    code: &'static str,
    message: Clean,
    help: Vec<Clean>,
    snippet: Option<Snippet>,
}

impl Report {
    /// Creates a report with a code such as `ticket.checksum`. Codes are stable for scripts.
    pub fn new(level: Level, code: &'static str, message: impl AsRef<str>) -> Self {
        let message = sanitize::line(message.as_ref(), LINE_COLUMNS_MAX);
        Self { level, code, message, help: Vec::new(), snippet: None }
    }

    /// Adds one line of help.
    #[must_use]
    pub fn help(mut self, line: impl AsRef<str>) -> Self {
        self.help.push(sanitize::line(line.as_ref(), LINE_COLUMNS_MAX));
        self
    }

    /// Makes it a warning, for a command that goes on.
    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { level: Level::Warning, ..self }
    }

    /// Points at a position in the input.
    #[must_use]
    pub fn snippet(mut self, snippet: Snippet) -> Self {
        self.snippet = Some(snippet);
        self
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns what happened.
    pub fn message(&self) -> &Clean {
        &self.message
    }

    /// Returns what to do about it, line by line.
    pub fn help_lines(&self) -> &[Clean] {
        &self.help
    }

    /// Returns the text for people; each line ends with a newline.
    pub fn text(&self, colour_mode: ColourMode) -> String {
        let (colour, bold, reset) = match colour_mode {
            ColourMode::Plain => ("", "", ""),
            ColourMode::Colour => (self.level.colour(), "\u{1b}[1m", "\u{1b}[0m"),
        };
        let (word, code, message) = (self.level.word(), self.code, &self.message);
        let mut out = format!("{colour}{word}[{code}]{reset}: {bold}{message}{reset}\n");
        if let Some(snippet) = &self.snippet {
            let [input, caret] = snippet.lines();
            out.push_str(&format!("   {input}\n   {colour}{caret}{reset}\n"));
        }
        for (at, line) in self.help.iter().enumerate() {
            let label = if at == 0 { "  help: " } else { "        " };
            out.push_str(&format!("{label}{line}\n"));
        }
        out
    }

    /// Returns the JSON object for programs, without a newline.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            v: u32,
            #[serde(rename = "type")]
            level: Level,
            code: &'a str,
            message: &'a Clean,
            #[serde(skip_serializing_if = "Option::is_none")]
            help: Option<String>,
        }
        let help: Vec<&str> = self.help.iter().map(Clean::as_str).collect();
        let line = Line {
            v: 1,
            level: self.level,
            code: self.code,
            message: &self.message,
            help: (!help.is_empty()).then(|| help.join("\n")),
        };
        // Strings and a number always serialise.
        serde_json::to_string(&line).expect("a report of strings is JSON")
    }
}

/// Why a command failed, and its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: ExitCode,
    // Boxed, because nearly every function returns a `Result` and few return an error.
    report: Option<Box<Report>>,
}

impl Failure {
    /// Creates a failure with an error report.
    pub fn new(exit: ExitCode, code: &'static str, message: impl AsRef<str>) -> Self {
        Self { exit, report: Some(Box::new(Report::new(Level::Error, code, message))) }
    }

    /// Creates a failure with a note: no error, but not what was requested.
    pub fn note(exit: ExitCode, code: &'static str, message: impl AsRef<str>) -> Self {
        Self { exit, report: Some(Box::new(Report::new(Level::Note, code, message))) }
    }

    /// Creates a failure without a report, for example when the reader of our output has closed.
    pub fn quiet(exit: ExitCode) -> Self {
        Self { exit, report: None }
    }

    /// Adds one line of help.
    #[must_use]
    pub fn help(self, line: impl AsRef<str>) -> Self {
        self.map(|report| report.help(line))
    }

    /// Points at a position in the input.
    #[must_use]
    pub fn snippet(self, snippet: Snippet) -> Self {
        self.map(|report| report.snippet(snippet))
    }

    fn map(self, change: impl FnOnce(Report) -> Report) -> Self {
        Self { exit: self.exit, report: self.report.map(|report| Box::new(change(*report))) }
    }

    /// Returns the exit code.
    pub fn exit(&self) -> ExitCode {
        self.exit
    }

    /// Adds a general help line if the report has none.
    #[must_use]
    pub fn with_default_help(self) -> Self {
        match &self.report {
            Some(report) if report.help.is_empty() => {
                self.help("check this machine:  multichat doctor")
            }
            _ => self,
        }
    }

    /// Returns the report, if any.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_deref()
    }

    /// Returns the stable code; empty if there is no report.
    pub fn code(&self) -> &'static str {
        self.report.as_ref().map_or("", |report| report.code)
    }
}

#[cfg(test)]
mod tests;
