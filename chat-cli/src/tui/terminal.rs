//! Takes over the terminal, draws on it, and restores it.
//!
//! Rule: the terminal is restored first whenever the program ends or stops: at exit, failure,
//! panic or signal. Besides [`crate::output`], only this file writes to stdout.

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

/// Input events that wait to be processed; further input waits. Chosen: bounds memory.
const EVENTS_MAX: usize = 64;
/// The longest text that is copied to the clipboard. Chosen: many terminals ignore longer OSC 52
/// sequences.
const CLIPBOARD_BYTES_MAX: usize = 64 * 1024;
/// The control character that rings the bell.
pub(super) const BELL: &str = "\u{7}";
/// The control sequence that clears the terminal.
pub(super) const CLEAR: &str = "\u{1b}[2J";

/// Whether the terminal is taken over.
static ACTIVE: AtomicBool = AtomicBool::new(false);

/// A terminal that is taken over until this is dropped.
pub struct Terminal {
    canvas: Canvas<CrosstermBackend<Stdout>>,
    events: mpsc::Receiver<Event>,
}

impl Terminal {
    /// Takes over the terminal.
    ///
    /// # Errors
    /// Fails if there is no terminal or it has closed.
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

    /// Returns its size.
    ///
    /// # Errors
    /// Fails if it has closed.
    pub fn size(&self) -> Result<Size, Failure> {
        let (width, height) = terminal::size().map_err(failed)?;
        // Some terminals do not know their size and report 0.
        Ok(Size { width: width.max(1), height: height.max(1) })
    }

    /// Returns the next input event; `None` if the terminal has closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Returns an input event that is already there.
    pub fn next_now(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Draws the changes.
    ///
    /// # Errors
    /// Fails if the terminal has closed.
    pub fn draw(&mut self, model: &Model) -> Result<(), Failure> {
        self.canvas.draw(|frame| view::draw(model, frame)).map(|_| ()).map_err(failed)
    }

    /// Makes the next frame a complete one, for a terminal of this size.
    ///
    /// # Errors
    /// Fails if the terminal has closed.
    pub fn clear(&mut self, size: Size) -> Result<(), Failure> {
        // `Canvas::clear` asks the terminal for the cursor position, and the input thread would
        // read the answer.
        execute!(io::stdout(), Clear(ClearType::All)).map_err(failed)?;
        self.canvas = canvas(size, io::stdout()).map_err(failed)?;
        Ok(())
    }

    /// Writes what another process has drawn for this terminal.
    ///
    /// # Errors
    /// Fails if the terminal has closed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        write(bytes).map_err(failed)
    }

    /// Rings the bell.
    ///
    /// # Errors
    /// Fails if the terminal has closed.
    pub fn ring(&mut self) -> Result<(), Failure> {
        write(BELL.as_bytes()).map_err(failed)
    }

    /// Copies text to the clipboard if the terminal supports OSC 52; also works over ssh.
    ///
    /// # Errors
    /// Fails if the terminal has closed.
    pub fn copy(&mut self, text: &str) -> Result<(), Failure> {
        write(clipboard(text).as_bytes()).map_err(failed)
    }

    /// Restores the terminal, suspends the process, and takes the terminal over again.
    ///
    /// # Errors
    /// Fails if the terminal has closed meanwhile.
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

/// Creates a canvas of a fixed size.
pub(super) fn canvas<W: Write>(size: Size, to: W) -> io::Result<Canvas<CrosstermBackend<W>>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, size.width, size.height));
    Canvas::with_options(CrosstermBackend::new(to), TerminalOptions { viewport })
}

/// Returns the control sequence that copies text to the clipboard (OSC 52).
pub(super) fn clipboard(text: &str) -> String {
    let end = text.floor_char_boundary(CLIPBOARD_BYTES_MAX);
    format!("\u{1b}]52;c;{}\u{7}", BASE64.encode(&text.as_bytes()[..end]))
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    ACTIVE.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste)
}

/// Restores the terminal if it is taken over.
fn restore() {
    if ACTIVE.swap(false, Ordering::SeqCst) {
        // If the terminal has closed, failures do not matter.
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

/// Installs a panic hook that restores the terminal before the panic message is printed.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A panic in a thread of the store does not end the program; the screen stays.
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
    let message = format!("cannot use the terminal: {error}");
    Failure::new(ExitCode::Failed, "terminal", message).help("use line mode:  multichat --ui line")
}

/// Waits for the terminal's stop signal.
#[derive(Debug)]
pub struct StopSignal {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl StopSignal {
    /// Registers for SIGTSTP.
    ///
    /// # Errors
    /// Fails if the system refuses.
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

    /// Waits for the signal; forever on systems without it.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if self.signal.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}
