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

use crate::exit::ExitCode;
use crate::message::TEXT_BYTES_MAX;
use crate::output::Output;
use crate::report::Failure;
use crate::stdin::{Input, LINES_MAX, Lines, spawn};

/// Lines of the input history that are kept, in memory alone: they are what people said.
const HISTORY_MAX: usize = 200;

/// Where lines come from and go to.
pub enum Screen {
    /// A terminal with a line editor.
    Terminal(Terminal),
    /// Streams.
    Plain(Plain),
}

/// A line editor on a thread of its own, and one more that prints above it.
pub struct Terminal {
    lines: channel::Receiver<Input>,
    /// Hands the editor its prompt; it reads no line without one.
    prompts: mpsc::Sender<String>,
    printer: mpsc::Sender<String>,
    _restore: Restore,
}

/// Standard input, line by line, with the output that belongs to it.
pub struct Plain {
    lines: Lines,
    output: Output,
}

impl Screen {
    /// The editor where a person types on a terminal, plain streams elsewhere.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn open(output: &Output) -> Result<Self, Failure> {
        let people = output.terminals.input && output.terminals.data;
        let is_text = output.format == crate::output::Format::Text;
        // A terminal that cannot move its cursor gets plain lines.
        if people
            && is_text
            && let Some(terminal) = Terminal::open()?
        {
            return Ok(Self::Terminal(terminal));
        }
        // A line that is too long is refused as a message; here it only must not fill memory.
        let lines = Lines::of_stdin(TEXT_BYTES_MAX * 2)?;
        Ok(Self::Plain(Plain { lines, output: *output }))
    }

    /// Whether what was typed stays on the screen.
    pub fn echoes(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// Lets the user type the next line, behind this prompt.
    pub fn prompt(&self, prompt: &str) {
        if let Self::Terminal(terminal) = self {
            // An editor that has ended says so by the end of its lines.
            let _ = terminal.prompts.send(prompt.to_string());
        }
    }

    /// What the user typed next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Input {
        match self {
            Self::Terminal(terminal) => terminal.lines.recv().await.unwrap_or(Input::End),
            Self::Plain(plain) => plain.lines.next().await,
        }
    }

    /// Shows lines of data: messages.
    ///
    /// # Errors
    /// If nobody reads them any more.
    pub fn data(&self, lines: &[String]) -> Result<(), Failure> {
        match self {
            Self::Terminal(terminal) => {
                terminal.print(lines);
                Ok(())
            }
            Self::Plain(plain) => lines.iter().try_for_each(|line| plain.output.data(line)),
        }
    }

    /// Shows a line of talk, of ours.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn say(&self, line: &str) -> Result<(), Failure> {
        match self {
            Self::Terminal(terminal) => {
                terminal.print(&[format!("\u{1b}[2m  · {line}\u{1b}[0m")]);
                Ok(())
            }
            Self::Plain(plain) => plain.output.say(line),
        }
    }
}

impl Terminal {
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
