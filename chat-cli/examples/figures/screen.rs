//! Draws the screen of a room without a terminal.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent};
use jiff::tz::TimeZone;
use multichat::sanitize;
use multichat::session::Session;
use multichat::theme::Theme;
use multichat::timeline::Entry;
use multichat::tui::model::log::{CHANNELS_MAX, RoomSummary};
use multichat::tui::model::room_info::RoomInfo;
use multichat::tui::model::{Model, ModelEvent, Size};
use multichat::tui::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::{Done, failed};

const SIZE: Size = Size { width: 120, height: 40 };
/// The rows that the program loads for its first frame.
const PAGE_MESSAGES: usize = 200;

/// A model with its frame.
pub(crate) struct Screen {
    pub(crate) model: Model,
    terminal: Terminal<TestBackend>,
}

impl Screen {
    pub(crate) async fn new(session: &Session) -> Done<Self> {
        let name = sanitize::line(session.room().name(), 40);
        let room_info = RoomInfo {
            rooms: vec![name.clone()],
            room: name,
            nick: session.nick().clone(),
            key: session.key().0,
            zone: TimeZone::UTC,
            has_network: true,
        };
        let mut model = Model::new(room_info, SIZE, Theme::Dark, None);
        model.update(ModelEvent::Opened(RoomSummary {
            channels: session.channel_names(CHANNELS_MAX).await.map_err(failed)?,
            recent: session.page(None, PAGE_MESSAGES).await.map_err(failed)?,
            own_length: session.own_length().map_err(failed)?,
        }));
        let latest = session.channel_page(&model.channel, None, PAGE_MESSAGES).await;
        model.update(ModelEvent::Latest(latest.map_err(failed)?));
        let terminal = Terminal::new(TestBackend::new(SIZE.width, SIZE.height))?;
        Ok(Self { model, terminal })
    }

    pub(crate) fn draw(&mut self) -> Done<()> {
        self.terminal.draw(|frame| view::draw(&self.model, frame))?;
        Ok(())
    }

    /// Types one key and draws the frame.
    pub(crate) fn key(&mut self) -> Done<()> {
        self.model.input(Event::Key(KeyEvent::from(KeyCode::Char('x'))));
        self.draw()
    }

    /// Returns the time from each key to its frame, with these messages in the model.
    pub(crate) fn keys(&mut self, entries: Vec<Entry>, count: usize) -> Done<Vec<Duration>> {
        self.model.update(ModelEvent::NewMessages(entries));
        let mut times = Vec::with_capacity(count);
        for number in 0..count {
            // Keeps the line at a usual length.
            if number % 80 == 0 {
                self.model.input_line.set("");
            }
            let start = Instant::now();
            self.key()?;
            times.push(start.elapsed());
        }
        Ok(times)
    }
}
