//! Connects the model to a room and a terminal.
//!
//! Rule: it passes events to the model and performs its effects; [`super::model`] decides what is
//! shown. Each window has its own model; all of them show one room.

mod perform;
mod windows;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::windows::{Desk, Seat, bounded};
use super::model::people::Link;
use super::model::room_info::About;
use super::model::{Model, News, Progress, Size};
use super::terminal::{StopSignal, Terminal};
use crate::args::Global;
use crate::attach::host::{GuestId, Host, Said};
use crate::attach::{Ask, Tell};
use crate::connections::peer_name;
use crate::delivery::messages;
use crate::exit::ExitCode;
use crate::logging;
use crate::output::{Output, Talk};
use crate::profile::Profile;
use crate::profile::room::{ROOM_NAME_COLUMNS_MAX, Room};
use crate::report::{Failure, Paint};
use crate::sanitize;
use crate::session::Session;
use crate::session::events::grows;
use crate::session::search::Search;
use crate::signals::Signals;
use crate::theme::Theme;

/// Messages loaded at once. Chosen: several screens.
const PAGE_ROWS: usize = 200;
/// How often delivery and peers are checked without events. Chosen: as often as a person notices.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The delay of that check after an event. Chosen: combines bursts of events, and is not noticed.
const LOOK_SOON: Duration = Duration::from_millis(100);
/// The time between frames during many events: 30 a second. Input is drawn at once.
const FRAME_EVERY: Duration = Duration::from_millis(33);

/// Opens a room, and other rooms that the user switches to, until the user leaves.
///
/// # Errors
/// Fails if a room cannot be opened or its store fails; after a signal, with its exit code.
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
    // Before the terminal is taken over, so that a failure of the first room is printed as usual.
    let mut session = open(global, profile, room, &quiet).await?;
    // If the path is too long for a socket, no second window is possible.
    let host = crate::attach::host::socket(global)?.and_then(|path| Host::open(&path).ok());
    let mut desk = match Terminal::take() {
        Ok(terminal) => Desk::new(terminal, host.unwrap_or_else(Host::closed)),
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    loop {
        let mut shell = match Shell::new(session, &mut desk, output, global).await {
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
                drop(desk);
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
    global: &'a Global,
    desk: &'a mut Desk,
    /// The model of each window.
    models: BTreeMap<Seat, Model>,
    has_network: bool,
    /// The rooms, in the order of the models.
    rooms: Vec<Room>,
    /// The saved length of our feed that another peer holds.
    elsewhere: u64,
    /// Whether there may be unread messages in the store.
    is_behind: bool,
    /// Whether topics may have changed.
    has_topics: bool,
    /// The running search, with its window.
    search: Option<(Seat, Search)>,
    /// Whether the screen must be redrawn.
    is_stale: bool,
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
        desk: &'a mut Desk,
        output: &Output,
        global: &'a Global,
    ) -> Result<Self, (Session, Failure)> {
        let rooms = match session.profile().rooms() {
            Ok(found) => found.rooms,
            Err(failure) => return Err((session, failure)),
        };
        let (models, has_network) = (BTreeMap::new(), session.has_network(global));
        let (elsewhere, is_behind, has_topics, search, is_stale) = (0, false, true, None, true);
        let mut shell = Self {
            session,
            global,
            desk,
            models,
            has_network,
            rooms,
            elsewhere,
            is_behind,
            has_topics,
            search,
            is_stale,
        };
        match shell.seat_all(output).await {
            Ok(()) => Ok(shell),
            Err(failure) => Err((shell.session, failure)),
        }
    }

    /// Creates a model for every window, including windows of the previous room.
    async fn seat_all(&mut self, output: &Output) -> Result<(), Failure> {
        self.session.catch_up().await?;
        let theme = match output.data_paint {
            Paint::Colour => self.theme(),
            Paint::Plain => Theme::Plain,
        };
        let size = self.desk.terminal.size()?;
        self.seat(Seat::Own, size, theme).await?;
        for (guest, size, theme) in self.desk.guests() {
            self.seat(Seat::Guest(guest), size, theme).await?;
        }
        Ok(())
    }

    async fn seat(&mut self, seat: Seat, size: Size, theme: Theme) -> Result<(), Failure> {
        let name = |room: &Room| sanitize::line(room.name(), ROOM_NAME_COLUMNS_MAX);
        let about = About {
            room: name(self.session.room()),
            rooms: self.rooms.iter().map(name).collect(),
            nick: self.session.nick().clone(),
            key: self.session.key().0,
            zone: TimeZone::system(),
            has_network: self.has_network,
        };
        let marks = self.session.marks()?;
        let mut model = Model::new(about, size, theme, marks.read);
        model.look = self.session.look();
        model.spread.before = marks.elsewhere;
        self.elsewhere = self.elsewhere.max(marks.elsewhere);
        model.update(News::Latest(self.session.page(None, PAGE_ROWS).await?));
        model.update(News::Missing(self.session.missing()?));
        if !self.has_network {
            model.note("offline: messages are stored here. Go online with --peer or --listen");
        }
        if let Some(addr) = self.session.listening() {
            model.note(&format!("listening on {addr}"));
        }
        if matches!(seat, Seat::Guest(_)) {
            model.note("second window: the room is also open in the first one");
        }
        self.models.insert(seat, model);
        if let Some(screen) = self.desk.screen(seat) {
            screen.clear(size)?;
        }
        self.is_stale = true;
        Ok(())
    }

    /// Runs until the user leaves or switches to the returned room.
    async fn talk(
        &mut self,
        signals: &mut Signals,
        stop: &mut StopSignal,
    ) -> Result<Option<Room>, Failure> {
        let mut due = Instant::now();
        let mut frame = Instant::now();
        loop {
            if Instant::now() >= due {
                self.look().await?;
                due = Instant::now() + LOOK_EVERY;
            }
            if self.is_stale && Instant::now() >= frame {
                self.tell_topics().await?;
                self.draw()?;
                frame = Instant::now() + FRAME_EVERY;
            }
            let until = if self.is_stale { due.min(frame) } else { due };
            // Input comes first, and reading the store last and in parts, so no key waits while
            // many messages arrive.
            let next = tokio::select! {
                biased;
                code = signals.next() => return Err(Failure::quiet(code)),
                () = stop.next() => {
                    self.stop()?;
                    Next::GoOn
                }
                event = self.desk.terminal.next() => {
                    let event = event.ok_or_else(|| Failure::quiet(ExitCode::Terminated))?;
                    frame = Instant::now();
                    self.typed(event).await?
                }
                said = self.desk.host.next() => {
                    frame = Instant::now();
                    self.said(said).await?
                }
                () = sleep_until(until) => Next::GoOn,
                next = self.session.next() => {
                    let (event, change) = next.ok_or_else(|| self.session.ended())?;
                    if let Some(change) = change {
                        self.tell(&News::Note(change.text()))?;
                    }
                    due = due.min(Instant::now() + LOOK_SOON);
                    self.is_behind |= grows(&event);
                    Next::GoOn
                }
                () = std::future::ready(()), if self.is_behind => {
                    self.read_on().await?;
                    Next::GoOn
                }
                () = std::future::ready(()), if self.search.is_some() => {
                    self.search_on().await?;
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

    fn draw(&mut self) -> Result<(), Failure> {
        for (seat, model) in &self.models {
            if let Some(screen) = self.desk.screen(*seat) {
                screen.draw(model)?;
            }
        }
        self.is_stale = false;
        Ok(())
    }

    /// Handles all pending input before the next frame.
    async fn typed(&mut self, event: ratatui::crossterm::event::Event) -> Result<Next, Failure> {
        let mut event = Some(event);
        while let Some(one) = event {
            match self.input(Seat::Own, one).await? {
                Next::GoOn => {}
                next => return Ok(next),
            }
            event = self.desk.terminal.next_now();
        }
        Ok(Next::GoOn)
    }

    async fn input(
        &mut self,
        seat: Seat,
        event: ratatui::crossterm::event::Event,
    ) -> Result<Next, Failure> {
        self.is_stale = true;
        let effects = self.models.get_mut(&seat).map(|model| model.input(event));
        for effect in effects.unwrap_or_default() {
            match self.perform(seat, effect).await? {
                Next::GoOn => {}
                next => return Ok(next),
            }
        }
        Ok(Next::GoOn)
    }

    /// Handles an event of an attached client.
    async fn said(&mut self, (id, said): (GuestId, Said)) -> Result<Next, Failure> {
        if matches!(said, Said::Left) {
            self.leave(id);
        }
        let length = self.session.own_length()?;
        let asked = self.desk.sends.take(&self.session, (id, said)).await?;
        // A message that a client has sent belongs to our feed.
        self.is_behind |= self.session.own_length()? >= length;
        match asked {
            Some((Ask::Window { width, height, has_colours }, tells)) => {
                self.welcome(id, Size { width, height }, has_colours, tells).await?;
                Ok(Next::GoOn)
            }
            Some((Ask::Input(event), _)) => self.input(Seat::Guest(id), limited(event)).await,
            _ => Ok(Next::GoOn),
        }
    }

    async fn welcome(
        &mut self,
        id: GuestId,
        size: Size,
        has_colours: bool,
        tells: mpsc::Sender<Tell>,
    ) -> Result<(), Failure> {
        let theme = if has_colours { self.theme() } else { Theme::Plain };
        let size = self.desk.seat(id, size, theme, tells)?;
        self.seat(Seat::Guest(id), size, theme).await?;
        self.look().await
    }

    /// Returns the theme of a terminal with colours.
    fn theme(&self) -> Theme {
        self.session.look().theme.unwrap_or(Theme::Dark)
    }

    fn leave(&mut self, id: GuestId) {
        self.desk.leave(id);
        self.models.remove(&Seat::Guest(id));
    }

    /// Suspends the process. The size of the window may have changed afterwards.
    fn stop(&mut self) -> Result<(), Failure> {
        self.desk.terminal.stop()?;
        let size = self.desk.terminal.size()?;
        if let Some(model) = self.models.get_mut(&Seat::Own) {
            model.size = size;
        }
        self.is_stale = true;
        Ok(())
    }

    /// Reads the next new messages.
    async fn read_on(&mut self) -> Result<(), Failure> {
        let step = self.session.step().await?;
        self.is_behind = step.more;
        self.has_topics |= !step.entries.is_empty();
        self.tell(&News::Came(step.entries))?;
        if !step.more {
            let missing = self.session.missing()?;
            self.tell(&News::Missing(missing))?;
        }
        Ok(())
    }

    /// Sends an event to the model of every window and performs immediate effects.
    fn tell(&mut self, news: &News) -> Result<(), Failure> {
        let seats: Vec<Seat> = self.models.keys().copied().collect();
        seats.into_iter().try_for_each(|seat| self.tell_one(seat, news.clone()))
    }

    /// Updates progress, peers and delivery in all windows.
    async fn look(&mut self) -> Result<(), Failure> {
        let status = self.session.node().sync_status().await;
        let status = status.map_err(|error| self.session.failed(error))?;
        let progress = Progress {
            have: status.have,
            want: status.want,
            peers: status.peers as u64,
            synced: status.synced as u64,
        };
        self.tell(&News::Progress(progress))?;
        let peers = self.session.node().peers().await;
        let peers = peers.map_err(|error| self.session.failed(error))?;
        let held = self.session.node().holders(self.session.feed()).await;
        let held = held.map_err(|error| self.session.failed(error))?;
        let length = |connection| {
            held.iter().find(|(id, _)| *id == connection).map_or(0, |(_, length)| *length)
        };
        let lengths = peers.iter().map(|peer| (peer.remote.0, length(peer.connection)));
        self.tell(&News::Held(lengths.collect()))?;
        let links = peers.iter().map(|peer| Link {
            name: sanitize::line(&peer_name(&peer.remote), ROOM_NAME_COLUMNS_MAX),
            address: self.address(peer.connection),
            is_synced: peer.is_synced,
        });
        let links = links.collect();
        self.tell(&News::Links(links))?;
        self.desk.sends.look(&self.session).await?;
        let elsewhere = self.own().map_or(0, |model| model.spread.elsewhere());
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
        self.own()
            .map_or(0, |model| model.log.own_length().saturating_sub(model.spread.elsewhere()))
    }

    /// Returns the model of our own window.
    fn own(&self) -> Option<&Model> {
        self.models.get(&Seat::Own)
    }
}

/// Limits the size of an attached window.
fn limited(event: ratatui::crossterm::event::Event) -> ratatui::crossterm::event::Event {
    use ratatui::crossterm::event::Event;
    match event {
        Event::Resize(width, height) => {
            let size = bounded(Size { width, height });
            Event::Resize(size.width, size.height)
        }
        event => event,
    }
}
