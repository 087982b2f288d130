//! Implements a second window: sends input to the process that has the room open, and writes what
//! that process draws.

use super::model::Size;
use super::terminal::{StopSignal, Terminal};
use crate::attach::client::Guest;
use crate::attach::{Ask, Tell, client};
use crate::exit::ExitCode;
use crate::output::Output;
use crate::report::{Failure, Paint};
use crate::signals::Signals;

/// Shows the room until the user leaves or the other process ends.
///
/// # Errors
/// Fails if that process has no screen or has exited; after a signal, with its exit code.
pub async fn run(mut guest: Guest, output: &Output) -> Result<(), Failure> {
    let mut signals = Signals::take()?;
    let mut stop = StopSignal::take()?;
    let mut terminal = Terminal::take()?;
    let Size { width, height } = terminal.size()?;
    let has_colours = output.data_paint == Paint::Colour;
    guest.ask(Ask::Window { width, height, has_colours }).await?;
    loop {
        tokio::select! {
            event = terminal.next() => {
                let event = event.ok_or_else(|| Failure::quiet(ExitCode::Terminated))?;
                guest.ask(Ask::Input(event)).await?;
            }
            told = guest.next() => match told {
                Some(Tell::Draw(bytes)) => terminal.write(&bytes)?,
                Some(Tell::Stop) => pause(&mut terminal, &guest).await?,
                Some(Tell::Refused(refusal)) => return Err(client::refused(&refusal)),
                Some(Tell::Bye) => return Ok(()),
                Some(Tell::Stored { .. } | Tell::Reached(_)) => {}
                None => return Err(client::gone()),
            },
            code = signals.next() => return Err(Failure::quiet(code)),
            () = stop.next() => pause(&mut terminal, &guest).await?,
        }
    }
}

/// Suspends the process. Afterwards the window is redrawn, as its size may have changed.
async fn pause(terminal: &mut Terminal, guest: &Guest) -> Result<(), Failure> {
    terminal.stop()?;
    let Size { width, height } = terminal.size()?;
    guest.ask(Ask::Input(ratatui::crossterm::event::Event::Resize(width, height))).await
}
