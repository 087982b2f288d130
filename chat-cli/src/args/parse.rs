//! Parses the words of a command line to an [`Invocation`].

use std::ffi::OsString;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use super::{Action, CommandLine, Invocation, help, suggest};
use crate::exit::ExitCode;
use crate::invite::input::looks_like_invite;
use crate::report::Failure;

/// Why there is nothing to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseExit {
    /// Help or the version, for standard output. Not an error.
    Print(String),
    /// The command line is invalid.
    Fail(Failure),
}

/// Parses a command line. The first word is the program's name.
///
/// # Errors
/// Returns a failure with exit code 2 that shows a valid command line.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, ParseExit> {
    let words = help_flag(words.into_iter().collect())?;
    let found = help::command_with_short_help().try_get_matches_from(words).map_err(stop)?;
    let line = CommandLine::from_arg_matches(&found).map_err(stop)?;
    let CommandLine { mut global, words, command } = line;
    let action = match (command, &words[..]) {
        (Some(command), []) => Action::Run(command),
        (None, []) => Action::Open,
        (None, words) if looks_like_invite(&words.join(" ")) => {
            Action::JoinAndOpen { invite: words.join(" ") }
        }
        (None, [room]) if global.room.is_none() => {
            global.room = Some(room.clone());
            Action::Open
        }
        (_, words) => return Err(ParseExit::Fail(suggest::unknown(words))),
    };
    Ok(Invocation { global, action })
}

/// Converts `help COMMAND` to `COMMAND --help`.
fn help_flag(mut words: Vec<OsString>) -> Result<Vec<OsString>, ParseExit> {
    if words.get(1).is_none_or(|word| word != "help") {
        return Ok(words);
    }
    words.remove(1);
    if let Some(name) = words.get(1).and_then(|word| word.to_str())
        && help::command().find_subcommand(name).is_none()
    {
        return Err(ParseExit::Fail(suggest::unknown(&[name.to_string()])));
    }
    words.push("--help".into());
    Ok(words)
}

/// Returns whether errors of [`parse`] itself must be JSON lines.
pub fn wants_json(words: &[OsString]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

fn stop(error: clap::Error) -> ParseExit {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return ParseExit::Print(text.trim_end().to_string());
    }
    // clap writes paragraphs: the error, tips, the usage, and where to find help.
    let mut paragraphs = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(what);
    let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut failure = Failure::new(ExitCode::Usage, "usage", what);
    for line in paragraphs.flat_map(str::lines) {
        if !line.trim().is_empty() && !line.starts_with("For more information") {
            failure = failure.help(line.trim().trim_start_matches("tip: "));
        }
    }
    ParseExit::Fail(failure.help("all commands:  multichat --help"))
}
