//! Prints the last messages, then follows new ones.

use jiff::Timestamp;

use crate::args::Global;
use crate::args::channel::ChannelFilter;
use crate::lines::Arrival;
use crate::logging;
use crate::output::Output;
use crate::printer::Printer;
use crate::profile::Profile;
use crate::report::Failure;
use crate::session::Session;
use crate::session::events::may_add_messages;
use crate::signals::Signals;

/// Which messages to print.
pub(super) struct Options {
    pub(super) channel: ChannelFilter,
    pub(super) lines: usize,
    pub(super) follow: bool,
    pub(super) no_backfill: bool,
    pub(super) since: Option<Timestamp>,
}

pub(super) async fn run(global: &Global, output: &Output, options: Options) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let profile = Profile::open(global)?;
    logging::start(global, logging::LogTarget::Stderr, &profile)?;
    let room = profile.find_readable(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let done = print(global, output, &mut session, &mut signals, options).await;
    session.close().await;
    done
}

async fn print(
    global: &Global,
    output: &Output,
    session: &mut Session,
    signals: &mut Signals,
    options: Options,
) -> Result<(), Failure> {
    let mut printer = Printer::new(session, output);
    let limit = if options.no_backfill { 0 } else { options.lines };
    for entry in session.history(limit, options.since, &options.channel).await? {
        printer.print(&entry, Arrival::Backfill)?;
    }
    let signed = session.check_signed().await;
    if !options.follow {
        return signed;
    }
    if let Err(failure) = &signed {
        output.warn(failure)?;
    }
    session.go_online(global, output).await?;
    loop {
        tokio::select! {
            next = session.next() => {
                let (event, notice) = next.ok_or_else(|| session.stopped_failure())?;
                if let Some(notice) = notice {
                    output.say(&notice.text())?;
                }
                if !may_add_messages(&event) {
                    continue;
                }
            }
            code = signals.next() => return Err(Failure::quiet(code)),
        }
        loop {
            let step = session.step().await?;
            let entries = step.entries.iter();
            for entry in entries.filter(|entry| options.channel.matches(&entry.content.channel())) {
                let arrival = session.arrival(entry);
                if arrival == Arrival::Live || !options.no_backfill {
                    printer.print(entry, arrival)?;
                }
            }
            if !step.more {
                break;
            }
        }
    }
}
