//! Opens a room here, or a second window in the process that has it open.

use crate::args::{Global, Ui, WELCOME};
use crate::attach::{self, Guest};
use crate::chat;
use crate::exit::ExitCode;
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::report::{Failure, Level, Report};
use crate::ticket::looks_like_ticket;
use crate::tui;

use super::{drive, first, rooms};

/// Opens the room of the flags or the last one; attaches if the profile is already open.
pub(super) fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let profile = match Profile::open(global) {
        Err(failure) if failure.exit() == ExitCode::InUse => {
            return attach_or(global, output, failure);
        }
        opened => opened?,
    };
    let room = match &global.room {
        Some(name) => Some(profile.find(Some(name))?),
        None => profile.last()?,
    };
    if room.is_some() {
        return chat(global, profile, output);
    }
    if !profile.rooms()?.rooms.is_empty() {
        // Several rooms, and no last one: the failure lists them.
        return profile.find(None).map(|_| ());
    }
    if ui(global, output) == Ui::Tui && first::can_ask(output) {
        return begin(global, profile, output);
    }
    WELCOME.iter().try_for_each(|line| match output.format {
        Format::Text => output.data(line),
        Format::Json => output.tell(&Report::new(Level::Note, "room.none", line)),
    })
}

/// Asks a new user one question, then creates or joins a room.
fn begin(global: &Global, mut profile: Profile, output: &Output) -> Result<(), Failure> {
    let answer = match &global.nick {
        Some(nick) => nick.clone(),
        None => first::name_or_invite(&mut profile)?,
    };
    if looks_like_ticket(&answer) {
        // `join` opens the profile itself.
        drop(profile);
        return rooms::join_ticket(global, answer, output);
    }
    first::keep(&mut profile, &answer)?;
    rooms::make(global, profile, None, false, output)
}

/// Opens a second window only.
pub(super) fn attach(global: &Global, output: &Output) -> Result<(), Failure> {
    let message = "no other window has this profile open";
    let failure = Failure::new(ExitCode::InUse, "attach.nobody", message);
    attach_or(global, output, failure.help("open it here:  multichat"))
}

fn attach_or(global: &Global, output: &Output, failure: Failure) -> Result<(), Failure> {
    if ui(global, output) != Ui::Tui {
        return Err(failure);
    }
    drive(async {
        let Some(guest) = guest(global).await? else { return Err(failure) };
        tui::guest::run(guest, output).await
    })
}

/// Connects to the process that has this profile open, if it accepts windows.
pub(super) async fn guest(global: &Global) -> Result<Option<Guest>, Failure> {
    let Some(socket) = attach::socket(global)? else { return Ok(None) };
    Ok(Guest::come(&socket).await)
}

/// Opens the room of the flags or the last one to chat in it.
pub(super) fn chat(global: &Global, mut profile: Profile, output: &Output) -> Result<(), Failure> {
    let room = profile.find_readable(global.room.as_deref())?;
    profile.set_last(room.id())?;
    match ui(global, output) {
        Ui::Tui => drive(tui::shell::run(global, profile, room, output)),
        Ui::Line => drive(chat::run(global, profile, room, output)),
    }
}

fn ui(global: &Global, output: &Output) -> Ui {
    Ui::of(global.ui, output, |name| std::env::var(name).ok())
}
