//! Suggests what an unknown command may have meant.

use clap::CommandFactory;

use super::Line;
use crate::exit::ExitCode;
use crate::report::Failure;
use crate::ticket::looks_like_ticket;

/// The most names that an error lists. Chosen: more than three suggestions do not help.
const NAMES_MAX: usize = 3;
/// The lowest Jaro similarity (0 to 1) of a suggestion. Chosen: `kichen` finds `kitchen` and
/// `chicken`, and unrelated words find nothing; see the tests.
const LIKENESS_MIN: f64 = 0.75;

/// Returns the names most similar to a word, best first.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let mut rated: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro(&word, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .collect();
    rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    rated.into_iter().take(NAMES_MAX).map(|(_, name)| name).collect()
}

/// Returns the command most similar to a word, if any.
pub fn nearest_command(word: &str) -> Option<String> {
    let line = Line::command();
    let names: Vec<&str> = line.get_subcommands().map(|command| command.get_name()).collect();
    nearest(word, names).first().map(|name| (*name).to_string())
}

/// Suggests what words that start with no command may have meant.
pub(super) fn unknown(words: &[String]) -> Failure {
    let first = words.first().map_or("", String::as_str);
    let failure = Failure::new(ExitCode::Usage, "usage", format!("there is no command '{first}'"));
    let rest = words.get(1..).unwrap_or_default().join(" ");
    if let Some(ticket) = words.iter().find(|word| looks_like_ticket(word)) {
        return failure.help(format!("did you mean:  multichat join {ticket}"));
    }
    match nearest_command(first) {
        Some(command) => failure.help(format!("did you mean:  multichat {command} {rest}")),
        None => failure.help("all commands:  multichat --help"),
    }
}
