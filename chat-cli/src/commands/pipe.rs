//! Exchanges JSON lines in both directions, for bots: prints events and runs commands.
//!
//! Rule: every command gets an answer with its `ref`: `ack` once it is durable here, or `error`.
//! An invalid line ends nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep_until};

use crate::args::Global;
use crate::args::channel::ChannelFilter;
use crate::exit::ExitCode;
use crate::ids::{MessageId, hex};
use crate::lines::{Arrival, Event, Line};
use crate::logging;
use crate::message::{BLOCK_BYTES_MAX, CHANNEL};
use crate::output::{Format, Output};
use crate::printer::Printer;
use crate::profile::Profile;
use crate::profile::room::ROOM_NAME_COLUMNS_MAX;
use crate::report::Failure;
use crate::sanitize::{self, Clean};
use crate::session::Session;
use crate::session::events::may_add_messages;
use crate::session::failure::refuses_one_message;
use crate::signals::Signals;
use crate::stdin::{Input, StdinLines};
use crate::transcript::plural;

/// How often delivery is checked while nothing happens. Chosen: a delay that a bot tolerates, at
/// little cost.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// The most own messages whose delivery is tracked. The oldest is dropped first. Chosen: bounds
/// memory and the cost of each check.
const FOLLOWED_MAX: usize = 1_000;
/// The longest `ref` that is returned. Chosen: longer than any UUID or hash.
const REF_COLUMNS_MAX: usize = 200;

/// How many messages to print first, and how long to wait for undelivered messages.
pub(super) struct Options {
    pub(super) lines: usize,
    pub(super) linger: Duration,
}

/// A command. Unknown fields are ignored.
#[derive(Deserialize)]
struct PipeCommand {
    #[serde(default)]
    cmd: String,
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    room: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    text: String,
}

pub(super) async fn run(global: &Global, output: &Output, options: Options) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let output = Output { format: Format::Json, ..*output };
    let profile = Profile::open(global)?;
    logging::start(global, logging::LogTarget::Stderr, &profile)?;
    let room = profile.find_readable(global.room.as_deref())?;
    let mut session = Session::open(global, profile, room).await?;
    let done = match session.go_online(global, &output).await {
        Ok(()) => {
            let printer = Printer::new(&session, &output);
            let online = session.has_network(global);
            let mut pipe = Pipe { session, output, printer, followed: BTreeMap::new(), online };
            let done = pipe.run(&mut signals, options).await;
            session = pipe.session;
            done
        }
        Err(failure) => Err(failure),
    };
    session.close().await;
    let reason = match &done {
        Err(failure) if failure.exit() != ExitCode::NoPeer => "signal",
        _ => "eof",
    };
    output.json(&Line::from(Event::Bye { reason }))?;
    done
}

struct Pipe {
    session: Session,
    output: Output,
    printer: Printer,
    /// Our messages since the start by index, with the last reported number of peers that hold
    /// each.
    followed: BTreeMap<u64, usize>,
    online: bool,
}

impl Pipe {
    async fn run(&mut self, signals: &mut Signals, options: Options) -> Result<(), Failure> {
        self.hello()?;
        let mut lines = StdinLines::open(BLOCK_BYTES_MAX)?;
        for entry in self.session.history(options.lines, None, &ChannelFilter::default()).await? {
            self.printer.print(&entry, Arrival::Backfill)?;
        }
        let mut until = None;
        let mut due = Instant::now() + CHECK_INTERVAL;
        loop {
            tokio::select! {
                input = lines.next(), if until.is_none() => match input {
                    Input::Line(line) => self.on_line(&line).await?,
                    Input::Interrupt | Input::End => {
                        let linger = if self.online { options.linger } else { Duration::ZERO };
                        until = Some(Instant::now() + linger);
                    }
                },
                next = self.session.next() => {
                    let (event, notice) = next.ok_or_else(|| self.session.stopped_failure())?;
                    if let Some(line) = notice.and_then(|notice| notice.line()) {
                        self.output.json(&line)?;
                    }
                    if may_add_messages(&event) {
                        self.read_on().await?;
                    }
                }
                () = sleep_until(due) => {}
                code = signals.next() => return Err(Failure::quiet(code)),
            }
            self.report_holders().await?;
            due = Instant::now() + CHECK_INTERVAL;
            let waiting = self.followed.values().any(|holders| *holders == 0);
            match until {
                Some(_) if !waiting => return self.read_on().await,
                Some(end) if Instant::now() >= end => {
                    // Also print the messages stored last.
                    self.read_on().await?;
                    return self.undelivered();
                }
                _ => {}
            }
        }
    }

    fn hello(&self) -> Result<(), Failure> {
        let rooms = self.session.profile().rooms()?.rooms;
        self.output.json(&Line::from(Event::Hello {
            app: concat!("multichat ", env!("CARGO_PKG_VERSION")),
            profile: self.session.profile().name().to_string(),
            key: hex(&self.session.key().0),
            rooms: rooms.iter().map(|room| shown(room.name())).collect(),
        }))
    }

    /// Runs the command in a line, or answers with an error.
    async fn on_line(&mut self, line: &str) -> Result<(), Failure> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let Ok(on_line) = serde_json::from_str::<PipeCommand>(line) else {
            let what = "the line is not a JSON object with a \"cmd\"";
            return self.refuse(None, &Failure::new(ExitCode::BadInput, "pipe.json", what));
        };
        let reference =
            on_line.reference.as_deref().map(|text| sanitize::line(text, REF_COLUMNS_MAX));
        let name = self.session.room().name();
        if on_line.room.as_deref().is_some_and(|room| room != name) {
            let failure = Failure::new(ExitCode::NotFound, "pipe.room", "another room is open");
            return self.refuse(reference, &failure.help("start one  multichat pipe  per room"));
        }
        if !["send", "topic"].contains(&on_line.cmd.as_str()) {
            let what = format!("there is no command \"{}\"", on_line.cmd);
            let failure = Failure::new(ExitCode::BadInput, "pipe.command", what);
            return self.refuse(reference, &failure.help("commands:  send, topic"));
        }
        let channel = on_line.channel.as_deref().unwrap_or(CHANNEL);
        let stored = match on_line.cmd.as_str() {
            "topic" => self.session.set_topic(channel, &on_line.text).await,
            _ => self.session.append(channel, &on_line.text).await,
        };
        match stored {
            Ok(id) => {
                self.follow(id.index);
                self.output.json(&Line::from(Event::Ack { reference, id, state: "stored" }))
            }
            Err(failure) if refuses_one_message(&failure) => self.refuse(reference, &failure),
            Err(failure) => Err(failure),
        }
    }

    fn refuse(&self, reference: Option<Clean>, failure: &Failure) -> Result<(), Failure> {
        let Some(report) = failure.report() else { return Ok(()) };
        let (code, message) = (report.code(), report.message().clone());
        let help: Vec<&str> = report.help_lines().iter().map(Clean::as_str).collect();
        let help = (!help.is_empty()).then(|| sanitize::json(&help.join("\n")));
        self.output.json(&Line::from(Event::Error { reference, code, message, help }))
    }

    fn follow(&mut self, index: u64) {
        if self.followed.len() == FOLLOWED_MAX {
            self.followed.pop_first();
        }
        self.followed.insert(index, 0);
    }

    /// Reports which of our messages reached more peers.
    async fn report_holders(&mut self) -> Result<(), Failure> {
        if self.followed.is_empty() {
            return Ok(());
        }
        let held = self.session.node().holders(self.session.feed()).await;
        let held = held.map_err(|error| self.session.failed(error))?;
        let of = self.session.connections().online().len() as u64;
        for (index, on_line) in &mut self.followed {
            let holders = held.iter().filter(|(_, length)| length > index).count();
            if holders > *on_line {
                *on_line = holders;
                let id = MessageId { feed: self.session.key().0, index: *index };
                let holders = holders as u64;
                self.output.json(&Line::from(Event::Status {
                    id,
                    holders,
                    of: of.max(holders),
                }))?;
            }
        }
        Ok(())
    }

    async fn read_on(&mut self) -> Result<(), Failure> {
        loop {
            let step = self.session.step().await?;
            for entry in &step.entries {
                self.printer.print(entry, self.session.arrival(entry))?;
            }
            if !step.more {
                return Ok(());
            }
        }
    }

    fn undelivered(&self) -> Result<(), Failure> {
        if !self.online {
            return Ok(());
        }
        let waiting = self.followed.values().filter(|holders| **holders == 0).count();
        let message = format!("not delivered yet: {}", plural(waiting as u64, "message"));
        Err(Failure::note(ExitCode::NoPeer, "net.nobody", message)
            .help("do not resend: the next  multichat sync  or  serve  delivers"))
    }
}

fn shown(name: &str) -> Clean {
    sanitize::line(name, ROOM_NAME_COLUMNS_MAX)
}
