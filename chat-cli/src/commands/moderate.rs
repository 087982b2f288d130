//! Hides and blocks members, and lists these decisions.

use crate::args::Global;
use crate::args::moderate::Moderate;
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
    if *options != Moderate::Log {
        return output.say(&session.moderate(options).await?);
    }
    for decision in session.decisions().await? {
        print_decision(&decision, output)?;
    }
    Ok(())
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
