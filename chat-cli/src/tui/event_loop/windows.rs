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

use crate::attach::Response;
use crate::attach::host::{ClientId, Host};
use crate::attach::submissions::Submissions;
use crate::report::Failure;
use crate::theme::Theme;
use crate::tui::model::{Model, Size};
use crate::tui::terminal::{self, Terminal};
use crate::tui::view;

/// The largest attached window. Chosen: larger than real windows; bounds the size of a frame.
const SIZE_MAX: Size = Size { width: 500, height: 200 };

/// The window of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WindowId {
    /// The terminal of this process.
    Local,
    /// The terminal of an attached process.
    Client(ClientId),
}

/// A window that can be drawn on.
pub(super) trait Window {
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
pub(super) struct Windows {
    /// Our own terminal.
    pub(super) terminal: Terminal,
    /// Accepts attached processes.
    pub(super) host: Host,
    /// Messages sent by processes without a window.
    pub(super) submissions: Submissions,
    clients: BTreeMap<ClientId, ClientWindow>,
}

impl Windows {
    /// Creates the set with our own terminal.
    pub(super) fn new(terminal: Terminal, host: Host) -> Self {
        Self { terminal, host, submissions: Submissions::default(), clients: BTreeMap::new() }
    }

    /// Adds or replaces an attached window; returns the size of its frames.
    ///
    /// # Errors
    /// Fails if there is not enough memory.
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

    /// Removes an attached window.
    pub(super) fn close_client_window(&mut self, id: ClientId) {
        self.clients.remove(&id);
    }

    /// Sends a response other than a frame. A client that does not read misses it.
    pub(super) fn respond(&self, id: ClientId, response: Response) {
        if let Some(client) = self.clients.get(&id) {
            let _ = client.responses.try_send(response);
        }
    }

    /// Returns the attached windows with their sizes and themes.
    pub(super) fn clients(&self) -> Vec<(ClientId, Size, Theme)> {
        self.clients.iter().map(|(id, client)| (*id, client.size, client.theme)).collect()
    }

    /// Returns the window to draw on.
    pub(super) fn screen(&mut self, window: WindowId) -> Option<&mut dyn Window> {
        match window {
            WindowId::Local => Some(&mut self.terminal),
            WindowId::Client(id) => {
                self.clients.get_mut(&id).map(|client| client as &mut dyn Window)
            }
        }
    }
}

/// Limits the size of a window.
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

/// An attached window: frames become bytes that the other process writes to its terminal.
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

/// The bytes of the next frame. There is at most one, because the next frame is drawn only after
/// these bytes are taken.
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
