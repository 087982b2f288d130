//! Runs the commands.
//!
//! Rule: a command gets values and an [`Output`], and returns a [`Failure`] or nothing.

mod about;
mod backup;
mod configure;
mod dht;
mod history;
mod inspect;
mod moderate;
mod onboarding;
mod open;
mod peers;
mod pipe;
mod rooms;
pub mod secret_input;
mod send;
mod serve;
mod sync;
mod tail;
mod window;

use jiff::Timestamp;

use crate::args::ui::Ui;
use crate::args::{Action, Command, Global, Invocation};
use crate::config;
use crate::demo;
use crate::invite::Right;
use crate::output::Output;
use crate::profile::Profile;
use crate::profile::invites::InviteHints;
use crate::report::Failure;
use crate::runtime::block_on;

/// Runs a command line.
///
/// # Errors
/// Returns the report to show and the exit code.
pub fn run(invocation: Invocation, output: &Output) -> Result<(), Failure> {
    let Invocation { mut global, action } = invocation;
    if needs_settings(&action) {
        config::file::load(&global)?.fill_defaults(&mut global);
    }
    match action {
        Action::Open => open::run(&global, output),
        Action::JoinAndOpen { invite } => rooms::join_with_invite(&global, invite, output),
        Action::Run(command) => run_command(&global, command, output),
    }
}

/// Returns whether the command needs valid settings. Commands that repair the settings or
/// describe the program work without them.
fn needs_settings(action: &Action) -> bool {
    !matches!(action, Action::Run(Command::Config { .. } | Command::About(_)))
}

fn run_command(global: &Global, command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::New { name, no_open } => {
            let opening = if no_open { rooms::Opening::Later } else { rooms::Opening::Now };
            rooms::new(global, name, opening, output)
        }
        Command::Join(arguments) => rooms::join(global, &arguments, output),
        Command::Invite { room, seed, qr, no_hints } => {
            let right = if seed { Right::Seeder } else { Right::Member };
            let hints = if no_hints { InviteHints::Omitted } else { InviteHints::Included };
            rooms::invite(global, room, rooms::InviteOptions { right, qr, hints }, output)
        }
        Command::Pipe { lines, linger } => {
            block_on(pipe::run(global, output, pipe::Options { lines, linger }))
        }
        Command::HistoryCommand(history) => history::run(global, output, history),
        Command::Backup { file } => backup::backup(global, output, &file),
        Command::Restore { file } => backup::restore(global, output, &file),
        Command::Mod { what } => block_on(moderate::run(global, output, &what)),
        Command::About(about) => about::run(global, output, about),
        Command::Config { what } => configure::run(global, output, what),
        Command::Rename { name } => rooms::rename(global, &name.join(" "), output),
        Command::Leave { room, yes } => rooms::leave(global, &room, yes, output),
        Command::Rooms => rooms::list(global, output),
        Command::Whoami => rooms::whoami(global, output),
        Command::Channels => block_on(inspect::channels(global, output)),
        Command::Peers { timeout } => block_on(peers::run(global, output, timeout)),
        Command::Feeds => block_on(inspect::feeds(global, output)),
        Command::Status => block_on(inspect::status(global, output)),
        Command::Send { channel, text, wait, timeout } => {
            let text = send::text_of(&text)?;
            let options = send::Options { channel: channel.name(), text, wait, timeout };
            block_on(send::run(global, output, &options))
        }
        Command::Tail { channel, lines, follow, no_backfill, since } => {
            let since = since.map(|since| Timestamp::now() - since);
            let options = tail::Options { channel, lines, follow, no_backfill, since };
            block_on(tail::run(global, output, options))
        }
        Command::Sync { until, timeout } => block_on(sync::run(global, output, until, timeout)),
        Command::Dht => block_on(dht::run(global, output)),
        Command::Serve(more) => block_on(serve::run(global, output, more)),
        Command::Chat => {
            let profile = Profile::open(global)?;
            window::chat(&Global { ui: Some(Ui::Line), ..global.clone() }, profile, output)
        }
        Command::Attach => window::attach(global, output),
        Command::Demo { peers, messages, seed } => {
            demo::run(demo::options::DemoOptions { peers, messages, seed }, output)
        }
    }
}
