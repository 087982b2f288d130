//! Shows a room in line mode: prints new messages and sends what the user types.
//!
//! Rule: every typed line is either stored or refused with a message.

mod answer;
mod console;
mod delivery;

use std::time::Duration;

use multifeed_tcp::NodeEvent;
use tokio::time::{Instant, sleep_until};

use self::console::Console;
use self::delivery::{DeliveryTracker, HolderCounts};
use crate::args::Global;
use crate::args::channel::ChannelFilter;
use crate::connections::Notice;
use crate::delivery::your_messages;
use crate::exit::ExitCode;
use crate::lines::{self, Arrival, Line};
use crate::logging;
use crate::message::{CHANNEL, channel_name};
use crate::notify::should_notify;
use crate::output::{Format, Output};
use crate::printer::Printer;
use crate::profile::Profile;
use crate::profile::room::Room;
use crate::report::Failure;
use crate::sanitize::{self, Clean};
use crate::session::Session;
use crate::session::events::may_add_messages;
use crate::session::failure::refuses_one_message;
use crate::session::topics::Topic;
use crate::signals::Signals;
use crate::slash::{self, ParsedLine};
use crate::stdin::Input;
use crate::timeline::Entry;
use crate::timeline::key::TimelineKey;

/// Messages shown when a room is opened. Chosen: they fit a terminal of 24 rows.
const HISTORY_LINES: usize = 20;
/// The widest command in a question about it, in columns. Chosen: the question fits in two rows.
const COMMAND_COLUMNS_MAX: usize = 40;
/// How long the program stays for undelivered messages after the end of the input. Chosen: as the
/// default `--timeout` of `send`.
const LINGER: Duration = Duration::from_secs(10);
/// How long the prompt waits so that it can show the delivery of the last message. Chosen: typing
/// does not feel delayed below 0.2 s.
const PROMPT_DELAY: Duration = Duration::from_millis(150);

/// Opens a room in line mode until the user leaves.
///
/// # Errors
/// Fails if the room cannot be opened or its store fails; after a signal, with its exit code.
pub async fn run(
    global: &Global,
    profile: Profile,
    room: Room,
    output: &Output,
) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    let interactive = output.terminals.stdin && output.terminals.stdout;
    let target = if interactive { logging::LogTarget::File } else { logging::LogTarget::Stderr };
    logging::start(global, target, &profile)?;
    let mut session = Session::open(global, profile, room).await?;
    // Before the screen is opened, so that a failure is printed as usual.
    if let Err(failure) = session.go_online(global, output).await {
        session.close().await;
        return Err(failure);
    }
    if let Err(failure) = session.check_signed().await {
        output.warn(&failure)?;
    }
    let mut line_mode = match LineMode::open(session, global, output, signals).await {
        Ok(line_mode) => line_mode,
        Err((session, failure)) => {
            session.close().await;
            return Err(failure);
        }
    };
    let done = line_mode.run().await;
    let LineMode { session, console, delivery, .. } = line_mode;
    let echoes_input = console.echoes_input();
    drop(console);
    if echoes_input && done.is_err() {
        // The cursor stands after the prompt.
        output.say("")?;
    }
    let waiting = delivery.waiting();
    session.close().await;
    if waiting > 0 {
        output.say(&format!("{} stored here and not yet on any peer", your_messages(waiting)))?;
    }
    done
}

struct LineMode {
    session: Session,
    global: Global,
    output: Output,
    signals: Signals,
    console: Console,
    printer: Printer,
    delivery: DeliveryTracker,
    /// The last message read before this session.
    read: Option<TimelineKey>,
    /// The current channel.
    channel: Clean,
    /// When to show the next prompt, if it is delayed.
    prompt_due: Option<Instant>,
    /// Whether the last key was Ctrl-C.
    interrupted: bool,
    /// The last line, if it was not sent because it looks like a command without its slash.
    unsent: Option<String>,
    /// The deadline after the end of the input.
    until: Option<Instant>,
}

/// Whether the chat continues.
enum Flow {
    Continue,
    Leave,
}

impl LineMode {
    async fn open(
        session: Session,
        global: &Global,
        output: &Output,
        signals: Signals,
    ) -> Result<Self, (Session, Failure)> {
        let history = session.history(HISTORY_LINES, None, &ChannelFilter::default()).await;
        let topic = session.topic(&channel_name(CHANNEL)).await;
        let found = history.and_then(|h| Ok((h, topic?)));
        let found = found.and_then(|f| Ok((f, session.own_length()?, session.local_state()?.read)));
        let ((history, topic), length, read) = match found {
            Ok(found) => found,
            Err(failure) => return Err((session, failure)),
        };
        let console = match Console::open(output) {
            Ok(console) => console,
            Err(failure) => return Err((session, failure)),
        };
        let printer = Printer::new(&session, output);
        let delivery = DeliveryTracker::new(length);
        let mut line_mode = Self {
            session,
            global: global.clone(),
            output: *output,
            signals,
            console,
            printer,
            delivery,
            read,
            channel: channel_name(CHANNEL),
            prompt_due: None,
            interrupted: false,
            unsent: None,
            until: None,
        };
        match line_mode.show_greeting(&history, topic.as_ref()) {
            Ok(()) => Ok(line_mode),
            Err(failure) => Err((line_mode.session, failure)),
        }
    }

    fn show_greeting(&mut self, history: &[Entry], topic: Option<&Topic>) -> Result<(), Failure> {
        for entry in history {
            let lines = self.printer.lines(entry, Arrival::Backfill)?;
            self.console.data(&lines)?;
        }
        self.mark_read(history.last())?;
        if self.console.echoes_input() {
            let name = self.session.room().name();
            let you = sanitize::author(self.session.nick().as_str(), &self.session.key().0);
            self.console.say(&format!("this is \"{name}\"; you are {you}; /help"))?;
            if let Some(topic) = topic {
                self.console.say(&format!("#{} ─ {}", self.channel, topic.text))?;
            }
            if history.is_empty() {
                self.console.say("no messages yet: /invite somebody, or just write")?;
            }
            if self.session.connections().targets().is_empty() && self.session.listening().is_none()
            {
                self.console.say(
                    "offline: your messages wait here. To go online, start with  --lan  or  --peer",
                )?;
            }
        }
        self.prompt();
        Ok(())
    }

    fn prompt(&mut self) {
        self.prompt_due = None;
        let mark = if self.delivery.waiting() == 0 { '●' } else { '◌' };
        self.console.prompt(&format!("{} {mark} › ", self.session.nick()));
    }

    async fn run(&mut self) -> Result<(), Failure> {
        loop {
            let forever = Instant::now() + Duration::from_secs(3_600);
            let dues = [self.delivery.deadline(), self.prompt_due, self.until];
            let due = dues.into_iter().flatten().min().unwrap_or(forever);
            let next = tokio::select! {
                input = self.console.next(), if self.until.is_none() => self.on_input(input).await?,
                next = self.session.next() => {
                    let (event, notice) = next.ok_or_else(|| self.session.stopped_failure())?;
                    self.on_node_event(&event, notice).await?
                }
                () = sleep_until(due) => Flow::Continue,
                code = self.signals.next() => return Err(Failure::quiet(code)),
            };
            if matches!(next, Flow::Leave) {
                return self.show_new().await;
            }
            self.check_delivery().await?;
            if let Some(until) = self.until
                && (self.delivery.waiting() == 0 || Instant::now() >= until)
            {
                self.show_new().await?;
                return self.outcome_at_end();
            }
        }
    }

    /// Reports the delivery of our messages and shows the prompt.
    async fn check_delivery(&mut self) -> Result<(), Failure> {
        let holders = self.holders().await?;
        if let Some(notice) = self.delivery.update(&holders) {
            self.console.say(&notice)?;
        }
        let arrived = self.delivery.waiting() == 0 || holders.connected == 0;
        if self.prompt_due.is_some_and(|due| arrived || Instant::now() >= due) {
            self.prompt();
        }
        Ok(())
    }

    async fn holders(&self) -> Result<HolderCounts, Failure> {
        let found = self.session.node().holders(self.session.feed()).await;
        let found = found.map_err(|error| self.session.failed(error))?;
        let length = self.session.own_length()?;
        let most = found.iter().map(|(_, length)| *length).max().unwrap_or(0);
        let complete = found.iter().filter(|(_, held)| *held >= length).count();
        Ok(HolderCounts { most, complete, connected: self.session.connections().online().len() })
    }

    /// Stores, executes or refuses what the user typed.
    async fn on_input(&mut self, input: Input) -> Result<Flow, Failure> {
        let was_interrupted = std::mem::take(&mut self.interrupted);
        let line = match input {
            Input::Line(line) => line,
            Input::Interrupt if was_interrupted => {
                return Err(Failure::quiet(ExitCode::Interrupted));
            }
            Input::Interrupt => {
                self.interrupted = true;
                self.console.say("Ctrl-C again to quit")?;
                self.prompt();
                return Ok(Flow::Continue);
            }
            Input::End if self.console.echoes_input() => return Ok(Flow::Leave),
            Input::End => {
                let online = !self.session.connections().targets().is_empty()
                    || self.session.listening().is_some();
                let linger = if online { LINGER } else { Duration::ZERO };
                self.until = Some(Instant::now() + linger);
                return Ok(Flow::Continue);
            }
        };
        if self.console.echoes_input()
            && self.unsent.as_ref() != Some(&line)
            && let Some(command) = slash::without_slash(&line)
        {
            self.console.say(&format!(
                "not sent: did you mean  {} ?  To send it as text, enter it again",
                sanitize::line(&command, COMMAND_COLUMNS_MAX)
            ))?;
            self.unsent = Some(line);
            self.prompt();
            return Ok(Flow::Continue);
        }
        self.unsent = None;
        match slash::parse(&line) {
            ParsedLine::Text(text) => {
                self.send(&text).await?;
                self.prompt_due = Some(Instant::now() + PROMPT_DELAY);
                return Ok(Flow::Continue);
            }
            ParsedLine::Quit => return Ok(Flow::Leave),
            other => self.answer(other).await?,
        }
        self.prompt();
        Ok(Flow::Continue)
    }

    async fn send(&mut self, text: &str) -> Result<(), Failure> {
        match self.session.append(self.channel.as_str(), text).await {
            Ok(id) => {
                if self.output.format == Format::Json {
                    let event =
                        lines::Event::Ack { reference: None, id: id.clone(), state: "stored" };
                    self.output.json(&Line::from(event))?;
                }
                self.delivery.stored(id.index + 1);
                Ok(())
            }
            // The user can correct this. On a terminal any failure is shown, as the user may be
            // typing the next line.
            Err(failure) if refuses_one_message(&failure) || self.console.echoes_input() => {
                self.refuse("not sent", &failure)
            }
            Err(failure) => Err(failure),
        }
    }

    fn refuse(&self, what: &str, failure: &Failure) -> Result<(), Failure> {
        match failure.report() {
            Some(report) => self.console.say(&format!("{what}: {}", report.message())),
            None => Ok(()),
        }
    }

    async fn on_node_event(
        &mut self,
        event: &NodeEvent,
        notice: Option<Notice>,
    ) -> Result<Flow, Failure> {
        if let Some(notice) = notice {
            match (self.output.format, notice.line()) {
                (Format::Json, Some(line)) => self.output.json(&line)?,
                _ => self.console.say(&notice.text())?,
            }
        }
        if may_add_messages(event) {
            self.show_new().await?;
        }
        Ok(Flow::Continue)
    }

    /// Shows stored messages that were not shown yet.
    async fn show_new(&mut self) -> Result<(), Failure> {
        loop {
            let step = self.session.step().await?;
            for entry in &step.entries {
                // On a terminal the user's own input is already on the screen.
                if entry.id.feed != self.session.key().0 || !self.console.echoes_input() {
                    let arrival = self.session.arrival(entry);
                    let lines = self.printer.lines(entry, arrival)?;
                    self.console.data(&lines)?;
                    self.notify(entry)?;
                }
            }
            self.mark_read(step.entries.last())?;
            if !step.more {
                return Ok(());
            }
        }
    }

    fn notify(&self, entry: &Entry) -> Result<(), Failure> {
        let (own, notify) = (self.session.key().0, self.session.appearance().notify);
        if should_notify(entry, &own, self.session.nick(), notify) {
            self.output.ring()
        } else {
            Ok(())
        }
    }

    /// Saves the read position if a person reads; a program may not show the messages.
    fn mark_read(&self, last: Option<&Entry>) -> Result<(), Failure> {
        match last {
            Some(last) if self.console.echoes_input() => self.session.mark_read(last.position()),
            _ => Ok(()),
        }
    }

    /// Returns a note after the end of the input if a message was not delivered.
    fn outcome_at_end(&self) -> Result<(), Failure> {
        let online = !self.session.connections().targets().is_empty();
        if self.delivery.waiting() == 0 || !online {
            return Ok(());
        }
        let message = "no other member was reached. Your messages are stored, not delivered yet";
        let failure = Failure::note(ExitCode::NoPeer, "net.nobody", message);
        Err(failure.help("do not resend them: the next  multichat sync  or  serve  delivers them"))
    }
}
