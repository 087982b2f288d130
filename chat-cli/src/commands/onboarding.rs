//! Asks a new user for a name, or for the rest of an invite. Asks only if a person can answer.

use std::io::{self, BufRead, Read, Write};

use crate::args::Global;
use crate::exit::ExitCode;
use crate::invite::Invite;
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::report::Failure;

/// The longest answer that is read: more than any name or invite.
const ANSWER_BYTES_MAX: u64 = 1_024;

/// Returns whether a person can answer.
pub(super) fn can_ask(output: &Output) -> bool {
    output.terminals.stdin && output.terminals.stderr && output.format == Format::Text
}

/// Sets the name from the flags, or asks for one if the profile has none.
pub(super) fn name(global: &Global, profile: &mut Profile, output: &Output) -> Result<(), Failure> {
    if let Some(nick) = &global.nick {
        return profile.set_nick(nick).map(|_| ());
    }
    if profile.has_nick() || !can_ask(output) {
        return Ok(());
    }
    let answer = ask(profile, "What should others call you?")?;
    store_name(profile, &answer)
}

/// Asks for a name or an invite and returns the answer.
pub(super) fn name_or_invite(profile: &mut Profile) -> Result<String, Failure> {
    ask(profile, "What should others call you? (Or paste an invite.)")
}

/// Returns the invite with the lines that follow it on the terminal. A text that is pasted in two
/// rows ends the command line after its first row.
pub(super) fn whole_invite(invite: String, output: &Output) -> Result<String, Failure> {
    let mut input = invite;
    while can_ask(output) && Invite::parse(&input).is_err_and(|error| error.may_be_incomplete()) {
        let rest =
            read_answer("This invite is incomplete. Paste the rest of it, or press Enter: ")?;
        if rest.is_empty() {
            break;
        }
        input = format!("{input} {rest}");
    }
    Ok(input)
}

/// Saves the answer as the user's name; an empty answer means the system's user name.
pub(super) fn store_name(profile: &mut Profile, answer: &str) -> Result<(), Failure> {
    let name = if answer.is_empty() { default(profile)? } else { answer.to_string() };
    profile.set_nick(&name).map(|_| ())
}

fn default(profile: &mut Profile) -> Result<String, Failure> {
    let system = std::env::var("USER").ok();
    profile.nick(None, system.as_deref()).map(|nick| nick.to_string())
}

/// Asks for the name of a new room; `None` if no person can answer or the answer is empty.
pub(super) fn room_name(default: &str, output: &Output) -> Result<Option<String>, Failure> {
    if !can_ask(output) {
        return Ok(None);
    }
    let answer = read_answer(&format!("What should the room be called? [{default}] "))
        .map_err(|failure| failure.help("pass its name as a word:  multichat new NAME"))?;
    Ok(Some(answer).filter(|answer| !answer.is_empty()))
}

/// Asks whether to do something; false if no person can answer.
pub(super) fn confirm(question: &str, output: &Output) -> Result<bool, Failure> {
    if !can_ask(output) {
        return Ok(false);
    }
    let answer = read_answer(&format!("{question} [y/N] "))
        .map_err(|failure| failure.help("answer on the command line:  --yes"))?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}

fn ask(profile: &mut Profile, question: &str) -> Result<String, Failure> {
    let default = default(profile)?;
    read_answer(&format!("{question} [{default}] "))
        .map_err(|failure| failure.help("pass your name as a flag:  --nick NAME"))
}

fn read_answer(question: &str) -> Result<String, Failure> {
    let answer = || -> io::Result<String> {
        write!(io::stderr().lock(), "{question}")?;
        let mut line = String::new();
        io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut line)?;
        Ok(line.trim().to_string())
    };
    answer().map_err(|error| {
        Failure::new(ExitCode::Failed, "terminal", format!("cannot read your answer: {error}"))
    })
}
