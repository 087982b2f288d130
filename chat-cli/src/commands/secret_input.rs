//! Keeps invites out of the list of processes, which every user of the machine can read.
//!
//! Rule: an invite on the command line is moved to the environment, which only the same user can
//! read, before anything else is done.

use std::ffi::OsString;
use std::io::{self, BufRead, Read, Write};

use crate::args::{Action, Command};
use crate::exit::ExitCode;
use crate::output::Output;
use crate::report::Failure;

/// The variable that contains the invite of a program that replaced itself.
const VARIABLE: &str = "MULTICHAT_INVITE";
/// The longest input that is read. Chosen: an invite that is wrapped and quoted fits.
const INPUT_BYTES_MAX: u64 = 8 * 1024;

/// Returns the invite from the environment, or from standard input up to its end; from a terminal
/// one line.
pub(super) fn read(output: &Output) -> Result<String, Failure> {
    if let Ok(invite) = std::env::var(VARIABLE) {
        return Ok(invite);
    }
    let mut text = String::new();
    let mut input = io::stdin().lock().take(INPUT_BYTES_MAX);
    let read = if output.terminals.stdin {
        let asked = write!(io::stderr().lock(), "Paste the invite: ");
        asked.and_then(|()| input.read_line(&mut text))
    } else {
        input.read_to_string(&mut text)
    };
    read.map_err(|error| {
        let message = format!("cannot read the invite: {error}");
        Failure::new(ExitCode::BadInput, "ticket.read", message)
            .help("it is text:  multichat join - < FILE")
    })?;
    Ok(text)
}

/// Replaces the program by itself if its command line contains an invite, so that the list of
/// processes does not show it. Returns if there is none, or if that is not possible.
pub fn hide_invite(words: &[OsString], action: &Action) {
    let invite = match action {
        Action::JoinAndOpen { invite } => invite.clone(),
        Action::Run(Command::Join(join)) if join.invite() != "-" => join.invite(),
        _ => return,
    };
    let is_command = matches!(action, Action::Run(_));
    let Some(words) = without_invite(words, &invite, is_command) else { return };
    #[cfg(unix)]
    if let Ok(program) = std::env::current_exe() {
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new(program);
        // It returns only if it fails. Then the program goes on with the command line as it is.
        let _ = command.args(words).env(VARIABLE, invite).exec();
    }
    #[cfg(not(unix))]
    let _ = words;
}

/// Returns the arguments with `-` in place of the invite, after `join` if that is not there yet.
fn without_invite(words: &[OsString], invite: &str, is_command: bool) -> Option<Vec<OsString>> {
    let count = invite.split(' ').count();
    let parts: Vec<&str> = invite.split(' ').collect();
    let at = words.windows(count).position(|window| window.iter().eq(&parts))?;
    let (before, after) = (words.get(1..at)?, words.get(at + count..)?);
    let command = if is_command { &["-"][..] } else { &["join", "-"] };
    let command = command.iter().map(OsString::from);
    Some(before.iter().cloned().chain(command).chain(after.iter().cloned()).collect())
}

#[cfg(test)]
mod tests;
