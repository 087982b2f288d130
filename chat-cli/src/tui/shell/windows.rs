//! Holds the windows of a room: our own terminal, and those of attached processes.
//!
//! Rule: a slow window blocks nothing: it skips frames and gets the newest one later.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::rc::Rc;

use ratatui::Terminal as Canvas;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc;

use crate::attach::Tell;
use crate::attach::host::{GuestId, Host};
use crate::attach::submissions::Sends;
use crate::report::Failure;
use crate::theme::Theme;
use crate::tui::model::{Model, Size};
use crate::tui::terminal::{self, Terminal};
use crate::tui::view;

/// The largest attached window. Chosen: larger than real windows; bounds the size of a frame.
const SIZE_MAX: Size = Size { width: 500, height: 200 };

/// The window of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seat {
    /// The terminal of this process.
    Own,
    /// The terminal of an attached process.
    Guest(GuestId),
}

/// A window that can be drawn on.
pub(super) trait Screen {
    /// Draws the changes.
    ///
    /// # Errors
    /// Fails if our own terminal has closed.
    fn draw(&mut self, model: &Model) -> Result<(), Failure>;
    /// Makes the next frame a complete one, for a window of this size.
    ///
    /// # Errors
    /// Fails if our own terminal has closed.
    fn clear(&mut self, size: Size) -> Result<(), Failure>;
    /// Rings the bell.
    ///
    /// # Errors
    /// Fails if our own terminal has closed.
    fn ring(&mut self) -> Result<(), Failure>;
    /// Copies text to the clipboard of that window's user.
    ///
    /// # Errors
    /// Fails if our own terminal has closed.
    fn copy(&mut self, text: &str) -> Result<(), Failure>;
}

/// All windows. They stay open when the room changes.
pub(super) struct Desk {
    /// Our own terminal.
    pub(super) terminal: Terminal,
    /// Accepts attached processes.
    pub(super) host: Host,
    /// Messages sent by processes without a window.
    pub(super) sends: Sends,
    guests: BTreeMap<GuestId, Remote>,
}

impl Desk {
    /// Creates the set with our own terminal.
    pub(super) fn new(terminal: Terminal, host: Host) -> Self {
        Self { terminal, host, sends: Sends::default(), guests: BTreeMap::new() }
    }

    /// Adds or replaces an attached window; returns the size of its frames.
    ///
    /// # Errors
    /// Fails if there is not enough memory.
    pub(super) fn seat(
        &mut self,
        id: GuestId,
        size: Size,
        theme: Theme,
        tells: mpsc::Sender<Tell>,
    ) -> Result<Size, Failure> {
        let size = bounded(size);
        self.guests.insert(id, Remote::new(size, theme, tells)?);
        Ok(size)
    }

    /// Removes an attached window.
    pub(super) fn leave(&mut self, id: GuestId) {
        self.guests.remove(&id);
    }

    /// Sends a response other than a frame. A client that does not read misses it.
    pub(super) fn tell(&self, id: GuestId, told: Tell) {
        if let Some(guest) = self.guests.get(&id) {
            let _ = guest.tells.try_send(told);
        }
    }

    /// Returns the attached windows with their sizes and themes.
    pub(super) fn guests(&self) -> Vec<(GuestId, Size, Theme)> {
        self.guests.iter().map(|(id, guest)| (*id, guest.size, guest.theme)).collect()
    }

    /// Returns the window to draw on.
    pub(super) fn screen(&mut self, seat: Seat) -> Option<&mut dyn Screen> {
        match seat {
            Seat::Own => Some(&mut self.terminal),
            Seat::Guest(id) => self.guests.get_mut(&id).map(|guest| guest as &mut dyn Screen),
        }
    }
}

/// Limits the size of a window.
pub(super) fn bounded(size: Size) -> Size {
    let (width, height) = (size.width.min(SIZE_MAX.width), size.height.min(SIZE_MAX.height));
    Size { width, height }
}

impl Screen for Terminal {
    fn draw(&mut self, model: &Model) -> Result<(), Failure> {
        Terminal::draw(self, model)
    }

    fn clear(&mut self, size: Size) -> Result<(), Failure> {
        Terminal::clear(self, size)
    }

    fn ring(&mut self) -> Result<(), Failure> {
        Terminal::ring(self)
    }

    fn copy(&mut self, text: &str) -> Result<(), Failure> {
        Terminal::copy(self, text)
    }
}

/// An attached window: frames become bytes that the other process writes to its terminal.
struct Remote {
    canvas: Canvas<CrosstermBackend<Ink>>,
    ink: Ink,
    size: Size,
    theme: Theme,
    tells: mpsc::Sender<Tell>,
}

impl Remote {
    fn new(size: Size, theme: Theme, tells: mpsc::Sender<Tell>) -> Result<Self, Failure> {
        let ink = Ink::default();
        let canvas = terminal::canvas(size, ink.clone()).map_err(terminal::failed)?;
        Ok(Self { canvas, ink, size, theme, tells })
    }

    fn write(&mut self, text: &str) {
        self.ink.0.borrow_mut().extend_from_slice(text.as_bytes());
    }
}

impl Screen for Remote {
    fn draw(&mut self, model: &Model) -> Result<(), Failure> {
        let Ok(place) = self.tells.try_reserve() else { return Ok(()) };
        self.canvas.draw(|frame| view::draw(model, frame)).map_err(terminal::failed)?;
        let bytes = std::mem::take(&mut *self.ink.0.borrow_mut());
        place.send(Tell::Draw(bytes));
        Ok(())
    }

    fn clear(&mut self, size: Size) -> Result<(), Failure> {
        self.size = bounded(size);
        self.write(terminal::CLEAR);
        self.canvas = terminal::canvas(self.size, self.ink.clone()).map_err(terminal::failed)?;
        Ok(())
    }

    fn ring(&mut self) -> Result<(), Failure> {
        self.write(terminal::BELL);
        Ok(())
    }

    fn copy(&mut self, text: &str) -> Result<(), Failure> {
        self.write(&terminal::clipboard(text));
        Ok(())
    }
}

/// The bytes of the next frame. There is at most one, because the next frame is drawn only after
/// these bytes are taken.
#[derive(Clone, Debug, Default)]
struct Ink(Rc<RefCell<Vec<u8>>>);

impl Write for Ink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
