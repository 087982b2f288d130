//! Opens the window of a room: in this process, or in the one that has the profile open.

use crate::args::Global;
use crate::args::ui::Ui;
use crate::attach::client::Client;
use crate::attach::host;
use crate::exit::ExitCode;
use crate::line_mode;
use crate::output::Output;
use crate::profile::Profile;
use crate::report::Failure;
use crate::runtime::block_on;
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
    block_on(async {
        let Some(client) = client(global).await? else { return Err(failure) };
        tui::attached::run(client, output).await
    })
}

/// Connects to the process that has this profile open, if it accepts windows.
pub(super) async fn client(global: &Global) -> Result<Option<Client>, Failure> {
    let Some(socket_path) = host::socket_path(global)? else { return Ok(None) };
    Ok(Client::connect(&socket_path).await)
}

/// Opens the room of the flags or the last one to chat in it.
pub(super) fn chat(global: &Global, mut profile: Profile, output: &Output) -> Result<(), Failure> {
    let room = profile.find_readable(global.room.as_deref())?;
    profile.set_last_room(room.id())?;
    match ui(global, output) {
        Ui::Tui => block_on(tui::event_loop::run(global, profile, room, output)),
        Ui::Line => block_on(line_mode::run(global, profile, room, output)),
    }
}

/// Returns how to show a room, from the flags and the terminal.
pub(super) fn ui(global: &Global, output: &Output) -> Ui {
    Ui::of(global.ui, output, |name| std::env::var(name).ok())
}
