//! The process that came second.

use std::path::Path;

use tokio::sync::mpsc;

use super::{Refusal, Request, Response};
use crate::envelope;
use crate::exit::ExitCode;
use crate::report::Failure;

/// A line to the process that has the profile.
#[derive(Debug)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    responses: mpsc::Receiver<Response>,
}

impl Client {
    /// Comes in; `None` if nobody listens there.
    #[cfg(unix)]
    pub async fn connect(socket: &Path) -> Option<Self> {
        let stream = tokio::net::UnixStream::connect(socket).await.ok()?;
        let (read, write) = stream.into_split();
        let (requests, responses) = super::wire::spawn_pumps(read, write);
        Some(Self { requests, responses })
    }

    /// Comes in; `None` if nobody listens there, which nobody can on this system.
    #[cfg(not(unix))]
    pub async fn connect(_: &Path) -> Option<Self> {
        None
    }

    /// Asks for something.
    ///
    /// # Errors
    /// Exit 1 if the host is gone.
    pub async fn request(&self, request: Request) -> Result<(), Failure> {
        self.requests.send(request).await.map_err(|_| host_gone())
    }

    /// What the host tells next; `None` when it is gone. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Response> {
        self.responses.recv().await
    }
}

/// What to tell when the host ended meanwhile.
pub fn host_gone() -> Failure {
    Failure::new(ExitCode::Failed, "attach.gone", "the process that had the room open has ended")
        .help("what it said to be stored is stored; start again:  multichat")
}

/// What to tell when the host does not answer.
pub fn host_silent() -> Failure {
    Failure::new(ExitCode::Failed, "attach.silent", "the process that has the room does not answer")
        .help("before you send it again, see there whether the message is stored")
}

/// What a refusal means to the user.
pub fn refusal_failure(refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::OtherRoom(open) => {
            let message =
                format!("this profile is open in another process, in the room \"{open}\"");
            Failure::new(ExitCode::InUse, "store.locked", message)
                .help("go to the other room there, or end that process first")
        }
        Refusal::NoScreen => {
            let message = "this profile is open in a process that shows no screen";
            Failure::new(ExitCode::InUse, "store.locked", message)
                .help("messages can be sent through it:  multichat send TEXT")
                .help("to open the room here, end that process first")
        }
        Refusal::Sealed => envelope::sealed_room_failure(),
        Refusal::NotStored(why) => {
            let message = format!("the message was not stored: {why}");
            Failure::new(ExitCode::Failed, "message.refused", message)
                .help("look at the process that has the room open")
        }
    }
}
