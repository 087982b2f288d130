//! Implements the process that attaches to another one.

use std::path::Path;

use tokio::sync::mpsc;

use super::{Refusal, Request, Response};
use crate::envelope;
use crate::exit::ExitCode;
use crate::report::Failure;

/// A connection to the process that has the profile open.
#[derive(Debug)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    responses: mpsc::Receiver<Response>,
}

impl Client {
    /// Connects; `None` if no process listens there.
    #[cfg(unix)]
    pub async fn connect(socket: &Path) -> Option<Self> {
        let stream = tokio::net::UnixStream::connect(socket).await.ok()?;
        let (read, write) = stream.into_split();
        let (requests, responses) = super::wire::spawn_pumps(read, write);
        Some(Self { requests, responses })
    }

    /// Returns `None`: this system has no Unix sockets.
    #[cfg(not(unix))]
    pub async fn connect(_: &Path) -> Option<Self> {
        None
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Exit 1 if the host has closed the connection.
    pub async fn request(&self, request: Request) -> Result<(), Failure> {
        self.requests.send(request).await.map_err(|_| host_gone())
    }

    /// Returns the next response; `None` if the host has closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Response> {
        self.responses.recv().await
    }
}

/// Returns the failure to report when the host has closed.
pub fn host_gone() -> Failure {
    Failure::new(ExitCode::Failed, "attach.gone", "the process that had the room open has exited")
        .help("everything reported as stored is safe; start again:  multichat")
}

/// Returns the failure to report when the host does not answer.
pub fn host_silent() -> Failure {
    Failure::new(ExitCode::Failed, "attach.silent", "the process that has the room does not answer")
        .help("before you resend it, check in that window whether the message is stored")
}

/// Converts a refusal to a failure for the user.
pub fn refusal_failure(refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::OtherRoom(open) => {
            let message =
                format!("this profile is open in another process, in the room \"{open}\"");
            Failure::new(ExitCode::InUse, "store.locked", message)
                .help("switch rooms in that window, or close it first")
        }
        Refusal::NoScreen => {
            let message = "this profile is open in a process without a screen";
            Failure::new(ExitCode::InUse, "store.locked", message)
                .help("to send through it:  multichat send TEXT")
                .help("to open the room here, stop that process first")
        }
        Refusal::Sealed => envelope::sealed_room_failure(),
        Refusal::NotStored(why) => {
            let message = format!("the message was not stored: {why}");
            Failure::new(ExitCode::Failed, "message.refused", message)
                .help("check the process that has the room open")
        }
    }
}
