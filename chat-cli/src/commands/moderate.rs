//! Hides and blocks members, and lists these decisions.

use std::collections::BTreeSet;
use std::io::BufRead;

use data_encoding::HEXLOWER_PERMISSIVE;

use crate::args::Global;
use crate::args::moderate::Moderate;
use crate::exit::ExitCode;
use crate::ids::hex;
use crate::lines::{Event, Line};
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::report::Failure;
use crate::sanitize;
use crate::session::Session;
use crate::session::moderation::Decision;

pub(super) async fn run(
    global: &Global,
    output: &Output,
    options: &Moderate,
) -> Result<(), Failure> {
    let profile = Profile::open(global)?;
    let room = profile.find(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let done = moderate(&mut session, output, options).await;
    session.close().await;
    done
}

async fn moderate(
    session: &mut Session,
    output: &Output,
    options: &Moderate,
) -> Result<(), Failure> {
    if *options == (Moderate::Block { who: "-".into() }) {
        let count = session.block_all(&typed_keys(std::io::stdin().lock())?).await?;
        return output.say(&format!(
            "{count} authors are blocked: nothing more of them is received, forwarded or shown, \
             and their messages are deleted here"
        ));
    }
    if *options != Moderate::Log {
        return output.say(&session.moderate(options).await?);
    }
    for decision in session.decisions().await? {
        print_decision(&decision, output)?;
    }
    Ok(())
}

/// Reads keys from lines, whose first word each is. Empty lines are skipped.
fn typed_keys(input: impl BufRead) -> Result<BTreeSet<[u8; 32]>, Failure> {
    let mut keys = BTreeSet::new();
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.map_err(|error| {
            let message = format!("standard input cannot be read: {error}");
            Failure::new(ExitCode::Failed, "mod.input", message)
        })?;
        let Some(word) = line.split_whitespace().next() else { continue };
        let key = HEXLOWER_PERMISSIVE.decode(word.as_bytes()).ok();
        let key = key.and_then(|key| key.try_into().ok()).ok_or_else(|| {
            let message = format!("line {number} does not begin with a key of 64 hex digits");
            Failure::new(ExitCode::BadInput, "mod.key", message).help("all keys:  multichat feeds")
        })?;
        keys.insert(key);
    }
    Ok(keys)
}

fn print_decision(decision: &Decision, output: &Output) -> Result<(), Failure> {
    let Decision { author, is_hidden, is_blocked } = decision;
    let (key, nick) = (hex(&author.key.0), author.nick.clone());
    if output.format == Format::Json {
        let decided = Event::Decided { key, nick, hidden: *is_hidden, blocked: *is_blocked };
        return output.json(&Line::from(decided));
    }
    let what = if *is_blocked { "blocked" } else { "hidden" };
    let name = sanitize::author(nick.as_str(), &author.key.0);
    output.data(&format!("{what:8} {key}  {name}"))
}
