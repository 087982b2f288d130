//! Where lines come from and where they go: the terminal's line editor, or plain streams.
//!
//! Rule: a line that arrives never tears the one that is being typed. On a terminal the editor
//! alone writes, and it knows where the cursor stands.

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

/// Lines of the input history that are kept, in memory alone: they are what people said.
const HISTORY_MAX: usize = 200;

/// Where lines come from and go to.
pub(super) enum Console {
    /// A terminal with a line editor.
    EditorConsole(EditorConsole),
    /// Streams.
    PlainConsole(PlainConsole),
}

/// A line editor on a thread of its own, and one more that prints above it.
pub(super) struct EditorConsole {
    lines: channel::Receiver<Input>,
    /// Hands the editor its prompt; it reads no line without one.
    prompts: mpsc::Sender<String>,
    printer: mpsc::Sender<String>,
    _restore: Restore,
}

/// Standard input, line by line, with the output that belongs to it.
pub(super) struct PlainConsole {
    lines: StdinLines,
    output: Output,
}

impl Console {
    /// The editor where a person types on a terminal, plain streams elsewhere.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(super) fn open(output: &Output) -> Result<Self, Failure> {
        let people = output.terminals.stdin && output.terminals.stdout;
        let is_text = output.format == crate::output::Format::Text;
        // A terminal that cannot move its cursor gets plain lines.
        if people
            && is_text
            && let Some(terminal) = EditorConsole::open()?
        {
            return Ok(Self::EditorConsole(terminal));
        }
        // A line that is too long is refused as a message; here it only must not fill memory.
        let lines = StdinLines::open(TEXT_BYTES_MAX * 2)?;
        Ok(Self::PlainConsole(PlainConsole { lines, output: *output }))
    }

    /// Whether what was typed stays on the screen.
    pub(super) fn echoes_input(&self) -> bool {
        matches!(self, Self::EditorConsole(_))
    }

    /// Lets the user type the next line, behind this prompt.
    pub(super) fn prompt(&self, prompt: &str) {
        if let Self::EditorConsole(terminal) = self {
            // An editor that has ended says so by the end of its lines.
            let _ = terminal.prompts.send(prompt.to_string());
        }
    }

    /// What the user typed next. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Input {
        match self {
            Self::EditorConsole(terminal) => terminal.lines.recv().await.unwrap_or(Input::End),
            Self::PlainConsole(plain) => plain.lines.next().await,
        }
    }

    /// Shows lines of data: messages.
    ///
    /// # Errors
    /// If nobody reads them any more.
    pub(super) fn data(&self, lines: &[String]) -> Result<(), Failure> {
        match self {
            Self::EditorConsole(terminal) => {
                terminal.print(lines);
                Ok(())
            }
            Self::PlainConsole(plain) => lines.iter().try_for_each(|line| plain.output.data(line)),
        }
    }

    /// Shows a line of talk, of ours.
    ///
    /// # Errors
    /// If it cannot be written.
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
                        // Only a full memory keeps a line out of the history.
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
            // A printer that has ended leaves nobody to print to.
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

/// Puts the terminal back as it was, also when the editor is still reading: a signal or a failure
/// ends the program in the middle of a line.
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
            // Without a terminal any more there is nothing to put back.
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, before);
        }
    }
}
