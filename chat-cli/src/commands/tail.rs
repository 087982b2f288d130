//! Prints the last messages, then follows new ones.

use jiff::Timestamp;

use crate::args::Global;
use crate::args::channel::AnyChannel;
use crate::lines::Arrival;
use crate::logging;
use crate::output::Output;
use crate::printer::Printer;
use crate::profile::Profile;
use crate::report::Failure;
use crate::session::Session;
use crate::session::events::grows;
use crate::signals::Signals;

/// Which messages to print.
pub(super) struct Wanted {
    pub(super) channel: AnyChannel,
    pub(super) lines: usize,
    pub(super) follow: bool,
    pub(super) no_backfill: bool,
    pub(super) since: Option<Timestamp>,
}

pub(super) async fn run(global: &Global, output: &Output, wanted: Wanted) -> Result<(), Failure> {
    let mut signals = Signals::take()?;
    let profile = Profile::open(global)?;
    logging::start(global, logging::Place::Stderr, &profile)?;
    let room = profile.find_readable(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let done = print(global, output, &mut session, &mut signals, wanted).await;
    session.close().await;
    done
}

async fn print(
    global: &Global,
    output: &Output,
    session: &mut Session,
    signals: &mut Signals,
    wanted: Wanted,
) -> Result<(), Failure> {
    let mut printer = Printer::new(session, output);
    let keep = if wanted.no_backfill { 0 } else { wanted.lines };
    for entry in session.history(keep, wanted.since, &wanted.channel).await? {
        printer.print(&entry, Arrival::Backfill)?;
    }
    if !wanted.follow {
        return Ok(());
    }
    session.go_online(global, output).await?;
    loop {
        tokio::select! {
            next = session.next() => {
                let (event, change) = next.ok_or_else(|| session.ended())?;
                if let Some(change) = change {
                    output.say(&change.text())?;
                }
                if !grows(&event) {
                    continue;
                }
            }
            code = signals.next() => return Err(Failure::quiet(code)),
        }
        loop {
            let step = session.step().await?;
            let entries = step.entries.iter();
            for entry in entries.filter(|entry| wanted.channel.takes(&entry.content.channel())) {
                printer.print(entry, Arrival::Live)?;
            }
            if !step.more {
                break;
            }
        }
    }
}
