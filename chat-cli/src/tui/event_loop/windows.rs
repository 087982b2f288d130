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

use crate::attach::Response;
use crate::attach::host::{ClientId, Host};
use crate::attach::submissions::Submissions;
use crate::report::Failure;
use crate::theme::Theme;
use crate::tui::model::{Model, Size};
use crate::tui::terminal::{self, Terminal};
use crate::tui::view;

/// The largest window of a guest: its pictures have a bound.
const SIZE_MAX: Size = Size { width: 500, height: 200 };

/// Where a model is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WindowId {
    /// On the terminal of this process.
    Local,
    /// On the terminal of another one.
    Client(ClientId),
}

/// Something that can be drawn on.
pub(super) trait Window {
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
pub(super) struct Windows {
    /// Our own.
    pub(super) terminal: Terminal,
    /// Those who come.
    pub(super) host: Host,
    /// What they send without a window.
    pub(super) submissions: Submissions,
    clients: BTreeMap<ClientId, ClientWindow>,
}

impl Windows {
    /// Our own terminal, and a door for guests.
    pub(super) fn new(terminal: Terminal, host: Host) -> Self {
        Self { terminal, host, submissions: Submissions::default(), clients: BTreeMap::new() }
    }

    /// One more window, or the same one anew; gives the size that its pictures have.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(super) fn open_client_window(
        &mut self,
        id: ClientId,
        size: Size,
        theme: Theme,
        responses: mpsc::Sender<Response>,
    ) -> Result<Size, Failure> {
        let size = bounded(size);
        self.clients.insert(id, ClientWindow::new(size, theme, responses)?);
        Ok(size)
    }

    /// The window of a guest is gone.
    pub(super) fn close_client_window(&mut self, id: ClientId) {
        self.clients.remove(&id);
    }

    /// Tells a guest something else than what to draw. A guest that does not read misses it.
    pub(super) fn respond(&self, id: ClientId, response: Response) {
        if let Some(client) = self.clients.get(&id) {
            let _ = client.responses.try_send(response);
        }
    }

    /// Every guest with its window's size and colours.
    pub(super) fn clients(&self) -> Vec<(ClientId, Size, Theme)> {
        self.clients.iter().map(|(id, client)| (*id, client.size, client.theme)).collect()
    }

    /// The screen of a window.
    pub(super) fn screen(&mut self, window: WindowId) -> Option<&mut dyn Window> {
        match window {
            WindowId::Local => Some(&mut self.terminal),
            WindowId::Client(id) => {
                self.clients.get_mut(&id).map(|client| client as &mut dyn Window)
            }
        }
    }
}

/// The size of a window as far as it is drawn.
pub(super) fn bounded(size: Size) -> Size {
    let (width, height) = (size.width.min(SIZE_MAX.width), size.height.min(SIZE_MAX.height));
    Size { width, height }
}

impl Window for Terminal {
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
struct ClientWindow {
    canvas: Canvas<CrosstermBackend<OutputBuffer>>,
    buffer: OutputBuffer,
    size: Size,
    theme: Theme,
    responses: mpsc::Sender<Response>,
}

impl ClientWindow {
    fn new(size: Size, theme: Theme, responses: mpsc::Sender<Response>) -> Result<Self, Failure> {
        let buffer = OutputBuffer::default();
        let canvas = terminal::canvas(size, buffer.clone()).map_err(terminal::failed)?;
        Ok(Self { canvas, buffer, size, theme, responses })
    }

    fn write(&mut self, text: &str) {
        self.buffer.0.borrow_mut().extend_from_slice(text.as_bytes());
    }
}

impl Window for ClientWindow {
    fn draw(&mut self, model: &Model) -> Result<(), Failure> {
        let Ok(place) = self.responses.try_reserve() else { return Ok(()) };
        self.canvas.draw(|frame| view::draw(model, frame)).map_err(terminal::failed)?;
        let bytes = std::mem::take(&mut *self.buffer.0.borrow_mut());
        place.send(Response::Draw(bytes));
        Ok(())
    }

    fn clear(&mut self, size: Size) -> Result<(), Failure> {
        self.size = bounded(size);
        self.write(terminal::CLEAR);
        self.canvas = terminal::canvas(self.size, self.buffer.clone()).map_err(terminal::failed)?;
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
struct OutputBuffer(Rc<RefCell<Vec<u8>>>);

impl Write for OutputBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
