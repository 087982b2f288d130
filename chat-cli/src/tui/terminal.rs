//! The terminal: taken over, drawn on, and given back as it was.
//!
//! Rule: whatever ends the program gives the terminal back first: its end, a failure, a crash, a
//! signal, a stop. It is the one place beside [`crate::output`] that writes to stdout.

use std::io::{self, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use data_encoding::BASE64;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
    Event,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::layout::Rect;
use ratatui::{Terminal as Canvas, TerminalOptions, Viewport};
use tokio::sync::mpsc;

use super::model::{Model, Size};
use super::view;
use crate::exit::ExitCode;
use crate::report::Failure;

/// What was typed and not looked at yet. Whoever types faster waits.
const EVENTS_MAX: usize = 64;
/// The longest text that is put on a clipboard: more is cut off by terminals.
const CLIPBOARD_BYTES_MAX: usize = 64 * 1024;
/// What lets a terminal ring.
pub(super) const BELL: &str = "\u{7}";
/// What makes a terminal empty.
pub(super) const CLEAR: &str = "\u{1b}[2J";

/// Whether the terminal is ours at the moment.
static ACTIVE: AtomicBool = AtomicBool::new(false);

/// A terminal that is ours until this is dropped.
pub struct Terminal {
    canvas: Canvas<CrosstermBackend<Stdout>>,
    events: mpsc::Receiver<Event>,
}

impl Terminal {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// If there is none, or it is gone.
    pub fn open() -> Result<Self, Failure> {
        restore_on_panic();
        enter().map_err(failed)?;
        let (width, height) = terminal::size().map_err(failed)?;
        let canvas = canvas(Size { width, height }, io::stdout()).map_err(failed)?;
        let (typed, events) = mpsc::channel(EVENTS_MAX);
        let read = move || {
            while let Ok(event) = event::read() {
                if typed.blocking_send(event).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("multichat-input".into());
        thread.spawn(read).map_err(failed)?;
        Ok(Self { canvas, events })
    }

    /// How large it is.
    ///
    /// # Errors
    /// If it is gone.
    pub fn size(&self) -> Result<Size, Failure> {
        let (width, height) = terminal::size().map_err(failed)?;
        Ok(Size { width, height })
    }

    /// What the user did next; `None` when the terminal is gone. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// What the user has done already.
    pub fn next_now(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Draws what has changed.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn draw(&mut self, model: &Model) -> Result<(), Failure> {
        self.canvas.draw(|frame| view::draw(model, frame)).map(|_| ()).map_err(failed)
    }

    /// Draws everything the next time, whatever stands there, in a terminal of this size.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn clear(&mut self, size: Size) -> Result<(), Failure> {
        // The canvas could clear itself, but it asks the terminal where the cursor is, and the
        // thread that reads what is typed would take the answer.
        execute!(io::stdout(), Clear(ClearType::All)).map_err(failed)?;
        self.canvas = canvas(size, io::stdout()).map_err(failed)?;
        Ok(())
    }

    /// Writes what another process has drawn for this terminal.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        write(bytes).map_err(failed)
    }

    /// Lets it ring.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn ring(&mut self) -> Result<(), Failure> {
        write(BELL.as_bytes()).map_err(failed)
    }

    /// Puts text on the clipboard, where the terminal does that (OSC 52); also over ssh.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn copy(&mut self, text: &str) -> Result<(), Failure> {
        write(clipboard(text).as_bytes()).map_err(failed)
    }

    /// Gives the terminal back, stops until the shell lets us go on, and takes it over again.
    ///
    /// # Errors
    /// If the terminal is gone by then.
    pub fn suspend(&mut self) -> Result<(), Failure> {
        restore();
        #[cfg(unix)]
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP)
            .map_err(|error| failed(error.into()))?;
        enter().map_err(failed)?;
        self.clear(self.size()?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// A canvas that keeps its size until it is told of another one.
pub(super) fn canvas<W: Write>(size: Size, to: W) -> io::Result<Canvas<CrosstermBackend<W>>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, size.width, size.height));
    Canvas::with_options(CrosstermBackend::new(to), TerminalOptions { viewport })
}

/// What puts text on the clipboard, where the terminal does that (OSC 52).
pub(super) fn clipboard(text: &str) -> String {
    let end = text.floor_char_boundary(CLIPBOARD_BYTES_MAX);
    format!("\u{1b}]52;c;{}\u{7}", BASE64.encode(&text.as_bytes()[..end]))
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    ACTIVE.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste)
}

/// Makes the terminal what it was, if it is ours.
fn restore() {
    if ACTIVE.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing.
        let _ = execute!(
            io::stdout(),
            DisableBracketedPaste,
            DisableMouseCapture,
            LeaveAlternateScreen,
            ratatui::crossterm::cursor::Show
        );
        let _ = disable_raw_mode();
    }
}

/// Before a crash says anything, so that it can be read.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // The threads of the store crash alone: the room is told, and stays on the screen.
            if !crate::output::is_store_thread() {
                restore();
            }
            previous_hook(panic);
        }));
    });
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

pub(super) fn failed(error: io::Error) -> Failure {
    let message = format!("the terminal cannot be used: {error}");
    Failure::new(ExitCode::Failed, "terminal", message)
        .help("use plain lines:  multichat --ui line")
}

/// Waits for the signal of the terminal that asks to stop.
#[derive(Debug)]
pub struct StopSignal {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl StopSignal {
    /// Takes over SIGTSTP.
    ///
    /// # Errors
    /// If the system does not let us.
    pub fn listen() -> Result<Self, Failure> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let kind = SignalKind::from_raw(libc::SIGTSTP);
            Ok(Self { signal: signal(kind).map_err(failed)? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for it; for ever where there is no such thing.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if self.signal.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}
