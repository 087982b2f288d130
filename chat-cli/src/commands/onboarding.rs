//! What is asked of somebody new: one question, and only where a person can answer it.

use std::io::{self, BufRead, Read, Write};

use crate::args::Global;
use crate::exit::ExitCode;
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::report::Failure;

/// More than any answer that makes sense.
const ANSWER_BYTES_MAX: u64 = 1_024;

/// Whether somebody sits there who can be asked.
pub(super) fn can_ask(output: &Output) -> bool {
    output.terminals.stdin && output.terminals.stderr && output.format == Format::Text
}

/// Calls the user as the flags do, or asks for a name if there is none yet.
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

/// Asks for a name, or for an invite: what was typed, and nothing else.
pub(super) fn name_or_invite(profile: &mut Profile) -> Result<String, Failure> {
    ask(profile, "What should others call you? (Or paste an invite that you were given.)")
}

/// Keeps the answer as the user's name; none is the name that the system has.
pub(super) fn store_name(profile: &mut Profile, answer: &str) -> Result<(), Failure> {
    let name = if answer.is_empty() { default(profile)? } else { answer.to_string() };
    profile.set_nick(&name).map(|_| ())
}

fn default(profile: &mut Profile) -> Result<String, Failure> {
    let system = std::env::var("USER").ok();
    profile.nick(None, system.as_deref()).map(|nick| nick.to_string())
}

fn ask(profile: &mut Profile, question: &str) -> Result<String, Failure> {
    let default = default(profile)?;
    let answer = || -> io::Result<String> {
        write!(io::stderr().lock(), "{question} [{default}] ")?;
        let mut line = String::new();
        io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut line)?;
        Ok(line.trim().to_string())
    };
    answer().map_err(|error| {
        Failure::new(ExitCode::Failed, "terminal", format!("cannot ask for your name: {error}"))
            .help("say it with a flag:  --nick NAME")
    })
}
