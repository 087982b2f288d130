//! Opens the window of a room: in this process, or in the one that has the profile open.

use crate::args::Global;
use crate::args::ui::Ui;
use crate::attach::client::Guest;
use crate::attach::host;
use crate::exit::ExitCode;
use crate::line_mode;
use crate::output::Output;
use crate::profile::Profile;
use crate::report::Failure;
use crate::runtime::drive;
use crate::tui;

/// Opens a second window only.
pub(super) fn attach(global: &Global, output: &Output) -> Result<(), Failure> {
    let message = "no other window has this profile open";
    let failure = Failure::new(ExitCode::InUse, "attach.nobody", message);
    attach_or(global, output, failure.help("open it here:  multichat"))
}

/// Opens a second window, or returns this failure.
pub(super) fn attach_or(global: &Global, output: &Output, failure: Failure) -> Result<(), Failure> {
    if ui(global, output) != Ui::Tui {
        return Err(failure);
    }
    drive(async {
        let Some(guest) = guest(global).await? else { return Err(failure) };
        tui::attached::run(guest, output).await
    })
}

/// Connects to the process that has this profile open, if it accepts windows.
pub(super) async fn guest(global: &Global) -> Result<Option<Guest>, Failure> {
    let Some(socket) = host::socket(global)? else { return Ok(None) };
    Ok(Guest::come(&socket).await)
}

/// Opens the room of the flags or the last one to chat in it.
pub(super) fn chat(global: &Global, mut profile: Profile, output: &Output) -> Result<(), Failure> {
    let room = profile.find_readable(global.room.as_deref())?;
    profile.set_last(room.id())?;
    match ui(global, output) {
        Ui::Tui => drive(tui::shell::run(global, profile, room, output)),
        Ui::Line => drive(line_mode::run(global, profile, room, output)),
    }
}

/// Returns how to show a room, from the flags and the terminal.
pub(super) fn ui(global: &Global, output: &Output) -> Ui {
    Ui::of(global.ui, output, |name| std::env::var(name).ok())
}
