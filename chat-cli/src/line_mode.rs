//! Shows a room in line mode: prints new messages and sends what the user types.
//!
//! Rule: every typed line is either stored or refused with a message.

mod answer;
mod console;
mod delivery;

use std::time::Duration;

use multifeed_tcp::NodeEvent;
use tokio::time::{Instant, sleep_until};

use self::console::Screen;
use self::delivery::{Delivery, Holders};
use crate::args::Global;
use crate::args::channel::AnyChannel;
use crate::connections::Change;
use crate::delivery::messages;
use crate::exit::ExitCode;
use crate::lines::{self, Arrival, Line};
use crate::logging;
use crate::message::{CHANNEL, channel_name};
use crate::notify::rings;
use crate::output::{Format, Output};
use crate::printer::Printer;
use crate::profile::Profile;
use crate::profile::room::Room;
use crate::report::Failure;
use crate::sanitize::{self, Clean};
use crate::session::Session;
use crate::session::events::grows;
use crate::session::topics::Topic;
use crate::signals::Signals;
use crate::slash::{self, Typed};
use crate::stdin::Input;
use crate::timeline::Entry;
use crate::timeline::key::Spot;

/// Messages shown when a room is opened. Chosen: they fit a terminal of 24 rows.
const HISTORY_LINES: usize = 20;
/// How long the program stays for undelivered messages after the end of the input. Chosen: as the
/// default `--timeout` of `send`.
const LINGER: Duration = Duration::from_secs(10);
/// How long the prompt waits so that it can show the delivery of the last message. Chosen: typing
/// does not feel delayed below 0.2 s.
const PROMPT_AFTER: Duration = Duration::from_millis(150);

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
    let signals = Signals::take()?;
    let interactive = output.terminals.input && output.terminals.data;
    let place = if interactive { logging::Place::File } else { logging::Place::Stderr };
    logging::start(global, place, &profile)?;
    let mut session = Session::open(global, profile, room).await?;
    // Before the screen is opened, so that a failure is printed as usual.
    if let Err(failure) = session.go_online(global, output).await {
        session.close().await;
        return Err(failure);
    }
    let mut chat = match Chat::open(session, global, output, signals).await {
        Ok(chat) => chat,
        Err((session, failure)) => {
            session.close().await;
            return Err(failure);
        }
    };
    let done = chat.talk().await;
    let Chat { session, screen, delivery, .. } = chat;
    let echoes = screen.echoes();
    drop(screen);
    if echoes && done.is_err() {
        // The cursor stands after the prompt.
        output.say("")?;
    }
    let waiting = delivery.waiting();
    session.close().await;
    if waiting > 0 {
        output.say(&format!("{} stored here and not yet on any peer", messages(waiting)))?;
    }
    done
}

struct Chat {
    session: Session,
    global: Global,
    output: Output,
    signals: Signals,
    screen: Screen,
    printer: Printer,
    delivery: Delivery,
    /// The last message read before this session.
    read: Option<Spot>,
    /// The current channel.
    channel: Clean,
    /// When to show the next prompt, if it is delayed.
    prompt_due: Option<Instant>,
    /// Whether the last key was Ctrl-C.
    interrupted: bool,
    /// The deadline after the end of the input.
    until: Option<Instant>,
}

/// Whether the chat continues.
enum Next {
    GoOn,
    Leave,
}

impl Chat {
    async fn open(
        session: Session,
        global: &Global,
        output: &Output,
        signals: Signals,
    ) -> Result<Self, (Session, Failure)> {
        let history = session.history(HISTORY_LINES, None, &AnyChannel::default()).await;
        let topic = session.topic(&channel_name(CHANNEL)).await;
        let found = history.and_then(|h| Ok((h, topic?)));
        let found = found.and_then(|f| Ok((f, session.own_length()?, session.marks()?.read)));
        let ((history, topic), length, read) = match found {
            Ok(found) => found,
            Err(failure) => return Err((session, failure)),
        };
        let screen = match Screen::open(output) {
            Ok(screen) => screen,
            Err(failure) => return Err((session, failure)),
        };
        let printer = Printer::new(&session, output);
        let delivery = Delivery::new(length);
        let mut chat = Self {
            session,
            global: global.clone(),
            output: *output,
            signals,
            screen,
            printer,
            delivery,
            read,
            channel: channel_name(CHANNEL),
            prompt_due: None,
            interrupted: false,
            until: None,
        };
        match chat.greet(&history, topic.as_ref()) {
            Ok(()) => Ok(chat),
            Err(failure) => Err((chat.session, failure)),
        }
    }

    fn greet(&mut self, history: &[Entry], topic: Option<&Topic>) -> Result<(), Failure> {
        for entry in history {
            let lines = self.printer.lines(entry, Arrival::Backfill)?;
            self.screen.data(&lines)?;
        }
        self.mark_read(history.last())?;
        if self.screen.echoes() {
            let name = self.session.room().name();
            let you = sanitize::author(self.session.nick().as_str(), &self.session.key().0);
            self.screen.say(&format!("this is \"{name}\"; you are {you}; /help"))?;
            if let Some(topic) = topic {
                self.screen.say(&format!("#{} ─ {}", self.channel, topic.text))?;
            }
            if history.is_empty() {
                self.screen.say("no messages yet: /invite somebody, or just write")?;
            }
            if self.session.links().targets().is_empty() && self.session.listening().is_none() {
                self.screen
                    .say("offline: messages are stored here (online with --peer or --listen)")?;
            }
        }
        self.prompt();
        Ok(())
    }

    fn prompt(&mut self) {
        self.prompt_due = None;
        let mark = if self.delivery.waiting() == 0 { '●' } else { '◌' };
        self.screen.prompt(&format!("{} {mark} › ", self.session.nick()));
    }

    async fn talk(&mut self) -> Result<(), Failure> {
        loop {
            let forever = Instant::now() + Duration::from_secs(3_600);
            let dues = [self.delivery.deadline(), self.prompt_due, self.until];
            let due = dues.into_iter().flatten().min().unwrap_or(forever);
            let next = tokio::select! {
                input = self.screen.next(), if self.until.is_none() => self.typed(input).await?,
                next = self.session.next() => {
                    let (event, change) = next.ok_or_else(|| self.session.ended())?;
                    self.happened(&event, change).await?
                }
                () = sleep_until(due) => Next::GoOn,
                code = self.signals.next() => return Err(Failure::quiet(code)),
            };
            if matches!(next, Next::Leave) {
                return self.show_new().await;
            }
            self.look().await?;
            if let Some(until) = self.until
                && (self.delivery.waiting() == 0 || Instant::now() >= until)
            {
                self.show_new().await?;
                return self.ended();
            }
        }
    }

    /// Reports the delivery of our messages and shows the prompt.
    async fn look(&mut self) -> Result<(), Failure> {
        let holders = self.holders().await?;
        if let Some(told) = self.delivery.look(&holders) {
            self.screen.say(&told)?;
        }
        let arrived = self.delivery.waiting() == 0 || holders.here == 0;
        if self.prompt_due.is_some_and(|due| arrived || Instant::now() >= due) {
            self.prompt();
        }
        Ok(())
    }

    async fn holders(&self) -> Result<Holders, Failure> {
        let found = self.session.node().holders(self.session.feed()).await;
        let found = found.map_err(|error| self.session.failed(error))?;
        let length = self.session.own_length()?;
        let most = found.iter().map(|(_, length)| *length).max().unwrap_or(0);
        let complete = found.iter().filter(|(_, held)| *held >= length).count();
        Ok(Holders { most, complete, here: self.session.links().here().len() })
    }

    /// Stores, executes or refuses what the user typed.
    async fn typed(&mut self, input: Input) -> Result<Next, Failure> {
        let was_interrupted = std::mem::take(&mut self.interrupted);
        let line = match input {
            Input::Line(line) => line,
            Input::Interrupt if was_interrupted => {
                return Err(Failure::quiet(ExitCode::Interrupted));
            }
            Input::Interrupt => {
                self.interrupted = true;
                self.screen.say("Ctrl-C again to quit")?;
                self.prompt();
                return Ok(Next::GoOn);
            }
            Input::End if self.screen.echoes() => return Ok(Next::Leave),
            Input::End => {
                let online = !self.session.links().targets().is_empty()
                    || self.session.listening().is_some();
                let linger = if online { LINGER } else { Duration::ZERO };
                self.until = Some(Instant::now() + linger);
                return Ok(Next::GoOn);
            }
        };
        match slash::read(&line) {
            Typed::Text(text) => {
                self.send(&text).await?;
                self.prompt_due = Some(Instant::now() + PROMPT_AFTER);
                return Ok(Next::GoOn);
            }
            Typed::Quit => return Ok(Next::Leave),
            other => self.answer(other).await?,
        }
        self.prompt();
        Ok(Next::GoOn)
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
            // The user can correct this.
            Err(failure) if failure.exit() == ExitCode::BadInput => {
                self.refuse("not sent", &failure)
            }
            Err(failure) => Err(failure),
        }
    }

    fn refuse(&self, what: &str, failure: &Failure) -> Result<(), Failure> {
        match failure.report() {
            Some(report) => self.screen.say(&format!("{what}: {}", report.message())),
            None => Ok(()),
        }
    }

    async fn happened(
        &mut self,
        event: &NodeEvent,
        change: Option<Change>,
    ) -> Result<Next, Failure> {
        if let Some(change) = change {
            match (self.output.format, change.line()) {
                (Format::Json, Some(line)) => self.output.json(&line)?,
                _ => self.screen.say(&change.text())?,
            }
        }
        if grows(event) {
            self.show_new().await?;
        }
        Ok(Next::GoOn)
    }

    /// Shows stored messages that were not shown yet.
    async fn show_new(&mut self) -> Result<(), Failure> {
        loop {
            let step = self.session.step().await?;
            for entry in &step.entries {
                // On a terminal the user's own input is already on the screen.
                if entry.id.feed != self.session.key().0 || !self.screen.echoes() {
                    let lines = self.printer.lines(entry, Arrival::Live)?;
                    self.screen.data(&lines)?;
                    self.ring(entry)?;
                }
            }
            self.mark_read(step.entries.last())?;
            if !step.more {
                return Ok(());
            }
        }
    }

    fn ring(&self, entry: &Entry) -> Result<(), Failure> {
        let (own, notify) = (self.session.key().0, self.session.look().notify);
        match rings(entry, &own, self.session.nick(), notify) {
            true => self.output.ring(),
            false => Ok(()),
        }
    }

    /// Saves the read position if a person reads; a program may not show the messages.
    fn mark_read(&self, last: Option<&Entry>) -> Result<(), Failure> {
        match last {
            Some(last) if self.screen.echoes() => self.session.mark_read(last.spot()),
            _ => Ok(()),
        }
    }

    /// Returns a note after the end of the input if a message was not delivered.
    fn ended(&self) -> Result<(), Failure> {
        let online = !self.session.links().targets().is_empty();
        if self.delivery.waiting() == 0 || !online {
            return Ok(());
        }
        let message = "no other member was reached. Your messages are stored, not delivered yet";
        let failure = Failure::note(ExitCode::NoPeer, "net.nobody", message);
        Err(failure.help("do not resend them: the next  multichat sync  or  serve  delivers them"))
    }
}
