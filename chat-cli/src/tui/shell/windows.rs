//! The windows on a room: our own terminal, and those of guests.
//!
//! Rule: a window that does not take what is drawn keeps nobody waiting: it misses pictures, and
//! gets the newest one later.

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

/// The largest window of a guest: its pictures have a bound.
const SIZE_MAX: Size = Size { width: 500, height: 200 };

/// Where a model is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seat {
    /// On the terminal of this process.
    Own,
    /// On the terminal of another one.
    Guest(GuestId),
}

/// Something that can be drawn on.
pub(super) trait Screen {
    /// Draws what has changed.
    ///
    /// # Errors
    /// If our own terminal is gone.
    fn draw(&mut self, model: &Model) -> Result<(), Failure>;
    /// Draws everything the next time, in a window of this size.
    ///
    /// # Errors
    /// If our own terminal is gone.
    fn clear(&mut self, size: Size) -> Result<(), Failure>;
    /// Lets it ring.
    ///
    /// # Errors
    /// If our own terminal is gone.
    fn ring(&mut self) -> Result<(), Failure>;
    /// Puts text on the clipboard of whoever sits there.
    ///
    /// # Errors
    /// If our own terminal is gone.
    fn copy(&mut self, text: &str) -> Result<(), Failure>;
}

/// All windows. They stay while rooms are opened and closed.
pub(super) struct Desk {
    /// Our own.
    pub(super) terminal: Terminal,
    /// Those who come.
    pub(super) host: Host,
    /// What they send without a window.
    pub(super) sends: Sends,
    guests: BTreeMap<GuestId, Remote>,
}

impl Desk {
    /// Our own terminal, and a door for guests.
    pub(super) fn new(terminal: Terminal, host: Host) -> Self {
        Self { terminal, host, sends: Sends::default(), guests: BTreeMap::new() }
    }

    /// One more window, or the same one anew; gives the size that its pictures have.
    ///
    /// # Errors
    /// If there is no memory for it.
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

    /// The window of a guest is gone.
    pub(super) fn leave(&mut self, id: GuestId) {
        self.guests.remove(&id);
    }

    /// Tells a guest something else than what to draw. A guest that does not read misses it.
    pub(super) fn tell(&self, id: GuestId, told: Tell) {
        if let Some(guest) = self.guests.get(&id) {
            let _ = guest.tells.try_send(told);
        }
    }

    /// Every guest with its window's size and colours.
    pub(super) fn guests(&self) -> Vec<(GuestId, Size, Theme)> {
        self.guests.iter().map(|(id, guest)| (*id, guest.size, guest.theme)).collect()
    }

    /// The screen of a seat.
    pub(super) fn screen(&mut self, seat: Seat) -> Option<&mut dyn Screen> {
        match seat {
            Seat::Own => Some(&mut self.terminal),
            Seat::Guest(id) => self.guests.get_mut(&id).map(|guest| guest as &mut dyn Screen),
        }
    }
}

/// The size of a window as far as it is drawn.
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

/// The window of a guest: pictures become bytes, which that process writes to its terminal.
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

/// Bytes that wait for the next picture: one picture at most, since nothing is drawn before they
/// are taken.
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
