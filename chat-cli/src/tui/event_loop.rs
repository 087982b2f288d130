//! Connects the model to a room and a terminal.
//!
//! Rule: it passes events to the model and performs its effects; [`super::model`] decides what is
//! shown. Each window has its own model; all of them show one room.

mod effects;
mod failure_state;
mod failures;
mod page;
mod windows;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::failure_state::{FailureState, InputDrafts};
use self::page::Page;
use self::windows::{WindowId, Windows, bounded};
use super::model::log::{CHANNELS_MAX, RoomSummary};
use super::model::people::PeerRow;
use super::model::room_info::RoomInfo;
use super::model::{Model, ModelEvent, Progress, Size};
use super::terminal::{StopSignal, Terminal};
use crate::args::Global;
use crate::attach::host::{ClientEvent, ClientId, Host};
use crate::attach::{Request, Response};
use crate::connections::peer_name;
use crate::delivery::your_messages;
use crate::exit::ExitCode;
use crate::logging;
use crate::output::{Output, Verbosity};
use crate::profile::Profile;
use crate::profile::room::{ROOM_NAME_COLUMNS_MAX, Room};
use crate::report::{ColourMode, Failure};
use crate::sanitize;
use crate::session::Session;
use crate::session::events::may_add_messages;
use crate::session::search::Search;
use crate::signals::Signals;
use crate::theme::Theme;

/// Messages loaded at once. Chosen: several screens.
const PAGE_MESSAGES: usize = 200;
/// How often delivery and peers are checked without events. Chosen: as often as a person notices.
const REFRESH_INTERVAL: Duration = Duration::from_secs(1);
/// The delay of that check after an event. Chosen: combines bursts of events, and is not noticed.
const REFRESH_DELAY: Duration = Duration::from_millis(100);
/// The note in a room without a network.
const OFFLINE_NOTE: &str =
    "offline: your messages wait here. To go online, start with  --lan  or  --peer HOST:PORT";
/// The time between frames during many events: 30 a second. Input is drawn at once.
const FRAME_INTERVAL: Duration = Duration::from_millis(33);

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
    let mut signals = Signals::listen()?;
    let mut stop = StopSignal::listen()?;
    logging::start(global, logging::LogTarget::File, &profile)?;
    let quiet = Output { verbosity: Verbosity::Quiet, ..*output };
    let (mut profile, mut room) = (profile, room);
    // Before the terminal is taken over, so that a failure of the first room is printed as usual.
    let mut session = open(global, profile, room, &quiet).await?;
    // If the path is too long for a socket, no second window is possible.
    let host = crate::attach::host::socket_path(global)?.and_then(|path| Host::open(&path).ok());
    let mut windows = match Terminal::open() {
        Ok(terminal) => Windows::new(terminal, host.unwrap_or_else(Host::closed)),
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    let mut drafts = InputDrafts::new();
    let mut note: Option<String> = None;
    loop {
        let opened = EventLoop::new(session, &mut windows, output, global, drafts).await;
        let mut event_loop = match opened {
            Ok(event_loop) => event_loop,
            Err((session, failure)) => {
                session.close().await;
                return Err(failure);
            }
        };
        if let Some(note) = note.take() {
            event_loop.note(WindowId::Local, &note);
        }
        let done = event_loop.run(&mut signals, &mut stop).await;
        let waiting = event_loop.waiting();
        let previous = event_loop.session.room().clone();
        drafts = match &done {
            Ok(Some(next)) if next.id() == previous.id() => event_loop.input_drafts(),
            _ => InputDrafts::new(),
        };
        profile = event_loop.session.close().await;
        match done {
            Ok(Some(next)) => room = next,
            ended => {
                drop(windows);
                if waiting > 0 {
                    let waiting = your_messages(waiting);
                    output.say(&format!("{waiting} stored here and not yet on any peer"))?;
                }
                return ended.map(|_| ());
            }
        }
        (session, note) = match switch(global, profile, room, previous, &quiet).await {
            Ok(opened) => opened,
            Err(failure) => {
                drop(windows);
                drafts.values().try_for_each(|draft| draft.print(output))?;
                return Err(failure);
            }
        };
    }
}

/// Opens another room, or the previous one again with a note if that fails.
async fn switch(
    global: &Global,
    mut profile: Profile,
    room: Room,
    previous: Room,
    output: &Output,
) -> Result<(Session, Option<String>), Failure> {
    let is_other = room.id() != previous.id();
    // A profile in memory ends with its session.
    let can_return = is_other && profile.feeds_path(previous.id()).is_some();
    let opened = match profile.set_last_room(room.id()) {
        Ok(()) => open(global, profile, room, output).await,
        Err(failure) => {
            drop(profile);
            Err(failure)
        }
    };
    match opened {
        Ok(session) => Ok((session, None)),
        Err(failure) if can_return => {
            let note = failure.report().map(|report| report.message().to_string());
            let session = open(global, Profile::open(global)?, previous, output).await?;
            Ok((session, note))
        }
        Err(failure) => Err(failure),
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

struct EventLoop<'a> {
    session: Session,
    global: &'a Global,
    windows: &'a mut Windows,
    /// The model of each window.
    models: BTreeMap<WindowId, Model>,
    has_network: bool,
    /// The rooms, in the order of the models.
    rooms: Vec<Room>,
    /// The saved length of our feed that another peer holds.
    replicated: u64,
    /// Whether there may be unread messages in the store.
    is_behind: bool,
    /// Whether topics may have changed.
    has_topics: bool,
    /// The running search, with its window.
    search: Option<(WindowId, Search)>,
    /// Whether the screen must be redrawn.
    is_stale: bool,
    failures: FailureState,
}

/// When to check delivery and peers, and when to draw the next frame.
struct Schedule {
    due: Instant,
    frame: Instant,
}

/// Whether the room stays open.
enum Flow {
    Continue,
    Leave,
    Open(usize),
    /// Close and open the same room, as its store has failed.
    Reopen,
}

impl<'a> EventLoop<'a> {
    async fn new(
        session: Session,
        windows: &'a mut Windows,
        output: &Output,
        global: &'a Global,
        drafts: InputDrafts,
    ) -> Result<Self, (Session, Failure)> {
        let rooms = match session.profile().rooms() {
            Ok(found) => found.rooms,
            Err(failure) => return Err((session, failure)),
        };
        let (models, has_network) = (BTreeMap::new(), session.has_network(global));
        let (replicated, is_behind, has_topics, search, is_stale) = (0, false, true, None, true);
        let mut event_loop = Self {
            session,
            global,
            windows,
            models,
            has_network,
            rooms,
            replicated,
            is_behind,
            has_topics,
            search,
            is_stale,
            failures: FailureState::default(),
        };
        match event_loop.open_windows(output, drafts).await {
            Ok(()) => Ok(event_loop),
            Err(failure) => Err((event_loop.session, failure)),
        }
    }

    /// Creates a model for every window, including windows of the previous room.
    async fn open_windows(&mut self, output: &Output, drafts: InputDrafts) -> Result<(), Failure> {
        self.session.catch_up().await?;
        let theme = match output.stdout_colour {
            ColourMode::Colour => self.theme(),
            ColourMode::Plain => Theme::Plain,
        };
        let size = self.windows.terminal.size()?;
        self.open_window(WindowId::Local, size, theme).await?;
        for (client, size, theme) in self.windows.clients() {
            self.open_window(WindowId::Client(client), size, theme).await?;
        }
        self.restore_inputs(drafts).await
    }

    async fn open_window(
        &mut self,
        window: WindowId,
        size: Size,
        theme: Theme,
    ) -> Result<(), Failure> {
        let name = |room: &Room| room.label(&self.rooms);
        let room_info = RoomInfo {
            room: name(self.session.room()),
            rooms: self.rooms.iter().map(name).collect(),
            nick: self.session.nick().clone(),
            key: self.session.key().0,
            zone: TimeZone::system(),
            has_network: self.has_network,
        };
        let local_state = self.session.local_state()?;
        let mut model = Model::new(room_info, size, theme, local_state.read);
        model.appearance = self.session.appearance();
        model.delivery.before = local_state.replicated;
        self.replicated = self.replicated.max(local_state.replicated);
        model.update(ModelEvent::Opened(RoomSummary {
            channels: self.session.channel_names(CHANNELS_MAX).await?,
            recent: self.session.page(None, PAGE_MESSAGES).await?,
            own_length: self.session.own_length()?,
        }));
        model.update(ModelEvent::Missing(self.session.missing()?));
        if !self.has_network {
            model.note(OFFLINE_NOTE);
        }
        if let Some(addr) = self.session.listening() {
            model.note(&format!("listening on {addr}"));
        }
        if matches!(window, WindowId::Client(_)) {
            model.note("second window: the room is also open in the first one");
        }
        self.models.insert(window, model);
        self.read(window, Page::Latest).await?;
        if let Some(screen) = self.windows.screen(window) {
            screen.clear(size)?;
        }
        self.is_stale = true;
        Ok(())
    }

    /// Runs until the user leaves or switches to the returned room.
    async fn run(
        &mut self,
        signals: &mut Signals,
        stop: &mut StopSignal,
    ) -> Result<Option<Room>, Failure> {
        let (due, frame) = (Instant::now(), Instant::now());
        let mut schedule = Schedule { due, frame };
        loop {
            let next = match self.turn(signals, stop, &mut schedule).await {
                Ok(next) => next,
                Err(failure) => self.survive(failure)?,
            };
            match next {
                Flow::Continue => {}
                Flow::Leave => return Ok(None),
                Flow::Reopen => return Ok(Some(self.session.room().clone())),
                Flow::Open(at) => {
                    if let Some(room) = self.rooms.get(at) {
                        return Ok(Some(room.clone()));
                    }
                }
            }
        }
    }

    /// Does what is due, and waits for the next event.
    async fn turn(
        &mut self,
        signals: &mut Signals,
        stop: &mut StopSignal,
        schedule: &mut Schedule,
    ) -> Result<Flow, Failure> {
        if Instant::now() >= schedule.due {
            schedule.due = Instant::now() + REFRESH_INTERVAL;
            self.refresh().await?;
        }
        if self.is_stale && Instant::now() >= schedule.frame {
            schedule.frame = Instant::now() + FRAME_INTERVAL;
            // First, so that a failure is on the screen.
            self.draw()?;
            self.refresh_topics().await?;
        }
        let until = if self.is_stale { schedule.due.min(schedule.frame) } else { schedule.due };
        // Input comes first, and reading the store last and in parts, so no key waits while many
        // messages arrive.
        tokio::select! {
            biased;
            code = signals.next() => Err(Failure::quiet(code)),
            () = stop.next() => {
                self.suspend()?;
                Ok(Flow::Continue)
            }
            event = self.windows.terminal.next() => {
                let event = event.ok_or_else(|| Failure::quiet(ExitCode::Terminated))?;
                schedule.frame = Instant::now();
                self.on_input(event).await
            }
            (id, event) = self.windows.host.next() => {
                schedule.frame = Instant::now();
                self.on_client_event(id, event).await
            }
            () = sleep_until(until) => Ok(Flow::Continue),
            next = self.session.next() => {
                let (event, notice) = next.ok_or_else(|| self.session.stopped_failure())?;
                if let Some(notice) = notice {
                    self.notify_all(&ModelEvent::Note(notice.text()))?;
                }
                schedule.due = schedule.due.min(Instant::now() + REFRESH_DELAY);
                self.is_behind |= may_add_messages(&event);
                Ok(Flow::Continue)
            }
            () = std::future::ready(()), if self.is_behind => {
                self.read_on().await?;
                Ok(Flow::Continue)
            }
            () = std::future::ready(()), if self.search.is_some() => {
                self.continue_search().await?;
                Ok(Flow::Continue)
            }
        }
    }

    fn draw(&mut self) -> Result<(), Failure> {
        self.follow_size()?;
        for (window, model) in &self.models {
            if let Some(screen) = self.windows.screen(*window) {
                screen.draw(model)?;
            }
        }
        // The size may have changed while the screen was drawn.
        self.is_stale = self.follow_size()?;
        Ok(())
    }

    /// Adapts our own window to the size of the terminal; returns whether it has changed. The
    /// terminal's events come later, or not at all if its size changes again.
    fn follow_size(&mut self) -> Result<bool, Failure> {
        let size = self.windows.terminal.size()?;
        match self.models.get_mut(&WindowId::Local) {
            Some(model) if model.size != size => {
                model.resize(size);
                self.windows.terminal.clear(size)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Draws a whole window again.
    fn redraw(&mut self, window: WindowId) -> Result<(), Failure> {
        if window == WindowId::Local && self.follow_size()? {
            return Ok(());
        }
        match (self.models.get(&window), self.windows.screen(window)) {
            (Some(model), Some(screen)) => screen.clear(model.size),
            _ => Ok(()),
        }
    }

    /// Handles all pending input before the next frame.
    async fn on_input(&mut self, event: ratatui::crossterm::event::Event) -> Result<Flow, Failure> {
        let mut event = Some(event);
        while let Some(one) = event {
            match self.input(WindowId::Local, one).await? {
                Flow::Continue => {}
                next => return Ok(next),
            }
            event = self.windows.terminal.next_now();
        }
        Ok(Flow::Continue)
    }

    async fn input(
        &mut self,
        window: WindowId,
        event: ratatui::crossterm::event::Event,
    ) -> Result<Flow, Failure> {
        self.is_stale = true;
        let effects = self.models.get_mut(&window).map(|model| model.input(event));
        for effect in effects.unwrap_or_default() {
            match self.perform(window, effect).await? {
                Flow::Continue => {}
                next => return Ok(next),
            }
        }
        Ok(Flow::Continue)
    }

    /// Handles an event of an attached client.
    async fn on_client_event(&mut self, id: ClientId, event: ClientEvent) -> Result<Flow, Failure> {
        if matches!(event, ClientEvent::Disconnected) {
            self.close_client_window(id);
        }
        let length = self.session.own_length()?;
        let request = self.windows.submissions.on_event(&self.session, id, event).await?;
        // A message that a client has sent belongs to our feed.
        self.is_behind |= self.session.own_length()? >= length;
        match request {
            Some((Request::Window { width, height, has_colours }, responses)) => {
                self.open_client_window(id, Size { width, height }, has_colours, responses).await?;
                Ok(Flow::Continue)
            }
            Some((Request::Input(event), _)) => {
                self.input(WindowId::Client(id), bounded_resize(event)).await
            }
            _ => Ok(Flow::Continue),
        }
    }

    async fn open_client_window(
        &mut self,
        id: ClientId,
        size: Size,
        has_colours: bool,
        responses: mpsc::Sender<Response>,
    ) -> Result<(), Failure> {
        let theme = if has_colours { self.theme() } else { Theme::Plain };
        let size = self.windows.open_client_window(id, size, theme, responses)?;
        self.open_window(WindowId::Client(id), size, theme).await?;
        self.refresh().await
    }

    /// Returns the theme of a terminal with colours.
    fn theme(&self) -> Theme {
        self.session.appearance().theme.unwrap_or(Theme::Dark)
    }

    fn close_client_window(&mut self, id: ClientId) {
        self.windows.close_client_window(id);
        self.models.remove(&WindowId::Client(id));
    }

    /// Suspends the process. The size of the window may have changed afterwards.
    fn suspend(&mut self) -> Result<(), Failure> {
        self.windows.terminal.suspend()?;
        self.follow_size()?;
        self.is_stale = true;
        Ok(())
    }

    /// Reads the next new messages.
    async fn read_on(&mut self) -> Result<(), Failure> {
        let step = self.session.step().await?;
        self.is_behind = step.more;
        self.has_topics |= !step.entries.is_empty();
        self.notify_all(&ModelEvent::NewMessages(step.entries))?;
        if !step.more {
            let missing = self.session.missing()?;
            self.notify_all(&ModelEvent::Missing(missing))?;
        }
        Ok(())
    }

    /// Sends an event to the model of every window and performs immediate effects.
    fn notify_all(&mut self, event: &ModelEvent) -> Result<(), Failure> {
        let window_ids: Vec<WindowId> = self.models.keys().copied().collect();
        window_ids.into_iter().try_for_each(|window| self.notify_window(window, event.clone()))
    }

    /// Updates progress, peers and delivery in all windows.
    async fn refresh(&mut self) -> Result<(), Failure> {
        let status = self.session.node().sync_status().await;
        let status = status.map_err(|error| self.session.failed(error))?;
        let progress = Progress {
            have: status.have,
            want: status.want,
            peers: status.peers as u64,
            synced: status.synced as u64,
        };
        self.notify_all(&ModelEvent::Progress(progress))?;
        let peers = self.session.node().peers().await;
        let peers = peers.map_err(|error| self.session.failed(error))?;
        let held = self.session.node().holders(self.session.feed()).await;
        let held = held.map_err(|error| self.session.failed(error))?;
        let length = |connection| {
            held.iter().find(|(id, _)| *id == connection).map_or(0, |(_, length)| *length)
        };
        let lengths = peers.iter().map(|peer| (peer.remote.0, length(peer.connection)));
        self.notify_all(&ModelEvent::PeerLengths(lengths.collect()))?;
        let rows = peers.iter().map(|peer| PeerRow {
            name: sanitize::line(&peer_name(&peer.remote), ROOM_NAME_COLUMNS_MAX),
            address: self.address(peer.connection),
            is_synced: peer.is_synced,
        });
        let rows = rows.collect();
        self.notify_all(&ModelEvent::Peers(rows))?;
        self.windows.submissions.update(&self.session).await?;
        let replicated = self.own().map_or(0, |model| model.delivery.replicated());
        if replicated > self.replicated {
            self.replicated = replicated;
            self.session.mark_replicated(replicated)?;
        }
        Ok(())
    }

    fn address(&self, connection: multifeed_core::ConnectionId) -> String {
        let peer = self.session.connections().peer(connection);
        peer.map_or(String::new(), |(_, addr)| addr.to_string())
    }

    fn waiting(&self) -> u64 {
        self.own()
            .map_or(0, |model| model.log.own_length().saturating_sub(model.delivery.replicated()))
    }

    /// Returns the model of our own window.
    fn own(&self) -> Option<&Model> {
        self.models.get(&WindowId::Local)
    }
}

/// Limits the size of an attached window.
fn bounded_resize(event: ratatui::crossterm::event::Event) -> ratatui::crossterm::event::Event {
    use ratatui::crossterm::event::Event;
    match event {
        Event::Resize(width, height) => {
            let size = bounded(Size { width, height });
            Event::Resize(size.width, size.height)
        }
        event => event,
    }
}
