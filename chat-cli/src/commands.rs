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
use crate::exit::ExitCode;
use crate::invite::Right;
use crate::output::Output;
use crate::profile::Profile;
use crate::profile::invites::Hinted;
use crate::report::Failure;
use crate::runtime::drive;

/// Runs a command line.
///
/// # Errors
/// Returns the report to show and the exit code.
pub fn run(invocation: Invocation, output: &Output) -> Result<(), Failure> {
    let Invocation { mut global, action } = invocation;
    if needs_settings(&action) {
        config::file::load(&global)?.under(&mut global);
    }
    match action {
        Action::Open => open::run(&global, output),
        Action::JoinAndOpen { ticket } => rooms::join_ticket(&global, ticket, output),
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
        Command::New { name, no_open } => rooms::new(global, name, no_open, output),
        Command::Join(arguments) => rooms::join(global, &arguments, output),
        Command::Invite { room, seed, qr, no_hints } => {
            let right = if seed { Right::Seeder } else { Right::Member };
            let hints = if no_hints { Hinted::No } else { Hinted::Yes };
            rooms::invite(global, room, rooms::Invite { right, qr, hints }, output)
        }
        Command::Pipe { lines, linger } => {
            drive(pipe::run(global, output, pipe::Wanted { lines, linger }))
        }
        Command::Keep(keep) => history::run(global, output, keep),
        Command::Backup { file } => backup::backup(global, output, &file),
        Command::Restore { file } => backup::restore(global, output, &file),
        Command::Mod { what } => drive(moderate::run(global, output, &what)),
        Command::About(about) => about::run(global, output, about),
        Command::Config { what } => configure::run(global, output, what),
        Command::Rooms => rooms::list(global, output),
        Command::Whoami => rooms::whoami(global, output),
        Command::Channels => drive(inspect::channels(global, output)),
        Command::Peers { timeout } => drive(peers::run(global, output, timeout)),
        Command::Feeds => drive(inspect::feeds(global, output)),
        Command::Status => drive(inspect::status(global, output)),
        Command::Send { channel, text, wait, timeout } => {
            let text = send::text_of(&text)?;
            let wanted = send::Wanted { channel: channel.name(), text, wait, timeout };
            drive(send::run(global, output, &wanted))
        }
        Command::Tail { channel, lines, follow, no_backfill, since } => {
            let since = since.map(|since| Timestamp::now() - since);
            let wanted = tail::Wanted { channel, lines, follow, no_backfill, since };
            drive(tail::run(global, output, wanted))
        }
        Command::Sync { until, timeout } => drive(sync::run(global, output, until, timeout)),
        Command::Dht => drive(dht::run(global, output)),
        Command::Serve(more) => drive(serve::run(global, output, more)),
        Command::Chat => {
            let profile = Profile::open(global)?;
            window::chat(&Global { ui: Some(Ui::Line), ..global.clone() }, profile, output)
        }
        Command::Attach => window::attach(global, output),
        Command::Demo { peers, messages, seed } => {
            demo::run(demo::options::Size { peers, messages, seed }, output)
        }
    }
}
