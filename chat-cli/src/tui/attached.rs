//! Implements a second window: sends input to the process that has the room open, and writes what
//! that process draws.

use super::model::Size;
use super::terminal::{StopSignal, Terminal};
use crate::attach::client::Client;
use crate::attach::{Request, Response, client};
use crate::exit::ExitCode;
use crate::output::Output;
use crate::report::{ColourMode, Failure};
use crate::signals::Signals;

/// Shows the room until the user leaves or the other process ends.
///
/// # Errors
/// Fails if that process has no screen or has exited; after a signal, with its exit code.
pub async fn run(mut client: Client, output: &Output) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let mut stop = StopSignal::listen()?;
    let mut terminal = Terminal::open()?;
    let mut size = terminal.size()?;
    let Size { width, height } = size;
    let has_colours = output.stdout_colour == ColourMode::Colour;
    client.request(Request::Window { width, height, has_colours }).await?;
    loop {
        // The terminal's events come later, or not at all if its size changes again.
        if terminal.size()? != size {
            size = terminal.size()?;
            client.request(resize(size)).await?;
        }
        tokio::select! {
            event = terminal.next() => {
                let event = event.ok_or_else(|| Failure::quiet(ExitCode::Terminated))?;
                client.request(Request::Input(event)).await?;
            }
            response = client.next() => match response {
                Some(Response::Draw(bytes)) => terminal.write(&bytes)?,
                Some(Response::Stop) => suspend(&mut terminal, &client).await?,
                Some(Response::Refused(refusal)) => return Err(client::refusal_failure(&refusal)),
                Some(Response::Bye) => return Ok(()),
                Some(Response::Stored { .. } | Response::Delivery(_)) => {}
                None => return Err(client::host_gone()),
            },
            code = signals.next() => return Err(Failure::quiet(code)),
            () = stop.next() => suspend(&mut terminal, &client).await?,
        }
    }
}

/// Suspends the process. Afterwards the window is redrawn, as its size may have changed.
async fn suspend(terminal: &mut Terminal, client: &Client) -> Result<(), Failure> {
    terminal.suspend()?;
    client.request(resize(terminal.size()?)).await
}

fn resize(Size { width, height }: Size) -> Request {
    Request::Input(ratatui::crossterm::event::Event::Resize(width, height))
}
