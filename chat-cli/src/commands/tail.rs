//! Prints the last messages, then follows new ones.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use multifeed_core::Event;
use multifeed_tcp::NodeEvent;

use crate::args::{AnyChannel, Global};
use crate::lines::{self, Arrival, Line, Message};
use crate::logging;
use crate::message::Content;
use crate::output::{Format, Output};
use crate::profile::Profile;
use crate::report::Failure;
use crate::session::Session;
use crate::signals::Signals;
use crate::timeline::Entry;
use crate::transcript::Transcript;

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

/// Returns whether there may be new messages after an event.
pub(crate) fn grows(event: &NodeEvent) -> bool {
    matches!(
        event,
        NodeEvent::Lagged(_)
            | NodeEvent::Multifeed(
                Event::Extended { .. } | Event::Appended { .. } | Event::FeedAdded { .. }
            )
    )
}

/// Prints messages to stdout, as text or as JSON.
pub(crate) struct Printer {
    output: Output,
    room: String,
    transcript: Transcript,
}

impl Printer {
    pub(crate) fn new(session: &Session, output: &Output) -> Self {
        let transcript = Transcript::new(TimeZone::system(), output.data_paint);
        let transcript = transcript.with(session.look().timestamps);
        Self { output: *output, room: session.room().name().to_string(), transcript }
    }

    pub(crate) fn print(&mut self, entry: &Entry, arrival: Arrival) -> Result<(), Failure> {
        for line in self.lines(entry, arrival)? {
            self.output.data(&line)?;
        }
        Ok(())
    }

    /// Returns the output lines of a message.
    pub(crate) fn lines(
        &mut self,
        entry: &Entry,
        arrival: Arrival,
    ) -> Result<Vec<String>, Failure> {
        match self.output.format {
            Format::Text => Ok(self.transcript.lines(entry)),
            Format::Json => {
                let message = Message::new(entry.id.clone(), &self.room, &entry.content, arrival);
                let event = match entry.content {
                    Content::Topic(_) => lines::Event::Topic(message),
                    _ => lines::Event::Message(message),
                };
                crate::output::json_line(&Line::from(event)).map(|line| vec![line])
            }
        }
    }
}
