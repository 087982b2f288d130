//! Runs `multichat` without a command: opens a room, or asks how to start.

use super::window::{attach_or, chat, ui};
use super::{onboarding, rooms};
use crate::args::ui::Ui;
use crate::args::{Global, WELCOME};
use crate::exit::ExitCode;
use crate::invite::input::looks_like_invite;
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::report::{Failure, Level, Report};

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
    if ui(global, output) == Ui::Tui && onboarding::can_ask(output) {
        return onboard(global, profile, output);
    }
    WELCOME.iter().try_for_each(|line| match output.format {
        Format::Text => output.data(line),
        Format::Json => output.report(&Report::new(Level::Note, "room.none", line)),
    })
}

/// Asks a new user one question, then creates or joins a room.
fn onboard(global: &Global, mut profile: Profile, output: &Output) -> Result<(), Failure> {
    let answer = match &global.nick {
        Some(nick) => nick.clone(),
        None => onboarding::name_or_invite(&mut profile)?,
    };
    if looks_like_invite(&answer) {
        // `join` opens the profile itself.
        drop(profile);
        return rooms::join_with_invite(global, answer, output);
    }
    onboarding::store_name(&mut profile, &answer)?;
    rooms::create_room(global, profile, None, rooms::Opening::Now, output)
}
