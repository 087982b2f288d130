//! Reads standard input by line on its own thread.

use std::io::BufRead;
use std::thread;

use tokio::sync::mpsc as channel;

use crate::exit::ExitCode;
use crate::report::Failure;

/// Typed lines that wait to be processed; further input waits. Chosen: bounds memory.
pub const LINES_MAX: usize = 16;

/// An input of the user.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A line.
    Line(String),
    /// Ctrl-C in the editor.
    Interrupt,
    /// The end of the input.
    End,
}

/// Standard input, read by line on its own thread.
pub struct StdinLines(channel::Receiver<Input>);

impl StdinLines {
    /// Starts reading. A longer line is returned in parts.
    ///
    /// # Errors
    /// Fails if a thread cannot be started.
    pub fn open(line_bytes_max: usize) -> Result<Self, Failure> {
        let (typed, lines) = channel::channel(LINES_MAX);
        spawn("multichat-input", move || {
            let mut input = std::io::stdin().lock();
            loop {
                let mut line = Vec::new();
                let most = line_bytes_max as u64;
                let read = std::io::Read::take(&mut input, most).read_until(b'\n', &mut line);
                let input = match read {
                    Ok(0) | Err(_) => Input::End,
                    Ok(_) => {
                        let text = String::from_utf8_lossy(&line);
                        Input::Line(text.trim_end_matches(['\n', '\r']).to_string())
                    }
                };
                let is_end = input == Input::End;
                if typed.blocking_send(input).is_err() || is_end {
                    return;
                }
            }
        })?;
        Ok(Self(lines))
    }

    /// Returns the next line. Cancel-safe.
    pub async fn next(&mut self) -> Input {
        self.0.recv().await.unwrap_or(Input::End)
    }
}

/// Starts a thread with a name.
///
/// # Errors
/// Fails if the system has no randomness.
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    thread::Builder::new().name(name.into()).spawn(work).map(|_| ()).map_err(|error| {
        Failure::new(ExitCode::Failed, "chat.thread", format!("cannot start a thread: {error}"))
    })
}
