//! Suggests what an unknown command may have meant.

use clap::CommandFactory;

use super::CommandLine;
use crate::exit::ExitCode;
use crate::invite::input::looks_like_invite;
use crate::report::Failure;
use crate::similar::closest;

/// Returns the command most similar to a word, if any.
pub fn nearest_command(word: &str) -> Option<String> {
    let line = CommandLine::command();
    let names: Vec<&str> = line.get_subcommands().map(|command| command.get_name()).collect();
    closest(word, names).first().map(|name| (*name).to_string())
}

/// Suggests what words that start with no command may have meant.
pub(super) fn unknown(words: &[String]) -> Failure {
    let first = words.first().map_or("", String::as_str);
    let failure = Failure::new(ExitCode::Usage, "usage", format!("there is no command '{first}'"));
    let rest = words.get(1..).unwrap_or_default().join(" ");
    if let Some(invite) = words.iter().find(|word| looks_like_invite(word)) {
        return failure.help(format!("did you mean:  multichat join {invite}"));
    }
    match nearest_command(first) {
        Some(command) => failure.help(format!("did you mean:  multichat {command} {rest}")),
        None => failure.help("all commands:  multichat --help"),
    }
}
