//! The one renderer of what went wrong: for people on stderr, for programs as a JSON line.
//!
//! Rule: a command returns a [`Failure`]; only [`crate::output`] shows it. Message and help pass
//! the sanitiser when the report is made, so that foreign text in them cannot act.

use serde::Serialize;

use crate::exit::ExitCode;
use crate::sanitize::{self, Clean};

/// The widest message or help line, in columns. Longer ones are cut: they hold foreign text.
pub const LINE_COLUMNS_MAX: usize = 400;
/// How many characters of the input a snippet shows on each side of the caret.
pub const SNIPPET_SIDE_CHARS: usize = 20;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The command ends here.
    Error,
    /// Something is wrong, and the command goes on.
    Warning,
    /// Worth knowing, and nothing is wrong.
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

/// Whether a rendered report may carry colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourMode {
    /// Text alone.
    Plain,
    /// With ANSI colours.
    Colour,
}

/// A piece of the user's own input with a caret under one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    text: String,
    caret: usize,
    width: usize,
}

impl Snippet {
    /// Points at `width` characters from the 1-based `position`. Only what is near is shown: an
    /// invite is a secret, and a screen is often shared.
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

    /// The two lines: the input, and the caret under it.
    fn lines(&self) -> [String; 2] {
        [self.text.clone(), format!("{}{}", " ".repeat(self.caret), "^".repeat(self.width))]
    }
}

/// Stands in for each character that would not fill exactly one column, so that the caret fits.
fn one_column(c: char) -> char {
    match c {
        c if c.is_whitespace() => ' ',
        '!'..='~' => c,
        _ => '·',
    }
}

/// One thing to tell: its stable code, what happened and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    level: Level,
    code: &'static str,
    message: Clean,
    help: Vec<Clean>,
    snippet: Option<Snippet>,
}

impl Report {
    /// A report with a code such as `invite.checksum`. Codes are a promise to scripts.
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

    /// Points at a place of the input.
    #[must_use]
    pub fn snippet(mut self, snippet: Snippet) -> Self {
        self.snippet = Some(snippet);
        self
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What happened.
    pub fn message(&self) -> &Clean {
        &self.message
    }

    /// What to do about it, line by line.
    pub fn help_lines(&self) -> &[Clean] {
        &self.help
    }

    /// The form for people, each line ended.
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

    /// The form for programs: one JSON object without a newline.
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
        // Strings and a number: nothing in it can fail to serialize.
        serde_json::to_string(&line).expect("a report of strings is JSON")
    }
}

/// Why a command did not do what was asked, and the code it ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: ExitCode,
    // Boxed: nearly every function here returns a `Result` that is seldom an error.
    report: Option<Box<Report>>,
}

impl Failure {
    /// A failure to be told about.
    pub fn new(exit: ExitCode, code: &'static str, message: impl AsRef<str>) -> Self {
        Self { exit, report: Some(Box::new(Report::new(Level::Error, code, message))) }
    }

    /// An end that is no error, and still not what was asked for.
    pub fn note(exit: ExitCode, code: &'static str, message: impl AsRef<str>) -> Self {
        Self { exit, report: Some(Box::new(Report::new(Level::Note, code, message))) }
    }

    /// An end with nothing to say, such as a reader of our output that went away.
    pub fn quiet(exit: ExitCode) -> Self {
        Self { exit, report: None }
    }

    /// Adds one line of help.
    #[must_use]
    pub fn help(self, line: impl AsRef<str>) -> Self {
        self.map(|report| report.help(line))
    }

    /// Points at a place of the input.
    #[must_use]
    pub fn snippet(self, snippet: Snippet) -> Self {
        self.map(|report| report.snippet(snippet))
    }

    fn map(self, change: impl FnOnce(Report) -> Report) -> Self {
        Self { exit: self.exit, report: self.report.map(|report| Box::new(change(*report))) }
    }

    /// The code that the process ends with.
    pub fn exit(&self) -> ExitCode {
        self.exit
    }

    /// The same with something to do about it, where nothing better is known.
    #[must_use]
    pub fn with_default_help(self) -> Self {
        match &self.report {
            Some(report) if report.help.is_empty() => {
                self.help("see what works on this machine:  multichat doctor")
            }
            _ => self,
        }
    }

    /// What to tell, if anything.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_deref()
    }

    /// The stable code, empty when there is nothing to tell.
    pub fn code(&self) -> &'static str {
        self.report.as_ref().map_or("", |report| report.code)
    }
}

#[cfg(test)]
mod tests;
