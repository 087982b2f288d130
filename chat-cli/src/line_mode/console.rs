//! Reads and prints lines: through the terminal's line editor, or on plain streams.
//!
//! Rule: an incoming line never breaks the line being typed. On a terminal only the editor
//! writes, because it knows the cursor position.

use std::sync::mpsc;

use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor, ExternalPrinter};
use tokio::sync::mpsc as channel;

use crate::message::TEXT_BYTES_MAX;
use crate::output::Output;
use crate::report::Failure;
use crate::stdin::{Input, LINES_MAX, StdinLines, spawn};

/// Input lines kept in the editor's history, in memory only because they are private. Chosen: as
/// many as a person scrolls back.
const HISTORY_MAX: usize = 200;

/// The source of input lines and the destination of output lines.
pub(super) enum Console {
    /// A terminal with a line editor.
    EditorConsole(EditorConsole),
    /// Plain streams.
    PlainConsole(PlainConsole),
}

/// A line editor on its own thread, and a second thread that prints above it.
pub(super) struct EditorConsole {
    lines: channel::Receiver<Input>,
    /// Gives the editor its prompt; it reads no line without one.
    prompts: mpsc::Sender<String>,
    printer: mpsc::Sender<String>,
    _restore: Restore,
}

/// Standard input by line, with its output.
pub(super) struct PlainConsole {
    lines: StdinLines,
    output: Output,
}

impl Console {
    /// Opens the editor if a person types on a terminal, plain streams otherwise.
    ///
    /// # Errors
    /// Fails if a thread cannot be started.
    pub(super) fn open(output: &Output) -> Result<Self, Failure> {
        let people = output.terminals.stdin && output.terminals.stdout;
        let is_text = output.format == crate::output::Format::Text;
        // A terminal that cannot move its cursor uses plain lines.
        if people
            && is_text
            && let Some(terminal) = EditorConsole::open()?
        {
            return Ok(Self::EditorConsole(terminal));
        }
        // This bound only limits memory. A message that is too long is refused later.
        let lines = StdinLines::open(TEXT_BYTES_MAX * 2)?;
        Ok(Self::PlainConsole(PlainConsole { lines, output: *output }))
    }

    /// Returns whether typed lines stay on the screen.
    pub(super) fn echoes_input(&self) -> bool {
        matches!(self, Self::EditorConsole(_))
    }

    /// Shows a prompt and lets the user type the next line.
    pub(super) fn prompt(&self, prompt: &str) {
        if let Self::EditorConsole(terminal) = self {
            // If the editor has ended, the next line reports the end of the input.
            let _ = terminal.prompts.send(prompt.to_string());
        }
    }

    /// Returns the next input. Cancel-safe.
    pub(super) async fn next(&mut self) -> Input {
        match self {
            Self::EditorConsole(terminal) => terminal.lines.recv().await.unwrap_or(Input::End),
            Self::PlainConsole(plain) => plain.lines.next().await,
        }
    }

    /// Prints lines of data: messages.
    ///
    /// # Errors
    /// Fails if the reader of the output has closed.
    pub(super) fn data(&self, lines: &[String]) -> Result<(), Failure> {
        match self {
            Self::EditorConsole(terminal) => {
                terminal.print(lines);
                Ok(())
            }
            Self::PlainConsole(plain) => lines.iter().try_for_each(|line| plain.output.data(line)),
        }
    }

    /// Prints a status line.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub(super) fn say(&self, line: &str) -> Result<(), Failure> {
        match self {
            Self::EditorConsole(terminal) => {
                terminal.print(&[format!("\u{1b}[2m  · {line}\u{1b}[0m")]);
                Ok(())
            }
            Self::PlainConsole(plain) => plain.output.say(line),
        }
    }
}

impl EditorConsole {
    fn open() -> Result<Option<Self>, Failure> {
        let restore = Restore::new();
        let (typed, lines) = channel::channel(LINES_MAX);
        let (prompts, prompts_out) = mpsc::channel::<String>();
        let (printer, printer_out) = mpsc::channel::<String>();
        let (ready, is_ready) = mpsc::channel();
        let edit = move || {
            let Ok(mut editor) = editor() else { return };
            let Ok(external) = editor.create_external_printer() else { return };
            if ready.send(external).is_err() {
                return;
            }
            for prompt in prompts_out {
                let (input, goes_on) = match editor.readline(&prompt) {
                    Ok(line) => {
                        // Fails only if memory runs out; then the history lacks this line.
                        let _ = editor.add_history_entry(&line);
                        (Input::Line(line), true)
                    }
                    Err(ReadlineError::Interrupted) => (Input::Interrupt, true),
                    Err(_) => (Input::End, false),
                };
                if typed.blocking_send(input).is_err() || !goes_on {
                    return;
                }
            }
        };
        spawn("multichat-editor", edit)?;
        let Ok(mut external) = is_ready.recv() else { return Ok(None) };
        spawn("multichat-printer", move || {
            for text in printer_out {
                if external.print(text).is_err() {
                    return;
                }
            }
        })?;
        Ok(Some(Self { lines, prompts, printer, _restore: restore }))
    }

    fn print(&self, lines: &[String]) {
        if !lines.is_empty() {
            // If the printer has ended, the terminal has closed.
            let _ = self.printer.send(format!("{}\n", lines.join("\n")));
        }
    }
}

fn editor() -> rustyline::Result<Editor<(), MemHistory>> {
    let config = Config::builder().build();
    let mut editor = Editor::with_history(config, MemHistory::new())?;
    editor.set_max_history_size(HISTORY_MAX)?;
    editor.set_auto_add_history(false);
    Ok(editor)
}

/// Restores the terminal's mode when dropped. Needed because a signal or a failure can end the
/// program while the editor is reading.
struct Restore {
    #[cfg(unix)]
    before: Option<nix::sys::termios::Termios>,
}

impl Restore {
    fn new() -> Self {
        Self {
            #[cfg(unix)]
            before: nix::sys::termios::tcgetattr(std::io::stdin()).ok(),
        }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            use nix::sys::termios::{SetArg, tcsetattr};
            // If the terminal has closed, there is no mode to restore.
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, before);
        }
    }
}
