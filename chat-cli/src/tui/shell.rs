//! Joins the model to a room and a terminal.
//!
//! Rule: it carries news in and does what comes out; what is shown is decided in
//! [`super::model`].

use std::time::Duration;

use jiff::tz::TimeZone;
use multifeed_core::Event;
use multifeed_tcp::NodeEvent;
use tokio::time::{Instant, sleep_until};

use super::model::overlay::{FOUND_MAX, Invite};
use super::model::people::Link;
use super::model::{About, Effect, Model, News, Progress};
use super::terminal::{StopSignal, Terminal};
use super::theme::Theme;
use crate::args::{AnyChannel, Global};
use crate::chat::delivery::messages;
use crate::commands::{grows, invite_to};
use crate::exit::ExitCode;
use crate::links::peer_name;
use crate::logging;
use crate::output::{Output, Talk};
use crate::profile::{Access, Profile, ROOM_NAME_COLUMNS_MAX, Room};
use crate::qr;
use crate::report::{Failure, Paint};
use crate::sanitize;
use crate::session::Session;
use crate::signals::Signals;

/// Messages that are read at once.
const PAGE_ROWS: usize = 200;
/// How often it is asked who has what, if nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The widest invite.
const INVITE_COLUMNS_MAX: usize = 400;

/// Opens a room, and others that the user goes to, until he leaves.
///
/// # Errors
/// If a room cannot be opened or its store fails; after a signal, its exit code.
pub async fn run(
    global: &Global,
    profile: Profile,
    room: Room,
    output: &Output,
) -> Result<(), Failure> {
    let mut signals = Signals::take()?;
    let mut stop = StopSignal::take()?;
    logging::start(global, logging::Place::File, &profile)?;
    let quiet = Output { talk: Talk::Quiet, ..*output };
    let (mut profile, mut room) = (profile, room);
    // Before the screen is taken over: what goes wrong with the first room is said in plain.
    let mut session = open(global, profile, room, &quiet).await?;
    let mut terminal = match Terminal::take() {
        Ok(terminal) => terminal,
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    loop {
        let mut shell = match Shell::new(session, &mut terminal, output, global).await {
            Ok(shell) => shell,
            Err((session, failure)) => {
                session.close().await;
                return Err(failure);
            }
        };
        let done = shell.talk(&mut signals, &mut stop).await;
        let waiting = shell.waiting();
        profile = shell.session.close().await;
        match done {
            Ok(Some(next)) => room = next,
            ended => {
                drop(terminal);
                if waiting > 0 {
                    let waiting = messages(waiting);
                    output.say(&format!("{waiting} stored here and not yet on any peer"))?;
                }
                return ended.map(|_| ());
            }
        }
        profile.set_last(room.id())?;
        session = open(global, profile, room, &quiet).await?;
    }
}

async fn open(
    global: &Global,
    profile: Profile,
    room: Room,
    output: &Output,
) -> Result<Session, Failure> {
    let mut session = Session::open(global, profile, room).await?;
    match session.go_online(global, output).await {
        Ok(()) => Ok(session),
        Err(failure) => {
            session.close().await;
            Err(failure)
        }
    }
}

struct Shell<'a> {
    session: Session,
    terminal: &'a mut Terminal,
    model: Model,
    /// The rooms, in the order in which the model shows them.
    rooms: Vec<Room>,
    /// Up to where our feed was on some other disk, as was written down last.
    elsewhere: u64,
}

/// Whether the room stays open.
enum Next {
    GoOn,
    Leave,
    Open(usize),
}

impl<'a> Shell<'a> {
    async fn new(
        session: Session,
        terminal: &'a mut Terminal,
        output: &Output,
        global: &Global,
    ) -> Result<Self, (Session, Failure)> {
        match Self::model(&session, terminal, output, global).await {
            Ok((model, rooms)) => {
                let elsewhere = model.spread.before;
                Ok(Self { session, terminal, model, rooms, elsewhere })
            }
            Err(failure) => Err((session, failure)),
        }
    }

    async fn model(
        session: &Session,
        terminal: &Terminal,
        output: &Output,
        global: &Global,
    ) -> Result<(Model, Vec<Room>), Failure> {
        let rooms = session.profile().rooms()?.rooms;
        let name = |room: &Room| sanitize::line(room.name(), ROOM_NAME_COLUMNS_MAX);
        let about = About {
            room: name(session.room()),
            rooms: rooms.iter().map(name).collect(),
            nick: session.nick().clone(),
            key: session.key().0,
            zone: TimeZone::system(),
            has_network: session.has_network(global),
        };
        let theme = match output.data_paint {
            Paint::Colour => Theme::Dark,
            Paint::Plain => Theme::Plain,
        };
        let marks = session.marks()?;
        let mut model = Model::new(about, terminal.size()?, theme, marks.read);
        model.spread.before = marks.elsewhere;
        session.catch_up().await?;
        model.update(News::Latest(session.page(None, PAGE_ROWS).await?));
        if !session.has_network(global) {
            model.note("offline: what you write waits here. To meet others: --peer or --listen");
        }
        if let Some(addr) = session.listening() {
            model.note(&format!("listening on {addr}"));
        }
        Ok((model, rooms))
    }

    /// Until the user leaves, or goes to the room that is given back.
    async fn talk(
        &mut self,
        signals: &mut Signals,
        stop: &mut StopSignal,
    ) -> Result<Option<Room>, Failure> {
        let mut due = Instant::now();
        loop {
            if Instant::now() >= due {
                self.look().await?;
                due = Instant::now() + LOOK_EVERY;
            }
            self.terminal.draw(&self.model)?;
            let next = tokio::select! {
                event = self.terminal.next() => {
                    let event = event.ok_or_else(|| Failure::quiet(ExitCode::Terminated))?;
                    self.typed(event).await?
                }
                next = self.session.next() => {
                    let (event, change) = next.ok_or_else(|| self.session.ended())?;
                    if let Some(change) = change {
                        self.model.note(&change.text());
                    }
                    due = Instant::now();
                    self.happened(&event).await?
                }
                () = sleep_until(due) => Next::GoOn,
                code = signals.next() => return Err(Failure::quiet(code)),
                () = stop.next() => {
                    self.stop()?;
                    Next::GoOn
                }
            };
            match next {
                Next::GoOn => {}
                Next::Leave => return Ok(None),
                Next::Open(at) => {
                    if let Some(room) = self.rooms.get(at) {
                        return Ok(Some(room.clone()));
                    }
                }
            }
        }
    }

    /// What was typed, with all that was typed since: one picture is enough for it.
    async fn typed(&mut self, event: ratatui::crossterm::event::Event) -> Result<Next, Failure> {
        let mut event = Some(event);
        while let Some(one) = event {
            for effect in self.model.input(one) {
                match self.perform(effect).await? {
                    Next::GoOn => {}
                    next => return Ok(next),
                }
            }
            event = self.terminal.next_now();
        }
        Ok(Next::GoOn)
    }

    /// The window may have been pulled while we stood still.
    fn stop(&mut self) -> Result<(), Failure> {
        self.terminal.stop()?;
        self.model.size = self.terminal.size()?;
        Ok(())
    }

    async fn happened(&mut self, event: &NodeEvent) -> Result<Next, Failure> {
        if let NodeEvent::Multifeed(Event::FeedBroken { .. }) = event {
            self.model.note("a part of the store is damaged: some messages cannot be shown");
        }
        if grows(event) {
            self.read_on().await?;
        }
        Ok(Next::GoOn)
    }

    async fn read_on(&mut self) -> Result<(), Failure> {
        loop {
            let step = self.session.step().await?;
            self.tell(News::Came(step.entries)).await?;
            if !step.more {
                let missing = self.session.missing()?;
                return self.tell(News::Missing(missing)).await;
            }
        }
    }

    /// Tells the model, and does at once what can be done without leaving.
    async fn tell(&mut self, news: News) -> Result<(), Failure> {
        for effect in self.model.update(news) {
            match effect {
                Effect::Bell => self.terminal.ring()?,
                Effect::MarkRead(spot) => self.session.mark_read(spot)?,
                // News ask for nothing else.
                _ => {}
            }
        }
        Ok(())
    }

    async fn perform(&mut self, effect: Effect) -> Result<Next, Failure> {
        match effect {
            Effect::Send { channel, text } => self.send(channel.as_str(), &text).await?,
            Effect::ReadOlder(spot) => {
                let older = self.session.page(Some(spot), PAGE_ROWS).await?;
                self.tell(News::Older(older)).await?;
            }
            Effect::ReadLatest => {
                let latest = self.session.page(None, PAGE_ROWS).await?;
                self.tell(News::Latest(latest)).await?;
            }
            Effect::ReadAround(spot) => {
                let around = self.session.around(spot, PAGE_ROWS).await?;
                self.tell(News::Around(spot, around)).await?;
            }
            Effect::Search(words) => {
                let found = self.session.search(&words, &AnyChannel::default(), FOUND_MAX).await?;
                self.tell(News::Found(found)).await?;
            }
            Effect::Invite => self.invite().await?,
            Effect::Rename(nick) => {
                self.session.set_nick(&nick)?;
                let nick = self.session.nick().clone();
                self.model.note(&format!("you are {nick} from now on"));
                self.tell(News::Nick(nick)).await?;
            }
            Effect::OpenRoom(at) => return Ok(Next::Open(at)),
            Effect::Copy(text) => {
                self.terminal.copy(&text)?;
                self.model.note("on the clipboard, if your terminal does that");
            }
            Effect::Bell => self.terminal.ring()?,
            Effect::MarkRead(spot) => self.session.mark_read(spot)?,
            Effect::Redraw => self.terminal.clear(self.model.size)?,
            Effect::Suspend => self.stop()?,
            Effect::Quit => return Ok(Next::Leave),
        }
        Ok(Next::GoOn)
    }

    async fn send(&mut self, channel: &str, text: &str) -> Result<(), Failure> {
        match self.session.append(channel, text).await {
            Ok(_) => self.read_on().await,
            // The user can put this right himself.
            Err(failure) if failure.exit() == ExitCode::BadInput => {
                if let Some(report) = failure.report() {
                    self.model.note(&format!("not sent: {}", report.message()));
                }
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    async fn invite(&mut self) -> Result<(), Failure> {
        let (profile, room) = (self.session.profile(), self.session.room());
        let ticket = invite_to(profile, room, self.session.listening());
        let invite = match (ticket, room.access()) {
            (Some(ticket), _) => Invite {
                text: sanitize::line(&ticket, INVITE_COLUMNS_MAX),
                picture: qr::picture(&ticket).unwrap_or_default(),
                warning: "anyone with this can read the whole history",
            },
            (None, Access::Open { name }) => Invite {
                text: sanitize::line(&format!("multichat join --open {name}"), INVITE_COLUMNS_MAX),
                picture: Vec::new(),
                warning: "an open room: anyone who knows its name can join and read all of it",
            },
            (None, Access::Secret(_)) => return Ok(()),
        };
        self.tell(News::Invite(invite)).await
    }

    /// Who is here, and who has what.
    async fn look(&mut self) -> Result<(), Failure> {
        let status = self.session.node().sync_status().await;
        let status = status.map_err(|error| self.session.failed(error))?;
        let progress = Progress {
            have: status.have,
            want: status.want,
            peers: status.peers as u64,
            synced: status.synced as u64,
        };
        self.tell(News::Progress(progress)).await?;
        let peers = self.session.node().peers().await;
        let peers = peers.map_err(|error| self.session.failed(error))?;
        let held = self.session.node().holders(self.session.feed()).await;
        let held = held.map_err(|error| self.session.failed(error))?;
        let length = |connection| {
            held.iter().find(|(id, _)| *id == connection).map_or(0, |(_, length)| *length)
        };
        let lengths = peers.iter().map(|peer| (peer.remote.0, length(peer.connection)));
        self.tell(News::Held(lengths.collect())).await?;
        let links = peers.iter().map(|peer| Link {
            name: sanitize::line(&peer_name(&peer.remote), ROOM_NAME_COLUMNS_MAX),
            address: self.address(peer.connection),
            is_synced: peer.is_synced,
        });
        let links = links.collect();
        self.tell(News::Links(links)).await?;
        let elsewhere = self.model.spread.elsewhere();
        if elsewhere > self.elsewhere {
            self.elsewhere = elsewhere;
            self.session.mark_elsewhere(elsewhere)?;
        }
        Ok(())
    }

    fn address(&self, connection: multifeed_core::ConnectionId) -> String {
        let peer = self.session.links().peer(connection);
        peer.map_or(String::new(), |(_, addr)| addr.to_string())
    }

    fn waiting(&self) -> u64 {
        self.model.log.own_length().saturating_sub(self.model.spread.elsewhere())
    }
}
